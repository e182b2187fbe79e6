//! Long values: read before a job runs, stored before its result leaves.

use std::fmt;
use std::sync::Arc;

use aob_api::jobs::PayloadMessage;
use aob_cas::{BlobDigest, Cas, GetError, Namespace};
use aob_engine::WorkspaceId;
use aob_ir::Digest;
use async_trait::async_trait;
use bytes::Bytes;
use serde_json::value::RawValue;
use thiserror::Error;

/// Why a long value could not be read or stored.
#[derive(Debug, Error)]
pub enum PayloadError {
    /// There is no such value, or it is not what its digest says.
    #[error("the value {digest} cannot be read: {problem}")]
    Broken {
        /// Which.
        digest: Digest,
        /// What is wrong with it.
        problem: String,
    },
    /// Try again.
    #[error("values cannot be read or stored at the moment: {0}")]
    Unavailable(String),
}

/// Where values over 16 KiB live.
#[async_trait]
pub trait Payloads: fmt::Debug + Send + Sync {
    /// Reads the bytes with this digest.
    ///
    /// # Errors
    /// See [`PayloadError`].
    async fn get(&self, workspace: WorkspaceId, digest: Digest) -> Result<Bytes, PayloadError>;

    /// Stores bytes; they are durable when it returns.
    ///
    /// # Errors
    /// See [`PayloadError`].
    async fn put(&self, workspace: WorkspaceId, bytes: Bytes) -> Result<Digest, PayloadError>;
}

/// The value of a message, wherever it is.
///
/// # Errors
/// See [`PayloadError`].
pub(crate) async fn load(
    payloads: &dyn Payloads,
    workspace: WorkspaceId,
    message: &PayloadMessage,
) -> Result<Box<RawValue>, PayloadError> {
    match message {
        PayloadMessage::Inline(text) => Ok(text.clone()),
        PayloadMessage::Stored { digest, .. } => {
            let bytes = payloads.get(workspace, *digest).await?;
            let broken = |problem: String| PayloadError::Broken { digest: *digest, problem };
            let text = String::from_utf8(bytes.into()).map_err(|e| broken(e.to_string()))?;
            RawValue::from_string(text).map_err(|e| broken(e.to_string()))
        }
    }
}

/// The message for a value, stored first if it is long.
///
/// # Errors
/// See [`PayloadError`].
pub(crate) async fn store(
    payloads: &dyn Payloads,
    workspace: WorkspaceId,
    text: Box<RawValue>,
) -> Result<PayloadMessage, PayloadError> {
    let text = match PayloadMessage::inline(text) {
        Ok(message) => return Ok(message),
        Err(text) => text,
    };
    let len = text.get().len() as u64;
    let bytes = Bytes::from(String::from(Box::<str>::from(text)));
    let digest = payloads.put(workspace, bytes).await?;
    Ok(PayloadMessage::Stored { digest, len })
}

/// Values in the content-addressed store, one namespace per workspace.
#[derive(Debug, Clone)]
pub struct CasPayloads(pub Arc<dyn Cas>);

#[async_trait]
impl Payloads for CasPayloads {
    async fn get(&self, workspace: WorkspaceId, digest: Digest) -> Result<Bytes, PayloadError> {
        let namespace = Namespace(*workspace.0.as_bytes());
        self.0.get(namespace, BlobDigest::from(digest.0)).await.map_err(|error| match error {
            GetError::NotFound { .. } | GetError::Corrupt { .. } => {
                PayloadError::Broken { digest, problem: error.to_string() }
            }
            GetError::Unavailable(error) => PayloadError::Unavailable(error.to_string()),
        })
    }

    async fn put(&self, workspace: WorkspaceId, bytes: Bytes) -> Result<Digest, PayloadError> {
        let namespace = Namespace(*workspace.0.as_bytes());
        let digest = self.0.put(namespace, bytes).await;
        let digest = digest.map_err(|error| PayloadError::Unavailable(error.to_string()))?;
        Ok(Digest(*digest.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use aob_cas::MemCas;
    use aob_engine::INLINE_BYTES_MAX;
    use serde_json::json;

    use super::*;

    fn text(bytes: usize) -> Box<RawValue> {
        serde_json::value::to_raw_value(&json!("x".repeat(bytes - 2))).unwrap()
    }

    #[tokio::test]
    async fn values_go_and_come_back_inline_or_stored() {
        let cas = Arc::new(MemCas::default());
        let payloads = CasPayloads(cas.clone());
        let workspace = WorkspaceId(uuid::Uuid::from_u128(1));
        for (bytes, blobs) in [(10, 0), (INLINE_BYTES_MAX, 0), (INLINE_BYTES_MAX + 1, 1)] {
            let message = store(&payloads, workspace, text(bytes)).await.unwrap();
            assert_eq!(cas.len(), blobs, "{bytes}");
            let back = load(&payloads, workspace, &message).await.unwrap();
            assert_eq!(back.get(), text(bytes).get());
        }
    }

    #[tokio::test]
    async fn another_workspace_reads_nothing() {
        let payloads = CasPayloads(Arc::new(MemCas::default()));
        let workspace = |n| WorkspaceId(uuid::Uuid::from_u128(n));
        let message = store(&payloads, workspace(1), text(20_000)).await.unwrap();
        let error = load(&payloads, workspace(2), &message).await.unwrap_err();
        assert!(matches!(error, PayloadError::Broken { .. }));
    }
}
