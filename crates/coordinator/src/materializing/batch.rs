//! What a batch of patches comes to, until it is written.

use std::sync::Arc;

use aob_ir::Ir;
use aob_materializer::{Budget, Patch, materialize};
use aob_store::tagging::NewVersion;
use aob_store::{CHAIN_MAX, PatchSettled, PatchedDocument};

use crate::patching::{Plan, document};

/// A batch that is decided and not yet written.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) new: Vec<NewVersion>,
    pub(super) settled: Vec<PatchSettled>,
    pub(super) whole: Vec<(String, String)>,
    pub(super) patched: Vec<PatchedDocument>,
    pub(super) irs: Vec<Arc<Ir>>,
}

impl Batch {
    /// Takes what a plan makes as it is stored already, at this depth.
    pub(super) fn meet(&mut self, plan: &Plan, depth: usize) -> usize {
        self.irs.push(Arc::clone(&plan.validated.ir));
        depth
    }

    /// Stores what a plan makes: as its patch while the chain is short and the patch shorter than
    /// the document, else whole. Answers how long the chain is then.
    pub(super) fn keep(&mut self, plan: &Plan, depth: usize) -> usize {
        let ir = &plan.validated.ir;
        let children = ir.inline_children.iter();
        self.whole.extend(children.map(|(digest, text)| (digest.to_string(), text.to_string())));
        self.irs.push(Arc::clone(ir));
        let operations = patch_text(plan).filter(|text| text.len() < ir.canonical.len());
        match operations {
            Some(operations) if depth + 1 < CHAIN_MAX as usize => {
                let (digest, parent) = (ir.digest.to_string(), plan.base.digest.to_string());
                self.patched.push(PatchedDocument { digest, parent, operations });
                depth + 1
            }
            Some(_) | None => {
                self.whole.push((ir.digest.to_string(), ir.canonical.to_string()));
                0
            }
        }
    }
}

/// The operations, if they make exactly the document of the plan, as whoever reads it will check.
fn patch_text(plan: &Plan) -> Option<String> {
    let text = plan.patch.canonical().ok()?;
    let read = Patch::parse(&text, &Budget::DOCUMENT).ok()?;
    let made = materialize(&document(&plan.base), &read, &Budget::DOCUMENT).ok()?;
    if made.digest != plan.validated.ir.digest {
        tracing::error!(digest = %plan.validated.ir.digest, "a patch makes another document");
        return None;
    }
    Some(text)
}
