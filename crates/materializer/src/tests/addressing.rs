//! Items of `nodes` and `edges` by their ids.

use serde_json::{Value, json};

use crate::PatchCode::{
    AmbiguousId, IdExists, IdMismatch, IndexOutOfRange, InvalidIndex, NotFound,
};
use crate::{Budget, Draft, Patch, PatchCode, PatchError};

fn document() -> Value {
    json!({
        "nodes": [
            {"id": "fetch", "type": "http", "config": {"url": "http://a"}},
            {"id": "m", "type": "map", "config": {"node": {"id": "body", "type": "composite",
                "config": {"workflow": {"nodes": [{"id": "fetch", "type": "x"}], "edges": []}}}}},
            {"id": "save", "type": "http", "config": {"args": {"nodes": [{"id": "fetch"}]}}},
        ],
        "edges": [
            {"from": "fetch", "to": "m"},
            {"id": "2nd", "from": "fetch", "to": "m", "on": "failure"},
            {"from": "m", "to": "save"},
        ],
    })
}

fn patch(operations: Value) -> Patch {
    Patch::from_value(operations).expect("the case is a patch")
}

fn patched(operations: Value) -> Result<Value, PatchError> {
    let patch = patch(operations);
    let mut draft = Draft::new(document());
    draft.apply(&patch, &Budget::PERSON)?;
    draft.assert_consistent();
    Ok(draft.into_document())
}

#[test]
fn ids_lead_to_items_at_every_level() {
    let cases = [
        ("/nodes/fetch/config/url", "/nodes/0/config/url"),
        ("/nodes/0/config/url", "/nodes/0/config/url"),
        ("/nodes/m/config/node/id", "/nodes/1/config/node/id"),
        (
            "/nodes/m/config/node/config/workflow/nodes/fetch/type",
            "/nodes/1/config/node/config/workflow/nodes/0/type",
        ),
        ("/edges/fetch->m/from", "/edges/0/from"),
        ("/edges/2nd/on", "/edges/1/on"),
        ("/edges/1/on", "/edges/1/on"),
    ];
    for (path, plain) in cases {
        let after = patched(json!([{"op": "replace", "path": path, "value": "new"}])).unwrap();
        let mut expected = document();
        *expected.pointer_mut(plain).unwrap() = json!("new");
        assert_eq!(after, expected, "{path}");
    }
}

#[test]
fn add_by_id_appends() {
    let node = json!({"id": "check", "type": "http"});
    let edge = json!({"from": "save", "to": "check"});
    let after = patched(json!([
        {"op": "add", "path": "/nodes/check", "value": node},
        {"op": "add", "path": "/edges/save->check", "value": edge},
        {"op": "add", "path": "/nodes/check/timeout_ms", "value": 5},
        {"op": "add", "path": "/edges/0", "value": {"id": "e", "from": "check", "to": "save"}},
        {"op": "test", "path": "/edges/e/to", "value": "save"},
        {"op": "add", "path": "/nodes/m/config/node/config/workflow/nodes/z", "value": {"id": "z"}},
    ]));
    let mut expected = document();
    let nodes = expected["nodes"].as_array_mut().unwrap();
    nodes.push(json!({"id": "check", "type": "http", "timeout_ms": 5}));
    let inner = nodes[1].pointer_mut("/config/node/config/workflow/nodes").unwrap();
    inner.as_array_mut().unwrap().push(json!({"id": "z"}));
    let edges = expected["edges"].as_array_mut().unwrap();
    edges.push(edge);
    edges.insert(0, json!({"id": "e", "from": "check", "to": "save"}));
    assert_eq!(after.unwrap(), expected);
}

fn refusals() -> Vec<(Value, PatchCode, &'static str)> {
    vec![
        (
            json!({"op": "add", "path": "/nodes/save", "value": {"id": "save"}}),
            IdExists,
            "`replace` it, or choose another id",
        ),
        (
            json!({"op": "add", "path": "/nodes/x", "value": {"id": "y"}}),
            IdMismatch,
            "write `\"id\": \"x\"` into the value",
        ),
        (
            json!({"op": "add", "path": "/nodes/x", "value": {"type": "http"}}),
            IdMismatch,
            "write `\"id\": \"x\"` into the value",
        ),
        (
            json!({"op": "add", "path": "/edges/a->b", "value": {"from": "a", "to": "c"}}),
            IdMismatch,
            "an edge from `a` to `b` has this id, if it names no other",
        ),
        (
            json!({"op": "replace", "path": "/nodes/fetsh/config", "value": {}}),
            NotFound,
            "did you mean `/nodes/fetch/config`?",
        ),
        (
            json!({"op": "replace", "path": "/nodes/fetch/conifg", "value": {}}),
            NotFound,
            "did you mean `/nodes/fetch/config`?",
        ),
        (
            json!({"op": "remove", "path": "/edges/m->fetch"}),
            NotFound,
            "an earlier operation can `add` it",
        ),
        (
            json!({"op": "remove", "path": "/nodes/-"}),
            NotFound,
            "only `add`, `move` and `copy` can put something there",
        ),
        (
            json!({"op": "remove", "path": "/nodes/"}),
            InvalidIndex,
            "`/nodes/<id>` names an item, `/nodes/-` is the end",
        ),
        (json!({"op": "remove", "path": "/nodes/01"}), InvalidIndex, "did you mean `/nodes/1`?"),
        (
            json!({"op": "add", "path": "/nodes/save/config/args/nodes/x", "value": 1}),
            InvalidIndex,
            "items are counted from 0, without leading zeros; `-` is the end",
        ),
        (
            json!({"op": "replace", "path": "/nodes/3", "value": 1}),
            IndexOutOfRange,
            "only `add` can put an item at the end",
        ),
    ]
}

#[test]
fn refusals_say_what_to_do() {
    for (operation, code, hint) in refusals() {
        let error =
            patched(json!([{"op": "test", "path": "/edges/0/to", "value": "m"}, operation]))
                .unwrap_err();
        assert_eq!((error.code, error.hint.as_deref()), (code, Some(hint)), "{operation}");
        assert_eq!(error.op_index, Some(1));
        assert!(error.pointer.starts_with("/1/"), "{}", error.pointer);
        let example = format!("[{}]", error.example.unwrap());
        Patch::parse(&example, &Budget::PERSON).expect(&example);
    }
}

#[test]
fn the_meant_operation_is_the_example() {
    let wrong = json!([{"op": "replace", "path": "/nodes/fetsh/config/url", "value": "http://b"}]);
    let error = patched(wrong).unwrap_err();
    let example: Value = serde_json::from_str(&error.example.unwrap()).unwrap();
    assert_eq!(example["path"], "/nodes/fetch/config/url");
    patched(json!([example])).unwrap();
}

#[test]
fn ids_follow_what_happens_to_items() {
    let after = patched(json!([
        {"op": "replace", "path": "/nodes/fetch/id", "value": "get"},
        {"op": "replace", "path": "/nodes/get/config/url", "value": "http://b"},
        {"op": "remove", "path": "/nodes/0"},
        {"op": "add", "path": "/nodes/fetch", "value": {"id": "fetch"}},
        {"op": "replace", "path": "/edges/m->save/to", "value": "fetch"},
        {"op": "add", "path": "/edges/m->fetch/id", "value": "named"},
        {"op": "test", "path": "/edges/named/from", "value": "m"},
        {"op": "replace", "path": "/nodes/m", "value": {"id": "n"}},
        {"op": "move", "from": "/nodes/n", "path": "/nodes/0"},
        {"op": "test", "path": "/nodes/n", "value": {"id": "n"}},
    ]))
    .unwrap();
    let ids: Vec<&str> =
        after["nodes"].as_array().unwrap().iter().filter_map(|n| n["id"].as_str()).collect();
    assert_eq!(ids, ["n", "save", "fetch"]);
}

#[test]
fn an_id_that_several_items_have_names_none() {
    let twice = json!([
        {"op": "add", "path": "/nodes/-", "value": {"id": "save"}},
        {"op": "remove", "path": "/nodes/save"},
    ]);
    assert_eq!(patched(twice).unwrap_err().code, AmbiguousId);
    let by_index = json!([
        {"op": "add", "path": "/nodes/-", "value": {"id": "save", "type": "new"}},
        {"op": "remove", "path": "/nodes/2"},
        {"op": "replace", "path": "/nodes/save/type", "value": "newer"},
    ]);
    assert_eq!(patched(by_index).unwrap()["nodes"][2]["type"], "newer");
}

/// Long enough that the index is used, with every way of changing the list.
#[test]
fn ids_are_found_in_long_lists() {
    let nodes: Vec<Value> = (0..5_000).map(|n| json!({"id": format!("n{n}"), "v": 0})).collect();
    let mut draft = Draft::new(json!({"nodes": nodes}));
    let mut apply = |operations: Value| {
        let patch = patch(operations);
        draft.apply(&patch, &Budget::PERSON).map_err(|error| error.code)
    };
    for n in 0..700 {
        let (gone, changed) = (format!("/nodes/n{n}"), format!("/nodes/n{}/v", 4_999 - n));
        apply(json!([
            {"op": "remove", "path": gone},
            {"op": "replace", "path": changed, "value": n},
            {"op": "add", "path": "/nodes/0", "value": {"id": format!("new{n}")}},
            {"op": "replace", "path": format!("/nodes/new{n}/id"), "value": format!("old{n}")},
            {"op": "test", "path": "/nodes/0/id", "value": format!("old{n}")},
            {"op": "remove", "path": format!("/nodes/old{n}")},
        ]))
        .unwrap();
        assert_eq!(apply(json!([{"op": "test", "path": gone, "value": 0}])), Err(NotFound));
    }
    draft.assert_consistent();
    let nodes = draft.document()["nodes"].as_array().unwrap();
    assert_eq!(
        (nodes.len(), &nodes[0]["id"], &nodes[4_299]["v"]),
        (4_300, &json!("n700"), &json!(0))
    );
    assert_eq!(nodes.last().unwrap(), &json!({"id": "n4999", "v": 0}));
}
