//! Whoever proposes rewrites: a module, or the same passes compiled into this program.

use aob_ir::Digest;
#[cfg(feature = "wasm")]
use aob_passes::{Answer, Request};
use aob_passes::{Facts, Rewrite};
use serde_json::Value;
use thiserror::Error;

#[cfg(feature = "wasm")]
use crate::host::{CallError, Module};

/// What a pass answered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Proposal {
    /// The rewrite; `None`: it found nothing.
    pub rewrite: Option<Rewrite>,
    /// Units of fuel that it took; 0 where nothing counted.
    pub fuel: u64,
}

/// Why a pass proposes nothing although it may have found something.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoChange {
    /// It did not come to an answer.
    #[cfg(feature = "wasm")]
    #[error(transparent)]
    Call(#[from] CallError),
    /// Its answer is not one.
    #[error("its answer cannot be used: {0}")]
    Nonsense(String),
}

/// Proposes rewrites.
pub trait Passes {
    /// What a plan calls it: the digest of a module.
    fn module(&self) -> Option<Digest>;

    /// At most one rewrite of `document` by the pass of this name.
    ///
    /// # Errors
    /// See [`NoChange`].
    fn propose(&self, pass: &str, document: &Value, facts: &Facts) -> Result<Proposal, NoChange>;
}

/// Names of our own passes, in the order in which they are best tried.
pub fn builtin_passes() -> Vec<&'static str> {
    aob_passes::passes().collect()
}

/// The passes as they are compiled into this program.
#[derive(Debug, Clone, Copy, Default)]
pub struct Native;

impl Passes for Native {
    fn module(&self) -> Option<Digest> {
        None
    }

    fn propose(&self, pass: &str, document: &Value, facts: &Facts) -> Result<Proposal, NoChange> {
        let rewrite = aob_passes::run(pass, document, facts).map_err(NoChange::Nonsense)?;
        Ok(Proposal { rewrite, fuel: 0 })
    }
}

#[cfg(feature = "wasm")]
impl Passes for Module {
    fn module(&self) -> Option<Digest> {
        Some(self.digest())
    }

    fn propose(&self, pass: &str, document: &Value, facts: &Facts) -> Result<Proposal, NoChange> {
        let request = Request { pass: pass.to_owned(), document, facts };
        let nonsense = |error: serde_json::Error| NoChange::Nonsense(error.to_string());
        let request = serde_json::to_vec(&request).map_err(nonsense)?;
        let answered = self.call(&request)?;
        let answer: Answer = serde_json::from_slice(&answered.bytes).map_err(nonsense)?;
        match answer.error {
            Some(error) => Err(NoChange::Nonsense(error)),
            None => Ok(Proposal { rewrite: answer.rewrite, fuel: answered.fuel }),
        }
    }
}
