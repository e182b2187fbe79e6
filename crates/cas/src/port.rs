//! The port: what the product needs of a blob store.

use std::error::Error as StdError;
use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use thiserror::Error;

use crate::BlobDigest;

/// The largest blob that may be put: 1 GiB. A larger object in the store is taken for a corrupt
/// one, so that a read allocates no more than this.
pub const MAX_BLOB_BYTES: u64 = 1 << 30;

/// Whose blobs: the 16 bytes of a workspace's id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(pub [u8; 16]);

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Namespace({self})")
    }
}

/// The store could not be reached or refused to work. Trying again may help.
#[derive(Debug, Error)]
#[error("the blob store is unavailable")]
pub struct Unavailable(#[source] Box<dyn StdError + Send + Sync>);

impl Unavailable {
    /// Wraps what the adapter's backend said.
    pub fn new(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

/// Why blobs were not put. Some of a batch may be stored all the same; putting them again is
/// harmless.
#[derive(Debug, Error)]
pub enum PutError {
    /// A blob exceeds [`MAX_BLOB_BYTES`]; nothing of the batch was stored.
    #[error("a blob of {len_bytes} bytes exceeds the limit of {MAX_BLOB_BYTES}")]
    TooLarge {
        /// Its length.
        len_bytes: u64,
    },
    /// The backend failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why a blob was not read.
#[derive(Debug, Error)]
pub enum GetError {
    /// The namespace holds no such blob.
    #[error("blob {digest} not found")]
    NotFound {
        /// What was asked for.
        digest: BlobDigest,
    },
    /// What is stored under the digest has another one. Putting the right bytes again repairs it
    /// where the adapter owns its medium.
    #[error("blob {digest} is corrupt: its bytes have another digest")]
    Corrupt {
        /// What was asked for.
        digest: BlobDigest,
    },
    /// The backend failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Blobs named by the digest of their bytes, apart per namespace.
#[async_trait]
pub trait Cas: fmt::Debug + Send + Sync {
    /// Stores one blob; see [`Cas::put_many`].
    async fn put(&self, namespace: Namespace, blob: Bytes) -> Result<BlobDigest, PutError> {
        let digest = BlobDigest::of(&blob);
        self.put_many(namespace, vec![blob]).await?;
        Ok(digest)
    }

    /// Stores blobs and returns their digests in the order given. All are durable when it returns,
    /// those that were there before included. Blobs may repeat.
    async fn put_many(
        &self,
        namespace: Namespace,
        blobs: Vec<Bytes>,
    ) -> Result<Vec<BlobDigest>, PutError>;

    /// Reads a blob. The bytes returned have the digest asked for.
    async fn get(&self, namespace: Namespace, digest: BlobDigest) -> Result<Bytes, GetError>;

    /// True where a blob of that name is stored at this moment. Neither its bytes nor its
    /// durability are vouched for: who relies on a blob puts it.
    async fn contains(&self, namespace: Namespace, digest: BlobDigest)
    -> Result<bool, Unavailable>;

    /// Deletes a blob, or does nothing where there is none. For retention: the caller knows that
    /// nobody names the blob, and that nobody is putting it at the same time.
    async fn delete(&self, namespace: Namespace, digest: BlobDigest) -> Result<(), Unavailable>;
}

/// Refuses a batch that holds a blob over the limit.
pub(crate) fn check_sizes(blobs: &[Bytes]) -> Result<(), PutError> {
    match blobs.iter().map(|blob| blob.len() as u64).find(|len| *len > MAX_BLOB_BYTES) {
        Some(len_bytes) => Err(PutError::TooLarge { len_bytes }),
        None => Ok(()),
    }
}
