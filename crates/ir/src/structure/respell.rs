//! Aliases and short forms taken out, and nothing else changed.

use serde_json::{Map, Value};

use super::shape::{ObjectShape, SHAPES, ShapeIx};

/// Rewrites the aliases and short forms of a document as [`crate::compile`] does, so that the
/// canonical text of the result is what its digest is taken over, if it compiles. What is wrong
/// with the document is left as it is.
pub fn respell(document: &mut Value) {
    value(SHAPES.root, document);
}

/// As [`respell`], of one node of a document.
pub fn respell_node(node: &mut Value) {
    let list = SHAPES.get(SHAPES.root).object.as_ref().and_then(|root| root.keys.get("nodes"));
    if let Some(shape) = list.and_then(|list| SHAPES.get(*list).items) {
        value(shape, node);
    }
}

fn value(ix: ShapeIx, at: &mut Value) {
    let shape = SHAPES.get(ix);
    if !shape.any_of.is_empty() {
        // Of several branches for one type none has keys, as a test of the schema's shapes knows.
        if let Some(branch) = shape.any_of.iter().copied().find(|ix| accepts_type(*ix, at)) {
            value(branch, at);
        }
        return;
    }
    if let (Some(key), Value::String(_)) = (&shape.short, &*at) {
        let text = std::mem::take(at);
        *at = Value::Object(Map::from_iter([(key.clone(), text)]));
    }
    match at {
        Value::Object(map) => {
            if let Some(keys) = &shape.object {
                object(keys, map);
            }
        }
        Value::Array(items) => {
            if let Some(shape) = shape.items {
                items.iter_mut().for_each(|item| value(shape, item));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn accepts_type(ix: ShapeIx, at: &Value) -> bool {
    let shape = SHAPES.get(ix);
    if shape.any_of.is_empty() {
        return shape.types.accepts(at) || (shape.short.is_some() && at.is_string());
    }
    shape.any_of.iter().any(|branch| accepts_type(*branch, at))
}

fn object(shape: &ObjectShape, map: &mut Map<String, Value>) {
    for (alias, key) in &shape.aliases {
        if map.contains_key(key) {
            continue;
        }
        if let Some(value) = map.remove(alias) {
            map.insert(key.clone(), value);
        }
    }
    for (key, at) in map.iter_mut() {
        if let Some(known) = shape.keys.get(key) {
            value(*known, at);
        }
    }
    let Some(Value::String(name)) = map.get("type") else { return };
    let fits = shape.by_type.iter().filter(|(types, _)| types.contains(name));
    let branches: Vec<ShapeIx> = fits.map(|(_, branch)| *branch).collect();
    for branch in branches {
        if let Some(branch) = &SHAPES.get(branch).object {
            object(branch, map);
        }
    }
}
