//! The content-addressed store: a port, its reference model in memory, its adapters on local files
//! and, with the feature `s3`, on S3.
//!
//! A blob is named by the SHA-256 of its bytes within a namespace (the workspace), so a blob never
//! changes, a put can be repeated, and a read proves what it returns. Namespaces share nothing: a
//! digest known to one tenant says nothing about what another has stored.
#![warn(missing_docs)]

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod digest;
mod file;
mod mem;
mod port;
#[cfg(feature = "s3")]
mod s3;

pub use digest::{BlobDigest, ParseDigestError};
pub use file::FileCas;
pub use mem::MemCas;
pub use port::{Cas, GetError, MAX_BLOB_BYTES, Namespace, PutError, Unavailable};
#[cfg(feature = "s3")]
pub use s3::{ConfigError, S3Cas, S3Config, S3Credentials};
