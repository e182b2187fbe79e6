//! Timers, timeouts, leases, deadlines.

use aob_engine::{Command, Failure, LeaseView, RunStatus, Timestamp};
use serde_json::{Value, json};

use crate::harness::{Run, constant, edge, function, graph, retryable};

fn lease(run: &Run, instance: &str, attempt: u32) -> LeaseView {
    LeaseView {
        instance: instance.parse().expect("an instance"),
        attempt,
        granted_at: Some(run.now),
        until: Some(run.now.plus_ms(15_000)),
        progress_at: None,
    }
}

fn renewed(mut lease: LeaseView, until: Timestamp) -> LeaseView {
    lease.until = Some(until);
    lease
}

#[test]
fn a_timer_never_fires_early() {
    let node = json!({"id": "t", "type": "timer", "config": {"for_ms": 5000}});
    let document = graph(json!([constant("a", json!("v")), node]), json!([edge("a", "t")]));
    let mut run = Run::start(&document, json!({}));
    assert_eq!(run.status(), RunStatus::Waiting);
    assert!(!run.tick(4_999));
    assert!(run.tick(1));
    assert_eq!(run.output(), json!("v"), "a timer passes its input on");
}

#[test]
fn until_takes_a_time() {
    let node = json!({"id": "t", "type": "timer", "config": {"until": "$inputs.at"}});
    let document = graph(json!([node]), json!([]));
    let past = Run::start(&document, json!({"at": "2001-01-01T00:00:00Z"}));
    assert_eq!(past.status(), RunStatus::Completed);
    let wrong = Run::start(&document, json!({"at": "tomorrow"}));
    assert_eq!(&*wrong.state.error().expect("an error").0, "invalid_timer");
}

#[test]
fn an_expired_lease_is_a_lost_attempt() {
    let mut run = Run::start(&graph(json!([function("a")]), json!([])), json!({}));
    let held = lease(&run, "a", 1);
    assert!(!run.tick_with(14_999, vec![held.clone()]));
    let heard_of = renewed(held.clone(), run.now.plus_ms(15_000));
    assert!(!run.tick_with(10_000, vec![heard_of.clone()]));
    assert!(run.tick_with(5_001, vec![heard_of]));
    assert_eq!(run.lines(), ["retry_scheduled a 1 !lease_expired"]);
}

#[test]
fn a_tick_whose_leases_were_read_too_early_looks_again() {
    let mut run = Run::start(&graph(json!([function("a")]), json!([])), json!({}));
    assert_eq!(run.next_due(Vec::new()), Some(run.now.plus_ms(15_000)));
}

#[test]
fn an_attempt_is_over_at_its_timeout_even_if_its_runner_lives() {
    let mut node = function("a");
    node["timeout_ms"] = json!(60_000);
    node["retry"] = json!({"max_attempts": 1});
    let mut run = Run::start(&graph(json!([node]), json!([])), json!({}));
    let held = renewed(lease(&run, "a", 1), run.now.plus_ms(1_000_000));
    assert_eq!(run.next_due(vec![held.clone()]), Some(run.now.plus_ms(60_000)));
    assert!(run.tick_with(60_000, vec![held]));
    assert_eq!(run.lines()[0], "node_failed a 1 timed_out nobody !timeout");
}

#[test]
fn an_attempt_nobody_takes_is_sent_again_until_its_queue_timeout() {
    let mut node = function("a");
    node["queue_timeout_ms"] = json!(100_000);
    node["retry"] = json!({"max_attempts": 1});
    let mut run = Run::start(&graph(json!([node]), json!([])), json!({}));
    let unheld =
        |run: &Run| vec![LeaseView { granted_at: None, until: None, ..lease(run, "a", 1) }];
    let leases = unheld(&run);
    assert!(!run.tick_with(59_999, leases));
    let leases = unheld(&run);
    assert!(run.tick_with(1, leases));
    assert_eq!(run.lines(), ["attempt_redispatched a 1"]);
    let leases = unheld(&run);
    assert!(run.tick_with(40_000, leases));
    assert_eq!(run.lines()[0], "node_failed a 1 timed_out nobody !queue_timeout");
}

#[test]
fn silence_longer_than_the_idle_timeout_ends_an_attempt() {
    let mut node = function("a");
    node["idle_timeout_ms"] = json!(20_000);
    let mut run = Run::start(&graph(json!([node]), json!([])), json!({}));
    let mut held = renewed(lease(&run, "a", 1), run.now.plus_ms(1_000_000));
    held.progress_at = Some(run.now.plus_ms(10_000));
    assert!(!run.tick_with(29_999, vec![held.clone()]));
    assert!(run.tick_with(1, vec![held]));
    assert_eq!(run.lines(), ["retry_scheduled a 1 !idle_timeout"]);
}

#[test]
fn the_run_deadline_fails_the_run() {
    let mut document =
        graph(json!([{"id": "t", "type": "timer", "config": {"for_ms": 60_000}}]), json!([]));
    document["limits"] = json!({"run_timeout_ms": 1_000});
    let mut run = Run::start(&document, json!({}));
    assert!(!run.tick(999));
    assert!(run.tick(1));
    assert_eq!(run.status(), RunStatus::Failed);
    assert_eq!(&*run.state.error().expect("an error").0, "run_timeout");
}

#[test]
fn time_never_goes_back_in_the_log() {
    let document = graph(json!([function("a"), function("b")]), json!([edge("a", "b")]));
    let mut run = Run::start(&document, json!({}));
    run.now = Timestamp(run.now.0 - 1_000_000);
    run.complete("a", Value::Null);
    assert!(run.events.windows(2).all(|pair| pair[0].at <= pair[1].at));
}

#[test]
fn what_a_tick_finds_after_the_run_stopped_is_not_tried_again() {
    let mut document = graph(json!([function("a"), function("b")]), json!([]));
    document["limits"] = json!({"run_timeout_ms": 1_000});
    let mut run = Run::start(&document, json!({}));
    let mut leases = vec![lease(&run, "a", 1), lease(&run, "b", 1)];
    for lease in &mut leases {
        lease.until = Some(run.now);
    }
    assert!(run.tick_with(1_000, leases));
    assert_eq!(run.count("retry_scheduled"), 0, "{:?}", run.lines());
    assert_eq!(run.count("node_cancelling"), 2);
}

#[test]
fn one_lost_attempt_that_stops_the_run_leaves_the_others_to_the_stop() {
    let mut first = function("a");
    first["retry"] = json!({"max_attempts": 1});
    let document = graph(json!([first, function("b")]), json!([]));
    let mut run = Run::start(&document, json!({}));
    let leases = vec![lease(&run, "a", 1), lease(&run, "b", 1)];
    assert!(run.tick_with(15_000, leases));
    assert_eq!(run.count("node_failed"), 1);
    assert_eq!(run.count("retry_scheduled"), 0, "{:?}", run.lines());
}

#[test]
fn the_last_time_can_be_written_and_read() {
    let last = Timestamp(0).plus_ms(u64::MAX);
    assert_eq!(last, Timestamp::MAX);
    assert_eq!(last.to_string().parse::<Timestamp>().as_ref(), Ok(&last));
}

#[test]
fn a_runner_that_asks_for_an_endless_wait_leaves_a_log_that_reads_back() {
    let mut node = function("a");
    node["retry"] = json!({"max_attempts": 2});
    let mut run = Run::start(&graph(json!([node]), json!([])), json!({}));
    run.fail("a", Failure { retry_after_ms: Some(u64::MAX), ..retryable("busy") });
    assert_eq!(run.count("retry_scheduled"), 1);
    run.command(Command::Cancel { reason: None }).expect("it can be cancelled");
    assert!(run.state.is_terminal());
}
