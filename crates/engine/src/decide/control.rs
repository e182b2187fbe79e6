//! Commands by hand: cancel, pause, resume, and what a person decides of a parked instance.

use std::sync::Arc;

use aob_ir::NodeIr;
use serde_json::Value;

use super::edges::Ending;
use super::inline::Extras;
use super::{Decider, Step, Stop, reject};
use crate::command::{NoChange, RejectionCode};
use crate::event::{
    CancelRequested, FailureOutcome, NodeScheduled, RetryGranted, RunPaused, RunResumed, SkipCause,
};
use crate::ids::InstanceId;
use crate::state::{Doing, InstanceStatus, JobState};
use crate::value::Blob;

impl<'a> Decider<'a> {
    pub(super) fn cancel(&mut self, reason: Option<Arc<str>>) -> Step {
        if self.state.is_terminal() || self.stopping() {
            return Err(Stop::NoChange(NoChange::Repeated));
        }
        let actor = self.request.actor.clone();
        self.emit(CancelRequested { actor, reason });
        Ok(())
    }

    pub(super) fn pause(&mut self, reason: Option<Arc<str>>) -> Step {
        self.require_active()?;
        if self.state.head.paused {
            return Err(Stop::NoChange(NoChange::Repeated));
        }
        let actor = self.request.actor.clone();
        self.emit(RunPaused { actor, reason });
        Ok(())
    }

    pub(super) fn resume(&mut self) -> Step {
        self.require_active()?;
        if !self.state.head.paused {
            let text = "the run is not paused".to_owned();
            return Err(reject(
                RejectionCode::NotPaused,
                text,
                Some("`aob run status` says what it does"),
            ));
        }
        let actor = self.request.actor.clone();
        self.emit(RunResumed { actor });
        self.gather_work();
        Ok(())
    }

    /// The parked instance that a command names, with its node.
    fn parked(&self, id: &InstanceId) -> Step<(&'a NodeIr, u32, Option<Arc<JobState>>)> {
        self.require_live()?;
        let Some((node, instance)) = self.find(id).zip(self.state.instance(id)) else {
            let text = format!("the run has no instance `{id}`");
            return Err(reject(
                RejectionCode::UnknownInstance,
                text,
                Some("`aob run status` lists them"),
            ));
        };
        let Doing::Parked { job, .. } = &instance.doing else {
            let text = format!("`{id}` is not parked");
            let hint = "only parked instances are retried, skipped or failed by hand; \
                        a failed run is tried again through a fork";
            return Err(reject(RejectionCode::NotParked, text, Some(hint)));
        };
        if instance.status != InstanceStatus::Parked {
            let text = format!("`{id}` is not parked any more");
            return Err(reject(RejectionCode::NotParked, text, None));
        }
        Ok((node, instance.attempt, job.clone()))
    }

    pub(super) fn retry_by_hand(&mut self, id: &InstanceId) -> Step {
        let (node, attempt, job) = self.parked(id)?;
        let Some(job) = job else {
            if self.state.instance(id).is_some_and(|instance| instance.repaired) {
                return self.open_repaired(node, id);
            }
            let text = format!("`{id}` parked before its first attempt, and would do so again");
            let hint = "skip it, fail it, or say what it returned (`aob run succeed`)";
            return Err(reject(RejectionCode::NotRetryable, text, Some(hint)));
        };
        let attempts_max = attempt.saturating_add(node.retry.max_attempts.max(1));
        let by = self.request.actor.clone();
        self.emit(RetryGranted { instance: id.clone(), attempts_max, by });
        if self.state.head.paused {
            // The grant stands, and is due when the run goes on.
            return Ok(());
        }
        self.schedule_again(node, id, attempt, &job)
    }

    /// Hands out the attempt after `attempt`, with the same request, unless its node was repaired.
    pub(super) fn schedule_again(
        &mut self,
        node: &'a NodeIr,
        id: &InstanceId,
        attempt: u32,
        job: &JobState,
    ) -> Step {
        let Some(instance) = self.state.instance(id) else { return Ok(()) };
        let (generation, attempts_max) = (instance.generation, instance.attempts_max);
        let (generation, mut job) = if instance.repaired {
            match self.repaired_job(node, id, job, generation)? {
                Ok(repaired) => repaired,
                Err(failure) => {
                    let outcome = FailureOutcome::Failed;
                    return self.fail_instance(node, id, attempt, outcome, failure);
                }
            }
        } else {
            (generation, job.to_job())
        };
        job.queue_deadline = node.queue_timeout_ms.map(|ms| self.now.plus_ms(ms));
        self.emit(NodeScheduled {
            instance: id.clone(),
            attempt: attempt + 1,
            generation,
            attempts_max,
            redispatch_at: self.now.plus_ms(super::open::redispatch_ms(0)),
            job,
        });
        Ok(())
    }

    pub(super) fn skip_by_hand(&mut self, id: &InstanceId) -> Step {
        let (node, ..) = self.parked(id)?;
        let null = self.payload_of(Value::Null);
        self.skip(node, id, SkipCause::ByHand, Some(null), None)
    }

    pub(super) fn fail_by_hand(&mut self, id: &InstanceId, message: &Arc<str>) -> Step {
        let (node, attempt, _) = self.parked(id)?;
        let failure = super::pump::failure("failed_by_hand", Arc::clone(message));
        if id.node.ends_with(".compensate") {
            // A compensation that a person gives up: the run ends with it undone.
            let failed =
                serde_json::json!({"error": {"code": failure.code, "message": failure.message}});
            let output = self.payload_of(failed);
            return self.give_up(id, attempt, failure, output);
        }
        if self.stopping() {
            return self.write_cancelled(id, crate::event::CancelCause::RunStopped);
        }
        self.fail_instance(node, id, attempt, FailureOutcome::Failed, failure)
    }

    fn give_up(
        &mut self,
        id: &InstanceId,
        attempt: u32,
        failure: crate::event::Failure,
        output: crate::value::Payload,
    ) -> Step {
        self.emit(crate::event::NodeFailed {
            instance: id.clone(),
            attempt,
            outcome: FailureOutcome::Failed,
            failure,
            handled_by: crate::event::HandledBy::Tolerance,
            output,
            edges: Vec::new(),
            more: false,
        });
        Ok(())
    }

    pub(super) fn succeed_by_hand(&mut self, id: &InstanceId, output: &Arc<Blob>) -> Step {
        let (node, attempt, _) = self.parked(id)?;
        let output = self.payload(output);
        let by = Some(self.request.actor.clone());
        let extras = Extras { by, ..Extras::default() };
        if self.stopping() {
            return self.complete_extra(node, id, attempt, output, extras);
        }
        // What a person says must do for what follows: a mistake here is theirs to correct, and
        // fails nothing.
        if let Some(failure) = self.check(&node.checks.post, id, &output, false)? {
            return Err(unfit(id, &failure));
        }
        let ending = Ending::of_success(node);
        match self.decide_edges(node, id, ending, &output)? {
            Ok(decisions) => self.write_completed(node, id, attempt, output, extras, decisions),
            Err(failure) => Err(unfit(id, &failure)),
        }
    }
}

fn unfit(id: &InstanceId, failure: &crate::event::Failure) -> Stop {
    let text = format!("this output does not do for `{id}`: {}", failure.message);
    reject(RejectionCode::InvalidOutput, text, Some("give an output that fits, or skip or fail it"))
}
