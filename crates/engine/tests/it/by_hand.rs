//! What a person decides of a parked instance.

use aob_engine::{Blob, Command, InstanceId, RejectionCode, RunStatus};
use serde_json::json;

use crate::harness::{Run, constant, edge, function, graph, lost};

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
