//! The reference model: blobs in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;

use crate::port::check_sizes;
use crate::{BlobDigest, Cas, GetError, Namespace, PutError, Unavailable};

/// Blobs in memory, "durable" for as long as the value lives. For tests and the simulator.
#[derive(Debug, Default)]
pub struct MemCas {
    blobs: Mutex<BTreeMap<(Namespace, BlobDigest), Bytes>>,
}

impl MemCas {
    /// Replaces what is stored under a digest, as a failing medium would.
    pub fn damage(&self, namespace: Namespace, digest: BlobDigest, bytes: Bytes) {
        self.blobs.lock().insert((namespace, digest), bytes);
    }

    /// Number of blobs over all namespaces.
    pub fn len(&self) -> usize {
        self.blobs.lock().len()
    }

    /// True where nothing is stored.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[async_trait]
impl Cas for MemCas {
    async fn put_many(
        &self,
        namespace: Namespace,
        blobs: Vec<Bytes>,
    ) -> Result<Vec<BlobDigest>, PutError> {
        check_sizes(&blobs)?;
        let digests: Vec<_> = blobs.iter().map(|blob| BlobDigest::of(blob)).collect();
        let mut stored = self.blobs.lock();
        for (digest, blob) in digests.iter().zip(blobs) {
            // Copied, because a slice would keep the caller's whole buffer alive.
            stored.insert((namespace, *digest), Bytes::copy_from_slice(&blob));
        }
        Ok(digests)
    }

    async fn get(&self, namespace: Namespace, digest: BlobDigest) -> Result<Bytes, GetError> {
        let found = self.blobs.lock().get(&(namespace, digest)).cloned();
        let bytes = found.ok_or(GetError::NotFound { digest })?;
        if BlobDigest::of(&bytes) == digest { Ok(bytes) } else { Err(GetError::Corrupt { digest }) }
    }

    async fn contains(
        &self,
        namespace: Namespace,
        digest: BlobDigest,
    ) -> Result<bool, Unavailable> {
        Ok(self.blobs.lock().contains_key(&(namespace, digest)))
    }

    async fn delete(&self, namespace: Namespace, digest: BlobDigest) -> Result<(), Unavailable> {
        self.blobs.lock().remove(&(namespace, digest));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::Harness;

    #[async_trait]
    impl Harness for MemCas {
        fn cas(&self) -> &dyn Cas {
            self
        }

        async fn damage(&self, namespace: Namespace, digest: BlobDigest, bytes: Bytes) {
            MemCas::damage(self, namespace, digest, bytes);
        }
    }

    crate::cas_conformance!(MemCas::default());
}
