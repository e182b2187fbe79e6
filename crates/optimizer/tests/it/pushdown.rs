//! Predicate pushdown.

use serde_json::{Value, json};

use crate::support::*;

const PASS: &str = "predicate-pushdown";
const MAP: &str = "predicate-pushdown/map";

pub(crate) fn base() -> Value {
    let body = json!({"amount": "$item.amount", "note": "$item.note ?? \"-\"", "fixed": [1, "${inputs.k ?? 1}"]});
    json!({
        "nodes": [
            function("start"),
            {"id": "shape", "type": "map", "config": {
                "items": "$inputs.items",
                "node": {"id": "row", "type": "transform", "config": {"template": body}},
                "max_parallel": 3,
            }},
            {"id": "keep", "type": "filter", "config": {"items": "$nodes.shape", "expression": "item.amount > 10 * index"}},
            template("end", &json!({"kept": "$nodes.keep", "in": "$input"})),
        ],
        "edges": edges(&["start->shape", "shape->keep", "keep->end"]),
    })
}

fn inputs() -> Value {
    let amounts = [5, 25, 1, 90, 2];
    let items: Vec<Value> =
        amounts.iter().map(|n| json!({"amount": n, "id": "x", "s": {"t": n}})).collect();
    json!({"k": 1, "items": items})
}

#[test]
fn dropped_items_are_not_mapped() {
    // 5 > 0, 25 > 10, 90 > 30 stay; two go.
    let plan = fires(PASS, &base(), &[MAP], &inputs(), 2);
    assert_eq!(plan.document()["nodes"][1]["type"], "filter");
    assert_eq!(plan.document()["nodes"][2]["config"]["max_parallel"], 3);

    let mut by_input = base();
    node(&mut by_input, "keep")["config"]["items"] = json!("$input");
    fires(PASS, &by_input, &[MAP], &inputs(), 2);

    let mut nested = base();
    node(&mut nested, "keep")["config"]["expression"] = json!("item.s.t >= inputs.k * 20");
    node(&mut nested, "shape")["config"]["node"]["config"]["template"] =
        json!({"s": "$input.s", "all": "$item"});
    fires(PASS, &nested, &[MAP], &inputs(), 3);
}

#[test]
fn an_item_that_failed_the_map_fails_the_filter() {
    let mut poor = inputs();
    poor["items"][2] = json!({"note": "no amount"});
    let plan = plan_with(PASS, &base());
    let (one, other) = (run(&plan.before, &poor), run(&plan.after, &poor));
    assert_eq!(
        (one.status, other.status),
        (aob_engine::RunStatus::Failed, aob_engine::RunStatus::Failed)
    );
}

/// What silences the pass.
const EDITS: &[Edit] = &[
    ("the body needs more than the predicate reads", |d| {
        body(d)["id"] = json!("$item.id");
    }),
    ("the body looks further into what the predicate reads", |d| {
        body(d)["deep"] = json!("$item.amount.net");
    }),
    ("what the predicate reads has a default", |d| {
        body(d)["amount"] = json!("$item.amount ?? 0");
    }),
    ("what the predicate reads is another key", |d| body(d)["amount"] = json!("$item.gross")),
    ("what the predicate reads is computed", |d| body(d)["amount"] = json!("${item.amount}")),
    ("what the predicate reads is made up", |d| body(d)["amount"] = json!(12)),
    ("the body counts", |d| body(d)["n"] = json!("$index")),
    ("the body may fail otherwise", |d| body(d)["k"] = json!("$inputs.missing")),
    ("the body reads another node", |d| body(d)["k"] = json!("$nodes.start.n")),
    ("the predicate reads the item as a whole", |d| {
        node(d, "keep")["config"]["expression"] = json!("item != {} && item.amount > 1");
    }),
    ("the predicate may not look", |d| {
        node(d, "keep")["config"]["expression"] = json!("index < 2 || item.amount > 1");
    }),
    ("the predicate asks whether it is there", |d| {
        node(d, "keep")["config"]["expression"] = json!("has(item.amount)");
    }),
    ("the predicate reads what the map added", |d| {
        node(d, "keep")["config"]["expression"] = json!("item.note == '-'");
    }),
    ("the predicate reads the filter's input", |d| {
        node(d, "keep")["config"]["expression"] = json!("item.amount > size(input)");
    }),
    ("the predicate reads the map", |d| {
        node(d, "keep")["config"]["expression"] = json!("item.amount > size(ctx.shape)");
    }),
    ("the body is a job", |d| {
        node(d, "shape")["config"]["node"] =
            json!({"id": "row", "type": "function", "config": {"name": "f"}});
    }),
    ("the body is an expression", |d| {
        node(d, "shape")["config"]["node"] =
            json!({"type": "transform", "config": {"expression": "{'amount': input.amount}"}});
    }),
    ("the body is no object", |d| {
        node(d, "shape")["config"]["node"]["config"]["template"] = json!(["$item.amount"]);
    }),
    ("the body is checked", |d| {
        node(d, "shape")["config"]["node"]["checks"] =
            json!({"post": [{"expression": "output.amount > 1"}]});
    }),
    ("failures are tolerated", |d| node(d, "shape")["config"]["tolerate"] = json!(1)),
    ("the map has a timeout", |d| node(d, "shape")["timeout_ms"] = json!(1000)),
    ("the map is checked", |d| {
        node(d, "shape")["checks"] = json!({"post": [{"expression": "size(output) > 1"}]});
    }),
    ("the filter is checked", |d| {
        node(d, "keep")["checks"] = json!({"pre": [{"expression": "size(input) > 1"}]});
    }),
    ("the map's failure is skipped", |d| node(d, "shape")["on_error"] = json!("skip")),
    ("the filter's failure has a route", |d| route(d, "keep")),
    ("others read the map", |d| {
        node(d, "end")["config"] = json!({"template": {"all": "$nodes.shape"}});
    }),
    ("others read its body", |d| {
        node(d, "end")["config"] = json!({"template": {"all": "$nodes.row"}});
    }),
    ("the map leads elsewhere too", |d| {
        add(d, function("more"));
        join(d, "shape->more");
    }),
    ("a condition between", |d| edge(d, "shape->keep")["condition"] = json!("size(output) > 1")),
    ("the filter waits for others too", |d| join(d, "start->keep")),
    ("the filter reads a part of the map", |d| {
        node(d, "keep")["config"]["items"] = json!("$nodes.shape[0].list");
    }),
    ("the first of several wins", |d| {
        join(d, "start->end");
        node(d, "end")["join"] = json!("any");
    }),
];

#[test]
fn stays_silent_where_something_would_change() {
    stays_silent(PASS, &base(), EDITS);
}

fn body(document: &mut Value) -> &mut Value {
    &mut node(document, "shape")["config"]["node"]["config"]["template"]
}
