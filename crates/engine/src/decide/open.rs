//! Starting an instance, by the type of its node.

use std::sync::{Arc, LazyLock};

use aob_ir::{
    CheckIr, CheckRule, ChildWorkflow, EffectClass, NodeIr, NodeKind, OnUnknown, Priority,
    Rendered, SecretSlot, Template, TimerIr, TransformIr,
};
use serde_json::Value;

use super::resolve::{Evaluated, Seen};
use super::{Decider, Step};
use crate::event::{
    ChildStarted, Failure, FailureOutcome, Fidelity, Job, JobType, NodeScheduled, NodeStarted,
    NodeWaiting, ParkReason, SignalAwaited, SkipCause, TimerStarted, WarningRaised,
};
use crate::ids::{InstanceId, RunId, RunKeys, Timestamp};
use crate::value::Payload;

/// Attempts at most this long, of harmless effect, run without a lease.
const UNLEASED_TIMEOUT_MS_MAX: u64 = 30_000;
/// First redispatch of an attempt that nobody is seen to take.
const REDISPATCH_MS: u64 = 60_000;
/// The pool of jobs that name none.
static DEFAULT_POOL: LazyLock<Arc<str>> = LazyLock::new(|| "default".into());
/// Longest wait between redispatches.
const REDISPATCH_MS_MAX: u64 = 600_000;

impl<'a> Decider<'a> {
    /// Starts an instance: decides it at once, or hands it to whoever it waits for.
    pub(super) fn open(&mut self, node: &'a NodeIr, id: &InstanceId, input: Payload) -> Step {
        let limit = self.state.meta().limits.max_instances;
        if self.state.head.opened >= limit {
            let text = format!("the run opened `limits.max_instances` ({limit}) instances");
            self.fail_run(Some(id.clone()), super::pump::failure("limit_exceeded", text));
            return Ok(());
        }
        let input = self.started(id, input);
        if let Some(failure) = self.check(&node.checks.pre, id, &input, true)? {
            return self.fail_instance(node, id, 0, FailureOutcome::Failed, failure);
        }
        let outcome = self.open_kind(node, id, &input)?;
        match outcome {
            Ok(()) => Ok(()),
            Err(failure) => self.fail_instance(node, id, 0, FailureOutcome::Failed, failure),
        }
    }

    /// Says that an instance opens, where the run tells as much; answers its input, which then
    /// stands in that event.
    fn started(&mut self, id: &InstanceId, input: Payload) -> Payload {
        match self.state.fidelity() {
            Fidelity::Fast => input,
            Fidelity::Full => {
                self.emit(NodeStarted { instance: id.clone(), input: input.clone() });
                Payload::by_ref(input.reference(self.state.head.seq))
            }
        }
    }

    fn open_kind(
        &mut self,
        node: &'a NodeIr,
        id: &InstanceId,
        input: &Payload,
    ) -> Step<Evaluated<()>> {
        match &node.kind {
            NodeKind::Function { config, .. }
            | NodeKind::Http { config }
            | NodeKind::Agent { config, .. } => return self.open_job(node, id, config, input),
            NodeKind::Transform(TransformIr::Template(template)) => {
                match self.rendered(template, id, input)? {
                    Ok((output, _)) => self.complete(node, id, 0, output)?,
                    Err(failure) => return Ok(Err(failure)),
                }
            }
            NodeKind::Transform(TransformIr::Expression(expr)) => {
                let seen = Seen { input: Some(input), ..Seen::default() };
                match self.evaluate(expr, id, seen)? {
                    Ok(value) => self.complete_with(node, id, value)?,
                    Err(failure) => return Ok(Err(failure)),
                }
            }
            NodeKind::Filter { items, expression } => {
                return self.open_filter(node, id, items, expression, input);
            }
            NodeKind::Aggregate { items, operation, field, by } => {
                let rule = super::aggregate::Aggregation {
                    operation: *operation,
                    field: field.as_deref(),
                    by: by.as_deref(),
                };
                return self.open_aggregate(node, id, items, rule, input);
            }
            NodeKind::Conditional | NodeKind::Parallel | NodeKind::Join => {
                self.complete(node, id, 0, input.clone())?;
            }
            NodeKind::Map(map) => return self.open_map(node, id, map, input),
            NodeKind::Loop { loop_ix } => return self.turn_loop(node, id, *loop_ix, input),
            NodeKind::Composite { workflow, inputs } => {
                return self.open_child(node, id, workflow, inputs.as_ref(), input);
            }
            NodeKind::Hitl { config } => return self.open_approval(node, id, config, input),
            NodeKind::Timer(timer) => return self.open_timer(node, id, timer, input),
            NodeKind::Signal { name, webhook } => {
                return self.open_signal(node, id, name, *webhook, input);
            }
            NodeKind::Handoff => {
                let expires_at = self.expiry(node);
                let reason = "handoff_not_served".into();
                self.emit(NodeWaiting { instance: id.clone(), reason, expires_at });
            }
            NodeKind::Unknown(policy) => self.open_unknown(node, id, *policy, input)?,
        }
        Ok(Ok(()))
    }

    /// When a wait of this node ends with `timeout`.
    pub(super) fn expiry(&self, node: &NodeIr) -> Option<Timestamp> {
        node.timeout_ms.map(|ms| self.now.plus_ms(ms))
    }

    /// The first of `checks` that does not hold, as a failure.
    pub(super) fn check(
        &self,
        checks: &[CheckIr],
        id: &InstanceId,
        value: &Payload,
        before: bool,
    ) -> Step<Option<Failure>> {
        for check in checks {
            let problem = match &check.rule {
                CheckRule::Expression(expr) => {
                    let mut seen = Seen::default();
                    if before {
                        seen.input = Some(value);
                    } else {
                        seen.output = Some(value);
                    }
                    match self.holds(expr, id, seen)? {
                        Ok(true) => None,
                        Ok(false) => Some(format!("`{}` does not hold", expr.source())),
                        Err(failure) => Some(failure.message.to_string()),
                    }
                }
                CheckRule::Schema(schema) => {
                    let blob = self.load_payload(value)?;
                    let problems = schema.validate(blob.value());
                    problems.first().map(|p| format!("`{}`: {}", p.pointer, p.message))
                }
            };
            if let Some(problem) = problem {
                let code = if before { "precondition_failed" } else { "postcondition_failed" };
                let text =
                    check.message.as_ref().map_or(problem.clone(), |m| format!("{m} ({problem})"));
                return Ok(Some(super::pump::failure(code, text)));
            }
        }
        Ok(None)
    }

    fn open_job(
        &mut self,
        node: &'a NodeIr,
        id: &InstanceId,
        template: &Template,
        input: &Payload,
    ) -> Step<Evaluated<()>> {
        let rendered = match self.rendered(template, id, input)? {
            Ok(rendered) => rendered,
            Err(failure) => return Ok(Err(failure)),
        };
        let job = self.job(node, id, rendered, input);
        self.emit(NodeScheduled {
            instance: id.clone(),
            attempt: 1,
            generation: 0,
            attempts_max: node.retry.max_attempts,
            redispatch_at: self.now.plus_ms(REDISPATCH_MS),
            job,
        });
        Ok(Ok(()))
    }

    /// The job of a node, of its rendered config and where secrets go in it.
    pub(super) fn job(
        &self,
        node: &NodeIr,
        id: &InstanceId,
        (config, secrets): (Payload, Vec<SecretSlot>),
        input: &Payload,
    ) -> Job {
        let (job_type, name, builtin) = if let NodeKind::Function { name, builtin, .. } = &node.kind
        {
            (JobType::Function, name, *builtin)
        } else if let NodeKind::Agent { .. } = &node.kind {
            (JobType::Agent, &node.type_name, false)
        } else {
            (JobType::Http, &node.type_name, node.pool.is_none())
        };
        let meta = self.state.meta();
        let key = self.keys.get_or_init(|| RunKeys::of(meta.run)).key(id, 0);
        let priority =
            if node.priority == Priority::Medium { meta.priority } else { node.priority };
        let harmless = match node.effect {
            EffectClass::None | EffectClass::Idempotent => true,
            EffectClass::Compensable | EffectClass::Irreversible => false,
        };
        let short = node.timeout_ms.is_some_and(|ms| ms <= UNLEASED_TIMEOUT_MS_MAX);
        let watched = node.queue_timeout_ms.is_some() || node.idle_timeout_ms.is_some();
        Job {
            job_type,
            name: Arc::clone(name),
            builtin,
            config,
            secrets,
            input: input.clone(),
            effect: node.effect,
            pool: Arc::clone(node.pool.as_ref().unwrap_or(&DEFAULT_POOL)),
            priority,
            idempotency_key: key,
            leased: !(builtin && harmless && short && !watched),
            timeout_ms: node.timeout_ms,
            queue_deadline: node.queue_timeout_ms.map(|ms| self.now.plus_ms(ms)),
            idle_timeout_ms: node.idle_timeout_ms,
            metered: job_type == JobType::Agent && self.is_bounded(node),
        }
    }

    fn open_child(
        &mut self,
        node: &'a NodeIr,
        id: &InstanceId,
        workflow: &ChildWorkflow,
        inputs: Option<&Template>,
        input: &Payload,
    ) -> Step<Evaluated<()>> {
        let inputs = match inputs {
            None => input.clone(),
            Some(template) => match self.rendered(template, id, input)? {
                Ok((inputs, _)) => inputs,
                Err(failure) => return Ok(Err(failure)),
            },
        };
        let (digest, tag) = match workflow {
            ChildWorkflow::Inline(digest) => (*digest, None),
            ChildWorkflow::Tag(tag) => match self.state.meta().children.get(tag) {
                Some(digest) => (*digest, Some(Arc::clone(tag))),
                None => {
                    let text = format!("there was no workflow `{tag}` when the run was created");
                    return Ok(Err(super::pump::failure("unknown_workflow", text)));
                }
            },
        };
        let run: RunId = self.state.meta().run;
        let budget = self.allotment(id);
        self.emit(ChildStarted {
            instance: id.clone(),
            child: run.child(id, 0, self.now),
            digest,
            tag,
            inputs,
            budget,
            expires_at: self.expiry(node),
        });
        Ok(Ok(()))
    }

    fn open_timer(
        &mut self,
        node: &'a NodeIr,
        id: &InstanceId,
        timer: &TimerIr,
        input: &Payload,
    ) -> Step<Evaluated<()>> {
        let (TimerIr::ForMs(template) | TimerIr::Until(template)) = timer;
        let value = match self.render(template, id, input)? {
            Ok(rendered) => rendered.value,
            Err(failure) => return Ok(Err(failure)),
        };
        let due = match timer {
            TimerIr::ForMs(_) => value.as_u64().map(|ms| self.now.plus_ms(ms)),
            TimerIr::Until(_) => value.as_str().and_then(|text| text.parse().ok()),
        };
        let Some(due) = due else {
            let text = format!("{value} is neither whole milliseconds nor an RFC 3339 time");
            return Ok(Err(super::pump::failure("invalid_timer", text)));
        };
        self.emit(TimerStarted { instance: id.clone(), due, input: input.clone() });
        if due <= self.now {
            self.complete(node, id, 0, input.clone())?;
        }
        Ok(Ok(()))
    }

    fn open_signal(
        &mut self,
        node: &'a NodeIr,
        id: &InstanceId,
        name: &Template,
        webhook: bool,
        input: &Payload,
    ) -> Step<Evaluated<()>> {
        let name = match self.render(name, id, input)? {
            Ok(Rendered { value: Value::String(name), .. }) => name,
            Ok(other) => {
                let text = format!("{} is not the name of a signal", other.value);
                return Ok(Err(super::pump::failure("invalid_signal_name", text)));
            }
            Err(failure) => return Ok(Err(failure)),
        };
        let name: Arc<str> = name.into();
        let expires_at = self.expiry(node);
        self.emit(SignalAwaited {
            instance: id.clone(),
            name: Arc::clone(&name),
            webhook,
            expires_at,
        });
        self.consume_signal(node, id, &name)?;
        Ok(Ok(()))
    }

    fn open_unknown(
        &mut self,
        node: &'a NodeIr,
        id: &InstanceId,
        policy: OnUnknown,
        input: &Payload,
    ) -> Step {
        match policy {
            OnUnknown::Skip | OnUnknown::Reject => {
                let message = format!(
                    "node `{}`: this server does not know the type `{}`",
                    node.id, node.type_name
                );
                self.emit(WarningRaised {
                    code: "unknown_type".into(),
                    message: message.into(),
                    node: Some(Arc::clone(&node.id)),
                });
                self.skip(node, id, SkipCause::UnknownType, Some(input.clone()), None)
            }
            OnUnknown::Park => {
                self.park(id, 0, ParkReason::UnknownType, None);
                Ok(())
            }
        }
    }
}

/// How long to wait before the redispatch after `count` of them.
pub(super) fn redispatch_ms(count: u32) -> u64 {
    REDISPATCH_MS.saturating_mul(1 << count.min(16)).min(REDISPATCH_MS_MAX)
}
