//! Stopping a run: everything open is cancelled, then fenced, then compensated, then it ends.

use aob_bugs::{Bug, seeded};

use super::{Decider, Step};
use crate::event::{
    ApprovalDecided, ApprovalOutcome, CancelCause, EdgesDecided, NodeCancelling, RunCancelled,
    RunFailed,
};
use crate::ids::{Actor, InstanceId};
use crate::state::{Doing, InstanceStatus, Phase};

impl Decider<'_> {
    /// Goes on with stopping the run as far as this segment holds.
    pub(super) fn stop_all(&mut self) -> Step {
        self.work.clear();
        if !self.stop_patches() || !self.stop_budgets() {
            self.leave_rest();
            return Ok(());
        }
        let open: Vec<InstanceId> =
            self.state.open.iter().map(|(key, ())| self.state.id_of(key)).collect();
        for id in open {
            if self.full() {
                self.leave_rest();
                return Ok(());
            }
            if !id.node.ends_with(".compensate") {
                let done = self.stop_one(&id);
                self.note_missing(done)?;
            }
        }
        if !self.state.open.is_empty() {
            return Ok(());
        }
        if self.state.head.phase == Phase::Failing && self.compensate_next()? {
            return Ok(());
        }
        self.end_run();
        Ok(())
    }

    fn stop_one(&mut self, id: &InstanceId) -> Step {
        let Some(instance) = self.state.instance(id) else { return Ok(()) };
        if instance.status.is_terminal() {
            // It had edges left to decide; where the run stops they lead nowhere.
            self.emit(EdgesDecided { instance: id.clone(), edges: Vec::new(), more: false });
            return Ok(());
        }
        let attempt = instance.attempt;
        let status = instance.status;
        match instance.doing.clone() {
            Doing::Job(job) if status == InstanceStatus::Scheduled => {
                if job.fence_at.is_none() {
                    let grace_ms = self.state.meta().cancel_grace_ms;
                    let fence_at = (!seeded(Bug::FenceMissing)).then(|| self.now.plus_ms(grace_ms));
                    let instance = id.clone();
                    self.emit(NodeCancelling { instance, attempt, child: None, fence_at });
                }
            }
            Doing::Child(_) if seeded(Bug::CancelStopsHere) => {
                self.write_cancelled(id, CancelCause::RunStopped)?;
            }
            Doing::Child(wait) => {
                if !wait.cancelling {
                    let (instance, child) = (id.clone(), Some(wait.child));
                    self.emit(NodeCancelling { instance, attempt: 0, child, fence_at: None });
                }
            }
            Doing::Approval { ticket } => {
                let outcome = ApprovalOutcome::Cancelled;
                self.emit(ApprovalDecided { ticket, outcome, by: Actor::system() });
                self.write_cancelled(id, CancelCause::RunStopped)?;
            }
            Doing::Job(_)
            | Doing::Nothing
            | Doing::Backoff { .. }
            | Doing::Timer { .. }
            | Doing::Signal { .. }
            | Doing::Map(_)
            | Doing::Unserved { .. }
            | Doing::Parked { .. } => self.write_cancelled(id, CancelCause::RunStopped)?,
        }
        Ok(())
    }

    fn end_run(&mut self) {
        let parent = self.state.parent().cloned();
        let spent = self.state.spent();
        match self.state.stopping_failure() {
            Some((source, failure)) if self.state.head.phase == Phase::Failing => {
                self.emit(RunFailed { source, failure, parent, spent });
            }
            Some(_) | None => {
                let reason = self.state.head.reason.clone();
                self.emit(RunCancelled { reason, parent, spent });
            }
        }
    }
}
