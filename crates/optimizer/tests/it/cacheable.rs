//! Cacheable marking. As long as a document may not ask for cached results, a plan never has it.

use aob_optimizer::facts;
use aob_passes::Rewrite;
use serde_json::{Value, json};

use crate::support::*;

const PASS: &str = "cacheable-marking";

pub(crate) fn base() -> Value {
    let mut score = function("score");
    score["effect"] = json!("none");
    json!({
        "nodes": [function("start"), score, template("end", &json!("$input"))],
        "edges": edges(&["start->score", "score->end"]),
    })
}

/// What the pass proposes where cache policies are, or are not, served.
fn proposed(document: &Value, supports_cache: bool) -> Option<Rewrite> {
    let ir = aob_ir::compile(document).expect("a document").ir;
    let document: Value = serde_json::from_str(&ir.canonical).expect("JSON");
    let mut facts = facts(&document, &ir);
    facts.supports_cache = supports_cache;
    aob_passes::run(PASS, &document, &facts).expect("a pass")
}

#[test]
fn functions_that_are_said_to_do_nothing_outside_are_marked() {
    let rewrite = proposed(&base(), true).expect("a rewrite");
    assert_eq!(rewrite.nodes, ["score"]);
    let expected =
        json!({"op": "add", "path": "/nodes/score/cache", "value": {"policy": "read_through"}});
    assert_eq!(rewrite.operations, [expected]);

    let mut two = base();
    let mut other = function("other");
    other["effect"] = json!("none");
    add(&mut two, other);
    join(&mut two, "start->other");
    join(&mut two, "other->end");
    assert_eq!(proposed(&two, true).expect("a rewrite").nodes, ["score", "other"]);

    // Its failures are not kept, so they may go anywhere.
    let mut retried = base();
    node(&mut retried, "score")["retry"] = json!({"max_attempts": 7});
    assert!(proposed(&retried, true).is_some());
}

#[test]
fn stays_silent_where_cache_policies_are_not_served() {
    assert_eq!(proposed(&base(), false), None);
    let mut marked = base();
    node(&mut marked, "score")["cache"] = json!({"policy": "read_through"});
    let served = aob_ir::compile(&marked).is_ok();
    assert_eq!(!plan_with(PASS, &base()).steps.is_empty(), served);
}

/// What silences the pass.
const EDITS: &[Edit] = &[
    ("nobody says that it does nothing", |d| {
        node(d, "score").as_object_mut().expect("an object").remove("effect");
    }),
    ("it has an effect", |d| node(d, "score")["effect"] = json!("idempotent")),
    ("it says no itself", |d| node(d, "score")["cache"] = json!({"policy": "off"})),
    ("a request, whose answer changes", |d| {
        *node(d, "score") = get("score");
        node(d, "score")["effect"] = json!("none");
    }),
    ("an agent", |d| {
        *node(d, "score") =
            json!({"id": "score", "type": "agent", "config": {"task": "?"}, "effect": "none"});
    }),
    ("a built-in function", |d| node(d, "score")["config"]["name"] = json!("echo")),
    ("it reads the run", |d| node(d, "score")["config"]["args"] = json!({"id": "$run.id"})),
    ("it is given a secret", |d| node(d, "score")["config"]["args"] = json!({"t": "$secrets.t"})),
    ("it stands in a loop", |d| {
        let config = json!({"loop_back_to": "score", "max_iterations": 2, "condition": "false"});
        add(d, json!({"id": "again", "type": "loop", "config": config}));
        cut(d, "score->end");
        join(d, "score->again");
        join(d, "again->end");
    }),
    ("its result is checked", |d| {
        node(d, "score")["checks"] = json!({"post": [{"expression": "output.n > 1"}]});
    }),
    ("its input is checked", |d| {
        node(d, "score")["checks"] = json!({"pre": [{"expression": "input.n > 1"}]});
    }),
    ("it is undone", |d| node(d, "score")["compensate"] = undo()),
    ("its failure is skipped", |d| node(d, "score")["on_error"] = json!("skip")),
    ("it is the body of a map", |d| {
        let body = json!({"type": "function", "config": {"name": "score"}, "effect": "none"});
        *node(d, "score") =
            json!({"id": "score", "type": "map", "config": {"items": [1, 2], "node": body}});
    }),
];

#[test]
fn stays_silent_where_something_would_change() {
    for (why, edit) in EDITS {
        let mut document = base();
        edit(&mut document);
        assert_eq!(proposed(&document, true), None, "{why}");
    }
}
