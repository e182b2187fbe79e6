//! The runner protocol.

use aob_api::Role;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::stack::{OURS, Stack, pooled};

fn lease(wait_ms: u64) -> Value {
    json!({"runner": "r1", "pool": "own", "names": ["mine"], "limit": 4, "wait_ms": wait_ms})
}

#[tokio::test]
async fn a_job_is_leased_renewed_and_answered_by_who_holds_it() {
    let stack = Stack::new().await;
    let runner = stack.key(OURS, "r", &[Role::Runner]).await;
    let rival = stack.key(OURS, "q", &[Role::Runner]).await;
    let ask = |token: String, path: &'static str, body: Value| {
        let stack = &stack;
        async move { stack.ask(&token, Method::POST, path, Some(&body)).await }
    };
    let nothing = ask(runner.clone(), "/v1/runners/lease", lease(0)).await;
    assert_eq!(nothing.json()["jobs"], json!([]));
    // The poll waits, and the run's job wakes it.
    let polling = ask(runner.clone(), "/v1/runners/lease", lease(30_000));
    let document = pooled();
    let starting = stack.start(&document);
    let (leased, run) = tokio::join!(polling, starting);
    let job = leased.json()["jobs"][0].clone();
    assert_eq!((&job["run"], &job["config"]["value"]["args"]), (&json!(run), &json!({"x": 1})));
    let explained = stack.get(&format!("/v1/runs/{run}/explain")).await.json();
    assert_eq!(explained["waits"][0]["reason"], "running", "{explained}");
    let beat = json!({"runner": "r1", "leases": [{"run": run, "instance": "f", "attempt": 1, "progress": 0.5}]});
    let held = ask(runner.clone(), "/v1/runners/heartbeat", beat.clone()).await;
    assert_eq!(held.json()["states"], json!(["held"]));
    let mut said = beat.clone();
    said["leases"][0]["logs"] = json!({"first": 0, "lines": ["half way"]});
    for (token, first) in [(&runner, 0), (&runner, 0), (&rival, 1)] {
        said["leases"][0]["logs"]["first"] = json!(first);
        ask(token.clone(), "/v1/runners/heartbeat", said.clone()).await;
    }
    let lost = ask(rival.clone(), "/v1/runners/heartbeat", beat).await;
    assert_eq!(lost.json()["states"], json!(["lost"]));
    let result = json!({"result": {
        "workspace": job["workspace"], "run": run, "instance": "f", "attempt": 1, "runner": "r1",
        "outcome": {"completed": {"output": {"value": "done"}}},
    }});
    let mut result = result;
    result["logs"] = json!({"first": 3, "lines": ["done"]});
    let forged = ask(rival, "/v1/runners/result", result.clone()).await;
    assert_eq!(forged.json()["accepted"], false);
    let answered = ask(runner.clone(), "/v1/runners/result", result.clone()).await;
    assert_eq!(answered.json()["accepted"], true, "{}", answered.text);
    assert_eq!(stack.over(&run).await["output"], "done");
    assert_eq!(
        stack.lines(&run).await,
        [(0, "[\"half way\"]".to_owned()), (2, "[\"done\"]".to_owned())]
    );
    let again = ask(runner.clone(), "/v1/runners/result", result.clone()).await;
    assert_eq!(again.json()["accepted"], false);
    let theirs = stack.key(crate::stack::THEIRS, "t", &[Role::Runner]).await;
    let foreign = ask(theirs, "/v1/runners/result", result).await;
    assert_eq!((foreign.status, foreign.code().as_str()), (StatusCode::NOT_FOUND, "run_not_found"));
    let bad = ask(
        runner,
        "/v1/runners/lease",
        json!({"runner": "", "pool": "p", "names": [], "limit": 1}),
    )
    .await;
    assert_eq!(bad.code(), "invalid_request");
}

#[tokio::test]
async fn nobody_serves_it_is_said_so() {
    let stack = Stack::new().await;
    let run = stack.start(&pooled()).await;
    let explained = stack.get(&format!("/v1/runs/{run}/explain")).await.json();
    assert_eq!(explained["waits"][0]["reason"], "no_runner");
}

#[tokio::test]
async fn long_values_go_in_under_their_digest() {
    let stack = Stack::new().await;
    let runner = stack.key(OURS, "r", &[Role::Runner]).await;
    let (value, digest) = (json!({"a": 1}), aob_ir::Digest::of(br#"{"a":1}"#));
    let path = format!("/v1/artifacts/{digest}");
    let put = stack.ask(&runner, Method::PUT, &path, Some(&value)).await;
    assert_eq!(put.status, StatusCode::NO_CONTENT, "{}", put.text);
    let got = stack.ask(&runner, Method::GET, &path, None).await;
    assert_eq!((got.text.as_str(), got.header("content-type")), (r#"{"a":1}"#, "application/json"));
    let wrong = stack.ask(&runner, Method::PUT, &path, Some(&json!(2))).await;
    assert_eq!(wrong.code(), "digest_mismatch");
    let none = stack.get(&format!("/v1/artifacts/sha256:{}", "0".repeat(64))).await;
    assert_eq!(none.code(), "artifact_not_found");
}
