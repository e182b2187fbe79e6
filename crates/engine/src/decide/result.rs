//! `Result`: a runner's answer. It counts only if it names the outstanding attempt.

use aob_bugs::{Bug, seeded};
use aob_ir::NodeIr;

use super::inline::Extras;
use super::{Decider, Step, Stop};
use crate::command::{AttemptOutcome, AttemptResult, NoChange};
use crate::event::{CancelCause, LateResultDiscarded};
use crate::ids::InstanceId;
use crate::state::{Doing, Instance, InstanceStatus};

impl<'a> Decider<'a> {
    pub(super) fn result(&mut self, result: &AttemptResult) -> Step {
        let id = &result.instance;
        let Some((node, instance)) = self.find(id).zip(self.state.instance(id)) else {
            return Err(Stop::NoChange(NoChange::Stale));
        };
        let current =
            instance.status == InstanceStatus::Scheduled && instance.attempt == result.attempt;
        let outstanding = if let Doing::Job(job) = &instance.doing {
            current.then_some(job.fence_at.is_some())
        } else {
            None
        };
        if seeded(Bug::ResultAppliedTwice)
            && let AttemptOutcome::Completed { output } = &result.outcome
        {
            let output = self.payload(output);
            return self.attempt_completed(node, result, output, Extras::default());
        }
        let Some(cancelling) = outstanding else {
            return self.late_result(result, instance.attempt, instance.heard, instance.status);
        };
        // A run that stops may not have got round to asking this one yet.
        let over = cancelling || (self.stopping() && !is_compensation(id));
        match &result.outcome {
            AttemptOutcome::Completed { output } => {
                let output = self.payload(output);
                let extras = Extras {
                    started_at: result.started_at,
                    usage: result.usage.clone(),
                    ..Extras::default()
                };
                self.attempt_completed(node, result, output, extras)
            }
            // Nobody knows whether its effect happened: it counts as possibly done.
            AttemptOutcome::Failed(failure) if over && failure.lost => {
                self.write_cancelled(id, CancelCause::Fenced)
            }
            AttemptOutcome::Failed(_) | AttemptOutcome::Cancelled if over => {
                self.write_cancelled(id, CancelCause::Acknowledged)
            }
            AttemptOutcome::Failed(failure) => {
                self.attempt_failed(node, id, result.attempt, failure.clone())
            }
            AttemptOutcome::Cancelled => {
                // Nobody asked for it: a runner that shuts down gives its attempt back.
                let mut failure = super::pump::failure("runner_stopped", "the runner stopped");
                failure.retryable = true;
                self.attempt_failed(node, id, result.attempt, failure)
            }
        }
    }

    fn attempt_completed(
        &mut self,
        node: &'a NodeIr,
        result: &AttemptResult,
        output: crate::value::Payload,
        extras: Extras,
    ) -> Step {
        let id = &result.instance;
        if self.stopping() && !is_compensation(id) {
            // What it did is on record and can be undone; nothing follows from it.
            return self.write_completed(node, id, result.attempt, output, extras, Vec::new());
        }
        self.complete_extra(node, id, result.attempt, output, extras)
    }

    /// An answer that no longer counts is written once: from then on it is on record, as is the one
    /// that ended its attempt.
    fn late_result(
        &mut self,
        result: &AttemptResult,
        last_attempt: u32,
        heard: u64,
        status: InstanceStatus,
    ) -> Step {
        let repeated = status == InstanceStatus::Completed && last_attempt == result.attempt;
        let heard = heard & Instance::heard_bit(result.attempt) != 0;
        if repeated || heard || result.attempt > last_attempt {
            return Err(Stop::NoChange(NoChange::Repeated));
        }
        self.emit(LateResultDiscarded {
            instance: result.instance.clone(),
            attempt: result.attempt,
            succeeded: matches!(result.outcome, AttemptOutcome::Completed { .. }),
        });
        Ok(())
    }
}

pub(super) fn is_compensation(id: &InstanceId) -> bool {
    id.node.ends_with(".compensate")
}
