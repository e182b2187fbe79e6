//! Events that open an instance or change what it waits for.

use std::sync::Arc;

use aob_ir::Fields;

use super::{Now, budget, open, patches, settle};
use crate::event::{
    ApprovalDecided, ApprovalEscalated, ApprovalRequested, ApprovalVoted, AttemptRedispatched,
    ChildStarted, MapExpanded, NodeCancelling, NodeParked, NodeScheduled, NodeWaiting,
    RetryGranted, RetryScheduled, SignalAwaited, SignalReceived, TimerStarted,
};
use crate::ids::Timestamp;
use crate::state::{
    About, ChildState, Doing, FailureNote, InstanceStatus, JobState, Key, MapState, RunState,
    Ticket, TimerKind,
};

/// How many signal ids are remembered for deduplication.
const SIGNAL_IDS_MAX: usize = 1_000;

pub(super) fn scheduled(state: &mut RunState, data: &NodeScheduled, now: Now) {
    let key = state.intern(&data.instance);
    settle(state, &key);
    let job = JobState::new(&data.job, now.seq, now.at, data.redispatch_at);
    if job.leased {
        state.head.leased += 1;
    } else {
        state.timers.insert((job.redispatch_at, TimerKind::Redispatch, key.clone()), ());
    }
    state.head.scheduled += 1;
    let instance = open(state, &key, now);
    instance.status = InstanceStatus::Scheduled;
    instance.since = now.at;
    instance.attempt = data.attempt;
    instance.attempts_max = data.attempts_max;
    instance.generation = data.generation;
    instance.repaired = false;
    instance.doing = Doing::Job(job);
}

pub(super) fn redispatched(state: &mut RunState, data: &AttemptRedispatched) {
    let Some(key) = state.key(&data.instance) else { return };
    let Some(instance) = state.instances.get_mut(&key) else { return };
    let Doing::Job(job) = &mut instance.doing else { return };
    let job = Arc::make_mut(job);
    let before = std::mem::replace(&mut job.redispatch_at, data.redispatch_at);
    job.redispatches += 1;
    if !job.leased {
        state.timers.remove(&(before, TimerKind::Redispatch, key.clone()));
        state.timers.insert((data.redispatch_at, TimerKind::Redispatch, key), ());
    }
}

pub(super) fn retry(state: &mut RunState, data: &RetryScheduled, now: Now) {
    let Some(key) = state.key(&data.instance) else { return };
    settle(state, &key);
    state.timers.insert((data.retry_at, TimerKind::Retry, key.clone()), ());
    let Some(instance) = state.instances.get_mut(&key) else { return };
    instance.status = InstanceStatus::Retrying;
    instance.since = now.at;
    instance.failure = Some(FailureNote::of(&data.failure));
    if let Some(job) = take_job(&mut instance.doing) {
        instance.doing = Doing::Backoff { retry_at: data.retry_at, job };
    }
}

/// The job of an instance that has one, taken out of it.
fn take_job(doing: &mut Doing) -> Option<Arc<JobState>> {
    match std::mem::replace(doing, Doing::Nothing) {
        Doing::Job(job) | Doing::Backoff { job, .. } => Some(job),
        Doing::Parked { job, .. } => job,
        Doing::Nothing
        | Doing::Timer { .. }
        | Doing::Signal { .. }
        | Doing::Approval { .. }
        | Doing::Child(_)
        | Doing::Map(_)
        | Doing::Unserved { .. } => None,
    }
}

/// Puts an instance to wait for `doing`, with a timer where the wait has an end.
fn wait(state: &mut RunState, key: &Key, now: Now, doing: Doing) {
    let instance = open(state, key, now);
    instance.status = InstanceStatus::Waiting;
    instance.since = now.at;
    instance.doing = doing;
}

pub(super) fn timer(state: &mut RunState, data: &TimerStarted, now: Now) {
    let key = state.intern(&data.instance);
    state.timers.insert((data.due, TimerKind::Timer, key.clone()), ());
    wait(
        state,
        &key,
        now,
        Doing::Timer { due: data.due, input: Box::new(data.input.reference(now.seq)) },
    );
}

pub(super) fn signal_awaited(state: &mut RunState, data: &SignalAwaited, now: Now) {
    let key = state.intern(&data.instance);
    expire(state, &key, data.expires_at);
    let doing = Doing::Signal {
        name: Arc::clone(&data.name),
        webhook: data.webhook,
        expires_at: data.expires_at,
    };
    wait(state, &key, now, doing);
}

fn expire(state: &mut RunState, key: &Key, at: Option<crate::Timestamp>) {
    if let Some(at) = at {
        state.timers.insert((at, TimerKind::Expiry, key.clone()), ());
    }
}

pub(super) fn unserved(state: &mut RunState, data: &NodeWaiting, now: Now) {
    let key = state.intern(&data.instance);
    expire(state, &key, data.expires_at);
    let doing = Doing::Unserved { reason: Arc::clone(&data.reason), expires_at: data.expires_at };
    wait(state, &key, now, doing);
}

pub(super) fn child(state: &mut RunState, data: &ChildStarted, now: Now) {
    let key = state.intern(&data.instance);
    expire(state, &key, data.expires_at);
    let child = ChildState {
        child: data.child,
        digest: data.digest,
        tag: data.tag.clone(),
        inputs: data.inputs.reference(now.seq),
        budget: data.budget.map(Box::new),
        expires_at: data.expires_at,
        cancelling: false,
    };
    if let Some(given) = &data.budget {
        state.ledger_mut().allot(given);
    }
    wait(state, &key, now, Doing::Child(Box::new(child)));
}

pub(super) fn map(state: &mut RunState, data: &MapExpanded, now: Now) {
    let key = state.intern(&data.instance);
    expire(state, &key, data.expires_at);
    let body = state.names.intern(&data.body);
    let map = MapState {
        items: data.items.reference(now.seq),
        count: data.count,
        max_parallel: data.max_parallel,
        tolerated: data.tolerated,
        body,
        next: 0,
        open: 0,
        completed: 0,
        failed: 0,
        expires_at: data.expires_at,
    };
    wait(state, &key, now, Doing::Map(Box::new(map)));
}

pub(super) fn approval_requested(state: &mut RunState, data: &ApprovalRequested, now: Now) {
    let asker = data.instance.as_ref().map(|instance| state.intern(instance));
    let patch = data.patch.as_ref().and_then(|patch| state.patch_ids.get(patch).copied());
    let budget = data.budget.as_ref().and_then(|ask| state.account_key(&ask.of));
    let about = match (budget, asker, patch) {
        (Some(account), ..) => About::Budget(account),
        (None, Some(key), _) => About::Instance(key),
        (None, None, Some(number)) => About::Patch(number),
        (None, None, None) => return,
    };
    let ticket = Ticket {
        about: about.clone(),
        created_at: now.at,
        message: Arc::clone(&data.message),
        form: data.form.as_ref().map(|form| form.reference(now.seq)),
        subject: data.subject.reference(now.seq),
        subject_hash: data.subject_hash,
        approvers: data.approvers.clone(),
        quorum: data.quorum,
        escalations: data.escalations.clone(),
        escalated: 0,
        expires_at: data.expires_at,
        votes: Vec::new(),
        decided: false,
        reissues: replaced(state, data),
        replaced_by: None,
        four_eyes: data.four_eyes,
        barred: data.barred.clone(),
        fields: Fields { editable: data.editable.clone(), fixed: data.fixed.clone() },
    };
    state.tickets.insert(data.ticket.clone(), ticket);
    let first = data.escalations.first().map(|step| escalation(step.at, &about));
    match about {
        About::Instance(key) => {
            expire(state, &key, data.expires_at);
            wait(state, &key, now, Doing::Approval { ticket: data.ticket.clone() });
        }
        About::Patch(number) => patches::asked(state, number, data),
        About::Budget(account) => {
            budget::asked(state, account, data);
        }
    }
    // Last: what the ticket that it replaces had for timers is gone now.
    if let Some(timer) = first {
        state.timers.insert(timer, ());
    }
}

/// Tells a replaced ticket by which; returns how many stand behind the new one.
fn replaced(state: &mut RunState, data: &ApprovalRequested) -> u32 {
    let before = data.replaces.as_ref().and_then(|ticket| state.tickets.get_mut(ticket));
    let Some(before) = before else { return 0 };
    before.replaced_by = Some(data.ticket.clone());
    before.reissues + 1
}

/// The timer of an escalation.
fn escalation(at: Timestamp, about: &About) -> (Timestamp, TimerKind, Key) {
    match about {
        About::Instance(key) => (at, TimerKind::Escalation, key.clone()),
        About::Patch(number) => (at, TimerKind::PatchEscalation, patches::patch_key(*number)),
        // Nobody escalates these; a timer of the run's own finds no instance.
        About::Budget(_) => (at, TimerKind::Escalation, super::run_key()),
    }
}

pub(super) fn voted(state: &mut RunState, data: &ApprovalVoted) {
    if let Some(ticket) = state.tickets.get_mut(&data.ticket) {
        ticket.votes.push((data.by.clone(), data.vote));
    }
}

pub(super) fn escalated(state: &mut RunState, data: &ApprovalEscalated) {
    let Some(ticket) = state.tickets.get_mut(&data.ticket) else { return };
    let fired = ticket.escalations.get(ticket.escalated as usize).map(|step| step.at);
    ticket.escalated += 1;
    if !ticket.approvers.is_empty() && !ticket.approvers.contains(&data.to) {
        ticket.approvers.push(data.to.clone());
    }
    let next = ticket.escalations.get(ticket.escalated as usize).map(|step| step.at);
    let about = ticket.about.clone();
    if let Some(at) = fired {
        state.timers.remove(&escalation(at, &about));
    }
    if let Some(at) = next {
        state.timers.insert(escalation(at, &about), ());
    }
}

pub(super) fn decided(state: &mut RunState, data: &ApprovalDecided) {
    let Some(ticket) = state.tickets.get(&data.ticket) else { return };
    match ticket.about.clone() {
        About::Instance(key) => settle(state, &key),
        About::Patch(number) => patches::settle(state, number),
        About::Budget(account) => budget::decided(state, account, data.outcome),
    }
    if let Some(ticket) = state.tickets.get_mut(&data.ticket) {
        ticket.decided = true;
    }
}

pub(super) fn parked(state: &mut RunState, data: &NodeParked, now: Now) {
    let key = state.intern(&data.instance);
    settle(state, &key);
    let instance = open(state, &key, now);
    let job = take_job(&mut instance.doing);
    instance.status = InstanceStatus::Parked;
    instance.since = now.at;
    instance.attempt = instance.attempt.max(data.attempt);
    instance.failure = data.failure.as_ref().map(FailureNote::of);
    instance.doing = Doing::Parked { reason: data.reason, job };
    if let Some(account) = data.budget.as_ref().and_then(|of| state.account_key(of)) {
        budget::held(state, key, account);
    }
}

/// The next attempt is due: it starts with the same decision, or when a paused run goes on.
pub(super) fn retry_granted(state: &mut RunState, data: &RetryGranted, now: Now) {
    let Some(key) = state.key(&data.instance) else { return };
    let Some(instance) = state.instances.get_mut(&key) else { return };
    instance.attempts_max = data.attempts_max;
    if let Some(ledger) = &mut state.ledger {
        ledger.holds.remove(&key);
    }
    if let Some(job) = take_job(&mut instance.doing) {
        instance.status = InstanceStatus::Retrying;
        instance.since = now.at;
        instance.doing = Doing::Backoff { retry_at: now.at, job };
        state.timers.insert((now.at, TimerKind::Retry, key), ());
    }
}

pub(super) fn cancelling(state: &mut RunState, data: &NodeCancelling) {
    let Some(key) = state.key(&data.instance) else { return };
    let Some(instance) = state.instances.get_mut(&key) else { return };
    match &mut instance.doing {
        Doing::Job(job) => {
            Arc::make_mut(job).fence_at = data.fence_at;
            if let Some(at) = data.fence_at {
                state.timers.insert((at, TimerKind::Fence, key), ());
            }
        }
        Doing::Child(wait) => wait.cancelling = true,
        Doing::Nothing
        | Doing::Backoff { .. }
        | Doing::Timer { .. }
        | Doing::Signal { .. }
        | Doing::Approval { .. }
        | Doing::Map(_)
        | Doing::Unserved { .. }
        | Doing::Parked { .. } => {}
    }
}

pub(super) fn signal_received(state: &mut RunState, data: &SignalReceived, now: Now) {
    let name = state.names.intern(&data.name);
    let number = state.head.next_signal;
    state.head.next_signal += 1;
    let payload = data.payload.reference(now.seq);
    state.signals.insert((name, number), (Arc::clone(&data.signal), payload));
    state.signal_ids.insert(number, Arc::clone(&data.signal));
    if state.signal_ids.len() > SIGNAL_IDS_MAX
        && let Some(oldest) = state.signal_ids.first().map(|(number, _)| *number)
    {
        state.signal_ids.remove(&oldest);
    }
}
