//! The proof over recorded runs.

use std::collections::BTreeMap;

use aob_engine::RunStatus;
use aob_optimizer::{
    Difference, Native, Passes, Plan, Proof, Ran, RecordedRun, builtin_passes, plan, prove,
};
use serde_json::{Value, json};

use crate::support::*;

fn plan_all(document: &Value) -> Plan {
    let all: Vec<(&str, &dyn Passes)> =
        builtin_passes().into_iter().map(|pass| (pass, &Native as &dyn Passes)).collect();
    plan(document, &all).expect("a document")
}

fn recorded(ran: &Ran) -> RecordedRun {
    RecordedRun::of(&ran.log, BTreeMap::new()).expect("a whole run")
}

/// Requests, an order that is written, an approval, a signal, a child run and a map of jobs.
fn document() -> Value {
    let child = json!({"nodes": [function("inner")]});
    let body = json!({"type": "function", "config": {"name": "each", "args": "$item"}});
    json!({
        "nodes": [
            function("start"),
            get("a"),
            get("b"),
            {"id": "ask", "type": "hitl", "config": {"approvers": [{"user": "ann"}]}},
            {"id": "order", "type": "http", "config": {
                "url": "https://api.example.com/order", "method": "POST",
                "body": {"a": "$nodes.a.body.n", "b": "$nodes.b.body.n"},
            }},
            {"id": "paid", "type": "signal", "config": {"name": "paid"}},
            {"id": "child", "type": "composite", "config": {"workflow": child, "inputs": {"k": 1}}},
            {"id": "each", "type": "map", "config": {"items": [1, 2, 3], "node": body}},
            template("end", &json!({"order": "$nodes.order.body", "each": "$nodes.each", "paid": "$nodes.paid"})),
        ],
        "edges": edges(&[
            "start->a", "a->b", "b->ask", "ask->order", "order->paid", "order->child", "order->each",
            "paid->end", "child->end", "each->end",
        ]),
    })
}

#[test]
fn a_recorded_run_is_replayed_on_both_graphs() {
    let mut reads = document();
    node(&mut reads, "ask")["config"]["message"] = json!("Order ${nodes.a.body.n}?");
    let base = {
        // Nothing between the two reads sees its input, so they may start at once.
        let mut document = reads;
        add(&mut document, template("both", &json!({"a": "$nodes.a.body.n"})));
        cut(&mut document, "b->ask");
        join(&mut document, "b->both");
        join(&mut document, "both->ask");
        document
    };
    let planned = plan_all(&base);
    assert!(!planned.steps.is_empty());
    let runs: Vec<RecordedRun> = [json!({"k": 1}), json!({"k": 2})]
        .iter()
        .map(|inputs| recorded(&run(&planned.before, inputs)))
        .collect();
    let proof = prove(&planned.before, &planned.after, &runs);
    assert!(proof.holds(), "{proof:?}");
    assert_eq!(proof.equal.len(), 2);
    assert!(proof.after.jobs < proof.before.jobs, "{proof:?}");
}

/// The proof of a hand-made change.
fn proof_of(edit: fn(&mut Value)) -> Proof {
    let before = aob_ir::compile(&document()).expect("a document").ir;
    let mut changed = document();
    edit(&mut changed);
    let after = aob_ir::compile(&changed).expect("a document").ir;
    prove(&before, &after, &[recorded(&run(&before, &json!({"k": 1})))])
}

#[test]
fn what_is_not_equal_is_found() {
    type Case = (&'static str, fn(&mut Value), fn(&Proof) -> bool);
    let cases: [Case; 6] = [
        ("nothing", |d| d["metadata"] = json!({"name": "renamed"}), |p| p.holds()),
        (
            "another output",
            |d| node(d, "end")["config"] = json!({"template": {"each": "$nodes.each"}}),
            |p| matches!(p.different.as_slice(), [(_, Difference::Output { .. })]),
        ),
        (
            "an effect less",
            |d| {
                node(d, "order")["config"] = json!({"template": {"body": {"n": 1, "items": []}}});
                node(d, "order")["type"] = json!("transform");
            },
            |p| {
                matches!(
                    p.different.as_slice(),
                    [(_, Difference::Output { .. } | Difference::Effect { .. })]
                )
            },
        ),
        (
            "another order",
            |d| node(d, "order")["config"]["body"] = json!({"a": 1}),
            // Nobody knows what that would have given.
            |p| p.different.is_empty() && p.unproven.len() == 1,
        ),
        (
            "a request more",
            |d| {
                add(d, get("more"));
                join(d, "start->more");
                join(d, "more->end");
            },
            |p| p.different.is_empty() && p.unproven.len() == 1,
        ),
        (
            "it fails",
            |d| node(d, "end")["config"] = json!({"template": "$nodes.start.nothing"}),
            |p| {
                matches!(
                    p.different.as_slice(),
                    [(
                        _,
                        Difference::Status {
                            before: RunStatus::Completed,
                            after: RunStatus::Failed
                        }
                    )]
                )
            },
        ),
    ];
    for (what, edit, expected) in cases {
        let proof = proof_of(edit);
        assert!(expected(&proof), "{what}: {proof:?}");
    }
}

#[test]
fn nothing_is_said_of_runs_that_cannot_be_replayed() {
    let planned = plan_all(&crate::coalesce::base());
    let ran = run(&planned.before, &json!({"k": 1}));
    let cut_short = RecordedRun::of(&ran.log[..ran.log.len() - 1], BTreeMap::new());
    assert!(cut_short.unwrap_err().to_string().contains("not over"));
    assert!(RecordedRun::of(&ran.log[1..], BTreeMap::new()).is_err());
    // Of another document.
    let other = plan_all(&crate::cse::requests());
    let proof = prove(&other.before, &other.after, &[recorded(&ran)]);
    assert!(!proof.holds() && proof.unproven.len() == 1, "{proof:?}");
    assert!(!prove(&planned.before, &planned.after, &[]).holds(), "no run proves nothing");
}
