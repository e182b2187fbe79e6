//! What a person decides of a parked instance.

use aob_engine::{Blob, Command, InstanceId, RejectionCode, RunStatus};
use serde_json::json;

use crate::harness::{Run, constant, edge, final_failure, function, graph, lost};

fn parked() -> Run {
    let mut node = function("pay");
    node["effect"] = json!("irreversible");
    let document =
        graph(json!([node, constant("end", json!("$input"))]), json!([edge("pay", "end")]));
    let mut run = Run::start(&document, json!({}));
    run.fail("pay", lost("lease_expired"));
    assert_eq!(run.status(), RunStatus::Waiting);
    run
}

fn pay() -> InstanceId {
    InstanceId::top("pay")
}

#[test]
fn retry_keeps_the_key_and_continues_the_numbers() {
    let mut run = parked();
    let key = |run: &Run| {
        let text = serde_json::to_value(
            run.events.iter().rev().find(|e| e.kind.name() == "node_scheduled").expect("scheduled"),
        )
        .expect("json");
        text["data"]["job"]["idempotency_key"].clone()
    };
    let before = key(&run);
    run.command(Command::Retry { instance: pay() }).expect("accepted");
    assert_eq!(run.lines(), ["retry_granted pay", "node_scheduled pay 2"]);
    assert_eq!(key(&run), before);
    run.complete("pay", json!("paid"));
    assert_eq!(run.output(), json!("paid"));
}

#[test]
fn skip_goes_on_with_null_and_succeed_with_a_value() {
    let mut run = parked();
    run.command(Command::Skip { instance: pay() }).expect("accepted");
    assert_eq!(run.output(), json!(null));
    let mut run = parked();
    run.command(Command::Succeed { instance: pay(), output: Blob::of(json!("receipt")) })
        .expect("accepted");
    assert_eq!(run.output(), json!("receipt"));
}

#[test]
fn fail_follows_the_failure_rules() {
    let mut run = parked();
    run.command(Command::Fail { instance: pay(), message: "refunded by phone".into() })
        .expect("accepted");
    assert_eq!(run.status(), RunStatus::Failed);
    assert_eq!(&*run.state.error().expect("an error").0, "failed_by_hand");
}

#[test]
fn only_parked_instances_are_decided_by_hand() {
    let mut run = Run::start(&graph(json!([function("pay")]), json!([])), json!({}));
    let refused = run.command(Command::Retry { instance: pay() }).expect_err("it runs");
    assert_eq!(refused.code, RejectionCode::NotParked);
    let nobody = InstanceId::top("nobody");
    let refused = run.command(Command::Skip { instance: nobody }).expect_err("no such instance");
    assert_eq!(refused.code, RejectionCode::UnknownInstance);
}

#[test]
fn what_parked_on_error_fails_once_by_hand() {
    let mut node = function("pay");
    node["on_error"] = json!("park");
    let mut run = Run::start(&graph(json!([node]), json!([])), json!({}));
    run.fail("pay", final_failure("bad_input"));
    run.command(Command::Fail { instance: pay(), message: "no".into() }).expect("accepted");
    assert_eq!(run.count("node_parked"), 1);
    assert_eq!(run.count("node_failed"), 1);
    assert_eq!(run.status(), RunStatus::Failed);
}

#[test]
fn a_map_tolerates_what_a_person_lets_fail() {
    let body = json!({
        "id": "pay", "type": "function", "config": {"name": "echo"}, "on_error": "park",
    });
    let map = json!({
        "id": "all", "type": "map",
        "config": {"items": [1, 2], "node": body, "tolerate": 1},
    });
    let mut run = Run::start(&graph(json!([map]), json!([])), json!({}));
    run.complete("all[0]/pay", json!("paid"));
    run.fail("all[1]/pay", final_failure("bad_input"));
    let instance: InstanceId = "all[1]/pay".parse().expect("an instance");
    run.command(Command::Fail { instance, message: "no".into() }).expect("accepted");
    assert_eq!(run.status(), RunStatus::Completed);
}

#[test]
fn a_retry_granted_while_paused_starts_when_the_run_goes_on() {
    let mut run = parked();
    run.command(Command::Pause { reason: None }).expect("accepted");
    run.command(Command::Retry { instance: pay() }).expect("accepted");
    assert_eq!(run.count("node_scheduled"), 1, "nothing starts while paused");
    run.command(Command::Resume).expect("accepted");
    assert!(run.tick(1));
    assert_eq!(run.lines(), ["node_scheduled pay 2"]);
}

#[test]
fn an_output_by_hand_must_do_for_what_follows() {
    let mut node = function("pay");
    node["on_error"] = json!("park");
    node["checks"] = json!({"post": [{"expression": "output.ok"}]});
    let mut document = graph(json!([node, constant("end", json!(1))]), json!([]));
    document["edges"] = json!([{"from": "pay", "to": "end", "condition": "output.sum > 3"}]);
    let mut run = Run::start(&document, json!({}));
    run.fail("pay", final_failure("broken"));
    for output in [json!({"ok": false, "sum": 4}), json!({"ok": true}), json!(null)] {
        let command = Command::Succeed { instance: pay(), output: Blob::of(output) };
        let refused = run.command(command).expect_err("it does not fit");
        assert_eq!(refused.code, RejectionCode::InvalidOutput);
    }
    let output = Blob::of(json!({"ok": true, "sum": 4}));
    run.command(Command::Succeed { instance: pay(), output }).expect("it fits");
    assert_eq!(run.status(), RunStatus::Completed);
}

#[test]
fn what_parked_before_its_first_attempt_is_not_tried_again() {
    let mut node = function("pay");
    node["on_error"] = json!("park");
    node["checks"] = json!({"pre": [{"expression": "input.ok"}]});
    let mut run = Run::start(&graph(json!([node]), json!([])), json!({"ok": false}));
    let refused = run.command(Command::Retry { instance: pay() }).expect_err("it would park again");
    assert_eq!(refused.code, RejectionCode::NotRetryable);
    run.command(Command::Skip { instance: pay() }).expect("accepted");
    assert_eq!(run.status(), RunStatus::Completed);
}
