//! Why a body is not what a route expects, by the schema that the API publishes for it.
//!
//! Bodies are read by serde, which stops at the first mistake and does not know where it is. Only
//! when it refuses, the body is walked along the schema, and every mistake gets its place.

use std::collections::BTreeMap;

use aob_api::ProblemItem;
use serde_json::Value;
use utoipa::ToSchema;

use crate::nearest::{hint_for, list};
use crate::strict_json::syntax_error;

/// Problems reported of one body.
const PROBLEMS_MAX: usize = 100;

/// Everything in `text` that is not as the schema of `T` says; at least one item.
pub(crate) fn explain<T: ToSchema>(text: &str, error: &serde_json::Error) -> Vec<ProblemItem> {
    let mut named = Vec::new();
    T::schemas(&mut named);
    let as_value = |schema| serde_json::to_value(schema).unwrap_or_default();
    let mut walk = Walk {
        named: named.into_iter().map(|(name, schema)| (name, as_value(schema))).collect(),
        items: Vec::new(),
    };
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    walk.value(&as_value(T::schema()), &value, "");
    if walk.items.is_empty() {
        walk.items.push(by_parser(text, error));
    }
    walk.items.truncate(PROBLEMS_MAX);
    walk.items
}

/// The parser's own words, for what no schema says (such as the form of an id).
fn by_parser(text: &str, error: &serde_json::Error) -> ProblemItem {
    let full = error.to_string();
    let message = full.split(" at line ").next().unwrap_or(&full);
    let mut item = ProblemItem::new("invalid_value", message);
    item.position = syntax_error(error, text).position;
    item
}

struct Walk {
    named: BTreeMap<String, Value>,
    items: Vec<ProblemItem>,
}

impl Walk {
    fn value(&mut self, schema: &Value, value: &Value, pointer: &str) {
        if self.items.len() >= PROBLEMS_MAX {
            return;
        }
        let schema = self.resolve(schema);
        if let Some(choices) = schema.get("oneOf").or_else(|| schema.get("anyOf")) {
            self.choice(choices.as_array().map_or(&[], Vec::as_slice), value, pointer);
            return;
        }
        if let Some(words) = schema.get("enum").and_then(Value::as_array)
            && !words.contains(value)
        {
            self.not_a_word(words, value, pointer);
            return;
        }
        if let Some(expected) = wrong_type(&schema, value) {
            let message =
                format!("{} is {}; expected is {expected}", place(pointer), kind_of(value));
            self.push(ProblemItem::at(pointer, "wrong_type", message), &schema);
            return;
        }
        match value {
            Value::Object(object) => self.object(&schema, object, pointer),
            Value::Array(items) => {
                let Some(of_item) = schema.get("items") else { return };
                for (index, item) in items.iter().enumerate() {
                    self.value(of_item, item, &format!("{pointer}/{index}"));
                }
            }
            Value::Number(_) => self.number(&schema, value, pointer),
            Value::Null | Value::Bool(_) | Value::String(_) => {}
        }
    }

    fn resolve(&self, schema: &Value) -> Value {
        let reference = schema.get("$ref").and_then(Value::as_str);
        let name = reference.and_then(|path| path.rsplit('/').next());
        name.and_then(|name| self.named.get(name)).unwrap_or(schema).clone()
    }

    /// One of several schemas must fit; of those that do not, the one for `null` says least.
    fn choice(&mut self, choices: &[Value], value: &Value, pointer: &str) {
        let mut told = Vec::new();
        for schema in choices.iter().rev() {
            let before = self.items.len();
            self.value(schema, value, pointer);
            let found = self.items.split_off(before);
            if found.is_empty() {
                return;
            }
            let of_null = schema.get("type").is_some_and(|kind| kind == "null");
            if told.is_empty() && !of_null {
                told = found;
            }
        }
        self.items.extend(told);
    }

    fn not_a_word(&mut self, words: &[Value], value: &Value, pointer: &str) {
        let names: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
        let shown = match value.as_str() {
            Some(text) => format!("`{text}`"),
            None => kind_of(value).to_owned(),
        };
        let message = format!("{} is {shown}; expected is one of {}", place(pointer), list(&names));
        let item = ProblemItem::at(pointer, "unknown_value", message);
        let near = value.as_str().and_then(|text| crate::nearest(text, names.iter().copied()));
        self.items.push(match near {
            Some(near) => item.with_hint(format!("did you mean `{near}`?")),
            None => item,
        });
    }

    fn object(&mut self, schema: &Value, object: &serde_json::Map<String, Value>, pointer: &str) {
        let none = serde_json::Map::new();
        let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
        let others = schema.get("additionalProperties");
        for (key, value) in object {
            let at = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
            match (properties.get(key), others) {
                (Some(property), _) => self.value(property, value, &at),
                (None, Some(Value::Bool(false))) => {
                    let known: Vec<&str> = properties.keys().map(String::as_str).collect();
                    let message = format!("{} has no key `{key}`", place(pointer));
                    let item = ProblemItem::at(at, "unknown_key", message);
                    self.items.push(match hint_for(key, &known) {
                        Some(hint) => item.with_hint(hint),
                        None => item,
                    });
                }
                (None, Some(of_others)) => self.value(of_others, value, &at),
                (None, None) => {}
            }
        }
        let required = schema.get("required").and_then(Value::as_array);
        for key in required.into_iter().flatten().filter_map(Value::as_str) {
            if !object.contains_key(key) {
                let message = format!("{} lacks the key `{key}`", place(pointer));
                let property = properties.get(key).cloned().unwrap_or_default();
                self.push(ProblemItem::at(pointer, "missing_key", message), &property);
            }
        }
    }

    fn number(&mut self, schema: &Value, value: &Value, pointer: &str) {
        let least = schema.get("minimum").and_then(Value::as_f64);
        if let Some(least) = least.filter(|least| value.as_f64().is_some_and(|n| n < *least)) {
            let message = format!("{} is {value}; at least {least} is expected", place(pointer));
            self.items.push(ProblemItem::at(pointer, "out_of_range", message));
        }
    }

    /// Keeps an item, with the example that its schema has.
    fn push(&mut self, item: ProblemItem, schema: &Value) {
        self.items.push(match schema.get("example") {
            Some(example) => item.with_example(example),
            None => item,
        });
    }
}

/// What is expected, where `value` is of another type.
fn wrong_type(schema: &Value, value: &Value) -> Option<String> {
    let kinds: Vec<&str> = match schema.get("type")? {
        Value::String(kind) => vec![kind.as_str()],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => return None,
    };
    let fits = |kind: &&str| match *kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    };
    if kinds.iter().any(fits) {
        return None;
    }
    let named = kinds.iter().filter(|kind| **kind != "null").map(|kind| match *kind {
        "boolean" => "true or false",
        "integer" => "a whole number",
        "number" => "a number",
        "string" => "a text",
        "array" => "a list",
        "object" => "an object",
        other => other,
    });
    Some(named.collect::<Vec<_>>().join(" or "))
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn place(pointer: &str) -> String {
    if pointer.is_empty() { "the body".to_owned() } else { format!("`{pointer}`") }
}

#[cfg(test)]
mod tests {
    use aob_api::{CreateKey, Decide, RepairInstance, StartRun};
    use serde::de::DeserializeOwned;
    use utoipa::ToSchema;

    use super::explain;

    fn told<T: ToSchema + DeserializeOwned>(text: &str) -> Vec<String> {
        let error = serde_json::from_str::<T>(text).err().expect(text);
        let items = explain::<T>(text, &error);
        let line = |item: &aob_api::ProblemItem| {
            let pointer = item.pointer.as_deref().unwrap_or("-");
            let hint = item.hint.as_deref().map_or(String::new(), |hint| format!(" ({hint})"));
            format!("{} {pointer}: {}{hint}", item.code, item.message)
        };
        items.iter().map(line).collect()
    }

    #[test]
    fn every_mistake_is_told_at_its_place() {
        let text = r#"{"workflw": "a", "labels": {"a": 1}, "dedup": {"policy": "atach"}}"#;
        assert_eq!(
            told::<StartRun>(text),
            [
                "unknown_value /dedup/policy: `/dedup/policy` is `atach`; expected is one of \
                 `reject`, `attach` (did you mean `attach`?)",
                "missing_key /dedup: `/dedup` lacks the key `key`",
                "wrong_type /labels/a: `/labels/a` is a number; expected is a text",
                "unknown_key /workflw: the body has no key `workflw` (did you mean `workflow`?)",
            ]
        );
        assert_eq!(
            told::<StartRun>("5"),
            ["wrong_type : the body is a number; expected is an object"]
        );
        assert_eq!(
            told::<CreateKey>(r#"{"name": "x", "roles": ["boss"], "expires_in_ms": -5}"#),
            [
                "out_of_range /expires_in_ms: `/expires_in_ms` is -5; at least 0 is expected",
                "unknown_value /roles/0: `/roles/0` is `boss`; expected is one of `admin`, \
                 `agent`, `approver`, `auditor`, `developer`, `operator`, `runner`",
            ]
        );
        assert_eq!(
            told::<Decide>(r#"{"decision": null}"#),
            [
                "unknown_value /decision: `/decision` is null; expected is one of `approve`, `reject`"
            ]
        );
    }

    #[test]
    fn what_no_schema_says_the_parser_says() {
        assert_eq!(
            told::<RepairInstance>(r#"{"instance": "a[x"}"#),
            ["invalid_value -: `a[x` is not a valid instance (like `crawl[3]/fetch`)"]
        );
    }
}
