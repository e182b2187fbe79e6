//! Timeouts and stops, on the runtime's paused clock.

use std::sync::Arc;
use std::time::Duration;

use aob_api::jobs::{FailureMessage, JobMessage, OutcomeMessage, RawText};
use aob_ir::EffectClass;
use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::attempt::{Attempt, StopCause};
use crate::builtins::Builtins;
use crate::execute::{Executor, Outcome, ReadyJob};
use crate::http::HttpExecutor;
use crate::secrets::MapSecrets;
use crate::testing::{FakePort, StillClock, function, granted, outcome_json, worker};

use EffectClass::{Compensable, Idempotent, Irreversible, None as Pure};

/// Does as its arguments say: reports progress every `beat_ms`, and once told to stop answers
/// `answer` after `stop_ms`.
#[derive(Debug)]
struct Scripted;

#[async_trait]
impl Executor for Scripted {
    async fn execute(&self, job: &ReadyJob<'_>, attempt: &Attempt) -> Outcome {
        let args: Value = serde_json::from_str(job.args().get()).unwrap();
        let beat = async {
            let beat_ms = args["beat_ms"].as_u64().unwrap_or(1 << 40);
            for n in 0..args["beats"].as_u64().unwrap_or(u64::MAX) {
                sleep(Duration::from_millis(beat_ms)).await;
                attempt.progress(RawText::of(&json!(n)));
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = beat => {}
            () = attempt.cancel_token().cancelled() => {}
        }
        sleep(Duration::from_millis(args["stop_ms"].as_u64().unwrap_or(0))).await;
        match args["answer"].as_str() {
            Some("completed") => Outcome::completed(&json!("after all")),
            Some("failed") => FailureMessage::permanent("own", "own").into(),
            Some("interrupted") => Outcome::Interrupted,
            _ => Outcome::Cancelled,
        }
    }
}

/// Runs the job and stops it after `stop_after_ms`; returns `(what it was, after how many ms)`.
async fn run(job: &JobMessage, stop: Option<(u64, StopCause)>) -> (String, u64) {
    let started = Instant::now();
    let worker = worker(Arc::new(Scripted), MapSecrets::default());
    let attempt = granted(job);
    let stopper = async {
        if let Some((after_ms, cause)) = stop {
            sleep(Duration::from_millis(after_ms)).await;
            attempt.stop(cause);
        }
        std::future::pending::<()>().await;
    };
    let result = tokio::select! {
        result = worker.work(job, &attempt) => result,
        () = stopper => unreachable!(),
    };
    let text = match result.map(|result| result.outcome) {
        None => "nothing".to_owned(),
        Some(OutcomeMessage::Completed { .. }) => "completed".to_owned(),
        Some(OutcomeMessage::Cancelled {}) => "cancelled".to_owned(),
        Some(OutcomeMessage::Failed { failure: f }) => {
            let kind = if f.lost {
                "lost"
            } else if f.retryable {
                "retry"
            } else {
                "final"
            };
            format!("{} {kind}", f.code)
        }
    };
    (text, u64::try_from(started.elapsed().as_millis()).unwrap())
}

fn job(effect: EffectClass, args: Value) -> JobMessage {
    JobMessage { effect, ..function("scripted", args) }
}

#[tokio::test(start_paused = true)]
async fn timeouts_end_attempts_as_their_effect_says() {
    for (effect, args, expected) in [
        (Pure, json!({}), ("timeout retry", 1_000)),
        (Idempotent, json!({"stop_ms": 99}), ("timeout retry", 1_099)),
        (Compensable, json!({"answer": "interrupted"}), ("timeout lost", 1_000)),
        (Irreversible, json!({"answer": "interrupted"}), ("timeout lost", 1_000)),
        (Idempotent, json!({"answer": "interrupted"}), ("timeout retry", 1_000)),
        // It says that nothing has happened.
        (Irreversible, json!({}), ("timeout retry", 1_000)),
        (Irreversible, json!({"stop_ms": 50, "answer": "completed"}), ("completed", 1_050)),
        (Irreversible, json!({"answer": "failed"}), ("own final", 1_000)),
        (Irreversible, json!({"stop_ms": 60_000}), ("timeout lost", 11_000)),
    ] {
        let job = JobMessage { timeout_ms: Some(1_000), ..job(effect, args.clone()) };
        assert_eq!(run(&job, None).await, (expected.0.to_owned(), expected.1), "{effect:?} {args}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_idle_timeout_counts_from_the_last_progress() {
    for (args, expected) in [
        (json!({}), ("idle_timeout retry", 500)),
        (json!({"beat_ms": 400, "beats": 3}), ("idle_timeout retry", 1_700)),
        (json!({"beat_ms": 400}), ("timeout retry", 60_000)),
    ] {
        let job = JobMessage {
            timeout_ms: Some(60_000),
            idle_timeout_ms: Some(500),
            ..job(Pure, args.clone())
        };
        assert_eq!(run(&job, None).await, (expected.0.to_owned(), expected.1), "{args}");
    }
}

#[tokio::test(start_paused = true)]
async fn stops_are_answered_by_their_cause() {
    use StopCause::{Cancelling, Lost, Shutdown};
    for (cause, effect, args, expected) in [
        (Cancelling, Irreversible, json!({"stop_ms": 5}), ("cancelled", 105)),
        (Cancelling, Irreversible, json!({"answer": "interrupted"}), ("interrupted lost", 100)),
        (Cancelling, Idempotent, json!({"answer": "interrupted"}), ("cancelled", 100)),
        (Cancelling, Pure, json!({"stop_ms": 60_000}), ("cancel_unanswered retry", 10_100)),
        (Cancelling, Irreversible, json!({"stop_ms": 60_000}), ("cancel_unanswered lost", 10_100)),
        (Cancelling, Pure, json!({"stop_ms": 5, "answer": "completed"}), ("completed", 105)),
        (Shutdown, Pure, json!({}), ("runner_stopped retry", 100)),
        (Shutdown, Irreversible, json!({}), ("runner_stopped retry", 100)),
        (Shutdown, Irreversible, json!({"answer": "interrupted"}), ("runner_stopped lost", 100)),
        (Shutdown, Irreversible, json!({"answer": "completed"}), ("completed", 100)),
        (Lost, Pure, json!({"stop_ms": 5, "answer": "completed"}), ("nothing", 100)),
    ] {
        let got = run(&job(effect, args.clone()), Some((100, cause))).await;
        assert_eq!(got, (expected.0.to_owned(), expected.1), "{cause:?} {effect:?} {args}");
    }
}

async fn builtin(name: &str, args: Value) -> OutcomeMessage {
    let http = HttpExecutor::new(FakePort::answering([]), Arc::new(StillClock));
    let worker = worker(Arc::new(Builtins::new(http)), MapSecrets::default());
    let job = function(name, args);
    worker.work(&job, &granted(&job)).await.unwrap().outcome
}

#[tokio::test(start_paused = true)]
async fn builtins_do_what_their_names_say() {
    let failed = |failure| json!({"failed": {"failure": failure}});
    let completed = |value| json!({"completed": {"output": {"value": value}}});
    for (name, args, expected) in [
        ("echo", json!({"a": [1, null]}), completed(json!({"a": [1, null]}))),
        ("echo", json!(null), completed(json!("the input"))),
        ("sleep", json!({"ms": 1_500}), completed(json!({"slept_ms": 1_500}))),
        (
            "fail",
            json!({"message": "no luck", "retryable": true}),
            failed(json!({"code": "failed", "message": "no luck", "retryable": true})),
        ),
        (
            "fail",
            json!(null),
            failed(json!({"code": "failed", "message": "failed on purpose", "retryable": false})),
        ),
        (
            "nope",
            json!(null),
            failed(json!({
                "code": "unknown_function",
                "message": "this runner does not serve `nope`",
                "retryable": false,
            })),
        ),
    ] {
        let started = Instant::now();
        assert_eq!(outcome_json(&builtin(name, args.clone()).await), expected, "{name} {args}");
        let slept_ms = args["ms"].as_u64().unwrap_or(0);
        assert_eq!(started.elapsed(), Duration::from_millis(slept_ms), "{name} {args}");
    }
}

#[tokio::test(start_paused = true)]
async fn arguments_that_cannot_be_used_are_final() {
    for (name, args) in [
        ("sleep", json!(null)),
        ("sleep", json!({"ms": -1})),
        ("sleep", json!({"ms": "long"})),
        ("fail", json!({"message": 7})),
        ("fail", json!("boom")),
    ] {
        let OutcomeMessage::Failed { failure } = builtin(name, args.clone()).await else {
            panic!("{name} {args}")
        };
        assert_eq!((&*failure.code, failure.retryable), ("invalid_args", false), "{name} {args}");
    }
}
