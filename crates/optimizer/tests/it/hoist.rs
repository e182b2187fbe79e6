//! Loop invariants.

use serde_json::{Value, json};

use crate::support::*;

const PASS: &str = "loop-invariants";
const HOIST: &str = "loop-invariants/hoist";

pub(crate) fn base() -> Value {
    let turn = json!({"loop_back_to": "head", "max_iterations": 9, "condition": "input.turn < 4"});
    json!({
        "nodes": [
            function("start"),
            get("head"),
            template("fixed", &json!({"limit": "$inputs.limit ?? 7"})),
            template("use", &json!({"turn": "$iteration", "limit": "$nodes.fixed.limit"})),
            {"id": "again", "type": "loop", "config": turn},
            template("end", &json!({"last": "$input", "fixed": "$nodes.fixed"})),
        ],
        "edges": edges(&["start->head", "head->fixed", "fixed->use", "use->again", "again->end"]),
    })
}

#[test]
fn what_gives_the_same_in_every_turn_is_computed_once() {
    let inputs = json!({"k": 1, "items": [1, 5, 9], "limit": 3});
    // Four turns: three too many.
    fires(PASS, &base(), &[HOIST], &inputs, 3);

    let mut entry = base();
    entry["nodes"].as_array_mut().expect("a list").remove(0);
    cut(&mut entry, "start->head");
    fires(PASS, &entry, &[HOIST], &inputs, 3);

    // It may fail, but nothing happens before it.
    let mut filter = base();
    let config = json!({"items": "$inputs.items", "expression": "item > 3"});
    *node(&mut filter, "fixed") = json!({"id": "fixed", "type": "filter", "config": config});
    node(&mut filter, "use")["config"] =
        json!({"template": {"turn": "$iteration", "l": "$nodes.fixed"}});
    fires(PASS, &filter, &[HOIST], &inputs, 3);

    // Behind a condition, and before a node of an outer branch.
    let mut guarded = base();
    edge(&mut guarded, "start->head")["condition"] = json!("output.n >= 0");
    fires(PASS, &guarded, &[HOIST], &inputs, 3);
}

/// What silences the pass.
const EDITS: &[Edit] = &[
    ("it reads the turn", |d| {
        node(d, "fixed")["config"] = json!({"template": {"limit": "$iteration"}})
    }),
    ("it reads its input", |d| {
        node(d, "fixed")["config"] = json!({"template": {"limit": "$input.status"}})
    }),
    ("it reads a node of the body", |d| {
        node(d, "fixed")["config"] = json!({"template": {"limit": "$nodes.head.status ?? 1"}});
    }),
    ("it reads what the turn before gave", |d| {
        node(d, "fixed")["config"] = json!({"template": {"limit": "$nodes.use.turn ?? 0"}});
    }),
    ("it asks the world, which may have changed", |d| {
        *node(d, "fixed") = get("fixed");
        node(d, "use")["config"] = json!({"template": {"turn": "$iteration"}});
    }),
    ("it is a function", |d| {
        *node(d, "fixed") = function("fixed");
        node(d, "fixed")["effect"] = json!("none");
        node(d, "use")["config"] = json!({"template": {"turn": "$iteration"}});
    }),
    ("not in every turn", |d| {
        edge(d, "head->fixed")["condition"] = json!("output.status == 201");
        join(d, "head->again");
    }),
    ("a condition further before it", |d| {
        add(d, template("between", &json!(1)));
        cut(d, "head->fixed");
        join(d, "head->between");
        join(d, "between->fixed");
        edge(d, "head->between")["condition"] = json!("output.status == 200");
    }),
    ("what comes before it may go another way", |d| route(d, "head")),
    ("what comes before it may be passed over", |d| node(d, "head")["on_error"] = json!("skip")),
    ("a condition before it", |d| {
        edge(d, "head->fixed")["condition"] = json!("output.status == 200")
    }),
    ("a condition behind it", |d| edge(d, "fixed->use")["condition"] = json!("output.limit > 1")),
    ("who comes next sees its input", |d| {
        node(d, "use")["config"] =
            json!({"template": {"turn": "$iteration", "limit": "$input.limit"}});
    }),
    ("the head sees its input", |d| {
        node(d, "head")["config"]["url"] = json!("https://api.example.com/${input.n ?? 1}");
    }),
    ("the head is given its input", |d| *node(d, "head") = function("head")),
    ("something before it reads what the turn before gave", |d| {
        node(d, "head")["config"]["query"] = json!({"limit": "$nodes.fixed.limit ?? 0"});
    }),
    ("it is checked", |d| {
        node(d, "fixed")["checks"] = json!({"post": [{"expression": "output.limit > 1"}]});
    }),
    ("its failure is skipped", |d| node(d, "fixed")["on_error"] = json!("skip")),
    ("its failure has a route", |d| route(d, "fixed")),
    ("it may fail after something was done", |d| {
        node(d, "head")["config"]["method"] = json!("POST");
        node(d, "fixed")["config"] = json!({"template": {"limit": "$inputs.limit"}});
    }),
    ("it may fail after somebody was asked", |d| {
        *node(d, "head") = json!({"id": "head", "type": "hitl", "config": {"timeout_ms": null}});
        node(d, "head").as_object_mut().expect("an object").remove("config");
        node(d, "fixed")["config"] = json!({"template": {"limit": "$inputs.limit"}});
    }),
    ("two ways into the loop", |d| {
        add(d, function("other"));
        join(d, "other->head");
    }),
    ("the first of several wins, later", |d| {
        add(d, template("late", &json!(1)));
        join(d, "end->late");
        join(d, "start->late");
        node(d, "late")["join"] = json!("any");
    }),
    ("it leads to two", |d| {
        add(d, template("more", &json!(1)));
        join(d, "fixed->more");
        join(d, "more->again");
    }),
    ("what surrounds it is joined already", |d| join(d, "head->use")),
];

#[test]
fn stays_silent_where_something_would_change() {
    stays_silent(PASS, &base(), EDITS);
}
