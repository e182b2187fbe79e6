//! A patch applied, and taken back.

use serde_json::Value;

use crate::draft::Undo;
use crate::{Budget, Draft, Operation, Patch, PatchError};

/// Applies a patch to any JSON document, as it is written: nothing is respelled. A workflow
/// document is patched by [`crate::materialize`].
///
/// # Errors
/// The first operation that cannot be done, or goes over `budget`.
pub fn apply(document: Value, patch: &Patch, budget: &Budget) -> Result<Value, PatchError> {
    let mut draft = Draft::new(document);
    draft.run(patch, budget, |_, _| ())?;
    Ok(draft.into_document())
}

/// The patch that takes `patch` back: applied to what `patch` makes of `base`, it gives `base`,
/// with every item of every list in its place. It has neither `copy` nor `move`, and touches what
/// `patch` touches.
///
/// # Errors
/// If `patch` cannot be applied to `base`.
pub fn inverse(base: Value, patch: &Patch, budget: &Budget) -> Result<Patch, PatchError> {
    let mut draft = Draft::new(base);
    let mut operations = Vec::new();
    draft.run(patch, budget, |draft, undo| operations.push(operation(draft, undo)))?;
    operations.reverse();
    Ok(Patch { operations })
}

/// What takes back the change that was just made to `draft`.
fn operation(draft: &mut Draft, undo: Undo) -> Operation {
    match undo {
        Undo::Restore { steps, old } => {
            Operation::Replace { path: draft.address(&steps), value: old }
        }
        Undo::Remove { steps } => Operation::Remove { path: draft.address(&steps) },
        Undo::Insert { steps, old } => {
            let path = draft.address_of_new(&steps, &old);
            Operation::Add { path, value: old }
        }
    }
}
