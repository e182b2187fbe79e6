//! Plans of several passes at once.

use aob_optimizer::{Native, Passes, builtin_passes, difference, plan};
use serde_json::{Value, json};

use crate::support::*;

/// Requests in a row, asked twice, with a branch that is never taken.
fn document() -> Value {
    let mut document = json!({
        "nodes": [
            function("start"),
            get("a"),
            get("b"),
            get("c"),
            {"id": "twice", "type": "http", "config": {"url": "https://api.example.com/c"}},
            function("never"),
            template("end", &json!({
                "a": "$nodes.a.body", "b": "$nodes.b.body", "c": "$nodes.c.body", "t": "$nodes.twice.body",
            })),
        ],
        "edges": edges(&[
            "start->a", "a->b", "b->c", "b->twice", "c->end", "twice->end", "start->never", "never->end",
        ]),
    });
    edge(&mut document, "start->never")["condition"] = json!("false");
    document
}

#[test]
fn passes_work_on_what_the_others_made() {
    let all: Vec<(&str, &dyn Passes)> =
        builtin_passes().into_iter().map(|pass| (pass, &Native as &dyn Passes)).collect();
    let planned = plan(&document(), &all).expect("a document");
    assert_eq!(planned.notes, []);
    let rules: Vec<&str> = planned.steps.iter().map(|step| &*step.rewrite.rule).collect();
    assert_eq!(
        rules,
        [
            "dead-path-pruning/constant",
            "common-subexpressions/alias",
            "sequential-to-parallel/pair",
            "sequential-to-parallel/pair",
            "http-coalescing/siblings",
        ]
    );
    let inputs = json!({"k": 1});
    let (one, other) = (run(&planned.before, &inputs), run(&planned.after, &inputs));
    assert_eq!(difference(&one, &other), None);
    assert_eq!((one.counts.jobs, other.counts.jobs), (5, 2));
    assert_eq!((one.counts.elapsed_ms, other.counts.elapsed_ms), (4_000, 2_000));

    // The steps lead from one digest to the next, and nothing is left to do.
    let mut at = planned.before.digest;
    for step in &planned.steps {
        assert_eq!(step.base, at);
        at = step.result;
    }
    assert_eq!(at, planned.after.digest);
    assert_eq!(plan(&planned.document(), &all).expect("a document").steps.len(), 0);
}

#[test]
fn a_document_that_does_not_compile_is_not_optimized() {
    assert!(plan(&json!({"nodes": []}), &[("http-coalescing", &Native)]).is_err());
}
