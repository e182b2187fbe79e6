//! What an explanation suggests is typed into a shell as it stands, and works.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::{Value, json};

use crate::shell::Home;
use crate::stack::Dev;

/// Programs of these tests answer at once.
const PROGRAM: &str = "read line; echo '{\"ok\": true}'";

fn function(id: &str, name: &str) -> Value {
    json!({"id": id, "type": "function", "config": {"name": name, "args": {}}})
}

/// A document for each reason whose remedy is a command, and the event that shows it.
fn cases() -> Vec<(&'static str, &'static str, Value)> {
    let parks = json!({"id": "p", "type": "function", "on_error": "park",
        "config": {"name": "fail", "args": {"message": "boom", "retryable": false}}});
    let mut each = parks.clone();
    each["id"] = json!("each");
    let map = json!({"id": "m", "type": "map", "config": {"items": [1], "node": each}});
    let child = json!({"nodes": [{"id": "s", "type": "signal", "config": {"name": "go"}}]});
    let composite = json!({"id": "c", "type": "composite", "config": {"workflow": child}});
    let undo = json!({"type": "function", "config": {"name": "fail",
        "args": {"message": "cannot", "retryable": false}}});
    let mut done = function("done", "echo");
    done["effect"] = json!("compensable");
    done["compensate"] = undo;
    let mut fails = function("fails", "fail");
    fails["config"]["args"] = json!({"message": "boom", "retryable": false});
    let compensates = json!({"nodes": [done, fails], "edges": [{"from": "done", "to": "fails"}],
        "policies": {"on_failure": "compensate"}});
    let unknown = json!({"nodes": [{"id": "u", "type": "teleport", "config": {}}],
        "on_unknown": "park"});
    let one = |node: Value| json!({"nodes": [node]});
    vec![
        (
            "approval",
            "approval_requested",
            one(json!({"id": "ask", "type": "hitl", "config": {"message": "Sure?"}})),
        ),
        (
            "signal",
            "signal_awaited",
            one(json!({"id": "s", "type": "signal", "config": {"name": "it's (all) done"}})),
        ),
        ("parked_on_error", "node_parked", one(parks)),
        ("parked_on_error", "node_parked", one(map)),
        ("unknown_type", "node_parked", unknown),
        ("compensation_failed", "node_parked", compensates),
        ("no_runner", "node_scheduled", one(function("f", "mine"))),
        ("child_run", "child_started", one(composite)),
        (
            "not_served",
            "node_waiting",
            one(json!({"id": "h", "type": "handoff", "config": {"to": "somebody"}})),
        ),
    ]
}

/// Types a command. What serves functions goes on for ever: it is ended once the run has.
fn typed(home: &Home, command: &str, run: &str) {
    let command = command.replace("=CMD", &format!("='{}'", PROGRAM.replace('\'', r"'\''")));
    let directory = std::path::Path::new(env!("CARGO_BIN_EXE_aob")).parent().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("exec {command}")]).current_dir(home.path()).env_clear();
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", directory.display());
    shell.env("HOME", home.path()).env("PATH", path).stdin(std::process::Stdio::null());
    if command.contains("aob runner") {
        let mut serving = shell.stderr(std::process::Stdio::null()).spawn().unwrap();
        home.event(run, "run_completed");
        serving.kill().unwrap();
        serving.wait().unwrap();
        return;
    }
    let done = shell.output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command}: {said}");
}

/// The commands among the remedy of a wait and its alternatives.
fn suggested(wait: &Value) -> Vec<String> {
    let others = wait["alternatives"].as_array().into_iter().flatten();
    let all = std::iter::once(&wait["remedy"]).chain(others);
    all.filter_map(Value::as_str)
        .filter(|text| text.starts_with("aob "))
        .map(str::to_owned)
        .collect()
}

/// Which command this is, whatever it is about.
fn kind(command: &str) -> String {
    let words = command.split(' ').take(3).filter(|word| !word.starts_with("tk_"));
    words.collect::<Vec<_>>().join(" ")
}

/// The wait of a run for this reason.
fn wait(home: &Home, run: &str, reason: &str) -> Value {
    let explained = home.json(&["run", "explain", run]);
    let waits = explained["waits"].as_array().unwrap();
    let found = waits.iter().find(|wait| wait["reason"] == reason);
    found.unwrap_or_else(|| panic!("{reason}: {explained}")).clone()
}

#[test]
fn every_command_that_an_explanation_suggests_works_as_it_is_typed() {
    let home = Home::new();
    let _dev = Dev::start(&home, &[]);
    let mut seen = BTreeSet::new();
    for (number, (reason, event, document)) in cases().into_iter().enumerate() {
        // Each suggestion for a run of its own, of functions that nobody has served.
        for suggestion in 0.. {
            let file = format!("{number}-{suggestion}.json");
            home.file(&file, &document.to_string().replace("mine", &format!("mine{suggestion}")));
            let run = home.start(&file);
            home.event(&run, event);
            let commands = suggested(&wait(&home, &run, reason));
            let Some(command) = commands.get(suggestion) else { break };
            typed(&home, command, &run);
            seen.insert(kind(command));
        }
    }
    let all = [
        "aob approve",
        "aob run cancel",
        "aob run explain",
        "aob run fail",
        "aob run retry",
        "aob run skip",
        "aob run succeed",
        "aob runner --pool",
        "aob signal send",
    ];
    assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), all);
}

#[test]
fn what_is_paused_is_resumed_as_it_is_suggested() {
    let home = Home::new();
    let _dev = Dev::start(&home, &[]);
    home.file(
        "timer.json",
        &json!({"nodes": [
        {"id": "t", "type": "signal", "config": {"name": "go"}}]})
        .to_string(),
    );
    let run = home.start("timer.json");
    home.ok(&["run", "pause", &run]);
    let paused = wait(&home, &run, "paused");
    typed(&home, paused["remedy"].as_str().unwrap(), &run);
    assert_eq!(home.json(&["run", "status", &run])["status"], "waiting");
}

#[test]
fn the_stand_in_for_a_program_is_not_taken_for_one() {
    let home = Home::new();
    let done = home.aob(&["runner", "--pool", "default", "--exec", "score=CMD"]);
    assert_eq!(done.code, 2);
    assert!(done.stderr.contains("stands for a program of yours"), "{}", done.stderr);
}
