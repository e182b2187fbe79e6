//! `aob dev` is killed while patches are on their way, of a run and of a workflow: each is applied
//! once or not at all, and the same request again is the same patch.

use std::process::{Child, Stdio};

use serde_json::{Value, json};

use crate::shell::Home;
use crate::stack::Dev;
use aob_chaos::{Chance, pass};

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

/// Patches of the workflow that are on their way when the server is killed.
const AT_ONCE: u64 = 6;

/// One node more, by a request of its own.
fn one_more(home: &Home, node: &str) -> Child {
    let value = json!({"id": node, "type": "transform", "config": {"template": node}});
    let operations = json!([{"op": "add", "path": "/nodes/-", "value": value}]);
    let body = json!({"operations": operations, "description": node}).to_string();
    let key = format!("idempotency-key: {node}");
    let send = ["api", "POST", "/v1/workflows/steps/patches", "--data", &body, "-H", &key];
    home.command(&send).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts")
}

/// The patches of the workflow, each followed until it is decided.
fn decided(home: &Home) -> Vec<Value> {
    let listed = home.json(&["workflow", "patches", "steps"]);
    let items = listed["items"].as_array().cloned().unwrap_or_default();
    let follow = |patch: Value| {
        let path = format!("/v1/workflows/steps/patches/{}", patch["id"].as_str().expect("an id"));
        let shown = home.ok(&["api", "GET", &path, "-H", "prefer: wait=30"]);
        serde_json::from_str(&shown).expect("a patch")
    };
    items.into_iter().map(follow).collect()
}

#[test]
fn patches_of_a_workflow_become_one_version_each_whenever_the_server_is_killed() {
    let home = Home::new();
    home.file("steps.json", STEPS);
    let mut nodes: Vec<String> = Vec::new();
    for kill in 0..KILLS {
        let dev = Dev::start(&home, &[]);
        if kill == 0 {
            home.ok(&["workflow", "create", "steps.json", "--tag", "steps"]);
        }
        let fresh: Vec<String> = (0..AT_ONCE).map(|n| format!("n{kill}_{n}")).collect();
        let sent: Vec<Child> = fresh.iter().map(|node| one_more(&home, node)).collect();
        pass(Chance::of(11, kill).moment(0, 8));
        assert_eq!(dev.end("KILL"), None);
        let answered: Vec<bool> =
            sent.into_iter().map(|mut one| one.wait().expect("it ends").success()).collect();
        let dev = Dev::start(&home, &[]);
        let there = decided(&home);
        for (node, answered) in fresh.iter().zip(answered) {
            let count = there.iter().filter(|patch| patch["description"] == **node).count();
            assert!(count == 1 || count == 0 && !answered, "kill {kill}: {node} {count} times");
        }
        for node in &fresh {
            assert!(one_more(&home, node).wait().expect("it ends").success(), "{node}");
        }
        nodes.extend(fresh);
        let there = decided(&home);
        let mut versions: Vec<u64> = there.iter().filter_map(|p| p["version"].as_u64()).collect();
        versions.sort_unstable();
        let expected: Vec<u64> = (2..).take(nodes.len()).collect();
        assert_eq!(versions, expected, "kill {kill}: one version each: {there:?}");
        assert_eq!(dev.end("KILL"), None);
    }
    let _dev = Dev::start(&home, &[]);
    let document = home.json(&["workflow", "show", "steps"]);
    let text = document.to_string();
    for node in &nodes {
        assert_eq!(text.matches(&format!("\"id\":\"{node}\"")).count(), 1, "{node}: {text}");
    }
}
