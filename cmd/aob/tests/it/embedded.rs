//! `aob run start --embedded`: runs to their end without a server.

use std::fs::File;

use serde_json::Value;

use crate::shell::{Done, Home};

const HELLO: &str = r#"{"metadata": {"name": "hello"}, "nodes": [{"id": "greet", "type": "transform",
    "config": {"template": {"hello": "$inputs.name"}}}],
    "inputs": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}}"#;
const STEPS: &str = r#"{"nodes": [
    {"id": "first", "type": "function", "config": {"name": "echo", "args": {"n": 1}}},
    {"id": "second", "type": "function", "config": {"name": "sleep", "args": {"ms": 1}}}],
    "edges": [{"from": "first", "to": "second"}]}"#;
const FAILS: &str = r#"{"nodes": [{"id": "f", "type": "function",
    "config": {"name": "fail", "args": {"message": "boom", "retryable": false}}}]}"#;
const ASKS: &str = r#"{"nodes": [{"id": "ask", "type": "hitl", "config": {"message": "Sure?"}}]}"#;
const MINE: &str = r#"{"nodes": [{"id": "f", "type": "function", "config": {"name": "mine"}}]}"#;
const SIGNAL: &str = r#"{"nodes": [{"id": "s", "type": "signal", "config": {"name": "go"}}]}"#;

fn home() -> Home {
    let home = Home::new();
    let files = [("hello", HELLO), ("steps", STEPS), ("fails", FAILS), ("asks", ASKS)];
    for (name, text) in files.into_iter().chain([("mine", MINE), ("signal", SIGNAL)]) {
        home.file(&format!("{name}.json"), text);
    }
    home
}

fn start(home: &Home, args: &[&str]) -> Done {
    home.aob(&[&["run", "start", "--embedded", "--data", "d"], args].concat())
}

fn json(done: &Done) -> Value {
    serde_json::from_str(&done.stdout).unwrap()
}

#[test]
fn a_run_completes_and_its_output_is_printed() {
    let home = home();
    let done = start(&home, &["hello.json", "--input", "name=Ada", "--label", "a=b", "-o", "json"]);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    let run = json(&done);
    assert_eq!(run["status"], "completed");
    assert_eq!(run["output"], serde_json::json!({"hello": "Ada"}));
    assert_eq!(run["nodes"]["greet"]["output"], run["output"]);
    assert_eq!(run["labels"], serde_json::json!({"a": "b"}));
    assert_eq!(run["name"], "hello");
}

#[test]
fn each_run_has_an_id_of_its_own_and_lives_in_the_data_directory() {
    let home = home();
    let first = start(&home, &["steps.json", "-o", "name"]);
    let second = start(&home, &["steps.json", "-o", "name"]);
    assert_eq!((first.code, second.code), (0, 0), "{} {}", first.stderr, second.stderr);
    assert_ne!(first.stdout, second.stdout);
    assert!(home.path().join("d/aob.db").is_file());
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &home.path().join("d").metadata().unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn jobs_are_executed_and_their_events_shown() {
    let home = home();
    let done = start(&home, &["steps.json", "--follow", "-o", "jsonl"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let events: Vec<Value> =
        done.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let types: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    let expected = [
        "run_created",
        "node_scheduled",
        "node_completed",
        "node_scheduled",
        "node_completed",
        "run_completed",
    ];
    assert_eq!(types, expected);
    let seqs: Vec<u64> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, [1, 2, 3, 4, 5, 6]);
}

#[test]
fn in_a_pipe_events_are_plain_lines_before_the_result() {
    let home = home();
    let done = start(&home, &["steps.json", "--follow"]);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    assert!(!done.stdout.contains('\u{1b}'), "{}", done.stdout);
    assert!(done.stdout.lines().all(|line| line == line.trim_end()), "{}", done.stdout);
    let end = done.stdout.find("run_completed").unwrap();
    assert!(end < done.stdout.find("status").unwrap(), "{}", done.stdout);
}

#[test]
fn a_failed_run_is_exit_code_1() {
    let done = start(&home(), &["fails.json", "-o", "json"]);
    assert_eq!(done.code, 1, "{}", done.stderr);
    assert_eq!(json(&done)["error"]["message"], "boom");
}

#[test]
fn inputs_that_do_not_fit_are_refused() {
    let done = start(&home(), &["hello.json", "--input", "name=3"]);
    assert_eq!(done.code, 2, "{}", done.stderr);
    let done = start(&home(), &["nowhere", "-o", "json"]);
    assert_eq!(done.code, 3, "{}", done.stderr);
    let problem: Value = serde_json::from_str(done.stderr.trim()).unwrap();
    assert_eq!(problem["code"], "workflow_not_found");
}

#[test]
fn a_run_that_waits_for_somebody_says_for_whom() {
    let home = home();
    for (file, word) in
        [("asks", "aob approve tk_"), ("mine", "aob runner"), ("signal", "aob signal send")]
    {
        let done = start(&home, &[&format!("{file}.json")]);
        assert_eq!((done.code, done.stdout.as_str()), (6, ""), "{file}: {}", done.stderr);
        let last = done.stderr.lines().last().unwrap();
        assert!(last.starts_with("do: aob dev --data ~/d, then ") && last.contains(word), "{last}");
    }
}

#[test]
fn a_directory_that_is_taken_is_a_conflict() {
    let home = home();
    std::fs::create_dir(home.path().join("d")).unwrap();
    let path = home
        .file("d/lock", r#"{"pid": 7, "command": "aob dev", "server": "http://127.0.0.1:7700"}"#);
    let lock = File::open(path).unwrap();
    lock.try_lock().unwrap();
    let done = start(&home, &["steps.json"]);
    assert_eq!((done.code, done.stdout.as_str()), (4, ""), "{}", done.stderr);
    assert!(
        done.stderr.contains("`aob dev` (process 7, http://127.0.0.1:7700)"),
        "{}",
        done.stderr
    );
    drop(lock);
    assert_eq!(start(&home, &["steps.json"]).code, 0);
}

#[test]
fn the_environment_neither_forbids_nor_demands_it() {
    let home = home();
    let mut command = home.command(&["run", "start", "steps.json", "--embedded", "-o", "name"]);
    command.env("AOB_SERVER", "http://127.0.0.1:7").env("AOB_DATA", home.path().join("elsewhere"));
    assert!(command.output().unwrap().status.success());
    assert!(home.path().join("elsewhere/aob.db").is_file());
    // AOB_DATA says nothing about runs on a server, which nobody serves here.
    let mut command = home.command(&["config", "show"]);
    assert!(command.env("AOB_DATA", "x").output().unwrap().status.success());
}
