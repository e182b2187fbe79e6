//! Cancel, fence, pause, resume.

use aob_engine::{AttemptOutcome, Command, Effect, RejectionCode, RunStatus};
use serde_json::json;

use crate::harness::{Run, constant, edge, function, graph};

#[test]
fn cancel_asks_then_waits_for_the_answer() {
    let document = graph(
        json!([function("a"), function("b"), {"id": "t", "type": "timer", "config": {"for_ms": 9_000_000}}]),
        json!([]),
    );
    let mut run = Run::start(&document, json!({}));
    run.command(Command::Cancel { reason: Some("enough".into()) }).expect("accepted");
    assert_eq!(
        run.lines(),
        [
            "cancel_requested enough",
            "node_cancelling a 1",
            "node_cancelling b 1",
            "node_cancelled t run_stopped"
        ]
    );
    assert_eq!(run.effects().iter().filter(|e| matches!(e, Effect::CancelAttempt(_))).count(), 2);
    assert!(!run.command(Command::Cancel { reason: None }).expect("again is no error"));
    run.result("a", 1, AttemptOutcome::Cancelled);
    assert_eq!(run.lines(), ["node_cancelled a 1 acknowledged"]);
    assert!(run.tick(30_000), "the other one is fenced");
    assert_eq!(run.lines(), ["node_cancelled b 1 fenced", "run_cancelled enough"]);
    assert!(
        run.result("b", 1, AttemptOutcome::Completed { output: aob_engine::Blob::of(json!(1)) }),
        "late and on record"
    );
    assert_eq!(run.status(), RunStatus::Cancelled);
}

#[test]
fn a_result_that_beats_the_cancel_is_kept_and_leads_nowhere() {
    let document = graph(json!([function("a"), function("b")]), json!([edge("a", "b")]));
    let mut run = Run::start(&document, json!({}));
    run.command(Command::Cancel { reason: None }).expect("accepted");
    run.complete("a", json!(1));
    assert_eq!(run.lines(), ["node_completed a 1", "run_cancelled"]);
}

#[test]
fn nothing_starts_while_paused() {
    let document = graph(
        json!([function("a"), constant("b", json!(1)), function("c"), {"id": "t", "type": "timer", "config": {"for_ms": 1000}}, constant("u", json!(2))]),
        json!([edge("a", "b"), edge("b", "c"), edge("t", "u")]),
    );
    let mut run = Run::start(&document, json!({}));
    run.command(Command::Pause { reason: None }).expect("accepted");
    run.complete("a", json!(0));
    assert_eq!(run.lines(), ["node_completed a 1 +b"], "the result is recorded");
    assert!(run.tick(1_000));
    assert_eq!(run.lines(), ["node_completed t +u"], "a due timer is recorded");
    assert_eq!(run.status(), RunStatus::Paused);
    run.command(Command::Resume).expect("accepted");
    assert_eq!(run.lines()[0], "run_resumed");
    let mut rest = run.lines().split_off(1);
    rest.sort();
    assert_eq!(rest, ["node_completed b +c", "node_completed u", "node_scheduled c 1"]);
    let refused = run.command(Command::Resume).expect_err("it is not paused");
    assert_eq!(refused.code, RejectionCode::NotPaused);
}

#[test]
fn a_retry_waits_for_the_resume() {
    let mut run = Run::start(&graph(json!([function("a")]), json!([])), json!({}));
    run.fail("a", crate::harness::retryable("x"));
    run.command(Command::Pause { reason: None }).expect("accepted");
    assert!(!run.tick(100_000));
    run.command(Command::Resume).expect("accepted");
    assert!(run.tick(1));
    assert_eq!(run.lines(), ["node_scheduled a 2"]);
}

#[test]
fn a_run_that_is_over_refuses_with_a_hint() {
    let mut run = Run::start(&graph(json!([constant("a", json!(1))]), json!([])), json!({}));
    let refused = run.command(Command::Pause { reason: None }).expect_err("it is over");
    assert_eq!(refused.code, RejectionCode::RunTerminal);
    assert!(refused.hint.is_some());
    assert!(
        !run.command(Command::Cancel { reason: None })
            .expect("cancel of what is over changes nothing")
    );
}
