//! `Tick`: time passed. Everything due happens, in the order in which it was due.

use std::sync::Arc;

use aob_bugs::{Bug, seeded};
use aob_ir::NodeIr;

use super::{Decider, Step, Stop};
use crate::command::{LeaseView, NoChange};
use crate::event::{AttemptRedispatched, CancelCause, Failure, FailureOutcome, NodeCancelling};
use crate::ids::{InstanceId, Timestamp};
use crate::state::{Doing, InstanceStatus, JobState, Key, LEASE_MS, TimerKind};

impl<'a> Decider<'a> {
    pub(super) fn tick(&mut self, leases: &[LeaseView]) -> Step {
        if self.state.is_terminal() || !self.state.exists() {
            return Err(Stop::NoChange(NoChange::NotDue { next: None }));
        }
        let stops = self.fire_timers()?;
        if !stops {
            self.judge_leases(leases)?;
        }
        self.with_everything(Ok(()))?;
        if self.events.is_empty() && !self.state.head.continued {
            let next = self.next_due(leases);
            return Err(Stop::NoChange(NoChange::NotDue { next }));
        }
        Ok(())
    }

    fn is_due(&self, at: Timestamp) -> bool {
        at <= self.now || seeded(Bug::EarlyTimer) && at <= self.now.plus_ms(5_000)
    }

    /// Timers that count at this moment: while the run is paused, nothing is tried again.
    fn counts(&self, kind: TimerKind) -> bool {
        !(self.state.head.paused && kind == TimerKind::Retry)
    }

    /// Fires what is due. True where one of them stops the run: nothing else may happen before
    /// that has been carried out, and what is left is found by the next tick.
    fn fire_timers(&mut self) -> Step<bool> {
        let goes_on = !self.stopping();
        let due: Vec<(TimerKind, Key)> = self
            .state
            .timers
            .iter()
            .take_while(|((at, _, _), ())| self.is_due(*at))
            .filter(|((_, kind, _), ())| self.counts(*kind))
            .map(|((_, kind, key), ())| (*kind, key.clone()))
            .collect();
        for (kind, key) in due {
            if self.full() {
                break; // What is left is still due; the stored wake-up is past, so a tick follows.
            }
            if kind == TimerKind::Deadline {
                if self.active() {
                    let failure = super::pump::failure("run_timeout", "the run took too long");
                    self.fail_run(None, failure);
                }
            } else if kind == TimerKind::PatchExpiry {
                self.expire_patch(key.node);
            } else if kind == TimerKind::PatchEscalation {
                let patch = self.state.patches.get(&key.node);
                if let Some(ticket) = patch.and_then(|patch| patch.ticket.clone()) {
                    self.escalate(&ticket);
                }
            } else {
                let id = self.state.id_of(&key);
                if let Some(node) = self.find(&id) {
                    let done = self.fire(kind, node, &id);
                    self.note_missing(done)?;
                }
            }
            if goes_on && self.stopping() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn fire(&mut self, kind: TimerKind, node: &'a NodeIr, id: &InstanceId) -> Step {
        let Some(instance) = self.state.instance(id).cloned() else { return Ok(()) };
        match (kind, &instance.doing) {
            (TimerKind::Timer, Doing::Timer { due, input }) if self.is_due(*due) => {
                self.complete(node, id, 0, crate::value::Payload::by_ref(**input))
            }
            (TimerKind::Retry, Doing::Backoff { retry_at, job }) if *retry_at <= self.now => {
                self.schedule_again(node, id, instance.attempt, job)
            }
            (TimerKind::Redispatch, Doing::Job(job)) if job.redispatch_at <= self.now => {
                self.redispatch(id, instance.attempt, job);
                Ok(())
            }
            (TimerKind::Fence, Doing::Job(job))
                if job.fence_at.is_some_and(|at| at <= self.now) =>
            {
                self.write_cancelled(id, CancelCause::Fenced)
            }
            (TimerKind::Escalation, Doing::Approval { ticket }) => {
                self.escalate(ticket);
                Ok(())
            }
            (TimerKind::Expiry, doing) => self.expire(doing, node, id),
            (
                TimerKind::Timer
                | TimerKind::Retry
                | TimerKind::Redispatch
                | TimerKind::Fence
                | TimerKind::Escalation
                | TimerKind::Deadline
                | TimerKind::PatchExpiry
                | TimerKind::PatchEscalation,
                _,
            ) => Ok(()),
        }
    }

    fn expire(&mut self, doing: &Doing, node: &'a NodeIr, id: &InstanceId) -> Step {
        let failure = || super::pump::failure("timeout", "it waited too long");
        match doing {
            Doing::Approval { ticket } => self.expire_ticket(ticket, node, id),
            Doing::Signal { .. } | Doing::Unserved { .. } => {
                self.fail_instance(node, id, 0, FailureOutcome::TimedOut, failure())
            }
            Doing::Map(map) => {
                self.fail_instance(node, id, 0, FailureOutcome::TimedOut, failure())?;
                self.cancel_bodies(id, map)
            }
            Doing::Child(wait) if !wait.cancelling => {
                let (instance, child) = (id.clone(), Some(wait.child));
                self.emit(NodeCancelling { instance, attempt: 0, child, fence_at: None });
                Ok(())
            }
            Doing::Child(_)
            | Doing::Nothing
            | Doing::Job(_)
            | Doing::Backoff { .. }
            | Doing::Timer { .. }
            | Doing::Parked { .. } => Ok(()),
        }
    }

    fn redispatch(&mut self, id: &InstanceId, attempt: u32, job: &JobState) {
        let wait_ms = super::open::redispatch_ms(job.redispatches + 1);
        let redispatch_at = self.now.plus_ms(wait_ms);
        self.emit(AttemptRedispatched { instance: id.clone(), attempt, redispatch_at });
    }

    fn judge_leases(&mut self, leases: &[LeaseView]) -> Step {
        let goes_on = !self.stopping();
        for lease in leases {
            if self.full() || goes_on && self.stopping() {
                return Ok(());
            }
            let Some((job, attempt)) = self.leased_job(lease) else { continue };
            match verdict(&job, lease, self.now) {
                Verdict::Fine => {}
                Verdict::Redispatch => self.redispatch(&lease.instance, attempt, &job),
                Verdict::Lost(failure) => {
                    if let Some(node) = self.find(&lease.instance) {
                        let done = self.lose(node, &lease.instance, attempt, &job, failure);
                        self.note_missing(done)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn lose(
        &mut self,
        node: &'a NodeIr,
        id: &InstanceId,
        attempt: u32,
        job: &JobState,
        failure: Failure,
    ) -> Step {
        if job.fence_at.is_some() {
            return self.write_cancelled(id, CancelCause::Fenced);
        }
        self.attempt_failed(node, id, attempt, failure)
    }

    fn leased_job(&self, lease: &LeaseView) -> Option<(Arc<JobState>, u32)> {
        let instance = self.state.instance(&lease.instance)?;
        let current =
            instance.status == InstanceStatus::Scheduled && instance.attempt == lease.attempt;
        let Doing::Job(job) = &instance.doing else { return None };
        (current && job.leased).then(|| (job.clone(), instance.attempt))
    }

    /// When a tick may find something due, given these leases. They may have been read before the
    /// last attempt was scheduled: one that is missing is looked at again after a lease's length.
    fn next_due(&self, leases: &[LeaseView]) -> Option<Timestamp> {
        let mut timers = self.state.timers.iter().map(|((at, kind, _), ())| (*at, *kind));
        let timer = timers.find(|(_, kind)| self.counts(*kind)).map(|(at, _)| at);
        let known = leases.iter().filter_map(|lease| {
            let (job, _) = self.leased_job(lease)?;
            Some(lease_due(&job, lease))
        });
        let known: Vec<Timestamp> = known.collect();
        let missing = known.len() < self.state.head.leased as usize;
        let unseen = missing.then(|| self.now.plus_ms(LEASE_MS));
        known.into_iter().chain(timer).chain(unseen).min()
    }
}

enum Verdict {
    Fine,
    Redispatch,
    Lost(Failure),
}

fn lost(code: &str, message: &str) -> Failure {
    Failure { retryable: true, lost: true, ..super::pump::failure(code, message) }
}

fn verdict(job: &JobState, lease: &LeaseView, now: Timestamp) -> Verdict {
    let Some(granted_at) = lease.granted_at else {
        if job.queue_deadline.is_some_and(|at| at <= now) {
            let failure = super::pump::failure("queue_timeout", "no runner took it in time");
            return Verdict::Lost(failure);
        }
        return if job.redispatch_at <= now { Verdict::Redispatch } else { Verdict::Fine };
    };
    let past = |from: Timestamp, ms: Option<u64>| ms.is_some_and(|ms| from.plus_ms(ms) <= now);
    if past(granted_at, job.timeout_ms) {
        return Verdict::Lost(lost("timeout", "the attempt took too long"));
    }
    if past(lease.progress_at.unwrap_or(granted_at), job.idle_timeout_ms) {
        return Verdict::Lost(lost("idle_timeout", "the attempt reported no progress"));
    }
    if lease.until.is_some_and(|until| until <= now) {
        return Verdict::Lost(lost("lease_expired", "the runner was not heard of any more"));
    }
    Verdict::Fine
}

/// The earliest time at which [`verdict`] may change.
fn lease_due(job: &JobState, lease: &LeaseView) -> Timestamp {
    let Some(granted_at) = lease.granted_at else {
        return job.queue_deadline.map_or(job.redispatch_at, |at| at.min(job.redispatch_at));
    };
    let after = |from: Timestamp, ms: Option<u64>| ms.map(|ms| from.plus_ms(ms));
    let until = lease.until.unwrap_or(granted_at);
    [
        Some(until),
        after(granted_at, job.timeout_ms),
        after(lease.progress_at.unwrap_or(granted_at), job.idle_timeout_ms),
    ]
    .into_iter()
    .flatten()
    .min()
    .unwrap_or(until)
}
