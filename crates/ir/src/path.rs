//! Paths into JSON values, shared by references and expressions.

use serde_json::Value;

/// One step of a path. A key of digits also indexes a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Key(Box<str>),
    Index(usize),
}

/// Keys shown when one is missing.
const SHOWN_KEYS: usize = 8;

impl Step {
    /// The value one step further, if there is one.
    pub(crate) fn into<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        match (value, self) {
            (Value::Object(map), Self::Key(key)) => map.get(key.as_ref()),
            (Value::Array(items), Self::Index(index)) => items.get(*index),
            (Value::Array(items), Self::Key(key)) => items.get(key.parse::<usize>().ok()?),
            _ => None,
        }
    }

    /// Says that this step leads nowhere from `value`, which is written `at`.
    pub(crate) fn dead_end(&self, value: &Value, at: &str) -> String {
        let wanted = match self {
            Self::Key(key) => format!("key `{key}`"),
            Self::Index(index) => format!("item {index}"),
        };
        match value {
            Value::Object(map) if map.is_empty() => format!("`{at}` is empty and has no {wanted}"),
            Value::Object(map) => {
                let mut keys: Vec<&str> = map.keys().map(String::as_str).collect();
                keys.sort_unstable();
                let more = if keys.len() > SHOWN_KEYS { ", …" } else { "" };
                keys.truncate(SHOWN_KEYS);
                format!("`{at}` has no {wanted}; it has {}{more}", keys.join(", "))
            }
            Value::Array(items) => format!("`{at}` has no {wanted}; it has {} items", items.len()),
            Value::Null => format!("`{at}` is null and has no {wanted}"),
            Value::Bool(_) => format!("`{at}` is a boolean and has no {wanted}"),
            Value::Number(_) => format!("`{at}` is a number and has no {wanted}"),
            Value::String(_) => format!("`{at}` is a string and has no {wanted}"),
        }
    }
}

/// Follows `steps` from `value`.
///
/// # Errors
/// What is missing; `root` is how the start is written.
pub(crate) fn walk<'v>(value: &'v Value, steps: &[Step], root: &str) -> Result<&'v Value, String> {
    let mut at = value;
    for (position, step) in steps.iter().enumerate() {
        at = match step.into(at) {
            Some(next) => next,
            None => return Err(step.dead_end(at, &spell(root, &steps[..position]))),
        };
    }
    Ok(at)
}

/// A path as its author would write it.
fn spell(root: &str, steps: &[Step]) -> String {
    let mut text = root.to_owned();
    for step in steps {
        text.push_str(&match step {
            Step::Key(key) if key.contains(|c: char| !(c.is_alphanumeric() || c == '_')) => {
                format!("['{key}']")
            }
            Step::Key(key) => format!(".{key}"),
            Step::Index(index) => format!("[{index}]"),
        });
    }
    text
}
