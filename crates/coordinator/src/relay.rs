//! The relay: performs what a crash, a full bus or another process left in the outbox.

use std::sync::Arc;
use std::time::Duration;

use aob_engine::{Effect, EventKind, child_source, effects, owed_for};
use aob_points::{Point, reach};
use aob_store::{AppendBatch, Clock, OutboxKey, Segment, Store, StreamAppend, WorkspaceId};
use tokio_util::sync::CancellationToken;

use crate::performer::Performer;
use crate::reader::parse;
use crate::{
    Chain, ChildContext, Performance, ReadError, ResolvedDispatch, engine_workspace, run_of, stream,
};

/// Rows younger than this belong to whoever wrote them.
const AGE_MS: i64 = 2_000;
/// Rows taken at once.
const ROWS_MAX: u32 = 256;

/// See the module.
#[derive(Clone)]
pub(crate) struct Relay {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) performer: Performer,
    pub(crate) clock: Clock,
    /// How often the outbox is looked at.
    pub(crate) period: Duration,
    /// Cancelled once what an earlier process left was looked at.
    pub(crate) swept: CancellationToken,
}

impl Relay {
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let mut period = tokio::time::interval(self.period);
        period.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // What a crash left is old already, whatever its rows' age.
        self.sweep(i64::MAX).await;
        self.swept.cancel();
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                _ = period.tick() => {}
            }
            self.sweep((self.clock)() - AGE_MS).await;
        }
    }

    /// Performs rows older than `older_than_ms`, until there are none that can be performed.
    pub(crate) async fn sweep(&self, older_than_ms: i64) {
        loop {
            let rows = match self.store.outbox_due(older_than_ms, ROWS_MAX).await {
                Ok(rows) => rows,
                Err(error) => {
                    tracing::warn!(%error, "the outbox cannot be read");
                    return;
                }
            };
            if !rows.is_empty() && reach(Point::RelayTaken).await.is_err() {
                return;
            }
            let full = rows.len() == ROWS_MAX as usize;
            let mut done = Vec::new();
            // Rows come in the order of their streams; what waits must not be overtaken.
            let mut waits = None;
            for (workspace, key) in rows {
                if waits == Some(key.stream) {
                    continue;
                }
                if self.performer.held.contains(&key) {
                    waits = Some(key.stream);
                    continue;
                }
                match self.perform(workspace, key).await {
                    Ok(()) => {
                        self.performer.handle.relayed(key).await;
                        done.push(key);
                    }
                    Err(error) => {
                        tracing::warn!(%error, run = %run_of(key.stream), "effects wait");
                        waits = Some(key.stream);
                    }
                }
            }
            let progress = !done.is_empty();
            if progress && reach(Point::RelayPerformed).await.is_err() {
                return;
            }
            if progress && let Err(error) = self.store.outbox_delete(&done).await {
                tracing::warn!(%error, "outbox rows stay; their effects will be repeated");
                return;
            }
            if !(full && progress) {
                return;
            }
        }
    }

    async fn perform(&self, workspace: WorkspaceId, key: OutboxKey) -> Result<(), ReadError> {
        let failed = |error: &dyn std::fmt::Display| ReadError(error.to_string());
        let segments = self
            .store
            .segments_after(workspace, key.stream, key.ordinal - 1, 1)
            .await
            .map_err(|error| failed(&error))?;
        let Some(segment) = segments.into_iter().find(|s| s.ordinal == key.ordinal) else {
            return Ok(()); // The run was deleted.
        };
        let performance = self.performance(workspace, key, segment).await?;
        let mut batch = Vec::new();
        self.performer.messages(&performance, &mut batch).await?;
        if !batch.is_empty() {
            self.performer.send(batch).await.map_err(|error| failed(&error))?;
        }
        self.performer.effects(&performance).await.map_err(|error| failed(&error))
    }

    /// A segment's effects as its writer would have performed them.
    async fn performance(
        &self,
        workspace: WorkspaceId,
        key: OutboxKey,
        segment: Segment,
    ) -> Result<Performance, ReadError> {
        let run = run_of(key.stream);
        let events = parse(run, &segment)?;
        let loaded = self.performer.reader.load(run).await?;
        let state = loaded.map(|loaded| loaded.state).unwrap_or_default();
        let mut dispatches = Vec::new();
        let mut others = Vec::new();
        let resolved = |dispatch| ResolvedDispatch { dispatch, config: None, input: None };
        for event in &events {
            if let EventKind::AttemptRedispatched(again) = &event.kind
                && let Some(Effect::Dispatch(dispatch)) = owed_for(&state, &again.instance)
            {
                dispatches.push(resolved(*dispatch));
            }
        }
        for effect in effects(&events) {
            match effect {
                Effect::Dispatch(dispatch) => dispatches.push(resolved(*dispatch)),
                Effect::CancelChild(mut cancel) => {
                    cancel.from = cancel.from.or_else(|| child_source(&state, &cancel.instance));
                    others.push(Effect::CancelChild(cancel));
                }
                other @ (Effect::StartChild(_)
                | Effect::CancelAttempt(_)
                | Effect::DeliverToParent(_)
                | Effect::Continue { .. }
                | Effect::Notify(_)
                | Effect::Publish(_)) => others.push(other),
            }
        }
        let mut head = aob_store::Head {
            ordinal: segment.ordinal - 1,
            seq: segment.first_seq - 1,
            hash: segment.prev_hash,
        };
        let texts = crate::segment::seal(stream(run), &mut head, &events);
        let texts = texts.into_iter().next().map(|sealed| sealed.texts).unwrap_or_default();
        let append = StreamAppend {
            stream: key.stream,
            workspace,
            segments: vec![segment],
            keys: Vec::new(),
            dedup: None,
            rows: aob_store::DerivedRows::default(),
        };
        Ok(Performance {
            run,
            workspace: engine_workspace(workspace),
            key,
            chain: Chain::default(),
            effects: others,
            dispatches,
            child: Some(Arc::new(ChildContext::of(&state))),
            batch: Arc::new(AppendBatch { streams: vec![append], outbox_done: Vec::new() }),
            place: (0, 0),
            texts,
        })
    }
}
