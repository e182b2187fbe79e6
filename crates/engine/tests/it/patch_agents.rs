//! The sixth agent is refused where patches are applied, though nobody has planned them before.

use aob_engine::{
    CastVote, Command, InstanceId, ParentLink, PatchId, Rejection, RejectionCode, RunId, RunStatus,
    Vote,
};
use serde_json::{Value, json};

use crate::harness::{Run, edge, function, graph};

/// Codes of a refusal that is about the number of agents.
const LIMIT: [&str; 2] = ["agent_limit", "too_many_agents"];

fn agent(id: &str) -> Value {
    json!({"id": id, "type": "agent", "config": {"task": id}})
}

fn add(node: &Value) -> Value {
    json!([
        {"op": "add", "path": "/nodes/-", "value": node},
        {"op": "add", "path": "/edges/-", "value": edge("f", node["id"].as_str().expect("an id"))},
    ])
}

/// `f`, which is out, leads to this many agents and to `g`.
fn run(agents: u32) -> Run {
    let ids: Vec<String> = (1..=agents).map(|n| format!("a{n}")).collect();
    let nodes = ids.iter().map(|id| agent(id)).chain([function("f"), function("g")]);
    let edges = ids.iter().map(|id| edge("f", id)).chain([edge("f", "g")]);
    let (nodes, edges): (Vec<Value>, Vec<Value>) = (nodes.collect(), edges.collect());
    Run::start(&graph(json!(nodes), json!(edges)), json!({}))
}

fn is_limit(rejection: &Rejection) {
    assert_eq!(rejection.code, RejectionCode::PatchRefused);
    let codes: Vec<&str> = rejection.problems.iter().map(|problem| &*problem.code).collect();
    assert!(codes.iter().any(|code| LIMIT.contains(code)), "{codes:?}");
}

/// The ticket of a patch is approved.
fn approve(run: &mut Run, patch: &str) {
    let view = run.state.patch(&PatchId(patch.into())).expect("it is known");
    let vote = CastVote {
        ticket: view.ticket.expect("it waits"),
        vote: Vote::Approve,
        reason: None,
        data: None,
        edits: Default::default(),
        subject_hash: view.subject_hash,
        roles: Vec::new(),
    };
    run.command_by("user:grace", Command::Vote(vote)).expect("she may");
}

#[test]
fn a_sub_workflow_or_a_map_brings_no_sixth_agent() {
    let below = json!({"nodes": [agent("deep")], "edges": []});
    let ways = [
        json!({"id": "sub", "type": "composite", "config": {"workflow": below}}),
        json!({"id": "each", "type": "map", "config": {"items": [1], "node": {"type": "agent", "config": {"task": "each"}}}}),
        json!({"id": "each", "type": "map", "config": {"items": [1], "workflow": below}}),
    ];
    for way in ways {
        let mut run = run(5);
        is_limit(&run.patch("p", add(&way)).expect_err("the sixth agent"));
        assert_eq!(run.state.revision(), 0);
    }
}

#[test]
fn of_two_patches_that_wait_with_the_fifth_agent_one_is_applied() {
    let mut run = run(4);
    let base = run.state.digest();
    for id in ["one", "two"] {
        assert_eq!(run.patch_by("user:ada", id, base, add(&agent(id))), Ok(true));
        assert_eq!(run.patch_status(id), "waiting", "each by itself is the fifth");
    }
    approve(&mut run, "two");
    approve(&mut run, "one");
    assert_eq!((run.patch_status("two"), run.patch_status("one")), ("applied", "rejected"));
    let view = run.state.patch(&PatchId("one".into())).expect("it is known");
    let message = view.message.expect("it says why");
    assert!(message.contains("6 agent nodes"), "{message}");
    assert_eq!(run.status(), RunStatus::Running);
}

#[test]
fn a_patch_that_was_taken_back_gives_no_agent_back() {
    let mut run = run(4);
    run.patch("fifth", add(&agent("a5"))).expect("five may be");
    approve(&mut run, "fifth");
    run.revert("back", "fifth").expect("it has not started");
    assert_eq!(run.patch_status("fifth"), "reverted");
    is_limit(&run.patch("sixth", add(&agent("a6"))).expect_err("the sixth ever"));
    let again = run.patch("again", add(&agent("a5"))).expect("the same agent is no sixth");
    assert!(again);
}

#[test]
fn a_result_brings_no_sixth_agent() {
    let mut run = run(5);
    run.complete_with("f", json!(1), vec![add(&agent("a6"))]);
    assert_eq!(run.count("patch_rejected"), 1);
    assert_eq!(run.state.revision(), 0);
}

/// A child run has the agents that its document brought, which its parent counts; what a patch would
/// add, nobody has counted.
#[test]
fn a_child_run_gets_no_agent_that_its_parent_did_not_count() {
    let nodes = json!([function("f"), function("g"), agent("a1")]);
    let mut run = Run::new(&graph(nodes, json!([edge("f", "g"), edge("f", "a1")])));
    let mut start = run.start_run(json!({}));
    start.parent = Some(ParentLink {
        run: RunId("019b0c5e-5a80-7c3f-9f0e-6b1f2a3c4d5e".parse().expect("a run id")),
        instance: InstanceId::top("sub"),
    });
    run.command(Command::Start(Box::new(start))).expect("it starts");
    is_limit(&run.patch("second", add(&agent("a2"))).expect_err("one agent was counted"));
    let rename = json!([{"op": "replace", "path": "/nodes/g/config/name", "value": "other"}]);
    run.patch("other", rename).expect("the rest may change");
    is_limit(&run.patch("again", add(&agent("a2"))).expect_err("one agent was counted"));
}
