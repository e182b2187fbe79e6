//! Versions, patches and tags from the command line, against a real `aob dev`.

use serde_json::json;

use crate::shell::Home;
use crate::stack::Dev;

const GREET: &str = r#"{"metadata": {"name": "greet"}, "nodes": [
    {"id": "e", "type": "function", "config": {"name": "echo", "args": "one"}}]}"#;
const OTHER: &str = r#"{"metadata": {"name": "greet"}, "nodes": [
    {"id": "e", "type": "function", "config": {"name": "echo", "args": "other"}},
    {"id": "f", "type": "function", "config": {"name": "echo", "args": "$nodes.e"}}],
    "edges": [{"from": "e", "to": "f"}]}"#;

fn home() -> Home {
    let home = Home::new();
    home.file("greet.json", GREET);
    home.file("other.json", OTHER);
    home
}

#[test]
fn a_workflow_is_patched_compared_undone_and_tried() {
    let home = home();
    let _dev = Dev::start(&home, &[]);
    home.ok(&["workflow", "create", "greet.json", "--tag", "greet"]);
    let set = ["workflow", "patch", "greet", "--set", "e/config/args=two"];
    let plan = home.ok(&[&set[..], &["--plan"]].concat());
    for line in ["~ node e", "config.args  \"one\" -> \"two\"", "layer 1", "layer 2", "grows"] {
        assert!(plan.contains(line), "{line}: {plan}");
    }
    assert_eq!(home.ok(&["tag", "list", "-o", "name"]), "greet");
    assert_eq!(home.json(&["tag", "list"])["items"][0]["version"], 1, "a plan changes nothing");
    let patched = [&set[..], &["--reason", "two it is", "-o", "name"]].concat();
    assert_eq!(home.ok(&patched), "greet@2");
    let to = ["wf", "patch", "greet", "--to", "other.json", "-o", "name"];
    assert_eq!(home.ok(&to), "greet@3");
    let same = home.aob(&["wf", "diff", "greet", "other.json"]);
    assert_eq!((same.code, same.stdout.as_str()), (0, ""), "{}", same.stderr);
    let differ = home.aob(&["wf", "diff", "greet@1", "greet@2"]);
    assert_eq!(differ.code, 1);
    let lines = "  ~ node e  function\n      ~ config.args  \"one\" -> \"two\"\n";
    assert_eq!(differ.stdout, lines);
    assert!(differ.stderr.contains("greet@1 -> greet@2: ~1 node"), "{}", differ.stderr);
    let last = home.aob(&["wf", "diff", "greet", "-o", "json"]);
    let last: serde_json::Value = serde_json::from_str(&last.stdout).unwrap();
    let added = last["nodes"].as_array().unwrap().iter().find(|node| node["id"] == "f");
    assert_eq!(added.unwrap()["change"], "added", "{last}");
    assert_eq!(home.aob(&["wf", "diff", "greet.json", "other.json"]).code, 1);
    assert_eq!(home.ok(&["tag", "undo", "greet", "-o", "name"]), "greet@2");
    assert_eq!(home.ok(&["tag", "undo", "greet", "-o", "name"]), "greet@1");
    assert!(home.ok(&["tag", "redo", "greet"]).contains("1 -> 2"));
    let run = home.json(&["run", "start", "greet", "--wait"]);
    assert_eq!(run["output"], "two");
    let guarded = home.aob(&["tag", "undo", "greet", "--at", "3"]);
    assert_eq!(guarded.code, 4, "{}", guarded.stderr);
    assert_eq!(home.ok(&["tag", "move", "greet", "1", "-o", "name"]), "greet@4");
    let versions = home.ok(&["workflow", "versions", "greet"]);
    assert!(versions.contains("current") && versions.contains("dropped by 4"), "{versions}");
    let history = home.ok(&["tag", "history", "greet", "-o", "name"]);
    let moves: Vec<&str> = history.lines().take(4).collect();
    assert_eq!(moves, ["7 moved 4", "6 redone 2", "5 undone 1", "4 undone 2"]);
    let trial = home.ok(&["tag", "canary", "greet", "3", "--percent", "100"]);
    assert!(trial.contains("100% of the runs to version 3"), "{trial}");
    assert_eq!(home.json(&["run", "start", "greet", "--wait"])["output"], "other");
    assert_eq!(
        home.ok(&["run", "list", "--label", "aob.canary=true", "-o", "name"]).lines().count(),
        1
    );
    home.ok(&["tag", "canary", "greet", "--off"]);
    let patches = home.json(&["workflow", "patches", "greet"]);
    assert_eq!(patches["items"][1]["description"], "two it is");
}

#[test]
fn a_patch_that_is_refused_says_what_to_do() {
    let home = home();
    let _dev = Dev::start(&home, &[]);
    home.ok(&["workflow", "create", "greet.json", "--tag", "greet"]);
    let patch = |operations: &serde_json::Value| {
        home.aob(&["workflow", "patch", "greet", &operations.to_string()])
    };
    let refused = patch(&json!([{"op": "remove", "path": "/nodes/nobody"}]));
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{}", refused.stderr);
    assert!(refused.stderr.contains("no item `nobody`"), "{}", refused.stderr);
    assert_eq!(patch(&json!({"description": "x"})).code, 2);
    assert_eq!(patch(&json!("x")).code, 2);
    let base = home.json(&["workflow", "show", "greet"])["digest"].as_str().unwrap().to_owned();
    let set = |value: &str| {
        let set = format!("e/config/args={value}");
        home.aob(&["workflow", "patch", "greet", "--set", &set, "--base", &base])
    };
    assert_eq!(set("theirs").code, 0);
    let conflict = set("ours");
    assert_eq!(conflict.code, 4, "{}", conflict.stderr);
    assert!(conflict.stderr.contains("theirs"), "both sides: {}", conflict.stderr);
    assert_eq!(home.aob(&["tag", "undo", "nobody"]).code, 3);
    assert_eq!(home.aob(&["tag", "redo", "greet"]).code, 4);
}
