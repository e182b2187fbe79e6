//! Deciding a command in two phases: what changes the graph, then what follows from it.

use std::sync::Arc;

use aob_bugs::{Bug, seeded};
use aob_ir::Ir;

use super::super::{Decider, Draft, Step, Stop, Surroundings};
use super::Changed;
use crate::command::{AttemptOutcome, AttemptResult, Command, Decision, NoChange, Request};
use crate::state::{About, Doing, InstanceStatus, Phase, RunState};

/// True for a command that may change the graph.
pub(in super::super) fn may_patch(state: &RunState, request: &Request) -> bool {
    match &request.command {
        Command::Patch(_) | Command::RevertPatch(_) | Command::WithdrawPatch { .. } => true,
        Command::Result(result) => !result.patches.is_empty() && counts(state, result),
        Command::Vote(vote) => state
            .tickets
            .get(&vote.ticket)
            .is_some_and(|ticket| matches!(ticket.about, About::Patch(_)) && !ticket.decided),
        Command::Start(_)
        | Command::Signal { .. }
        | Command::Cancel { .. }
        | Command::Pause { .. }
        | Command::Resume
        | Command::Retry { .. }
        | Command::Skip { .. }
        | Command::Fail { .. }
        | Command::Succeed { .. }
        | Command::ChildResult { .. }
        | Command::ReserveBudget(_)
        | Command::SettleBudget(_)
        | Command::RaiseBudget(_)
        | Command::Tick { .. }
        | Command::Continue { .. } => false,
    }
}

/// True for a success of the outstanding attempt in a run that goes on.
fn counts(state: &RunState, result: &AttemptResult) -> bool {
    let outstanding = state.instance(&result.instance).is_some_and(|instance| {
        let asked_to_stop =
            if let Doing::Job(job) = &instance.doing { job.fence_at.is_some() } else { true };
        instance.status == InstanceStatus::Scheduled
            && instance.attempt == result.attempt
            && !asked_to_stop
    });
    let success = matches!(result.outcome, AttemptOutcome::Completed { .. });
    success && outstanding && state.head.phase == Phase::Active
}

/// As [`super::super::advance`], for a command that [`may_patch`].
pub(in super::super) fn advance_patched(
    state: &mut RunState,
    ir: &Ir,
    around: &Surroundings<'_>,
) -> Decision {
    state.begin();
    let mut draft = Draft::default();
    let mut held: Changed = None;
    let done = decide(state, ir, around, &mut draft, &mut held);
    let stop = match done {
        Ok(()) if draft.events.is_empty() => Stop::NoChange(NoChange::Repeated),
        Ok(()) => {
            state.keep();
            return Decision::Append { events: draft.events, blobs: draft.new_blobs, ir: held };
        }
        Err(stop) => stop,
    };
    state.undo();
    stop.into()
}

fn decide(
    state: &mut RunState,
    ir: &Ir,
    around: &Surroundings<'_>,
    draft: &mut Draft,
    held: &mut Changed,
) -> Step {
    let continued = state.head.continued;
    for step in 0..steps(&around.request.command) {
        let current = held.clone();
        let mut decider =
            Decider::of(state, current.as_deref().unwrap_or(ir), around, std::mem::take(draft));
        let changed = decider.patch_step(step);
        *draft = decider.into_draft();
        if let Some(ir) = changed? {
            *held = Some(ir);
        }
    }
    let current: Option<Arc<Ir>> = held.clone().filter(|_| !seeded(Bug::MixedGraph));
    let mut decider =
        Decider::of(state, current.as_deref().unwrap_or(ir), around, std::mem::take(draft));
    let done = decider.after_patches(held.is_some() || continued);
    *draft = decider.into_draft();
    done
}

/// How many patches a command brings.
fn steps(command: &Command) -> usize {
    if let Command::Result(result) = command { result.patches.len() } else { 1 }
}

impl Decider<'_> {
    /// One patch of the command.
    fn patch_step(&mut self, step: usize) -> Step<Changed> {
        let request = self.request;
        if let Command::Patch(proposal) = &request.command {
            return self.propose(proposal);
        }
        if let Command::RevertPatch(revert) = &request.command {
            return self.revert(revert);
        }
        if let Command::WithdrawPatch { patch, reason } = &request.command {
            return self.withdraw_patch(patch, reason.as_deref());
        }
        if let Command::Vote(vote) = &request.command {
            return self.vote_on_patch(vote);
        }
        if let Command::Result(result) = &request.command
            && let Some(patch) = result.patches.get(step)
        {
            return self.patch_of_result(result, step, patch);
        }
        Ok(None)
    }

    /// What follows under the graph that holds now: a result is recorded, new edges out of finished
    /// instances are decided, and whatever can start, starts.
    fn after_patches(&mut self, gather: bool) -> Step {
        let request = self.request;
        if let Command::Result(result) = &request.command {
            self.result(result)?;
        }
        if gather {
            self.gather_work();
        }
        self.pump()
    }
}
