//! Keeps secret values out of outputs, failures and log lines.

use aob_api::jobs::{FailureMessage, RawText};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;
use serde_json::value::RawValue;
use url::form_urlencoded;
use zeroize::Zeroizing;

/// Shorter values are not hidden: they would be found in every other word.
const HIDDEN_BYTES_MIN: usize = 4;
/// Lines of a secret with several lines are hidden one by one from this length on.
const HIDDEN_LINE_BYTES_MIN: usize = 8;

/// Replaces secret values, and their common encodings, by `[secret:<name>]`.
#[derive(Default)]
pub struct Redactor {
    /// Longest first, so that a secret inside another one does not leave its rest behind.
    hidden: Vec<(Zeroizing<String>, String)>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.hidden.iter().map(|(_, mark)| mark)).finish()
    }
}

impl Redactor {
    /// Hides `value` from here on.
    pub fn hide(&mut self, name: &str, value: &str) {
        if value.trim().len() < HIDDEN_BYTES_MIN {
            return;
        }
        let mark = format!("[secret:{name}]");
        let mut forms = vec![
            value.to_owned(),
            value.trim().to_owned(),
            STANDARD.encode(value),
            URL_SAFE_NO_PAD.encode(value),
            form_urlencoded::byte_serialize(value.as_bytes()).collect(),
            percent_encoded(value),
            json_escaped(value),
        ];
        if value.trim().contains('\n') {
            let lines = value.lines().map(str::trim);
            forms.extend(lines.filter(|l| l.len() >= HIDDEN_LINE_BYTES_MIN).map(str::to_owned));
        }
        for form in forms {
            let known = self.hidden.iter().any(|(hidden, _)| **hidden == form);
            if !known {
                self.hidden.push((Zeroizing::new(form), mark.clone()));
            }
        }
        self.hidden.sort_by_key(|(form, _)| std::cmp::Reverse(form.len()));
    }

    /// True where nothing has to be hidden.
    pub fn is_empty(&self) -> bool {
        self.hidden.is_empty()
    }

    /// `text` without secrets.
    pub fn text(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for (form, mark) in &self.hidden {
            if clean.contains(form.as_str()) {
                clean = clean.replace(form.as_str(), mark);
            }
        }
        clean
    }

    /// The value without secrets, in strings, keys and numbers.
    pub fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::Object(entries) => entries
                .into_iter()
                .map(|(key, value)| (self.text(&key), self.value(value)))
                .collect(),
            Value::Number(number) => {
                let text = number.to_string();
                let clean = self.text(&text);
                if clean == text { Value::Number(number) } else { Value::String(clean) }
            }
            Value::Null | Value::Bool(_) => value,
        }
    }

    /// The JSON text without secrets; a text in which there is nothing to hide stays as it is.
    pub fn json(&self, text: Box<RawValue>) -> Box<RawValue> {
        if self.is_empty() {
            return text;
        }
        let Ok(value) = serde_json::from_str::<Value>(text.get()) else {
            return RawValue::NULL.to_owned();
        };
        let clean = self.value(value.clone());
        if clean == value { text } else { RawText::of(&clean).0 }
    }

    /// The failure without secrets.
    pub fn failure(&self, failure: FailureMessage) -> FailureMessage {
        if self.is_empty() {
            return failure;
        }
        FailureMessage {
            code: self.text(&failure.code).into(),
            message: self.text(&failure.message).into(),
            details: failure.details.map(|details| RawText(self.json(details.0))),
            ..failure
        }
    }
}

fn percent_encoded(value: &str) -> String {
    let mut encoded = String::new();
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

fn json_escaped(value: &str) -> String {
    let quoted = Value::from(value).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn redactor(secrets: &[(&str, &str)]) -> Redactor {
        let mut redactor = Redactor::default();
        secrets.iter().for_each(|(name, value)| redactor.hide(name, value));
        redactor
    }

    #[test]
    fn every_common_form_of_a_secret_is_hidden() {
        let value = "s3cret/with \"quotes\"+and&signs";
        let redactor = redactor(&[("k", value)]);
        let forms = [
            value.to_owned(),
            STANDARD.encode(value),
            URL_SAFE_NO_PAD.encode(value),
            percent_encoded(value),
            form_urlencoded::byte_serialize(value.as_bytes()).collect(),
            serde_json::to_string(value).unwrap(),
        ];
        for form in forms {
            let clean = redactor.text(&format!("<{form}>"));
            assert!(clean.contains("[secret:k]"), "{form} -> {clean}");
            assert!(clean.len() <= "<\"[secret:k]\">".len(), "{form} -> {clean}");
        }
    }

    #[test]
    fn json_stays_json() {
        let redactor = redactor(&[("pin", "918273"), ("key", "a\"b\"c\"d")]);
        let value = json!({"918273": [918_273, 918_274, "x918273y", "a\"b\"c\"d"], "n": null});
        let clean = redactor.json(RawText::of(&value).0);
        assert_eq!(
            serde_json::from_str::<Value>(clean.get()).unwrap(),
            json!({"[secret:pin]": ["[secret:pin]", 918_274, "x[secret:pin]y", "[secret:key]"], "n": null})
        );
    }

    #[test]
    fn a_secret_within_another_leaves_nothing_behind() {
        let redactor = redactor(&[("short", "abcd"), ("long", "xx-abcd-yy")]);
        assert_eq!(redactor.text("1 xx-abcd-yy 2 abcd 3"), "1 [secret:long] 2 [secret:short] 3");
    }

    #[test]
    fn lines_of_a_key_file_are_hidden_one_by_one() {
        let redactor = redactor(&[("pem", "-----BEGIN-----\nMIIEvQIBADANBg\n-----END-----\n")]);
        assert_eq!(redactor.text("oops MIIEvQIBADANBg"), "oops [secret:pem]");
    }

    #[test]
    fn values_too_short_to_be_secret_and_clean_texts_stay() {
        let redactor = redactor(&[("x", "abc")]);
        assert!(redactor.is_empty());
        let text = RawValue::from_string(r#"{ "b":1.10, "a" : 2 }"#.to_owned()).unwrap();
        assert_eq!(redactor.json(text.clone()).get(), text.get());
    }
}
