//! Approvals.

use aob_engine::{RejectionCode, RunStatus, Vote};
use serde_json::{Value, json};

use crate::harness::{Run, constant, edge, graph};

fn approval(config: Value, edges: Value) -> Value {
    let mut node = json!({"id": "ok", "type": "hitl", "config": {"message": "really?"}});
    for (key, value) in config.as_object().into_iter().flatten() {
        node["config"][key] = value.clone();
    }
    graph(
        json!([
            constant("s", json!({"amount": 9})),
            node,
            constant("yes", json!("$input.approved")),
            constant("no", json!("$input.reason ?? 'none'"))
        ]),
        edges,
    )
}

fn both() -> Value {
    json!([edge("s", "ok"), edge("ok", "yes"), {"from": "ok", "to": "no", "on": "rejected"}])
}

#[test]
fn an_approval_takes_its_edges() {
    let mut run = Run::start(&approval(json!({}), both()), json!({}));
    assert_eq!(run.status(), RunStatus::Waiting);
    run.vote("user:ada", Vote::Approve).expect("accepted");
    assert_eq!(run.output(), json!({"yes": true}));
    let again = run.vote("user:bob", Vote::Reject).expect_err("it is decided");
    assert_eq!(again.code, RejectionCode::AlreadyDecided);
}

#[test]
fn a_rejection_takes_its_edges_or_fails_the_run() {
    let mut run = Run::start(&approval(json!({}), both()), json!({}));
    run.vote("user:ada", Vote::Reject).expect("accepted");
    assert_eq!(run.output(), json!({"no": "because"}));
    let mut run = Run::start(
        &approval(json!({}), json!([edge("s", "ok"), edge("ok", "yes"), edge("s", "no")])),
        json!({}),
    );
    run.vote("user:ada", Vote::Reject).expect("accepted");
    assert_eq!(run.status(), RunStatus::Failed);
    assert_eq!(&*run.state.error().expect("an error").0, "rejected");
}

#[test]
fn a_quorum_needs_different_people() {
    let mut run = Run::start(&approval(json!({"quorum": 2}), both()), json!({}));
    run.vote("user:ada", Vote::Approve).expect("accepted");
    assert!(!run.vote("user:ada", Vote::Approve).expect("a repetition is no error"));
    assert_eq!(run.status(), RunStatus::Waiting);
    run.vote("user:bob", Vote::Approve).expect("accepted");
    assert_eq!(run.status(), RunStatus::Completed);
    assert_eq!(run.count("approval_decided"), 1);
}

#[test]
fn only_approvers_decide_and_never_agents() {
    let config = json!({"approvers": [{"role": "legal"}, {"user": "eve"}]});
    let mut run = Run::start(&approval(config, both()), json!({}));
    let refused = run.vote("user:ada", Vote::Approve).expect_err("ada is neither");
    assert_eq!(refused.code, RejectionCode::NotAnApprover);
    let refused = run.vote("agent:eve", Vote::Approve).expect_err("agents decide nothing");
    assert_eq!(refused.code, RejectionCode::NotAnApprover);
    run.vote("user:eve", Vote::Approve).expect("eve is named");
}

#[test]
fn an_approval_expires_and_escalates() {
    let mut document = approval(
        json!({"approvers": [{"role": "legal"}], "escalate": [{"after_ms": 1000, "to": {"role": "approver"}}]}),
        both(),
    );
    document["nodes"][1]["timeout_ms"] = json!(5000);
    let mut run = Run::start(&document, json!({}));
    run.vote("user:ada", Vote::Approve).expect_err("not yet");
    assert!(run.tick(1_000));
    assert_eq!(run.lines(), ["approval_escalated"]);
    let mut late = Run::start(&document, json!({}));
    late.tick(1_000);
    run.vote("user:ada", Vote::Approve).expect("escalated to her role");
    assert!(late.tick(4_000));
    assert_eq!(late.status(), RunStatus::Failed);
    late.vote("user:ada", Vote::Approve).expect_err("it expired");
}

/// The tick that would write the end of a ticket may be late; its time is over all the same.
#[test]
fn a_vote_after_the_time_is_refused_before_the_tick_too() {
    let mut document = approval(json!({"quorum": 2}), both());
    document["nodes"][1]["timeout_ms"] = json!(5000);
    let mut run = Run::start(&document, json!({}));
    run.now = run.now.plus_ms(4_999);
    run.vote("user:ada", Vote::Approve).expect("in time");
    run.now = run.now.plus_ms(1);
    for vote in [Vote::Approve, Vote::Reject] {
        let refused = run.vote("user:bob", vote).expect_err("its time is over");
        assert_eq!(refused.code, RejectionCode::TicketExpired);
    }
    assert!(!run.vote("user:ada", Vote::Approve).expect("a repetition is no error"));
    assert!(run.tick(0));
    assert_eq!(run.lines()[0], "approval_decided expired");
}

#[test]
fn who_started_the_run_does_not_approve_where_four_eyes_are_asked_for() {
    let mut run = Run::start(&approval(json!({"four_eyes": true}), both()), json!({}));
    let refused = run.vote("user:ada", Vote::Approve).expect_err("she started it");
    assert_eq!(refused.code, RejectionCode::FourEyes);
    let waits = aob_engine::explain(&run.state, Some(&run.ir), &Default::default());
    assert!(waits[0].message.ends_with("; user:ada may not approve it"), "{}", waits[0].message);
    run.vote("user:bob", Vote::Approve).expect("he did not");
    assert_eq!(run.status(), RunStatus::Completed);
    let mut run = Run::start(&approval(json!({"four_eyes": true}), both()), json!({}));
    run.vote("user:ada", Vote::Reject).expect("she may reject");
}

#[test]
fn the_answer_must_fit_the_form() {
    let config = json!({"form": {"type": "object", "required": ["limit"]}});
    let mut run = Run::start(&approval(config, both()), json!({}));
    let refused = run.vote("user:ada", Vote::Approve).expect_err("no data");
    assert_eq!(refused.code, RejectionCode::InvalidForm);
    run.vote("user:ada", Vote::Reject).expect("a rejection needs no form");
}
