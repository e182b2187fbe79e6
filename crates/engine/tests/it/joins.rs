//! Dead paths and joins.

use aob_engine::RunStatus;
use serde_json::{Value, json};

use crate::harness::{Run, constant, edge, final_failure, function, graph};

fn join(id: &str, rule: Value) -> Value {
    json!({"id": id, "type": "join", "config": {}, "join": rule})
}

#[test]
fn a_chain_runs_to_its_end_in_one_decision() {
    let document = graph(
        json!([
            constant("a", json!(1)),
            constant("b", json!("$nodes.a")),
            constant("c", json!({"was": "$nodes.b"}))
        ]),
        json!([edge("a", "b"), edge("b", "c")]),
    );
    let run = Run::start(&document, json!({}));
    assert_eq!(
        run.all_lines(),
        [
            "run_created",
            "node_completed a +b",
            "node_completed b +c",
            "node_completed c",
            "run_completed"
        ]
    );
    assert_eq!(run.output(), json!({"was": 1}));
}

#[test]
fn a_diamond_joins_once_with_every_branch() {
    let document = graph(
        json!([function("s"), function("l"), function("r"), join("j", json!("all"))]),
        json!([edge("s", "l"), edge("s", "r"), edge("l", "j"), edge("r", "j")]),
    );
    let mut run = Run::start(&document, json!({}));
    run.complete("s", json!(0));
    assert_eq!(
        run.lines(),
        ["node_completed s 1 +l +r", "node_scheduled l 1", "node_scheduled r 1"]
    );
    run.complete("r", json!("right"));
    assert_eq!(run.lines(), ["node_completed r 1 +j"]);
    run.complete("l", json!("left"));
    assert_eq!(run.lines(), ["node_completed l 1 +j", "node_completed j", "run_completed"]);
    assert_eq!(run.output(), json!({"l": "left", "r": "right"}));
}

#[test]
fn exclusive_branches_meet_again_without_annotation() {
    let document = graph(
        json!([
            constant("s", json!({"n": 7})),
            {"id": "c", "type": "conditional", "config": {}},
            constant("big", json!("big")),
            constant("small", json!("small")),
            constant("end", json!("$input")),
        ]),
        json!([
            edge("s", "c"),
            {"from": "c", "to": "big", "condition": "output.n > 5"},
            {"from": "c", "to": "small"},
            edge("big", "end"),
            edge("small", "end"),
        ]),
    );
    let run = Run::start(&document, json!({}));
    assert_eq!(run.output(), json!("big"));
    assert_eq!(run.ended("node_skipped"), ["small"]);
    assert_eq!(run.count("node_completed"), 4);
}

#[test]
fn any_starts_with_the_first_and_the_rest_changes_nothing() {
    let document = graph(
        json!([function("a"), function("b"), join("j", json!("any"))]),
        json!([edge("a", "j"), edge("b", "j")]),
    );
    let mut run = Run::start(&document, json!({}));
    run.complete("b", json!("b"));
    assert_eq!(run.lines(), ["node_completed b 1 +j", "node_completed j"]);
    assert_eq!(run.status(), RunStatus::Running, "the loser keeps the run open");
    run.complete("a", json!("a"));
    assert_eq!(run.lines(), ["node_completed a 1 +j", "run_completed"]);
    assert_eq!(run.output(), json!({"b": "b"}));
}

#[test]
fn losers_are_cancelled_where_asked() {
    let document = graph(
        json!([
            function("a"),
            function("b"),
            function("b2"),
            join("j", json!({"mode": "any", "cancel_losers": true}))
        ]),
        json!([edge("a", "j"), edge("b", "b2"), edge("b2", "j")]),
    );
    let mut run = Run::start(&document, json!({}));
    run.complete("a", json!("first"));
    assert_eq!(
        run.lines(),
        [
            "node_completed a 1 +j",
            "node_completed j",
            "node_cancelling b 1",
            "node_cancelled b2 loser -j"
        ]
    );
    run.result("b", 1, aob_engine::AttemptOutcome::Cancelled);
    assert_eq!(run.lines(), ["node_cancelled b 1 acknowledged -b2", "run_completed"]);
}

#[test]
fn k_of_n_starts_at_k() {
    let document = graph(
        json!([
            function("a"),
            function("b"),
            function("c"),
            join("j", json!({"mode": "k_of_n", "k": 2}))
        ]),
        json!([edge("a", "j"), edge("b", "j"), edge("c", "j")]),
    );
    let mut run = Run::start(&document, json!({}));
    run.complete("a", json!(1));
    assert_eq!(run.lines(), ["node_completed a 1 +j"]);
    run.complete("c", json!(3));
    assert_eq!(run.lines(), ["node_completed c 1 +j", "node_completed j"]);
    run.complete("b", json!(2));
    assert_eq!(run.output(), json!({"a": 1, "c": 3}));
    assert_eq!(run.count("node_completed"), 4, "the join ran once");
}

#[test]
fn a_quorum_out_of_reach_fails_at_once() {
    let nodes = ["a", "b", "c"].map(|id| {
        let mut node = function(id);
        node["on_error"] = json!({"route": "sink"});
        node["retry"] = json!({"max_attempts": 1});
        node
    });
    let document = graph(
        json!([nodes[0], nodes[1], nodes[2], join("j", json!("quorum")), {"id": "sink", "type": "join", "config": {}, "join": "any"}]),
        json!([edge("a", "j"), edge("b", "j"), edge("c", "j")]),
    );
    let mut run = Run::start(&document, json!({}));
    run.fail("a", final_failure("boom"));
    assert_eq!(run.status(), RunStatus::Running);
    run.fail("b", final_failure("boom"));
    assert!(
        run.lines()
            .iter()
            .any(|l| l.starts_with("node_failed j failed nobody !join_unsatisfiable")),
        "{:?}",
        run.lines()
    );
}

#[test]
fn a_join_that_nothing_reaches_is_skipped_in_every_mode() {
    for rule in [json!("all"), json!("any"), json!({"mode": "k_of_n", "k": 2}), json!("quorum")] {
        let document = graph(
            json!([
                constant("s", json!(1)),
                constant("a", json!(1)),
                constant("b", json!(2)),
                join("j", rule.clone()),
                constant("end", json!("done")),
            ]),
            json!([
                {"from": "s", "to": "a", "condition": "false"},
                {"from": "s", "to": "b", "condition": "false"},
                edge("a", "j"), edge("b", "j"),
                edge("s", "end"),
            ]),
        );
        let run = Run::start(&document, json!({}));
        assert_eq!(run.status(), RunStatus::Completed, "{rule}");
        assert_eq!(run.ended("node_skipped"), ["a", "b", "j"], "{rule}");
    }
}

#[test]
fn a_join_tolerates_failures_up_to_its_limit() {
    let mut nodes = ["a", "b", "c"].map(function);
    nodes.iter_mut().for_each(|node| node["retry"] = json!({"max_attempts": 1}));
    let document = graph(
        json!([nodes[0], nodes[1], nodes[2], join("j", json!({"mode": "all", "tolerate": 1}))]),
        json!([edge("a", "j"), edge("b", "j"), edge("c", "j")]),
    );
    let mut run = Run::start(&document, json!({}));
    run.fail("a", final_failure("boom"));
    assert_eq!(run.lines(), ["node_failed a 1 failed tolerance !boom xj"]);
    run.complete("b", json!(2));
    run.complete("c", json!(3));
    assert_eq!(
        run.output(),
        json!({"a": {"error": {"code": "boom", "message": "it broke"}}, "b": 2, "c": 3})
    );
    let mut run = Run::start(&document, json!({}));
    run.fail("a", final_failure("boom"));
    run.fail("b", final_failure("bang"));
    assert_eq!(run.status(), RunStatus::Cancelling, "a second failure is not tolerated");
}

#[test]
fn entries_of_any_type_start() {
    for node in [
        json!({"id": "n", "type": "conditional", "config": {}}),
        json!({"id": "n", "type": "parallel", "config": {}}),
        json!({"id": "n", "type": "join", "config": {}}),
        json!({"id": "n", "type": "timer", "config": {"for_ms": 0}}),
        json!({"id": "n", "type": "filter", "config": {"items": "$inputs.list", "expression": "item > 1"}}),
        json!({"id": "n", "type": "aggregate", "config": {"items": "$inputs.list", "operation": "sum"}}),
        json!({"id": "n", "type": "some_future_type", "config": {}}),
    ] {
        let run = Run::start(&graph(json!([node.clone()]), json!([])), json!({"list": [1, 2, 3]}));
        assert_eq!(run.status(), RunStatus::Completed, "{node}");
    }
}
