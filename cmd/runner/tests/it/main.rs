//! The `runner` binary against a server of the runner protocol, with real programs.
#![cfg(test)]

mod server;

use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use server::Server;
use tokio::process::{Child, Command};

/// Nothing here takes longer on the slowest machine; it only keeps a broken test from hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts a runner that serves `f` with this command.
fn start(server: &Server, command: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_aob-runner"))
        .arg("--server")
        .arg(format!("http://{}", server.address))
        .args(["--token", "ak_test", "--pool", "eu", "--name", "r1"])
        .arg("--exec")
        .arg(format!("f={command}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("in time")
}

fn signal(child: &Child, signal: rustix::process::Signal) {
    let id = child.id().and_then(|id| i32::try_from(id).ok()).unwrap();
    let pid = rustix::process::Pid::from_raw(id).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

/// Asks for its arguments, one after the other.
const GET: &str = r#"python3 -c '
import sys, urllib.request
for url in sys.argv[1:]: urllib.request.urlopen(url)'"#;

const TEN_LINES_OF_PYTHON: &str = r#"python3 -c '
import json, os, sys
order = json.load(sys.stdin)
print("pricing", len(order["items"]), "items", file=sys.stderr)
if not order["items"]:
    print("nothing to price", file=sys.stderr)
    sys.exit(65)
total = sum(item["price"] * item["count"] for item in order["items"])
print(json.dumps({"total": total, "attempt": int(os.environ["AOB_ATTEMPT"])}))
'"#;

#[tokio::test]
async fn a_script_serves_a_function() {
    let server = Server::start().await;
    let order = json!({"items": [{"price": 5, "count": 2}, {"price": 1, "count": 3}]});
    server.offer(1, order);
    server.offer(2, json!({"items": []}));
    let _runner = start(&server, TEN_LINES_OF_PYTHON);
    let mut results = within(server.results(2)).await;
    results.sort_by_key(|result| result["run"].to_string());
    assert_eq!(
        results[0]["outcome"],
        json!({"completed": {"output": {"value": {"total": 13, "attempt": 1}}}})
    );
    let failure = &results[1]["outcome"]["failed"]["failure"];
    assert_eq!(failure["message"], "`f` exited with status 65: nothing to price");
    assert_eq!(failure["retryable"], false);
    assert!(server.logs().contains(&"pricing 2 items".to_owned()), "{:?}", server.logs());
    assert!(results.iter().all(|result| result["runner"] == "r1"));
}

#[tokio::test]
async fn a_long_value_travels_through_the_artifact_routes() {
    let server = Server::start().await;
    server.offer(1, json!("x".repeat(100_000)));
    let _runner = start(&server, "cat");
    let results = within(server.results(1)).await;
    let output = &results[0]["outcome"]["completed"]["output"];
    let text = serde_json::to_vec(&json!("x".repeat(100_000))).unwrap();
    assert_eq!(output["digest"], aob_ir::Digest::of(&text).to_string());
    assert_eq!(server.artifact(output["digest"].as_str().unwrap()), Some(text));
}

/// The first runner is killed while its program runs; its lease runs out, and the next attempt
/// goes to another runner.
#[tokio::test]
async fn a_runner_killed_in_the_middle_answers_nothing_and_the_next_one_does() {
    let server = Server::start().await;
    server.offer(1, json!("first"));
    let mut runner =
        start(&server, &format!("{GET} http://{}/started; exec sleep 20", server.address));
    within(server.started()).await;
    runner.kill().await.unwrap();
    assert_eq!(server.result_count(), 0);
    server.offer_again(1, 2, json!("second"));
    let _other = start(&server, "cat");
    let results = within(server.results(1)).await;
    assert_eq!(
        (&results[0]["attempt"], &results[0]["outcome"]),
        (&json!(2), &json!({"completed": {"output": {"value": "second"}}}),)
    );
}

#[tokio::test]
async fn sigterm_lets_the_job_finish() {
    let server = Server::start().await;
    server.offer(1, json!(null));
    let at = server.address;
    let mut runner = start(&server, &format!("{GET} http://{at}/started http://{at}/gate; echo 7"));
    within(server.started()).await;
    signal(&runner, rustix::process::Signal::TERM);
    server.open_gate();
    let status = within(runner.wait()).await.unwrap();
    assert!(status.success(), "{status}");
    let results = within(server.results(1)).await;
    assert_eq!(results[0]["outcome"], json!({"completed": {"output": {"value": 7}}}));
}

#[tokio::test]
async fn cancelling_reaches_the_program() {
    let server = Server::start().await;
    server.offer(1, json!(null));
    let _runner =
        start(&server, &format!("{GET} http://{}/started; exec sleep 1000", server.address));
    within(server.started()).await;
    server.cancel_everything();
    let results = within(server.results(1)).await;
    assert_eq!(results[0]["outcome"], json!({"cancelled": {}}));
}

#[tokio::test]
async fn what_cannot_work_exits_with_its_code() {
    let server = Server::start().await;
    let url = format!("http://{}", server.address);
    for (args, code) in [
        (&["--server", &url, "--token", "wrong", "--exec", "f=cat"][..], 5),
        (&["--server", &url, "--exec", "f"], 2),
        (&["--server", "not a url", "--exec", "f=cat"], 2),
        (&["--server", &url], 2),
        (&["--server", &url, "--exec", "echo=cat"], 1),
        (&["--server", &url, "--exec", "f=cat", "--exec", "f=cat"], 1),
        (&["--server", &url, "--exec", "f=cat", "--secret", "k=/nonexistent"], 1),
        (&["--server", "http://127.0.0.1:22", "--exec", "f=cat"], 1),
        (&["--server", &url, "--exec", "f=cat", "--concurrency", "0"], 2),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aob-runner"));
        let output = command.args(args).stdin(Stdio::null()).kill_on_drop(true).output();
        let output = within(output).await.unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {stderr}");
        assert!(output.stdout.is_empty(), "{args:?}");
        assert!(!stderr.contains("panicked"), "{args:?}: {stderr}");
    }
}
