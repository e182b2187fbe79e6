//! A run's events as they happen: gap-free, across lost connections.
//!
//! They come from the server's stream. A server that has none (an orchestrator without a fan-out
//! beside it) is asked for pages of the log instead.

use std::collections::VecDeque;
use std::time::Duration;

use aob_api::EventPage;
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
/// The wait between two looks at a log, where there is no stream.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// Events of a page.
const PAGE: u32 = 1_000;
/// What a server says about a path that it does not have.
const NO_STREAM: &str = "route_not_found";

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
    /// Log lines of a function, as JSON.
    Lines(String),
    /// Something that this version does not know.
    Other,
}

/// The events of a run, from behind one of them.
pub(crate) struct EventStream {
    api: Api,
    run: String,
    after: u64,
    /// Number of the last chunk of log lines.
    lines_after: u64,
    source: Source,
    lost: u32,
}

enum Source {
    /// A stream that is to be opened, again or for the first time.
    Closed,
    /// A stream.
    Open(SseByteStream<Parts>),
    /// Pages, for want of a stream: what was read and not delivered yet.
    Pages(VecDeque<String>),
}

impl EventStream {
    /// The events of `run` behind `after`. Nothing is sent before the first `next`.
    pub(crate) fn new(api: &Api, run: &str, after: u64) -> Self {
        let (api, run) = (api.clone(), run.to_owned());
        Self { api, run, after, lines_after: 0, source: Source::Closed, lost: 0 }
    }

    /// The next delivery; `None`: nothing more will come.
    pub(crate) async fn next(&mut self) -> Result<Option<Delivery>, Failure> {
        loop {
            match &mut self.source {
                Source::Closed => self.connect().await?,
                Source::Open(open) => match open.next().await {
                    Some(Ok(block)) => {
                        self.lost = 0;
                        match self.read(block) {
                            Read::Delivery(delivery) => return Ok(Some(delivery)),
                            Read::End => return Ok(None),
                            Read::Nothing => {}
                        }
                    }
                    Some(Err(_)) | None => {
                        self.source = Source::Closed;
                        self.wait().await?;
                    }
                },
                Source::Pages(read) => {
                    if let Some(text) = read.pop_front() {
                        return Ok(Some(Delivery::Event(text)));
                    }
                    if self.page().await? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    async fn connect(&mut self) -> Result<(), Failure> {
        let call = Call::get(&["runs", &self.run, "stream"]);
        let call = call.header(ACCEPT, HeaderValue::from_static("text/event-stream"));
        let call = match self.lines_after {
            0 => call,
            after => call.query("logs_after", after),
        };
        let call = match self.after {
            0 => call,
            after => call.header(HeaderName::from_static("last-event-id"), after.into()),
        };
        let url = call.url(&self.api.base);
        let token = self.api.token.as_deref();
        match self.api.transport.stream(call, url, token).await {
            Ok(Ok(parts)) => self.source = Source::Open(SseByteStream::new(parts)),
            Ok(Err(refusal)) => {
                let failure = problem::failure(&refusal, token.is_some());
                if failure.code() != NO_STREAM {
                    return Err(failure);
                }
                self.source = Source::Pages(VecDeque::new());
            }
            // The first connection must succeed; a later one may take a moment.
            Err(failure) if self.lost == 0 => return Err(failure),
            Err(failure) => self.wait().await.map_err(|_| failure)?,
        }
        Ok(())
    }

    /// Reads the next page; true where the run is over and all of it was read.
    async fn page(&mut self) -> Result<bool, Failure> {
        let call = Call::get(&["runs", &self.run, "events"]);
        let call = call.query("after", self.after).query("limit", PAGE);
        let page = self.api.send(call).await?.read::<EventPage>()?.view;
        let EventPage { items, next_after, head_seq, ended } = page;
        if items.is_empty() {
            if ended && next_after >= head_seq {
                return Ok(true);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        self.after = next_after;
        let texts = items.into_iter().map(|item| item.0.get().to_owned());
        self.source = Source::Pages(texts.collect());
        Ok(false)
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
        let seq: Option<u64> = block.id.as_deref().and_then(|id| id.parse().ok());
        let Some(text) = block.data else {
            // Only how far the log was looked through, for the next connection.
            self.after = self.after.max(seq.unwrap_or(0));
            return Read::Nothing;
        };
        match (block.event.as_deref(), seq) {
            (Some("end"), _) => Read::End,
            (Some("reset"), seq) => {
                self.after = seq.unwrap_or(self.after);
                Read::Delivery(Delivery::Reset { seq: self.after })
            }
            (Some("log"), None) => {
                let chunk: Chunk = serde_json::from_str(&text).unwrap_or_default();
                if chunk.n > 0 && chunk.n <= self.lines_after {
                    return Read::Nothing;
                }
                self.lines_after = self.lines_after.max(chunk.n);
                Read::Delivery(Delivery::Lines(text))
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

/// What tells a chunk of log lines apart.
#[derive(Default, serde::Deserialize)]
struct Chunk {
    #[serde(default)]
    n: u64,
}

enum Read {
    Delivery(Delivery),
    End,
    Nothing,
}
