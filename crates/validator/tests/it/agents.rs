//! The sixth agent is refused by each layer by itself, whichever way it comes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aob_ir::Ir;
use aob_materializer::{Budget, Patch};
use aob_validator::{
    AgentKey, Author, History, NodeHistory, Proposal, Rejected, Rules, Unstarted, Validated,
    agents_of, check_offline, validate,
};
use serde_json::{Value, json};

/// Codes of a refusal that is about the number of agents.
const LIMIT: [&str; 2] = ["agent_limit", "too_many_agents"];

fn agent(id: &str) -> Value {
    json!({"id": id, "type": "agent", "config": {"task": id}})
}

fn add(node: &Value) -> Value {
    json!({"op": "add", "path": "/nodes/-", "value": node})
}

fn lead(to: &str) -> Value {
    json!({"op": "add", "path": "/edges/-", "value": {"from": "f", "to": to}})
}

/// `f` leads to five agents and to `g`.
fn document() -> Value {
    let echo = |id: &str| json!({"id": id, "type": "function", "config": {"name": "echo"}});
    let agents: Vec<String> = (1..=5).map(|n| format!("a{n}")).collect();
    let nodes = agents.iter().map(|id| agent(id)).chain([echo("f"), echo("g")]);
    let nodes: Vec<Value> = nodes.collect();
    let targets = agents.iter().map(String::as_str).chain(["g"]);
    let edges: Vec<Value> = targets.map(|to| json!({"from": "f", "to": to})).collect();
    json!({"metadata": {"name": "five"}, "nodes": nodes, "edges": edges})
}

fn below() -> Value {
    json!({"metadata": {"name": "below"}, "nodes": [agent("deep")], "edges": []})
}

/// Every way to a sixth agent that one patch has, and whether it can be seen without a server.
fn ways() -> Vec<(&'static str, Value, bool)> {
    let inline = json!({"id": "sub", "type": "composite", "config": {"workflow": below()}});
    let tagged = json!({"id": "sub", "type": "composite", "config": {"workflow": "below"}});
    let over =
        |body: &Value| json!({"id": "each", "type": "map", "config": {"items": [1], "node": body}});
    let body = json!({"type": "agent", "config": {"task": "each"}});
    let out = json!([
        {"op": "remove", "path": "/edges/f->a1"},
        {"op": "remove", "path": "/nodes/a1"},
        add(&agent("a6")), lead("a6"),
    ]);
    let back = json!([
        {"op": "remove", "path": "/edges/f->a1"},
        {"op": "remove", "path": "/nodes/a1"},
        add(&other_task()),
        lead("a1"),
    ]);
    let retyped = json!([
        {"op": "replace", "path": "/nodes/a1/type", "value": "function"},
        {"op": "replace", "path": "/nodes/a1/config", "value": {"task": "something else"}},
        {"op": "replace", "path": "/nodes/a1/type", "value": "agent"},
    ]);
    let renamed = json!([
        {"op": "replace", "path": "/nodes/a1/id", "value": "tmp"},
        {"op": "replace", "path": "/nodes/tmp/config/task", "value": "something else"},
        {"op": "replace", "path": "/nodes/tmp/id", "value": "a1"},
    ]);
    vec![
        ("added", json!([add(&agent("a6")), lead("a6")]), true),
        (
            "of another type",
            json!([{"op": "replace", "path": "/nodes/g", "value": agent("g")}]),
            true,
        ),
        ("instead of one that is removed", out, true),
        ("under the name of one that is removed", back, true),
        ("by taking a type and giving it back", retyped, true),
        ("under another's name", renamed, true),
        (
            "at an index",
            json!([{"op": "replace", "path": "/nodes/0", "value": other_task()}]),
            true,
        ),
        ("in a sub-workflow", json!([add(&inline), lead("sub")]), true),
        ("in a sub-workflow with a tag", json!([add(&tagged), lead("sub")]), false),
        ("as body of a map", json!([add(&over(&body)), lead("each")]), true),
        (
            "in the document as a whole",
            json!([{"op": "add", "path": "/nodes/6", "value": agent("a6")}, lead("a6")]),
            true,
        ),
    ]
}

/// The first agent with another task.
fn other_task() -> Value {
    json!({"id": "a1", "type": "agent", "config": {"task": "something else"}})
}

/// Ways to give an agent another task, so that it is there all the while.
fn changes() -> Vec<Value> {
    let to = |path: &str, value: Value| json!([{"op": "replace", "path": path, "value": value}]);
    vec![
        to("/nodes/a1/config/task", json!("something else")),
        to("/nodes/0/config", json!({"task": "something else"})),
        to("/nodes/a1", other_task()),
        json!([
            {"op": "replace", "path": "/nodes/a1/config/task", "value": "something else"},
            {"op": "add", "path": "/nodes/0", "value": {"id": "h", "type": "function", "config": {"name": "echo"}}},
            {"op": "remove", "path": "/edges/f->a2"},
        ]),
    ]
}

/// A run in which nothing has started.
#[derive(Debug)]
struct Fresh(BTreeSet<AgentKey>);

impl History for Fresh {
    fn seq(&self) -> u64 {
        1
    }

    fn is_run(&self) -> bool {
        true
    }

    fn node(&self, _id: &str) -> NodeHistory {
        NodeHistory::Untouched
    }

    fn is_edge_decided(&self, _id: &str) -> bool {
        false
    }

    fn agents_ever(&self) -> &BTreeSet<AgentKey> {
        &self.0
    }

    fn allotment(&self) -> u32 {
        5
    }

    fn agent_patches(&self) -> u32 {
        0
    }
}

fn compiled(document: &Value) -> Arc<Ir> {
    aob_ir::compile(document).expect("it compiles").ir
}

fn refused_for_agents(way: &str, answer: Result<(), Rejected>) {
    let Err(rejected) = answer else { panic!("the sixth agent {way} is let through") };
    let codes: Vec<&str> = rejected.problems.iter().map(|problem| problem.code).collect();
    assert!(codes.iter().any(|code| LIMIT.contains(code)), "{way}: {codes:?}");
}

#[test]
fn the_validator_by_itself_refuses_the_sixth_agent() {
    let base = compiled(&document());
    let children = BTreeMap::from([("below".into(), compiled(&below()))]);
    let history = Fresh(agents_of(&base, &children));
    let rules = Rules { children, ..Rules::default() };
    for (way, operations, _) in ways() {
        let patch = Patch::parse(&operations.to_string(), &Budget::PERSON).expect("a patch");
        let author = Author::Person;
        let proposal =
            Proposal { base: &base, against: base.digest, patch: &patch, author: &author };
        refused_for_agents(way, validate(&proposal, &history, &rules).map(drop));
    }
}

#[test]
fn without_a_server_the_sixth_agent_is_refused() {
    let text = document().to_string();
    for (way, operations, seen) in ways() {
        let answer = check_offline(&text, &operations.to_string(), &Author::Person);
        if seen {
            refused_for_agents(way, answer.map(drop));
        } else {
            assert!(answer.is_ok(), "{way}: what a tag means is the server's to say");
        }
    }
}

#[test]
fn an_agent_that_is_gone_is_counted() {
    let mut less = document();
    less["nodes"].as_array_mut().expect("nodes").remove(0);
    less["edges"].as_array_mut().expect("edges").remove(0);
    let (before, now) = (compiled(&document()), compiled(&less));
    let history = Fresh(agents_of(&before, &BTreeMap::new()));
    let operations = json!([add(&agent("a6")), lead("a6")]);
    let patch = Patch::parse(&operations.to_string(), &Budget::PERSON).expect("a patch");
    let proposal =
        Proposal { base: &now, against: now.digest, patch: &patch, author: &Author::Person };
    refused_for_agents(
        "after another is gone",
        validate(&proposal, &history, &Rules::default()).map(drop),
    );
}

fn patch_of(operations: &Value) -> Patch {
    Patch::parse(&operations.to_string(), &Budget::PERSON).expect("a patch")
}

fn judged(base: &Ir, operations: &Value, history: &dyn History) -> Result<Validated, Rejected> {
    let patch = &patch_of(operations);
    let proposal = Proposal { base, against: base.digest, patch, author: &Author::Person };
    validate(&proposal, history, &Rules::default())
}

#[test]
fn an_agent_that_gets_another_task_counts_once() {
    let base = compiled(&document());
    let history = Fresh(agents_of(&base, &BTreeMap::new()));
    for change in changes() {
        let offline = check_offline(&document().to_string(), &change.to_string(), &Author::Person);
        assert!(offline.is_ok(), "{change}: {offline:?}");
        for history in [&history as &dyn History, &Unstarted::default()] {
            let validated = judged(&base, &change, history).expect("no other agent comes");
            assert_eq!((validated.agents, validated.agents_ever()), (5, 5), "{change}");
        }
    }
    // What it was does not count any more, so that it may change as often as one likes.
    let changed = judged(&base, &changes()[0], &history).expect("it may");
    let approved = changed.subject_hash;
    let (next, proof) = (Arc::clone(&changed.ir), changed.authorise(Some(approved)));
    let history = Fresh(proof.expect("it was approved").agents_ever().clone());
    let again = json!([{"op": "replace", "path": "/nodes/a1/config/task", "value": "and another"}]);
    assert_eq!(judged(&next, &again, &history).expect("it may").agents_ever(), 5);
}

#[test]
fn a_document_without_a_run_counts_names() {
    let base = compiled(&document());
    let (mut refused, mut passed) = (Vec::new(), Vec::new());
    for (way, operations, seen) in ways().into_iter().filter(|(.., seen)| *seen) {
        assert!(seen);
        match judged(&base, &operations, &Unstarted::default()) {
            Ok(validated) => passed.push((way, validated.agents)),
            Err(rejected) => {
                refused_for_agents(way, Err(rejected));
                refused.push(way);
            }
        }
    }
    let same = [
        "under the name of one that is removed",
        "by taking a type and giving it back",
        "under another's name",
        "at an index",
    ];
    assert_eq!(passed, same.map(|way| (way, 5)));
    assert!(refused.contains(&"instead of one that is removed"), "{refused:?}");
}
