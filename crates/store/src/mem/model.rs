//! The reference model: what a store holds, as plain ordered maps.
//!
//! Every other adapter must be indistinguishable from this one. It is synchronous and has no faults,
//! so a single-threaded simulator can own it, copy it, and put its own faults around it.

use std::collections::BTreeMap;

use super::run_logs::KeptLogs;
use crate::{
    ApiKeyRow, DeliveryRow, EndpointRow, Head, IdempotencyKey, LeaseKey, LeaseState, ModuleRow,
    OutboxKey, PatchRow, PatchedDocument, RunRow, Segment, SigningKey, SnapshotRow, StreamId,
    TagMove, TagVersion, TicketRow, TimeMs, Wakeup, WorkspaceId, WorkspaceRow,
};

/// One stream of the log.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    pub(super) workspace: WorkspaceId,
    /// The segment of ordinal n stands at n - 1.
    pub(super) segments: Vec<Segment>,
}

impl Stream {
    pub(super) fn head(&self) -> Head {
        self.segments.last().map_or(Head::EMPTY, |last| Head {
            ordinal: last.ordinal,
            seq: last.last_seq,
            hash: last.hash,
        })
    }

    pub(super) fn segment(&self, ordinal: u64) -> Option<&Segment> {
        let index = usize::try_from(ordinal.checked_sub(1)?).ok()?;
        self.segments.get(index)
    }
}

/// The order of commit of one workspace: position (from 1) to (stream, ordinal).
#[derive(Debug, Clone, Default)]
pub(super) struct Feed {
    pub(super) end: u64,
    pub(super) entries: BTreeMap<u64, (StreamId, u64)>,
}

/// An outbox row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owed {
    pub(super) workspace: WorkspaceId,
    pub(super) at_ms: TimeMs,
}

/// A tag with its history.
#[derive(Debug, Clone, Default)]
pub(super) struct Tag {
    /// Version n stands at n - 1.
    pub(super) versions: Vec<TagVersion>,
    /// Revision n stands at n - 1.
    pub(super) moves: Vec<TagMove>,
}

/// All rows of a store. Its methods are those of the port, without the `async`.
#[derive(Debug, Clone, Default)]
pub struct Model {
    pub(super) streams: BTreeMap<StreamId, Stream>,
    pub(super) feeds: BTreeMap<WorkspaceId, Feed>,
    pub(super) outbox: BTreeMap<OutboxKey, Owed>,
    pub(super) wakeups: BTreeMap<StreamId, Wakeup>,
    pub(super) leases: BTreeMap<LeaseKey, LeaseState>,
    pub(super) runs: BTreeMap<(WorkspaceId, StreamId), RunRow>,
    pub(super) tickets: BTreeMap<(WorkspaceId, String), TicketRow>,
    pub(super) idempotency: BTreeMap<(WorkspaceId, String, String), IdempotencyKey>,
    pub(super) dedup: BTreeMap<(WorkspaceId, String), StreamId>,
    pub(super) documents: BTreeMap<(WorkspaceId, String), String>,
    pub(super) document_patches: BTreeMap<(WorkspaceId, String), PatchedDocument>,
    pub(super) tags: BTreeMap<(WorkspaceId, String), Tag>,
    pub(super) patches: BTreeMap<(WorkspaceId, String), PatchRow>,
    pub(super) workspaces: BTreeMap<WorkspaceId, WorkspaceRow>,
    pub(super) keys: BTreeMap<String, ApiKeyRow>,
    pub(super) signing_keys: BTreeMap<(WorkspaceId, String), SigningKey>,
    pub(super) modules: BTreeMap<(WorkspaceId, String), ModuleRow>,
    pub(super) endpoints: BTreeMap<(WorkspaceId, String), EndpointRow>,
    pub(super) deliveries: BTreeMap<(WorkspaceId, String), DeliveryRow>,
    pub(super) snapshots: BTreeMap<StreamId, (WorkspaceId, SnapshotRow)>,
    pub(super) logs: BTreeMap<StreamId, KeptLogs>,
}

/// A page's length as the maps count.
pub(super) fn page(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
