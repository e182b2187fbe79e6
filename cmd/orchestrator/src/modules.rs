//! Modules of the optimizer: who signed them, and whether they can run at all.
//!
//! Plans are made where they are asked for, by the command line, which runs modules in a host of its
//! own. Here they are kept, and judged once before.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use aob_ir::Digest;
use aob_optimizer::{Host, Limits, ModuleError, PublicKey, Signature, Trust};
use tokio::sync::{Semaphore, TryAcquireError};

/// Judges modules. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Modules {
    keys: Arc<BTreeSet<PublicKey>>,
    /// Made when the first module comes: most processes never see one.
    host: Arc<OnceLock<Host>>,
    /// One is compiled at a time: it costs a processor, and memory.
    compiling: Arc<Semaphore>,
}

/// Why a module is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    /// It is not what it is said to be, or cannot run.
    #[error(transparent)]
    Module(#[from] ModuleError),
    /// Another one is being judged.
    #[error("another module is being compiled")]
    Busy,
    /// Judging it came to no end.
    #[error("the module could not be compiled: {0}")]
    Broken(String),
}

impl Modules {
    /// Trusts what these keys sign.
    pub(crate) fn new(keys: BTreeSet<PublicKey>) -> Self {
        let compiling = Arc::new(Semaphore::new(1));
        Self { keys: Arc::new(keys), host: Arc::default(), compiling }
    }

    /// Somebody is trusted at all.
    pub(crate) fn trusts_anybody(&self) -> bool {
        !self.keys.is_empty()
    }

    /// The trusted key that signed the module with this digest.
    pub(crate) fn signer(&self, digest: &Digest, signature: &Signature) -> Option<PublicKey> {
        self.trust([]).signer(digest, signature)
    }

    fn trust<const N: usize>(&self, digests: [Digest; N]) -> Trust {
        Trust { digests: digests.into(), keys: BTreeSet::clone(&self.keys) }
    }

    /// Takes a module that has the digest, is signed, and compiles.
    pub(crate) async fn judge(
        &self,
        digest: Digest,
        bytes: Vec<u8>,
        signature: Signature,
    ) -> Result<(), Refused> {
        // Whoever nobody trusts does not get anything compiled.
        let trust = self.trust([digest]);
        trust.check(&bytes, &signature).map_err(ModuleError::from)?;
        let turn = Arc::clone(&self.compiling).try_acquire_owned();
        let turn = turn.map_err(|error| match error {
            TryAcquireError::NoPermits => Refused::Busy,
            TryAcquireError::Closed => Refused::Broken(error.to_string()),
        })?;
        let own = self.clone();
        let work = move || {
            let _turn = turn;
            own.host()?.load(&bytes, &signature, &trust).map(drop)
        };
        let judged = tokio::task::spawn_blocking(work).await;
        judged.map_err(|error| Refused::Broken(error.to_string()))?.map_err(Refused::Module)
    }

    fn host(&self) -> Result<Host, ModuleError> {
        if let Some(host) = self.host.get() {
            return Ok(host.clone());
        }
        let host = Host::new(Limits::default())?;
        Ok(self.host.get_or_init(|| host).clone())
    }
}
