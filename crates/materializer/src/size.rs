//! How large values are, without writing them.

use serde_json::Value;

use crate::place::Place;
use crate::{Operation, Patch};

/// Size of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Measure {
    /// Bytes as canonical JSON.
    pub(crate) bytes: usize,
    /// Levels of lists and objects.
    pub(crate) depth: usize,
}

pub(crate) fn measure(value: &Value) -> Measure {
    match value {
        Value::Null => Measure { bytes: 4, depth: 0 },
        Value::Bool(yes) => Measure { bytes: if *yes { 4 } else { 5 }, depth: 0 },
        Value::Number(_) => Measure { bytes: number_bytes(value), depth: 0 },
        Value::String(text) => Measure { bytes: text_bytes(text), depth: 0 },
        Value::Array(items) => container(items.iter().map(|item| (0, measure(item)))),
        Value::Object(map) => {
            container(map.iter().map(|(key, item)| (text_bytes(key) + 1, measure(item))))
        }
    }
}

fn container(items: impl Iterator<Item = (usize, Measure)>) -> Measure {
    let (mut bytes, mut depth, mut count) = (2, 0, 0_usize);
    for (key, item) in items {
        bytes += key + item.bytes;
        depth = depth.max(item.depth);
        count += 1;
    }
    Measure { bytes: bytes + count.saturating_sub(1), depth: depth + 1 }
}

/// Bytes of a text with its quotes.
pub(crate) fn text_bytes(text: &str) -> usize {
    let escapes = |byte: u8| match byte {
        b'"' | b'\\' | 0x08 | b'\t' | b'\n' | 0x0c | b'\r' => 1,
        0..0x20 => 5,
        _ => 0,
    };
    2 + text.len() + text.bytes().map(escapes).sum::<usize>()
}

fn number_bytes(number: &Value) -> usize {
    if let Some(whole) = number.as_u64() {
        return digits(whole);
    }
    if let Some(negative) = number.as_i64() {
        return 1 + digits(negative.unsigned_abs());
    }
    // What has no canonical form is refused where the canonical text is made.
    aob_ir::canonical_json(number).map_or(0, |text| text.len())
}

fn digits(whole: u64) -> usize {
    whole.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// Nodes within what stands at a place: those of lists, bodies of maps, compensations, and all of
/// inline sub-workflows.
pub(crate) fn nodes(place: Place, value: &Value) -> usize {
    match place {
        Place::Graph => value.get("nodes").map_or(0, |list| nodes(Place::Nodes, list)),
        Place::Nodes => match value {
            Value::Array(items) => items.iter().map(|item| nodes(Place::Node, item)).sum(),
            Value::Object(map) => map.values().map(|item| nodes(Place::Node, item)).sum(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
        },
        Place::Node => {
            let config = value.get("config").map_or(0, |config| nodes(Place::Config, config));
            let undo = value.get("compensate").map_or(0, |node| nodes(Place::Node, node));
            1 + config + undo
        }
        Place::Config => {
            let body = value.get("node").map_or(0, |node| nodes(Place::Node, node));
            body + value.get("workflow").map_or(0, |graph| nodes(Place::Graph, graph))
        }
        Place::Edges | Place::Edge | Place::Other => 0,
    }
}

/// Bytes of the canonical text of a patch.
pub(crate) fn patch_bytes(patch: &Patch) -> usize {
    1 + patch.operations.iter().map(|one| operation_bytes(one) + 1).sum::<usize>().max(1)
}

/// Bytes of the canonical text of an operation.
pub(crate) fn operation_bytes(operation: &Operation) -> usize {
    let path = operation.path().to_string();
    let from = operation.from().map_or(0, |from| 8 + text_bytes(&from.to_string()));
    let value = operation.value().map_or(0, |value| 9 + measure(value).bytes);
    2 + from + 5 + text_bytes(operation.name()) + 8 + text_bytes(&path) + value
}
