//! What an `http` job needs of the egress client.

use std::fmt;
use std::time::Duration;

use aob_engine::WorkspaceId;
use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use thiserror::Error;

/// A request to send.
#[derive(Clone)]
pub struct OutgoingRequest {
    /// The tenant, whose rules hold and whose connections are used.
    pub workspace: WorkspaceId,
    /// Method.
    pub method: Method,
    /// Target, as it was written: what judges it must see what was meant to get past it.
    pub url: String,
    /// Headers.
    pub headers: HeaderMap,
    /// Body; empty: none.
    pub body: Bytes,
    /// From here to the last byte of the answer.
    pub timeout: Duration,
    /// Longer answers are refused.
    pub response_bytes_max: u64,
    /// Redirects that are followed.
    pub redirects: u8,
    /// True: sending it twice is harmless, so a dead connection may be tried again at once.
    pub repeatable: bool,
}

impl fmt::Debug for OutgoingRequest {
    /// Shows neither URL, headers nor body: they may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutgoingRequest").field("method", &self.method).finish_non_exhaustive()
    }
}

/// An answer, whatever its status.
#[derive(Debug, Clone)]
pub struct OutgoingResponse {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body, decoded and whole.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum SendError {
    /// The rules for outgoing requests forbid it. Nothing was sent.
    #[error("{0}")]
    Refused(String),
    /// The client leaves the host alone for a while. Nothing was sent.
    #[error("{problem}")]
    Busy {
        /// Why.
        problem: String,
        /// Until when.
        retry_after_ms: Option<u64>,
    },
    /// The name did not resolve, or the connection was refused. Nothing was sent.
    #[error("{0}")]
    NotConnected(String),
    /// The connection broke after the first byte was sent.
    #[error("{0}")]
    Broken(String),
    /// What came back is no HTTP answer, or cannot be decoded.
    #[error("{0}")]
    Garbled(String),
    /// The time is over.
    #[error("no answer in time")]
    TimedOut {
        /// True where bytes had been sent.
        sent: bool,
    },
    /// The answer is longer than allowed; the request was executed.
    #[error("the answer is longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: u64,
    },
}

/// Sends requests.
#[async_trait]
pub trait HttpPort: fmt::Debug + Send + Sync {
    /// Sends one request. Dropping the future drops its connection.
    ///
    /// # Errors
    /// See [`SendError`].
    async fn send(&self, request: OutgoingRequest) -> Result<OutgoingResponse, SendError>;
}
