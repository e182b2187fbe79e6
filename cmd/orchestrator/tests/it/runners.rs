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
    let token = &job["token"];
    let beat = json!({"runner": "r1", "leases": [
        {"run": run, "instance": "f", "attempt": 1, "token": token, "progress": 0.5},
    ]});
    let held = ask(runner.clone(), "/v1/runners/heartbeat", beat.clone()).await;
    assert_eq!(held.json()["states"], json!(["held"]));
    let mut said = beat.clone();
    said["leases"][0]["logs"] = json!({"first": 0, "lines": ["half way"]});
    for (token, first) in [(&runner, 0), (&runner, 0), (&rival, 1)] {
        said["leases"][0]["logs"]["first"] = json!(first);
        ask(token.clone(), "/v1/runners/heartbeat", said.clone()).await;
    }
    let refused = ask(rival.clone(), "/v1/runners/heartbeat", beat.clone()).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (StatusCode::FORBIDDEN, "invalid_job_token")
    );
    // Its own name is not the one that it was leased in.
    let mut namesake = beat;
    namesake["runner"] = json!("r2");
    let lost = ask(runner.clone(), "/v1/runners/heartbeat", namesake).await;
    assert_eq!(lost.json()["states"], json!(["lost"]));
    let mut result = json!({"token": token, "result": {
        "workspace": job["workspace"], "run": run, "instance": "f", "attempt": 1, "runner": "r1",
        "outcome": {"completed": {"output": {"value": "done"}}},
    }});
    result["logs"] = json!({"first": 3, "lines": ["done"]});
    let forged = ask(rival, "/v1/runners/result", result.clone()).await;
    assert_eq!(forged.code(), "invalid_job_token");
    let mut namesake = result.clone();
    namesake["result"]["runner"] = json!("r2");
    assert_eq!(ask(runner.clone(), "/v1/runners/result", namesake).await.json()["accepted"], false);
    let answered = ask(runner.clone(), "/v1/runners/result", result.clone()).await;
    assert_eq!(answered.json()["accepted"], true, "{}", answered.text);
    assert_eq!(stack.over(&run).await["output"], "done");
    let lines = stack.lines(&run).await;
    assert_eq!(lines, [(0, "[\"half way\"]".to_owned()), (2, "[\"done\"]".to_owned())]);
    let again = ask(runner.clone(), "/v1/runners/result", result.clone()).await;
    assert_eq!(again.json()["accepted"], false);
}

#[tokio::test]
async fn what_makes_no_sense_or_is_anothers_is_refused() {
    let stack = Stack::new().await;
    let runner = stack.key(OURS, "r", &[Role::Runner]).await;
    let theirs = stack.key(crate::stack::THEIRS, "t", &[Role::Runner]).await;
    let (_, job) = agent_job(&stack, &runner).await;
    let path = "/v1/runners/result";
    let mut result = answer(&job);
    result["token"] = job["token"].clone();
    let foreign = stack.ask(&theirs, Method::POST, path, Some(&result)).await;
    assert_eq!((foreign.status, foreign.code().as_str()), (StatusCode::NOT_FOUND, "run_not_found"));
    let nameless = json!({"runner": "", "pool": "p", "names": [], "limit": 1});
    let bad = stack.ask(&runner, Method::POST, "/v1/runners/lease", Some(&nameless)).await;
    assert_eq!(bad.code(), "invalid_request");
}

#[tokio::test]
async fn nobody_serves_it_is_said_so() {
    let stack = Stack::new().await;
    let run = stack.start(&pooled()).await;
    let explained = stack.get(&format!("/v1/runs/{run}/explain")).await.json();
    assert_eq!(explained["waits"][0]["reason"], "no_runner");
    // One that reads a topic takes no job by saying that it is there.
    let key = stack.key(OURS, "r", &[Role::Runner]).await;
    let mut announced = lease(0);
    announced["limit"] = json!(0);
    let got = stack.ask(&key, Method::POST, "/v1/runners/lease", Some(&announced)).await;
    assert_eq!(got.json()["jobs"], json!([]));
    let explained = stack.get(&format!("/v1/runs/{run}/explain")).await.json();
    assert_eq!(explained["waits"][0]["reason"], "pool_busy");
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

fn planned() -> Value {
    json!({"nodes": [
        {"id": "plan", "type": "agent", "pool": "own", "config": {"task": "plan"}},
        {"id": "done", "type": "transform", "config": {"template": 1}},
    ], "edges": [{"from": "plan", "to": "done"}]})
}

fn one_more(node_id: Option<&str>) -> Value {
    let node = json!({"id": "more", "type": "transform", "config": {"template": 2}});
    json!({"operations": [{"op": "add", "path": "/nodes/-", "value": node}], "node_id": node_id})
}

#[tokio::test]
async fn heartbeats_and_results_show_the_token_of_each_attempt() {
    let stack = Stack::new().await;
    let ours = stack.key(OURS, "ours", &[Role::Runner]).await;
    let (_, job) = agent_job(&stack, &ours).await;
    let (_, other) = agent_job(&stack, &ours).await;
    let beat = |token: &Value| {
        let item = |job: &Value, token: &Value| json!({"run": job["run"], "instance": "plan", "attempt": 1, "token": token});
        json!({"runner": "r1", "leases": [item(&job, &job["token"]), item(&other, token)]})
    };
    let next = json!(job["token"].as_str().unwrap().replace('0', "1"));
    for token in [&Value::Null, &job["token"], &next, &json!("job.00.00")] {
        let path = "/v1/runners/heartbeat";
        let got = stack.ask(&ours, Method::POST, path, Some(&beat(token))).await;
        assert_eq!(got.code(), "invalid_job_token", "{token}");
        assert_eq!(got.json()["errors"][0]["pointer"], "/leases/1/token", "{}", got.text);
        let mut result = answer(&other);
        result["token"] = token.clone();
        let got = stack.ask(&ours, Method::POST, "/v1/runners/result", Some(&result)).await;
        assert_eq!((got.status, got.code().as_str()), (StatusCode::FORBIDDEN, "invalid_job_token"));
    }
    let path = "/v1/runners/heartbeat";
    let held = stack.ask(&ours, Method::POST, path, Some(&beat(&other["token"]))).await;
    assert_eq!(held.json()["states"], json!(["held", "held"]));
}

/// Starts a run, and leases the job of its agent.
async fn agent_job(stack: &Stack, key: &str) -> (String, Value) {
    let run = stack.start(&planned()).await;
    let body = json!({"runner": "r1", "pool": "own", "names": ["agent"], "limit": 1});
    let leased = stack.ask(key, Method::POST, "/v1/runners/lease", Some(&body)).await.json();
    assert_eq!(leased["jobs"][0]["run"], json!(run));
    (run, leased["jobs"][0].clone())
}

fn answer(job: &Value) -> Value {
    json!({"result": {
        "workspace": job["workspace"], "run": job["run"], "instance": "plan", "attempt": 1,
        "runner": "r1", "outcome": {"completed": {"output": {"value": "planned"}}},
    }})
}

#[tokio::test]
async fn a_program_speaks_for_a_node_with_the_token_of_its_job() {
    let stack = Stack::new().await;
    let roles = [Role::Runner, Role::Agent];
    let (ours, rival) =
        (stack.key(OURS, "ours", &roles).await, stack.key(OURS, "rival", &roles).await);
    let (run, job) = agent_job(&stack, &ours).await;
    let (other_run, other_job) = agent_job(&stack, &ours).await;
    let (token, other) =
        (job["token"].as_str().unwrap(), other_job["token"].as_str().unwrap().to_owned());
    let forged = format!("{}0", &token[..token.len() - 1]);
    let forged = if forged == token { format!("{}1", &token[..token.len() - 1]) } else { forged };
    for (key, run, shown, node_id, expected) in [
        (&ours, &run, None, Some("plan"), "invalid_job_token"),
        (&rival, &run, Some(token), None, "invalid_job_token"),
        (&ours, &run, Some(&*forged), None, "invalid_job_token"),
        (&ours, &run, Some("job.00.00"), None, "invalid_job_token"),
        (&ours, &run, Some(token), Some("done"), "invalid_job_token"),
        (&ours, &other_run, Some(token), None, "invalid_job_token"),
        (&ours, &run, Some(&*other), None, "invalid_job_token"),
        (&ours, &run, Some(token), Some("plan"), ""),
        (&ours, &run, Some(token), None, ""),
        (&ours, &run, None, None, ""),
        (&stack.admin, &run, None, Some("plan"), ""),
    ] {
        let path = format!("/v1/runs/{run}/patches?dry_run");
        let headers: Vec<_> = shown.iter().map(|shown| ("aob-job-token", *shown)).collect();
        let body = one_more(node_id);
        let got = stack.ask_with(key, Method::POST, &path, Some(&body), &headers).await;
        let code = if got.status == StatusCode::OK { String::new() } else { got.code() };
        assert_eq!(code, expected, "{shown:?} {node_id:?}: {}", got.text);
    }
    let path = format!("/v1/runs/{run}/patches");
    let twice = [("aob-job-token", token), ("aob-job-token", token)];
    let got = stack.ask_with(&ours, Method::POST, &path, Some(&one_more(None)), &twice).await;
    assert_eq!(got.code(), "invalid_header");
    let shown = [("aob-job-token", token)];
    let got = stack.ask_with(&ours, Method::POST, &path, Some(&one_more(None)), &shown).await;
    assert_eq!(got.status, StatusCode::CREATED, "{}", got.text);
    assert_eq!((&got.json()["by"], &got.json()["origin"]), (&json!("agent:ours"), &json!("agent")));
}

#[tokio::test]
async fn a_token_ends_with_its_attempt_and_answers_for_no_other() {
    let stack = Stack::new().await;
    let ours = stack.key(OURS, "ours", &[Role::Runner, Role::Agent]).await;
    let (run, job) = agent_job(&stack, &ours).await;
    let (_, other) = agent_job(&stack, &ours).await;
    let send = async |token: &Value| {
        let headers = [("aob-job-token", token.as_str().unwrap())];
        let path = "/v1/runners/result";
        stack.ask_with(&ours, Method::POST, path, Some(&answer(&job)), &headers).await
    };
    assert_eq!(send(&other["token"]).await.code(), "invalid_job_token");
    assert_eq!(send(&job["token"]).await.json()["accepted"], true);
    // What comes again is answered as ever, and nobody is spoken for any more.
    assert_eq!(send(&job["token"]).await.json()["accepted"], false);
    let path = format!("/v1/runs/{run}/patches?dry_run");
    let headers = [("aob-job-token", job["token"].as_str().unwrap())];
    let got = stack.ask_with(&ours, Method::POST, &path, Some(&one_more(None)), &headers).await;
    assert_eq!((got.status, got.code().as_str()), (StatusCode::FORBIDDEN, "invalid_job_token"));
}
