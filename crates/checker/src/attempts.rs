//! Attempts, from being handed out to their retries, and instances that wait for a person (I-15,
//! I-19, I-20, D-10 to D-13).

use aob_engine::{
    AttemptRedispatched, InstanceId, LateResultDiscarded, NodeCancelling, NodeParked,
    NodeScheduled, ParkReason, RetryGranted, RetryScheduled,
};
use aob_ir::OnError;

use crate::graph::UNDO_SUFFIX;
use crate::kinds::{Arrival, Does};
use crate::phase::{Open, Phase};
use crate::retry::{is_retried, retry_window};
use crate::rules::{
    Cx, D_08, D_10, D_11, D_12, D_13, D_16, I_13, I_14, I_15, I_16, I_19, I_20, I_24, I_25,
};
use crate::run::Begins;
use crate::state::{State, repeatable};

impl State {
    /// `node_scheduled`.
    pub(crate) fn scheduled(&mut self, data: &NodeScheduled, cx: &mut Cx<'_>) {
        let instance = &data.instance;
        let phase = Phase::Attempt {
            redispatch_at: data.redispatch_at,
            queue_deadline: data.job.queue_deadline,
        };
        self.job(data, cx);
        let expected = self.open.get(instance).map_or(1, |open| open.attempt + 1);
        cx.require(data.attempt == expected, I_19, || {
            format!("attempt {} of `{instance}` instead of {expected}", data.attempt)
        });
        cx.require(data.attempt <= data.attempts_max, I_19, || {
            format!("attempt {} of `{instance}` of {}", data.attempt, data.attempts_max)
        });
        let before = self.open.get(instance).cloned();
        match before.as_ref().map(|open| &open.phase) {
            Some(Phase::Retrying { retry_at }) => {
                cx.not_before(*retry_at, || format!("attempt {} of `{instance}`", data.attempt));
                self.goes_on(instance, cx);
            }
            Some(Phase::Granted) => self.goes_on(instance, cx),
            Some(_) | None => {
                self.begins(instance, phase.clone(), Does::Job(data.job.job_type), cx)
            }
        }
        if let Some(before) = &before {
            let (most, same) = (data.attempts_max, data.attempts_max == before.attempts_max);
            let first = before.attempt == 0;
            let rises = before.repaired && data.generation == before.generation + 1;
            cx.require(before.generation == data.generation || first || rises, I_20, || {
                format!("`{instance}` changes its generation to {}", data.generation)
            });
            cx.require(same || first, I_19, || {
                format!("`{instance}` grants itself {most} attempts")
            });
        }
        self.budgets.scheduled(instance, data.job.metered);
        if let Some(open) = self.open.get_mut(instance) {
            open.phase = phase;
            open.attempt = data.attempt;
            open.attempts_max = data.attempts_max;
            open.generation = data.generation;
            open.effect = Some(data.job.effect);
            open.leased = data.job.leased;
            open.repaired = false;
        }
    }

    /// A new attempt of an instance that is open.
    fn goes_on(&self, instance: &InstanceId, cx: &mut Cx<'_>) {
        let is_undo = instance.node.ends_with(UNDO_SUFFIX);
        let begins = if is_undo { Begins::Compensation } else { Begins::Work };
        self.run.may_begin(begins, &|| format!("`{instance}` goes on"), cx);
    }

    /// Checks a job against its node (D-16, I-19) and its key (I-20).
    fn job(&self, data: &NodeScheduled, cx: &mut Cx<'_>) {
        let (instance, job) = (&data.instance, &data.job);
        if let Some(run) = self.run.id() {
            let key = aob_engine::idempotency_key(run, instance, data.generation);
            cx.require(*job.idempotency_key == *key, I_20, || {
                format!("`{instance}` runs under the key `{}`, not `{key}`", job.idempotency_key)
            });
        }
        let harmless = repeatable(job.effect);
        cx.require(job.leased || harmless, D_16, || {
            format!("`{instance}` runs without a lease, though its effect is {:?}", job.effect)
        });
        let graph = self.graph.as_deref();
        let Some(node) = graph.and_then(|g| g.node(g.place(instance).ok()?.key)) else { return };
        cx.require(node.effect == job.effect, D_16, || {
            format!("the effect of `{instance}` is {:?}, not {:?}", node.effect, job.effect)
        });
        let first = data.attempt == 1;
        cx.require(!first || data.attempts_max == node.retry.max_attempts, I_19, || {
            format!("`{instance}` may have {} attempts", node.retry.max_attempts)
        });
    }

    /// `attempt_redispatched`.
    pub(crate) fn redispatched(&mut self, data: &AttemptRedispatched, cx: &mut Cx<'_>) {
        let (instance, attempt) = (&data.instance, data.attempt);
        match self.open.get_mut(instance) {
            Some(Open { phase: Phase::Attempt { redispatch_at, .. }, attempt: out, .. })
                if *out == attempt =>
            {
                cx.not_before(*redispatch_at, || format!("redispatch of `{instance}`"));
                *redispatch_at = data.redispatch_at;
            }
            Some(_) | None => {
                cx.violation(
                    D_12,
                    format!("attempt {attempt} of `{instance}` is sent, but not out"),
                );
            }
        }
    }

    /// A result names `attempt` of `instance`: reports it unless that attempt is out.
    pub(crate) fn is_outstanding(
        &self,
        instance: &InstanceId,
        attempt: u32,
        cx: &mut Cx<'_>,
    ) -> bool {
        match self.open.get(instance) {
            Some(open)
                if matches!(open.phase, Phase::Attempt { .. }) && open.attempt == attempt =>
            {
                true
            }
            Some(open) => {
                let (now, doing) = (open.attempt, open.phase.name());
                cx.violation(
                    I_15,
                    format!("a result of attempt {attempt} of `{instance}`, {doing} ({now})"),
                );
                false
            }
            None if self.is_over(instance) => {
                cx.violation(I_13, format!("a second result of `{instance}`"));
                false
            }
            None => {
                cx.violation(I_15, format!("a result of `{instance}`, which was not handed out"));
                false
            }
        }
    }

    /// `retry_scheduled`.
    pub(crate) fn retry_scheduled(&mut self, data: &RetryScheduled, cx: &mut Cx<'_>) {
        let instance = &data.instance;
        if !self.is_outstanding(instance, data.attempt, cx) {
            return;
        }
        self.run_out_of_queue(instance, &data.failure, cx);
        let is_undo = instance.node.ends_with(UNDO_SUFFIX);
        cx.require(is_undo || !self.run.is_stopping(), I_24, || {
            format!("`{instance}` is to be retried although the run is being stopped")
        });
        let node = self.node_of(instance);
        let retried = is_retried(node, &data.failure);
        cx.require(retried, I_19, || {
            format!("`{instance}` is retried after `{}`", data.failure.code)
        });
        let (earliest, latest) = retry_window(node, data, cx.at);
        cx.require(data.retry_at >= earliest && data.retry_at <= latest, I_19, || {
            let at = data.retry_at;
            format!("`{instance}` is retried at {at}, not from {earliest} to {latest}")
        });
        let Some(open) = self.open.get_mut(instance) else { return };
        cx.require(data.attempt < open.attempts_max, I_19, || {
            format!("`{instance}` is retried after the last attempt")
        });
        cx.require(open.stopping.is_none(), I_25, || {
            format!("`{instance}` is to be retried although it was asked to stop")
        });
        let may_repeat = !data.failure.lost || open.effect.is_none_or(repeatable);
        cx.require(may_repeat, D_13, || {
            format!("`{instance}` is lost and repeated, though its effect is {:?}", open.effect)
        });
        open.phase = Phase::Retrying { retry_at: data.retry_at };
        self.budgets.over(instance);
    }

    /// A failure with the queue's timeout is not early.
    pub(crate) fn run_out_of_queue(
        &self,
        instance: &InstanceId,
        failure: &aob_engine::Failure,
        cx: &mut Cx<'_>,
    ) {
        if &*failure.code == "queue_timeout"
            && let Some(Open { phase: Phase::Attempt { queue_deadline: Some(due), .. }, .. }) =
                self.open.get(instance)
        {
            cx.not_before(*due, || format!("queue timeout of `{instance}`"));
        }
    }

    /// The node of `instance`.
    pub(crate) fn node_of(&self, instance: &InstanceId) -> Option<&aob_ir::NodeIr> {
        let graph = self.graph.as_ref()?;
        graph.node(graph.place(instance).ok()?.key)
    }

    /// `node_parked`.
    pub(crate) fn parked(&mut self, data: &NodeParked, cx: &mut Cx<'_>) {
        let instance = &data.instance;
        self.park_reason(data, cx);
        self.parks_for_budget(data, cx);
        self.budgets.over(instance);
        if let Some(open) = self.open.get(instance) {
            let is_out = matches!(open.phase, Phase::Attempt { .. });
            let fits = if is_out { open.attempt == data.attempt } else { data.attempt == 0 };
            cx.require(fits || open.attempt == data.attempt, I_15, || {
                format!("`{instance}` parks with attempt {} of {}", data.attempt, open.attempt)
            });
            let parked = matches!(open.phase, Phase::Parked);
            cx.require(!parked, I_16, || format!("`{instance}` is parked already"));
        } else if self.is_over(instance) {
            cx.violation(I_14, format!("`{instance}` parks after its end"));
            return;
        } else {
            let place = self.place(instance, cx);
            let unsatisfiable = data.failure.as_ref().is_some_and(crate::ends::join_failed);
            let arrival = if unsatisfiable { Arrival::Unsatisfiable } else { Arrival::Satisfied };
            let unknown = data.reason == ParkReason::UnknownType;
            let does = unknown.then_some(Does::ParkUnknown);
            self.arrives(instance, place.as_ref(), arrival, does, cx);
            self.open.insert(instance.clone(), Open::new(Phase::Parked));
        }
        if let Some(open) = self.open.get_mut(instance) {
            open.phase = Phase::Parked;
        }
    }

    fn park_reason(&self, data: &NodeParked, cx: &mut Cx<'_>) {
        let instance = &data.instance;
        let is_undo = instance.node.ends_with(UNDO_SUFFIX);
        match data.reason {
            ParkReason::OutcomeUnknown => {
                let lost = data.failure.as_ref().is_some_and(|failure| failure.lost);
                cx.require(lost, D_13, || format!("`{instance}` parks as lost, but is not"));
            }
            ParkReason::OnError => {
                let declared =
                    self.node_of(instance).is_none_or(|node| node.on_error == OnError::Park);
                cx.require(declared, D_16, || format!("`{instance}` parks, but not by its rule"));
            }
            ParkReason::UnknownType | ParkReason::BudgetExhausted => {}
            ParkReason::CompensationFailed => {
                cx.require(is_undo, D_08, || format!("`{instance}` compensates nothing"));
            }
        }
    }

    /// `retry_granted`.
    pub(crate) fn retry_granted(&mut self, data: &RetryGranted, cx: &mut Cx<'_>) {
        match self.open.get_mut(&data.instance) {
            Some(open) if open.phase == Phase::Parked => {
                cx.require(data.attempts_max > open.attempt, I_19, || {
                    format!("`{}` is granted no attempt", data.instance)
                });
                open.phase = Phase::Granted;
                open.attempts_max = data.attempts_max;
            }
            Some(_) | None => {
                cx.violation(D_10, format!("`{}` is retried, but not parked", data.instance));
            }
        }
    }

    /// `node_cancelling`.
    pub(crate) fn cancelling(&mut self, data: &NodeCancelling, cx: &mut Cx<'_>) {
        let instance = &data.instance;
        let out = self.open.get_mut(instance).filter(|open| match &open.phase {
            Phase::Attempt { .. } => open.attempt == data.attempt && data.child.is_none(),
            Phase::Child { child, .. } => data.child == Some(*child),
            Phase::Retrying { .. }
            | Phase::Granted
            | Phase::Timer { .. }
            | Phase::Signal { .. }
            | Phase::Approval { .. }
            | Phase::Map { .. }
            | Phase::Waiting { .. }
            | Phase::Parked => false,
        });
        let Some(open) = out else {
            cx.violation(D_12, format!("`{instance}` is asked to stop, but nothing is out"));
            return;
        };
        cx.require(open.stopping.is_none(), I_25, || format!("`{instance}` is stopped twice"));
        open.stopping = Some(data.fence_at);
    }

    /// `late_result_discarded`.
    pub(crate) fn late_result(&self, data: &LateResultDiscarded, cx: &mut Cx<'_>) {
        let (instance, attempt) = (&data.instance, data.attempt);
        let _ = self.place(instance, cx);
        if let Some(open) = self.open.get(instance) {
            let counts = matches!(open.phase, Phase::Attempt { .. }) && open.attempt == attempt;
            cx.require(!counts, D_11, || format!("the result of `{instance}` is discarded"));
            cx.require(attempt <= open.attempt, I_15, || {
                format!("a late result of attempt {attempt} of `{instance}`, which never was")
            });
        } else {
            cx.require(self.is_over(instance), I_15, || {
                format!("a late result of `{instance}`, which was not handed out")
            });
        }
    }
}
