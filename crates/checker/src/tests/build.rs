//! Writes logs as JSON, the way they stand in the store.

use std::sync::Arc;

use aob_engine::{Event, InstanceId, RunId, Timestamp, idempotency_key};
use aob_ir::{Digest, Ir};
use serde_json::{Value, json};

use crate::{Report, check};

/// When logs begin.
const START_MS: i64 = 1_700_000_000_000;

/// A log with its workflow.
#[derive(Debug, Clone)]
pub(super) struct Log {
    pub(super) name: &'static str,
    pub(super) events: Vec<Event>,
    pub(super) ir: Arc<Ir>,
    at: i64,
    command: u32,
}

/// The run of every log.
pub(super) fn run() -> RunId {
    "01890000-0000-7000-8000-000000000001".parse().unwrap()
}

/// A payload that carries its value.
pub(super) fn payload(value: &Value) -> Value {
    let text = value.to_string();
    json!({"digest": Digest::of(text.as_bytes()), "len": text.len(), "value": value})
}

/// Edges of an instance: (`from->to` or another id, target, state).
pub(super) fn edges(decided: &[(&str, &str, &str)]) -> Value {
    decided.iter().map(|(id, to, is)| json!({"id": id, "to": to, "is": is})).collect()
}

/// As [`edges`], decided one scope further out.
pub(super) fn leaving(decided: &[(&str, &str, &str)]) -> Value {
    let edge =
        |(id, to, is): &(&str, &str, &str)| json!({"id": id, "to": to, "is": is, "leaves": 1});
    decided.iter().map(edge).collect()
}

impl Log {
    /// A log that begins a run of `document`.
    pub(super) fn begin(name: &'static str, document: &Value) -> Self {
        let ir = aob_ir::compile(document).unwrap_or_else(|e| panic!("log `{name}`: {e}")).ir;
        let mut log = Self { name, events: Vec::new(), ir, at: START_MS, command: 1 };
        log.add(
            "run_created",
            json!({
                "run": run(),
                "workspace": "01890000-0000-7000-8000-0000000000aa",
                "digest": log.ir.digest,
                "inputs": payload(&json!({"k": 1})),
                "limits": log.ir.limits,
                "deadline": log.ir.limits.run_timeout_ms.map(|ms| Timestamp(START_MS).plus_ms(ms)),
                "cancel_grace_ms": 30_000,
                "agents": 5,
                "actor": "user:alice",
            }),
        );
        log
    }

    /// Appends an event of the current command.
    pub(super) fn add(&mut self, kind: &str, data: Value) -> &mut Self {
        let event = json!({
            "seq": self.events.len() + 1,
            "at": Timestamp(self.at),
            "command": format!("c{}", self.command),
            "type": kind,
            "data": data,
        });
        let event = serde_json::from_str(&event.to_string())
            .unwrap_or_else(|e| panic!("log `{}`: {e} in {event}", self.name));
        self.events.push(event);
        self
    }

    /// The next command, `after_ms` later.
    pub(super) fn next(&mut self, after_ms: i64) -> &mut Self {
        self.command += 1;
        self.at += after_ms;
        self
    }

    /// The current time plus `ms`, as JSON.
    pub(super) fn in_ms(&self, ms: u64) -> Value {
        json!(Timestamp(self.at).plus_ms(ms))
    }

    /// `node_scheduled` of an idempotent function, with further members of the job.
    pub(super) fn scheduled_with(
        &mut self,
        instance: &str,
        attempt: u32,
        job: &Value,
    ) -> &mut Self {
        let id: InstanceId = instance.parse().unwrap();
        let mut whole = json!({
            "job_type": "function",
            "name": "work",
            "builtin": false,
            "config": payload(&json!({"name": "work", "args": null})),
            "input": payload(&json!({"k": 1})),
            "effect": "idempotent",
            "pool": "default",
            "priority": "medium",
            "idempotency_key": idempotency_key(run(), &id, 0),
            "leased": true,
            "timeout_ms": 300_000,
        });
        for (key, value) in job.as_object().into_iter().flatten() {
            whole[key] = value.clone();
        }
        let attempts_max = whole.as_object_mut().and_then(|job| job.remove("attempts_max"));
        let data = json!({
            "instance": instance,
            "attempt": attempt,
            "attempts_max": attempts_max.unwrap_or_else(|| 3.into()),
            "redispatch_at": self.in_ms(60_000),
            "job": whole,
        });
        self.add("node_scheduled", data)
    }

    /// `node_scheduled` of an idempotent function.
    pub(super) fn scheduled(&mut self, instance: &str, attempt: u32) -> &mut Self {
        self.scheduled_with(instance, attempt, &json!({}))
    }

    /// `node_completed`; attempt 0 for inline nodes.
    pub(super) fn completed(
        &mut self,
        instance: &str,
        attempt: u32,
        output: &Value,
        edges: Value,
    ) -> &mut Self {
        let data = json!({
            "instance": instance, "attempt": attempt, "output": payload(output), "edges": edges,
        });
        self.add("node_completed", data)
    }

    /// `node_failed` with `code`.
    pub(super) fn failed(
        &mut self,
        instance: &str,
        attempt: u32,
        (outcome, code): (&str, &str),
        handled_by: &str,
        edges: Value,
    ) -> &mut Self {
        let data = json!({
            "instance": instance,
            "attempt": attempt,
            "outcome": outcome,
            "failure": failure(code, false),
            "handled_by": handled_by,
            "output": payload(&json!({"error": {"code": code, "message": "no"}})),
            "edges": edges,
        });
        self.add("node_failed", data)
    }

    /// `node_skipped` on a dead path.
    pub(super) fn skipped(&mut self, instance: &str, edges: Value) -> &mut Self {
        let data = json!({"instance": instance, "cause": "dead_path", "edges": edges});
        self.add("node_skipped", data)
    }

    /// `run_completed`.
    pub(super) fn run_completed(&mut self, output: &Value) -> &mut Self {
        self.add("run_completed", json!({"output": payload(output)}))
    }

    /// Checks the log.
    pub(super) fn check(&self) -> Report {
        check(&self.events, &|digest| (*digest == self.ir.digest).then(|| Arc::clone(&self.ir)))
    }
}

/// A failure with this code.
pub(super) fn failure(code: &str, retryable: bool) -> Value {
    json!({"code": code, "message": "no", "retryable": retryable})
}
