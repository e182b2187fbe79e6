//! Events about patches.

use std::sync::Arc;

use super::Now;
use crate::event::{
    ApprovalRequested, EdgeState, PatchApplied, PatchPlanned, PatchProposed, PatchRejected,
    PatchReverted, WithdrawnEdge,
};
use crate::ids::Timestamp;
use crate::state::{
    Key, PatchNo, PatchState, PatchStatus, PlannedState, RunState, ScopeKey, TimerKind,
};

/// The key under which the expiry of a patch stands.
pub(super) fn patch_key(number: PatchNo) -> Key {
    Key { scope: ScopeKey::new(), node: number }
}

pub(super) fn proposed(state: &mut RunState, data: &PatchProposed, now: Now) {
    let instance = data.instance.as_ref().map(|instance| state.intern(instance));
    let number = PatchNo::try_from(state.patches.len()).unwrap_or(PatchNo::MAX);
    let patch = PatchState {
        id: data.patch.clone(),
        status: PatchStatus::Waiting,
        origin: data.origin,
        by: data.by.clone(),
        instance,
        description: Arc::clone(&data.description),
        base: data.base,
        operations: data.operations.reference(now.seq),
        planned: None,
        children: data.children.clone(),
        reverts: data.reverts.clone(),
        ticket: None,
        tickets: 0,
        expires_at: None,
        proposed_at: now.at,
        decided_at: None,
        applied_seq: 0,
        revision: 0,
        inverse: None,
        reverted_by: None,
        rejection: None,
    };
    state.patches.insert(number, patch);
    state.patch_ids.insert(data.patch.clone(), number);
    state.open_patches.insert(number, ());
}

pub(super) fn planned(state: &mut RunState, data: &PatchPlanned, now: Now) {
    let Some(number) = state.patch_ids.get(&data.patch).copied() else { return };
    let Some(patch) = state.patches.get_mut(&number) else { return };
    patch.operations = data.operations.reference(now.seq);
    patch.planned = Some(PlannedState {
        base: data.base,
        result: data.result,
        subject_hash: data.subject_hash,
        growth: data.growth.clone(),
        approval: data.approval.clone(),
    });
}

pub(super) fn applied(state: &mut RunState, data: &PatchApplied, now: Now) {
    close(state, &data.patch, now.at, |patch| {
        patch.status = PatchStatus::Applied;
        patch.operations = data.operations.reference(now.seq);
        patch.inverse = Some(data.inverse.reference(now.seq));
        patch.applied_seq = now.seq;
        patch.revision = data.revision;
    });
    if let Some(number) = state.patch_ids.get(&data.patch).copied() {
        state.chain.insert(data.revision, number);
    }
    state.head.digest = Some(data.result);
    state.head.agents = Some(Arc::new(data.agents.clone()));
    for edge in &data.withdrawn {
        withdraw(state, edge);
    }
    for id in &data.routes {
        let Some(key) = state.key(id) else { continue };
        if let Some(instance) = state.instances.get_mut(&key) {
            instance.more = true;
            state.open.entry(key, || ());
        }
    }
    for repaired in data.repaired.iter().flat_map(|node| &node.instances) {
        let Some(key) = state.key(&repaired.instance) else { continue };
        if let Some(instance) = state.instances.get_mut(&key) {
            instance.repaired = true;
            instance.attempts_max = repaired.attempts_max;
        }
    }
    if !data.children.is_empty()
        && let Some(meta) = &mut state.meta
    {
        let children = data.children.iter().map(|(tag, digest)| (Arc::clone(tag), *digest));
        Arc::make_mut(meta).children.extend(children);
    }
}

/// Takes back what a removed edge had brought to a target that has not started.
fn withdraw(state: &mut RunState, edge: &WithdrawnEdge) {
    let (Some(scope), Some(name)) = (state.scope_key(&edge.scope), state.names.get(&edge.id))
    else {
        return;
    };
    let key = Key { scope, node: name };
    let Some(entry) = state.edges.get(&key).copied() else { return };
    state.edges.remove(&key);
    let Some(target) = state.key(&edge.to) else { return };
    let Some(join) = state.joins.get_mut(&target) else { return };
    let count = match entry.is {
        EdgeState::Taken => &mut join.taken,
        EdgeState::Dead => &mut join.dead,
        EdgeState::Failed => &mut join.failed,
    };
    *count = count.saturating_sub(1);
    if join.is_untouched() {
        state.joins.remove(&target);
    }
}

pub(super) fn rejected(state: &mut RunState, data: &PatchRejected, now: Now) {
    close(state, &data.patch, now.at, |patch| {
        patch.status = PatchStatus::Rejected;
        patch.rejection = Some((Arc::clone(&data.code), Arc::clone(&data.message)));
    });
}

pub(super) fn reverted(state: &mut RunState, data: &PatchReverted) {
    let Some(number) = state.patch_ids.get(&data.patch).copied() else { return };
    if let Some(patch) = state.patches.get_mut(&number) {
        patch.status = PatchStatus::Reverted;
        patch.reverted_by = Some(data.by.clone());
    }
}

/// A patch waits for its ticket.
pub(super) fn asked(state: &mut RunState, number: PatchNo, data: &ApprovalRequested) {
    settle(state, number);
    if let Some(patch) = state.patches.get_mut(&number) {
        patch.ticket = Some(data.ticket.clone());
        patch.tickets += 1;
        patch.expires_at = data.expires_at;
    }
    if let Some(at) = data.expires_at {
        state.timers.insert((at, TimerKind::PatchExpiry, patch_key(number)), ());
    }
}

/// Takes a patch off the list of open items.
fn close(
    state: &mut RunState,
    id: &crate::ids::PatchId,
    at: Timestamp,
    change: impl FnOnce(&mut PatchState),
) {
    let Some(number) = state.patch_ids.get(id).copied() else { return };
    state.open_patches.remove(&number);
    settle(state, number);
    if let Some(patch) = state.patches.get_mut(&number) {
        patch.decided_at = Some(at);
        change(patch);
    }
}

/// Takes the expiry and the next escalation of a patch's ticket off the timers.
pub(super) fn settle(state: &mut RunState, number: PatchNo) {
    let Some(patch) = state.patches.get(&number) else { return };
    let ticket = patch.ticket.as_ref().and_then(|ticket| state.tickets.get(ticket));
    let next = ticket.and_then(|ticket| ticket.escalations.get(ticket.escalated as usize));
    let timers = [
        patch.expires_at.map(|at| (at, TimerKind::PatchExpiry)),
        next.map(|step| (step.at, TimerKind::PatchEscalation)),
    ];
    for (at, kind) in timers.into_iter().flatten() {
        state.timers.remove(&(at, kind, patch_key(number)));
    }
}
