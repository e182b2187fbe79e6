//! Bases with many patches.

use serde_json::Value;

use crate::{Budget, Draft, Materialized, Patch, PatchError, diff};

/// A chain is stored with a snapshot of the document after every so many patches, so that no
/// revision is further than this from one.
pub const SNAPSHOT_EVERY: usize = 20;

/// The revision whose snapshot `revision` is made from; revision 0 is the base.
pub fn snapshot_before(revision: usize) -> usize {
    revision - revision % SNAPSHOT_EVERY
}

/// A patch of a chain that cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("patch {index} of the chain cannot be applied")]
pub struct ChainError {
    /// Which, counted from 0 at the start that was given.
    pub index: usize,
    /// Why.
    #[source]
    pub error: Box<PatchError>,
}

impl ChainError {
    pub(crate) fn of(index: usize, error: PatchError) -> Self {
        Self { index, error: Box::new(error) }
    }
}

/// Applies patches one after the other, each to what [`crate::materialize`] makes of those before
/// it, and takes the digest once, of the last document. `start` is canonical: the base of the
/// chain or a snapshot.
///
/// # Errors
/// The first patch that cannot be applied, or goes over `budget`.
pub fn materialize_chain<'p>(
    start: Value,
    patches: impl IntoIterator<Item = &'p Patch>,
    budget: &Budget,
) -> Result<Materialized, ChainError> {
    let mut draft = Draft::new(start);
    let mut last = 0;
    for (index, patch) in patches.into_iter().enumerate() {
        draft.run(patch, budget, |_, _| ()).map_err(|error| ChainError::of(index, error))?;
        draft.respell();
        draft.within(budget).map_err(|error| ChainError::of(index, error))?;
        last = index;
    }
    draft.finish().map_err(|error| ChainError::of(last, error))
}

/// One patch in the place of many: it makes the same document of `start`, canonical from the
/// beginning.
///
/// # Errors
/// As [`materialize_chain`].
pub fn compact<'p>(
    start: &Value,
    patches: impl IntoIterator<Item = &'p Patch>,
    budget: &Budget,
) -> Result<Patch, ChainError> {
    let last = materialize_chain(start.clone(), patches, budget)?;
    Ok(diff(start, &last.document))
}
