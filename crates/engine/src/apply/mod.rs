//! `apply`: what is now true. The only way in which state changes.
//!
//! Total over events: an event that does not fit the state (a log that was edited, or written by
//! another version) changes what it can and never panics; `check` is what judges logs.

mod budget;
mod ends;
mod graph;
mod patches;
mod waits;

use std::sync::Arc;

use crate::event::{Event, EventKind, RunCreated};
use crate::ids::Timestamp;
use crate::state::{
    AccountKey, Doing, FailureNote, Instance, InstanceStatus, Key, Meta, Phase, RunState, TimerKind,
};

/// Folds one event into the state.
pub fn apply(state: &mut RunState, event: &Event) {
    state.head.seq = event.seq;
    state.head.at = event.at;
    let now = Now { seq: event.seq, at: event.at };
    match &event.kind {
        EventKind::RunCreated(data) => created(state, data, now),
        EventKind::WarningRaised(_) => state.head.warnings += 1,
        EventKind::NodeStarted(_) => {}
        EventKind::NodeScheduled(data) => waits::scheduled(state, data, now),
        EventKind::AttemptRedispatched(data) => waits::redispatched(state, data),
        EventKind::RetryScheduled(data) => waits::retry(state, data, now),
        EventKind::TimerStarted(data) => waits::timer(state, data, now),
        EventKind::SignalAwaited(data) => waits::signal_awaited(state, data, now),
        EventKind::ApprovalRequested(data) => waits::approval_requested(state, data, now),
        EventKind::ApprovalVoted(data) => waits::voted(state, data),
        EventKind::ApprovalEscalated(data) => waits::escalated(state, data),
        // What it leads to stands in the events that follow.
        EventKind::ApprovalEdited(_) => {}
        EventKind::ApprovalDecided(data) => waits::decided(state, data),
        EventKind::BudgetReserved(_)
        | EventKind::BudgetSettled(_)
        | EventKind::BudgetWarned(_)
        | EventKind::BudgetRaised(_)
        | EventKind::BudgetReturned(_) => budget::changed(state, &event.kind),
        EventKind::ChildStarted(data) => waits::child(state, data, now),
        EventKind::MapExpanded(data) => waits::map(state, data, now),
        EventKind::LoopIterated(data) => graph::loop_iterated(state, data, now),
        EventKind::NodeWaiting(data) => waits::unserved(state, data, now),
        EventKind::NodeCompleted(data) => ends::completed(state, data, now),
        EventKind::NodeFailed(data) => ends::failed(state, data, now),
        EventKind::NodeSkipped(data) => ends::skipped(state, data, now),
        EventKind::NodeParked(data) => waits::parked(state, data, now),
        EventKind::RetryGranted(data) => waits::retry_granted(state, data, now),
        EventKind::NodeCancelling(data) => waits::cancelling(state, data),
        EventKind::NodeCancelled(data) => ends::cancelled(state, data, now),
        EventKind::EdgesDecided(data) => graph::more_edges(state, data),
        EventKind::LateResultDiscarded(data) => ends::late(state, data),
        EventKind::SignalReceived(data) => waits::signal_received(state, data, now),
        EventKind::PatchProposed(data) => patches::proposed(state, data, now),
        EventKind::PatchPlanned(data) => patches::planned(state, data, now),
        EventKind::PatchApplied(data) => patches::applied(state, data, now),
        EventKind::PatchRejected(data) => patches::rejected(state, data, now),
        EventKind::PatchReverted(data) => patches::reverted(state, data),
        EventKind::RunPaused(_)
        | EventKind::RunResumed(_)
        | EventKind::CancelRequested(_)
        | EventKind::RunFailing(_)
        | EventKind::RunCompleted(_)
        | EventKind::RunFailed(_)
        | EventKind::RunCancelled(_)
        | EventKind::Continued(_) => run_level(state, &event.kind, now),
    }
    ends::answered(state, event);
    // Whatever is decided next takes over what the last segment left.
    state.head.continued = matches!(event.kind, EventKind::Continued(_));
}

/// Events about the run as a whole.
fn run_level(state: &mut RunState, kind: &EventKind, now: Now) {
    if let EventKind::RunPaused(data) = kind {
        state.head.paused = true;
        state.head.since = now.at;
        state.head.actor = Some(data.actor.clone());
        state.head.reason.clone_from(&data.reason);
    } else if let EventKind::RunResumed(_) = kind {
        state.head.paused = false;
        state.head.since = now.at;
        state.head.reason = None;
    } else if let EventKind::CancelRequested(data) = kind {
        stop(state, Phase::Cancelling, now.at);
        state.head.actor = Some(data.actor.clone());
        state.head.reason.clone_from(&data.reason);
    } else if let EventKind::RunFailing(data) = kind {
        stop(state, Phase::Failing, now.at);
        state.head.failure = Some((data.source.clone(), FailureNote::of(&data.failure)));
    } else if let EventKind::RunCompleted(data) = kind {
        state.head.output = Some(data.output.reference(now.seq));
        stop(state, Phase::Completed, now.at);
    } else if let EventKind::RunFailed(data) = kind {
        state.head.failure = Some((data.source.clone(), FailureNote::of(&data.failure)));
        stop(state, Phase::Failed, now.at);
    } else if let EventKind::RunCancelled(_) = kind {
        stop(state, Phase::Cancelled, now.at);
    }
}

/// Position and time of the event being applied.
#[derive(Debug, Clone, Copy)]
struct Now {
    seq: u64,
    at: Timestamp,
}

fn created(state: &mut RunState, data: &RunCreated, now: Now) {
    let meta = Meta {
        run: data.run,
        workspace: data.workspace,
        tag: data.tag.clone(),
        digest: data.digest,
        agents: data.agents,
        name: Arc::clone(&data.name),
        inputs: data.inputs.reference(now.seq),
        parent: data.parent.clone(),
        depth: data.depth,
        labels: data.labels.clone(),
        priority: data.priority,
        fidelity: data.fidelity,
        limits: data.limits,
        budget: data.budget,
        deadline: data.deadline,
        cancel_grace_ms: data.cancel_grace_ms,
        children: data.children.clone(),
        created_at: now.at,
        started_by: data.actor.clone(),
    };
    state.meta = Some(Arc::new(meta));
    state.head.phase = Phase::Active;
    state.head.digest = Some(data.digest);
    state.head.since = now.at;
    if data.budget.is_some() {
        state.ledger_mut().account(AccountKey::Run);
    }
    if let Some(deadline) = data.deadline {
        state.timers.insert((deadline, TimerKind::Deadline, run_key()), ());
    }
}

/// The key under which the run's own timers stand.
pub(crate) fn run_key() -> Key {
    Key { scope: crate::state::ScopeKey::new(), node: u32::MAX }
}

fn stop(state: &mut RunState, phase: Phase, at: Timestamp) {
    state.head.phase = phase;
    state.head.paused = false;
    state.head.since = at;
    if let Some(deadline) = state.meta.as_ref().and_then(|meta| meta.deadline) {
        state.timers.remove(&(deadline, TimerKind::Deadline, run_key()));
    }
}

/// Opens an instance, or returns the one that is open.
fn open<'a>(state: &'a mut RunState, key: &Key, now: Now) -> &'a mut Instance {
    state.open.entry(key.clone(), || ());
    row(state, key, now)
}

/// The row of an instance; made, and counted as opened, where there is none.
fn row<'a>(state: &'a mut RunState, key: &Key, now: Now) -> &'a mut Instance {
    state.joins.remove(key);
    if !key.scope.is_empty() && !state.instances.contains(key) {
        map_body_opened(state, key);
    }
    let (instance, new) = state.instances.entry_new(key.clone(), || Instance {
        status: InstanceStatus::Waiting,
        attempt: 0,
        attempts_max: 0,
        generation: 0,
        opened_at: now.at,
        since: now.at,
        started_at: None,
        output: None,
        failure: None,
        outcome: None,
        skip: None,
        doing: Doing::Nothing,
        more: false,
        late: 0,
        heard: 0,
        repaired: false,
    });
    state.head.opened += u64::from(new);
    instance
}

/// Counts a body instance that begins.
fn map_body_opened(state: &mut RunState, key: &Key) {
    if let Some(map) = body_of(state, key) {
        let index = key.scope.last().map_or(0, |step| step.1);
        map.next = map.next.max(index + 1);
        map.open += 1;
    }
}

/// The map whose body `key` is an instance of.
fn body_of<'a>(state: &'a mut RunState, key: &Key) -> Option<&'a mut crate::state::MapState> {
    let ((node, _), outer) = key.scope.split_last()?;
    let map_key = Key { scope: outer.into(), node: *node };
    match state.instances.get(&map_key).map(|instance| &instance.doing) {
        Some(Doing::Map(map)) if map.body == key.node => {}
        Some(_) | None => return None,
    }
    match &mut state.instances.get_mut(&map_key)?.doing {
        Doing::Map(map) => Some(map),
        Doing::Nothing
        | Doing::Job(_)
        | Doing::Backoff { .. }
        | Doing::Timer { .. }
        | Doing::Signal { .. }
        | Doing::Approval { .. }
        | Doing::Child(_)
        | Doing::Unserved { .. }
        | Doing::Parked { .. } => None,
    }
}

/// Takes an instance out of what it was doing: its timers and counters.
fn settle(state: &mut RunState, key: &Key) {
    let Some(instance) = state.instances.get(key) else { return };
    let mut timers: smallvec::SmallVec<[(Timestamp, TimerKind); 2]> = smallvec::SmallVec::new();
    let mut leased = false;
    let mut scheduled = false;
    match &instance.doing {
        Doing::Job(job) => {
            scheduled = instance.status == InstanceStatus::Scheduled;
            leased = scheduled && job.leased;
            if !job.leased {
                timers.push((job.redispatch_at, TimerKind::Redispatch));
            }
            if let Some(fence_at) = job.fence_at {
                timers.push((fence_at, TimerKind::Fence));
            }
        }
        Doing::Backoff { retry_at, .. } => timers.push((*retry_at, TimerKind::Retry)),
        Doing::Timer { due, .. } => timers.push((*due, TimerKind::Timer)),
        Doing::Child(wait) => timers.extend(wait.expires_at.map(|at| (at, TimerKind::Expiry))),
        Doing::Signal { expires_at, .. } | Doing::Unserved { expires_at, .. } => {
            timers.extend(expires_at.map(|at| (at, TimerKind::Expiry)));
        }
        Doing::Map(map) => timers.extend(map.expires_at.map(|at| (at, TimerKind::Expiry))),
        Doing::Approval { ticket } => {
            if let Some(ticket) = state.tickets.get(ticket) {
                timers.extend(ticket.expires_at.map(|at| (at, TimerKind::Expiry)));
                let next = ticket.escalations.get(ticket.escalated as usize);
                timers.extend(next.map(|step| (step.at, TimerKind::Escalation)));
            }
        }
        Doing::Nothing | Doing::Parked { .. } => {}
    }
    budget::left(state, key);
    state.head.scheduled -= u32::from(scheduled).min(state.head.scheduled);
    state.head.leased -= u32::from(leased).min(state.head.leased);
    for (at, kind) in timers {
        state.timers.remove(&(at, kind, key.clone()));
    }
}
