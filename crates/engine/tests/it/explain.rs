//! One explanation per kind of waiting: a reason, an owner, a remedy.

use aob_engine::{Around, Command, LeaseHolder, PoolView, explain};
use serde_json::{Value, json};

use crate::harness::{Run, constant, edge, function, graph, lost, retryable};

fn reasons(run: &Run, around: &Around) -> Vec<&'static str> {
    let waits = explain(&run.state, Some(&run.ir), around);
    for wait in &waits {
        assert!(
            !wait.message.is_empty() && !wait.owner.is_empty() && !wait.remedy.is_empty(),
            "{wait:?}"
        );
    }
    waits.iter().map(|wait| wait.reason).collect()
}

fn alone(node: Value) -> Run {
    Run::start(&graph(json!([node]), json!([])), json!({"items": [1, 2]}))
}

#[test]
fn every_kind_of_waiting_is_explained() {
    let pool = json!({"id": "n", "type": "function", "config": {"name": "score"}, "pool": "eu"});
    let child = json!({"nodes": [constant("x", json!(1))], "edges": []});
    let cases: Vec<(&str, Value)> = vec![
        ("timer", json!({"id": "n", "type": "timer", "config": {"for_ms": 1000}})),
        ("signal", json!({"id": "n", "type": "signal", "config": {"name": "go"}})),
        ("approval", json!({"id": "n", "type": "hitl", "config": {"message": "ok?"}})),
        ("queued", function("n")),
        ("no_runner", pool),
        ("no_runner", json!({"id": "n", "type": "agent", "config": {"task": "think"}})),
        ("not_served", json!({"id": "n", "type": "handoff", "config": {"to": "somebody"}})),
        ("child_run", json!({"id": "n", "type": "composite", "config": {"workflow": child}})),
    ];
    for (reason, node) in cases {
        let run = alone(node.clone());
        assert_eq!(reasons(&run, &Around::default()), [reason], "{node}");
    }
}

#[test]
fn leases_and_pools_tell_more() {
    let run = alone(function("n"));
    let holder = LeaseHolder {
        instance: "n".parse().expect("an instance"),
        attempt: 1,
        holder: Some("runner-7".into()),
        until: None,
        progress: Some("42%".into()),
    };
    let around = Around { leases: vec![holder], ..Around::default() };
    assert_eq!(reasons(&run, &around), ["running"]);
    let run =
        alone(json!({"id": "n", "type": "function", "config": {"name": "score"}, "pool": "eu"}));
    let seen = PoolView { pool: "eu".into(), name: "score".into(), seen_at: run.now };
    let mut around = Around { pools: vec![seen], ..Around::default() };
    assert_eq!(reasons(&run, &around), ["pool_busy"]);
    around.now = Some(run.now.plus_ms(60_000));
    assert_eq!(reasons(&run, &around), ["pool_busy"]);
    // A runner that is there asks again within a minute.
    around.now = Some(run.now.plus_ms(60_001));
    assert_eq!(reasons(&run, &around), ["no_runner"]);
}

#[test]
fn trouble_is_explained() {
    let mut run = alone(function("n"));
    run.fail("n", retryable("x"));
    assert_eq!(reasons(&run, &Around::default()), ["backoff"]);
    let mut node = function("n");
    node["effect"] = json!("irreversible");
    let mut run = alone(node);
    run.fail("n", lost("x"));
    assert_eq!(reasons(&run, &Around::default()), ["outcome_unknown"]);
    let mut run = alone(function("n"));
    run.command(Command::Cancel { reason: None }).expect("accepted");
    assert_eq!(reasons(&run, &Around::default()), ["stopping"]);
    let mut run = alone(function("n"));
    run.command(Command::Pause { reason: None }).expect("accepted");
    assert_eq!(reasons(&run, &Around::default()), ["paused", "queued"]);
}

#[test]
fn maps_and_joins_are_explained() {
    let body = json!({"id": "body", "type": "function", "config": {"name": "echo"}});
    let run = alone(
        json!({"id": "n", "type": "map", "config": {"items": "$inputs.items", "node": body}}),
    );
    assert_eq!(reasons(&run, &Around::default()), ["map_items", "queued", "queued"]);
    let document = graph(
        json!([function("a"), function("b"), {"id": "j", "type": "join", "config": {}}]),
        json!([edge("a", "j"), edge("b", "j")]),
    );
    let mut run = Run::start(&document, json!({}));
    run.complete("a", json!(1));
    let waits = explain(&run.state, Some(&run.ir), &Around::default());
    assert!(
        waits.iter().any(|wait| wait.reason == "join" && wait.message == "it waits for b"),
        "{waits:?}"
    );
}
