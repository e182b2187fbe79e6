//! JSON Schema, 2020-12: patterns in linear time, nothing fetched from anywhere.

use std::sync::Arc;

use jsonschema::{Draft, PatternOptions, Retrieve, Uri};
use serde_json::Value;

/// A compiled JSON Schema (2020-12, linear-time patterns, no remote references).
#[derive(Debug, Clone)]
pub struct JsonSchema {
    validator: Arc<jsonschema::Validator>,
}

/// Something that a schema refuses, or something wrong with a schema itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SchemaProblem {
    /// JSON pointer into the value (of a schema: into the schema).
    pub pointer: String,
    /// What is wrong.
    pub message: String,
}

/// Problems reported of one value.
const MAX_PROBLEMS: usize = 100;
/// Characters of a message; it may quote the value.
const MAX_MESSAGE_CHARS: usize = 300;
/// Bytes of a compiled pattern.
const MAX_PATTERN_BYTES: usize = 1 << 20;

struct NoRetriever;

impl Retrieve for NoRetriever {
    fn retrieve(
        &self,
        uri: &Uri<String>,
    ) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err(format!("`{uri}` is outside the schema, and nothing is fetched").into())
    }
}

impl JsonSchema {
    /// Compiles `schema`.
    ///
    /// # Errors
    /// If it is not a schema of 2020-12, or refers to anything outside itself.
    pub fn compile(schema: &Value) -> Result<Self, SchemaProblem> {
        let patterns = PatternOptions::regex().size_limit(MAX_PATTERN_BYTES);
        let options = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_pattern_options(patterns)
            .with_retriever(NoRetriever);
        match options.build(schema) {
            Ok(validator) => Ok(Self { validator: Arc::new(validator) }),
            Err(error) => Err(problem(&error)),
        }
    }

    /// What `schema` refuses of `value`; empty if it accepts it.
    pub fn validate(&self, value: &Value) -> Vec<SchemaProblem> {
        if self.validator.is_valid(value) {
            return Vec::new();
        }
        self.validator.iter_errors(value).take(MAX_PROBLEMS).map(|error| problem(&error)).collect()
    }
}

fn problem(error: &jsonschema::ValidationError<'_>) -> SchemaProblem {
    let mut message: String = error.to_string().chars().take(MAX_MESSAGE_CHARS).collect();
    if message.chars().count() == MAX_MESSAGE_CHARS {
        message.push('…');
    }
    SchemaProblem { pointer: error.instance_path().to_string(), message }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn accepts_and_refuses() {
        let schema = JsonSchema::compile(&json!({
            "type": "object",
            "properties": {"a/b": {"type": "integer", "maximum": 3}, "c": {"pattern": "^x+$"}},
            "required": ["c"],
        }))
        .unwrap();
        assert_eq!(schema.validate(&json!({"a/b": 3, "c": "xx"})), []);
        let problems = schema.validate(&json!({"a/b": "z", "c": "y"}));
        let shown: Vec<String> =
            problems.iter().map(|p| format!("{}: {}", p.pointer, p.message)).collect();
        assert_eq!(
            shown,
            ["/a~1b: \"z\" is not of type \"integer\"", "/c: \"y\" does not match \"^x+$\""]
        );
        assert_eq!(schema.validate(&json!({}))[0].pointer, "");
    }

    #[test]
    fn refuses_what_is_not_a_schema() {
        let cases = [
            (json!({"type": 5}), "/type"),
            (json!({"properties": {"a": 3}}), "/properties/a"),
            (json!(3), ""),
            (json!({"pattern": "("}), "/pattern"),
            // Look-around and back references need backtracking.
            (json!({"pattern": "(?=a)b"}), "/pattern"),
            (json!({"pattern": "(a)\\1"}), "/pattern"),
            (json!({"pattern": "a{1000}{1000}"}), "/pattern"),
            (json!({"$ref": "#/$defs/none"}), ""),
        ];
        for (schema, pointer) in cases {
            assert_eq!(JsonSchema::compile(&schema).unwrap_err().pointer, pointer, "{schema}");
        }
    }

    #[test]
    fn fetches_nothing() {
        for uri in ["http://x.y/z", "https://x.y/z#/a", "file:///etc/passwd", "/other", "urn:x:y"] {
            let schema = json!({"$id": "https://example.com/a", "items": {"$ref": uri}});
            let message = JsonSchema::compile(&schema).unwrap_err().message;
            assert!(message.contains("nothing is fetched"), "{uri}: {message}");
        }
    }

    #[test]
    fn schemas_that_refer_to_themselves_end() {
        let cases = [
            json!({"$ref": "#"}),
            json!({"type": "integer", "allOf": [{"$ref": "#"}]}),
            json!({"$dynamicAnchor": "x", "allOf": [{"$dynamicRef": "#x"}]}),
            json!({
                "$defs": {"a": {"allOf": [{"$ref": "#/$defs/b"}]}, "b": {"anyOf": [{"$ref": "#/$defs/a"}]}},
                "$ref": "#/$defs/a",
            }),
        ];
        for schema in cases {
            assert_eq!(JsonSchema::compile(&schema).unwrap().validate(&json!(1)), [], "{schema}");
        }
    }

    #[test]
    fn messages_are_bounded() {
        let schema = JsonSchema::compile(&json!({"items": {"type": "null"}})).unwrap();
        let problems = schema.validate(&json!(vec!["x".repeat(10_000); 1_000]));
        assert_eq!(problems.len(), MAX_PROBLEMS);
        assert!(problems[0].message.chars().count() <= MAX_MESSAGE_CHARS + 1);
    }
}
