//! JSON, strictly: what one reader takes, every reader takes, and reads the same.
//!
//! Refused besides bad syntax: keys that stand twice, nesting without end, numbers out of range
//! and escapes that stand for no character. What passes here can be parsed by everything behind.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use aob_api::{ProblemItem, TextPosition};
use serde_json::value::RawValue;

/// Lists and objects within each other in a body: with the value inside, 128 levels.
pub const JSON_DEPTH_MAX: usize = 127;
/// Problems reported of one text.
const PROBLEMS_MAX: usize = 100;
/// Numbers longer than this are checked for their range.
const PLAIN_NUMBER_LEN: usize = 300;

/// Checks one JSON text.
///
/// # Errors
/// Everything that is wrong with it; of syntax, the first error.
pub fn check_json(text: &str) -> Result<(), Vec<ProblemItem>> {
    if let Err(error) = serde_json::from_str::<&RawValue>(text) {
        return Err(vec![syntax_error(&error, text)]);
    }
    let mut scan = Scan { text, at: 0, frames: Vec::new(), wants_key: false, problems: Vec::new() };
    scan.run();
    if scan.problems.is_empty() { Ok(()) } else { Err(scan.problems) }
}

/// An error of serde_json as an item without pointer.
pub(crate) fn syntax_error(error: &serde_json::Error, text: &str) -> ProblemItem {
    let full = error.to_string();
    let message = full.split(" at line ").next().unwrap_or(&full);
    let (line, column) = (error.line().max(1), column_in_characters(text, error));
    let shown = format!("this is not JSON: {message} (line {line}, column {column})");
    let mut item = ProblemItem::new("invalid_json", shown);
    item.position = Some(TextPosition { line: line as u64, column: column as u64 });
    item.hint = hint(text, error).map(str::to_owned);
    item
}

/// What often is the matter, judged by the text around the error.
fn hint(text: &str, error: &serde_json::Error) -> Option<&'static str> {
    if text.trim().is_empty() {
        return Some("the body is empty");
    }
    let line = text.lines().nth(error.line().saturating_sub(1)).unwrap_or_default();
    let rest = line.get(error.column().saturating_sub(1)..).unwrap_or_default();
    if rest.starts_with('\'') {
        return Some("JSON texts stand in double quotes");
    }
    if rest.starts_with('/') || rest.starts_with('#') {
        return Some("JSON has no comments");
    }
    let before = line.get(..error.column().saturating_sub(1)).unwrap_or_default();
    if rest.starts_with(['}', ']']) && before.trim_end().ends_with(',') {
        return Some("remove the comma before the closing bracket");
    }
    let first = text.trim_start();
    let yaml = "for YAML send `Content-Type: application/yaml`";
    (!first.starts_with(['{', '['])).then_some(yaml)
}

fn column_in_characters(text: &str, error: &serde_json::Error) -> usize {
    let line = text.split('\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    let mut end = error.column().saturating_sub(1).min(line.len());
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    line[..end].chars().count() + 1
}

/// Where the scan is inside of.
enum Frame<'t> {
    List { index: usize },
    Object { keys: BTreeSet<Cow<'t, str>>, key: Cow<'t, str> },
}

/// A walk over well-formed JSON that needs no stack but its own.
struct Scan<'t> {
    text: &'t str,
    at: usize,
    frames: Vec<Frame<'t>>,
    wants_key: bool,
    problems: Vec<ProblemItem>,
}

impl<'t> Scan<'t> {
    fn run(&mut self) {
        while let Some(byte) = self.text.as_bytes().get(self.at) {
            match byte {
                b'{' => self.open(Frame::Object { keys: BTreeSet::new(), key: "".into() }, true),
                b'[' => self.open(Frame::List { index: 0 }, false),
                b'}' | b']' => {
                    self.frames.pop();
                    self.wants_key = false;
                }
                b',' => match self.frames.last_mut() {
                    Some(Frame::List { index }) => *index += 1,
                    Some(Frame::Object { .. }) => self.wants_key = true,
                    None => {}
                },
                b'"' => self.string(),
                b'-' | b'0'..=b'9' => self.number(),
                // White space, colons, and the letters of `true`, `false`, `null`.
                _ => {}
            }
            self.at += 1;
            if self.problems.len() >= PROBLEMS_MAX {
                return;
            }
        }
    }

    fn open(&mut self, frame: Frame<'t>, wants_key: bool) {
        if self.frames.len() == JSON_DEPTH_MAX {
            let message =
                format!("lists and objects are nested deeper than {} levels", JSON_DEPTH_MAX + 1);
            self.refuse("too_deep", message);
            self.at = self.text.len();
            return;
        }
        self.frames.push(frame);
        self.wants_key = wants_key;
    }

    /// Steps over a string; leaves the scan at its closing quote.
    fn string(&mut self) {
        let bytes = self.text.as_bytes();
        let mut end = self.at + 1;
        let mut escaped = false;
        while let Some(byte) = bytes.get(end).filter(|byte| **byte != b'"') {
            escaped |= *byte == b'\\';
            end += if *byte == b'\\' { 2 } else { 1 };
        }
        let quoted = self.text.get(self.at..=end).unwrap_or_default();
        self.at = end;
        let plain = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
        let value = if escaped {
            match serde_json::from_str::<String>(quoted) {
                Ok(value) => Cow::Owned(value),
                Err(_) => {
                    let message = "a text holds half of a surrogate pair (`\\ud800` to `\\udfff`)";
                    self.refuse("invalid_text", message.to_owned());
                    Cow::Borrowed(plain)
                }
            }
        } else {
            Cow::Borrowed(plain)
        };
        if self.wants_key {
            self.wants_key = false;
            self.key(value);
        }
    }

    fn key(&mut self, name: Cow<'t, str>) {
        let Some(Frame::Object { keys, key }) = self.frames.last_mut() else { return };
        let is_new = keys.insert(name.clone());
        *key = name;
        if !is_new {
            let message = format!("the object has the key `{key}` twice");
            self.refuse("duplicate_key", message);
        }
    }

    fn number(&mut self) {
        let rest = &self.text[self.at..];
        let is_part = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let digits = &rest[..end];
        let doubtful = digits.len() > PLAIN_NUMBER_LEN || digits.contains(['e', 'E']);
        if doubtful && !digits.parse::<f64>().is_ok_and(f64::is_finite) {
            let message = "a number is out of the range of doubles".to_owned();
            self.refuse("number_out_of_range", message);
        }
        self.at += end - 1;
    }

    fn refuse(&mut self, code: &'static str, message: String) {
        let mut pointer = String::new();
        for frame in &self.frames {
            // Writing to a string cannot fail.
            let _ = match frame {
                Frame::List { index } => write!(pointer, "/{index}"),
                Frame::Object { key, .. } => {
                    write!(pointer, "/{}", key.replace('~', "~0").replace('/', "~1"))
                }
            };
        }
        self.problems.push(ProblemItem::at(pointer, code, message));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let problems = check_json(text).expect_err(text);
        problems
            .iter()
            .map(|p| format!("{} {}", p.code, p.pointer.as_deref().unwrap_or("-")))
            .collect()
    }

    #[test]
    fn what_passes_can_be_parsed() {
        let nested = format!("{}1{}", "[".repeat(JSON_DEPTH_MAX), "]".repeat(JSON_DEPTH_MAX));
        let long = format!("1{}.5", "0".repeat(305));
        let texts = [
            "1",
            " null ",
            "{}",
            "[]",
            "[[],{},[{}]]",
            &nested,
            &long,
            "-1.5E-3",
            "1e-400",
            r#"{"a":{"a":[{"a":1},{"a":2}]},"b":"}{,:\"\\"}"#,
            r#"["\u0000","\ud83d\ude00","é"]"#,
        ];
        for text in texts {
            assert_eq!(check_json(text), Ok(()), "{text}");
            serde_json::from_str::<Value>(text).expect(text);
        }
    }

    #[test]
    fn what_readers_would_differ_on_is_refused_at_its_place() {
        let deep = format!("[0,{{\"a\":{}", "[".repeat(JSON_DEPTH_MAX - 1));
        let deep = format!("{deep}{}}}]", "]".repeat(JSON_DEPTH_MAX - 1));
        let at = format!("too_deep /1/a{}", "/0".repeat(JSON_DEPTH_MAX - 2));
        let cases = [
            (
                r#"{"a":1,"b":[{"x":1,"x":2}],"a":2}"#,
                vec!["duplicate_key /b/0/x", "duplicate_key /a"],
            ),
            (r#"{"a/~":1,"\u0061/~":2}"#, vec!["duplicate_key /a~1~0"]),
            (&deep, vec![at.as_str()]),
            (r#"[1,1e400]"#, vec!["number_out_of_range /1"]),
            (r#"{"k":"\ud800"}"#, vec!["invalid_text /k"]),
            (r#"{"\udfff":1}"#, vec!["invalid_text -"]),
            ("", vec!["invalid_json -"]),
            ("{} x", vec!["invalid_json -"]),
            ("{'a':1}", vec!["invalid_json -"]),
        ];
        for (text, expected) in cases {
            let found = problems(text);
            let found: Vec<&str> = found.iter().map(String::as_str).collect();
            if expected == ["invalid_text -"] {
                assert_eq!(found, ["invalid_text /"], "{text}");
            } else {
                assert_eq!(found, expected, "{text}");
            }
        }
        let huge = format!("[{}]", "9".repeat(400));
        assert_eq!(problems(&huge), ["number_out_of_range /0"]);
    }

    #[test]
    fn bad_syntax_has_a_place_and_often_a_hint() {
        let cases = [
            ("", 1, "the body is empty"),
            ("{\n  'a': 1}", 3, "JSON texts stand in double quotes"),
            ("{\"a\": 1,}", 9, "remove the comma before the closing bracket"),
            ("{\"é\": // x\n1}", 7, "JSON has no comments"),
            ("nodes:\n- id: a", 2, "for YAML send `Content-Type: application/yaml`"),
        ];
        for (text, column, hint) in cases {
            let item = check_json(text).unwrap_err().remove(0);
            assert_eq!(item.position.unwrap().column, column, "{text}: {}", item.message);
            assert_eq!(item.hint.as_deref(), Some(hint), "{text}");
        }
    }

    #[test]
    fn the_number_of_problems_is_bounded() {
        let text = format!("{{\"a\":0{}}}", ",\"a\":0".repeat(10_000));
        assert_eq!(check_json(&text).unwrap_err().len(), PROBLEMS_MAX);
    }

    proptest! {
        #[test]
        fn any_text_is_judged_as_the_parser_judges_it(text in r#"[\[\]{}:,"\\ue0-9.dD a-]{0,40}"#) {
            let parsed = serde_json::from_str::<Value>(&text);
            match check_json(&text) {
                Ok(()) => prop_assert!(parsed.is_ok(), "{text}"),
                // The parser takes keys that stand twice, and nothing else that is refused here.
                Err(problems) if parsed.is_ok() => {
                    prop_assert!(problems.iter().all(|p| p.code == "duplicate_key"), "{text}");
                }
                Err(_) => {}
            }
        }
    }
}
