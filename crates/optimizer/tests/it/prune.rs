//! Dead-path pruning.

use serde_json::{Value, json};

use crate::support::*;

const PASS: &str = "dead-path-pruning";
const PRUNE: &str = "dead-path-pruning/constant";

pub(crate) fn base() -> Value {
    let mut document = json!({
        "nodes": [
            function("start"),
            {"id": "gate", "type": "conditional"},
            function("yes"),
            function("no"),
            function("no2"),
            function("other"),
            template("end", &json!({"yes": "$nodes.yes.n ?? 0"})),
        ],
        "edges": edges(&[
            "start->gate", "gate->no", "gate->yes", "gate->other", "no->no2", "no2->end", "yes->end",
            "other->end",
        ]),
    });
    edge(&mut document, "gate->no")["condition"] = json!("1 > 2");
    edge(&mut document, "gate->yes")["condition"] = json!("output.n >= 5");
    document
}

#[test]
fn what_never_starts_goes() {
    let inputs = json!({"k": 1});
    let plan = fires(PASS, &base(), &[PRUNE], &inputs, 1);
    assert_eq!(plan.steps[0].rewrite.nodes, ["no", "no2"]);

    // Behind an edge that always holds, *else* is dead too.
    let mut always = base();
    edge(&mut always, "gate->yes")["condition"] = json!("true");
    let plan = fires(PASS, &always, &[PRUNE], &inputs, 1);
    assert_eq!(plan.steps[0].rewrite.nodes, ["no", "no2", "other"]);

    // An edge alone.
    let mut alone = base();
    join(&mut alone, "start->no");
    node(&mut alone, "no2")["config"]["name"] = json!("no2");
    fires(PASS, &alone, &[PRUNE], &inputs, 1);

    // A whole loop.
    let mut looped = base();
    let turn = json!({"loop_back_to": "no", "max_iterations": 2, "condition": "false"});
    *node(&mut looped, "no2") = json!({"id": "no2", "type": "loop", "config": turn});
    fires(PASS, &looped, &[PRUNE], &inputs, 1);

    // Several terminals stay several.
    let mut several = base();
    cut(&mut several, "no2->end");
    add(&mut several, function("end2"));
    join(&mut several, "other->end2");
    fires(PASS, &several, &[PRUNE], &inputs, 1);
}

/// What silences the pass.
const EDITS: &[Edit] = &[
    ("it may be taken", |d| edge(d, "gate->no")["condition"] = json!("output.n > 20")),
    ("it depends on the inputs", |d| edge(d, "gate->no")["condition"] = json!("inputs.k > 5")),
    ("it depends on the run", |d| edge(d, "gate->no")["condition"] = json!("run.depth > 5")),
    ("it cannot be evaluated, which fails the node", |d| {
        edge(d, "gate->no")["condition"] = json!("1 / 0 > 2");
    }),
    ("it gives no boolean, which fails the node", |d| {
        edge(d, "gate->no")["condition"] = json!("1 + 1");
    }),
    ("what stays reads what goes", |d| {
        node(d, "end")["config"] = json!({"template": {"no": "$nodes.no.n ?? 0"}});
    }),
    ("a condition that stays reads what goes", |d| {
        add(d, function("more"));
        join(d, "end->more");
        edge(d, "end->more")["condition"] = json!("has(ctx.no2.n)");
    }),
    ("one of two terminals goes", |d| cut(d, "no2->end")),
    ("its source would become part of the output", |d| {
        cut(d, "other->end");
        add(d, function("tail"));
        join(d, "other->tail");
        edge(d, "other->tail")["condition"] = json!("false");
        edge(d, "gate->no")["condition"] = json!("output.n > 20");
        join(d, "tail->end");
    }),
    ("an approval goes", |d| *node(d, "no2") = json!({"id": "no2", "type": "hitl", "config": {}})),
    ("a quorum counts dead edges", |d| node(d, "end")["join"] = json!("quorum")),
    ("the first k of n", |d| node(d, "end")["join"] = json!({"mode": "k_of_n", "k": 1})),
    ("a share of failures is tolerated", |d| node(d, "end")["join"] = json!({"tolerate": "50%"})),
    ("losers are cancelled", |d| {
        node(d, "end")["join"] = json!({"mode": "any", "cancel_losers": true})
    }),
    ("there is another way in", |d| {
        join(d, "start->no");
        edge(d, "gate->no")["condition"] = json!("output.n > 20");
    }),
    ("a failure leads there, and it is not dead", |d| {
        cut(d, "gate->no");
        d["edges"]
            .as_array_mut()
            .expect("a list")
            .push(json!({"from": "gate", "to": "no", "on": "failure"}));
    }),
    ("what stays reads, over the dead edge, what stays", |d| {
        edge(d, "gate->no")["condition"] = json!("output.n > 20");
        join(d, "no->end");
        edge(d, "no->end")["condition"] = json!("false");
        cut(d, "no2->end");
        node(d, "end")["config"] = json!({"template": {"no": "$nodes.no.n ?? 0"}});
    }),
    ("else is not dead behind what may not hold", |d| {
        edge(d, "gate->no")["condition"] = json!("output.n > 8");
        edge(d, "gate->yes")["condition"] = json!("output.n > 5");
    }),
];

#[test]
fn stays_silent_where_something_would_change() {
    stays_silent(PASS, &base(), EDITS);
}
