//! Documents that a pass rewrites, edits that must silence it, and a world that answers by content.

use std::collections::BTreeMap;
use std::sync::Arc;

use aob_engine::{ApprovalRequested, Command, InstanceId, RunId, Timestamp, Vote};
use aob_ir::{Digest, Ir, canonical_json};
use aob_optimizer::{
    Answer, Counts, Fate, JobView, Metric, Native, Per, Plan, Ran, Setup, World, difference,
    perform, plan,
};
use serde_json::{Map, Value, json};

/// What one pass makes of a document.
pub(crate) fn plan_with(pass: &str, document: &Value) -> Plan {
    plan(document, &[(pass, &Native)]).unwrap_or_else(|problems| panic!("{problems:?}: {document}"))
}

/// An edit of a document, and why nothing may be rewritten after it.
pub(crate) type Edit = (&'static str, fn(&mut Value));

/// Every edit silences the pass.
pub(crate) fn stays_silent(pass: &str, base: &Value, edits: &[Edit]) {
    assert!(!plan_with(pass, base).steps.is_empty(), "the base itself is not rewritten");
    for (why, edit) in edits {
        let mut document = base.clone();
        edit(&mut document);
        assert_ne!(&document, base, "{why}: the edit changes nothing");
        let plan = plan_with(pass, &document);
        let rules: Vec<&str> = plan.steps.iter().map(|step| &*step.rewrite.rule).collect();
        assert_eq!(rules, [""; 0], "{why}");
        assert!(plan.notes.is_empty(), "{why}: {:?}", plan.notes);
    }
}

/// The pass makes these rewrites; a run gives and does the same, and takes less by what they claim.
/// `times` is how often a claim per turn or per dropped item is made.
pub(crate) fn fires(
    pass: &str,
    document: &Value,
    rules: &[&str],
    inputs: &Value,
    times: u64,
) -> Plan {
    let plan = plan_with(pass, document);
    let found: Vec<&str> = plan.steps.iter().map(|step| &*step.rewrite.rule).collect();
    assert_eq!(found, rules, "{:?}", plan.notes);
    let one = run(&plan.before, inputs);
    let other = run(&plan.after, inputs);
    assert!(one.output.is_some(), "the base does not complete: {one:?}");
    assert_eq!(difference(&one, &other), None);
    for metric in [Metric::Jobs, Metric::Instances, Metric::Edges, Metric::Steps] {
        let of_metric = plan.steps.iter().map(|step| step.rewrite.saving);
        let of_metric: Vec<_> = of_metric.filter(|saving| saving.metric == metric).collect();
        let often = |per: Per| if per == Per::Run { 1 } else { times };
        let claimed: u64 = of_metric.iter().map(|saving| saving.amount * often(saving.per)).sum();
        if !of_metric.is_empty() {
            let saved = measured(metric, one.counts).saturating_sub(measured(metric, other.counts));
            assert_eq!(saved, claimed, "{metric:?}: {:?} -> {:?}", one.counts, other.counts);
        }
    }
    plan
}

fn measured(metric: Metric, counts: Counts) -> u64 {
    match metric {
        Metric::Jobs => counts.jobs,
        Metric::Instances => counts.instances,
        Metric::Edges => counts.edges,
        // In this world every job takes a second.
        Metric::Steps => counts.elapsed_ms / 1_000,
    }
}

/// Performs a run in a world that answers by content.
pub(crate) fn run(ir: &Arc<Ir>, inputs: &Value) -> Ran {
    run_in(ir, inputs, &mut ByContent::default()).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn run_in(
    ir: &Arc<Ir>,
    inputs: &Value,
    world: &mut dyn World,
) -> Result<Ran, aob_optimizer::ReplayError> {
    perform(ir, &setup(inputs), world, &BTreeMap::new())
}

pub(crate) fn setup(inputs: &Value) -> Setup {
    Setup {
        run: RunId(uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0007)),
        at: Timestamp(1_700_000_000_000),
        tag: None,
        inputs: inputs.clone(),
        labels: BTreeMap::new(),
        depth: 0,
        children: BTreeMap::new(),
    }
}

/// What is asked decides what is answered, and so does which attempt it is; not who asks.
#[derive(Debug, Default)]
pub(crate) struct ByContent {
    /// Of a hundred questions, so many fail their first attempts.
    pub(crate) flaky_percent: u8,
}

impl ByContent {
    fn answer(
        &self,
        name: &str,
        config: &Value,
        input: &Value,
        attempt: u32,
    ) -> Result<Value, bool> {
        let question = json!([name, config, if name == "http" { &Value::Null } else { input }]);
        let Digest(hash) = Digest::of(canonical_json(&question).unwrap_or_default().as_bytes());
        if hash[0] % 100 < self.flaky_percent {
            let failures = [1, 1, 2, u32::MAX][usize::from(hash[1] % 4)];
            if attempt <= failures {
                return Err(hash[1] % 4 != 3 || hash[2] % 2 == 0);
            }
        }
        let n = hash[3] % 10;
        Ok(if name == "http" {
            json!({"status": 200, "headers": {}, "body": {"n": n, "items": [n, 1, 2]}})
        } else {
            json!({"n": n, "of": name})
        })
    }
}

impl World for ByContent {
    fn attempt(&mut self, view: &JobView<'_>) -> Fate {
        let failed = |retryable| {
            Fate::Failed(aob_engine::Failure {
                code: "boom".into(),
                message: "planned".into(),
                retryable,
                lost: false,
                retry_after_ms: None,
                details: None,
            })
        };
        let Some(parts) = view.config.get("batch").and_then(Value::as_array) else {
            let answer = self.answer(&view.job.name, view.config, view.input, view.attempt);
            return answer.map_or_else(failed, Fate::Completed);
        };
        let mut output = Map::new();
        let mut worst = None;
        for part in parts {
            let mut config = part.clone();
            let id = config.as_object_mut().and_then(|config| config.remove("id"));
            match self.answer("http", &config, &Value::Null, view.attempt) {
                Ok(value) => {
                    output
                        .insert(id.unwrap_or_default().as_str().unwrap_or_default().into(), value);
                }
                Err(retryable) => worst = Some(worst.unwrap_or(true) && retryable),
            }
        }
        worst.map_or_else(|| Fate::Completed(Value::Object(output)), failed)
    }

    fn child(&mut self, _: &InstanceId, _: &Value) -> Option<Fate> {
        None
    }

    fn votes(&mut self, ticket: &ApprovalRequested) -> Vec<Answer> {
        let users = ticket.approvers.iter().filter_map(|approver| match approver {
            aob_engine::Approver::User(user) => Some(format!("user:{user}")),
            aob_engine::Approver::Role(_) => None,
        });
        let users = users.chain((0..ticket.quorum).map(|n| format!("user:u{n}")));
        users
            .take(ticket.quorum as usize)
            .map(|user| Answer {
                by: aob_engine::Actor(user.into()),
                roles: Vec::new(),
                vote: Vote::Approve,
                reason: None,
                data: None,
            })
            .collect()
    }

    fn signal(&mut self, _: &InstanceId, name: &str) -> Option<Value> {
        Some(json!({"signal": name}))
    }

    fn parked(&mut self, instance: &InstanceId) -> Option<Command> {
        Some(Command::Skip { instance: instance.clone() })
    }
}

/// A function node.
pub(crate) fn function(id: &str) -> Value {
    json!({"id": id, "type": "function", "config": {"name": id, "args": {"k": "$inputs.k"}}})
}

/// A `GET` of the example API.
pub(crate) fn get(id: &str) -> Value {
    json!({"id": id, "type": "http", "config": {"url": format!("https://api.example.com/{id}")}})
}

/// A `transform` with a template.
pub(crate) fn template(id: &str, template: &Value) -> Value {
    json!({"id": id, "type": "transform", "config": {"template": template}})
}

/// Edges written `a->b`.
pub(crate) fn edges(list: &[&str]) -> Vec<Value> {
    let edge = |text: &&str| {
        let (from, to) = text.split_once("->").expect("a->b");
        json!({"from": from, "to": to})
    };
    list.iter().map(edge).collect()
}

/// The node of this id.
pub(crate) fn node<'a>(document: &'a mut Value, id: &str) -> &'a mut Value {
    let nodes = document["nodes"].as_array_mut().expect("nodes");
    nodes.iter_mut().find(|node| node["id"] == id).expect("the node")
}

/// The edge `a->b`.
pub(crate) fn edge<'a>(document: &'a mut Value, id: &str) -> &'a mut Value {
    let (from, to) = id.split_once("->").expect("a->b");
    let edges = document["edges"].as_array_mut().expect("edges");
    edges.iter_mut().find(|edge| edge["from"] == from && edge["to"] == to).expect("the edge")
}

/// Adds a node.
pub(crate) fn add(document: &mut Value, node: Value) {
    document["nodes"].as_array_mut().expect("nodes").push(node);
}

/// Adds the edge `a->b`.
pub(crate) fn join(document: &mut Value, id: &str) {
    document["edges"].as_array_mut().expect("edges").extend(edges(&[id]));
}

/// Removes the edge `a->b`.
pub(crate) fn cut(document: &mut Value, id: &str) {
    let (from, to) = id.split_once("->").expect("a->b");
    let edges = document["edges"].as_array_mut().expect("edges");
    edges.retain(|edge| edge["from"] != from || edge["to"] != to);
}

/// Lets a failure of a node lead to a new one.
pub(crate) fn route(document: &mut Value, from: &str) {
    add(document, function("rescue"));
    let edge = json!({"from": from, "to": "rescue", "on": "failure"});
    document["edges"].as_array_mut().expect("edges").push(edge);
}

/// Something to undo a node with.
pub(crate) fn undo() -> Value {
    json!({"type": "function", "config": {"name": "undo"}})
}
