//! The production adapter: one object of S3, or of what speaks its protocol, per blob.
//!
//! ```text
//! <bucket>/<prefix>/<namespace>/<64 hex digits>
//! ```
//! An object is whole or absent, and what a put acknowledged is durable: that is S3's promise. Puts
//! overwrite without condition, since all writers of a name have the same bytes; so a put repairs
//! an object that was damaged. The service checks what it receives against a SHA-256 of its own.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder, Checksum};
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, ObjectStoreExt, RetryConfig};
use thiserror::Error;

use crate::port::check_sizes;
use crate::{BlobDigest, Cas, GetError, MAX_BLOB_BYTES, Namespace, PutError, Unavailable};

/// Objects of a batch that are on their way at once.
const PUTS_AT_ONCE: usize = 16;

/// Blobs up to this length are hashed where they are, longer ones on a thread for such work.
const HASH_HERE_BYTES: usize = 128 * 1024;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Who asks.
#[derive(Clone)]
pub enum S3Credentials {
    /// What the environment of an AWS program offers: variables, web identity, instance metadata.
    Environment,
    /// A key.
    Key {
        /// Its id.
        id: String,
        /// Its secret.
        secret: String,
    },
}

impl fmt::Debug for S3Credentials {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => f.write_str("Environment"),
            Self::Key { id, .. } => f.debug_struct("Key").field("id", id).finish_non_exhaustive(),
        }
    }
}

/// Settings of an [`S3Cas`].
#[derive(Debug, Clone)]
pub struct S3Config {
    /// The bucket, which exists. Who asks may list it: otherwise the service does not tell what is
    /// missing from what is forbidden.
    pub bucket: String,
    /// What all names begin with, without slashes at its ends; may be empty.
    pub prefix: String,
    /// The region (`us-east-1`).
    pub region: String,
    /// `http[s]://host[:port]` of a service that is not AWS; plain HTTP is spoken only where this
    /// says so.
    pub endpoint: Option<String>,
    /// Who asks.
    pub credentials: S3Credentials,
    /// Requests that failed for no reason of their own are sent again so many times (4).
    pub retries: usize,
    /// A request that makes no progress for so long has failed (30,000).
    pub idle_timeout_ms: u64,
    /// A request that takes longer has failed, whatever its progress (300,000).
    pub timeout_ms: u64,
}

impl S3Config {
    /// The defaults, for this bucket.
    pub fn new(bucket: &str, credentials: S3Credentials) -> Self {
        Self {
            bucket: bucket.to_owned(),
            prefix: String::new(),
            region: "us-east-1".to_owned(),
            endpoint: None,
            credentials,
            retries: 4,
            idle_timeout_ms: 30_000,
            timeout_ms: 300_000,
        }
    }

    fn client(&self) -> Result<AmazonS3, object_store::Error> {
        let millis = Duration::from_millis;
        let options = ClientOptions::new()
            .with_connect_timeout(CONNECT_TIMEOUT)
            .with_read_timeout(millis(self.idle_timeout_ms))
            .with_timeout(millis(self.timeout_ms));
        let retry = RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: self.retries,
            retry_timeout: millis(self.timeout_ms),
        };
        let builder = match &self.credentials {
            S3Credentials::Environment => AmazonS3Builder::from_env(),
            S3Credentials::Key { id, secret } => {
                AmazonS3Builder::new().with_access_key_id(id).with_secret_access_key(secret)
            }
        };
        let mut builder = builder
            .with_client_options(options)
            .with_retry(retry)
            .with_region(&self.region)
            .with_bucket_name(&self.bucket)
            .with_checksum_algorithm(Checksum::SHA256);
        if let Some(endpoint) = &self.endpoint {
            let plain = endpoint.starts_with("http://");
            builder = builder.with_endpoint(endpoint).with_allow_http(plain);
        }
        builder.build()
    }
}

/// The settings describe no store.
#[derive(Debug, Error)]
#[error("the settings of the S3 blob store are not valid")]
pub struct ConfigError(#[source] object_store::Error);

/// Blobs as objects of a bucket.
#[derive(Debug)]
pub struct S3Cas {
    client: AmazonS3,
    prefix: String,
}

fn unavailable(error: object_store::Error) -> Unavailable {
    Unavailable::new(error)
}

impl S3Cas {
    /// A store in this bucket. Nothing is asked yet.
    ///
    /// # Errors
    /// If the settings are not valid.
    pub fn new(config: &S3Config) -> Result<Self, ConfigError> {
        let client = config.client().map_err(ConfigError)?;
        Ok(Self { client, prefix: config.prefix.clone() })
    }

    /// Asks the service for something that is not there: fine where it says so.
    ///
    /// # Errors
    /// If it does not answer, or refuses.
    pub async fn check(&self) -> Result<(), Unavailable> {
        self.contains(Namespace([0; 16]), BlobDigest::of(b"is anybody there")).await.map(drop)
    }

    fn path(&self, namespace: Namespace, digest: BlobDigest) -> Path {
        let parts = [self.prefix.clone(), namespace.to_string(), digest.to_hex()];
        Path::from_iter(parts.into_iter().filter(|part| !part.is_empty()))
    }

    async fn put_one(
        &self,
        namespace: Namespace,
        digest: BlobDigest,
        blob: Bytes,
    ) -> Result<(), Unavailable> {
        let path = self.path(namespace, digest);
        self.client.put(&path, blob.into()).await.map(drop).map_err(unavailable)
    }
}

/// The digests of blobs, in their order.
async fn digests(blobs: &[Bytes]) -> Result<Vec<BlobDigest>, Unavailable> {
    let hash = |blobs: &[Bytes]| blobs.iter().map(|blob| BlobDigest::of(blob)).collect();
    if blobs.iter().map(Bytes::len).sum::<usize>() <= HASH_HERE_BYTES {
        return Ok(hash(blobs));
    }
    let blobs = blobs.to_vec();
    tokio::task::spawn_blocking(move || hash(&blobs)).await.map_err(Unavailable::new)
}

#[async_trait]
impl Cas for S3Cas {
    async fn put_many(
        &self,
        namespace: Namespace,
        blobs: Vec<Bytes>,
    ) -> Result<Vec<BlobDigest>, PutError> {
        check_sizes(&blobs)?;
        let digests = digests(&blobs).await?;
        let different: BTreeMap<BlobDigest, Bytes> = digests.iter().copied().zip(blobs).collect();
        stream::iter(different)
            .map(|(digest, blob)| self.put_one(namespace, digest, blob))
            .buffer_unordered(PUTS_AT_ONCE)
            .try_collect::<()>()
            .await?;
        Ok(digests)
    }

    async fn get(&self, namespace: Namespace, digest: BlobDigest) -> Result<Bytes, GetError> {
        let found = match self.client.get(&self.path(namespace, digest)).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => {
                return Err(GetError::NotFound { digest });
            }
            Err(error) => return Err(unavailable(error).into()),
        };
        if found.meta.size > MAX_BLOB_BYTES {
            return Err(GetError::Corrupt { digest });
        }
        let blob = found.bytes().await.map_err(unavailable)?;
        let right = digests(std::slice::from_ref(&blob)).await? == [digest];
        if right { Ok(blob) } else { Err(GetError::Corrupt { digest }) }
    }

    async fn contains(
        &self,
        namespace: Namespace,
        digest: BlobDigest,
    ) -> Result<bool, Unavailable> {
        match self.client.head(&self.path(namespace, digest)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(unavailable(error)),
        }
    }

    async fn delete(&self, namespace: Namespace, digest: BlobDigest) -> Result<(), Unavailable> {
        match self.client.delete(&self.path(namespace, digest)).await {
            // Some services say that there was nothing to delete.
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(unavailable(error)),
        }
    }
}
