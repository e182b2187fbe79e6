//! Child runs.

use aob_engine::{Blob, ChildOutcome, Command, Effect, RunStatus};
use serde_json::{Value, json};

use crate::harness::{Run, constant, edge, final_failure, graph};

fn parent() -> Value {
    let child = json!({"nodes": [constant("x", json!("$inputs.n"))], "edges": []});
    graph(
        json!([constant("s", json!({"n": 1})), {"id": "sub", "type": "composite", "config": {"workflow": child}}, constant("end", json!("$input"))]),
        json!([edge("s", "sub"), edge("sub", "end")]),
    )
}

#[test]
fn a_composite_waits_for_its_child_and_returns_its_output() {
    let mut run = Run::start(&parent(), json!({}));
    assert_eq!(run.lines().last().map(String::as_str), Some("child_started sub"));
    assert!(run.effects().iter().any(|effect| matches!(effect, Effect::StartChild(_))));
    assert_eq!(run.status(), RunStatus::Waiting);
    assert!(run.child_result("sub", ChildOutcome::Completed { output: Blob::of(json!(42)) }));
    assert_eq!(run.output(), json!(42));
    assert!(
        !run.child_result("sub", ChildOutcome::Cancelled),
        "a second word of the child changes nothing"
    );
}

#[test]
fn a_failed_child_fails_its_instance() {
    let mut run = Run::start(&parent(), json!({}));
    run.child_result("sub", ChildOutcome::Failed(final_failure("inner")));
    assert_eq!(run.status(), RunStatus::Failed);
    assert_eq!(&*run.state.error().expect("an error").0, "inner");
}

#[test]
fn cancelling_waits_for_the_child() {
    let mut run = Run::start(&parent(), json!({}));
    run.command(Command::Cancel { reason: None }).expect("accepted");
    assert_eq!(run.lines(), ["cancel_requested", "node_cancelling sub"]);
    assert!(run.effects().iter().any(|effect| matches!(effect, Effect::CancelChild(_))));
    assert_eq!(run.status(), RunStatus::Cancelling);
    assert!(!run.tick(1_000_000), "a parent ends after its children");
    run.child_result("sub", ChildOutcome::Cancelled);
    assert_eq!(run.status(), RunStatus::Cancelled);
}

#[test]
fn a_child_may_be_created_cancelled() {
    let mut run = Run::new(&parent());
    let mut start = run.start_run(json!({}));
    start.cancelled = true;
    run.command(Command::Start(Box::new(start))).expect("accepted");
    assert_eq!(
        run.lines(),
        [
            "run_created",
            "cancel_requested the parent run was cancelled",
            "run_cancelled the parent run was cancelled"
        ]
    );
}

#[test]
fn a_map_over_a_workflow_runs_a_child_per_item() {
    let child = json!({"nodes": [constant("x", json!("$inputs"))], "edges": []});
    let node = json!({"id": "each", "type": "map", "config": {"items": "$inputs.items", "workflow": child}});
    let mut run = Run::start(&graph(json!([node]), json!([])), json!({"items": [1, 2]}));
    assert_eq!(run.count("child_started"), 2);
    run.child_result("each[1]/each.item", ChildOutcome::Completed { output: Blob::of(json!("b")) });
    run.child_result("each[0]/each.item", ChildOutcome::Completed { output: Blob::of(json!("a")) });
    assert_eq!(run.output(), json!(["a", "b"]));
}
