//! From a base and a patch to a document with a digest.

use std::sync::Arc;

use aob_ir::{Digest, canonical_json, respell, respell_node};
use serde_json::Value;

use crate::error::PatchCode;
use crate::size::measure;
use crate::{Budget, Draft, Patch, PatchError};

/// A workflow document that came out of a patch.
#[derive(Debug, Clone, PartialEq)]
pub struct Materialized {
    /// The document without aliases and short forms.
    pub document: Value,
    /// Its canonical text (RFC 8785).
    pub canonical: Arc<str>,
    /// The digest of the canonical text: of the document, and of its IR if it compiles.
    pub digest: Digest,
}

/// Applies a patch to a workflow document, takes the aliases and short forms out that the patch
/// brought in, and takes the digest.
///
/// `base` is canonical: what [`aob_ir::compile`] or this function made. Where the result compiles,
/// `digest` and `canonical` are those of its IR; whether it does is not looked at here.
///
/// # Errors
/// The first operation that cannot be done, or goes over `budget`.
pub fn materialize(
    base: &Value,
    patch: &Patch,
    budget: &Budget,
) -> Result<Materialized, PatchError> {
    let mut draft = Draft::new(base.clone());
    draft.run(patch, budget, |_, _| ())?;
    draft.respell();
    draft.within(budget)?;
    draft.finish()
}

impl Draft {
    /// Takes aliases and short forms out of what was patched since the draft was made, as
    /// [`aob_ir::compile`] does; returns the ids of nodes that had some. A further patch is
    /// written against the result.
    pub fn respell(&mut self) -> Vec<String> {
        let dirty = self.take_dirty();
        let mut respelled = Respelled::default();
        if dirty.everything {
            respelled.rewrite(self.document_mut(), respell);
        } else {
            for id in dirty.nodes {
                // A node without namesakes is found without a look at the others.
                if let Some(node) = self.node_mut(&id)
                    && respelled.rewrite(node, respell_node)
                {
                    respelled.nodes.push(id);
                }
            }
            self.respell_sections(&mut respelled);
        }
        self.reworded(respelled.bytes_before, respelled.bytes_after);
        respelled.nodes
    }

    /// Everything but the two large lists.
    fn respell_sections(&mut self, respelled: &mut Respelled) {
        let document = self.document_mut();
        let Value::Object(map) = document else { return };
        let lists = ["nodes", "edges"].map(|key| Some((key.to_owned(), map.remove(key)?)));
        respelled.rewrite(document, respell);
        if let Value::Object(map) = document {
            map.extend(lists.into_iter().flatten());
        }
    }

    /// The document with its canonical text and digest.
    ///
    /// # Errors
    /// If it holds a number that JSON has no canonical form for.
    pub fn finish(self) -> Result<Materialized, PatchError> {
        let document = self.into_document();
        let canonical = canonical_json(&document).map_err(|error| {
            let message = format!("the document has no canonical form: {error}");
            PatchError::of_patch(PatchCode::InexactNumber, message)
        })?;
        let digest = Digest::of(canonical.as_bytes());
        Ok(Materialized { document, canonical: canonical.into(), digest })
    }
}

/// What became of a document in other words.
#[derive(Default)]
struct Respelled {
    bytes_before: usize,
    bytes_after: usize,
    nodes: Vec<String>,
}

impl Respelled {
    /// Whether something changed.
    fn rewrite(&mut self, value: &mut Value, by: fn(&mut Value)) -> bool {
        let before = value.clone();
        by(value);
        let changed = *value != before;
        if changed {
            self.bytes_before += measure(&before).bytes;
            self.bytes_after += measure(value).bytes;
        }
        changed
    }
}
