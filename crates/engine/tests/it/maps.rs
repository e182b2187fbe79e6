//! Maps.

use aob_engine::{Command, RunStatus, apply};
use serde_json::{Value, json};

use crate::harness::{Run, constant, edge, final_failure, graph};

fn map(config: Value) -> Value {
    let mut node = json!({"id": "each", "type": "map", "config": {"items": "$inputs.items"}});
    for (key, value) in config.as_object().into_iter().flatten() {
        node["config"][key] = value.clone();
    }
    node
}

fn inline_body() -> Value {
    json!({"id": "body", "type": "transform", "config": {"template": {"i": "$index", "it": "$item"}}})
}

fn job_body() -> Value {
    json!({"id": "body", "type": "function", "config": {"name": "echo", "args": "$item"}, "retry": {"max_attempts": 1}})
}

#[test]
fn a_map_gives_a_list_in_item_order() {
    let document = graph(json!([map(json!({"node": inline_body()}))]), json!([]));
    let run = Run::start(&document, json!({"items": ["a", "b"]}));
    assert_eq!(run.output(), json!([{"i": 0, "it": "a"}, {"i": 1, "it": "b"}]));
    let run = Run::start(&document, json!({"items": []}));
    assert_eq!(run.output(), json!([]));
}

#[test]
fn at_most_max_parallel_are_open() {
    let document = graph(json!([map(json!({"node": job_body(), "max_parallel": 2}))]), json!([]));
    let mut run = Run::start(&document, json!({"items": [10, 20, 30]}));
    assert_eq!(
        run.lines(),
        [
            "run_created",
            "map_expanded each",
            "node_scheduled each[0]/body 1",
            "node_scheduled each[1]/body 1"
        ]
    );
    run.complete("each[1]/body", json!("second"));
    assert_eq!(run.lines(), ["node_completed each[1]/body 1", "node_scheduled each[2]/body 1"]);
    run.complete("each[2]/body", json!("third"));
    run.complete("each[0]/body", json!("first"));
    assert_eq!(run.output(), json!(["first", "second", "third"]));
}

#[test]
fn tolerated_failures_stand_in_the_list() {
    let document = graph(json!([map(json!({"node": job_body(), "tolerate": 1}))]), json!([]));
    let mut run = Run::start(&document, json!({"items": [1, 2]}));
    run.fail("each[0]/body", final_failure("boom"));
    run.complete("each[1]/body", json!("ok"));
    assert_eq!(run.output(), json!([{"error": {"code": "boom", "message": "it broke"}}, "ok"]));
}

#[test]
fn one_failure_too_many_fails_the_map_and_stops_its_body() {
    let document = graph(
        json!([map(json!({"node": job_body()})), constant("rescue", json!("$input.error.code"))]),
        json!([{"from": "each", "to": "rescue", "on": "failure"}]),
    );
    let mut run = Run::start(&document, json!({"items": [1, 2]}));
    run.fail("each[0]/body", final_failure("boom"));
    assert_eq!(
        run.lines(),
        [
            "node_failed each[0]/body 1 failed map !boom",
            "node_failed each failed edge !map_failed +rescue",
            "node_cancelling each[1]/body 1",
            "node_completed rescue",
        ]
    );
    run.result("each[1]/body", 1, aob_engine::AttemptOutcome::Cancelled);
    assert_eq!(run.output(), json!("map_failed"));
}

#[test]
fn maps_nest() {
    let inner = json!({"id": "inner", "type": "map", "config": {"items": "$item", "node": {
        "id": "leaf", "type": "transform", "config": {"template": "$item"}}}});
    let document = graph(json!([map(json!({"node": inner}))]), json!([]));
    let run = Run::start(&document, json!({"items": [[1, 2], [], [3]]}));
    assert_eq!(run.output(), json!([[1, 2], [], [3]]));
    assert!(run.ended("node_completed").contains(&"each[0]/inner[1]/leaf".to_owned()));
}

#[test]
fn a_map_of_many_items_is_decided_in_segments() {
    let items: Vec<u32> = (0..2_500).collect();
    let document = graph(
        json!([map(json!({"node": inline_body()})), {"id": "n", "type": "aggregate", "config": {"items": "$nodes.each", "operation": "count"}}]),
        json!([edge("each", "n")]),
    );
    let run = Run::start(&document, json!({"items": items}));
    assert_eq!(run.status(), RunStatus::Completed);
    assert_eq!(run.output(), json!(2_500));
    assert!(run.count("continued") >= 2);
    assert!(run.state.weight() < 20, "the body is forgotten: {}", run.state.weight());
}

/// The shell may send what goes on more than once: after a crash, or where two processes do.
#[test]
fn what_was_continued_is_not_continued_again() {
    let document = graph(json!([map(json!({"node": inline_body()}))]), json!([]));
    let items: Vec<u32> = (0..2_500).collect();
    let run = Run::start(&document, json!({"items": items}));
    let ends: Vec<usize> = run
        .events
        .iter()
        .filter(|event| event.kind.name() == "continued")
        .map(|event| usize::try_from(event.seq).expect("few events"))
        .collect();
    assert_eq!(ends.len(), 2);
    let mut behind = Run::new(&document);
    behind.blobs.clone_from(&run.blobs);
    behind.events = run.events[..ends[1]].to_vec();
    behind.events.iter().for_each(|event| apply(&mut behind.state, event));
    let [first, second] = [ends[0], ends[1]].map(|at| at as u64);
    for after in [0, first, second + 1] {
        assert_eq!(behind.command(Command::Continue { after }), Ok(false), "after {after}");
    }
    assert_eq!(behind.command(Command::Continue { after: second }), Ok(true));
}
