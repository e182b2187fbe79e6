//! The content-addressed store: a port, its reference model in memory and its adapter on local files.
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

pub use digest::{BlobDigest, ParseDigestError};
pub use file::FileCas;
pub use mem::MemCas;
pub use port::{Cas, GetError, MAX_BLOB_BYTES, Namespace, PutError, Unavailable};
