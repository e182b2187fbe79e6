//! Pages of a run's log: events as the log has them, bounded in number and in bytes.

use std::borrow::Cow;

use aob_engine::{RunId, WorkspaceId};
use aob_store::{Segment, Store, StoreError, StoreResult, StreamId};
use serde::Deserialize;
use serde_json::value::RawValue;

/// How much a page may hold. One event always fits.
#[derive(Debug, Clone, Copy)]
pub struct PageSize {
    /// Events.
    pub events: usize,
    /// Bytes of their texts.
    pub bytes: usize,
}

/// One event of a page.
#[derive(Debug, Clone)]
pub struct LogEvent {
    /// Its seq.
    pub seq: u64,
    /// Its text, unchanged.
    pub text: Box<RawValue>,
}

impl LogEvent {
    /// Its type.
    pub fn kind(&self) -> Cow<'_, str> {
        #[derive(Deserialize)]
        struct Kind<'a> {
            #[serde(rename = "type", borrow)]
            kind: Cow<'a, str>,
        }
        serde_json::from_str::<Kind<'_>>(self.text.get()).map(|kind| kind.kind).unwrap_or_default()
    }
}

/// Consecutive events.
#[derive(Debug, Clone, Default)]
pub struct LogPage {
    /// In order.
    pub events: Vec<LogEvent>,
    /// Seq of the first event that storage still has, where that is not the one asked for.
    pub gap: Option<u64>,
}

/// The events of a run with `seq > after`, as many as fit; none where there are none.
///
/// # Errors
/// If storage does not answer or holds what cannot be read.
pub async fn log_page(
    store: &dyn Store,
    workspace: WorkspaceId,
    run: RunId,
    after: u64,
    size: PageSize,
) -> StoreResult<LogPage> {
    let (workspace, stream) = (aob_store::WorkspaceId(workspace.0), StreamId(run.0));
    let mut page = LogPage::default();
    let (mut cursor, mut bytes) = (after, 0);
    loop {
        let segments = store.segments_after_seq(workspace, stream, cursor, 1).await?;
        let Some(segment) = segments.into_iter().next() else { return Ok(page) };
        if segment.first_seq > cursor + 1 {
            page.gap = Some(segment.first_seq);
        }
        let texts: Vec<&RawValue> = parse(&segment)?;
        for (seq, text) in (segment.first_seq..).zip(texts).filter(|(seq, _)| *seq > cursor) {
            let full = page.events.len() >= size.events || bytes + text.get().len() > size.bytes;
            if full && !page.events.is_empty() {
                return Ok(page);
            }
            bytes += text.get().len();
            page.events.push(LogEvent { seq, text: text.to_owned() });
        }
        cursor = segment.last_seq;
    }
}

fn parse(segment: &Segment) -> StoreResult<Vec<&RawValue>> {
    serde_json::from_str(&segment.events).map_err(|error| StoreError::Inconsistent {
        table: "segments",
        column: "events",
        key: segment.ordinal.to_string(),
        problem: error.to_string(),
    })
}
