//! A ticket's form: fields made of its JSON Schema, and answers made of what was typed in.
//!
//! An object whose properties are texts, numbers, truths and choices becomes a field each; any other
//! shape becomes a field for JSON. The schema itself is the judge of the answer, here and again in
//! the engine.

mod answer;
mod edits;

use aob_ir::JsonSchema;
use serde_json::{Map, Value};

pub(crate) use self::answer::{Answered, answer};
pub(crate) use self::edits::Edits;
use crate::words::{cut, plain};

/// What the names of a form's fields begin with.
pub(crate) const PREFIX: &str = "f.";
/// The one field of a schema that has no fields.
const WHOLE: &str = "";
/// Fields made of one schema; a schema with more is answered as JSON.
const FIELDS_MAX: usize = 60;
/// Choices offered; with more, the value is typed.
const CHOICES_MAX: usize = 200;
/// Characters of a label, and of a text that explains.
const LABEL_CHARS_MAX: usize = 200;
const HELP_CHARS_MAX: usize = 1_000;
/// A text that may be longer gets more than a line.
const LINE_CHARS_MAX: u64 = 200;
/// Keywords with which an object is more than the list of its properties.
const ENTANGLED: [&str; 12] = [
    "$ref",
    "$dynamicRef",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "patternProperties",
    "propertyNames",
    "dependentSchemas",
    "minProperties",
    "enum",
];

/// A form as it is shown.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    /// Its fields: required ones first, in the schema's order, then the others by name.
    pub(crate) fields: Vec<Field>,
    /// What is wrong with the answer as a whole.
    pub(crate) errors: Vec<String>,
    title: Option<String>,
    schema: Value,
}

/// One field.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    /// The property; empty: the whole answer.
    pub(crate) property: String,
    /// What the name that the form sends begins with.
    pub(crate) prefix: &'static str,
    pub(crate) label: String,
    pub(crate) help: Option<String>,
    pub(crate) required: bool,
    pub(crate) kind: Kind,
    /// What stands in it.
    pub(crate) text: String,
    pub(crate) error: Option<String>,
    /// Number of the field, for its id.
    pub(crate) number: usize,
}

/// How a field is filled in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// A text in one line.
    Line { kind: &'static str, max_chars: Option<u64> },
    /// A text of several lines.
    Lines { max_chars: Option<u64> },
    /// A number.
    Number { whole: bool, min: Option<String>, max: Option<String> },
    /// Yes or no.
    Truth,
    /// One of these.
    Choice(Vec<Choice>),
    /// Any JSON.
    Json,
}

/// One thing to choose.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Choice {
    /// JSON of the value; what the form sends.
    pub(crate) json: String,
    pub(crate) label: String,
}

impl Form {
    /// The form that a schema asks for.
    pub(crate) fn of(schema: Value) -> Self {
        let fields = fields(&schema).unwrap_or_else(|| vec![whole(&schema)]);
        let title = text(&schema, "title").map(|title| cut(title, LABEL_CHARS_MAX));
        let mut form = Self { fields, errors: Vec::new(), title, schema };
        for (number, field) in form.fields.iter_mut().enumerate() {
            field.number = number;
        }
        form
    }

    /// Its heading, where the schema gives one.
    pub(crate) fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// The form with what was typed into it.
    pub(crate) fn filled_in(mut self, sent: &[(String, String)]) -> Self {
        for field in &mut self.fields {
            let name = field.name();
            if let Some((_, text)) = sent.iter().find(|(known, _)| *known == name) {
                field.text.clone_from(text);
            }
        }
        self
    }

    /// True where something has to be corrected.
    pub(crate) fn is_wrong(&self) -> bool {
        !self.errors.is_empty() || self.fields.iter().any(|field| field.error.is_some())
    }

    /// Puts what the schema says about an answer where it belongs. Of an answer that is not whole,
    /// what it says about the whole is of no use.
    fn judge(&mut self, data: &Value) {
        let whole = !self.is_wrong();
        let schema = match JsonSchema::compile(&self.schema) {
            Ok(schema) => schema,
            // The engine asks for nothing that it cannot check; no more is asked here.
            Err(_) => return,
        };
        for problem in schema.validate(data) {
            let message = plain(&problem.message);
            let property = problem.pointer.split('/').nth(1).unwrap_or_default();
            let property = property.replace("~1", "/").replace("~0", "~");
            let rest = problem.pointer.splitn(3, '/').nth(2);
            let message = rest.map_or(message.clone(), |rest| format!("/{rest}: {message}"));
            match self.fields.iter_mut().find(|field| field.property == property) {
                Some(field) => {
                    field.error.get_or_insert(message);
                }
                None if whole => self.errors.push(message),
                None => {}
            }
        }
    }
}

impl Field {
    /// The name that the form sends.
    pub(crate) fn name(&self) -> String {
        format!("{}{}", self.prefix, self.property)
    }

    /// What `aria-describedby` names; empty: nothing.
    pub(crate) fn described_by(&self) -> String {
        let help = self.help.as_ref().map(|_| format!("help-{}", self.number));
        let error = self.error.as_ref().map(|_| format!("error-{}", self.number));
        let named: Vec<String> = error.into_iter().chain(help).collect();
        named.join(" ")
    }

    /// Whether this is what is chosen.
    pub(crate) fn is(&self, json: &str) -> bool {
        self.text == json
    }

    /// How errors at the top of the page name it.
    pub(crate) fn error_text(&self) -> &str {
        self.error.as_deref().unwrap_or_default()
    }
}

/// The fields of an object; `None`: it is another shape.
fn fields(schema: &Value) -> Option<Vec<Field>> {
    let schema = schema.as_object()?;
    let properties = schema.get("properties")?.as_object()?;
    let object = schema.get("type").is_none_or(|kind| kind == "object");
    let entangled = ENTANGLED.iter().any(|keyword| schema.contains_key(*keyword));
    let nameless = properties.contains_key(WHOLE);
    if !object || entangled || nameless || !(1..=FIELDS_MAX).contains(&properties.len()) {
        return None;
    }
    let required: Vec<&str> = match schema.get("required").and_then(Value::as_array) {
        Some(names) => names.iter().filter_map(Value::as_str).collect(),
        None => Vec::new(),
    };
    // What is required and not described cannot be filled in as a field.
    if required.iter().any(|name| !properties.contains_key(*name)) {
        return None;
    }
    let mut names = required.clone();
    names.extend(properties.keys().map(String::as_str).filter(|name| !required.contains(name)));
    let found = names.iter().filter_map(|name| {
        let property = properties.get(*name)?;
        Some(field(name, property, required.contains(name)))
    });
    Some(found.collect())
}

fn field(name: &str, schema: &Value, required: bool) -> Field {
    let kind = kind(schema);
    let text = match schema.get("default") {
        // What stands in a field already must be what it looks like.
        Some(Value::String(text)) if !matches!(kind, Kind::Choice(_) | Kind::Json) => plain(text),
        Some(default) if matches!(kind, Kind::Choice(_)) => default.to_string(),
        Some(default) => plain(&default.to_string()),
        None => String::new(),
    };
    let label = self::text(schema, "title").unwrap_or(name);
    Field {
        property: name.to_owned(),
        prefix: PREFIX,
        label: cut(label, LABEL_CHARS_MAX),
        help: self::text(schema, "description").map(|help| cut(help, HELP_CHARS_MAX)),
        required,
        kind,
        text,
        error: None,
        number: 0,
    }
}

/// The one field of a schema that is no object of fields.
fn whole(schema: &Value) -> Field {
    let takes_nothing = match JsonSchema::compile(schema) {
        Ok(schema) => schema.validate(&Value::Null).is_empty(),
        Err(_) => true,
    };
    Field { label: "Answer".to_owned(), kind: Kind::Json, ..field(WHOLE, schema, !takes_nothing) }
}

fn kind(schema: &Value) -> Kind {
    if let Some(choices) = choices(schema) {
        return Kind::Choice(choices);
    }
    let number = |key: &str| schema.get(key).and_then(Value::as_number).map(ToString::to_string);
    let plain = |object: &Map<String, Value>| {
        !["$ref", "allOf", "anyOf", "oneOf", "not", "if"]
            .iter()
            .any(|key| object.contains_key(*key))
    };
    if !schema.as_object().is_some_and(plain) {
        return Kind::Json;
    }
    match text(schema, "type") {
        Some("string") => {
            let max_chars = schema.get("maxLength").and_then(Value::as_u64);
            let kind = match text(schema, "format") {
                Some("date") => "date",
                Some("email") => "email",
                Some("uri") => "url",
                Some(_) | None => "text",
            };
            // Without a bound, what somebody writes may be anything: only a named form is a line.
            let line = kind != "text" || max_chars.is_some_and(|max| max <= LINE_CHARS_MAX);
            let line = line || schema.get("pattern").is_some();
            if line { Kind::Line { kind, max_chars } } else { Kind::Lines { max_chars } }
        }
        Some("integer") => {
            Kind::Number { whole: true, min: number("minimum"), max: number("maximum") }
        }
        Some("number") => {
            Kind::Number { whole: false, min: number("minimum"), max: number("maximum") }
        }
        Some("boolean") => Kind::Truth,
        Some(_) | None => Kind::Json,
    }
}

/// The choices of `enum`, of `const`, and of `oneOf` where each is a `const` with a `title`.
fn choices(schema: &Value) -> Option<Vec<Choice>> {
    let choice = |value: &Value, title: Option<&str>| {
        let label = match (title, value) {
            (Some(title), _) => title.to_owned(),
            (None, Value::String(text)) => text.clone(),
            (None, other) => other.to_string(),
        };
        Choice { json: value.to_string(), label: cut(&label, LABEL_CHARS_MAX) }
    };
    let found: Vec<Choice> = if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        values.iter().map(|value| choice(value, None)).collect()
    } else if let Some(only) = schema.get("const") {
        vec![choice(only, text(schema, "title"))]
    } else {
        let each = schema.get("oneOf")?.as_array()?.iter();
        each.map(|one| Some(choice(one.get("const")?, text(one, "title"))))
            .collect::<Option<_>>()?
    };
    (1..=CHOICES_MAX).contains(&found.len()).then_some(found)
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}

#[cfg(test)]
mod tests;
