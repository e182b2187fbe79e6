//! From text to JSON, strictly: no repeated keys, no bottomless nesting, no inexact numbers.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::diagnostic::{self, Code, Diagnostic, Diagnostics, Position};
use crate::pointer::{push_index, push_key};

/// Bytes of a document.
pub const MAX_DOCUMENT_BYTES: usize = 32 << 20;
/// Levels of lists and objects in a document.
pub const MAX_DOCUMENT_DEPTH: usize = 32;
/// Whole numbers beyond this are not exact in every program that reads JSON.
const MAX_EXACT: u64 = 1 << 53;

/// Parses the text of a document.
///
/// # Errors
/// Everything that is wrong with it as JSON: syntax (the first error, with its position), keys
/// that an object has twice, nesting deeper than [`MAX_DOCUMENT_DEPTH`], whole numbers beyond
/// 2^53, or more than [`MAX_DOCUMENT_BYTES`].
pub fn parse_document(text: &str) -> Result<Value, Diagnostics> {
    if let Some(problem) = too_large(text.len()) {
        return Err(Diagnostics(vec![problem]));
    }
    parse_strict(text, MAX_DOCUMENT_DEPTH)
}

/// Parses any JSON text as strictly as a document, with up to `depth` levels of lists and objects.
/// The text has a bound of its own where it comes from.
///
/// # Errors
/// As [`parse_document`], without its bound on bytes.
pub fn parse_strict(text: &str, depth: usize) -> Result<Value, Diagnostics> {
    let mut builder =
        Builder { pointer: String::new(), depth: 0, max_depth: depth, problems: Vec::new() };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let parsed = Seed(&mut builder).deserialize(&mut deserializer);
    let parsed = parsed.and_then(|value| deserializer.end().map(|()| value));
    match parsed {
        Ok(value) if builder.problems.is_empty() => Ok(value),
        Ok(_) => Err(Diagnostics(diagnostic::finish(builder.problems))),
        Err(error) => {
            builder.problems.push(syntax_error(&error, text, depth));
            Err(Diagnostics(diagnostic::finish(builder.problems)))
        }
    }
}

pub(crate) fn too_large(bytes: usize) -> Option<Diagnostic> {
    (bytes > MAX_DOCUMENT_BYTES).then(|| {
        let message = format!("the document has {bytes} bytes, more than {MAX_DOCUMENT_BYTES}");
        Diagnostic::error(Code::TooLarge, "", message)
            .with_hint("pass data as inputs of the run, and split the graph into sub-workflows")
    })
}

pub(crate) fn too_deep(pointer: &str, max_depth: usize) -> Diagnostic {
    let message = format!("lists and objects are nested deeper than {max_depth} levels");
    Diagnostic::error(Code::TooDeep, pointer, message)
}

/// What is wrong with a number, if anything.
pub(crate) fn inexact(number: &Number, pointer: &str) -> Option<Diagnostic> {
    is_inexact(number).then(|| {
        let message = format!("{number} is beyond 2^53 and not exact everywhere");
        Diagnostic::error(Code::InexactNumber, pointer, message)
            .with_hint(format!("write it as a string: \"{number}\""))
    })
}

/// Whether a number is, or would be in canonical JSON, a whole number written out that is beyond
/// 2^53. Canonical JSON writes a fraction such as `1e17` without exponent, up to 10^21.
pub fn is_inexact(number: &Number) -> bool {
    const MAX_EXACT_DOUBLE: f64 = MAX_EXACT as f64;
    match number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs)) {
        Some(magnitude) => magnitude > MAX_EXACT,
        None => number.as_f64().is_some_and(|double| {
            double.fract() == 0.0 && double.abs() > MAX_EXACT_DOUBLE && double.abs() < 1e21
        }),
    }
}

fn syntax_error(error: &serde_json::Error, text: &str, max_depth: usize) -> Diagnostic {
    let full = error.to_string();
    let message = full.split(" at line ").next().unwrap_or(&full);
    if message.contains("recursion limit") {
        return too_deep("", max_depth);
    }
    let position = Position {
        line: error.line().max(1),
        column: column_in_characters(text, error.line(), error.column()),
    };
    let Position { line, column } = position;
    let message = format!("this is not JSON: {message} (line {line}, column {column})");
    let problem = Diagnostic::error(Code::InvalidJson, "", message);
    let problem = Diagnostic { position: Some(position), ..problem };
    match hint(text, error) {
        Some(hint) => problem.with_hint(hint),
        None => problem,
    }
}

/// What often is the matter, judged by the text around the error.
fn hint(text: &str, error: &serde_json::Error) -> Option<&'static str> {
    if text.trim().is_empty() {
        return Some("the document is empty");
    }
    let line = text.lines().nth(error.line().saturating_sub(1)).unwrap_or_default();
    let at = error.column().saturating_sub(1).min(line.len());
    let rest = line.get(at..).unwrap_or_default();
    if rest.starts_with('\'') {
        return Some("JSON texts stand in double quotes");
    }
    if rest.starts_with('/') || rest.starts_with('#') {
        return Some("JSON has no comments");
    }
    if error.to_string().starts_with("trailing comma") {
        return Some("remove the comma before the closing bracket");
    }
    let first = text.trim_start();
    (!first.starts_with(['{', '['])).then_some("a document is a JSON object; YAML is not read here")
}

fn column_in_characters(text: &str, line: usize, column: usize) -> usize {
    let line = text.split('\n').nth(line.saturating_sub(1)).unwrap_or_default();
    let mut end = column.saturating_sub(1).min(line.len());
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    line[..end].chars().count() + 1
}

struct Builder {
    pointer: String,
    depth: usize,
    max_depth: usize,
    problems: Vec<Diagnostic>,
}

/// Builds one value; goes on after everything but syntax errors.
struct Seed<'a>(&'a mut Builder);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(self.number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(self.number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        match Number::from_f64(value) {
            Some(number) => Ok(self.number(number)),
            None => Err(E::custom("number out of range")),
        }
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        if self.0.depth == self.0.max_depth {
            self.0.problems.push(too_deep(&self.0.pointer, self.0.max_depth));
            while access.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(Value::Null);
        }
        self.0.depth += 1;
        let mut items = Vec::new();
        loop {
            let length = push_index(&mut self.0.pointer, items.len());
            let item = access.next_element_seed(Seed(self.0))?;
            self.0.pointer.truncate(length);
            match item {
                Some(item) => items.push(item),
                None => break,
            }
        }
        self.0.depth -= 1;
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        if self.0.depth == self.0.max_depth {
            self.0.problems.push(too_deep(&self.0.pointer, self.0.max_depth));
            while access.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(Value::Null);
        }
        self.0.depth += 1;
        let mut object = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            let length = push_key(&mut self.0.pointer, &key);
            if object.contains_key(&key) {
                let message = format!("the object has the key `{key}` twice");
                let problem = Diagnostic::error(Code::DuplicateKey, &self.0.pointer, message);
                self.0.problems.push(problem);
            }
            let value = access.next_value_seed(Seed(self.0))?;
            self.0.pointer.truncate(length);
            object.insert(key, value);
        }
        self.0.depth -= 1;
        Ok(Value::Object(object))
    }
}

impl Seed<'_> {
    fn number(self, number: Number) -> Value {
        self.0.problems.extend(inexact(&number, &self.0.pointer));
        Value::Number(number)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let problems = parse_document(text).expect_err(text).0;
        problems.iter().map(|p| format!("{} {}: {}", p.code, p.pointer, p.message)).collect()
    }

    #[test]
    fn json_is_read_as_it_is() {
        let text = r#" {"a": [1, -2, 0.5, 1e3, true, null, "x\u0000é"], "b": {}} "#;
        assert_eq!(parse_document(text).unwrap(), serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(parse_document("9007199254740992").unwrap(), json!(1_u64 << 53));
        assert_eq!(parse_document("[1e16]").unwrap_err().0[0].code, Code::InexactNumber);
        assert_eq!(parse_document("[1e21, -1e300]").unwrap(), json!([1e21, -1e300]));
    }

    #[test]
    fn every_problem_is_reported_at_its_place() {
        let text =
            r#"{"a": 1, "b": [{"x": 1, "x": 2}], "a": 9007199254740993, "c": -9007199254740993}"#;
        assert_eq!(
            problems(text),
            [
                "duplicate_key /a: the object has the key `a` twice",
                "inexact_number /a: 9007199254740993 is beyond 2^53 and not exact everywhere",
                "duplicate_key /b/0/x: the object has the key `x` twice",
                "inexact_number /c: -9007199254740993 is beyond 2^53 and not exact everywhere",
            ]
        );
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(parse_document(&nested(MAX_DOCUMENT_DEPTH)).is_ok());
        let at = "/0".repeat(MAX_DOCUMENT_DEPTH);
        let deep = format!("too_deep {at}: lists and objects are nested deeper than 32 levels");
        assert_eq!(problems(&nested(MAX_DOCUMENT_DEPTH + 1)), [deep]);
        assert!(problems(&nested(100_000))[0].starts_with("too_deep"));
        let objects = r#"{"a":"#.repeat(40) + "1" + &"}".repeat(40);
        assert!(problems(&objects)[0].starts_with("too_deep"));
    }

    #[test]
    fn syntax_errors_have_a_position_and_often_a_hint() {
        let cases = [
            ("", 1, "the document is empty"),
            ("{\n  'a': 1}", 3, "JSON texts stand in double quotes"),
            ("{\"a\": 1,}", 9, "remove the comma before the closing bracket"),
            ("{\"é\": // x\n1}", 7, "JSON has no comments"),
            ("nodes:\n- id: a", 2, "a document is a JSON object; YAML is not read here"),
        ];
        for (text, column, hint) in cases {
            let problem = parse_document(text).unwrap_err().0.remove(0);
            assert_eq!(problem.code, Code::InvalidJson, "{text}");
            assert_eq!(problem.position.unwrap().column, column, "{text}: {}", problem.message);
            assert_eq!(problem.hint.as_deref(), Some(hint), "{text}");
        }
        for text in ["1e400", "{\"a\": 1} x", "[1", "\"\\ud800\"", "nul"] {
            assert_eq!(parse_document(text).unwrap_err().0[0].code, Code::InvalidJson, "{text}");
        }
    }

    #[test]
    fn size_is_bounded() {
        let text = " ".repeat(MAX_DOCUMENT_BYTES + 1);
        assert_eq!(parse_document(&text).unwrap_err().0[0].code, Code::TooLarge);
    }
}
