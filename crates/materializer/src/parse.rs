//! From JSON to patches, strictly: unknown and repeated keys are refused, and everything that is
//! wrong with the form is said at once.

use aob_ir::{Code, Diagnostic, is_inexact, nearest, parse_strict};
use serde_json::{Map, Number, Value};

use crate::error::{PatchCode, PatchError, PatchErrors, example};
use crate::{Budget, Operation, Patch, Pointer};

/// Levels around the values of a patch: the list and the operation.
const LEVELS_AROUND: usize = 2;
/// Reasons that are told of one patch.
const MAX_ERRORS: usize = 100;

impl Patch {
    /// Parses the text of a patch: a JSON list of operations.
    ///
    /// # Errors
    /// If it is over `budget` in bytes, operations or depth; if it is not JSON, repeats a key, or
    /// holds a whole number beyond 2^53; and as [`Patch::from_value`].
    pub fn parse(text: &str, budget: &Budget) -> Result<Self, PatchErrors> {
        if text.len() > budget.patch_bytes {
            return Err(too_large(text.len(), budget).into());
        }
        let depth = budget.depth.saturating_add(LEVELS_AROUND);
        let value = parse_strict(text, depth).map_err(|problems| {
            PatchErrors(problems.0.iter().take(MAX_ERRORS).map(of_diagnostic).collect())
        })?;
        let patch = Self::from_value(value)?;
        within(&patch, budget)?;
        Ok(patch)
    }

    /// A patch from JSON that was parsed strictly already. Whole numbers written as fractions
    /// (`5.0`) become whole.
    ///
    /// # Errors
    /// If it is not a list of operations of RFC 6902 with exactly their keys, or holds a whole
    /// number beyond 2^53. (The RFC would have unknown keys ignored; they are refused, because
    /// they are mostly misspellings.)
    pub fn from_value(value: Value) -> Result<Self, PatchErrors> {
        let Value::Array(items) = value else { return Err(not_a_list(&value).into()) };
        let mut operations = Vec::with_capacity(items.len());
        let mut errors = Vec::new();
        for (op_index, item) in items.into_iter().enumerate() {
            let mut reader = Reader { op_index, name: "add", errors: &mut errors };
            operations.extend(reader.operation(item));
            if errors.len() >= MAX_ERRORS {
                break;
            }
        }
        if errors.is_empty() { Ok(Self { operations }) } else { Err(PatchErrors(errors)) }
    }
}

/// Whether the number of operations is within `budget`.
pub(crate) fn within(patch: &Patch, budget: &Budget) -> Result<(), PatchError> {
    let count = patch.operations.len();
    if count <= budget.operations {
        return Ok(());
    }
    let message =
        format!("the patch has {count} operations, and {} are allowed", budget.operations);
    let error = PatchError::of_patch(PatchCode::TooManyOperations, message);
    Err(error.with_hint("replace larger parts at once, or make several patches"))
}

pub(crate) fn too_large(bytes: usize, budget: &Budget) -> PatchError {
    let message = format!("the patch has {bytes} bytes, and {} are allowed", budget.patch_bytes);
    PatchError::of_patch(PatchCode::PatchTooLarge, message)
        .with_hint("pass data as inputs of the run, and change only what differs")
}

fn of_diagnostic(problem: &Diagnostic) -> PatchError {
    let code = if problem.code == Code::DuplicateKey {
        PatchCode::DuplicateKey
    } else if problem.code == Code::TooDeep {
        PatchCode::TooDeep
    } else if problem.code == Code::InexactNumber {
        PatchCode::InexactNumber
    } else {
        PatchCode::InvalidJson
    };
    let op_index = problem.pointer.split('/').nth(1).and_then(|token| token.parse().ok());
    let hint = if code == PatchCode::InvalidJson {
        Some("a patch is a JSON list of operations".to_owned())
    } else if code == PatchCode::DuplicateKey {
        Some("keep one of them".to_owned())
    } else {
        problem.hint.clone()
    };
    let (pointer, message) = (problem.pointer.clone(), problem.message.clone());
    let example = Some(format!("[{}]", example("add")));
    PatchError { code, op_index, pointer, message, hint, example }
}

fn not_a_list(value: &Value) -> PatchError {
    let message = format!("a patch is a list of operations, and this is {}", kind(value));
    let hint = match value.as_object() {
        Some(map) if map.contains_key("op") => "put the operation into a list",
        Some(map) if map.contains_key("operations") => "give only what is under `operations`",
        Some(map) if map.contains_key("nodes") => {
            "a patch says what changes (RFC 6902); it is not the new document"
        }
        Some(_) | None => "write a JSON Patch (RFC 6902), not a merge patch",
    };
    PatchError::of_patch(PatchCode::WrongType, message)
        .with_hint(hint)
        .with_example(format!("[{}]", example("add")))
}

/// What a value is, in words.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

struct Reader<'e> {
    op_index: usize,
    /// The operation that the example shows.
    name: &'static str,
    errors: &'e mut Vec<PatchError>,
}

impl Reader<'_> {
    fn operation(&mut self, item: Value) -> Option<Operation> {
        let Value::Object(mut map) = item else {
            let message = format!("an operation is an object, and this is {}", kind(&item));
            self.error(PatchCode::WrongType, "", message, None);
            return None;
        };
        self.name = self.op(&mut map)?;
        let path = self.pointer(&mut map, "path");
        let from = matches!(self.name, "move" | "copy").then(|| self.pointer(&mut map, "from"));
        let has_value = matches!(self.name, "add" | "replace" | "test");
        let value = has_value.then(|| self.value(&mut map));
        let unknown = self.unknown_keys(&map);
        let (path, from, value) = (path?, from.flatten(), value.flatten());
        if unknown {
            return None;
        }
        Some(match self.name {
            "add" => Operation::Add { path, value: value? },
            "replace" => Operation::Replace { path, value: value? },
            "test" => Operation::Test { path, value: value? },
            "move" => Operation::Move { from: from?, path },
            "copy" => Operation::Copy { from: from?, path },
            _ => Operation::Remove { path },
        })
    }

    fn op(&mut self, map: &mut Map<String, Value>) -> Option<&'static str> {
        let names = Operation::NAMES.join(", ");
        let op = match map.remove("op") {
            Some(Value::String(op)) => op,
            Some(other) => {
                let message = format!("`op` is one of {names}, and this is {}", kind(&other));
                self.error(PatchCode::WrongType, "/op", message, None);
                return None;
            }
            None => {
                let near = nearest("op", map.keys().map(String::as_str));
                let hint = near.map(|near| format!("did you mean `op` by `{near}`?"));
                let message = format!("`op` is missing: one of {names}");
                self.error(PatchCode::MissingKey, "", message, hint);
                return None;
            }
        };
        let known = Operation::NAMES.into_iter().find(|name| *name == op);
        if known.is_none() {
            let near = match op.to_lowercase().as_str() {
                "delete" => Some("remove"),
                "insert" | "create" | "append" => Some("add"),
                "update" | "set" | "change" => Some("replace"),
                other => nearest(other, Operation::NAMES),
            };
            self.name = near.and_then(named).unwrap_or(self.name);
            let hint = near.map(|near| format!("did you mean `{near}`?"));
            let message = format!("there is no operation `{op}`; there are {names}");
            self.error(PatchCode::UnknownOperation, "/op", message, hint);
        }
        known
    }

    fn pointer(&mut self, map: &mut Map<String, Value>, key: &str) -> Option<Pointer> {
        match map.remove(key) {
            Some(Value::String(text)) => match text.parse() {
                Ok(pointer) => Some(pointer),
                Err(problem) => {
                    let message = format!("`{text}` is no JSON pointer: {problem}");
                    let guess = text.trim_start_matches(['#', '$', '/', '.']).replace('.', "/");
                    let hint = (!guess.is_empty() && !guess.contains(['~', '[', ' ']))
                        .then(|| format!("perhaps `/{guess}`"));
                    self.error(PatchCode::InvalidPointer, &format!("/{key}"), message, hint);
                    None
                }
            },
            Some(other) => {
                let message = format!("`{key}` is a JSON pointer, and this is {}", kind(&other));
                self.error(PatchCode::WrongType, &format!("/{key}"), message, None);
                None
            }
            None => {
                let message = format!("a `{}` needs `{key}`, a JSON pointer", self.name);
                self.error(PatchCode::MissingKey, "", message, None);
                None
            }
        }
    }

    fn value(&mut self, map: &mut Map<String, Value>) -> Option<Value> {
        let Some(mut value) = map.remove("value") else {
            let hint = (self.name == "replace").then(|| "use `remove` to take it out".to_owned());
            let message = format!("a `{}` needs `value`", self.name);
            self.error(PatchCode::MissingKey, "", message, hint);
            return None;
        };
        match normalize(&mut value) {
            None => Some(value),
            Some(number) => {
                let message = format!("{number} is beyond 2^53 and not exact everywhere");
                let hint = Some(format!("write it as a string: \"{number}\""));
                self.error(PatchCode::InexactNumber, "/value", message, hint);
                None
            }
        }
    }

    /// Reports what is left; true: there was something.
    fn unknown_keys(&mut self, map: &Map<String, Value>) -> bool {
        let keys: &[&str] = match self.name {
            "move" | "copy" => &["op", "from", "path"],
            "remove" => &["op", "path"],
            _ => &["op", "path", "value"],
        };
        for key in map.keys() {
            let near = nearest(key, keys.iter().copied());
            let hint = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("take it out: a `{}` has {}", self.name, keys.join(", ")),
            };
            let message = format!("a `{}` has no key `{key}`", self.name);
            let below = Pointer::root().child(key).to_string();
            self.error(PatchCode::UnknownKey, &below, message, Some(hint));
        }
        !map.is_empty()
    }

    fn error(&mut self, code: PatchCode, below: &str, message: String, hint: Option<String>) {
        let error = PatchError::of_operation(code, self.op_index, below, message);
        let error = error.with_example(example(self.name));
        self.errors.push(PatchError { hint, ..error });
    }
}

fn named(name: &str) -> Option<&'static str> {
    Operation::NAMES.into_iter().find(|known| *known == name)
}

/// Puts the numbers of a value into one form; returns the first that is not exact.
pub(crate) fn normalize(value: &mut Value) -> Option<Number> {
    match value {
        Value::Array(items) => items.iter_mut().find_map(normalize),
        Value::Object(map) => map.values_mut().find_map(normalize),
        Value::Number(number) if is_inexact(number) => Some(number.clone()),
        Value::Number(number) => {
            let double = number.as_f64().filter(|d| number.is_f64() && d.fract() == 0.0);
            // Beyond 10^21 canonical JSON keeps the exponent, and so the fraction's form.
            if let Some(whole) = double.filter(|double| double.abs() < 1e21) {
                *number = Number::from(whole as i64);
            }
            None
        }
        Value::Null | Value::Bool(_) | Value::String(_) => None,
    }
}
