//! Common subexpressions.

use serde_json::{Value, json};

use crate::support::*;

const PASS: &str = "common-subexpressions";

fn twin(id: &str) -> Value {
    json!({"id": id, "type": "transform", "config": {"expression": "{'n': input.n * 2}"}})
}

pub(crate) fn base() -> Value {
    json!({
        "nodes": [
            function("start"),
            twin("a"),
            twin("b"),
            template("x", &json!("$input.n")),
            template("y", &json!({"y": "$input.n"})),
        ],
        "edges": edges(&["start->a", "start->b", "a->x", "b->y"]),
    })
}

/// Two requests for the same, which are known by their names.
pub(crate) fn requests() -> Value {
    let twin = |id: &str| json!({"id": id, "type": "http", "config": {"url": "https://api.example.com/x"}});
    json!({
        "nodes": [
            function("start"),
            twin("a"),
            twin("b"),
            template("end", &json!({"a": "$nodes.a.body.n", "b": "$nodes.b.body.n", "in": "$input"})),
        ],
        "edges": edges(&["start->a", "start->b", "a->end", "b->end"]),
    })
}

#[test]
fn the_same_is_computed_once() {
    let inputs = json!({"k": 1, "items": [1, 2, 3]});
    fires(PASS, &base(), &["common-subexpressions/merge"], &inputs, 1);
    fires(PASS, &requests(), &["common-subexpressions/alias"], &inputs, 1);

    let mut filters = base();
    for id in ["a", "b"] {
        let config = json!({"items": "$inputs.items", "expression": "item > 1"});
        *node(&mut filters, id) = json!({"id": id, "type": "filter", "config": config});
    }
    node(&mut filters, "x")["config"] = json!({"template": "$input"});
    node(&mut filters, "y")["config"] = json!({"template": "$input"});
    fires(PASS, &filters, &["common-subexpressions/merge"], &inputs, 1);

    let mut functions = base();
    for id in ["a", "b"] {
        *node(&mut functions, id) = function(id);
        node(&mut functions, id)["config"]["name"] = json!("score");
        node(&mut functions, id)["effect"] = json!("none");
    }
    // Conditions behind the second hold for what the first gave.
    edge(&mut functions, "b->y")["condition"] = json!("output.n >= 0");
    fires(PASS, &functions, &["common-subexpressions/merge"], &inputs, 1);

    let mut three = requests();
    let mut c = node(&mut three, "a").clone();
    c["id"] = json!("c");
    add(&mut three, c);
    join(&mut three, "start->c");
    join(&mut three, "c->end");
    fires(PASS, &three, &["common-subexpressions/alias"; 2], &inputs, 1);
}

/// What silences the pass.
const EDITS: &[Edit] = &[
    ("another configuration", |d| {
        node(d, "b")["config"]["expression"] = json!("{'n': input.n * 3}")
    }),
    ("another type", |d| *node(d, "b") = template("b", &json!({"n": 1}))),
    ("the second is known by its name", |d| {
        node(d, "y")["config"] = json!({"template": "$nodes.b.n"});
    }),
    ("the second is known in a condition", |d| {
        add(d, function("z"));
        join(d, "y->z");
        edge(d, "y->z")["condition"] = json!("ctx.b.n > 1");
    }),
    ("the second is part of the output", |d| {
        d["nodes"].as_array_mut().expect("a list").pop();
        cut(d, "b->y");
    }),
    ("the first is part of the output", |d| {
        cut(d, "a->x");
        d["nodes"].as_array_mut().expect("a list").retain(|n| n["id"] != "x");
    }),
    ("another source", |d| {
        add(d, function("other"));
        cut(d, "start->b");
        join(d, "other->b");
    }),
    ("a condition before one", |d| edge(d, "start->b")["condition"] = json!("output.n > 5")),
    ("another condition", |d| {
        edge(d, "start->a")["condition"] = json!("output.n > 4");
        edge(d, "start->b")["condition"] = json!("output.n > 5");
    }),
    ("only one is taken", |d| {
        *node(d, "start") = json!({"id": "start", "type": "conditional"});
        edge(d, "start->a")["condition"] = json!("inputs.k > 3");
    }),
    ("one is checked", |d| {
        node(d, "b")["checks"] = json!({"post": [{"expression": "output.n > 3"}]});
    }),
    ("both are checked", |d| {
        for id in ["a", "b"] {
            node(d, id)["checks"] = json!({"post": [{"expression": "output.n > 3"}]});
        }
    }),
    ("failures are skipped", |d| {
        for id in ["a", "b"] {
            node(d, id)["on_error"] = json!("skip");
        }
    }),
    ("a route out of one", |d| route(d, "b")),
    ("who comes next sees where from", |d| {
        join(d, "start->y");
        node(d, "y")["config"] = json!({"template": "$input"});
    }),
    ("both lead to the same, which sees where from", |d| {
        join(d, "a->y");
        node(d, "y")["config"] = json!({"template": "$input"});
    }),
    ("the first of several wins", |d| {
        join(d, "start->y");
        node(d, "y")["join"] = json!("any");
    }),
    ("one starts a loop", |d| {
        let config = json!({"loop_back_to": "b", "max_iterations": 2, "condition": "false"});
        add(d, json!({"id": "again", "type": "loop", "config": config}));
        cut(d, "b->y");
        join(d, "b->again");
        join(d, "again->y");
    }),
];

/// What silences it where two ask the world.
const EDITS_2: &[Edit] = &[
    ("they write", |d| {
        for id in ["a", "b"] {
            node(d, id)["config"]["method"] = json!("POST");
        }
    }),
    ("they are said to write", |d| {
        for id in ["a", "b"] {
            node(d, id)["effect"] = json!("idempotent");
        }
    }),
    ("other retries", |d| node(d, "b")["retry"] = json!({"max_attempts": 1})),
    ("another timeout", |d| node(d, "b")["timeout_ms"] = json!(7)),
    ("another pool", |d| node(d, "b")["pool"] = json!("inside")),
    ("they are compensated", |d| {
        for id in ["a", "b"] {
            node(d, id)["compensate"] = undo();
        }
    }),
    ("another header", |d| node(d, "b")["config"]["headers"] = json!({"Accept": "x"})),
    ("one after the other", |d| {
        cut(d, "start->b");
        join(d, "a->b");
    }),
    ("agents", |d| {
        for id in ["a", "b"] {
            *node(d, id) =
                json!({"id": id, "type": "agent", "config": {"task": "Think."}, "effect": "none"});
        }
    }),
    ("functions that have an effect", |d| {
        for id in ["a", "b"] {
            *node(d, id) = json!({"id": id, "type": "function", "config": {"name": "f"}});
        }
    }),
    ("sleep is there for its time", |d| {
        for id in ["a", "b"] {
            let config = json!({"name": "sleep", "args": {"ms": 5}});
            *node(d, id) =
                json!({"id": id, "type": "function", "config": config, "effect": "none"});
        }
    }),
];

#[test]
fn stays_silent_where_something_would_change() {
    stays_silent(PASS, &base(), EDITS);
    stays_silent(PASS, &requests(), EDITS_2);
}
