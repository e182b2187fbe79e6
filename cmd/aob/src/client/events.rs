//! A run's events as they happen: gap-free, across lost connections.

use std::time::Duration;

use futures::StreamExt;
use http::HeaderValue;
use http::header::{ACCEPT, HeaderName};
use sse_stream::SseByteStream;

use super::transport::Parts;
use super::{Api, Call, problem};
use crate::exit::Exit;
use crate::failure::Failure;

/// How often in a row a lost connection is opened again before it is a failure.
const RECONNECTS_MAX: u32 = 5;
/// The wait before the first of them; it doubles.
const RECONNECT_WAIT: Duration = Duration::from_millis(250);

/// What a stream delivers.
#[derive(Debug)]
pub(crate) enum Delivery {
    /// An event of the log, as JSON.
    Event(String),
    /// What came before is no longer there: the log goes on behind `seq`.
    Reset {
        /// The last seq that is missing.
        seq: u64,
    },
    /// Something that is not an event of the log, such as a log line.
    Other,
}

/// A stream that opens its connection again where it left off.
pub(crate) struct EventStream {
    api: Api,
    call: Call,
    after: u64,
    open: Option<SseByteStream<Parts>>,
    lost: u32,
}

impl EventStream {
    /// The stream of `call` behind the event `after`. Nothing is sent before the first `next`.
    pub(crate) fn new(api: &Api, call: Call, after: u64) -> Self {
        Self { api: api.clone(), call, after, open: None, lost: 0 }
    }

    /// The next delivery; `None`: the server has ended the stream because nothing more will come.
    pub(crate) async fn next(&mut self) -> Result<Option<Delivery>, Failure> {
        loop {
            if self.open.is_none() {
                self.open = self.connect().await?;
            }
            let Some(open) = &mut self.open else { continue };
            match open.next().await {
                Some(Ok(block)) => {
                    self.lost = 0;
                    match self.read(block) {
                        Read::Delivery(delivery) => return Ok(Some(delivery)),
                        Read::End => return Ok(None),
                        Read::Nothing => {}
                    }
                }
                Some(Err(_)) | None => {
                    self.open = None;
                    self.wait().await?;
                }
            }
        }
    }

    async fn connect(&mut self) -> Result<Option<SseByteStream<Parts>>, Failure> {
        let last = HeaderValue::from(self.after);
        let call = self.call.clone().header(ACCEPT, HeaderValue::from_static("text/event-stream"));
        let call = match self.after {
            0 => call,
            _ => call.header(HeaderName::from_static("last-event-id"), last),
        };
        let url = call.url(&self.api.base);
        let token = self.api.token.as_deref();
        match self.api.transport.stream(call, url, token).await {
            Ok(Ok(parts)) => Ok(Some(SseByteStream::new(parts))),
            Ok(Err(refusal)) => Err(problem::failure(&refusal, token.is_some())),
            // The first connection must succeed; a later one may take a moment.
            Err(failure) if self.lost == 0 => Err(failure),
            Err(failure) => {
                self.wait().await.map_err(|_| failure)?;
                Ok(None)
            }
        }
    }

    async fn wait(&mut self) -> Result<(), Failure> {
        self.lost += 1;
        if self.lost > RECONNECTS_MAX {
            let message = "the connection was lost and could not be opened again";
            let todo = "check that the server is alive: aob api GET /healthz";
            return Err(Failure::new(Exit::Timeout, "unreachable", message, todo));
        }
        tokio::time::sleep(RECONNECT_WAIT.saturating_mul(1 << (self.lost - 1))).await;
        Ok(())
    }

    fn read(&mut self, block: sse_stream::Sse) -> Read {
        let Some(text) = block.data else { return Read::Nothing };
        let seq = block.id.as_deref().and_then(|id| id.parse().ok());
        match (block.event.as_deref(), seq) {
            (Some("end"), _) => Read::End,
            (Some("reset"), seq) => {
                self.after = seq.unwrap_or(self.after);
                Read::Delivery(Delivery::Reset { seq: self.after })
            }
            // Nothing is shown twice, whatever a server sends again.
            (_, Some(seq)) if seq <= self.after => Read::Nothing,
            (_, Some(seq)) => {
                self.after = seq;
                Read::Delivery(Delivery::Event(text))
            }
            (_, None) => Read::Delivery(Delivery::Other),
        }
    }
}

enum Read {
    Delivery(Delivery),
    End,
    Nothing,
}
