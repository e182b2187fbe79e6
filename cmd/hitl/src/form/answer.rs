//! From what was typed in to the answer.

use serde_json::{Map, Number, Value};

use super::{Field, Form, Kind, WHOLE};

/// Fields of a form as they were sent, in their order.
pub(crate) type Sent<'a> = &'a [(String, String)];

/// What came of a form that was sent.
#[derive(Debug)]
pub(crate) enum Answered {
    /// An answer that its schema takes.
    Data(Value),
    /// The form with what was typed in, and what is wrong with it.
    Wrong(Box<Form>),
}

/// Reads what was typed into a form.
pub(crate) fn answer(mut form: Form, sent: Sent<'_>) -> Answered {
    let mut data = Map::new();
    let mut whole = Value::Null;
    for field in &mut form.fields {
        let name = field.name();
        let typed = sent.iter().find(|(known, _)| *known == name);
        field.text = typed.map_or_else(String::new, |(_, text)| text.clone());
        match read(field) {
            Ok(Some(value)) if field.property == WHOLE => whole = value,
            Ok(Some(value)) => {
                data.insert(field.property.clone(), value);
            }
            Ok(None) if field.required => field.error = Some(missing(&field.kind).to_owned()),
            Ok(None) => {}
            Err(error) => field.error = Some(error),
        }
    }
    let data = match &form.fields[..] {
        [only] if only.property == WHOLE => whole,
        _ => Value::Object(data),
    };
    form.judge(&data);
    if form.is_wrong() { Answered::Wrong(Box::new(form)) } else { Answered::Data(data) }
}

fn missing(kind: &Kind) -> &'static str {
    match kind {
        Kind::Truth | Kind::Choice(_) => "Choose one.",
        Kind::Line { .. } | Kind::Lines { .. } | Kind::Number { .. } | Kind::Json => {
            "This has to be filled in."
        }
    }
}

/// The value of a field; `None`: it was left empty.
pub(super) fn read(field: &Field) -> Result<Option<Value>, String> {
    // Browsers send line breaks of texts as CR LF.
    let text = field.text.replace("\r\n", "\n");
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Ok(None);
    }
    let json = |what: &str| {
        serde_json::from_str::<Value>(trimmed)
            .map_err(|error| format!("This is not {what}: {error}."))
    };
    match &field.kind {
        Kind::Line { .. } => Ok(Some(Value::String(trimmed.to_owned()))),
        Kind::Lines { .. } => Ok(Some(Value::String(text))),
        Kind::Truth => match trimmed {
            "true" => Ok(Some(Value::Bool(true))),
            "false" => Ok(Some(Value::Bool(false))),
            _ => Err("Choose yes or no.".to_owned()),
        },
        Kind::Number { whole, .. } => number(trimmed, *whole).map(|number| Some(number.into())),
        Kind::Choice(choices) => {
            if choices.iter().any(|choice| choice.json == trimmed) {
                json("a choice").map(Some)
            } else {
                Err("Choose one of those offered.".to_owned())
            }
        }
        Kind::Json => json("JSON").map(Some),
    }
}

fn number(text: &str, whole: bool) -> Result<Number, String> {
    let wanted = if whole { "Give a whole number." } else { "Give a number, such as 12.5." };
    let read: Result<Number, _> = serde_json::from_str(text.strip_prefix('+').unwrap_or(text));
    match read {
        Ok(number) if whole && number.is_f64() => Err(wanted.to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err(wanted.to_owned()),
    }
}
