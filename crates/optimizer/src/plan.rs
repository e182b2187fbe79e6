//! From a document to its optimized form, step by step.

use std::collections::BTreeSet;
use std::sync::Arc;

use aob_ir::{Diagnostics, Digest, Ir, compile};
use aob_materializer::Patch;
use aob_passes::Rewrite;
use serde_json::Value;

use crate::facts::facts;
use crate::judge::judge;
use crate::passes::Passes;

/// Rewrites of one plan at most.
const STEPS_MAX: usize = 100;

/// What the passes made of a document.
#[derive(Debug)]
pub struct Plan {
    /// The document as it was: canonical.
    pub before: Arc<Ir>,
    /// The document as it would be.
    pub after: Arc<Ir>,
    /// The rewrites, each of what the one before it gave.
    pub steps: Vec<Step>,
    /// What passes did that does not count.
    pub notes: Vec<Note>,
}

/// One rewrite.
#[derive(Debug, Clone)]
pub struct Step {
    /// The pass that proposed it.
    pub pass: String,
    /// The module that the pass is in; `None`: compiled into this program.
    pub module: Option<Digest>,
    /// Units of fuel that the proposal took.
    pub fuel: u64,
    /// What is proposed.
    pub rewrite: Rewrite,
    /// Its operations.
    pub patch: Patch,
    /// Digest of the document before it.
    pub base: Digest,
    /// Digest of the document after it.
    pub result: Digest,
}

/// A pass that changed nothing although it tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The pass.
    pub pass: String,
    /// Its module.
    pub module: Option<Digest>,
    /// Why it changed nothing.
    pub why: String,
}

impl Plan {
    /// The optimized document.
    pub fn document(&self) -> Value {
        parsed(&self.after)
    }
}

/// Lets passes rewrite `document` until none of them finds anything.
///
/// # Errors
/// If the document does not compile.
pub fn plan(document: &Value, passes: &[(&str, &dyn Passes)]) -> Result<Plan, Diagnostics> {
    let before = compile(document)?.ir;
    let mut planner = Planner {
        document: parsed(&before),
        ir: Arc::clone(&before),
        seen: [before.digest].into(),
        steps: Vec::new(),
        notes: Vec::new(),
    };
    for (pass, proposer) in passes {
        while planner.steps.len() < STEPS_MAX && planner.step(pass, *proposer) {}
    }
    let Planner { ir, steps, notes, .. } = planner;
    Ok(Plan { before, after: ir, steps, notes })
}

struct Planner {
    document: Value,
    ir: Arc<Ir>,
    /// Documents that there were: none comes again.
    seen: BTreeSet<Digest>,
    steps: Vec<Step>,
    notes: Vec<Note>,
}

impl Planner {
    /// Asks a pass once; true: the document is another one now.
    fn step(&mut self, pass: &str, proposer: &dyn Passes) -> bool {
        let module = proposer.module();
        let proposal = proposer.propose(pass, &self.document, &facts(&self.document, &self.ir));
        let (rewrite, fuel) = match proposal {
            Ok(proposal) => match proposal.rewrite {
                Some(rewrite) => (rewrite, proposal.fuel),
                None => return false,
            },
            Err(error) => return self.note(pass, module, error.to_string()),
        };
        let (made, ir, patch) = match judge(&self.document, &self.ir, &rewrite.operations) {
            Ok(made) => made,
            Err(refusal) => return self.note(pass, module, format!("{}: {refusal}", rewrite.rule)),
        };
        if !self.seen.insert(made.digest) {
            return self.note(pass, module, format!("{}: it goes in circles", rewrite.rule));
        }
        let (base, result) = (self.ir.digest, made.digest);
        self.steps.push(Step { pass: pass.to_owned(), module, fuel, rewrite, patch, base, result });
        self.document = made.document;
        self.ir = ir;
        true
    }

    fn note(&mut self, pass: &str, module: Option<Digest>, why: String) -> bool {
        self.notes.push(Note { pass: pass.to_owned(), module, why });
        false
    }
}

/// The document of an IR.
pub(crate) fn parsed(ir: &Ir) -> Value {
    serde_json::from_str(&ir.canonical).unwrap_or_default()
}
