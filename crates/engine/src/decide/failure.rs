//! Failures: retries first, then failure edges, then `on_error`.

use std::sync::Arc;

use aob_bugs::{Bug, seeded};
use aob_ir::{EdgeOn, EffectClass, NodeIr, OnError};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{Decider, Step};
use crate::command::Command;
use crate::event::{
    EdgeState, Failure, FailureOutcome, HandledBy, NodeFailed, NodeParked, ParkReason,
    RetryScheduled, RunFailing, SkipCause,
};
use crate::ids::InstanceId;
use crate::state::Doing;
use crate::value::Payload;

impl<'a> Decider<'a> {
    /// An attempt failed: another one, a person, or the end of the instance.
    pub(super) fn attempt_failed(
        &mut self,
        node: &'a NodeIr,
        id: &InstanceId,
        attempt: u32,
        failure: Failure,
    ) -> Step {
        let harmful = match self.job_effect(id).unwrap_or(node.effect) {
            EffectClass::None | EffectClass::Idempotent => false,
            EffectClass::Compensable | EffectClass::Irreversible => true,
        };
        if failure.lost && harmful && !seeded(Bug::RetryIgnoresEffect) {
            self.park(id, attempt, ParkReason::OutcomeUnknown, Some(failure));
            return Ok(());
        }
        let granted = self.state.instance(id).map_or(0, |i| i.attempts_max);
        let attempts_max = granted + u32::from(seeded(Bug::RetryOnceMore));
        let listed = &node.retry.retry_on;
        let wanted = listed.is_empty() || listed.contains(&failure.code);
        if failure.retryable && wanted && attempt < attempts_max {
            let wait_ms =
                self.backoff_ms(node, id, attempt).max(failure.retry_after_ms.unwrap_or(0));
            let retry_at = self.now.plus_ms(wait_ms);
            self.emit(RetryScheduled { instance: id.clone(), attempt, failure, retry_at });
            return Ok(());
        }
        let outcome = match &*failure.code {
            "timeout" | "queue_timeout" | "idle_timeout" => FailureOutcome::TimedOut,
            _ => FailureOutcome::Failed,
        };
        self.fail_instance(node, id, attempt, outcome, failure)
    }

    fn job_effect(&self, id: &InstanceId) -> Option<EffectClass> {
        let instance = self.state.instance(id)?;
        if let Doing::Job(job) = &instance.doing { Some(job.effect) } else { None }
    }

    /// The policy's wait after `attempt`, plus up to a fifth of it, chosen by a hash so that
    /// retries of many instances spread and replays agree.
    fn backoff_ms(&self, node: &NodeIr, id: &InstanceId, attempt: u32) -> u64 {
        let growth = node
            .retry
            .backoff_multiplier
            .max(1.0)
            .powi(i32::try_from(attempt - 1).unwrap_or(i32::MAX));
        let wait = (node.retry.backoff_ms as f64 * growth).min(node.retry.max_backoff_ms as f64);
        let wait = wait as u64;
        let mut hash = Sha256::new();
        hash.update(b"aob.jitter.1");
        hash.update(self.state.meta().run.0.as_bytes());
        hash.update(id.to_string().as_bytes());
        hash.update(attempt.to_be_bytes());
        let digest = hash.finalize();
        let spread = u64::from(u16::from_be_bytes([digest[0], digest[1]]));
        wait + wait / 5 * spread / u64::from(u16::MAX)
    }

    pub(super) fn park(
        &mut self,
        id: &InstanceId,
        attempt: u32,
        reason: ParkReason,
        failure: Option<Failure>,
    ) {
        self.emit(NodeParked { instance: id.clone(), attempt, reason, failure, budget: None });
    }

    /// An instance failed after its retries.
    pub(super) fn fail_instance(
        &mut self,
        node: &'a NodeIr,
        id: &InstanceId,
        attempt: u32,
        outcome: FailureOutcome,
        failure: Failure,
    ) -> Step {
        let error = json!({"error": {"code": failure.code, "message": failure.message}});
        let output = self.payload_of(error);
        self.fail_with(node, id, attempt, outcome, failure, output)
    }

    /// As [`Decider::fail_instance`], with what flows along the edges taken.
    #[expect(clippy::too_many_arguments, reason = "the parts of one event")]
    pub(super) fn fail_with(
        &mut self,
        node: &'a NodeIr,
        id: &InstanceId,
        attempt: u32,
        outcome: FailureOutcome,
        failure: Failure,
        output: Payload,
    ) -> Step {
        if id.node.ends_with(".compensate") {
            self.park(id, attempt, ParkReason::CompensationFailed, Some(failure));
            return Ok(());
        }
        let ending = super::edges::Ending::Failed(outcome);
        // A guard of a failure edge that cannot be evaluated does not hold.
        let decisions = match self.decide_edges(node, id, ending, &output)? {
            Ok(decisions) => decisions,
            Err(_) => self.decide_nowhere(node, id)?,
        };
        let taken = decisions.iter().any(|decision| decision.is == EdgeState::Taken);
        let handled_by = if taken || self.route_taken(node, id) {
            HandledBy::Edge
        } else {
            match node.on_error {
                OnError::Skip => {
                    let null = self.payload_of(serde_json::Value::Null);
                    return self.skip(node, id, SkipCause::OnError, Some(null), Some(failure));
                }
                OnError::Park if !self.is_failed_by_hand(id) => {
                    self.park(id, attempt, ParkReason::OnError, Some(failure));
                    return Ok(());
                }
                OnError::Fail | OnError::Route | OnError::Park => self.tolerance(node, id),
            }
        };
        let unhandled = (handled_by == HandledBy::Nobody).then(|| failure.clone());
        let decisions = if unhandled.is_some() { Vec::new() } else { decisions };
        let (edges, more) = super::edges::split(decisions);
        self.bytes += super::edges::bytes(&edges);
        let targets = self.targets(node, id, &edges);
        let instance = id.clone();
        self.emit(NodeFailed {
            instance,
            attempt,
            outcome,
            failure,
            handled_by,
            output,
            edges,
            more,
        });
        match unhandled {
            Some(failure) => self.fail_run(Some(id.clone()), failure),
            None => self.ended(id, targets, more),
        }
        Ok(())
    }

    /// True where a person decides that a parked instance fails: it must not park again.
    fn is_failed_by_hand(&self, id: &InstanceId) -> bool {
        matches!(&self.request.command, Command::Fail { instance, .. } if instance == id)
    }

    /// True where another iteration already took a failure route out of the loop.
    fn route_taken(&self, node: &NodeIr, id: &InstanceId) -> bool {
        let taken = |edge: &aob_ir::EdgeIr| {
            let kept = (edge.common_loops as usize).min(id.scope.0.len());
            let scope = self.state.scope_key(&crate::ids::Scope(id.scope.0[..kept].into()))?;
            let name = self.state.names.get(&edge.id)?;
            let key = crate::state::Key { scope, node: name };
            Some(self.state.edges.get(&key)?.is == EdgeState::Taken)
        };
        let routes = node.outgoing.iter().map(|&ix| self.ir.edge(ix));
        routes
            .filter(|edge| (edge.common_loops as usize) < node.loops.len())
            .any(|edge| taken(edge) == Some(true))
    }

    /// Who lets this failure pass: the map around it, or a join behind it.
    fn tolerance(&self, node: &NodeIr, id: &InstanceId) -> HandledBy {
        if let Some((map, _)) = self.map_of(id) {
            let state = self.state.instance(&map).map(|instance| &instance.doing);
            if let Some(Doing::Map(state)) = state
                && state.failed < state.tolerated
            {
                return HandledBy::Tolerance;
            }
            return HandledBy::Map;
        }
        let passes = |edge: &aob_ir::EdgeIr| {
            let target = self.ir.node(edge.to);
            let allowed = super::pump::tolerated(target.join.tolerate, target.incoming.len());
            if edge.on != EdgeOn::Success || allowed == 0 {
                return false;
            }
            let decision_scope = (edge.common_loops as usize).min(id.scope.0.len());
            let mut scope = crate::ids::Scope(id.scope.0[..decision_scope].into());
            for &ix in target.loops.iter().skip(edge.common_loops as usize) {
                scope = scope.child(self.loop_name(ix), 1);
            }
            let target_id = InstanceId { node: Arc::clone(&target.id), scope };
            let started = self.state.instance(&target_id).is_some();
            let key = self.state.key(&target_id);
            let failed = key.and_then(|key| self.state.joins.get(&key)).map_or(0, |j| j.failed);
            started || failed < allowed
        };
        let mut edges = node.outgoing.iter().map(|&ix| self.ir.edge(ix));
        if edges.any(passes) { HandledBy::Tolerance } else { HandledBy::Nobody }
    }

    /// Nobody handles it: the run stops.
    pub(super) fn fail_run(&mut self, source: Option<InstanceId>, failure: Failure) {
        self.work.clear();
        self.emit(RunFailing { source, failure });
    }
}
