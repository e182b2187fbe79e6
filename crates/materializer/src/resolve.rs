//! From pointers to places in a document.

use aob_ir::nearest;
use serde_json::Value;

use crate::Pointer;
use crate::error::PatchCode;
use crate::ids::{Found, Ids};
use crate::parse::kind;
use crate::place::{ItemId, Place, names_an_id};

/// Names that are looked through for one that was meant.
const CANDIDATES_MAX: usize = 1_000;

/// One step into a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

/// What exists.
#[derive(Debug, Clone)]
pub(crate) struct Spot {
    pub(crate) steps: Vec<Step>,
    pub(crate) place: Place,
}

/// Where something can be added.
#[derive(Debug, Clone)]
pub(crate) enum Slot {
    /// The whole document.
    Whole,
    /// A member of an object; there may be one.
    Member(Spot, String),
    /// An item of a list before the index, which may be its length.
    Item(Spot, usize),
    /// An item after the last one, which must have this id.
    Named(Spot, String),
}

/// Why an operation cannot be done.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) code: PatchCode,
    /// Where in the operation.
    pub(crate) below: &'static str,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    /// The pointer that was perhaps meant.
    pub(crate) meant: Option<Pointer>,
}

impl Fault {
    pub(crate) fn new(code: PatchCode, message: impl Into<String>) -> Self {
        Self { code, below: "/path", message: message.into(), hint: None, meant: None }
    }

    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    pub(crate) fn at(self, below: &'static str) -> Self {
        Self { below, ..self }
    }

    fn meaning(self, pointer: Pointer) -> Self {
        Self { hint: Some(format!("did you mean `{pointer}`?")), meant: Some(pointer), ..self }
    }
}

/// The value that steps lead to.
pub(crate) fn value_at<'v>(document: &'v Value, steps: &[Step]) -> Option<&'v Value> {
    steps.iter().try_fold(document, |at, step| match (at, step) {
        (Value::Object(map), Step::Key(key)) => map.get(key),
        (Value::Array(items), Step::Index(index)) => items.get(*index),
        (_, _) => None,
    })
}

pub(crate) fn value_at_mut<'v>(document: &'v mut Value, steps: &[Step]) -> Option<&'v mut Value> {
    steps.iter().try_fold(document, |at, step| match (at, step) {
        (Value::Object(map), Step::Key(key)) => map.get_mut(key),
        (Value::Array(items), Step::Index(index)) => items.get_mut(*index),
        (_, _) => None,
    })
}

/// What stands where steps lead to.
pub(crate) fn place_of(steps: &[Step]) -> Place {
    steps.iter().fold(Place::Graph, |place, step| {
        place.below(if let Step::Key(key) = step { key } else { "" })
    })
}

/// Finds what is at `pointer`.
pub(crate) fn existing(document: &Value, ids: &mut Ids, pointer: &Pointer) -> Result<Spot, Fault> {
    existing_prefix(document, ids, pointer, pointer.tokens().len()).map(|(spot, _)| spot)
}

/// Finds where something can be added.
pub(crate) fn slot(document: &Value, ids: &mut Ids, pointer: &Pointer) -> Result<Slot, Fault> {
    let Some((token, above)) = pointer.tokens().split_last() else { return Ok(Slot::Whole) };
    let (parent, value) = existing_prefix(document, ids, pointer, above.len())?;
    let list = match value {
        Value::Object(_) => return Ok(Slot::Member(parent, token.clone())),
        Value::Array(list) => list,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            return Err(not_a_container(value, pointer, above.len()));
        }
    };
    if token == "-" {
        return Ok(Slot::Item(parent, list.len()));
    }
    if parent.place.has_ids() && names_an_id(token) {
        return match ids.find(parent.place, parent.steps.len(), list, token) {
            Found::Nothing => Ok(Slot::Named(parent, token.clone())),
            Found::At(_) | Found::Several(_) => {
                let message =
                    format!("there is an item `{token}` in `{}`", shown(pointer, above.len()));
                Err(Fault::new(PatchCode::IdExists, message)
                    .with_hint("`replace` it, or choose another id"))
            }
        };
    }
    let index = index(token, pointer, above.len(), parent.place)?;
    if index > list.len() {
        return Err(out_of_range(index, list.len(), pointer, above.len()));
    }
    Ok(Slot::Item(parent, index))
}

/// The pointer of what steps lead to, by ids where they are unique.
pub(crate) fn address(document: &Value, ids: &mut Ids, steps: &[Step]) -> Pointer {
    let mut tokens = Vec::with_capacity(steps.len());
    let (mut at, mut place) = (Some(document), Place::Graph);
    for (depth, step) in steps.iter().enumerate() {
        let (token, next) = match step {
            Step::Key(key) => (key.clone(), at.and_then(|at| at.get(key))),
            Step::Index(index) => {
                let list = at.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                let item = list.get(*index);
                let id = item.and_then(|item| ItemId::of(place, item)).map(ItemId::to_text);
                let unique = id.filter(|id| {
                    names_an_id(id) && ids.find(place, depth, list, id) == Found::At(*index)
                });
                (unique.unwrap_or_else(|| index.to_string()), item)
            }
        };
        place = place.below(&token);
        at = next;
        tokens.push(token);
    }
    Pointer::from_tokens(tokens)
}

fn existing_prefix<'v>(
    document: &'v Value,
    ids: &mut Ids,
    pointer: &Pointer,
    length: usize,
) -> Result<(Spot, &'v Value), Fault> {
    let mut spot = Spot { steps: Vec::with_capacity(length), place: Place::Graph };
    let mut at = document;
    for (depth, token) in pointer.tokens().iter().take(length).enumerate() {
        let (step, next) = match at {
            Value::Object(map) => match map.get(token) {
                Some(next) => (Step::Key(token.clone()), next),
                None => return Err(no_key(map.keys(), spot.place, pointer, depth)),
            },
            Value::Array(list) => {
                let index = item(list, ids, spot.place, pointer, depth)?;
                let Some(next) = list.get(index) else {
                    return Err(out_of_range(index, list.len(), pointer, depth));
                };
                (Step::Index(index), next)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                return Err(not_a_container(at, pointer, depth));
            }
        };
        spot.place = spot.place.below(token);
        spot.steps.push(step);
        at = next;
    }
    Ok((spot, at))
}

fn item(
    list: &[Value],
    ids: &mut Ids,
    place: Place,
    pointer: &Pointer,
    depth: usize,
) -> Result<usize, Fault> {
    let token = &pointer.tokens()[depth];
    if token == "-" {
        let message = format!("`{}` is the place after the last item", shown(pointer, depth + 1));
        return Err(Fault::new(PatchCode::NotFound, message)
            .with_hint("only `add`, `move` and `copy` can put something there"));
    }
    if !(place.has_ids() && names_an_id(token)) {
        return index(token, pointer, depth, place);
    }
    match ids.find(place, depth, list, token) {
        Found::At(index) => Ok(index),
        Found::Several(count) => {
            let list = shown(pointer, depth);
            let message = format!("{count} items of `{list}` have the id `{token}`");
            Err(Fault::new(PatchCode::AmbiguousId, message).with_hint("name it by its index"))
        }
        Found::Nothing => {
            let message = format!("there is no item `{token}` in `{}`", shown(pointer, depth));
            let fault = Fault::new(PatchCode::NotFound, message);
            let known = list.iter().take(CANDIDATES_MAX).filter_map(|item| ItemId::of(place, item));
            let known: Vec<String> = known.map(ItemId::to_text).collect();
            Err(match nearest(token, known.iter().map(String::as_str)) {
                Some(near) => fault.meaning(replaced(pointer, depth, near)),
                None => fault.with_hint("an earlier operation can `add` it"),
            })
        }
    }
}

/// An index as RFC 6901 has it: digits, without leading zeros.
fn index(token: &str, pointer: &Pointer, depth: usize, place: Place) -> Result<usize, Fault> {
    let digits = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit());
    if digits && (token.len() == 1 || !token.starts_with('0')) {
        // More digits than fit are beyond the end of every list.
        return Ok(token.parse().unwrap_or(usize::MAX));
    }
    let list = shown(pointer, depth);
    let message = format!("`{list}` is a list, and `{token}` is no index of it");
    let fault = Fault::new(PatchCode::InvalidIndex, message);
    Err(if digits {
        let plain = token.trim_start_matches('0');
        let plain = if plain.is_empty() { "0" } else { plain };
        fault.meaning(replaced(pointer, depth, plain))
    } else if place.has_ids() {
        fault.with_hint(format!("`{list}/<id>` names an item, `{list}/-` is the end"))
    } else {
        fault.with_hint("items are counted from 0, without leading zeros; `-` is the end")
    })
}

fn no_key<'k>(
    keys: impl Iterator<Item = &'k String>,
    place: Place,
    pointer: &Pointer,
    depth: usize,
) -> Fault {
    let token = &pointer.tokens()[depth];
    let message = format!("there is no `{token}` in `{}`", shown(pointer, depth));
    let fault = Fault::new(PatchCode::NotFound, message);
    let keys: Vec<&str> = keys.map(String::as_str).take(CANDIDATES_MAX).collect();
    match nearest(token, keys) {
        Some(near) => fault.meaning(replaced(pointer, depth, near)),
        None if place == Place::Graph && matches!(token.as_str(), "nodes" | "edges") => {
            fault.with_hint(format!("`add` a list at `{}` first", shown(pointer, depth + 1)))
        }
        None => fault.with_hint("`add` it with its whole value"),
    }
}

fn not_a_container(value: &Value, pointer: &Pointer, depth: usize) -> Fault {
    let message =
        format!("`{}` is {} and has nothing below it", shown(pointer, depth), kind(value));
    Fault::new(PatchCode::NotAContainer, message).with_hint("replace it with an object or a list")
}

fn out_of_range(index: usize, length: usize, pointer: &Pointer, depth: usize) -> Fault {
    let list = shown(pointer, depth);
    let token = &pointer.tokens()[depth];
    let message = format!("`{list}` has {length} items, and `{token}` is beyond their end");
    let fault = Fault::new(PatchCode::IndexOutOfRange, message);
    if index == length { fault.with_hint("only `add` can put an item at the end") } else { fault }
}

fn shown(pointer: &Pointer, length: usize) -> String {
    if length == 0 { "the document".to_owned() } else { pointer.truncated(length).to_string() }
}

fn replaced(pointer: &Pointer, depth: usize, token: &str) -> Pointer {
    let mut tokens = pointer.tokens().to_vec();
    token.clone_into(&mut tokens[depth]);
    Pointer::from_tokens(tokens)
}
