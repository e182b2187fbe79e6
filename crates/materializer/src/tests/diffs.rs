//! What diffs look like.

use serde_json::{Value, json};

use crate::diff;

fn workflow() -> Value {
    json!({
        "nodes": [
            {"id": "a", "type": "http", "config": {"url": "u", "headers": {"x": "1"}}},
            {"id": "b", "type": "map", "config": {"items": [1, 2, 3], "node": {"id": "c", "type": "http"}}},
            {"id": "d", "type": "composite", "config": {"workflow": {"nodes": [{"id": "e", "type": "x"}]}}},
        ],
        "edges": [{"from": "a", "to": "b"}, {"from": "b", "to": "d"}],
        "limits": {"max_agents": 1},
    })
}

/// The diff that a change of the document above makes.
fn after(change: impl FnOnce(&mut Value)) -> Value {
    let mut document = workflow();
    change(&mut document);
    serde_json::to_value(diff(&workflow(), &document)).expect("patches serialize")
}

#[test]
fn a_diff_names_what_changed_and_nothing_else() {
    let node = || json!({"id": "n", "type": "http"});
    let found = [
        after(|_| {}),
        after(|d| d["nodes"][0]["config"]["url"] = json!("v")),
        after(|d| d["nodes"][2]["config"]["workflow"]["nodes"][0]["type"] = json!("y")),
        after(|d| d["nodes"].as_array_mut().unwrap().push(node())),
        after(|d| d["nodes"].as_array_mut().unwrap().insert(1, node())),
        after(|d| drop(d["nodes"].as_array_mut().unwrap().remove(1))),
        after(|d| d["nodes"].as_array_mut().unwrap().swap(0, 2)),
        after(|d| d["nodes"].as_array_mut().unwrap().rotate_left(1)),
        after(|d| d["edges"][0]["condition"] = json!("true")),
        after(|d| d["edges"][0]["id"] = json!("a->b")),
        after(|d| d["edges"][0]["to"] = json!("d")),
        after(|d| drop(d.as_object_mut().unwrap().remove("limits"))),
        after(|d| d["nodes"][1]["config"]["items"][1] = json!(9)),
        after(|d| drop(d["nodes"][1]["config"]["items"].as_array_mut().unwrap().remove(0))),
        after(|d| d["limits"]["max_agents"] = json!(1.0)),
    ];
    let expected = [
        json!([]),
        json!([{"op": "replace", "path": "/nodes/a/config/url", "value": "v"}]),
        json!([{"op": "replace", "path": "/nodes/d/config/workflow/nodes/e/type", "value": "y"}]),
        json!([{"op": "add", "path": "/nodes/n", "value": node()}]),
        json!([{"op": "add", "path": "/nodes/1", "value": node()}]),
        json!([{"op": "remove", "path": "/nodes/b"}]),
        json!([
            {"op": "move", "from": "/nodes/b", "path": "/nodes/-"},
            {"op": "move", "from": "/nodes/a", "path": "/nodes/-"},
        ]),
        json!([{"op": "move", "from": "/nodes/a", "path": "/nodes/-"}]),
        json!([{"op": "add", "path": "/edges/a->b/condition", "value": "true"}]),
        json!([{"op": "replace", "path": "/edges/a->b", "value": {"id": "a->b", "from": "a", "to": "b"}}]),
        json!([
            {"op": "remove", "path": "/edges/a->b"},
            {"op": "add", "path": "/edges/0", "value": {"from": "a", "to": "d"}},
        ]),
        json!([{"op": "remove", "path": "/limits"}]),
        json!([{"op": "replace", "path": "/nodes/b/config/items/1", "value": 9}]),
        json!([{"op": "remove", "path": "/nodes/b/config/items/0"}]),
        json!([]),
    ];
    for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert_eq!(found, expected, "case {at}");
    }
}
