//! `GET /v1/stream`: every run of the workspace.

use std::convert::Infallible;

use aob_api::Problem;
use aob_edge::{Answer, Caller, Query, Refusal, Subscription};
use aob_store::{FeedCursor, FeedEntry, StoreError};
use axum::extract::State;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use futures::stream;
use http::{HeaderMap, Uri};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::filter::Filter;
use crate::frame::{HEARTBEAT, RETRY, push_event, push_id, push_record};
use crate::places::Place;
use crate::resume::last_seen;
use crate::routes::streamed;
use crate::service::{Fanout, HEARTBEAT_EVERY, RECHECK_EVERY};

/// Segments read at once: what a client that does not read costs at most, about 1 MiB each.
const SEGMENTS: u32 = 2;

/// Follows all runs of the workspace, from now on or from where the client left off.
///
/// `data:` is `{"run", "event"}`. Events come at least once, those of a run without gaps and in
/// their order; across runs there is no order. `id:` is an opaque cursor, given where a client may
/// resume. `reset` says that what the cursor named is no longer there.
#[utoipa::path(
    get, path = "/v1/stream", tag = "streams", operation_id = "streams_workspace",
    params(
        ("after" = Option<String>, Query, description = "An `id:` of this stream"),
        ("from" = Option<String>, Query, description = "`start`: from the beginning of the log"),
        ("types" = Option<String>, Query, description = "`node_completed,run_*`"),
        ("Last-Event-ID" = Option<String>, Header),
    ),
    responses(
        (status = 200, description = "Server-sent events.", content_type = "text/event-stream"),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(fanout): State<Fanout>,
    caller: Caller,
    uri: Uri,
    headers: HeaderMap,
) -> Answer {
    let query = Query::of(&uri, &["after", "from", "types"])?;
    let filter = Filter::of(&query)?;
    let start = |text: &str| (text == "start").then_some(());
    let from_start = query.parsed("from", "give `start`, or leave it out", start)?.is_some();
    let news = fanout.watch.workspace(caller.workspace());
    let workspace = aob_store::WorkspaceId(caller.workspace().0);
    let (cursor, lost) = match last_seen(&query, &headers)? {
        Some(text) => match read_cursor(text) {
            Some(cursor) => (cursor, false),
            None => (fanout.store.feed_end(workspace).await?, true),
        },
        None if from_start => (FeedCursor::default(), false),
        None => (fanout.store.feed_end(workspace).await?, false),
    };
    let place = fanout.places.take(caller.key_id(), None)?;
    let following = Following {
        fanout,
        caller,
        cursor,
        filter,
        news,
        lost,
        opened: false,
        over: false,
        recheck_at: Instant::now() + RECHECK_EVERY,
        _place: place,
    };
    let frames = stream::unfold(following, |mut following| async move {
        let frames = following.next_frames().await?;
        Some((Ok::<_, Infallible>(Bytes::from(frames)), following))
    });
    Ok(streamed(frames))
}

fn write_cursor(cursor: &FeedCursor) -> String {
    format!("w{}", URL_SAFE_NO_PAD.encode(&cursor.0))
}

fn read_cursor(text: &str) -> Option<FeedCursor> {
    let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix('w')?).ok()?;
    String::from_utf8(bytes).ok().map(FeedCursor)
}

/// One client on its way through the workspace's feed.
struct Following {
    fanout: Fanout,
    caller: Caller,
    cursor: FeedCursor,
    filter: Filter,
    news: Subscription,
    /// The client's cursor is not one of this store.
    lost: bool,
    opened: bool,
    over: bool,
    recheck_at: Instant,
    _place: Place,
}

/// What a segment's events are read for.
#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
}

impl Following {
    /// As for one run: see `run_stream`.
    async fn next_frames(&mut self) -> Option<String> {
        if self.over {
            return None;
        }
        let heartbeat_at = Instant::now() + HEARTBEAT_EVERY;
        if !self.opened {
            self.opened = true;
            return Some(self.opening());
        }
        loop {
            if self.fanout.shutdown.is_cancelled() {
                return None;
            }
            match self.look().await {
                Ok(frames) if frames.is_empty() => {}
                Ok(frames) => return Some(frames),
                Err(Refusal(problem)) => {
                    self.over = true;
                    let mut frames = String::new();
                    let problem = serde_json::to_value(&*problem).unwrap_or_default();
                    push_record(&mut frames, None, "error", &problem);
                    return Some(frames);
                }
            }
            tokio::select! {
                () = self.news.changed() => {}
                () = self.fanout.shutdown.cancelled() => return None,
                () = tokio::time::sleep_until(heartbeat_at) => return Some(HEARTBEAT.to_owned()),
            }
        }
    }

    /// Tells the client at once where it stands, so that it can resume before the first event.
    fn opening(&mut self) -> String {
        let mut frames = RETRY.to_owned();
        let at = write_cursor(&self.cursor);
        if std::mem::take(&mut self.lost) {
            push_record(&mut frames, Some(&at), "reset", &json!({"reason": "unknown_cursor"}));
        } else {
            push_id(&mut frames, &at);
        }
        frames
    }

    async fn look(&mut self) -> Result<String, Refusal> {
        let now = Instant::now();
        if now >= self.recheck_at {
            self.recheck_at = now + RECHECK_EVERY;
            self.caller = self.fanout.recheck(&self.caller).await?;
        }
        let workspace = aob_store::WorkspaceId(self.caller.workspace().0);
        let store = &self.fanout.store;
        let entries = match store.feed_after(workspace, &self.cursor, SEGMENTS).await {
            Err(StoreError::Cursor(_)) => {
                self.cursor = store.feed_end(workspace).await?;
                let mut frames = String::new();
                let at = write_cursor(&self.cursor);
                push_record(&mut frames, Some(&at), "reset", &json!({"reason": "unknown_cursor"}));
                return Ok(frames);
            }
            other => other?,
        };
        let mut frames = String::new();
        for entry in entries {
            self.push(&mut frames, &entry)?;
            self.cursor = entry.cursor;
        }
        Ok(frames)
    }

    /// The events of one segment; only the last carries the cursor behind it.
    fn push(&self, frames: &mut String, entry: &FeedEntry) -> Result<(), Refusal> {
        let events: Vec<&RawValue> =
            serde_json::from_str(&entry.segment.events).map_err(|error| {
                tracing::error!(%error, run = %entry.stream.0, "a segment cannot be read");
                Refusal::internal()
            })?;
        let at = write_cursor(&entry.cursor);
        let mut told = false;
        for (index, event) in events.iter().enumerate() {
            let kind = serde_json::from_str::<Kind<'_>>(event.get());
            let kind = kind.map(|kind| kind.kind).unwrap_or_default();
            if self.filter.wants(&kind) {
                told = index + 1 == events.len();
                let data = format!("{{\"run\":\"{}\",\"event\":{}}}", entry.stream.0, event.get());
                push_event(frames, told.then_some(at.as_str()), &kind, &data);
            }
        }
        if !told {
            push_id(frames, &at);
        }
        Ok(())
    }
}
