//! What a patch may cost.

use aob_ir::{MAX_DOCUMENT_BYTES, MAX_DOCUMENT_DEPTH};

/// Bounds of a patch and of the document while it is applied: they hold after every operation, and
/// nothing that would exceed them is built first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Operations of a patch.
    pub operations: usize,
    /// Bytes of a patch, as canonical JSON; of its text too where it is parsed.
    pub patch_bytes: usize,
    /// Bytes of the document, as canonical JSON. What `copy` and `move` carry in one patch, taken
    /// together, is bounded by it too.
    pub document_bytes: usize,
    /// Nodes of the document, with bodies of maps, compensations and inline sub-workflows.
    pub nodes: usize,
    /// Levels of lists and objects of the document.
    pub depth: usize,
    /// `copy` and `move` are allowed.
    pub may_copy: bool,
}

impl Budget {
    /// Of a patch by an agent.
    pub const AGENT: Self = Self {
        operations: 64,
        patch_bytes: 64 << 10,
        document_bytes: MAX_DOCUMENT_BYTES,
        nodes: 500,
        depth: MAX_DOCUMENT_DEPTH,
        may_copy: false,
    };

    /// Of a patch by a person.
    pub const PERSON: Self = Self {
        operations: 1_000,
        patch_bytes: 4 << 20,
        document_bytes: MAX_DOCUMENT_BYTES,
        nodes: 100_000,
        depth: MAX_DOCUMENT_DEPTH,
        may_copy: true,
    };

    /// Of a patch that was made here, by [`crate::diff`] or [`crate::inverse`]: whatever leads to
    /// something that may be a document.
    pub const DOCUMENT: Self = Self {
        operations: usize::MAX,
        patch_bytes: usize::MAX,
        document_bytes: MAX_DOCUMENT_BYTES,
        nodes: usize::MAX,
        depth: MAX_DOCUMENT_DEPTH,
        may_copy: true,
    };
}
