//! What is proposed, and by whom.

use std::sync::Arc;

use aob_ir::{Digest, Ir};
use aob_materializer::Patch;

/// A patch that somebody wants applied.
#[derive(Debug, Clone, Copy)]
pub struct Proposal<'a> {
    /// The graph that holds now.
    pub base: &'a Ir,
    /// The digest that the patch was made against, or rebased onto; another than that of `base`
    /// is refused.
    pub against: Digest,
    /// The operations.
    pub patch: &'a Patch,
    /// Who proposes it.
    pub author: &'a Author,
}

/// Who proposes a patch. The caller knows it from the credentials or from the attempt, never from
/// the patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Author {
    /// A person, or a program that acts for one.
    Person,
    /// An agent, whatever it read.
    Agent {
        /// The node of the run whose attempt proposes it; `None`: an agent outside of the run.
        node: Option<Arc<str>>,
    },
    /// A pass of the optimizer.
    Optimizer,
}

impl Author {
    /// Its name in messages.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Agent { .. } => "agent",
            Self::Optimizer => "optimizer",
        }
    }
}
