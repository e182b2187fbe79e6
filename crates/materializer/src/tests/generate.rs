//! Random documents, and random patches that fit them.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::diff::ids_of;
use crate::place::Place;
use crate::{Budget, Draft, Operation, Patch, Pointer};

/// Any JSON value, keys and texts that need care among them.
pub(super) fn anything() -> impl Strategy<Value = Value> {
    let texts = ["", "a", "nodes", "edges", "id", "~1/", "-", "0", "é", "config", "from"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-3_i64..3).prop_map(Value::from),
        (-2_i64..2).prop_map(|n| json!(n as f64 / 2.0)),
        prop::sample::select(texts.to_vec()).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(prop::sample::select(texts.to_vec()), inner, 0..5)
                .prop_map(|map| map.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        ]
    })
}

fn node_id() -> impl Strategy<Value = String> {
    (0..8_u8).prop_map(|n| format!("n{n}"))
}

fn node(depth: u32) -> BoxedStrategy<Value> {
    let types = ["http", "conditional", "conditional", "agent", "function"];
    let plain = (node_id(), prop::sample::select(types.to_vec()), 0..4_u8, anything()).prop_map(
        |(id, kind, timeout, args)| {
            json!({"id": id, "type": kind, "timeout_ms": timeout, "config": {"args": args}})
        },
    );
    if depth == 0 {
        return plain.boxed();
    }
    let inline = (node_id(), workflow(depth - 1)).prop_map(
        |(id, workflow)| json!({"id": id, "type": "composite", "config": {"workflow": workflow}}),
    );
    let map = (node_id(), node(depth - 1))
        .prop_map(|(id, body)| json!({"id": id, "type": "map", "config": {"node": body}}));
    prop_oneof![6 => plain, 1 => inline, 1 => map].boxed()
}

fn edge() -> impl Strategy<Value = Value> {
    let named = prop::option::weighted(0.3, (0..4_u8).prop_map(|n| format!("e{n}")));
    (named, node_id(), node_id(), prop::option::weighted(0.5, 0..3_u8)).prop_map(
        |(id, from, to, condition)| {
            let mut edge = json!({"from": from, "to": to});
            if let Some(id) = id {
                edge["id"] = json!(id);
            }
            if let Some(condition) = condition {
                edge["condition"] = json!(format!("output > {condition}"));
            }
            edge
        },
    )
}

/// A document in the form of a workflow; now and then ids repeat, as no sound document has it.
pub(super) fn workflow(depth: u32) -> BoxedStrategy<Value> {
    let nodes = prop::collection::vec(node(depth), 1..6);
    let edges = prop::collection::vec(edge(), 0..7);
    let limits = prop::option::of((0..9_u8).prop_map(|n| json!({"max_agents": n})));
    (nodes, edges, limits, prop::bool::weighted(0.1))
        .prop_map(|(nodes, edges, limits, repeats)| {
            let keep = |items: Vec<Value>, key: fn(&Value) -> String| {
                let mut seen = Vec::new();
                let fresh = items.into_iter().filter(|item| {
                    let id = key(item);
                    let fresh = repeats || !seen.contains(&id);
                    seen.push(id);
                    fresh
                });
                Value::Array(fresh.collect())
            };
            let mut map = Map::new();
            map.insert("nodes".to_owned(), keep(nodes, |node| node["id"].to_string()));
            map.insert("edges".to_owned(), keep(edges, edge_id));
            map.extend(limits.map(|limits| ("limits".to_owned(), limits)));
            Value::Object(map)
        })
        .boxed()
}

pub(super) fn edge_id(edge: &Value) -> String {
    match edge["id"].as_str() {
        Some(id) => id.to_owned(),
        None => {
            let end = |key| edge[key].as_str().unwrap_or("?");
            format!("{}->{}", end("from"), end("to"))
        }
    }
}

/// One operation in the making: which, where, from where, and with what.
pub(super) type Choice = (u8, u16, u16, bool, Value);

pub(super) fn choices(most: usize) -> impl Strategy<Value = Vec<Choice>> {
    let value = prop_oneof![
        3 => anything(),
        2 => node(1),
        2 => edge(),
    ];
    prop::collection::vec((0..12_u8, any::<u16>(), any::<u16>(), any::<bool>(), value), 1..=most)
}

/// The operations of `choices` that can be done to `document`, one after the other.
pub(super) fn realise(document: &Value, choices: &[Choice]) -> Patch {
    let mut draft = Draft::new(document.clone());
    let mut operations = Vec::new();
    for choice in choices {
        let operation = draft_operation(&mut draft, choice);
        let patch = Patch { operations: vec![operation] };
        if draft.apply(&patch, &Budget::PERSON).is_ok() {
            operations.extend(patch.operations);
        }
    }
    Patch { operations }
}

fn draft_operation(draft: &mut Draft, (kind, at, to, by_id, value): &Choice) -> Operation {
    let mut places = Vec::new();
    collect(draft.document(), &Pointer::root(), &mut places);
    let mut pick = |at: u16| {
        let plain = places[usize::from(at) % places.len()].clone();
        if *by_id { draft.stable(&plain).unwrap_or(plain) } else { plain }
    };
    let (here, there) = (pick(*at), pick(*to));
    let list = Pointer::from_tokens(vec![if *by_id { "nodes" } else { "edges" }.to_owned()]);
    let at_index = list.child((to % 7).to_string());
    let (value, own) =
        (value.clone(), value["id"].as_str().map_or_else(|| edge_id(value), str::to_owned));
    match kind {
        0 => Operation::Add { path: there.child("x"), value },
        1 => Operation::Add { path: list.child(own), value },
        2 => Operation::Add { path: list.child("-"), value },
        3 => Operation::Add { path: at_index, value },
        4 | 5 => Operation::Remove { path: here },
        6 | 7 => Operation::Replace { path: here, value },
        8 => Operation::Move { from: here, path: there },
        9 => Operation::Move { from: here, path: at_index },
        10 => Operation::Copy { from: here, path: there.child("y") },
        _ => {
            let value = draft.get(&here).cloned().unwrap_or_default();
            Operation::Test { path: here, value }
        }
    }
}

/// Every place of a value, but for the root, which would end most patches at once.
fn collect(value: &Value, at: &Pointer, places: &mut Vec<Pointer>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Array(items) => {
            items.iter().enumerate().map(|(n, item)| (n.to_string(), item)).collect()
        }
        Value::Object(map) => map.iter().map(|(key, item)| (key.clone(), item)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    if at.tokens().is_empty() && children.is_empty() {
        places.push(at.clone());
    }
    for (token, child) in children {
        let place = at.child(token);
        places.push(place.clone());
        collect(child, &place, places);
    }
}

/// Items of the document's lists can be told apart.
pub(super) fn has_ids(document: &Value) -> bool {
    [(Place::Nodes, "nodes"), (Place::Edges, "edges")].into_iter().all(|(place, key)| {
        let list = document.get(key).and_then(Value::as_array);
        list.is_none_or(|list| ids_of(place, list).is_some())
    })
}
