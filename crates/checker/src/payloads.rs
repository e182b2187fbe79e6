//! Payloads (D-14, D-15): a reference points to an event that carries the value, and a value is
//! what its digest says.

use aob_engine::{Event, EventKind, Failure, INLINE_BYTES_MAX, Payload, Place};
use aob_ir::Digest;

use crate::rules::{Cx, D_14, D_15};

/// Values carried so far: `(seq, fingerprint)`, ascending in seq.
#[derive(Debug, Default)]
pub(crate) struct Payloads {
    carried: Vec<(u64, u64)>,
}

impl Payloads {
    /// Checks every payload of `event`.
    pub(crate) fn see(&mut self, event: &Event, cx: &mut Cx<'_>) {
        let mut all = Vec::new();
        collect(&event.kind, &mut all);
        for payload in &all {
            if let Place::Here(blob) = &payload.place {
                let (text, digest) = (blob.text(), payload.digest);
                cx.require(Digest::of(text.as_bytes()) == digest, D_15, || {
                    format!("a value does not have its digest {digest}")
                });
                cx.require(text.len() as u64 == payload.len, D_15, || {
                    format!("a value of {} bytes is said to have {}", text.len(), payload.len)
                });
                cx.require(text.len() <= INLINE_BYTES_MAX, D_15, || {
                    format!("a value of {} bytes is inline", text.len())
                });
                self.carried.push((event.seq, fingerprint(payload)));
            }
        }
        for payload in all {
            if let Place::Event(seq) = payload.place {
                let found = seq <= event.seq && self.carries(seq, fingerprint(payload));
                cx.require(found, D_14, || {
                    format!("event {seq} does not carry the value {}", payload.digest)
                });
            }
        }
    }

    fn carries(&self, seq: u64, fingerprint: u64) -> bool {
        let first = self.carried.partition_point(|(at, _)| *at < seq);
        self.carried[first..]
            .iter()
            .take_while(|(at, _)| *at == seq)
            .any(|(_, carried)| *carried == fingerprint)
    }
}

/// 64 bits that stand for digest and length: enough to miss a wrong reference once in 2^64.
fn fingerprint(payload: &Payload) -> u64 {
    let mut first = [0_u8; 8];
    first.copy_from_slice(&payload.digest.0[..8]);
    u64::from_be_bytes(first) ^ payload.len
}

fn collect<'e>(kind: &'e EventKind, all: &mut Vec<&'e Payload>) {
    match kind {
        EventKind::RunCreated(e) => all.push(&e.inputs),
        EventKind::NodeScheduled(e) => all.extend([&e.job.config, &e.job.input]),
        EventKind::RetryScheduled(e) => failure(Some(&e.failure), all),
        EventKind::NodeStarted(e) => all.push(&e.input),
        EventKind::TimerStarted(e) => all.push(&e.input),
        EventKind::ApprovalRequested(e) => {
            all.push(&e.subject);
            all.extend(&e.form);
        }
        EventKind::PatchProposed(e) => all.push(&e.operations),
        EventKind::PatchPlanned(e) => all.push(&e.operations),
        EventKind::PatchApplied(e) => all.extend([&e.operations, &e.inverse]),
        EventKind::ApprovalVoted(e) => all.extend(&e.data),
        EventKind::ApprovalEdited(e) => all.push(&e.edits),
        EventKind::ChildStarted(e) => all.push(&e.inputs),
        EventKind::MapExpanded(e) => all.push(&e.items),
        EventKind::NodeCompleted(e) => {
            all.push(&e.output);
            all.extend(&e.undo_input);
        }
        EventKind::NodeFailed(e) => {
            failure(Some(&e.failure), all);
            all.push(&e.output);
        }
        EventKind::NodeSkipped(e) => {
            failure(e.failure.as_ref(), all);
            all.extend(&e.output);
        }
        EventKind::NodeParked(e) => failure(e.failure.as_ref(), all),
        EventKind::NodeCancelled(e) => all.extend(&e.undo_input),
        EventKind::SignalReceived(e) => all.push(&e.payload),
        EventKind::RunFailing(e) => failure(Some(&e.failure), all),
        EventKind::RunCompleted(e) => all.push(&e.output),
        EventKind::RunFailed(e) => failure(Some(&e.failure), all),
        EventKind::WarningRaised(_)
        | EventKind::AttemptRedispatched(_)
        | EventKind::SignalAwaited(_)
        | EventKind::ApprovalEscalated(_)
        | EventKind::ApprovalDecided(_)
        | EventKind::LoopIterated(_)
        | EventKind::NodeWaiting(_)
        | EventKind::RetryGranted(_)
        | EventKind::NodeCancelling(_)
        | EventKind::EdgesDecided(_)
        | EventKind::LateResultDiscarded(_)
        | EventKind::PatchRejected(_)
        | EventKind::PatchReverted(_)
        | EventKind::BudgetReserved(_)
        | EventKind::BudgetSettled(_)
        | EventKind::BudgetWarned(_)
        | EventKind::BudgetRaised(_)
        | EventKind::BudgetReturned(_)
        | EventKind::RunPaused(_)
        | EventKind::RunResumed(_)
        | EventKind::CancelRequested(_)
        | EventKind::Continued(_)
        | EventKind::RunCancelled(_) => {}
    }
}

fn failure<'e>(failure: Option<&'e Failure>, all: &mut Vec<&'e Payload>) {
    all.extend(failure.and_then(|failure| failure.details.as_ref()));
}
