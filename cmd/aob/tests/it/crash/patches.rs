//! `aob dev` is killed while a patch is on its way: it is applied once or not at all, and the same
//! request again is the same patch.

use std::process::Stdio;

use serde_json::{Value, json};

use super::chance::{Chance, pass};
use crate::shell::Home;
use crate::stack::Dev;

const STEPS: &str = r#"{"nodes": [
    {"id": "fetch", "type": "signal", "config": {"name": "go"}},
    {"id": "process", "type": "function", "config": {"name": "echo", "args": "p"}},
    {"id": "save", "type": "function", "config": {"name": "echo", "args": "$input"}}],
    "edges": [{"from": "fetch", "to": "process"}, {"from": "process", "to": "save"}]}"#;

/// Kills, each with a run of its own.
const KILLS: u64 = 6;

fn validate() -> Value {
    json!({"operations": [
        {"op": "add", "path": "/nodes/-", "value":
            {"id": "validate", "type": "transform", "config": {"template": ["$input"]}}},
        {"op": "remove", "path": "/edges/process->save"},
        {"op": "add", "path": "/edges/-", "value": {"from": "process", "to": "validate"}},
        {"op": "add", "path": "/edges/-", "value": {"from": "validate", "to": "save"}},
    ]})
}

fn patches(home: &Home, run: &str) -> Vec<Value> {
    let listed = home.json(&["patch", "list", run]);
    listed["items"].as_array().cloned().unwrap_or_default()
}

#[test]
fn a_patch_is_applied_once_or_not_at_all_whenever_the_server_is_killed() {
    let home = Home::new();
    home.file("steps.json", STEPS);
    let body = validate().to_string();
    for kill in 0..KILLS {
        let dev = Dev::start(&home, &[]);
        let run = home.start("steps.json");
        let path = format!("/v1/runs/{run}/patches");
        let send = ["api", "POST", &path, "--data", &body, "-H", "idempotency-key: once"];
        let mut sent =
            home.command(&send).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        pass(Chance::of(7, kill).moment(0, 8));
        assert_eq!(dev.end("KILL"), None);
        let was_answered = sent.wait().unwrap().success();
        let dev = Dev::start(&home, &[]);
        let there = patches(&home, &run);
        assert!(there.len() == 1 || there.is_empty() && !was_answered, "kill {kill}: {there:?}");
        home.ok(&send);
        let there = patches(&home, &run);
        assert_eq!(there.len(), 1, "kill {kill}: {there:?}");
        assert_eq!((&there[0]["status"], &there[0]["revision"]), (&json!("applied"), &json!(1)));
        home.ok(&["signal", "send", &run, "go"]);
        home.ok(&["run", "wait", &run, "--timeout", "30s"]);
        assert_eq!(home.json(&["run", "status", &run])["output"], json!(["p"]), "kill {kill}");
        home.ok(&["run", "verify", &run]);
        assert_eq!(dev.end("KILL"), None);
    }
}
