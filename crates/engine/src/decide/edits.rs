//! What an approver changes before approving.

use std::collections::BTreeMap;
use std::sync::Arc;

use aob_bugs::{Bug, seeded};
use aob_ir::Fields;
use serde_json::Value;

use super::{Step, Stop, reject};
use crate::command::{CastVote, RejectionCode};
use crate::event::Vote;
use crate::ids::Actor;
use crate::state::Ticket;

/// Fields that one edit may replace.
const EDITS_MAX: usize = 100;

pub(super) fn refused(message: String, hint: Option<&str>) -> Stop {
    reject(RejectionCode::EditRefused, message, hint)
}

/// Refuses edits of a rejection, too many, of fields that may not be edited, and of fields that are
/// inside each other: which of those counted would depend on their order.
pub(super) fn check(vote: &CastVote, fields: &Fields) -> Step {
    if vote.vote == Vote::Reject {
        let hint = Some("reject it as it is, or edit and approve it");
        return Err(refused("a rejection edits nothing".to_owned(), hint));
    }
    if vote.edits.len() > EDITS_MAX {
        let hint = Some("make a patch of your own");
        return Err(refused(format!("an edit replaces at most {EDITS_MAX} fields"), hint));
    }
    for pointer in vote.edits.keys() {
        if !fields.allow(pointer) && !seeded(Bug::EditsUnchecked) {
            let list = fields.editable.join("`, `");
            let hint = match fields.is_empty() {
                true => "nothing of it may be edited; approve or reject it".to_owned(),
                false => format!("what may be edited: `{list}`"),
            };
            return Err(refused(format!("`{pointer}` may not be edited"), Some(&hint)));
        }
        let inside = |other: &Arc<str>| {
            other.strip_prefix(&**pointer).is_some_and(|rest| rest.starts_with('/'))
        };
        if let Some(inner) = vote.edits.keys().find(|other| inside(other)) {
            return Err(refused(format!("`{inner}` is inside `{pointer}`"), None));
        }
    }
    Ok(())
}

/// The value with these fields replaced, each of which it has.
pub(super) fn replace(value: &Value, edits: &BTreeMap<Arc<str>, Value>) -> Step<Value> {
    let mut value = value.clone();
    for (pointer, new) in edits {
        let Some(place) = value.pointer_mut(pointer) else {
            let text = format!("there is no `{pointer}` in what is to be approved");
            return Err(refused(text, None));
        };
        place.clone_from(new);
    }
    Ok(value)
}

/// Who may not approve what comes of an edit.
pub(super) fn barred(ticket: &Ticket, editor: &Actor) -> Vec<Actor> {
    let mut barred = ticket.barred.clone();
    if ticket.four_eyes && !barred.contains(editor) {
        barred.push(editor.clone());
    }
    barred
}
