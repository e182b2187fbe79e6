//! The body of a response, as it arrives.

use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use crate::client::Inner;
use crate::decode::Decoder;
use crate::error::{Cap, EgressError};
use crate::hosts::Slot;
use crate::pool::PoolKey;
use crate::wire::Wire;

/// Until when the next part must be there.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Patience {
    /// All parts until then.
    Until(Instant),
    /// Each part within so much of the one before.
    Each(Duration),
}

/// A body that is read part by part. Dropping it closes its connection.
#[derive(Debug)]
pub struct BodyStream {
    incoming: Incoming,
    decoder: Decoder,
    patience: Patience,
    /// `None` once the body has ended or failed.
    source: Option<Source>,
}

/// What the body arrives on, and what becomes of that afterwards.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) wire: Wire,
    pub(crate) client: Arc<Inner>,
    pub(crate) key: PoolKey,
    /// Held until the body has ended.
    pub(crate) _slot: Slot,
}

impl BodyStream {
    /// Refuses at once what claims to be longer than it may be.
    pub(crate) fn new(
        incoming: Incoming,
        decoder: Decoder,
        source: Source,
        patience: Patience,
        max_bytes: u64,
    ) -> Result<Self, EgressError> {
        if decoder.is_plain() && incoming.size_hint().lower() > max_bytes {
            return Err(EgressError::TooLarge { cap: Cap::Body, limit: max_bytes });
        }
        Ok(Self { incoming, decoder, patience, source: Some(source) })
    }

    /// The next part, decoded and not empty; `None` at the end. After an error there is nothing
    /// more to come.
    pub async fn next(&mut self) -> Option<Result<Bytes, EgressError>> {
        loop {
            self.source.as_ref()?;
            match self.part().await {
                Ok(part) if part.is_empty() => {}
                Ok(part) => return Some(Ok(part)),
                Err(error) => {
                    self.source = None;
                    return Some(Err(error));
                }
            }
        }
    }

    /// One part, possibly empty. Ends the body where it ends.
    async fn part(&mut self) -> Result<Bytes, EgressError> {
        let Some(source) = &mut self.source else { return Ok(Bytes::new()) };
        let deadline = match self.patience {
            Patience::Until(deadline) => deadline,
            Patience::Each(limit) => Instant::now() + limit,
        };
        let frame = timeout_at(deadline, source.wire.frame(&mut self.incoming)).await;
        match frame.map_err(|_| EgressError::Timeout { sent: true })? {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => self.decoder.push(data),
                // Trailers say nothing that is used.
                Err(_) => Ok(Bytes::new()),
            },
            Some(Err(error)) if is_malformed(&error) => Err(EgressError::bad_response(error)),
            Some(Err(error)) => Err(EgressError::Lost { source: error.into() }),
            None => {
                if let Some(Source { wire, client, key, .. }) = self.source.take() {
                    client.pool.keep(key, wire).await;
                }
                self.decoder.finish()
            }
        }
    }

    /// All that is left.
    pub(crate) async fn collect(mut self) -> Result<Bytes, EgressError> {
        let mut whole = BytesMut::new();
        let mut first = Bytes::new();
        while let Some(part) = self.next().await {
            let part = part?;
            if first.is_empty() && whole.is_empty() {
                first = part;
                continue;
            }
            whole.extend_from_slice(&std::mem::take(&mut first));
            whole.extend_from_slice(&part);
        }
        Ok(if whole.is_empty() { first } else { whole.freeze() })
    }
}

/// True where the body arrived and makes no sense, such as a chunk without a size.
fn is_malformed(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    let kind = cause.map(io::Error::kind);
    error.is_parse()
        || matches!(kind, Some(io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData))
}
