//! Guards, references and inline nodes.

use aob_engine::RunStatus;
use serde_json::{Value, json};

use crate::harness::{Run, constant, edge, graph};

#[test]
fn a_conditional_takes_the_first_match_and_else_last() {
    let cases = [(json!({"n": 1}), "low"), (json!({"n": 5}), "mid"), (json!({"n": 9}), "high")];
    for (value, expected) in cases {
        let document = graph(
            json!([
                constant("s", value),
                {"id": "c", "type": "conditional", "config": {}},
                constant("high", json!("high")),
                constant("low", json!("low")),
                constant("mid", json!("mid")),
            ]),
            json!([
                edge("s", "c"),
                {"from": "c", "to": "high"},
                {"from": "c", "to": "low", "condition": "$.n < 3"},
                {"from": "c", "to": "mid", "condition": "output.n < 7"},
            ]),
        );
        let run = Run::start(&document, json!({}));
        assert_eq!(run.output(), json!({expected: expected}));
    }
}

#[test]
fn other_nodes_take_every_edge_that_matches() {
    let document = graph(
        json!([
            constant("s", json!(4)),
            constant("a", json!("a")),
            constant("b", json!("b")),
            constant("c", json!("c"))
        ]),
        json!([
            {"from": "s", "to": "a", "condition": "output > 1"},
            {"from": "s", "to": "b", "condition": "output > 3"},
            {"from": "s", "to": "c", "condition": "output > 5"},
        ]),
    );
    let run = Run::start(&document, json!({}));
    assert_eq!(run.output(), json!({"a": "a", "b": "b"}));
}

#[test]
fn a_guard_that_cannot_be_evaluated_fails_its_source() {
    let document = graph(
        json!([constant("s", json!({})), constant("a", json!(1))]),
        json!([{"from": "s", "to": "a", "condition": "output.missing > 1"}]),
    );
    let run = Run::start(&document, json!({}));
    assert_eq!(run.status(), RunStatus::Failed);
    let (code, message) = run.state.error().expect("a failed run has an error");
    assert_eq!(&*code, "condition_error");
    assert!(message.contains("s->a"), "{message}");
}

#[test]
fn an_unresolvable_reference_fails_the_node_unless_it_has_a_default() {
    let document = |text: &str| {
        graph(
            json!([constant("a", json!({"x": 1})), constant("b", json!(text))]),
            json!([edge("a", "b")]),
        )
    };
    let run = Run::start(&document("$nodes.a.y"), json!({}));
    assert_eq!(run.status(), RunStatus::Failed);
    assert_eq!(&*run.state.error().expect("an error").0, "reference_unresolved");
    let run = Run::start(&document("$nodes.a.y ?? 7"), json!({}));
    assert_eq!(run.output(), json!(7));
    let run = Run::start(&document("x is ${nodes.a.x}"), json!({}));
    assert_eq!(run.output(), json!("x is 1"));
}

#[test]
fn aggregates_compute() {
    let items = json!([{"k": "a", "v": 1}, {"k": "b", "v": 2}, {"k": "a", "v": 3.5}]);
    let cases: [(Value, Value); 8] = [
        (json!({"operation": "sum", "field": "v"}), json!(6.5)),
        (json!({"operation": "avg", "field": "v"}), json!(6.5 / 3.0)),
        (json!({"operation": "min", "field": "v"}), json!(1)),
        (json!({"operation": "max", "field": "v"}), json!(3.5)),
        (json!({"operation": "count"}), json!(3)),
        (json!({"operation": "union", "field": "k"}), json!(["a", "b"])),
        (json!({"operation": "group", "by": "k", "field": "v"}), json!({"a": [1, 3.5], "b": [2]})),
        (json!({"operation": "merge"}), json!({"k": "a", "v": 3.5})),
    ];
    for (rule, expected) in cases {
        let mut config = rule.clone();
        config["items"] = json!("$inputs.items");
        let node = json!({"id": "n", "type": "aggregate", "config": config});
        let run = Run::start(&graph(json!([node]), json!([])), json!({"items": items}));
        assert_eq!(run.output(), expected, "{rule}");
    }
}

#[test]
fn inputs_are_checked_against_their_schema() {
    let mut document = graph(json!([constant("a", json!("$inputs.n"))]), json!([]));
    document["inputs"] =
        json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]});
    let mut run = Run::new(&document);
    let start = aob_engine::Command::Start(Box::new(run.start_run(json!({"n": "seven"}))));
    let refused = run.command(start).expect_err("the input is not an integer");
    assert_eq!(refused.code, aob_engine::RejectionCode::InvalidInputs);
    assert!(refused.message.contains("/inputs/n"), "{}", refused.message);
    assert_eq!(Run::start(&document, json!({"n": 7})).output(), json!(7));
}

#[test]
fn checks_stand_before_and_after_a_node() {
    let mut node = constant("a", json!("$inputs.n"));
    node["checks"] = json!({
        "pre": [{"expression": "input.n > 0", "message": "n must be positive"}],
        "post": [{"schema": {"type": "integer"}}],
    });
    let document = graph(json!([node]), json!([]));
    assert_eq!(Run::start(&document, json!({"n": 3})).output(), json!(3));
    let run = Run::start(&document, json!({"n": -1}));
    assert_eq!(&*run.state.error().expect("an error").0, "precondition_failed");
    let run = Run::start(&document, json!({"n": 1.5}));
    assert_eq!(&*run.state.error().expect("an error").0, "postcondition_failed");
}

#[test]
fn unknown_types_follow_their_policy() {
    let document = |policy: &str| {
        let mut document = graph(
            json!([constant("a", json!(1)), {"id": "u", "type": "quantum_leap", "config": {}}, constant("b", json!("$input"))]),
            json!([edge("a", "u"), edge("u", "b")]),
        );
        document["on_unknown"] = json!(policy);
        document
    };
    let run = Run::start(&document("skip"), json!({}));
    assert_eq!(run.output(), json!(1), "its input is passed through");
    assert_eq!(run.count("warning_raised"), 1);
    let run = Run::start(&document("park"), json!({}));
    assert_eq!(run.status(), RunStatus::Waiting);
    assert_eq!(run.ended("node_parked"), ["u"]);
}
