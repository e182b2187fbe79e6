//! Sequential to parallel.

use serde_json::{Value, json};

use crate::support::*;

const PASS: &str = "sequential-to-parallel";
const PAIR: &str = "sequential-to-parallel/pair";

pub(crate) fn base() -> Value {
    json!({
        "nodes": [
            function("start"),
            get("a"),
            get("b"),
            template("end", &json!({"a": "$nodes.a.body.n", "b": "$nodes.b.body.n"})),
        ],
        "edges": edges(&["start->a", "a->b", "b->end"]),
    })
}

#[test]
fn requests_in_a_row_start_at_once() {
    let inputs = json!({"k": 1});
    fires(PASS, &base(), &[PAIR], &inputs, 1);

    let mut long = base();
    for id in ["c", "d"] {
        add(&mut long, get(id));
    }
    cut(&mut long, "b->end");
    for id in ["b->c", "c->d", "d->end"] {
        join(&mut long, id);
    }
    let plan = fires(PASS, &long, &[PAIR; 3], &inputs, 1);
    let of = |id| plan.after.node(plan.after.node_ix(id).unwrap());
    for id in ["a", "b", "c", "d"] {
        let node = of(id);
        assert_eq!((node.incoming.len(), node.outgoing.len()), (1, 1), "{id}: one rank");
    }

    // A chain that is listed from its end comes to the same.
    let mut backwards = long.clone();
    for key in ["nodes", "edges"] {
        backwards[key].as_array_mut().expect("a list").reverse();
    }
    fires(PASS, &backwards, &[PAIR; 3], &inputs, 1);

    let mut entry = base();
    entry["nodes"].as_array_mut().expect("a list").remove(0);
    cut(&mut entry, "start->a");
    fires(PASS, &entry, &[PAIR], &inputs, 1);

    // Behind an approval, both stay behind it; a condition holds for both.
    let mut gated = base();
    *node(&mut gated, "start") = json!({"id": "start", "type": "hitl", "config": {}});
    edge(&mut gated, "start->a")["condition"] = json!("output.approved");
    let plan = fires(PASS, &gated, &[PAIR], &inputs, 1);
    let gate = plan.after.node_ix("start").unwrap();
    for id in ["a", "b", "end"] {
        assert!(plan.after.dominators().dominates(gate, plan.after.node_ix(id).unwrap()), "{id}");
    }
}

/// What silences the pass.
const EDITS: &[Edit] = &[
    ("the second reads the first", |d| {
        node(d, "b")["config"]["query"] = json!({"n": "$nodes.a.body.n"});
    }),
    ("the second reads it with a default", |d| {
        node(d, "b")["config"]["query"] = json!({"n": "$nodes.a.body.n ?? 1"});
    }),
    ("the second reads its input", |d| {
        node(d, "b")["config"]["url"] = json!("https://api.example.com/${input.status}");
    }),
    ("the first writes", |d| node(d, "a")["config"]["method"] = json!("POST")),
    ("the second writes", |d| node(d, "b")["config"]["method"] = json!("PUT")),
    ("the first is said to write", |d| node(d, "a")["effect"] = json!("irreversible")),
    ("the second is said to write", |d| node(d, "b")["effect"] = json!("idempotent")),
    ("a condition between", |d| edge(d, "a->b")["condition"] = json!("output.status == 200")),
    ("an outcome between", |d| edge(d, "a->b")["on"] = json!("always")),
    ("a condition behind", |d| edge(d, "b->end")["condition"] = json!("output.body.n > 3")),
    ("a route out of the first", |d| route(d, "a")),
    ("a route out of the second", |d| route(d, "b")),
    ("the first may be skipped", |d| node(d, "a")["on_error"] = json!("skip")),
    ("the second may be parked", |d| node(d, "b")["on_error"] = json!("park")),
    ("the first is checked", |d| {
        node(d, "a")["checks"] = json!({"post": [{"expression": "output.status == 200"}]});
    }),
    ("the second checks its input", |d| {
        node(d, "b")["checks"] = json!({"pre": [{"expression": "input.status == 200"}]});
    }),
    ("the first is compensated", |d| node(d, "a")["compensate"] = undo()),
    ("who waits sees its input", |d| node(d, "end")["config"] = json!({"template": "$input"})),
    ("who waits passes its input on", |d| *node(d, "end") = json!({"id": "end", "type": "join"})),
    ("who waits is a function, which is given its input", |d| *node(d, "end") = function("end")),
    ("the first becomes part of the output", |d| {
        d["nodes"].as_array_mut().expect("a list").pop();
        cut(d, "b->end");
    }),
    ("only one edge is taken", |d| {
        *node(d, "start") = json!({"id": "start", "type": "conditional"});
    }),
    ("a function in between", |d| {
        *node(d, "a") =
            json!({"id": "a", "type": "function", "config": {"name": "f"}, "effect": "none"});
        node(d, "end")["config"] = json!({"template": 1});
    }),
    ("time is what it waits for", |d| {
        *node(d, "a") = json!({"id": "a", "type": "timer", "config": {"for_ms": 1000}});
        node(d, "end")["config"] = json!({"template": 1});
    }),
    ("the first of several wins", |d| {
        join(d, "start->end");
        node(d, "end")["join"] = json!("any");
    }),
    ("the second takes the first of several, though now there is one", |d| {
        node(d, "b")["join"] = json!("any");
    }),
    ("who waits takes the first of several, though now there is one", |d| {
        node(d, "end")["join"] = json!("any");
    }),
    ("who waits would wait as long for another", |d| {
        add(d, get("other"));
        node(d, "other")["config"]["query"] = json!({"n": "$nodes.a.body.n"});
        join(d, "a->other");
        join(d, "other->end");
    }),
    ("the second waits for others too", |d| join(d, "start->b")),
];

#[test]
fn stays_silent_where_something_would_change() {
    stays_silent(PASS, &base(), EDITS);
}
