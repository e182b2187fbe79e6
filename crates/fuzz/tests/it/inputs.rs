//! Inputs for the targets, each from a seed.

use aob_fuzz::{Dice, Seed, log_of, mangle_bytes, mangle_json};
use serde_json::Value;

/// A mutation of one of the documents, as the target `run` takes it.
pub(crate) fn a_run(dice: &mut Dice<'_>, seeds: &[Seed]) -> Vec<u8> {
    let sound: Vec<&Seed> = seeds.iter().filter(|seed| seed.compiles).collect();
    let any = dice.pick(seeds).expect("there are seeds");
    let seed = if dice.below(6) > 0 { dice.pick(&sound).expect("some compile") } else { any };
    let other = dice.pick(seeds).expect("there are seeds");
    let mut bytes = match serde_json::from_str::<Value>(&seed.document) {
        Ok(mut value) => {
            let other = serde_json::from_str(&other.document).unwrap_or(Value::Null);
            if dice.below(4) > 0 {
                mangle_json(dice, &mut value, &other);
            }
            value.to_string().into_bytes()
        }
        Err(_) => seed.document.clone().into_bytes(),
    };
    if dice.below(8) == 0 {
        mangle_bytes(dice, &mut bytes);
    }
    bytes.push(0);
    bytes.extend_from_slice(seed.inputs.as_bytes());
    bytes.push(0);
    for _ in 0..dice.below(60) {
        bytes.push(dice.roll().to_le_bytes()[0]);
    }
    bytes
}

/// A document, and a patch of parts of documents that mostly fits it, as the target `patch` takes
/// them.
pub(crate) fn a_patch(dice: &mut Dice<'_>, seeds: &[Seed]) -> Vec<u8> {
    let sound: Vec<&Seed> = seeds.iter().filter(|seed| seed.compiles).collect();
    let seed = dice.pick(&sound).expect("some compile");
    let other = dice.pick(&sound).expect("some compile");
    let document: Value = serde_json::from_str(&seed.document).unwrap_or_default();
    let other: Value = serde_json::from_str(&other.document).unwrap_or_default();
    let (mut places, mut parts) = (Vec::new(), Vec::new());
    collect(&document, String::new(), &mut places);
    collect(&other, String::new(), &mut parts);
    let mut operations = Vec::new();
    for _ in 0..=dice.below(6) {
        let op = dice.pick(&["add", "add", "remove", "replace", "replace", "move", "copy", "test"]);
        let op = *op.expect("there are some");
        let (mut path, _) = dice.pick(&places).expect("a document has places").clone();
        let (from, _) = dice.pick(&places).expect("a document has places").clone();
        let (_, value) = dice.pick(&parts).expect("a document has places").clone();
        if op == "add" && dice.below(2) == 0 {
            path.push_str(["/-", "/x", "/0", "/timeout_ms"][dice.below(4)]);
        }
        let mut operation = serde_json::json!({"op": op, "path": path});
        match op {
            "move" | "copy" => operation["from"] = from.into(),
            "remove" => {}
            _ => operation["value"] = value,
        }
        operations.push(operation);
    }
    let mut patch = Value::Array(operations);
    if dice.below(4) == 0 {
        mangle_json(dice, &mut patch, &other);
    }
    let mut text = patch.to_string().into_bytes();
    if dice.below(8) == 0 {
        mangle_bytes(dice, &mut text);
    }
    let mut bytes = seed.document.clone().into_bytes();
    bytes.push(0);
    bytes.extend(text);
    bytes
}

/// Every place of a value with what is there, nodes by their ids.
fn collect(value: &Value, at: String, places: &mut Vec<(String, Value)>) {
    places.push((at.clone(), value.clone()));
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let id = item["id"].as_str().filter(|_| at.ends_with("nodes"));
                let token = id.map_or_else(|| index.to_string(), str::to_owned);
                collect(item, format!("{at}/{token}"), places);
            }
        }
        Value::Object(fields) => {
            for (key, item) in fields {
                let key = key.replace('~', "~0").replace('/', "~1");
                collect(item, format!("{at}/{key}"), places);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A mutation of the log of a run.
pub(crate) fn a_log(dice: &mut Dice<'_>, logs: &[Vec<u8>]) -> Vec<u8> {
    let log = dice.pick(logs).expect("there are logs").clone();
    let at = log.iter().position(|byte| *byte == 0).expect("a document comes first");
    let (head, lines) = log.split_at(at + 1);
    let mut lines: Vec<Vec<u8>> = lines
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(<[u8]>::to_vec)
        .collect();
    for _ in 0..=dice.below(6) {
        if lines.is_empty() {
            break;
        }
        let (at, to) = (dice.below(lines.len()), dice.below(lines.len()));
        match dice.below(5) {
            0 if lines.len() > 1 => drop(lines.remove(at)),
            1 => lines.insert(to, lines[at].clone()),
            2 => lines.swap(at, to),
            3 => mangle_bytes(dice, &mut lines[at]),
            _ => {
                let mut value: Value = serde_json::from_slice(&lines[at]).unwrap_or_default();
                let other = serde_json::from_slice(&lines[to]).unwrap_or_default();
                mangle_json(dice, &mut value, &other);
                lines[at] = value.to_string().into_bytes();
            }
        }
    }
    let mut bytes = head.to_vec();
    bytes.extend(lines.join(&b'\n'));
    bytes
}

/// Logs to start from: every seed, driven by a few scripts.
pub(crate) fn logs(seeds: &[Seed]) -> Vec<Vec<u8>> {
    let scripts: [Vec<u8>; 4] =
        [3, 31, 101, 177].map(|first| (0..40).map(|at: u8| at.wrapping_mul(7) ^ first).collect());
    let inputs = scripts.iter().flat_map(|script| {
        seeds.iter().map(move |seed| {
            let head = format!("{}\0{}\0", seed.document, seed.inputs);
            [head.as_bytes(), script].concat()
        })
    });
    let logs: Vec<Vec<u8>> = inputs.filter_map(|input| log_of(&input)).collect();
    assert!(logs.len() > 100, "only {} logs", logs.len());
    logs
}
