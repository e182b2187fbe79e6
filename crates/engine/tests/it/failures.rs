//! Retries, failure routes, `on_error`, lost attempts.

use aob_engine::{AttemptOutcome, Blob, RunStatus};
use serde_json::{Value, json};

use crate::harness::{Run, constant, edge, final_failure, function, graph, lost, retryable};

fn with(mut node: Value, key: &str, value: Value) -> Value {
    node[key] = value;
    node
}

#[test]
fn retries_wait_longer_each_time_and_end() {
    let node = with(
        function("a"),
        "retry",
        json!({"max_attempts": 3, "backoff_ms": 1000, "backoff_multiplier": 2.0}),
    );
    let mut run = Run::start(&graph(json!([node]), json!([])), json!({}));
    run.fail("a", retryable("http_status"));
    assert_eq!(run.lines(), ["retry_scheduled a 1 !http_status"]);
    assert!(!run.tick(999), "never early");
    assert!(run.tick(300), "the backoff and its jitter are over");
    assert_eq!(run.lines(), ["node_scheduled a 2"]);
    run.fail("a", retryable("http_status"));
    assert!(!run.tick(1_999));
    assert!(run.tick(500));
    run.fail("a", retryable("http_status"));
    assert_eq!(
        run.lines(),
        [
            "node_failed a 3 failed nobody !http_status",
            "run_failing !http_status",
            "run_failed !http_status"
        ]
    );
    assert_eq!(run.status(), RunStatus::Failed);
}

#[test]
fn what_is_not_retryable_is_not_retried() {
    let mut run = Run::start(&graph(json!([function("a")]), json!([])), json!({}));
    run.fail("a", final_failure("bad_request"));
    assert_eq!(run.status(), RunStatus::Failed);
    let listed = with(function("a"), "retry", json!({"max_attempts": 3, "retry_on": ["timeout"]}));
    let mut run = Run::start(&graph(json!([listed]), json!([])), json!({}));
    run.fail("a", retryable("http_status"));
    assert_eq!(run.status(), RunStatus::Failed, "only listed codes are retried");
}

#[test]
fn a_runner_may_ask_for_a_longer_wait() {
    let mut run = Run::start(&graph(json!([function("a")]), json!([])), json!({}));
    let mut failure = retryable("http_status");
    failure.retry_after_ms = Some(30_000);
    run.fail("a", failure);
    assert!(!run.tick(29_999));
    assert!(run.tick(1));
}

#[test]
fn failure_edges_take_care_of_a_failure() {
    let node = with(function("a"), "retry", json!({"max_attempts": 1}));
    let document = graph(
        json!([node, constant("ok", json!("ok")), constant("rescue", json!("$input.error.code"))]),
        json!([edge("a", "ok"), {"from": "a", "to": "rescue", "on": "failure"}]),
    );
    let mut run = Run::start(&document, json!({}));
    run.fail("a", final_failure("boom"));
    assert_eq!(
        run.lines(),
        [
            "node_failed a 1 failed edge !boom xok +rescue",
            "node_skipped ok dead_path",
            "node_completed rescue",
            "run_completed"
        ]
    );
    assert_eq!(run.output(), json!({"rescue": "boom"}));
}

#[test]
fn a_timeout_edge_wins_over_a_failure_edge() {
    let node = with(function("a"), "retry", json!({"max_attempts": 1}));
    let document = graph(
        json!([node, constant("late", json!("late")), constant("rescue", json!("rescue"))]),
        json!([{"from": "a", "to": "rescue", "on": "failure"}, {"from": "a", "to": "late", "on": "timeout"}]),
    );
    let mut run = Run::start(&document, json!({}));
    run.fail("a", final_failure("timeout"));
    assert_eq!(run.output(), json!({"late": "late"}));
    let mut run = Run::start(&document, json!({}));
    run.fail("a", final_failure("boom"));
    assert_eq!(run.output(), json!({"rescue": "rescue"}));
}

#[test]
fn on_error_skip_goes_on_with_null() {
    let node =
        with(with(function("a"), "retry", json!({"max_attempts": 1})), "on_error", json!("skip"));
    let document =
        graph(json!([node, constant("b", json!({"got": "$input"}))]), json!([edge("a", "b")]));
    let mut run = Run::start(&document, json!({}));
    run.fail("a", final_failure("boom"));
    assert_eq!(run.output(), json!({"got": null}));
}

#[test]
fn a_lost_attempt_is_retried_only_where_that_is_harmless() {
    for (effect, expected) in [
        ("none", "retry_scheduled a 1 !lease_expired"),
        ("idempotent", "retry_scheduled a 1 !lease_expired"),
        ("irreversible", "node_parked a 1 outcome_unknown !lease_expired"),
    ] {
        let node = with(function("a"), "effect", json!(effect));
        let mut run = Run::start(&graph(json!([node]), json!([])), json!({}));
        run.fail("a", lost("lease_expired"));
        assert_eq!(run.lines(), [expected], "{effect}");
    }
}

#[test]
fn a_result_counts_only_for_the_outstanding_attempt_and_once() {
    let document = graph(json!([function("a"), function("b")]), json!([edge("a", "b")]));
    let mut run = Run::start(&document, json!({}));
    run.fail("a", retryable("http_status"));
    let late = || AttemptOutcome::Completed { output: Blob::of(json!("late")) };
    assert!(run.result("a", 1, late()), "the late answer is on record");
    assert_eq!(run.lines(), ["late_result_discarded a 1"]);
    assert!(!run.result("a", 1, late()), "once");
    run.tick(5_000);
    assert!(!run.result("a", 9, late()), "an attempt that never was");
    run.complete("a", json!("second"));
    assert!(!run.result("a", 2, late()), "a repetition changes nothing");
    run.complete("b", json!(1));
    assert_eq!(run.status(), RunStatus::Completed);
    let again = AttemptOutcome::Completed { output: Blob::of(json!(2)) };
    assert!(!run.result("b", 1, again), "nor after the end");
}

#[test]
fn compensation_undoes_in_reverse_order_with_input_and_output() {
    let step = |id: &str| {
        with(
            with(
                function(id),
                "compensate",
                json!({"type": "function", "config": {"name": "echo", "args": {"undo": "$input.output"}}}),
            ),
            "effect",
            json!("compensable"),
        )
    };
    let mut document = graph(
        json!([step("a"), step("b"), with(function("c"), "retry", json!({"max_attempts": 1}))]),
        json!([edge("a", "b"), edge("b", "c")]),
    );
    document["policies"] = json!({"on_failure": "compensate"});
    let mut run = Run::start(&document, json!({}));
    run.complete("a", json!("A"));
    run.complete("b", json!("B"));
    run.fail("c", final_failure("boom"));
    assert_eq!(
        run.lines(),
        [
            "node_failed c 1 failed nobody !boom",
            "run_failing !boom",
            "node_scheduled b.compensate 1"
        ]
    );
    assert_eq!(run.status(), RunStatus::Cancelling);
    run.complete("b.compensate", json!(null));
    assert_eq!(run.lines(), ["node_completed b.compensate 1", "node_scheduled a.compensate 1"]);
    run.complete("a.compensate", json!(null));
    assert_eq!(run.status(), RunStatus::Failed);
    let nodes = run.state.nodes(&run.ir);
    assert_eq!(nodes["a"].status, "compensated");
    assert_eq!(nodes["c"].status, "failed");
}

#[test]
fn a_compensation_that_fails_parks() {
    let step = with(
        with(
            function("a"),
            "compensate",
            json!({"type": "function", "config": {"name": "echo", "args": {}}, "retry": {"max_attempts": 1}}),
        ),
        "effect",
        json!("compensable"),
    );
    let mut document = graph(
        json!([step, with(function("c"), "retry", json!({"max_attempts": 1}))]),
        json!([edge("a", "c")]),
    );
    document["policies"] = json!({"on_failure": "compensate"});
    let mut run = Run::start(&document, json!({}));
    run.complete("a", json!("A"));
    run.fail("c", final_failure("boom"));
    run.fail("a.compensate", final_failure("gone"));
    assert_eq!(run.lines(), ["node_parked a.compensate 1 compensation_failed !gone"]);
    assert_eq!(run.status(), RunStatus::Cancelling);
    let skip = aob_engine::Command::Skip { instance: "a.compensate".parse().expect("an instance") };
    run.command(skip).expect("a parked compensation can be skipped");
    assert_eq!(run.status(), RunStatus::Failed);
}

#[test]
fn an_attempt_lost_while_it_is_cancelled_counts_as_possibly_done() {
    let mut a = with(
        with(
            function("a"),
            "compensate",
            json!({"type": "function", "config": {"name": "echo", "args": "$input.output"}}),
        ),
        "effect",
        json!("compensable"),
    );
    a["timeout_ms"] = json!(60_000);
    let mut document =
        graph(json!([a, with(function("c"), "retry", json!({"max_attempts": 1}))]), json!([]));
    document["policies"] = json!({"on_failure": "compensate"});
    let mut run = Run::start(&document, json!({}));
    run.fail("c", final_failure("boom"));
    run.fail("a", lost("connection_lost"));
    assert_eq!(run.lines(), ["node_cancelled a 1 fenced", "node_scheduled a.compensate 1"]);
}

#[test]
fn an_answer_that_led_to_a_retry_changes_nothing_when_it_comes_again() {
    let document = graph(json!([function("a")]), json!([]));
    let mut run = Run::start(&document, json!({}));
    assert!(run.answer("a", 1, AttemptOutcome::Failed(retryable("boom"))));
    assert!(run.tick(60_000), "the next attempt is due");
    assert_eq!(run.attempt("a"), 2);
    assert!(!run.answer("a", 1, AttemptOutcome::Failed(retryable("boom"))), "redelivered");
    assert_eq!(run.count("late_result_discarded"), 0);
}

#[test]
fn the_answer_of_an_attempt_that_was_given_up_is_late_once() {
    let document = graph(json!([function("a")]), json!([]));
    let mut run = Run::start(&document, json!({}));
    assert!(run.result("a", 1, AttemptOutcome::Failed(lost("lease_expired"))), "a tick says so");
    assert!(run.tick(60_000), "the next attempt is due");
    let late = || AttemptOutcome::Completed { output: Blob::of(json!(1)) };
    assert!(run.answer("a", 1, late()), "on record");
    assert!(!run.answer("a", 1, late()), "once");
    assert_eq!(run.count("late_result_discarded"), 1);
}

#[test]
fn a_late_failure_is_on_record_whether_or_not_the_next_attempt_is_out() {
    for waits_ms in [0, 60_000] {
        let mut run = Run::start(&graph(json!([function("a")]), json!([])), json!({}));
        assert!(run.result("a", 1, AttemptOutcome::Failed(lost("lease_expired"))), "a tick's word");
        run.tick(waits_ms);
        let late = || AttemptOutcome::Failed(retryable("boom"));
        assert!(run.answer("a", 1, late()), "on record");
        assert!(!run.answer("a", 1, late()), "once");
    }
}
