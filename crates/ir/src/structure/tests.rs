//! The walk says yes and no exactly where a JSON Schema validator does.

use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::check::check;
use crate::diagnostic::Code;

static VALIDATOR: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let schema = serde_json::from_str(crate::document::SCHEMA).expect("the schema is JSON");
    jsonschema::validator_for(&schema).expect("the schema is a schema")
});

/// Documents of `tests/cases` that are JSON.
static CASES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut files: Vec<_> = ["good", "bad"]
        .iter()
        .flat_map(|kind| std::fs::read_dir(folder.join(kind)).expect("cases"))
        .map(|entry| entry.expect("a case").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    let texts = files.iter().map(|file| std::fs::read_to_string(file).expect("readable"));
    texts.filter_map(|text| crate::parse_document(&text).ok()).collect()
});

/// The document without aliases and short forms, before anything is taken out of it: what a
/// validator can judge.
fn rewritten(document: &Value) -> Value {
    fn rename(value: &mut Value) {
        let aliases = [
            ("function_name", "name"),
            ("params", "args"),
            ("payload", "body"),
            ("filter_expression", "expression"),
            ("prompt", "task"),
        ];
        match value {
            Value::Array(items) => items.iter_mut().for_each(rename),
            Value::Object(map) => {
                if let Some(Value::Object(config)) = map.get_mut("config") {
                    for (alias, key) in aliases {
                        if let Some(value) = config.remove(alias) {
                            config.insert(key.to_owned(), value);
                        }
                    }
                }
                if let Some(join @ Value::String(_)) = map.get_mut("join") {
                    *join = json!({"mode": join.clone()});
                }
                map.values_mut().for_each(rename);
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut document = document.clone();
    rename(&mut document);
    document
}

/// Whether both agree on `document`; the walk refuses planned words, which a validator lets pass.
fn agree(document: &Value) -> Result<(), String> {
    let rewritten = rewritten(document);
    let mut walked = rewritten.clone();
    let (problems, _) = check(&mut walked);
    let planned = |code| code == Code::NotYetSupported;
    if problems.iter().any(|problem| planned(problem.code)) {
        return Ok(());
    }
    let expected: Vec<String> =
        VALIDATOR.iter_errors(&rewritten).map(|e| format!("{} {e}", e.instance_path())).collect();
    if problems.is_empty() == expected.is_empty() {
        return Ok(());
    }
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    Err(format!("walk: {problems:#?}\nvalidator: {expected:#?}\n{rewritten:#}"))
}

#[test]
fn agrees_with_a_validator_on_every_case() {
    assert!(CASES.len() > 70, "{}", CASES.len());
    for case in CASES.iter() {
        // Of a key and its alias only one can be kept, and a validator knows no aliases.
        let (problems, _) = check(&mut case.clone());
        if problems.iter().all(|problem| problem.code != Code::BothSpellings) {
            agree(case).unwrap();
        }
    }
}

/// Some value that could stand anywhere.
fn anything() -> impl Strategy<Value = Value> {
    let words = [
        "",
        "a",
        "$inputs.x",
        "${inputs.x}",
        "any",
        "all",
        "skip",
        "GET",
        "10%",
        "2xx",
        "high",
        "http",
        "map",
        "transform",
        "loop",
        "1a",
        "a b",
        "off",
        "none",
        "success",
        "true",
    ];
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-2_i64..2_000_000).prop_map(Value::from),
        Just(json!(0.5)),
        prop::sample::select(words.to_vec()).prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!({"mode": "any"})),
        Just(json!({"route": "a"})),
        Just(json!({"id": "z", "type": "transform", "config": {"template": 1}})),
        Just(json!(["x", 1, {}])),
    ]
}

fn keys() -> impl Strategy<Value = String> {
    let root = &*VALIDATOR_KEYS;
    prop::sample::select(root.clone())
}

/// Every key that the schema knows, and some that it does not.
static VALIDATOR_KEYS: LazyLock<Vec<String>> = LazyLock::new(|| {
    fn collect(schema: &Value, keys: &mut Vec<String>) {
        match schema {
            Value::Object(map) => {
                if let Some(Value::Object(properties)) = map.get("properties") {
                    keys.extend(properties.keys().cloned());
                }
                map.values().for_each(|value| collect(value, keys));
            }
            Value::Array(items) => items.iter().for_each(|value| collect(value, keys)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let schema: Value = serde_json::from_str(crate::document::SCHEMA).expect("JSON");
    let mut keys = vec!["unknown".to_owned(), "x".to_owned()];
    collect(&schema, &mut keys);
    keys.sort();
    keys.dedup();
    keys
});

/// Changes one place of a document: the `at`-th of its values.
fn mutate(value: &mut Value, at: &mut usize, change: &Change) -> bool {
    if *at == 0 {
        match (change, &mut *value) {
            (Change::Replace(with), value) => *value = with.clone(),
            (Change::Insert(key, with), Value::Object(map)) => {
                map.insert(key.clone(), with.clone());
            }
            (Change::Remove(nth), Value::Object(map)) if !map.is_empty() => {
                let key = map.keys().nth(nth % map.len()).cloned().unwrap_or_default();
                map.remove(&key);
            }
            (Change::Insert(_, with), Value::Array(items)) => items.push(with.clone()),
            _ => *value = Value::Object(Map::new()),
        }
        return true;
    }
    *at -= 1;
    match value {
        Value::Array(items) => items.iter_mut().any(|item| mutate(item, at, change)),
        Value::Object(map) => map.values_mut().any(|item| mutate(item, at, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[derive(Debug, Clone)]
enum Change {
    Replace(Value),
    Insert(String, Value),
    Remove(usize),
}

fn changes() -> impl Strategy<Value = Vec<(usize, Change)>> {
    let change = prop_oneof![
        anything().prop_map(Change::Replace),
        (keys(), anything()).prop_map(|(key, value)| Change::Insert(key, value)),
        any::<usize>().prop_map(Change::Remove),
    ];
    prop::collection::vec((0_usize..120, change), 1..3)
}

/// More than usual; `PROPTEST_CASES` asks for more still.
fn more_cases() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases.max(1_500), ..usual }
}

proptest! {
    #![proptest_config(more_cases())]

    #[test]
    fn agrees_with_a_validator_on_changed_documents(
        case in 0_usize..200,
        changes in changes(),
    ) {
        let mut document = CASES[case % CASES.len()].clone();
        for (at, change) in changes {
            mutate(&mut document, &mut at.clone(), &change);
        }
        let mut checked = document.clone();
        let (problems, _) = check(&mut checked);
        let both = problems.iter().any(|problem| problem.code == Code::BothSpellings);
        prop_assume!(!both);
        if problems.is_empty() {
            // The two ways to take aliases out agree.
            let mut respelled = document.clone();
            super::respell(&mut respelled);
            prop_assert_eq!(&respelled, &checked);
            let mut by_node = document.clone();
            by_node["nodes"].as_array_mut().into_iter().flatten().for_each(super::respell_node);
            prop_assert_eq!(by_node, checked);
        }
        if let Err(difference) = agree(&document) {
            return Err(TestCaseError::fail(difference));
        }
        // Whatever it is, compiling it ends in a result or in problems.
        let _ = crate::compile(&document);
    }
}
