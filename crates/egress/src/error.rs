//! Why there is no answer, and whether the request may have been seen.

use std::error::Error as StdError;
use std::fmt;

use thiserror::Error;

use crate::Refusal;

/// What a connection could not get past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectStage {
    /// The name did not resolve, or to nothing.
    Resolve,
    /// No address accepted the connection.
    Tcp,
    /// The TLS handshake failed: certificate, name or protocol.
    Tls,
    /// The connection was gone before the first byte of the request.
    Send,
}

impl fmt::Display for ConnectStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "resolve its name",
            Self::Tcp => "connect",
            Self::Tls => "agree on TLS",
            Self::Send => "send",
        })
    }
}

/// Which cap of a response was exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cap {
    /// Status line and headers together, in bytes, or their number.
    Headers,
    /// The body after decoding, in bytes.
    Body,
    /// Decoded bytes per byte received.
    Ratio,
}

impl fmt::Display for Cap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Headers => "headers in bytes",
            Self::Body => "body in bytes",
            Self::Ratio => "compression ratio",
        })
    }
}

/// What a failure came from.
pub type Source = Box<dyn StdError + Send + Sync>;

/// Why there is no (complete) response. [`EgressError::sent`] tells what that means for a retry.
#[derive(Debug, Error)]
pub enum EgressError {
    /// A rule forbids it. Nothing was sent.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The host has failed too often in a row and is left alone. Nothing was sent.
    #[error("the host is unreachable; it is tried again in {retry_after_ms} ms")]
    CircuitOpen {
        /// Until the next try.
        retry_after_ms: u64,
    },
    /// No connection. Nothing was sent.
    #[error("the host could not be reached: failed to {stage}")]
    Connect {
        /// How far it came.
        stage: ConnectStage,
        /// What happened.
        source: Source,
    },
    /// The time is over.
    #[error("there was no complete answer in time")]
    Timeout {
        /// True where any byte of a request was sent.
        sent: bool,
    },
    /// The connection broke after the first byte of the request was sent.
    #[error("the connection was lost after the request was sent")]
    Lost {
        /// What happened.
        source: Source,
    },
    /// The response exceeds a cap; the rest was not read.
    #[error("the response exceeds the limit of its {cap}: {limit}")]
    TooLarge {
        /// Which.
        cap: Cap,
        /// Its value.
        limit: u64,
    },
    /// The response is not HTTP, or its body can't be decoded.
    #[error("the response is invalid")]
    BadResponse {
        /// What is wrong.
        source: Source,
    },
    /// It failed after being redirected; the request was sent to the first host.
    #[error("redirect {hop} failed")]
    Redirect {
        /// Which redirect, from 1.
        hop: u8,
        /// Why.
        source: Box<EgressError>,
    },
}

impl EgressError {
    /// False where certainly no byte of any request was sent, so that nobody can have acted on it.
    pub fn sent(&self) -> bool {
        match self {
            Self::Refused(_) | Self::CircuitOpen { .. } | Self::Connect { .. } => false,
            Self::Timeout { sent } => *sent,
            Self::Lost { .. }
            | Self::TooLarge { .. }
            | Self::BadResponse { .. }
            | Self::Redirect { .. } => true,
        }
    }

    /// A stable name for machines. A failed redirect has that of its cause.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(_) => "egress_refused",
            Self::CircuitOpen { .. } => "circuit_open",
            Self::Connect { .. } => "connect_failed",
            Self::Timeout { .. } => "timeout",
            Self::Lost { .. } => "connection_lost",
            Self::TooLarge { .. } => "response_too_large",
            Self::BadResponse { .. } => "bad_response",
            Self::Redirect { source, .. } => source.code(),
        }
    }

    /// The rule that forbade it, be it the first request or a redirect.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::Redirect { source, .. } => source.refusal(),
            Self::CircuitOpen { .. }
            | Self::Connect { .. }
            | Self::Timeout { .. }
            | Self::Lost { .. }
            | Self::TooLarge { .. }
            | Self::BadResponse { .. } => None,
        }
    }

    pub(crate) fn connect(stage: ConnectStage, source: impl Into<Source>) -> Self {
        Self::Connect { stage, source: source.into() }
    }

    pub(crate) fn bad_response(source: impl Into<Source>) -> Self {
        Self::BadResponse { source: source.into() }
    }
}
