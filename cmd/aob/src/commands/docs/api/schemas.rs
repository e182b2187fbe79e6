//! Types of the API: how they are named, shown and exemplified.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

/// Nesting of an example.
const DEPTH_MAX: usize = 4;

/// The named schemas of all documents.
pub(super) struct Schemas(BTreeMap<String, Value>);

impl Schemas {
    pub(super) fn of(documents: &[Value]) -> Self {
        let named = documents
            .iter()
            .filter_map(|document| document["components"]["schemas"].as_object().cloned());
        Self(named.flatten().collect())
    }

    /// A type in a few words, with links to named ones.
    pub(super) fn kind(&self, schema: &Value) -> String {
        if let Some(name) = reference(schema) {
            return format!("[{name}](#{})", name.to_lowercase());
        }
        for key in ["oneOf", "anyOf", "allOf"] {
            if let Some(options) = schema[key].as_array() {
                let some = options.iter().filter(|option| option["type"] != "null");
                return some.map(|one| self.kind(one)).collect::<Vec<_>>().join(" or ");
            }
        }
        if let Some(words) = schema["enum"].as_array() {
            let words = words.iter().filter_map(Value::as_str).map(|word| format!("`{word}`"));
            return words.collect::<Vec<_>>().join(" ");
        }
        match named_type(schema) {
            Some("array") => format!("list of {}", self.kind(&schema["items"])),
            Some("object") if schema["additionalProperties"].is_object() => {
                format!("object of {}", self.kind(&schema["additionalProperties"]))
            }
            Some("object") => "object".to_owned(),
            Some(name) => match schema["format"].as_str() {
                Some("uuid") => "id".to_owned(),
                Some("date-time") => "time".to_owned(),
                Some(_) | None => name.to_owned(),
            },
            None => "any JSON".to_owned(),
        }
    }

    /// A value that fits, made of the examples that the fields give.
    pub(super) fn example(&self, schema: &Value, depth: usize) -> Value {
        for given in [&schema["example"], &schema["examples"][0], &schema["enum"][0]] {
            if !given.is_null() {
                return given.clone();
            }
        }
        if let Some(found) = reference(schema).and_then(|name| self.0.get(name)) {
            return if depth < DEPTH_MAX { self.example(found, depth + 1) } else { json!({}) };
        }
        for key in ["oneOf", "anyOf", "allOf"] {
            let mut options = schema[key].as_array().into_iter().flatten();
            if let Some(first) = options.find(|option| option["type"] != "null") {
                return self.example(first, depth);
            }
        }
        match named_type(schema) {
            Some("object") => Value::Object(self.object(schema, depth)),
            Some("array") if depth < DEPTH_MAX => {
                json!([self.example(&schema["items"], depth + 1)])
            }
            Some("array") => json!([]),
            Some("string") => match schema["format"].as_str() {
                Some("uuid") => json!("019b0c5e-5a80-7c3f-9f0e-6b1f2a3c4d5e"),
                Some("date-time") => json!("2026-01-31T12:00:00.000Z"),
                Some(_) | None => json!("text"),
            },
            Some("integer" | "number") => json!(schema["minimum"].as_u64().unwrap_or(1).max(1)),
            Some("boolean") => json!(true),
            Some(_) | None => json!({}),
        }
    }

    /// The fields that must be there, and those that give an example.
    fn object(&self, schema: &Value, depth: usize) -> Map<String, Value> {
        let required = required(schema);
        let fields = schema["properties"].as_object().into_iter().flatten();
        let shown = fields.filter(|(name, field)| {
            required.contains(&name.as_str()) || !field["example"].is_null()
        });
        shown.map(|(name, field)| (name.clone(), self.example(field, depth + 1))).collect()
    }

    /// The section of all named types.
    pub(super) fn write(&self, text: &mut String) {
        text.push_str("## Types\n\n");
        for (name, schema) in &self.0 {
            let _ = writeln!(text, "### {name}\n");
            if let Some(said) = schema["description"].as_str() {
                let _ = writeln!(text, "{}\n", said.trim());
            }
            let Some(fields) = schema["properties"].as_object().filter(|all| !all.is_empty())
            else {
                let _ = writeln!(text, "{}\n", self.kind(schema));
                continue;
            };
            let required = required(schema);
            text.push_str("| field | type | |\n|---|---|---|\n");
            for (field, schema) in fields {
                let must = if required.contains(&field.as_str()) { "" } else { "?" };
                let said = schema["description"].as_str().unwrap_or_default();
                let kind = self.kind(schema);
                let _ = writeln!(text, "| `{field}`{must} | {kind} | {} |", cell(said));
            }
            text.push('\n');
        }
    }
}

/// Words that fit into a cell of a table.
pub(super) fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

/// The type's name; of several, the first that is not null.
fn named_type(schema: &Value) -> Option<&str> {
    match &schema["type"] {
        Value::String(name) => Some(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

fn required(schema: &Value) -> Vec<&str> {
    schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}
