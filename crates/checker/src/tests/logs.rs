//! Logs of runs that went as they should.

use aob_engine::{EventKind, Fidelity};
use serde_json::{Value, json};

pub(super) use super::budgeted::budgeted;
use super::build::{Log, edges, failure, leaving, payload};
pub(super) use super::patched::{altered, guarded, led_around, patched, rerouted, weakened};
pub(super) use super::stops::{cancelled, compensated, parked, paused};

/// Every good log.
pub(super) fn all() -> Vec<Log> {
    vec![
        diamond(),
        told_in_full(),
        waits(),
        edited(),
        expiry(),
        mapped(),
        looped(),
        compensated(),
        cancelled(),
        parked(),
        paused(),
        passed_over(),
        raced(),
        handled(),
        patched(),
        guarded(),
        budgeted(),
    ]
}

pub(super) fn function(id: &str) -> Value {
    json!({"id": id, "type": "function", "config": {"name": "work"}})
}

pub(super) fn constant(id: &str) -> Value {
    json!({"id": id, "type": "transform", "config": {"template": {"n": 1}}})
}

pub(super) fn edge(from: &str, to: &str) -> Value {
    json!({"from": from, "to": to})
}

fn on(from: &str, to: &str, on: &str) -> Value {
    json!({"from": from, "to": to, "on": on})
}

/// `a` forks to `b` and `c`, which meet in `d`; `b` is retried and sent again.
pub(super) fn diamond() -> Log {
    let mut log = Log::begin(
        "diamond",
        &json!({
            "nodes": [function("a"), function("b"), function("c"), {"id": "d", "type": "join"}],
            "edges": [edge("a", "b"), edge("a", "c"), edge("b", "d"), edge("c", "d")],
            "limits": {"run_timeout_ms": 3_600_000},
        }),
    );
    log.scheduled("a", 1);
    log.next(10).completed(
        "a",
        1,
        &json!(1),
        edges(&[("a->b", "b", "taken"), ("a->c", "c", "taken")]),
    );
    log.scheduled("b", 1).scheduled("c", 1);
    let retry_at = log.in_ms(1_160);
    log.next(50).add(
        "retry_scheduled",
        json!({
            "instance": "b", "attempt": 1, "failure": failure("boom", true), "retry_at": retry_at,
        }),
    );
    log.next(0).completed("c", 1, &json!("c"), edges(&[("c->d", "d", "taken")]));
    log.next(1_110).scheduled("b", 2);
    let again = log.in_ms(180_000);
    log.next(60_000).add(
        "attempt_redispatched",
        json!({
            "instance": "b", "attempt": 2, "redispatch_at": again,
        }),
    );
    log.next(1).completed("b", 2, &json!("b"), edges(&[("b->d", "d", "taken")]));
    log.completed("d", 0, &json!({"b": "b", "c": "c"}), json!([]));
    let end = log.events.len();
    let output = payload(&json!({"b": "b", "c": "c"}));
    let output = json!({"digest": output["digest"], "len": output["len"], "seq": end});
    log.add("run_completed", json!({"output": output}));
    log.next(9).add(
        "late_result_discarded",
        json!({
            "instance": "b", "attempt": 1, "succeeded": true,
        }),
    );
    log
}

fn waiting(name: &'static str) -> Log {
    Log::begin(
        name,
        &json!({
            "nodes": [
                {"id": "t", "type": "timer", "config": {"for_ms": 1_000}},
                {"id": "s", "type": "signal", "config": {"name": "go"}},
                {"id": "h", "type": "hitl", "timeout_ms": 60_000, "config": {
                    "approvers": [{"user": "alice"}, {"user": "bob"}, {"user": "carol"}],
                    "quorum": 2,
                    "escalate": [{"after_ms": 5_000, "to": {"user": "erin"}}],
                }},
                constant("ok"), constant("no"), constant("late"),
            ],
            "edges": [
                edge("t", "s"), edge("s", "h"),
                on("h", "ok", "approved"), on("h", "no", "rejected"), on("h", "late", "timeout"),
            ],
        }),
    )
}

fn asked(log: &mut Log) {
    let due = log.in_ms(1_000);
    log.add("timer_started", json!({"instance": "t", "due": due, "input": payload(&json!(0))}));
    for signal in ["s1", "s2"] {
        log.next(5).add("signal_received", json!({
            "name": "go", "signal": signal, "payload": payload(&json!(signal)), "actor": "user:bob",
        }));
    }
    log.next(990).completed("t", 0, &json!(0), edges(&[("t->s", "s", "taken")]));
    log.add("signal_awaited", json!({"instance": "s", "name": "go"}));
    log.add(
        "node_completed",
        json!({
            "instance": "s", "output": payload(&json!("s1")), "signal": "s1",
            "edges": edges(&[("s->h", "h", "taken")]),
        }),
    );
    let (escalation, expiry) = (log.in_ms(5_000), log.in_ms(60_000));
    log.add(
        "approval_requested",
        json!({
            "instance": "h", "ticket": "tk_1", "message": "Go on?",
            "subject": payload(&json!("s1")), "subject_hash": log.ir.digest,
            "approvers": [{"user": "alice"}, {"user": "bob"}, {"user": "carol"}], "quorum": 2,
            "escalations": [{"at": escalation, "to": {"user": "erin"}}], "expires_at": expiry,
        }),
    );
}

fn vote(log: &mut Log, by: &str, vote: &str) {
    log.next(2_000).add("approval_voted", json!({"ticket": "tk_1", "by": by, "vote": vote}));
}

/// A timer, a buffered signal, and an approval by two of three, once escalated.
pub(super) fn waits() -> Log {
    let mut log = waiting("waits");
    asked(&mut log);
    vote(&mut log, "user:alice", "approve");
    log.next(3_000).add("approval_escalated", json!({"ticket": "tk_1", "to": {"user": "erin"}}));
    vote(&mut log, "user:erin", "approve");
    log.add(
        "approval_decided",
        json!({"ticket": "tk_1", "outcome": "approved", "by": "user:erin"}),
    );
    log.completed(
        "h",
        0,
        &json!({"approved": true}),
        edges(&[("h->ok", "ok", "taken"), ("h->no", "no", "dead"), ("h->late", "late", "dead")]),
    );
    log.completed("ok", 0, &json!({"n": 1}), json!([]));
    log.skipped("no", json!([])).skipped("late", json!([]));
    log.run_completed(&json!({"ok": {"n": 1}}));
    log
}

/// The same, but somebody changes what is to be approved.
pub(super) fn edited() -> Log {
    let mut log = waiting("edited");
    asked(&mut log);
    log.edit("approval_requested", 0, |kind| {
        if let aob_engine::EventKind::ApprovalRequested(data) = kind {
            data.editable = vec!["/n".into()];
        }
    });
    log.next(2_000).add(
        "approval_edited",
        json!({
            "ticket": "tk_1", "by": "user:alice", "edits": payload(&json!({"/n": 2})), "next": "tk_2",
        }),
    );
    log.add(
        "approval_decided",
        json!({"ticket": "tk_1", "outcome": "cancelled", "by": "user:alice"}),
    );
    let asked = log.events[log.find("approval_requested", 0)].clone();
    let aob_engine::EventKind::ApprovalRequested(mut again) = asked.kind else { return log };
    again.ticket = aob_engine::TicketId("tk_2".into());
    again.replaces = Some(aob_engine::TicketId("tk_1".into()));
    log.add("approval_requested", serde_json::to_value(&again).expect("it is JSON"));
    for by in ["user:alice", "user:bob"] {
        log.next(1).add("approval_voted", json!({"ticket": "tk_2", "by": by, "vote": "approve"}));
    }
    log.add("approval_decided", json!({"ticket": "tk_2", "outcome": "approved", "by": "user:bob"}));
    log.completed(
        "h",
        0,
        &json!({"approved": true}),
        edges(&[("h->ok", "ok", "taken"), ("h->no", "no", "dead"), ("h->late", "late", "dead")]),
    );
    log.completed("ok", 0, &json!({"n": 1}), json!([]));
    log.skipped("no", json!([])).skipped("late", json!([]));
    log.run_completed(&json!({"ok": {"n": 1}}));
    log
}

/// The same, but nobody answers.
pub(super) fn expiry() -> Log {
    let mut log = waiting("expiry");
    asked(&mut log);
    vote(&mut log, "user:alice", "approve");
    log.next(3_000).add("approval_escalated", json!({"ticket": "tk_1", "to": {"user": "erin"}}));
    log.next(55_000);
    log.add("approval_decided", json!({"ticket": "tk_1", "outcome": "expired", "by": "system"}));
    log.failed(
        "h",
        0,
        ("timed_out", "timeout"),
        "edge",
        edges(&[
            ("h->ok", "ok", "failed"),
            ("h->no", "no", "failed"),
            ("h->late", "late", "taken"),
        ]),
    );
    log.completed("late", 0, &json!({"n": 1}), json!([]));
    log.skipped("ok", json!([])).skipped("no", json!([]));
    log.run_completed(&json!({"late": {"n": 1}}));
    log
}

/// A map of three items, two at once, one failure tolerated.
pub(super) fn mapped() -> Log {
    let mut log = Log::begin(
        "mapped",
        &json!({
            "nodes": [
                {"id": "m", "type": "map", "config": {
                    "items": [1, 2, 3], "max_parallel": 2, "tolerate": 1, "node": function("f"),
                }},
                constant("z"),
            ],
            "edges": [edge("m", "z")],
        }),
    );
    log.add(
        "map_expanded",
        json!({
            "instance": "m", "items": payload(&json!([1, 2, 3])), "count": 3, "max_parallel": 2,
            "tolerated": 1, "body": "f",
        }),
    );
    log.scheduled("m[0]/f", 1).scheduled("m[1]/f", 1);
    log.next(7).completed("m[1]/f", 1, &json!("one"), json!([])).scheduled("m[2]/f", 1);
    log.next(7).failed("m[0]/f", 1, ("failed", "bad"), "tolerance", json!([]));
    log.next(7).completed("m[2]/f", 1, &json!("two"), json!([]));
    let error = json!({"error": {"code": "bad", "message": "no"}});
    log.completed("m", 0, &json!([error, "one", "two"]), edges(&[("m->z", "z", "taken")]));
    log.completed("z", 0, &json!({"n": 1}), json!([])).run_completed(&json!({"n": 1}));
    log
}

/// A loop that goes round twice, with a failure route that nothing takes.
pub(super) fn looped() -> Log {
    let mut log = Log::begin(
        "looped",
        &json!({
            "nodes": [
                function("h"),
                {"id": "l", "type": "loop", "config": {
                    "loop_back_to": "h", "max_iterations": 3, "condition": "output.n > 0",
                    "timeout_path": "t",
                }},
                constant("after"), constant("t"), constant("r"),
            ],
            "edges": [edge("h", "l"), edge("l", "after"), on("h", "r", "failure")],
        }),
    );
    log.scheduled("l[1]/h", 1);
    log.next(5).completed("l[1]/h", 1, &json!({"n": 2}), edges(&[("h->l", "l", "taken")]));
    log.completed("l[1]/l", 0, &json!({"n": 2}), json!([]));
    log.add(
        "loop_iterated",
        json!({
            "instance": "l", "iteration": 2, "head": "h", "output": payload(&json!({"n": 2})),
        }),
    );
    log.scheduled("l[2]/h", 1);
    log.next(5).completed("l[2]/h", 1, &json!({"n": 0}), edges(&[("h->l", "l", "taken")]));
    log.completed(
        "l[2]/l",
        0,
        &json!({"n": 0}),
        leaving(&[
            ("l->after", "after", "taken"),
            ("l->t:timeout", "t", "dead"),
            ("h->r", "r", "dead"),
        ]),
    );
    log.completed("after", 0, &json!({"n": 1}), json!([]));
    log.skipped("t", json!([])).skipped("r", json!([]));
    log.run_completed(&json!({"after": {"n": 1}}));
    log
}

/// An unknown type, a failure that is passed over, and edges in two events.
pub(super) fn passed_over() -> Log {
    let mut log = Log::begin(
        "passed_over",
        &json!({
            "nodes": [
                {"id": "u", "type": "quantum_leap"},
                {"id": "f", "type": "function", "on_error": "skip", "config": {"name": "work"}},
                {"id": "c", "type": "conditional"},
                constant("x"), constant("y"),
            ],
            "edges": [
                edge("u", "f"), edge("f", "c"),
                {"from": "c", "to": "x", "condition": "inputs.k > 0"}, edge("c", "y"),
            ],
        }),
    );
    log.add("warning_raised", json!({"code": "unknown_type", "message": "?", "node": "u"}));
    log.add(
        "node_skipped",
        json!({
            "instance": "u", "cause": "unknown_type", "output": payload(&json!({"k": 1})),
            "edges": edges(&[("u->f", "f", "taken")]),
        }),
    );
    log.scheduled("f", 1);
    log.next(5).add(
        "node_skipped",
        json!({
            "instance": "f", "attempt": 1, "cause": "on_error", "output": payload(&json!(null)),
            "failure": failure("bad", false), "edges": edges(&[("f->c", "c", "taken")]),
        }),
    );
    log.add(
        "node_completed",
        json!({
            "instance": "c", "output": payload(&json!(null)),
            "edges": edges(&[("c->x", "x", "taken")]), "more": true,
        }),
    );
    log.add("edges_decided", json!({"instance": "c", "edges": edges(&[("c->y", "y", "dead")])}));
    log.completed("x", 0, &json!({"n": 1}), json!([])).skipped("y", json!([]));
    log.run_completed(&json!({"x": {"n": 1}}));
    log
}

/// `any` of two: the loser is cancelled.
pub(super) fn raced() -> Log {
    let mut log = Log::begin(
        "raced",
        &json!({
            "nodes": [function("a"), function("b"),
                {"id": "j", "type": "join", "config": {"mode": "any", "cancel_losers": true}}],
            "edges": [edge("a", "j"), edge("b", "j")],
        }),
    );
    log.scheduled("a", 1).scheduled("b", 1);
    log.next(5).completed("a", 1, &json!("a"), edges(&[("a->j", "j", "taken")]));
    log.completed("j", 0, &json!({"a": "a"}), json!([]));
    let fence_at = log.in_ms(30_000);
    log.add("node_cancelling", json!({"instance": "b", "attempt": 1, "fence_at": fence_at}));
    log.next(5).add(
        "node_cancelled",
        json!({
            "instance": "b", "attempt": 1, "cause": "acknowledged",
            "edges": edges(&[("b->j", "j", "dead")]),
        }),
    );
    log.run_completed(&json!({"a": "a"}));
    log
}

/// A failure with an edge of its own, and a join that cannot be satisfied any more.
pub(super) fn handled() -> Log {
    let mut log = Log::begin(
        "handled",
        &json!({
            "nodes": [
                function("a"), function("b"), constant("e"),
                {"id": "q", "type": "join", "on_error": "skip", "config": {"mode": "k_of_n", "k": 2}},
            ],
            "edges": [edge("a", "q"), edge("b", "q"), on("a", "e", "failure")],
        }),
    );
    log.scheduled("a", 1).scheduled("b", 1);
    log.next(5).failed(
        "a",
        1,
        ("failed", "bad"),
        "edge",
        edges(&[("a->q", "q", "failed"), ("a->e", "e", "taken")]),
    );
    log.add(
        "node_skipped",
        json!({
            "instance": "q", "cause": "on_error", "output": payload(&json!(null)),
            "failure": failure("join_unsatisfiable", false),
        }),
    );
    log.completed("e", 0, &json!({"n": 1}), json!([]));
    log.next(5).completed("b", 1, &json!("b"), edges(&[("b->q", "q", "taken")]));
    log.run_completed(&json!({"e": {"n": 1}, "q": null}));
    log
}

/// A run of full fidelity.
pub(super) fn told_in_full() -> Log {
    let document = json!({
        "nodes": [constant("a"), function("b")],
        "edges": [edge("a", "b")],
    });
    let mut log = Log::begin("told in full", &document);
    log.edit("run_created", 0, |kind| {
        if let EventKind::RunCreated(data) = kind {
            data.fidelity = Fidelity::Full;
        }
    });
    let started =
        |instance: &str, input: &Value| json!({"instance": instance, "input": payload(input)});
    log.add("node_started", started("a", &json!({"k": 1})));
    log.completed("a", 0, &json!({"n": 1}), edges(&[("a->b", "b", "taken")]));
    log.add("node_started", started("b", &json!({"n": 1}))).scheduled("b", 1);
    log.next(5).completed("b", 1, &json!("b"), json!([]));
    log.run_completed(&json!("b"));
    log
}
