//! `GET /v1/runs/{run}/stream`, and `.../events` for those who accept streams.

use std::convert::Infallible;
use std::iter::Peekable;
use std::sync::Arc;
use std::vec::IntoIter;

use aob_api::Problem;
use aob_edge::{Answer, Caller, LogEvent, PageSize, Query, Refusal, Subscription, log_page};
use aob_engine::RunId;
use aob_points::{Point, reach};
use aob_store::{LogChunkRow, RunRow, StreamId};
use axum::extract::{Path, State};
use axum::response::Response;
use bytes::Bytes;
use futures::stream;
use http::{HeaderMap, Uri};
use serde_json::json;
use tokio::time::Instant;

use crate::filter::{Filter, LOG};
use crate::frame::{HEARTBEAT, RETRY, push_event, push_id, push_record};
use crate::lines::{Lines, time_of};
use crate::places::Place;
use crate::resume::last_seq;
use crate::routes::streamed;
use crate::service::{Fanout, HEARTBEAT_EVERY, RECHECK_EVERY};

/// What a client that does not read costs at most.
const PAGE: PageSize = PageSize { events: 256, bytes: 512 * 1024 };

/// Follows the log of a run: everything behind `after`, then what happens, to its end.
///
/// `id:` is the seq, `event:` the type, `data:` the event as the log has it. `end` follows the last
/// event of a run that is over; `reset` says that what came before is no longer there. `log` brings
/// log lines of functions, which are not events: they have no `id:`, come at least once (`n` tells
/// them apart), and `missing_lines` and `missing_chunks` say what was dropped before them.
#[utoipa::path(
    get, path = "/v1/runs/{run}/stream", tag = "streams", operation_id = "streams_run",
    params(
        ("run" = String, Path),
        ("after" = Option<u64>, Query, description = "Only events behind this seq"),
        ("types" = Option<String>, Query, description = "`node_completed,run_*,log`"),
        ("logs_after" = Option<u64>, Query, description = "Only log lines behind this `n`"),
        ("Last-Event-ID" = Option<u64>, Header),
    ),
    responses(
        (status = 200, description = "Server-sent events.", content_type = "text/event-stream"),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(fanout): State<Fanout>,
    caller: Caller,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Answer {
    let query = Query::of(&uri, &["after", "types", "logs_after"])?;
    let run: RunId = name.parse().map_err(|_| not_found(&name))?;
    let after = last_seq(&query, &headers)?;
    let filter = Filter::of(&query)?;
    let lines_after =
        query.parsed("logs_after", "give the `n` of a `log` record", |text| text.parse().ok())?;
    let lines = Lines { after: lines_after.unwrap_or(0), wanted: filter.wants(LOG) };
    // Subscribed before the first look: nothing happens in between.
    let news = fanout.watch.run(run);
    row(&fanout, &caller, run).await?.ok_or_else(|| not_found(&name))?;
    let place = fanout.places.take(caller.key_id(), Some(&name))?;
    let now = Instant::now();
    let following = Following {
        fanout,
        caller,
        run,
        after,
        filter,
        lines,
        news,
        phase: Phase::Opening,
        recheck_at: now + RECHECK_EVERY,
        _place: place,
    };
    Ok(follow(following))
}

fn follow(following: Following) -> Response {
    let frames = stream::unfold(following, |mut following| async move {
        let frames = following.next_frames().await?;
        Some((Ok::<_, Infallible>(Bytes::from(frames)), following))
    });
    streamed(frames)
}

fn not_found(run: &str) -> Refusal {
    Problem::new(aob_api::ErrorCode::RunNotFound, format!("there is no run `{run}`"))
        .with_hint("`GET /v1/runs` lists the runs of the workspace")
        .into()
}

async fn row(fanout: &Fanout, caller: &Caller, run: RunId) -> Result<Option<RunRow>, Refusal> {
    let workspace = aob_store::WorkspaceId(caller.workspace().0);
    Ok(fanout.store.run(workspace, StreamId(run.0)).await?)
}

/// One client on its way through a log.
struct Following {
    fanout: Fanout,
    caller: Caller,
    run: RunId,
    /// Seq of the last event dealt with.
    after: u64,
    filter: Filter,
    lines: Lines,
    news: Subscription,
    phase: Phase,
    /// When the API key is looked at again.
    recheck_at: Instant,
    _place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Opening,
    Going,
    Over,
}

impl Following {
    /// What the client gets next; `None`: the stream is over. Waits where there is nothing.
    async fn next_frames(&mut self) -> Option<String> {
        let heartbeat_at = Instant::now() + HEARTBEAT_EVERY;
        match self.phase {
            Phase::Over => return None,
            Phase::Opening => {
                self.phase = Phase::Going;
                return Some(RETRY.to_owned());
            }
            Phase::Going => {}
        }
        loop {
            if self.fanout.shutdown.is_cancelled() {
                return None;
            }
            match self.look().await {
                Ok(frames) if frames.is_empty() => {}
                Ok(frames) => return Some(frames),
                Err(Refusal(problem)) => {
                    self.phase = Phase::Over;
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

    /// Looks at the log once.
    async fn look(&mut self) -> Result<String, Refusal> {
        let now = Instant::now();
        if now >= self.recheck_at {
            self.recheck_at = now + RECHECK_EVERY;
            self.caller = self.fanout.recheck(&self.caller).await?;
        }
        let store = Arc::clone(&self.fanout.store);
        let page = log_page(&*store, self.caller.workspace(), self.run, self.after, PAGE).await?;
        reach(Point::StreamRead)
            .await
            .map_err(|struck| Problem::new(aob_api::ErrorCode::Unavailable, struck.to_string()))?;
        let mut frames = String::new();
        if let Some(first) = page.gap {
            self.reset(&mut frames, first.saturating_sub(1), "compacted");
        }
        // Read after the events: an attempt's lines are there before its end is.
        let stream = StreamId(self.run.0);
        let workspace = aob_store::WorkspaceId(self.caller.workspace().0);
        let lines = self.lines.next(&*store, workspace, stream).await?;
        if page.events.is_empty() && lines.is_empty() {
            self.at_the_end(&mut frames).await?;
        }
        self.push(&mut frames, &page.events, lines);
        Ok(frames)
    }

    /// Appends events and lines in the order of their times. Lines that are later than
    /// the last event wait for the next look, which comes at once: there may be more events.
    fn push(&mut self, frames: &mut String, events: &[LogEvent], lines: Vec<LogChunkRow>) {
        let mut lines = lines.into_iter().peekable();
        self.push_events(frames, events, &mut lines);
        if events.is_empty() {
            lines.for_each(|row| self.lines.push(frames, &row));
        }
    }

    fn push_events(
        &mut self,
        frames: &mut String,
        events: &[LogEvent],
        lines: &mut Peekable<IntoIter<LogChunkRow>>,
    ) {
        let Some(last) = events.last().map(|event| event.seq) else { return };
        let mut told = self.after;
        for event in events {
            if lines.peek().is_some() {
                let at_ms = time_of(&event.text).0;
                while let Some(row) = lines.next_if(|row| row.chunk.at_ms <= at_ms) {
                    self.lines.push(frames, &row);
                }
            }
            let kind = event.kind();
            if self.filter.wants(&kind) {
                told = event.seq;
                push_event(frames, Some(&told.to_string()), &kind, event.text.get());
            }
        }
        if told < last {
            // What was passed over need not be looked through again after a reconnect.
            push_id(frames, &last.to_string());
        }
        self.after = last;
    }

    /// Nothing is behind `after`: either there is more to come, or it is over, or the client has
    /// seen what is no longer there.
    async fn at_the_end(&mut self, frames: &mut String) -> Result<(), Refusal> {
        let Some(row) = row(&self.fanout, &self.caller, self.run).await? else {
            self.reset(frames, self.after, "deleted");
            self.end(frames, "deleted");
            return Ok(());
        };
        if row.seq < self.after {
            self.reset(frames, row.seq, "ahead");
        } else if row.is_terminal() && row.seq == self.after {
            self.end(frames, &row.status);
        }
        Ok(())
    }

    fn reset(&mut self, frames: &mut String, after: u64, reason: &str) {
        let record = json!({"run": self.run, "seen": self.after, "after": after, "reason": reason});
        self.after = after;
        push_record(frames, Some(&after.to_string()), "reset", &record);
    }

    fn end(&mut self, frames: &mut String, status: &str) {
        self.phase = Phase::Over;
        let record = json!({"run": self.run, "status": status, "seq": self.after});
        push_record(frames, None, "end", &record);
    }
}
