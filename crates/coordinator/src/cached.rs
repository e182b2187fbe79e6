//! A cache in front of the blobs, which never change and are named by their digest.
//!
//! What the cache says is believed only after its digest was taken: a cache that is empty, old,
//! wrong or down costs time and nothing else. States of runs come this way too, because a snapshot
//! is a blob whose digest is in the log's database.

use std::sync::Arc;

use aob_cache::{Cache, CacheKey};
use aob_cas::{BlobDigest, Cas, GetError, Namespace, PutError, Unavailable};
use async_trait::async_trait;
use bytes::Bytes;

/// The kind of these values, with the version of their encoding.
const BLOB: &str = "blob:1";
/// Larger blobs are read from where they lie: moving them twice costs more than it saves.
const BLOB_BYTES_MAX: usize = 512 * 1024;
/// How long blobs are kept: 1 hour, about as long as a run is read by several processes.
const BLOB_TTL_MS: u64 = 60 * 60 * 1_000;

/// A blob store whose smaller blobs are kept in a cache by who reads them.
#[derive(Debug)]
pub struct CachedCas {
    cas: Arc<dyn Cas>,
    cache: Arc<dyn Cache>,
}

impl CachedCas {
    /// Puts the cache in front of the store.
    pub fn new(cas: Arc<dyn Cas>, cache: Arc<dyn Cache>) -> Self {
        Self { cas, cache }
    }
}

fn key<'a>(namespace: Namespace, digest: &'a BlobDigest) -> CacheKey<'a> {
    CacheKey { workspace: namespace.0, kind: BLOB, id: digest.as_bytes() }
}

#[async_trait]
impl Cas for CachedCas {
    /// Puts go to the store alone: what is never read again is not worth its place.
    async fn put_many(
        &self,
        namespace: Namespace,
        blobs: Vec<Bytes>,
    ) -> Result<Vec<BlobDigest>, PutError> {
        self.cas.put_many(namespace, blobs).await
    }

    async fn get(&self, namespace: Namespace, digest: BlobDigest) -> Result<Bytes, GetError> {
        let key = key(namespace, &digest);
        if let Some(cached) = self.cache.get(key).await
            && BlobDigest::of(&cached.value) == digest
        {
            return Ok(cached.value);
        }
        let blob = self.cas.get(namespace, digest).await?;
        if blob.len() <= BLOB_BYTES_MAX {
            self.cache.put(key, blob.clone(), BLOB_TTL_MS).await;
        }
        Ok(blob)
    }

    async fn contains(
        &self,
        namespace: Namespace,
        digest: BlobDigest,
    ) -> Result<bool, Unavailable> {
        self.cas.contains(namespace, digest).await
    }

    async fn delete(&self, namespace: Namespace, digest: BlobDigest) -> Result<(), Unavailable> {
        self.cas.delete(namespace, digest).await?;
        self.cache.delete(key(namespace, &digest)).await;
        Ok(())
    }
}
