//! Logs of runs that were stopped, paused, or waited for a person.

use serde_json::{Value, json};

use super::build::{Log, edges, failure, payload};
use super::logs::{constant, edge, function};

/// `a` and `b` are done when `c` fails; `d`, still out, is fenced; all is undone, last first.
pub(super) fn compensated() -> Log {
    let undone = |id: &str| {
        json!({"id": id, "type": "function", "config": {"name": "work"},
            "compensate": {"type": "function", "config": {"name": "undo"}}})
    };
    let mut log = Log::begin(
        "compensated",
        &json!({
            "nodes": [undone("a"), undone("b"), function("c"), undone("d")],
            "edges": [edge("a", "b"), edge("b", "c"), edge("a", "d")],
            "policies": {"on_failure": "compensate"},
        }),
    );
    let done = |log: &mut Log, id: &str, edges: Value| {
        log.next(5).add(
            "node_completed",
            json!({
                "instance": id, "attempt": 1, "output": payload(&json!(id)), "edges": edges,
                "undo_input": payload(&json!("in")),
            }),
        );
    };
    log.scheduled("a", 1);
    done(&mut log, "a", edges(&[("a->b", "b", "taken"), ("a->d", "d", "taken")]));
    log.scheduled("b", 1).scheduled("d", 1);
    done(&mut log, "b", edges(&[("b->c", "c", "taken")]));
    log.scheduled("c", 1);
    log.next(5).failed("c", 1, ("failed", "bad"), "nobody", json!([]));
    log.add("run_failing", json!({"source": "c", "failure": failure("bad", false)}));
    let fence_at = log.in_ms(30_000);
    log.add("node_cancelling", json!({"instance": "d", "attempt": 1, "fence_at": fence_at}));
    log.next(30_000).add(
        "node_cancelled",
        json!({
            "instance": "d", "attempt": 1, "cause": "fenced", "undo_input": payload(&json!("in")),
        }),
    );
    for (position, id) in ["d.compensate", "b.compensate", "a.compensate"].into_iter().enumerate() {
        if position > 0 {
            log.next(5).completed(
                ["d.compensate", "b.compensate"][position - 1],
                1,
                &json!(0),
                json!([]),
            );
        }
        log.scheduled(id, 1);
    }
    log.next(5).completed("a.compensate", 1, &json!(0), json!([]));
    log.add("run_failed", json!({"source": "c", "failure": failure("bad", false)}));
    log
}

/// A child run and a timer when the run is cancelled.
pub(super) fn cancelled() -> Log {
    let mut log = Log::begin(
        "cancelled",
        &json!({
            "nodes": [
                {"id": "x", "type": "composite", "config": {"workflow": {"nodes": [constant("i")]}}},
                {"id": "w", "type": "timer", "config": {"for_ms": 60_000}},
                {"id": "o", "type": "handoff", "config": {"to": "team"}},
                function("f"),
            ],
            "edges": [edge("x", "f"), edge("w", "f"), edge("o", "f")],
        }),
    );
    let child = "01890000-0000-7000-8000-000000000002";
    log.add(
        "child_started",
        json!({
            "instance": "x", "child": child, "digest": log.ir.digest, "inputs": payload(&json!({})),
        }),
    );
    let due = log.in_ms(60_000);
    log.add("timer_started", json!({"instance": "w", "due": due, "input": payload(&json!(0))}));
    log.add("node_waiting", json!({"instance": "o", "reason": "handoff_not_served"}));
    log.next(9).add("cancel_requested", json!({"actor": "user:alice"}));
    log.add("node_cancelling", json!({"instance": "x", "child": child}));
    log.add("node_cancelled", json!({"instance": "w", "cause": "run_stopped"}));
    log.add("node_cancelled", json!({"instance": "o", "cause": "run_stopped"}));
    log.add("continued", json!({}));
    log.next(0).add("node_cancelled", json!({"instance": "x", "cause": "acknowledged"}));
    log.add("run_cancelled", json!({}));
    log
}

/// An irreversible attempt is lost; a person lets it go on, and says how the next one ended.
pub(super) fn parked() -> Log {
    let mut log = Log::begin(
        "parked",
        &json!({
            "nodes": [{"id": "p", "type": "function", "effect": "irreversible",
                "config": {"name": "work"}}],
        }),
    );
    let lost = json!({"code": "lease_expired", "message": "gone", "retryable": true, "lost": true});
    let job = json!({"effect": "irreversible"});
    log.scheduled_with("p", 1, &job);
    log.next(15_000).add(
        "node_parked",
        json!({
            "instance": "p", "attempt": 1, "reason": "outcome_unknown", "failure": lost,
        }),
    );
    log.next(9).add("retry_granted", json!({"instance": "p", "attempts_max": 4, "by": "user:bob"}));
    log.scheduled_with("p", 2, &json!({"effect": "irreversible", "attempts_max": 4}));
    log.next(15_000).add(
        "node_parked",
        json!({
            "instance": "p", "attempt": 2, "reason": "outcome_unknown", "failure": lost,
        }),
    );
    log.next(9).add(
        "node_completed",
        json!({
            "instance": "p", "attempt": 2, "output": payload(&json!("done")), "by": "user:bob",
        }),
    );
    log.run_completed(&json!("done"));
    log
}

/// A result arrives while the run is paused.
pub(super) fn paused() -> Log {
    let mut log = Log::begin(
        "paused",
        &json!({
            "nodes": [function("a"), function("b")],
            "edges": [edge("a", "b")],
        }),
    );
    log.scheduled("a", 1);
    log.next(5).add("run_paused", json!({"actor": "user:bob"}));
    log.next(5).completed("a", 1, &json!(1), edges(&[("a->b", "b", "taken")]));
    log.next(5).add("run_resumed", json!({"actor": "user:bob"}));
    log.scheduled("b", 1);
    log.next(5).completed("b", 1, &json!(2), json!([])).run_completed(&json!(2));
    log
}
