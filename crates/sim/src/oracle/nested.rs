//! Maps and child runs.

use std::collections::BTreeSet;

use aob_engine::InstanceId;
use serde_json::Value;

use super::prediction::{Allowed, Outcome, Status};
use super::steps::Res;
use super::value::Val;
use super::walk::Walk;
use crate::generator::{Body, Flow, Items, Kind, Node, OnError};

impl Walk<'_> {
    /// What a map may come to, and each of its items.
    pub(super) fn map(&mut self, node: &Node, instance: &InstanceId) -> Vec<Res> {
        let Kind::Map { items, body, tolerate, .. } = &node.kind else { return Vec::new() };
        let items: Vec<Value> = match items {
            Items::Literal(items) => items.iter().map(|item| (*item).into()).collect(),
            Items::RunInput => match self.inputs.known().and_then(|inputs| inputs.get("items")) {
                Some(Value::Array(items)) => items.clone(),
                Some(_) | None => return vec![Res::failed("reference_unresolved")],
            },
        };
        let certain = self.certain;
        let (mut least_failed, mut most_failed, mut waits) = (0, 0, false);
        let mut list = Some(Vec::new());
        let mut bodies = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            let scope = instance.scope.child(instance.node.clone(), index);
            let id = match body {
                Body::Node(body) => body.id.as_str().into(),
                Body::Workflow(_) => format!("{}.item", node.id).into(),
            };
            let id = InstanceId { node: id, scope };
            let results = self.item(body, &id, Val::Known(item));
            waits |= results.is_empty();
            let failures = results.iter().filter(|result| result.is_failure()).count();
            most_failed += usize::from(failures > 0);
            least_failed += usize::from(failures > 0 && failures == results.len());
            match (results.as_slice(), &mut list) {
                ([single], Some(list)) if single.value.known().is_some() => {
                    list.extend(single.value.known().cloned());
                }
                (_, list) => *list = None,
            }
            bodies.push((id, results));
        }
        self.may_wait |= waits;
        let may_fail = most_failed > *tolerate as usize;
        let may_stop = may_fail || !certain;
        for (id, results) in bodies {
            let allowed = item_allowed(body, &results, !may_stop, may_stop);
            self.out.instances.insert(id, allowed);
        }
        if may_stop {
            self.may_stop_inside(instance);
        }
        let mut results = Vec::new();
        if may_fail {
            results.push(Res::failed("map_failed"));
        }
        if least_failed <= *tolerate as usize && !waits {
            let value = list.map_or(Val::Unknown, |list| Val::Known(Value::Array(list)));
            results.push(Res::new(Outcome::Completed, value));
        }
        self.certain = certain;
        results
    }

    /// Everything inside `map` may be cancelled, or never be.
    fn may_stop_inside(&mut self, map: &InstanceId) {
        let depth = map.scope.0.len();
        let inside = self.out.instances.iter_mut().filter(|(id, _)| {
            id.scope.0.len() > depth
                && id.scope.0.starts_with(&map.scope.0)
                && id.scope.0[depth].node == map.node
        });
        for (_, allowed) in inside {
            allowed.certain = false;
            allowed.outcomes.insert(Outcome::Cancelled);
        }
    }

    /// What one item may come to, `on_error` included.
    fn item(&mut self, body: &Body, id: &InstanceId, item: Val) -> Vec<Res> {
        let (results, on_error) = match body {
            Body::Workflow(flow) => (self.child(flow, id, item), OnError::Fail),
            Body::Node(body) => (self.run_node(body, id, item), body.on_error),
        };
        let settled = results.into_iter().map(|result| match on_error {
            OnError::Skip if result.is_failure() => Res::new(Outcome::PassedOver, Val::null()),
            OnError::Park if result.is_failure() && !result.by_hand => self.parked(id, 1, false),
            OnError::Skip | OnError::Park | OnError::Fail | OnError::Route(_) => result,
        });
        settled.collect()
    }

    /// What a child run may come to.
    pub(super) fn child(&mut self, flow: &Flow, instance: &InstanceId, inputs: Val) -> Vec<Res> {
        let path = format!("{}>{instance}", self.path);
        let walk = Walk::new(flow, self.plan, self.facts, path, inputs);
        let prediction = walk.run();
        self.may_wait |= prediction.statuses.contains(&Status::Waiting);
        let mut results = Vec::new();
        for status in &prediction.statuses {
            match status {
                Status::Completed => {
                    let output = prediction.output.clone().map_or(Val::Unknown, Val::Known);
                    results.push(Res::new(Outcome::Completed, output));
                }
                Status::Failed => results.push(Res::new(Outcome::Failed, Val::Unknown)),
                Status::Cancelled | Status::Waiting => {}
            }
        }
        self.out.children.insert(instance.clone(), prediction);
        results
    }
}

fn item_allowed(body: &Body, results: &[Res], certain: bool, may_stop: bool) -> Allowed {
    let mut outcomes: BTreeSet<Outcome> = results.iter().map(|result| result.outcome).collect();
    if may_stop {
        outcomes.insert(Outcome::Cancelled);
    }
    let output = match results {
        [single] if single.outcome == Outcome::Completed => single.value.known().cloned(),
        _ => None,
    };
    let (executes, compensates) = match body {
        Body::Node(body) => {
            let is_job = matches!(body.kind, Kind::Function { .. } | Kind::Http { .. });
            (is_job && body.pre.is_none(), body.compensate)
        }
        Body::Workflow(_) => (false, false),
    };
    Allowed { outcomes, certain, output, executes, compensates }
}
