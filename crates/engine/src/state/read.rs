//! What others may read of a run's state.

use std::collections::BTreeMap;
use std::sync::Arc;

use aob_ir::Digest;
use serde::{Deserialize, Serialize};

use super::{Doing, InstanceStatus, Phase, RunState};
use crate::event::{Fidelity, ParentLink};
use crate::ids::{Actor, RunId, Timestamp, WorkspaceId};
use crate::value::PayloadRef;

/// How long a lease lasts without a heartbeat.
pub const LEASE_MS: u64 = 15_000;

/// Version of the snapshot encoding. A snapshot of another version is ignored.
pub const SNAPSHOT_FORMAT: u32 = 4;

/// Run states (design.md section 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Created; nothing has started.
    Queued,
    /// Something is scheduled or running.
    Running,
    /// Nothing is scheduled or running; `explain` names what it waits for.
    Waiting,
    /// Nothing starts until it is resumed.
    Paused,
    /// Being stopped; compensation included.
    Cancelling,
    /// The end: everything is done.
    Completed,
    /// The end: an unhandled failure.
    Failed,
    /// The end: cancelled.
    Cancelled,
    /// The end: rolled back.
    RolledBack,
}

impl RunStatus {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::Cancelling => "cancelling",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::RolledBack => "rolled_back",
        }
    }

    /// True where the run is over.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Completed | Self::Failed | Self::Cancelled | Self::RolledBack => true,
            Self::Queued | Self::Running | Self::Waiting | Self::Paused | Self::Cancelling => false,
        }
    }
}

/// A snapshot cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadSnapshot;

impl std::fmt::Display for BadSnapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the snapshot is not in this format")
    }
}

impl std::error::Error for BadSnapshot {}

impl RunState {
    /// Seq of the last event; 0 before the first.
    pub fn seq(&self) -> u64 {
        self.head.seq
    }

    /// Time of the last event.
    pub fn at(&self) -> Timestamp {
        self.head.at
    }

    /// The digest of the document that holds.
    pub fn digest(&self) -> Option<Digest> {
        self.head.digest
    }

    /// Where the run is in its life.
    pub fn status(&self) -> RunStatus {
        match self.head.phase {
            Phase::Absent => RunStatus::Queued,
            Phase::Completed => RunStatus::Completed,
            Phase::Failed => RunStatus::Failed,
            Phase::Cancelled => RunStatus::Cancelled,
            Phase::Cancelling | Phase::Failing => RunStatus::Cancelling,
            Phase::Active if self.head.paused => RunStatus::Paused,
            Phase::Active if self.head.continued || self.head.scheduled > 0 => RunStatus::Running,
            Phase::Active if self.head.opened == 0 => RunStatus::Queued,
            Phase::Active => RunStatus::Waiting,
        }
    }

    /// True where the run is over.
    pub fn is_terminal(&self) -> bool {
        self.status().is_terminal()
    }

    /// The run's id, once it exists.
    pub fn run(&self) -> Option<RunId> {
        self.meta.as_ref().map(|meta| meta.run)
    }

    /// Its tenant.
    pub fn workspace(&self) -> Option<WorkspaceId> {
        self.meta.as_ref().map(|meta| meta.workspace)
    }

    /// Name of its workflow.
    pub fn name(&self) -> Arc<str> {
        self.meta.as_ref().map(|meta| Arc::clone(&meta.name)).unwrap_or_default()
    }

    /// The tag it was started by.
    pub fn tag(&self) -> Option<Arc<str>> {
        self.meta.as_ref().and_then(|meta| meta.tag.clone())
    }

    /// Who asked for it; for a child run, for the topmost one.
    pub fn started_by(&self) -> Actor {
        self.meta.as_ref().map_or_else(Actor::system, |meta| meta.started_by.clone())
    }

    /// Its labels.
    pub fn labels(&self) -> BTreeMap<Arc<str>, Arc<str>> {
        self.meta.as_ref().map(|meta| meta.labels.clone()).unwrap_or_default()
    }

    /// Its inputs.
    pub fn inputs(&self) -> Option<PayloadRef> {
        self.meta.as_ref().map(|meta| meta.inputs)
    }

    /// Who waits for it.
    pub fn parent(&self) -> Option<&ParentLink> {
        self.meta.as_ref().and_then(|meta| meta.parent.as_ref())
    }

    /// Nesting of child runs.
    pub fn depth(&self) -> u32 {
        self.meta.as_ref().map_or(0, |meta| meta.depth)
    }

    /// Meaning of the sub-workflow tags.
    pub fn children(&self) -> BTreeMap<Arc<str>, Digest> {
        self.meta.as_ref().map(|meta| meta.children.clone()).unwrap_or_default()
    }

    /// Priority of its jobs.
    pub fn priority(&self) -> aob_ir::Priority {
        self.meta.as_ref().map(|meta| meta.priority).unwrap_or_default()
    }

    /// How much its log tells.
    pub fn fidelity(&self) -> Fidelity {
        self.meta.as_ref().map(|meta| meta.fidelity).unwrap_or_default()
    }

    /// Milliseconds between cancel and fence.
    pub fn cancel_grace_ms(&self) -> u64 {
        self.meta.as_ref().map_or(0, |meta| meta.cancel_grace_ms)
    }

    /// When it was created.
    pub fn created_at(&self) -> Timestamp {
        self.meta.as_ref().map(|meta| meta.created_at).unwrap_or_default()
    }

    /// Its output, once completed.
    pub fn output(&self) -> Option<PayloadRef> {
        self.head.output
    }

    /// Code and message of the failure that ends or ended it.
    pub fn error(&self) -> Option<(Arc<str>, Arc<str>)> {
        let (_, note) = self.head.failure.as_ref()?;
        Some((Arc::clone(&note.code), Arc::clone(&note.message)))
    }

    /// True while attempts with leases are out: a tick must read them.
    pub fn has_leases(&self) -> bool {
        self.head.leased > 0
    }

    /// A lower bound of the next time at which a tick may find something due. Leases are looked
    /// at once per lease length, since their expiry is not in the log.
    pub fn due(&self, now: Timestamp) -> Option<Timestamp> {
        if self.is_terminal() || !self.exists() {
            return None;
        }
        let timer = self.timers.first().map(|((due, _, _), ())| *due);
        let lease = self.has_leases().then(|| now.plus_ms(LEASE_MS));
        match (timer, lease) {
            (Some(timer), Some(lease)) => Some(timer.min(lease)),
            (timer, lease) => timer.or(lease),
        }
    }

    /// The state as bytes, equal for equal logs.
    pub fn to_snapshot(&self) -> Vec<u8> {
        postcard::to_stdvec(self).unwrap_or_default()
    }

    /// The state that [`RunState::to_snapshot`] wrote.
    ///
    /// # Errors
    /// If the bytes are not a snapshot of this format.
    pub fn from_snapshot(bytes: &[u8]) -> Result<Self, BadSnapshot> {
        let state: Self = postcard::from_bytes(bytes).map_err(|_| BadSnapshot)?;
        if state.exists() { Ok(state) } else { Err(BadSnapshot) }
    }

    /// Outstanding attempts: instance, attempt, and whether they hold a lease row.
    pub fn outstanding(&self) -> Vec<(crate::ids::InstanceId, u32, bool)> {
        let open = self.open.iter().filter_map(|(key, ())| {
            let instance = self.instances.get(key)?;
            match &instance.doing {
                Doing::Job(job) if instance.status == InstanceStatus::Scheduled => {
                    Some((self.id_of(key), instance.attempt, job.leased))
                }
                Doing::Job(_)
                | Doing::Nothing
                | Doing::Backoff { .. }
                | Doing::Timer { .. }
                | Doing::Signal { .. }
                | Doing::Approval { .. }
                | Doing::Child(_)
                | Doing::Map(_)
                | Doing::Unserved { .. }
                | Doing::Parked { .. } => None,
            }
        });
        open.collect()
    }
}
