//! A run within budgets: its own, and that of one of its nodes.

use aob_engine::EventKind;
use serde_json::{Value, json};

use super::build::{Log, payload};

/// Amounts as they stand in the log.
pub(super) fn amounts(calls: u64, tokens: u64) -> Value {
    json!({"calls": calls, "tokens": tokens, "usd_micros": 0})
}

fn caps(calls: u64, tokens: Option<u64>) -> Value {
    json!({"calls": calls, "tokens": tokens, "usd_micros": null})
}

fn reserved(log: &mut Log, attempt: u32, name: &str, amounts: &Value) {
    log.next(5).add(
        "budget_reserved",
        json!({"instance": "a", "attempt": attempt, "reservation": name, "amounts": amounts}),
    );
}

/// The budget runs out, and a person allows more.
fn raised(log: &mut Log, agent: &Value) {
    log.next(5).add(
        "node_parked",
        json!({
            "instance": "a", "attempt": 1, "reason": "budget_exhausted", "budget": {"node": "a"},
        }),
    );
    log.add(
        "approval_requested",
        json!({
            "budget": {"of": {"node": "a"}, "needed": amounts(1, 1), "suggested": amounts(0, 100)},
            "ticket": "tk_1", "message": "More?", "subject": payload(&json!({})),
            "subject_hash": log.ir.digest, "quorum": 1,
        }),
    );
    log.next(5)
        .add("approval_voted", json!({"ticket": "tk_1", "by": "user:ada", "vote": "approve"}));
    log.add(
        "budget_raised",
        json!({"of": {"node": "a"}, "amounts": amounts(0, 50), "by": "user:ada", "ticket": "tk_1"}),
    );
    log.add("approval_decided", json!({"ticket": "tk_1", "outcome": "approved", "by": "user:ada"}));
    log.add("retry_granted", json!({"instance": "a", "attempts_max": 4, "by": "user:ada"}));
    let mut again = agent.clone();
    again["attempts_max"] = json!(4);
    log.scheduled_with("a", 2, &again);
}

/// Calls, a budget that runs out and is raised, and a child run with a part of it.
pub(super) fn budgeted() -> Log {
    let inner = json!({"nodes": [{"id": "x", "type": "agent", "config": {"task": "x"}}]});
    let mut log = Log::begin(
        "budgeted",
        &json!({"nodes": [
            {"id": "a", "type": "agent", "config": {"task": "x", "budget": {"calls": 3, "tokens": 100}}},
            {"id": "c", "type": "composite", "config": {"workflow": inner}},
        ]}),
    );
    log.edit("run_created", 0, |kind| {
        if let EventKind::RunCreated(data) = kind {
            data.budget = serde_json::from_value(caps(10, None)).ok();
        }
    });
    let agent = json!({"job_type": "agent", "name": "agent", "metered": true});
    let child = "01890000-0000-7000-8000-000000000002";
    log.scheduled_with("a", 1, &agent);
    log.add(
        "child_started",
        json!({
            "instance": "c", "child": child, "digest": log.ir.digest, "inputs": payload(&json!({})),
            "budget": caps(5, None),
        }),
    );
    reserved(&mut log, 1, "first", &amounts(1, 60));
    log.next(5).add(
        "budget_settled",
        json!({"instance": "a", "attempt": 1, "reservation": "first", "used": amounts(1, 70)}),
    );
    reserved(&mut log, 1, "second", &amounts(1, 30));
    let warned =
        json!({"of": {"node": "a"}, "limit": caps(3, Some(100)), "committed": amounts(2, 100)});
    log.add("budget_warned", warned);
    raised(&mut log, &agent);
    let spent = json!({"used": amounts(2, 900)});
    log.next(5).add("budget_returned", json!({"instance": "c", "child": child, "spent": spent}));
    log.completed("c", 0, &json!("c"), json!([]));
    reserved(&mut log, 2, "first", &amounts(1, 50));
    log.next(5).completed("a", 2, &json!("a"), json!([]));
    log.run_completed(&json!({"a": "a", "c": "c"}));
    log
}
