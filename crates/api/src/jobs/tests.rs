//! The wire form of every message, and what readers accept beyond it.

use std::sync::Arc;

use aob_engine::{
    Blob, Dispatch, InstanceId, Job, JobType, Payload, PayloadRef, RunId, WorkspaceId,
};
use aob_ir::{EffectClass, Priority, SecretPart, SecretSlot};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;

fn dispatch(config: Value) -> Dispatch {
    let job = Job {
        job_type: JobType::Http,
        name: "http".into(),
        builtin: true,
        config: Payload::new(&Blob::of(config)),
        secrets: vec![SecretSlot {
            pointer: "/headers/authorization".into(),
            parts: vec![SecretPart::Text("Bearer ".into()), SecretPart::Secret("token".into())],
        }],
        input: Payload::new(&Blob::of(json!(null))),
        effect: EffectClass::Idempotent,
        pool: "default".into(),
        priority: Priority::High,
        idempotency_key: "k1".into(),
        leased: true,
        metered: false,
        timeout_ms: Some(30_000),
        queue_deadline: Some("2026-11-20T06:00:00Z".parse().unwrap()),
        idle_timeout_ms: None,
    };
    Dispatch { instance: "crawl[3]/fetch".parse().unwrap(), attempt: 2, seq: 4, job }
}

fn job(config: Value) -> JobMessage {
    JobMessage::new(WorkspaceId(uuid(1)), RunId(uuid(2)), &dispatch(config)).unwrap()
}

fn uuid(n: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(n)
}

/// The message's JSON is `expected`, and reads back as the same message.
fn check<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(
    message: &T,
    expected: Value,
) {
    let text = serde_json::to_string(message).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
    assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), message);
}

#[test]
fn job_has_the_documented_form() {
    check(
        &job(json!({"url": "https://example.org/", "headers": {"authorization": null}})),
        json!({
            "workspace": "00000000-0000-0000-0000-000000000001",
            "run": "00000000-0000-0000-0000-000000000002",
            "instance": "crawl[3]/fetch",
            "attempt": 2,
            "job_type": "http",
            "name": "http",
            "config": {"value": {"url": "https://example.org/", "headers": {"authorization": null}}},
            "secrets": [{
                "pointer": "/headers/authorization",
                "parts": [{"text": "Bearer "}, {"secret": "token"}],
            }],
            "input": {"value": null},
            "effect": "idempotent",
            "pool": "default",
            "priority": "high",
            "idempotency_key": "k1",
            "leased": true,
            "timeout_ms": 30_000,
            "queue_deadline": "2026-11-20T06:00:00.000Z",
        }),
    );
}

#[test]
fn outcomes_have_exactly_one_key() {
    let answer = |outcome| job(json!({})).answer("r1".into(), outcome);
    let completed = OutcomeMessage::Completed { output: PayloadMessage::of(&Blob::of(json!(7))) };
    let failed = OutcomeMessage::Failed {
        failure: FailureMessage {
            retry_after_ms: Some(1_500),
            details: Some(RawText::of(&json!({"status": 503}))),
            ..FailureMessage::transient("http_status", "503 from example.org")
        },
    };
    for (outcome, expected) in [
        (completed, json!({"completed": {"output": {"value": 7}}})),
        (
            failed,
            json!({"failed": {"failure": {
                "code": "http_status", "message": "503 from example.org", "retryable": true,
                "retry_after_ms": 1_500, "details": {"status": 503},
            }}}),
        ),
        (OutcomeMessage::Cancelled {}, json!({"cancelled": {}})),
    ] {
        check(&outcome, expected.clone());
        check(
            &answer(outcome),
            json!({
                "workspace": "00000000-0000-0000-0000-000000000001",
                "run": "00000000-0000-0000-0000-000000000002",
                "instance": "crawl[3]/fetch",
                "attempt": 2,
                "runner": "r1",
                "outcome": expected,
            }),
        );
    }
}

#[test]
fn results_carry_patches() {
    let mut answer = job(json!({})).answer("r1".into(), OutcomeMessage::Cancelled {});
    let operations = json!([{"op": "remove", "path": "/nodes/score"}]);
    answer.patches.push(ResultPatchMessage {
        operations: PayloadMessage::of(&Blob::of(operations.clone())),
        base: None,
        description: "less".into(),
    });
    check(
        &answer,
        json!({
            "workspace": "00000000-0000-0000-0000-000000000001",
            "run": "00000000-0000-0000-0000-000000000002",
            "instance": "crawl[3]/fetch",
            "attempt": 2,
            "runner": "r1",
            "outcome": {"cancelled": {}},
            "patches": [{"operations": {"value": operations}, "description": "less"}],
        }),
    );
}

#[test]
fn protocol_messages_round_trip() {
    let item = HeartbeatItem {
        run: RunId(uuid(2)),
        instance: InstanceId::top("score"),
        attempt: 1,
        token: Some("job.1".into()),
        progress: Some(RawText::of(&Value::Null)),
        logs: Some(LogChunk { first: 4, lines: vec!["half way".into()] }),
    };
    check(
        &HeartbeatRequest { runner: "r1".into(), leases: vec![item] },
        json!({"runner": "r1", "leases": [{
            "run": "00000000-0000-0000-0000-000000000002", "instance": "score", "attempt": 1,
            "token": "job.1", "progress": null, "logs": {"first": 4, "lines": ["half way"]},
        }]}),
    );
    check(
        &HeartbeatResponse {
            states: vec![LeaseStanding::Held, LeaseStanding::Cancelling, LeaseStanding::Lost],
        },
        json!({"states": ["held", "cancelling", "lost"]}),
    );
    check(
        &LeaseRequest {
            runner: "r1".into(),
            pool: "eu".into(),
            names: vec!["score".into()],
            limit: 4,
            wait_ms: 20_000,
        },
        json!({"runner": "r1", "pool": "eu", "names": ["score"], "limit": 4, "wait_ms": 20_000}),
    );
    let empty: LeaseResponse = serde_json::from_str("{}").unwrap();
    assert_eq!(empty, LeaseResponse { jobs: vec![], lease_ms: 15_000, heartbeat_ms: 5_000 });
}

#[test]
fn long_values_travel_by_digest() {
    let long = json!({"body": "x".repeat(20_000)});
    let message = job(long.clone());
    let PayloadMessage::Stored { digest, len } = message.config else {
        panic!("20 kB are not inline")
    };
    let blob = Blob::of(long);
    assert_eq!((digest, len), (blob.digest(), blob.len()));
    check(
        &PayloadMessage::Stored { digest, len },
        json!({"digest": digest.to_string(), "len": len}),
    );
}

#[test]
fn references_to_events_must_be_loaded_first() {
    let mut dispatch = dispatch(json!({}));
    let digest = aob_ir::Digest::of(b"1");
    dispatch.job.input = Payload::by_ref(PayloadRef { digest, len: 1, seq: Some(9) });
    let error = JobMessage::new(WorkspaceId(uuid(1)), RunId(uuid(2)), &dispatch).unwrap_err();
    assert_eq!(error, Unresolved { seq: 9 });
    dispatch.job.input = Payload::by_ref(PayloadRef { digest, len: 1, seq: None });
    let message = JobMessage::new(WorkspaceId(uuid(1)), RunId(uuid(2)), &dispatch).unwrap();
    assert_eq!(message.input, PayloadMessage::Stored { digest, len: 1 });
}

#[test]
fn readers_accept_proto3_strings_and_unknown_keys() {
    let mut text = serde_json::to_value(job(json!({}))).unwrap();
    text["timeout_ms"] = json!("9007199254740993");
    text["from_the_future"] = json!({"a": [1]});
    let message: JobMessage = serde_json::from_str(&text.to_string()).unwrap();
    assert_eq!(message.timeout_ms, Some(9_007_199_254_740_993));

    for bad in [json!("12x"), json!("-1"), json!(-1), json!(1.5), json!([1])] {
        text["timeout_ms"] = bad.clone();
        assert!(serde_json::from_str::<JobMessage>(&text.to_string()).is_err(), "{bad}");
    }
    for bad in [json!({}), json!({"digest": "sha256:00"}), json!({"len": 4}), json!(null)] {
        assert!(serde_json::from_str::<PayloadMessage>(&bad.to_string()).is_err(), "{bad}");
    }
}

#[test]
fn numbers_and_key_order_survive_as_text() {
    let text = r#"{"value":{"b":1,"a":10000000000000000000000000000001,"c":1.10}}"#;
    let message: PayloadMessage = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&message).unwrap(), text);
}

#[test]
fn uncertain_failures_follow_the_effect() {
    for (effect, retryable, lost) in [
        (EffectClass::None, true, false),
        (EffectClass::Idempotent, true, false),
        (EffectClass::Compensable, false, true),
        (EffectClass::Irreversible, false, true),
    ] {
        let failure = FailureMessage::uncertain(effect, "timeout", "30 s");
        assert_eq!((failure.retryable, failure.lost), (retryable, lost), "{effect:?}");
        let failure = aob_engine::Failure::from(failure);
        assert_eq!((failure.retryable, failure.lost), (retryable, lost), "{effect:?}");
    }
}

#[test]
fn details_that_are_too_long_are_dropped_on_the_way_into_the_log() {
    for (bytes, kept) in [(100, true), (20_000, false)] {
        let failure = FailureMessage {
            details: Some(RawText::of(&json!("x".repeat(bytes)))),
            ..FailureMessage::permanent("boom", "no")
        };
        assert_eq!(aob_engine::Failure::from(failure).details.is_some(), kept);
    }
}

#[test]
fn names_are_shared_not_copied() {
    let dispatch = dispatch(json!({}));
    let message = JobMessage::new(WorkspaceId(uuid(1)), RunId(uuid(2)), &dispatch).unwrap();
    assert!(Arc::ptr_eq(&message.idempotency_key, &dispatch.job.idempotency_key));
}
