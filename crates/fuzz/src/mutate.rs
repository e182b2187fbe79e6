//! Inputs that are nearly right: mutations of JSON by structure, and of text by bytes.

use serde_json::{Map, Number, Value, json};

use crate::dice::Dice;

/// Strings that mean something somewhere in a document.
const WORDS: &[&str] = &[
    "",
    "$",
    "$item",
    "$index",
    "$inputs",
    "$nodes.a.output",
    "${nodes.a.output.x}",
    "{{",
    "}}",
    "a",
    "$run.id",
    "$secrets.token",
    "output == 1",
    "output.all(x, x.all(y, y > 0))",
    "1 / 0",
    "size(output) > 0",
    "'\u{1f600}'",
    "\u{0}",
    "\u{202e}",
    "all",
    "any",
    "k_of_n",
    "quorum",
    "success",
    "failure",
    "always",
    "approved",
    "rejected",
    "timeout",
    "break",
    "irreversible",
    "compensable",
    "park",
    "skip",
    "fail",
    "high",
    "map",
    "loop",
    "composite",
    "join",
    "function",
    "http",
    "hitl",
    "timer",
    "signal",
    "conditional",
    "parallel",
    "filter",
    "aggregate",
    "transform",
    "agent",
    "handoff",
    "http://127.0.0.1/",
    "((((((((((((((((",
    "[[[[[[[[[[[[[[[[",
    "__proto__",
];

/// Keys that a document knows.
const KEYS: &[&str] = &[
    "id",
    "type",
    "config",
    "nodes",
    "edges",
    "metadata",
    "inputs",
    "limits",
    "defaults",
    "policies",
    "on_unknown",
    "from",
    "to",
    "on",
    "condition",
    "join",
    "retry",
    "timeout_ms",
    "queue_timeout_ms",
    "idle_timeout_ms",
    "cache",
    "checks",
    "effect",
    "compensate",
    "on_error",
    "priority",
    "pool",
    "items",
    "node",
    "max_parallel",
    "tolerate",
    "loop_back_to",
    "max_iterations",
    "timeout_path",
    "template",
    "name",
    "args",
    "max_attempts",
    "backoff_ms",
    "k",
    "mode",
    "seq",
    "at",
    "data",
    "instance",
    "attempt",
    "$ref",
    "anyOf",
    "pattern",
    "properties",
    "additionalProperties",
];

/// One to eight changes of `value`, some of them with parts of `other`.
pub fn mangle_json(dice: &mut Dice<'_>, value: &mut Value, other: &Value) {
    // Mostly one: what is changed in many places does not compile, and teaches nothing further.
    let changes = if dice.below(3) > 0 { 1 } else { 1 + dice.below(8) };
    for _ in 0..changes {
        let places = count(value);
        let wanted = dice.below(places);
        let donor = part(other, dice.below(count(other))).clone();
        if let Some(place) = part_mut(value, wanted) {
            change(dice, place, donor);
        }
    }
}

/// One to six changes of `bytes`.
pub fn mangle_bytes(dice: &mut Dice<'_>, bytes: &mut Vec<u8>) {
    for _ in 0..=dice.below(6) {
        let at = dice.below(bytes.len());
        let end = (at + dice.below(40)).min(bytes.len());
        match dice.below(7) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            3 => bytes.splice(at..at, WORDS[dice.below(WORDS.len())].bytes()).for_each(drop),
            4 => bytes.splice(at..at, *b"99999999999999999999").for_each(drop),
            5 => bytes.splice(at..at, [b"[{\"\\\n\0:,"[dice.below(8)]]).for_each(drop),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << dice.below(8);
                }
            }
        }
    }
}

/// Values in `value`, itself included.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// The `index`th value in depth-first order.
fn part(value: &Value, index: usize) -> &Value {
    let mut left = index;
    let mut stack = vec![value];
    while let Some(next) = stack.pop() {
        if left == 0 {
            return next;
        }
        left -= 1;
        match next {
            Value::Array(items) => stack.extend(items),
            Value::Object(fields) => stack.extend(fields.values()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    value
}

/// As [`part`], to be changed.
fn part_mut(value: &mut Value, index: usize) -> Option<&mut Value> {
    let mut left = index;
    let mut stack = vec![value];
    while let Some(next) = stack.pop() {
        if left == 0 {
            return Some(next);
        }
        left -= 1;
        match next {
            Value::Array(items) => stack.extend(items.iter_mut()),
            Value::Object(fields) => stack.extend(fields.values_mut()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    None
}

fn change(dice: &mut Dice<'_>, place: &mut Value, donor: Value) {
    match place {
        Value::Object(fields) if dice.below(4) > 0 => change_object(dice, fields, donor),
        Value::Array(items) if dice.below(4) > 0 => change_array(dice, items, donor),
        Value::String(text) if dice.below(3) > 0 => change_text(dice, text),
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => *place = fresh(dice, place, donor),
    }
}

fn fresh(dice: &mut Dice<'_>, before: &Value, donor: Value) -> Value {
    match dice.below(12) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(0),
        3 => json!(-1),
        4 => json!(1.5),
        5 => json!(u64::MAX),
        6 => json!(dice.below(100_000)),
        7 => Number::from_f64(1e308).map_or(Value::Null, Value::Number),
        8 => json!(WORDS[dice.below(WORDS.len())]),
        9 => json!([before]),
        10 => json!({KEYS[dice.below(KEYS.len())]: before}),
        _ => donor,
    }
}

fn change_object(dice: &mut Dice<'_>, fields: &mut Map<String, Value>, donor: Value) {
    let at = dice.below(fields.len());
    let key = fields.keys().nth(at).cloned();
    let new = KEYS[dice.below(KEYS.len())].to_owned();
    match (dice.below(4), key) {
        (0, Some(key)) => drop(fields.remove(&key)),
        (1, Some(key)) => {
            if let Some(value) = fields.remove(&key) {
                fields.insert(new, value);
            }
        }
        (2, Some(key)) => drop(fields.insert(key, donor)),
        (_, _) => drop(fields.insert(new, donor)),
    }
}

fn change_array(dice: &mut Dice<'_>, items: &mut Vec<Value>, donor: Value) {
    let at = dice.below(items.len());
    match dice.below(6) {
        0 if !items.is_empty() => drop(items.remove(at)),
        1 if !items.is_empty() => items.insert(at, items[at].clone()),
        2 if !items.is_empty() => items.swap(0, at),
        3 => items.reverse(),
        4 if items.len() < 64 => items.extend(vec![donor; 40]),
        _ => items.insert(at, donor),
    }
}

fn change_text(dice: &mut Dice<'_>, text: &mut String) {
    let edges: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let at = dice.pick(&edges).copied().unwrap_or(0);
    match dice.below(6) {
        0 => text.truncate(at),
        1 => text.insert_str(at, WORDS[dice.below(WORDS.len())]),
        2 => *text = WORDS[dice.below(WORDS.len())].to_owned(),
        3 => *text = text.repeat(2 + dice.below(3)).chars().take(100_000).collect(),
        4 => text.insert_str(at, &"(".repeat(1 + dice.below(400))),
        _ => text.extend(std::iter::repeat_n('9', 1 + dice.below(30))),
    }
}
