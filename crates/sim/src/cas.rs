//! The blob store as one process sees it, with faults.

use std::fmt;
use std::sync::Arc;

use aob_cas::{BlobDigest, Cas, GetError, Namespace, PutError, Unavailable};
use async_trait::async_trait;
use bytes::Bytes;

use crate::counts::Count;
use crate::gate::Gate;

/// See the module.
#[derive(Clone)]
pub(crate) struct SimCas {
    gate: Arc<Gate>,
}

impl fmt::Debug for SimCas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimCas").field("process", &self.gate.name).finish_non_exhaustive()
    }
}

impl SimCas {
    pub(crate) fn new(gate: &Arc<Gate>) -> Self {
        Self { gate: Arc::clone(gate) }
    }

    async fn reach(&self) -> Result<(), Unavailable> {
        let reached = self.gate.enter().await.is_ok() && !self.gate.world.hits(Count::CasDown);
        if reached { Ok(()) } else { Err(Unavailable::new("simulated")) }
    }
}

#[async_trait]
impl Cas for SimCas {
    async fn put_many(
        &self,
        namespace: Namespace,
        blobs: Vec<Bytes>,
    ) -> Result<Vec<BlobDigest>, PutError> {
        self.reach().await?;
        let digests = self.gate.world.cas.put_many(namespace, blobs).await;
        self.gate.leave().await;
        digests
    }

    async fn get(&self, namespace: Namespace, digest: BlobDigest) -> Result<Bytes, GetError> {
        self.reach().await?;
        self.gate.world.cas.get(namespace, digest).await
    }

    async fn contains(
        &self,
        namespace: Namespace,
        digest: BlobDigest,
    ) -> Result<bool, Unavailable> {
        self.reach().await?;
        self.gate.world.cas.contains(namespace, digest).await
    }

    async fn delete(&self, namespace: Namespace, digest: BlobDigest) -> Result<(), Unavailable> {
        self.reach().await?;
        self.gate.world.cas.delete(namespace, digest).await
    }
}
