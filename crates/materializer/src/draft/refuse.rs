//! Refusals, in words that help to write the patch again.

use serde_json::Value;

use crate::error::{PatchCode, PatchError, example};
use crate::place::{ItemId, Place};
use crate::resolve::{Fault, Spot};
use crate::size::measure;
use crate::{Budget, Operation, Pointer, parse};

pub(super) fn admit(
    budget: &Budget,
    bytes: usize,
    nodes: usize,
    depth: usize,
) -> Result<(), Fault> {
    if depth > budget.depth {
        let message = format!(
            "lists and objects would be {depth} levels deep, and {} are allowed",
            budget.depth
        );
        return Err(Fault::new(PatchCode::TooDeep, message));
    }
    if nodes > budget.nodes {
        let message =
            format!("the document would have {nodes} nodes, and {} are allowed", budget.nodes);
        return Err(Fault::new(PatchCode::TooManyNodes, message)
            .with_hint("split the graph into sub-workflows that are stored by themselves"));
    }
    if bytes > budget.document_bytes { Err(too_large(bytes, budget)) } else { Ok(()) }
}

pub(super) fn too_large(bytes: usize, budget: &Budget) -> Fault {
    let limit = budget.document_bytes;
    let message = format!("the document would have {bytes} bytes, and {limit} are allowed");
    Fault::new(PatchCode::DocumentTooLarge, message)
        .with_hint("pass data as inputs of the run, and refer to it")
}

pub(super) fn has_id(parent: &Spot, id: &str, value: &Value) -> Result<(), Fault> {
    let message = match ItemId::of(parent.place, value) {
        Some(own) if own.is(id) => return Ok(()),
        Some(own) => {
            format!("the pointer names `{id}`, and the value has the id `{}`", own.to_text())
        }
        None => format!("the pointer names `{id}`, and the value has no id"),
    };
    let hint = match id.split_once("->") {
        Some((from, to)) if parent.place == Place::Edges => {
            format!("an edge from `{from}` to `{to}` has this id, if it names no other")
        }
        Some(_) | None => format!("write `\"id\": \"{id}\"` into the value"),
    };
    Err(Fault::new(PatchCode::IdMismatch, message).with_hint(hint).at("/value"))
}

/// Characters of a value that are shown.
const SHOWN: usize = 200;

pub(super) fn test_failed(found: &Value, wanted: &Value, path: &Pointer) -> Fault {
    let (found, wanted) = (excerpt(found), excerpt(wanted));
    let message = format!("`{path}` is {found}, and the test wants {wanted}");
    Fault::new(PatchCode::TestFailed, message)
        .with_hint("look at the document as it is, and make the patch against that")
}

fn excerpt(value: &Value) -> String {
    let bytes = measure(value).bytes;
    if bytes > SHOWN {
        format!("{} of {bytes} bytes", parse::kind(value))
    } else {
        value.to_string()
    }
}

/// The refusal of an operation, with one that would be accepted.
pub(super) fn explained(fault: Fault, op_index: usize, operation: &Operation) -> PatchError {
    let meant = fault.meant.and_then(|meant| {
        let mut corrected = operation.clone();
        match (&mut corrected, fault.below) {
            (Operation::Move { from, .. } | Operation::Copy { from, .. }, "/from") => *from = meant,
            (
                Operation::Add { path, .. }
                | Operation::Remove { path }
                | Operation::Replace { path, .. }
                | Operation::Move { path, .. }
                | Operation::Copy { path, .. }
                | Operation::Test { path, .. },
                _,
            ) => *path = meant,
        }
        serde_json::to_string(&corrected).ok().filter(|text| text.len() <= 4 * SHOWN)
    });
    let other = if fault.code == PatchCode::IdExists {
        "replace"
    } else if fault.code == PatchCode::OperationNotAllowed {
        "add"
    } else {
        operation.name()
    };
    let error = PatchError::of_operation(fault.code, op_index, fault.below, fault.message);
    let example = meant.unwrap_or_else(|| example(other).to_owned());
    PatchError { hint: fault.hint, example: Some(example), ..error }
}
