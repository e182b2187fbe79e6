//! The rare paths that the events of a run show.

use std::collections::BTreeMap;

use aob_engine::{
    ApprovalOutcome, CancelCause, CommandId, Event, EventKind, InstanceId, RunState, SkipCause,
};

use crate::counts::{Count, Counts};

/// What must be remembered of a run to recognise them.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    /// The command that ended each attempt.
    ended_by: BTreeMap<(InstanceId, u32), CommandId>,
    attempts_max: BTreeMap<InstanceId, u32>,
}

impl Paths {
    /// Counts what `event` shows; `state` is that of the run before it.
    pub(crate) fn count(&mut self, counts: &Counts, state: &RunState, event: &Event) {
        if let Some(path) = on_its_own(&event.kind) {
            counts.add(path);
        }
        patches(counts, state, &event.kind);
        if let EventKind::NodeScheduled(data) = &event.kind {
            self.attempts_max.insert(data.instance.clone(), data.attempts_max);
        } else if let EventKind::RetryScheduled(data) = &event.kind {
            if &*data.failure.code == "lease_expired" {
                counts.add(Count::LeaseExpired);
            }
        } else if let EventKind::NodeFailed(data) = &event.kind {
            let most = self.attempts_max.get(&data.instance).copied().unwrap_or(0);
            if data.attempt > 1 && data.attempt >= most {
                counts.add(Count::RetryExhausted);
            }
        } else if let EventKind::NodeCompleted(data) = &event.kind {
            if data.by.is_some() {
                counts.add(Count::Repaired);
            }
        } else if let EventKind::RunFailing(data) = &event.kind {
            if &*data.failure.code == "run_timeout" {
                counts.add(Count::DeadlinePassed);
            }
        } else if let EventKind::LateResultDiscarded(data) = &event.kind {
            let ended_by = self.ended_by.get(&(data.instance.clone(), data.attempt));
            if ended_by.is_some_and(|command| command.0.starts_with("tick:")) {
                counts.add(Count::TimerRace);
            }
            if state.is_terminal() {
                counts.add(Count::ResultAfterStop);
            }
        } else if let EventKind::CancelRequested(_) = &event.kind
            && event.seq == 2
            && state.parent().is_some()
        {
            counts.add(Count::ChildCancelledUnborn);
        }
        if let Some((instance, attempt)) = ended(&event.kind) {
            self.ended_by.insert((instance.clone(), attempt), event.command.clone());
        }
    }
}

/// Counts what an event about a patch shows.
fn patches(counts: &Counts, state: &RunState, kind: &EventKind) {
    if let EventKind::PatchPlanned(data) = kind {
        let proposed = state.patch(&data.patch).map(|patch| patch.base);
        if proposed.is_some_and(|base| base != data.base) {
            counts.add(Count::PatchRebased);
        }
    } else if let EventKind::ApprovalRequested(data) = kind {
        let Some(patch) = data.patch.as_ref().and_then(|patch| state.patch(patch)) else { return };
        let again = patch.ticket.is_some();
        counts.add(if again { Count::PatchAskedAgain } else { Count::PatchAwaited });
    } else if let EventKind::PatchProposed(data) = kind {
        if data.instance.is_some() {
            counts.add(Count::PatchOfResult);
        }
    } else if let EventKind::PatchRejected(data) = kind {
        let path = match &*data.code {
            "withdrawn" => Count::PatchWithdrawn,
            "patch_conflict" => Count::PatchConflict,
            _ => return,
        };
        counts.add(path);
    } else if let EventKind::PatchApplied(data) = kind {
        let patch = state.patch(&data.patch);
        let shown = [
            (Count::PatchApproved, patch.is_some_and(|patch| patch.ticket.is_some())),
            (Count::TokenWithdrawn, !data.withdrawn.is_empty()),
            (Count::LateEdges, !data.routes.is_empty()),
            (Count::ChildPatched, state.parent().is_some()),
            (Count::NodeMended, data.repaired.iter().any(|node| !node.instances.is_empty())),
        ];
        shown.iter().filter(|(_, seen)| *seen).for_each(|(count, _)| counts.add(*count));
    }
}

/// The path that an event of this kind is, whatever came before it.
fn on_its_own(kind: &EventKind) -> Option<Count> {
    if let EventKind::NodeCompleted(data) = kind {
        return data.instance.node.ends_with(".compensate").then_some(Count::Compensated);
    }
    if let EventKind::NodeSkipped(data) = kind {
        return (data.cause == SkipCause::ByHand).then_some(Count::Repaired);
    }
    if let EventKind::NodeCancelled(data) = kind {
        return match data.cause {
            CancelCause::Fenced => Some(Count::Fenced),
            CancelCause::Loser => Some(Count::LoserCancelled),
            CancelCause::RunStopped | CancelCause::Acknowledged => None,
        };
    }
    if let EventKind::ApprovalDecided(data) = kind {
        return (data.outcome == ApprovalOutcome::Expired).then_some(Count::TicketExpired);
    }
    let by_name = [
        ("attempt_redispatched", Count::Redispatch),
        ("retry_scheduled", Count::Retry),
        ("retry_granted", Count::Repaired),
        ("node_parked", Count::Parked),
        ("late_result_discarded", Count::LateResult),
        ("approval_escalated", Count::TicketEscalated),
        ("patch_applied", Count::PatchApplied),
        ("patch_rejected", Count::PatchRejected),
        ("patch_reverted", Count::PatchReverted),
        ("continued", Count::Continued),
        ("run_completed", Count::RunCompleted),
        ("run_failed", Count::RunFailed),
        ("run_cancelled", Count::RunCancelled),
    ];
    by_name.into_iter().find(|(name, _)| *name == kind.name()).map(|(_, path)| path)
}

/// The attempt that an event ends.
fn ended(kind: &EventKind) -> Option<(&InstanceId, u32)> {
    if let EventKind::RetryScheduled(data) = kind {
        Some((&data.instance, data.attempt))
    } else if let EventKind::NodeFailed(data) = kind {
        Some((&data.instance, data.attempt))
    } else if let EventKind::NodeCompleted(data) = kind {
        Some((&data.instance, data.attempt))
    } else if let EventKind::NodeParked(data) = kind {
        Some((&data.instance, data.attempt))
    } else if let EventKind::NodeCancelled(data) = kind {
        Some((&data.instance, data.attempt))
    } else {
        None
    }
}
