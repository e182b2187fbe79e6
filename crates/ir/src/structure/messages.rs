//! The words for what does not fit the schema.

use serde_json::{Map, Number, Value};

use super::shape::{ObjectShape, Shape, Types};
use crate::diagnostic::{Code, Diagnostic};
use crate::names::nearest;

/// Where a key that is unknown here would be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the object around.
    Above,
    /// In `config`, beside it.
    InConfig,
    /// Nowhere near.
    Nowhere,
}

/// Known names that are listed in a hint.
const MAX_LISTED: usize = 16;

pub(super) fn wrong_type(shape: &Shape, value: &Value, pointer: &str) -> Diagnostic {
    let wanted = shape.types.describe();
    let found = Types::name_of(value);
    let problem =
        Diagnostic::error(Code::WrongType, pointer, format!("expected {wanted}, found {found}"));
    with_example(problem.with_hint_opt(type_hint(&wanted, value)), shape)
}

pub(super) fn none_fits(
    shape: &Shape,
    wanted: &[String],
    value: &Value,
    pointer: &str,
) -> Diagnostic {
    let wanted = wanted.join(" or ");
    let found = Types::name_of(value);
    let problem =
        Diagnostic::error(Code::WrongType, pointer, format!("expected {wanted}, found {found}"));
    with_example(problem.with_hint(shape.description.clone()), shape)
}

fn type_hint(wanted: &str, value: &Value) -> Option<String> {
    match value {
        Value::String(text) if wanted.contains("number") && text.parse::<f64>().is_ok() => {
            Some(format!("write {text} without quotes"))
        }
        Value::String(text) if wanted.contains("true") && (text == "true" || text == "false") => {
            Some(format!("write {text} without quotes"))
        }
        Value::Number(number) if wanted == "a string" => Some(format!("write \"{number}\"")),
        Value::Number(_) if wanted == "a whole number" => Some("leave the fraction out".to_owned()),
        Value::String(text) if wanted.contains("number") && text.starts_with('$') => {
            Some("this key takes no reference".to_owned())
        }
        Value::Null => Some("leave the key out instead of writing null".to_owned()),
        Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => None,
    }
}

/// What is wrong with a text.
pub(super) fn text(shape: &Shape, text: &str, pointer: &str) -> Option<Diagnostic> {
    if shape.planned.iter().any(|word| word == text) {
        let message = format!("`{text}` is planned and not yet supported");
        return Some(Diagnostic::error(Code::NotYetSupported, pointer, message));
    }
    if !shape.words.is_empty() && !shape.words.iter().any(|word| word == text) {
        return Some(unknown_value(shape, text, pointer));
    }
    let length = text.chars().count();
    if length < shape.min_length {
        let message = if length == 0 {
            "the text is empty".to_owned()
        } else {
            format!("the text has {length} characters, fewer than {}", shape.min_length)
        };
        return Some(with_example(Diagnostic::error(Code::OutOfRange, pointer, message), shape));
    }
    if length > shape.max_length {
        let message = format!("the text has {length} characters, more than {}", shape.max_length);
        return Some(Diagnostic::error(Code::OutOfRange, pointer, message));
    }
    let pattern = shape.pattern.as_ref().filter(|pattern| !pattern.is_match(text))?;
    let message = format!("`{}` is not a valid {}", excerpt(text), shape.title.to_lowercase());
    let hint = format!("{} It must match `{pattern}`.", shape.description);
    let problem = Diagnostic::error(Code::Malformed, pointer, message).with_hint(hint);
    Some(with_example(problem, shape))
}

fn unknown_value(shape: &Shape, text: &str, pointer: &str) -> Diagnostic {
    let message = format!("`{}` is not one of {}", excerpt(text), listed(&shape.words));
    let problem = Diagnostic::error(Code::UnknownValue, pointer, message);
    let near = nearest(text, shape.words.iter().map(String::as_str));
    problem.with_hint_opt(near.map(|near| format!("did you mean `{near}`?")))
}

/// What is wrong with a number.
pub(super) fn number(shape: &Shape, number: &Number, pointer: &str) -> Option<Diagnostic> {
    let value = number.as_f64()?;
    let low = shape.minimum.filter(|minimum| value < *minimum as f64);
    let high = shape.maximum.filter(|maximum| value > *maximum as f64);
    if low.is_none() && high.is_none() {
        return None;
    }
    let message = match (shape.minimum, shape.maximum) {
        (Some(minimum), Some(maximum)) => {
            format!("{number} is not between {minimum} and {maximum}")
        }
        (Some(minimum), None) => format!("{number} is less than {minimum}"),
        (None, Some(maximum)) => format!("{number} is more than {maximum}"),
        (None, None) => return None,
    };
    let problem = Diagnostic::error(Code::OutOfRange, pointer, message);
    Some(if pointer.ends_with("timeout_ms") && high.is_none() {
        problem.with_hint("times are in milliseconds; leave the key out for none")
    } else {
        problem
    })
}

/// What is wrong with the length of a list.
pub(super) fn length(shape: &Shape, length: usize, pointer: &str) -> Option<Diagnostic> {
    let message = if length == 0 && shape.min_items > 0 {
        "the list is empty".to_owned()
    } else if length < shape.min_items {
        format!("the list has {length} items, fewer than {}", shape.min_items)
    } else if length > shape.max_items {
        format!("the list has {length} items, more than {}", shape.max_items)
    } else {
        return None;
    };
    Some(Diagnostic::error(Code::OutOfRange, pointer, message))
}

pub(super) fn missing_key(key: &str, wanted: Option<&Shape>, pointer: &str) -> Diagnostic {
    let problem =
        Diagnostic::error(Code::MissingKey, pointer, format!("the key `{key}` is missing"));
    explained(problem, key, wanted)
}

/// The problem with what `key` is, and what it could look like.
fn explained(problem: Diagnostic, key: &str, wanted: Option<&Shape>) -> Diagnostic {
    let Some(shape) = wanted else { return problem };
    let problem = problem.with_hint(format!("`{key}`: {}", shape.description));
    match &shape.example {
        Some(example) => problem.with_example(format!("\"{key}\": {example}")),
        None => problem,
    }
}

/// What is wrong where exactly one of `keys` is needed; `first` is the shape of the first, which
/// is the usual one.
pub(super) fn one_of(
    keys: &[String],
    first: Option<&Shape>,
    map: &Map<String, Value>,
    pointer: &str,
) -> Option<Diagnostic> {
    let present: Vec<&String> = keys.iter().filter(|key| map.contains_key(*key)).collect();
    let message = match present.as_slice() {
        [_] => return None,
        [] => format!("one of {} is needed", listed(keys)),
        several => format!("{} exclude each other", listed(several)),
    };
    let problem = Diagnostic::error(Code::ConflictingKeys, pointer, message);
    let missing = keys.first().filter(|_| present.is_empty());
    Some(match missing {
        Some(key) => explained(problem, key, first),
        None => problem,
    })
}

pub(super) fn unknown_key(
    object: &ObjectShape,
    key: &str,
    place: Place,
    pointer: &str,
) -> Diagnostic {
    let known = object.keys.keys().map(String::as_str);
    let near = nearest(key, known.chain(object.aliases.keys().map(String::as_str)));
    if object.planned && near.is_none() {
        let message = format!("`{}` is not yet supported", excerpt(key));
        let names: Vec<&String> = object.keys.keys().collect();
        return Diagnostic::error(Code::NotYetSupported, pointer, message)
            .with_hint(format!("supported: {}", listed(&names)));
    }
    let message = format!("`{}` is not a known key here", excerpt(key));
    let hint = match (place, near) {
        (Place::InConfig, _) => format!("`{key}` belongs into `config`"),
        (_, Some(near)) => format!("did you mean `{near}`?"),
        (Place::Above, None) => format!("`{key}` belongs one level up"),
        (Place::Nowhere, None) if object.keys.is_empty() => "nothing is known here".to_owned(),
        (Place::Nowhere, None) => {
            let names: Vec<&String> = object.keys.keys().collect();
            format!("known are {}", listed(&names))
        }
    };
    Diagnostic::error(Code::UnknownKey, pointer, message).with_hint(hint)
}

fn with_example(problem: Diagnostic, shape: &Shape) -> Diagnostic {
    match &shape.example {
        Some(example) => problem.with_example(example.to_string()),
        None => problem,
    }
}

/// `` `a`, `b` and `c` ``.
fn listed<S: AsRef<str>>(names: &[S]) -> String {
    let quoted: Vec<String> =
        names.iter().take(MAX_LISTED).map(|name| format!("`{}`", name.as_ref())).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) if names.len() <= MAX_LISTED => {
            format!("{} and {last}", before.join(", "))
        }
        Some(_) => format!("{}, …", quoted.join(", ")),
        None => String::new(),
    }
}

/// A text short enough for a message.
fn excerpt(text: &str) -> String {
    const SHOWN: usize = 60;
    let mut shown: String = text.chars().take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}
