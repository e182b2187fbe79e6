//! What single nodes come to, given their input.

use aob_engine::InstanceId;
use serde_json::{Map, Value, json};

use super::prediction::Outcome;
use super::value::{Truth, Val, evaluate};
use super::walk::Walk;
use crate::generator::{
    AttemptEnd, Effect, ItemTest, Kind, Node, OnError, PLANNED_MESSAGE, ParkedDecision, Transform,
};

/// One thing that an instance may come to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Res {
    pub(super) outcome: Outcome,
    /// What flows on.
    pub(super) value: Val,
    /// A person let it fail, so `on_error: park` does not apply again.
    pub(super) by_hand: bool,
}

impl Res {
    pub(super) fn new(outcome: Outcome, value: Val) -> Self {
        Self { outcome, value, by_hand: false }
    }

    pub(super) fn failed(code: &str) -> Self {
        Self::new(Outcome::Failed, Val::Error(code.to_owned()))
    }

    pub(super) fn timed_out(code: &str) -> Self {
        Self::new(Outcome::TimedOut, Val::Error(code.to_owned()))
    }

    pub(super) fn is_failure(&self) -> bool {
        matches!(self.outcome, Outcome::Failed | Outcome::TimedOut | Outcome::Rejected)
    }
}

/// True for effects that may be repeated when their outcome is not known.
fn repeatable(node: &Node) -> bool {
    match node.effect {
        Some(effect) => matches!(effect, Effect::None | Effect::Idempotent),
        None => !matches!(node.kind, Kind::Http { method: "POST" | "PATCH" }),
    }
}

impl Walk<'_> {
    /// What `instance` of `node` may come to before its edges and `on_error` are looked at. Empty:
    /// it waits for ever.
    pub(super) fn run_node(&mut self, node: &Node, instance: &InstanceId, input: Val) -> Vec<Res> {
        if let Some(guard) = &node.pre {
            match evaluate(guard, &Val::Unknown, &self.inputs) {
                Truth::True => {}
                Truth::False | Truth::Error => return vec![Res::failed("precondition_failed")],
                Truth::Unknown => {
                    let mut results = self.run_kind(node, instance, input);
                    results.push(Res::failed("precondition_failed"));
                    return results;
                }
            }
        }
        self.run_kind(node, instance, input)
    }

    fn run_kind(&mut self, node: &Node, instance: &InstanceId, input: Val) -> Vec<Res> {
        let completed = |value| vec![Res::new(Outcome::Completed, value)];
        match &node.kind {
            Kind::Function { .. } => self.attempts(node, instance, false),
            Kind::Http { .. } => self.attempts(node, instance, true),
            Kind::Agent => self.unserved(node, instance),
            Kind::Handoff => match node.timeout_ms {
                Some(_) => vec![Res::timed_out("timeout")],
                None => Vec::new(),
            },
            Kind::Transform(transform) => vec![self.transform(transform, instance, input)],
            Kind::Filter { items, keeps } => completed(Val::Known(filter(items, *keeps))),
            Kind::Aggregate { items, operation, field } => {
                completed(aggregate(items, operation, *field))
            }
            Kind::Conditional | Kind::Parallel | Kind::Join | Kind::Timer { .. } => {
                completed(input)
            }
            // Decided by its caller, who knows the iteration.
            Kind::Loop { .. } => completed(input),
            Kind::Map { .. } => self.map(node, instance),
            Kind::Composite { workflow, inputs } => {
                let inputs = match inputs {
                    Some(Value::String(_)) => self.inputs.clone(),
                    Some(value) => Val::Known(value.clone()),
                    None => input,
                };
                self.child(workflow, instance, inputs)
            }
            Kind::Hitl { quorum, .. } => {
                let votes = self.plan.votes(&self.path, &instance.to_string(), node);
                let approvals = votes.iter().filter(|vote| vote.approves).count();
                let outcome = if votes.iter().any(|vote| !vote.approves) {
                    Outcome::Rejected
                } else if approvals >= *quorum as usize {
                    Outcome::Completed
                } else {
                    Outcome::TimedOut
                };
                vec![Res::new(outcome, Val::Unknown)]
            }
            Kind::Signal { .. } => match self.plan.signal(&self.path, node) {
                Some((_, payload)) => completed(Val::Known(payload)),
                None => vec![Res::timed_out("timeout")],
            },
            Kind::Unknown { .. } if self.flow.parks_unknown => {
                vec![self.parked(instance, 1, false)]
            }
            Kind::Unknown { .. } => vec![Res::new(Outcome::PassedOver, input)],
        }
    }

    /// The attempts of a job, as planned and as the world is known to have lost them.
    fn attempts(&mut self, node: &Node, instance: &InstanceId, http: bool) -> Vec<Res> {
        let name = instance.to_string();
        let granted = node.retry.map_or(3, |retry| retry.max_attempts);
        let (mut attempts_max, mut parks) = (granted, 0);
        for attempt in 1.. {
            let ends = self.plan.attempt(&self.path, &name, attempt, http).again;
            let lost = self.facts.lost.get(&(self.path.clone(), name.clone(), attempt));
            let failure = match (lost, ends) {
                (Some(_), _) if !repeatable(node) => {
                    parks += 1;
                    let decided = self.parked(instance, parks, true);
                    if decided.outcome == Outcome::Open {
                        attempts_max = attempt + granted;
                        continue;
                    }
                    return vec![decided];
                }
                (Some(code), _) => (code.clone(), Val::Error(code.clone()), true),
                (None, AttemptEnd::Succeeds(value)) => {
                    return vec![Res::new(Outcome::Completed, Val::Known(value))];
                }
                (None, AttemptEnd::Fails { code, retryable }) => {
                    let value = Val::planned_error(code, PLANNED_MESSAGE);
                    (code.to_owned(), value, retryable)
                }
                // What is sent again does not hang again.
                (None, AttemptEnd::Hangs) => return Vec::new(),
            };
            let (code, value, retryable) = failure;
            if retryable && attempt < attempts_max {
                continue;
            }
            let timed_out = matches!(&*code, "timeout" | "queue_timeout" | "idle_timeout");
            let outcome = if timed_out { Outcome::TimedOut } else { Outcome::Failed };
            let result = Res::new(outcome, value);
            if node.on_error == OnError::Park && !self.has_way(node, instance, &result) {
                parks += 1;
                let decided = self.parked(instance, parks, true);
                if decided.outcome == Outcome::Open {
                    attempts_max = attempt + granted;
                    continue;
                }
                return vec![decided];
            }
            return vec![result];
        }
        Vec::new()
    }

    /// A job that nobody takes: each attempt ends with its queue timeout, if it has one.
    fn unserved(&self, node: &Node, instance: &InstanceId) -> Vec<Res> {
        if node.queue_timeout_ms.is_none() {
            return Vec::new();
        }
        let failure = Res::timed_out("queue_timeout");
        if node.on_error != OnError::Park || self.has_way(node, instance, &failure) {
            return vec![failure];
        }
        let mut decisions = (1..).map(|nth| self.parked(instance, nth, true));
        decisions.find(|decided| decided.outcome != Outcome::Open).into_iter().collect()
    }

    /// What a person makes of a parked instance; [`Outcome::Open`]: it goes on trying.
    pub(super) fn parked(&self, instance: &InstanceId, nth: u32, is_job: bool) -> Res {
        match self.plan.parked(&self.path, &instance.to_string(), nth, is_job) {
            ParkedDecision::Retry => Res::new(Outcome::Open, Val::Unknown),
            ParkedDecision::Skip => Res::new(Outcome::PassedOver, Val::null()),
            ParkedDecision::Fail => Res { by_hand: true, ..Res::failed("failed_by_hand") },
            ParkedDecision::Succeed(value) => Res::new(Outcome::Completed, Val::Known(value)),
        }
    }

    fn transform(&self, transform: &Transform, instance: &InstanceId, input: Val) -> Res {
        let k = match &self.inputs {
            Val::Known(inputs) => inputs.get("k").and_then(Value::as_i64),
            Val::Number(_) | Val::Error(_) | Val::Unknown => None,
        };
        let value = match transform {
            Transform::Constant(value) => Val::Known(value.clone()),
            Transform::Input => input,
            Transform::RunInput(c) => {
                k.map_or(Val::Unknown, |k| Val::Known(json!({"n": k, "c": c})))
            }
            Transform::Sum(c) => k.map_or(Val::Unknown, |k| Val::Known(json!({"n": k + c}))),
            Transform::Iteration => {
                let is_loop = |node: &str| {
                    let kind = self.flow.nodes.iter().find(|n| n.id == node).map(|n| &n.kind);
                    matches!(kind, Some(Kind::Loop { .. }))
                };
                let innermost = instance.scope.0.iter().rev().find(|step| is_loop(&step.node));
                Val::Known(json!({"n": innermost.map_or(0, |step| step.index)}))
            }
            Transform::Unresolvable => return Res::failed("reference_unresolved"),
            Transform::Reads { n, .. } => Val::Number(*n),
        };
        Res::new(Outcome::Completed, value)
    }
}

fn filter(items: &[i64], keeps: ItemTest) -> Value {
    let kept = items.iter().enumerate().filter(|(index, item)| match keeps {
        ItemTest::Above(bound) => **item > bound,
        ItemTest::EvenIndex => index % 2 == 0,
    });
    kept.map(|(_, item)| *item).collect()
}

/// The operations whose result needs no rounding; the others are not predicted.
fn aggregate(items: &[Value], operation: &str, field: bool) -> Val {
    let value = |item: &Value| if field { item["v"].as_i64() } else { item.as_i64() };
    let numbers: Vec<i64> = items.iter().filter_map(value).collect();
    let result = match operation {
        "sum" => json!(numbers.iter().sum::<i64>()),
        "count" => json!(items.len()),
        "min" => json!(numbers.iter().min()),
        "max" => json!(numbers.iter().max()),
        _ => return Val::Unknown,
    };
    Val::Known(result)
}

/// The object of what flows in, by source.
pub(super) fn object(members: &[(String, Val)]) -> Val {
    let mut object = Map::new();
    for (name, value) in members {
        let Some(value) = value.known() else { return Val::Unknown };
        object.insert(name.clone(), value.clone());
    }
    Val::Known(Value::Object(object))
}
