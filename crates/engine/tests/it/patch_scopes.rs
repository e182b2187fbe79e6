//! Patches and results in every order, where nodes live in scopes: whatever comes first, the run
//! follows one revision or the next. The checker sees every log of these tests.

use aob_engine::{Blob, ChildOutcome, RejectionCode, RunStatus};
use serde_json::{Value, json};

use crate::harness::{Run, constant, edge, function, graph};

/// A graph, and a patch of it.
struct Case {
    name: &'static str,
    document: Value,
    patch: Value,
    /// The node that the patch adds, and how many instances of it end where it is applied.
    adds: (&'static str, usize),
}

fn add(node: &Value) -> Value {
    json!({"op": "add", "path": "/nodes/-", "value": node})
}

fn lead(from: &str, to: &str) -> Value {
    json!({"op": "add", "path": "/edges/-", "value": edge(from, to)})
}

fn insert(between: (&str, &str), node: &str) -> Value {
    let (from, to) = between;
    let remove = json!({"op": "remove", "path": format!("/edges/{from}->{to}")});
    json!([add(&function(node)), remove, lead(from, node), lead(node, to)])
}

fn loop_of(id: &str, head: &str) -> Value {
    let config = json!({"loop_back_to": head, "max_iterations": 2, "condition": "true", "timeout_path": "save"});
    json!({"id": id, "type": "loop", "config": config})
}

fn map(id: &str, max_parallel: u32) -> Value {
    let body = json!({"id": format!("{id}-body"), "type": "function", "config": {"name": "echo", "args": "$item"}});
    let config = json!({"items": [1, 2, 3], "node": body, "max_parallel": max_parallel});
    json!({"id": id, "type": "map", "config": config})
}

fn cases() -> Vec<Case> {
    in_loops().into_iter().chain(elsewhere()).collect()
}

fn in_loops() -> Vec<Case> {
    let looped = json!({"id": "again", "type": "loop", "config": {
        "loop_back_to": "work", "max_iterations": 3, "condition": "output.n < 2"}});
    vec![
        Case {
            name: "behind a loop",
            document: graph(
                json!([function("first"), function("work"), looped, function("save")]),
                json!([edge("first", "work"), edge("work", "again"), edge("again", "save")]),
            ),
            patch: insert(("again", "save"), "check"),
            adds: ("check", 1),
        },
        Case {
            name: "in the body of a loop",
            document: graph(
                json!([function("first"), function("work"), looped, function("save")]),
                json!([edge("first", "work"), edge("work", "again"), edge("again", "save")]),
            ),
            patch: insert(("work", "again"), "check"),
            adds: ("check", 2),
        },
        Case {
            name: "a map in a loop, and behind it in the body",
            document: graph(
                json!([
                    function("first"),
                    function("work"),
                    map("each", 1),
                    loop_of("again", "work"),
                    function("save")
                ]),
                json!([edge("first", "work"), edge("work", "each"), edge("each", "again")]),
            ),
            patch: insert(("each", "again"), "check"),
            adds: ("check", 2),
        },
    ]
}

fn elsewhere() -> Vec<Case> {
    let below = json!({"nodes": [constant("x", json!(1))], "edges": []});
    let sub = json!({"id": "sub", "type": "composite", "config": {"workflow": below}});
    vec![
        Case {
            name: "behind a map",
            document: graph(
                json!([function("first"), map("each", 2), function("save")]),
                json!([edge("first", "each"), edge("each", "save")]),
            ),
            patch: insert(("each", "save"), "check"),
            adds: ("check", 1),
        },
        Case {
            name: "a map in front of a map",
            document: graph(
                json!([function("first"), map("each", 3), function("save")]),
                json!([edge("first", "each"), edge("each", "save")]),
            ),
            patch: json!([
                add(&map("more", 2)),
                {"op": "remove", "path": "/edges/first->each"},
                lead("first", "more"), lead("more", "each"),
            ]),
            adds: ("more", 1),
        },
        Case {
            name: "behind a sub-workflow",
            document: graph(
                json!([function("first"), sub, function("save")]),
                json!([edge("first", "sub"), edge("sub", "save")]),
            ),
            patch: insert(("sub", "save"), "check"),
            adds: ("check", 1),
        },
        Case {
            name: "two branches that meet, one of them finished",
            document: graph(
                json!([function("a"), function("b"), function("save")]),
                json!([edge("a", "save"), edge("b", "save")]),
            ),
            patch: insert(("a", "save"), "check"),
            adds: ("check", 1),
        },
    ]
}

/// Lets one thing happen that is due: the first, or the last.
fn step(run: &mut Run, last: bool) -> bool {
    let outstanding = run.state.outstanding();
    let next = if last { outstanding.last() } else { outstanding.first() };
    if let Some((instance, ..)) = next {
        let instance = instance.to_string();
        let iteration = if instance.starts_with("again[2]") { 2 } else { 1 };
        run.complete(&instance, json!({"n": iteration}));
        return true;
    }
    let waits = run.status() == RunStatus::Waiting;
    waits && run.child_result("sub", ChildOutcome::Completed { output: Blob::of(json!(1)) })
}

/// Plays a case with the patch after `at` steps; whether it was applied, and the steps in all.
fn play(case: &Case, at: usize, last: bool) -> (Run, bool, usize) {
    let mut run = Run::start(&case.document, json!({}));
    let mut applied = false;
    let mut steps = 0;
    loop {
        if steps == at {
            let before = run.state.digest();
            match run.patch("p", case.patch.clone()) {
                Ok(changed) => applied = changed,
                Err(refused) => {
                    let expected = [RejectionCode::PatchRefused, RejectionCode::RunTerminal];
                    assert!(expected.contains(&refused.code), "{}: {refused:?}", case.name);
                    assert_eq!(run.state.digest(), before, "{}: all or nothing", case.name);
                }
            }
        }
        if !step(&mut run, last) {
            return (run, applied, steps);
        }
        steps += 1;
        assert!(steps < 100, "{}: it goes on for ever", case.name);
    }
}

#[test]
fn a_patch_and_the_results_of_scopes_come_in_every_order() {
    for case in cases() {
        for last in [false, true] {
            let (mut early, mut late) = (0, 0);
            let (_, _, steps) = play(&case, usize::MAX, last);
            for at in 0..=steps {
                let (run, applied, _) = play(&case, at, last);
                let name = case.name;
                assert_eq!(
                    run.status(),
                    RunStatus::Completed,
                    "{name}, {at}: {:?}",
                    run.all_lines()
                );
                let (node, count) = case.adds;
                let ended = run.ended("node_completed");
                let own = |id: &&String| id.rsplit('/').next() == Some(node);
                let found = ended.iter().filter(own).count();
                assert_eq!(found, if applied { count } else { 0 }, "{name}, {at}: {ended:?}");
                *(if applied { &mut early } else { &mut late }) += 1;
            }
            assert!(
                early > 0 && late > 0,
                "{}: it comes in time {early} times, {late} times late",
                case.name
            );
        }
    }
}

#[test]
fn two_patches_of_one_place_come_in_every_order() {
    for case in cases() {
        let (_, _, steps) = play(&case, usize::MAX, false);
        for (first, second) in (0..steps).flat_map(|a| (a..=steps).map(move |b| (a, b))) {
            let mut run = Run::start(&case.document, json!({}));
            let base = run.state.digest();
            let mut applied = 0;
            for at in 0..=steps + 4 {
                for (due, id, actor) in [(first, "p", "user:ada"), (second, "q", "agent:x")] {
                    if due == at {
                        let done = run.patch_by(actor, id, base, case.patch.clone());
                        applied += u32::from(done == Ok(true) && run.patch_status(id) == "applied");
                    }
                }
                step(&mut run, false);
            }
            while step(&mut run, false) {}
            assert_eq!(run.status(), RunStatus::Completed, "{}: {first}, {second}", case.name);
            assert!(applied <= 1, "{}: the same change twice", case.name);
            assert_eq!(run.state.revision(), applied, "{}", case.name);
        }
    }
}

#[test]
fn a_loop_that_failed_decides_a_new_edge_as_one_that_failed() {
    let again = json!({"id": "again", "type": "loop", "config": {
        "loop_back_to": "work", "max_iterations": 2, "condition": "true"}});
    let join = json!({"id": "save", "type": "function", "config": {"name": "echo", "args": 1},
        "join": {"mode": "all", "tolerate": 1}});
    let document = graph(
        json!([constant("work", json!(1)), again, function("other"), join]),
        json!([edge("work", "again"), edge("again", "save"), edge("other", "save")]),
    );
    let mut run = Run::start(&document, json!({}));
    assert_eq!(run.ended("node_failed"), ["again[2]/again"]);
    run.patch("late", json!([add(&constant("late", json!(2))), lead("again", "late")]))
        .expect("it applies");
    assert_eq!(run.count("edges_decided"), 1);
    run.complete("other", json!(3));
    run.complete("save", json!(4));
    assert_eq!(run.status(), RunStatus::Completed);
}
