//! Fields of what is to be approved that may be changed before: one for each text, number and truth
//! that the ticket lets edit, with what stands there now.

use std::collections::BTreeMap;
use std::sync::Arc;

use aob_ir::Fields;
use serde_json::Value;

use super::answer::{Sent, read};
use super::{Field, Kind, LINE_CHARS_MAX};
use crate::words::{cut, plain};

/// What the names of these fields begin with.
const PREFIX: &str = "e.";
/// Fields offered; more are edited through the API.
const FIELDS_MAX: usize = 60;
/// Their numbers begin here, behind those of the ticket's form.
const NUMBERS_FROM: usize = 1_000;
/// Characters of a text that is offered.
const TEXT_CHARS_MAX: usize = 20_000;

/// What may be changed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Edits {
    pub(crate) fields: Vec<Field>,
    /// What stands in each field's place now.
    values: Vec<Value>,
    /// There is more that may be edited than is offered here.
    pub(crate) more: bool,
}

impl Edits {
    /// The fields of these values, each with the pointer to it.
    pub(crate) fn of<'v>(
        allowed: &Fields,
        places: impl Iterator<Item = (String, &'v Value)>,
    ) -> Self {
        let mut edits = Self::default();
        for (pointer, value) in places {
            edits.look_at(allowed, &pointer, value);
        }
        edits
    }

    fn look_at(&mut self, allowed: &Fields, pointer: &str, value: &Value) {
        match value {
            Value::Object(keys) => {
                for (key, inner) in keys {
                    let key = key.replace('~', "~0").replace('/', "~1");
                    self.look_at(allowed, &format!("{pointer}/{key}"), inner);
                }
            }
            Value::Array(items) => {
                for (at, inner) in items.iter().enumerate() {
                    self.look_at(allowed, &format!("{pointer}/{at}"), inner);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)
                if allowed.allow(pointer) =>
            {
                self.offer(pointer, value);
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn offer(&mut self, pointer: &str, value: &Value) {
        let field = kind(value).filter(|_| self.fields.len() < FIELDS_MAX);
        let Some((kind, text)) = field else {
            self.more = true;
            return;
        };
        self.fields.push(Field {
            property: pointer.to_owned(),
            prefix: PREFIX,
            label: cut(pointer, 200),
            help: None,
            required: false,
            kind,
            text,
            error: None,
            number: NUMBERS_FROM + self.fields.len(),
        });
        self.values.push(value.clone());
    }

    /// What was changed; `None`: something typed in is not what its field takes, which it says now.
    pub(crate) fn read(&mut self, sent: Sent<'_>) -> Option<BTreeMap<Arc<str>, Value>> {
        let mut changed = BTreeMap::new();
        for (field, before) in self.fields.iter_mut().zip(&self.values) {
            let name = field.name();
            // A field that is not sent was not shown.
            let Some((_, text)) = sent.iter().find(|(known, _)| *known == name) else { continue };
            field.text.clone_from(text);
            let value = match read(field) {
                Ok(Some(value)) => value,
                Ok(None) if before.is_string() => Value::String(String::new()),
                Ok(None) => {
                    field.error = Some("This has to be filled in.".to_owned());
                    continue;
                }
                Err(error) => {
                    field.error = Some(error);
                    continue;
                }
            };
            if value != *before {
                changed.insert(Arc::from(field.property.as_str()), value);
            }
        }
        let wrong = self.fields.iter().any(|field| field.error.is_some());
        (!wrong).then_some(changed)
    }
}

/// How a value is edited; `None`: what would stand in the field is not what it is.
fn kind(value: &Value) -> Option<(Kind, String)> {
    match value {
        Value::String(text) if plain(text) != *text || text.contains('\r') => None,
        Value::String(text) if text.chars().count() > TEXT_CHARS_MAX => None,
        Value::String(text) => {
            let line = text.trim() == text && !text.contains('\n');
            let line = line && text.len() as u64 <= LINE_CHARS_MAX;
            let kind = match line {
                true => Kind::Line { kind: "text", max_chars: None },
                false => Kind::Lines { max_chars: None },
            };
            Some((kind, text.clone()))
        }
        Value::Number(number) => {
            let kind = Kind::Number { whole: !number.is_f64(), min: None, max: None };
            Some((kind, number.to_string()))
        }
        Value::Bool(truth) => Some((Kind::Truth, truth.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => Some((Kind::Json, value.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields() -> Fields {
        let list = |texts: &[&str]| texts.iter().map(|text| Arc::from(*text)).collect();
        Fields { editable: list(&["/a", "/b", "/c/*/n", "/d~1e"]), fixed: list(&["/b/no"]) }
    }

    #[test]
    fn what_may_be_edited_is_offered_as_it_is() {
        let value = json!({
            "a": 5, "b": {"no": 1, "text": " two\nlines", "bad": "\u{202e}x"}, "x": 1,
            "c": [{"n": true, "m": 1}, {"n": null}], "d/e": "it",
        });
        let edits = Edits::of(&fields(), std::iter::once((String::new(), &value)));
        let shown: Vec<_> =
            edits.fields.iter().map(|field| (field.name(), field.text.as_str())).collect();
        let expected = [
            ("e./a", "5"),
            ("e./b/text", " two\nlines"),
            ("e./c/0/n", "true"),
            ("e./c/1/n", "null"),
            ("e./d~1e", "it"),
        ];
        assert_eq!(shown, expected.map(|(name, text)| (name.to_owned(), text)));
        assert!(edits.more, "what would look like something else is not offered");
    }

    #[test]
    fn only_what_was_changed_counts() {
        let value = json!({"a": 5, "b": {"text": "two\nlines", "other": "x"}});
        let mut edits = Edits::of(&fields(), std::iter::once((String::new(), &value)));
        let sent = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
        };
        let same = sent(&[("e./a", "5"), ("e./b/text", "two\r\nlines"), ("e./b/other", "x")]);
        assert_eq!(edits.read(&same), Some(BTreeMap::new()));
        let other = sent(&[("e./a", "7"), ("e./b/other", ""), ("e./x", "1")]);
        let expected = [("/a".into(), json!(7)), ("/b/other".into(), json!(""))];
        assert_eq!(edits.read(&other), Some(BTreeMap::from(expected)));
        assert_eq!(edits.read(&sent(&[("e./a", "much")])), None);
        assert!(edits.fields[0].error.is_some());
    }
}
