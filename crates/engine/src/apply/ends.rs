//! Events that end an instance.

use aob_bugs::{Bug, seeded};

use super::{Now, body_of, graph, row, settle};
use crate::event::{
    Event, EventKind, LateResultDiscarded, NodeCancelled, NodeCompleted, NodeFailed, NodeSkipped,
};
use crate::ids::{CommandId, InstanceId};
use crate::state::{Doing, FailureNote, Instance, InstanceStatus, Key, RunState, ScopeKey, Undo};

pub(super) fn completed(state: &mut RunState, data: &NodeCompleted, now: Now) {
    let key = state.intern(&data.instance);
    let output = data.output.reference(now.seq);
    let instance = finish(state, &key, now, InstanceStatus::Completed);
    instance.output = Some(output);
    instance.attempt = instance.attempt.max(data.attempt);
    instance.started_at = data.started_at.or(instance.started_at);
    instance.failure = None;
    instance.more = data.more;
    if let Some(signal) = &data.signal
        && !seeded(Bug::SignalConsumedTwice)
    {
        consume_signal(state, signal);
    }
    if let Some(input) = &data.undo_input {
        let undo = Undo { key: key.clone(), input: input.reference(now.seq), output: Some(output) };
        state.undo.insert(now.seq, undo);
    }
    leave(state, &data.instance, &key, true);
    graph::edges(state, &data.instance, &data.edges, Some(output));
}

pub(super) fn failed(state: &mut RunState, data: &NodeFailed, now: Now) {
    let key = state.intern(&data.instance);
    let output = data.output.reference(now.seq);
    let instance = finish(state, &key, now, InstanceStatus::Failed);
    instance.output = Some(output);
    instance.attempt = instance.attempt.max(data.attempt);
    instance.outcome = Some(data.outcome);
    instance.failure = Some(FailureNote::of(&data.failure));
    instance.more = data.more;
    leave(state, &data.instance, &key, false);
    graph::edges(state, &data.instance, &data.edges, Some(output));
}

pub(super) fn skipped(state: &mut RunState, data: &NodeSkipped, now: Now) {
    let key = state.intern(&data.instance);
    let output = data.output.as_ref().map(|output| output.reference(now.seq));
    let instance = finish(state, &key, now, InstanceStatus::Skipped);
    instance.output = output;
    instance.skip = Some(data.cause);
    instance.failure = data.failure.as_ref().map(FailureNote::of);
    instance.more = data.more;
    leave(state, &data.instance, &key, true);
    graph::edges(state, &data.instance, &data.edges, output);
}

pub(super) fn cancelled(state: &mut RunState, data: &NodeCancelled, now: Now) {
    let key = state.intern(&data.instance);
    finish(state, &key, now, InstanceStatus::Cancelled).more = data.more;
    if let Some(input) = &data.undo_input {
        let undo = Undo { key: key.clone(), input: input.reference(now.seq), output: None };
        state.undo.insert(now.seq, undo);
    }
    leave(state, &data.instance, &key, false);
    graph::edges(state, &data.instance, &data.edges, None);
}

pub(super) fn late(state: &mut RunState, data: &LateResultDiscarded) {
    heard(state, &data.instance, data.attempt);
    let Some(key) = state.key(&data.instance) else { return };
    if let Some(instance) = state.instances.get_mut(&key) {
        instance.late = instance.late.max(data.attempt);
    }
}

/// The runner's answer to this attempt is on record: the same again is a repetition.
fn heard(state: &mut RunState, instance: &InstanceId, attempt: u32) {
    let Some(key) = state.key(instance) else { return };
    if let Some(instance) = state.instances.get_mut(&key) {
        instance.heard |= Instance::heard_bit(attempt);
    }
}

/// Takes down whose answer ended an attempt.
pub(super) fn answered(state: &mut RunState, event: &Event) {
    if !event.command.is_result() {
        return;
    }
    let (instance, attempt) = if let EventKind::RetryScheduled(data) = &event.kind {
        (&data.instance, data.attempt)
    } else if let EventKind::NodeCompleted(data) = &event.kind {
        (&data.instance, data.attempt)
    } else if let EventKind::NodeFailed(data) = &event.kind {
        (&data.instance, data.attempt)
    } else if let EventKind::NodeSkipped(data) = &event.kind {
        (&data.instance, data.attempt)
    } else if let EventKind::NodeParked(data) = &event.kind {
        (&data.instance, data.attempt)
    } else if let EventKind::NodeCancelled(data) = &event.kind {
        (&data.instance, data.attempt)
    } else {
        return;
    };
    // The same command may end others too: losers of a join, or what a failure stops.
    if attempt > 0 && event.command == CommandId::of_result(instance, attempt) {
        heard(state, instance, attempt);
    }
}

/// Ends an instance; one that was decided in one event has its row made here.
fn finish<'a>(
    state: &'a mut RunState,
    key: &Key,
    now: Now,
    status: InstanceStatus,
) -> &'a mut Instance {
    settle(state, key);
    let instance = row(state, key, now);
    instance.status = status;
    instance.since = now.at;
    // The counts of a finished map stay: they are what is left to see of its body.
    if !matches!(instance.doing, Doing::Map(_)) {
        instance.doing = Doing::Nothing;
    }
    instance
}

/// What the end of an instance means to what is around it.
fn leave(state: &mut RunState, instance: &InstanceId, key: &Key, success: bool) {
    let Some(row) = state.instances.get(key) else { return };
    let (more, map) = (row.more, matches!(row.doing, Doing::Map(_)));
    if map {
        prune_bodies(state, key);
    }
    count_body(state, key, success);
    if !state.undo.is_empty() {
        compensation_done(state, instance);
    }
    graph::settle_routing(state, key, more);
}

/// Forgets the body instances of a map that is over: its list has their outputs.
fn prune_bodies(state: &mut RunState, map: &Key) {
    let count = match state.instances.get(map).map(|instance| &instance.doing) {
        Some(Doing::Map(state)) => state.next,
        Some(_) | None => 0,
    };
    for index in 0..count {
        let mut scope: ScopeKey = map.scope.clone();
        scope.push((map.node, index));
        graph::prune_scope(state, &scope);
    }
}

fn count_body(state: &mut RunState, key: &Key, success: bool) {
    if let Some(map) = body_of(state, key) {
        map.open = map.open.saturating_sub(1);
        if success {
            map.completed += 1;
        } else {
            map.failed += 1;
        }
    }
}

fn consume_signal(state: &mut RunState, signal: &str) {
    let found = state.signals.iter().find(|(_, (id, _))| &**id == signal).map(|(key, _)| *key);
    if let Some(key) = found {
        state.signals.remove(&key);
    }
}

/// A compensation that is over takes its instance off the list of what can be undone.
fn compensation_done(state: &mut RunState, instance: &InstanceId) {
    let Some(node) = graph::compensated(&instance.node) else { return };
    let original = InstanceId { node, scope: instance.scope.clone() };
    let Some(key) = state.key(&original) else { return };
    let Some(entry) = state.undo.iter().rev().find(|(_, undo)| undo.key == key).map(|(at, _)| *at)
    else {
        return;
    };
    state.undo.remove(&entry);
    let undone = state.instance(instance).map(|i| i.status) == Some(InstanceStatus::Completed);
    if undone && let Some(row) = state.instances.get_mut(&key) {
        row.status = InstanceStatus::Compensated;
    }
}
