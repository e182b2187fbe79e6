//! Patches and results in every order: the run follows one revision or the next, never a mix.

use aob_engine::{EventKind, RunStatus};
use serde_json::{Value, json};

use crate::harness::{Run, edge, function, graph};

fn insert(between: (&str, &str), node: &str) -> Value {
    let (from, to) = between;
    json!([
        {"op": "add", "path": "/nodes/-", "value": function(node)},
        {"op": "remove", "path": format!("/edges/{from}->{to}")},
        {"op": "add", "path": "/edges/-", "value": edge(from, node)},
        {"op": "add", "path": "/edges/-", "value": edge(node, to)},
    ])
}

/// What happens, in the order of a permutation; a result waits for its attempt.
fn play(order: &[usize]) -> (Run, bool) {
    let nodes = json!([function("fetch"), function("process"), function("save")]);
    let edges = json!([edge("fetch", "process"), edge("process", "save")]);
    let mut run = Run::start(&graph(nodes, edges), json!({}));
    let mut applied = false;
    let mut due: Vec<&str> = Vec::new();
    for step in order {
        match step {
            0 => applied = run.patch("p", insert(("process", "save"), "validate")).is_ok(),
            1 => due.push("fetch"),
            2 => due.push("process"),
            _ => due.push("save"),
        }
        answer(&mut run, &mut due);
    }
    if applied {
        due.push("validate");
    }
    while !due.is_empty() {
        let before = due.len();
        answer(&mut run, &mut due);
        assert!(due.len() < before, "{due:?} never start: {:?}", run.all_lines());
    }
    (run, applied)
}

fn answer(run: &mut Run, due: &mut Vec<&str>) {
    due.retain(|node| {
        let outstanding = run.state.outstanding();
        let is_out = outstanding.iter().any(|(id, ..)| id.to_string() == *node);
        if is_out {
            run.complete(node, json!(node));
        }
        !is_out
    });
}

fn permutations(items: &[usize]) -> Vec<Vec<usize>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let rest: Vec<usize> = [&items[..at], &items[at + 1..]].concat();
        for mut tail in permutations(&rest) {
            tail.insert(0, *item);
            all.push(tail);
        }
    }
    all
}

#[test]
fn a_patch_and_the_results_come_in_every_order() {
    for order in permutations(&[0, 1, 2, 3]) {
        let (run, applied) = play(&order);
        assert_eq!(run.status(), RunStatus::Completed, "{order:?}: {:?}", run.all_lines());
        let validated = run.ended("node_completed").contains(&"validate".to_owned());
        assert_eq!(validated, applied, "{order:?}: all of the patch, or nothing");
        let completed = run.ended("node_completed").len();
        assert_eq!(completed, if applied { 4 } else { 3 }, "{order:?}");
    }
}

#[test]
fn every_decision_follows_the_revision_of_its_place() {
    for order in permutations(&[0, 1, 2, 3]) {
        let (run, _) = play(&order);
        let mut patched = false;
        for event in &run.events {
            if let EventKind::PatchApplied(_) = &event.kind {
                patched = true;
            } else if let EventKind::NodeCompleted(data) = &event.kind
                && &*data.instance.node == "process"
            {
                let to: Vec<&str> = data.edges.iter().map(|edge| &*edge.to).collect();
                let expected = if patched { "validate" } else { "save" };
                assert_eq!(to, [expected], "{order:?}");
            }
        }
    }
}
