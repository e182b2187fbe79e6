//! `ChildResult`: a child run ended.

use aob_bugs::{Bug, seeded};

use super::{Decider, Step, Stop};
use crate::command::{ChildOutcome, NoChange};
use crate::event::{CancelCause, FailureOutcome, Spent};
use crate::ids::{InstanceId, RunId};
use crate::state::Doing;

impl Decider<'_> {
    pub(super) fn child_result(
        &mut self,
        id: &InstanceId,
        from: RunId,
        outcome: &ChildOutcome,
        spent: Option<Spent>,
    ) -> Step {
        let Some((node, instance)) = self.find(id).zip(self.state.instance(id)) else {
            return Err(Stop::NoChange(NoChange::Stale));
        };
        let Doing::Child(wait) = &instance.doing else {
            return Err(Stop::NoChange(NoChange::Repeated));
        };
        let (expires_at, cancelling) = (wait.expires_at, wait.cancelling);
        let dropped = seeded(Bug::ChildResultDropped);
        if wait.child != from || instance.status.is_terminal() || dropped {
            return Err(Stop::NoChange(NoChange::Repeated));
        }
        self.child_spent(id, from, spent);
        let expired = expires_at.is_some_and(|at| at <= self.now);
        match outcome {
            ChildOutcome::Completed { output } => {
                let output = self.payload(output);
                if self.stopping() {
                    let extras = super::inline::Extras::default();
                    return self.write_completed(node, id, 0, output, extras, Vec::new());
                }
                self.complete(node, id, 0, output)
            }
            ChildOutcome::Cancelled | ChildOutcome::Failed(_) if self.stopping() => {
                self.write_cancelled(id, CancelCause::Acknowledged)
            }
            ChildOutcome::Cancelled if cancelling && expired => {
                let failure = super::pump::failure("timeout", "the child run took too long");
                self.fail_instance(node, id, 0, FailureOutcome::TimedOut, failure)
            }
            ChildOutcome::Cancelled if cancelling => {
                self.write_cancelled(id, CancelCause::Acknowledged)
            }
            ChildOutcome::Cancelled => {
                let failure =
                    super::pump::failure("child_cancelled", "the child run was cancelled");
                self.fail_instance(node, id, 0, FailureOutcome::Failed, failure)
            }
            ChildOutcome::Failed(failure) => {
                self.fail_instance(node, id, 0, FailureOutcome::Failed, failure.clone())
            }
        }
    }
}
