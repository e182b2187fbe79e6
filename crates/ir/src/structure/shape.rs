//! The schema, compiled to what the walk needs.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use indexmap::IndexMap;
use regex::Regex;
use serde_json::{Map, Value};

use crate::document::SCHEMA;

/// Index of a shape.
pub(super) type ShapeIx = usize;

/// A set of JSON types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Types(u8);

/// JSON types with their names in the schema and in messages.
const TYPE_NAMES: [(&str, &str); 7] = [
    ("object", "an object"),
    ("array", "a list"),
    ("string", "a string"),
    ("integer", "a whole number"),
    ("number", "a number"),
    ("boolean", "true or false"),
    ("null", "null"),
];

impl Types {
    const ANY: Self = Self(0x7f);

    fn named(name: &str) -> Self {
        let bit = TYPE_NAMES.iter().position(|(known, _)| *known == name);
        Self(bit.map_or(0, |bit| 1 << bit))
    }

    fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The types that `value` has: a whole number is a number too.
    fn of(value: &Value) -> Self {
        match value {
            Value::Object(_) => Self::named("object"),
            Value::Array(_) => Self::named("array"),
            Value::String(_) => Self::named("string"),
            Value::Number(n) if n.is_u64() || n.is_i64() => {
                Self::named("integer").union(Self::named("number"))
            }
            Value::Number(_) => Self::named("number"),
            Value::Bool(_) => Self::named("boolean"),
            Value::Null => Self::named("null"),
        }
    }

    pub(super) fn accepts(self, value: &Value) -> bool {
        self.0 & Self::of(value).0 != 0
    }

    /// `a string or a list`.
    pub(super) fn describe(self) -> String {
        let named = |(bit, (_, text)): (usize, &(&str, &'static str))| {
            (self.0 & (1 << bit) != 0).then_some(*text)
        };
        let names: Vec<&str> = TYPE_NAMES.iter().enumerate().filter_map(named).collect();
        names.join(" or ")
    }

    /// What `value` is, in words.
    pub(super) fn name_of(value: &Value) -> &'static str {
        if value.as_number().is_some_and(serde_json::Number::is_f64) {
            return "a fraction";
        }
        let types = Self::of(value).0;
        let first = TYPE_NAMES.iter().enumerate().find(|(bit, _)| types & (1 << bit) != 0);
        first.map_or("a value", |(_, (_, text))| text)
    }
}

/// What a value must be.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) types: Types,
    pub(super) words: Vec<String>,
    /// Words that are known and refused.
    pub(super) planned: Vec<String>,
    pub(super) minimum: Option<u64>,
    pub(super) maximum: Option<u64>,
    pub(super) min_length: usize,
    pub(super) max_length: usize,
    pub(super) min_items: usize,
    pub(super) max_items: usize,
    pub(super) pattern: Option<Regex>,
    pub(super) items: Option<ShapeIx>,
    pub(super) object: Option<ObjectShape>,
    pub(super) any_of: Vec<ShapeIx>,
    /// What a reference is; in messages it has a name of its own.
    pub(super) is_reference: bool,
    /// A string is short for an object with this key.
    pub(super) short: Option<String>,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) example: Option<Value>,
}

/// What an object must have.
#[derive(Debug, Default)]
pub(super) struct ObjectShape {
    pub(super) keys: IndexMap<String, ShapeIx>,
    /// Alias to key.
    pub(super) aliases: BTreeMap<String, String>,
    pub(super) required: Vec<String>,
    /// Keys of which exactly one must be there; empty: no such rule.
    pub(super) one_of: Vec<String>,
    /// Unknown keys are refused.
    pub(super) closed: bool,
    /// Unknown keys are refused as planned.
    pub(super) planned: bool,
    /// Further shapes of objects whose `type` is one of these words.
    pub(super) by_type: Vec<(Vec<String>, ShapeIx)>,
}

/// Every shape of the schema.
#[derive(Debug)]
pub(super) struct Shapes {
    shapes: Vec<Shape>,
    pub(super) root: ShapeIx,
}

/// The shapes of `schema/workflow.schema.json`.
pub(super) static SHAPES: LazyLock<Shapes> = LazyLock::new(|| {
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON, as tests know");
    Shapes::of(&schema)
});

impl Shapes {
    fn of(schema: &Value) -> Self {
        let mut loader = Loader { schema, shapes: Vec::new(), known: BTreeMap::new() };
        let root = loader.reference("#");
        let shapes = loader.shapes.into_iter().flatten().collect();
        Self { shapes, root }
    }

    pub(super) fn get(&self, shape: ShapeIx) -> &Shape {
        &self.shapes[shape]
    }
}

struct Loader<'s> {
    schema: &'s Value,
    /// `None` while it is being loaded.
    shapes: Vec<Option<Shape>>,
    known: BTreeMap<String, ShapeIx>,
}

impl Loader<'_> {
    /// The shape that `#` or `#/...` points at; loaded once.
    fn reference(&mut self, reference: &str) -> ShapeIx {
        if let Some(known) = self.known.get(reference) {
            return *known;
        }
        let ix = self.shapes.len();
        self.shapes.push(None);
        self.known.insert(reference.to_owned(), ix);
        let target = self.schema.pointer(reference.trim_start_matches('#'));
        let loaded = target.and_then(Value::as_object).map(|target| self.shape(target));
        let mut shape = loaded.unwrap_or_else(|| blank(&Map::new()));
        shape.is_reference = reference == "#/$defs/Reference";
        self.shapes[ix] = Some(shape);
        ix
    }

    fn inline(&mut self, schema: &Value) -> ShapeIx {
        let empty = Map::new();
        let schema = schema.as_object().unwrap_or(&empty);
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            return self.reference(reference);
        }
        let ix = self.shapes.len();
        self.shapes.push(None);
        let shape = self.shape(schema);
        self.shapes[ix] = Some(shape);
        ix
    }

    fn shape(&mut self, schema: &Map<String, Value>) -> Shape {
        let mut shape = blank(schema);
        shape.items = schema.get("items").map(|items| self.inline(items));
        shape.any_of = list(schema, "anyOf").iter().map(|branch| self.inline(branch)).collect();
        let has_object_rules =
            ["properties", "required", "allOf"].iter().any(|key| schema.contains_key(*key));
        if has_object_rules {
            shape.object = Some(self.object(schema));
        }
        shape
    }

    fn object(&mut self, schema: &Map<String, Value>) -> ObjectShape {
        let mut object = ObjectShape {
            required: words(schema, "required"),
            closed: schema.get("additionalProperties") == Some(&Value::Bool(false)),
            planned: schema.contains_key("x-unknown-keys"),
            ..ObjectShape::default()
        };
        for branch in list(schema, "oneOf") {
            object
                .one_of
                .extend(branch.as_object().map(|b| words(b, "required")).unwrap_or_default());
        }
        for (key, property) in
            schema.get("properties").and_then(Value::as_object).into_iter().flatten()
        {
            for alias in property.as_object().map(|p| words(p, "x-aliases")).unwrap_or_default() {
                object.aliases.insert(alias, key.clone());
            }
            object.keys.insert(key.clone(), self.inline(property));
        }
        for rule in list(schema, "allOf") {
            self.rule(rule, &mut object.by_type);
        }
        object
    }

    /// `{"if": {type is one of}, "then": ...}`, or a reference to a list of such rules.
    fn rule(&mut self, rule: &Value, by_type: &mut Vec<(Vec<String>, ShapeIx)>) {
        if let Some(reference) = rule.get("$ref").and_then(Value::as_str) {
            let target = self.schema.pointer(reference.trim_start_matches('#'));
            let rules =
                target.and_then(Value::as_object).map(|t| list(t, "allOf")).unwrap_or_default();
            for rule in rules {
                self.rule(rule, by_type);
            }
            return;
        }
        let condition = rule.pointer("/if/properties/type").and_then(Value::as_object);
        if let (Some(condition), Some(then)) = (condition, rule.get("then")) {
            by_type.push((words(condition, "enum"), self.inline(then)));
        }
    }
}

/// The rules of `schema` that need no other shape.
fn blank(schema: &Map<String, Value>) -> Shape {
    let text = |key: &str| schema.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let number = |key: &str| schema.get(key).and_then(Value::as_u64);
    let size = |key: &str| number(key).and_then(|n| usize::try_from(n).ok());
    let types = match schema.get("type") {
        Some(Value::String(name)) => Types::named(name),
        Some(Value::Array(_)) => words(schema, "type")
            .iter()
            .fold(Types(0), |types, name| types.union(Types::named(name))),
        _ => Types::ANY,
    };
    let pattern = schema.get("pattern").and_then(Value::as_str);
    Shape {
        types,
        words: words(schema, "enum"),
        planned: words(schema, "x-not-yet-supported"),
        minimum: number("minimum"),
        maximum: number("maximum"),
        min_length: size("minLength").unwrap_or(0),
        max_length: size("maxLength").unwrap_or(usize::MAX),
        min_items: size("minItems").unwrap_or(0),
        max_items: size("maxItems").unwrap_or(usize::MAX),
        pattern: pattern
            .map(|p| Regex::new(p).expect("patterns of the schema are valid, as tests know")),
        items: None,
        object: None,
        any_of: Vec::new(),
        is_reference: false,
        short: schema.get("x-short").and_then(Value::as_str).map(str::to_owned),
        title: text("title"),
        description: text("description"),
        example: list(schema, "examples").first().cloned(),
    }
}

fn list<'v>(schema: &'v Map<String, Value>, key: &str) -> &'v [Value] {
    schema.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn words(schema: &Map<String, Value>, key: &str) -> Vec<String> {
    list(schema, key).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keywords that the walk knows. A schema that uses another would be followed only in part.
    const KNOWN: [&str; 33] = [
        "$schema",
        "$id",
        "$defs",
        "$ref",
        "title",
        "description",
        "type",
        "additionalProperties",
        "required",
        "properties",
        "items",
        "enum",
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "pattern",
        "anyOf",
        "oneOf",
        "allOf",
        "if",
        "then",
        "default",
        "examples",
        "x-aliases",
        "x-short",
        "x-unknown-keys",
        "x-not-yet-supported",
        "x-types",
        "const",
        "not",
    ];

    fn visit(schema: &Value, path: &str, check: &mut impl FnMut(&str, &Map<String, Value>)) {
        let Some(map) = schema.as_object() else { return };
        check(path, map);
        for (key, value) in map {
            let path = format!("{path}/{key}");
            match (key.as_str(), value) {
                ("properties" | "$defs", Value::Object(children)) => {
                    for (name, child) in children {
                        visit(child, &format!("{path}/{name}"), check);
                    }
                }
                ("default" | "examples", _) => {}
                (_, Value::Object(_)) => visit(value, &path, check),
                (_, Value::Array(items)) => {
                    for item in items {
                        visit(item, &path, check);
                    }
                }
                _ => {}
            }
        }
    }

    #[test]
    fn the_schema_uses_only_what_is_followed_and_documents_everything() {
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let mut seen = 0;
        visit(&schema, "", &mut |path, map| {
            seen += 1;
            for key in map.keys() {
                assert!(KNOWN.contains(&key.as_str()), "{path}: `{key}` is not followed");
            }
            let is_rule =
                ["/if", "/then", "/allOf", "/oneOf"].iter().any(|rule| path.contains(rule));
            if !is_rule && !map.contains_key("$ref") {
                for key in ["title", "description"] {
                    let text = map.get(key).and_then(Value::as_str).unwrap_or_default();
                    assert!(!text.is_empty(), "{path} has no {key}");
                }
            }
        });
        assert!(seen > 200, "{seen}");
        assert!(jsonschema::meta::is_valid(&schema));
    }

    #[test]
    fn aliases_and_types_are_those_of_the_schema() {
        let root = SHAPES.get(SHAPES.root).object.as_ref().unwrap();
        let nodes = SHAPES.get(root.keys["nodes"]).items.unwrap();
        let node = SHAPES.get(nodes).object.as_ref().unwrap();
        let types: Vec<&str> =
            node.by_type.iter().flat_map(|(types, _)| types.iter().map(String::as_str)).collect();
        assert_eq!(types, crate::types::KNOWN_TYPES);
    }
}
