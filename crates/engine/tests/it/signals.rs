//! Signals.

use aob_engine::{RejectionCode, RunStatus};
use serde_json::json;

use crate::harness::{Run, edge, function, graph};

fn waits() -> serde_json::Value {
    let wait = |id: &str| json!({"id": id, "type": "signal", "config": {"name": "go"}});
    graph(
        json!([function("f"), wait("one"), wait("two")]),
        json!([edge("f", "one"), edge("one", "two")]),
    )
}

#[test]
fn signals_are_buffered_in_order_and_consumed_once() {
    let mut run = Run::start(&waits(), json!({}));
    assert!(run.signal("go", "s1", json!(1)).expect("accepted"));
    assert!(run.signal("go", "s2", json!(2)).expect("accepted"));
    assert!(
        !run.signal("go", "s1", json!(1)).expect("accepted"),
        "the same signal again changes nothing"
    );
    assert_eq!(run.status(), RunStatus::Running);
    run.complete("f", json!(null));
    assert_eq!(run.status(), RunStatus::Completed);
    assert_eq!(run.output(), json!(2));
}

#[test]
fn a_waiting_node_goes_on_with_the_signal() {
    let mut run = Run::start(&waits(), json!({}));
    run.complete("f", json!(null));
    assert_eq!(run.status(), RunStatus::Waiting);
    run.signal("other", "x", json!(0)).expect("any name is buffered");
    assert_eq!(run.status(), RunStatus::Waiting);
    run.signal("go", "s1", json!("first")).expect("accepted");
    assert_eq!(run.lines(), ["signal_received", "node_completed one +two", "signal_awaited two"]);
    run.signal("go", "s2", json!("second")).expect("accepted");
    assert_eq!(run.output(), json!("second"));
}

#[test]
fn a_full_buffer_refuses_and_loses_nothing() {
    let mut run = Run::start(&waits(), json!({}));
    for number in 0..1_000 {
        run.signal("go", &format!("s{number}"), json!(number)).expect("accepted");
    }
    let refused = run.signal("go", "s1000", json!(1000)).expect_err("the buffer is full");
    assert_eq!(refused.code, RejectionCode::SignalBufferFull);
    assert_eq!(run.count("signal_received"), 1_000);
}

#[test]
fn waiting_for_a_signal_can_time_out() {
    let node = json!({"id": "w", "type": "signal", "config": {"name": "go"}, "timeout_ms": 1000});
    let mut run = Run::start(&graph(json!([node]), json!([])), json!({}));
    assert!(!run.tick(999));
    assert!(run.tick(1));
    assert_eq!(run.status(), RunStatus::Failed);
}
