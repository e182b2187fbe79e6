//! The proof that a patch was validated here, in this process.

use std::collections::BTreeSet;
use std::sync::Arc;

use aob_ir::{Digest, Ir};

use crate::AgentKey;

/// Says that a patch turns one graph into another and may do so. Only [`crate::validate`] makes
/// one; it can be neither copied, stored nor sent, so whoever applies a patch has validated it.
#[derive(Debug)]
pub struct Proof {
    pub(crate) base: Digest,
    pub(crate) result: Arc<Ir>,
    pub(crate) patch: Digest,
    pub(crate) subject: Digest,
    pub(crate) seq: u64,
    pub(crate) agents_ever: BTreeSet<AgentKey>,
}

impl Proof {
    /// The graph that the patch applies to.
    pub fn base(&self) -> Digest {
        self.base
    }

    /// The graph that results.
    pub fn result(&self) -> &Arc<Ir> {
        &self.result
    }

    /// The digest of the operations' canonical text.
    pub fn patch(&self) -> Digest {
        self.patch
    }

    /// What an approval of it names.
    pub fn subject(&self) -> Digest {
        self.subject
    }

    /// The position of the history that it was judged against.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Agent nodes ever present once it is applied; the next history starts from it.
    pub fn agents_ever(&self) -> &BTreeSet<AgentKey> {
        &self.agents_ever
    }
}
