//! The state of a run: what the fold of its log makes true.

mod budget;
mod instance;
mod names;
mod patch;
mod read;
mod rows;
mod table;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aob_ir::{Budget, Digest, EdgeIr, Limits, Priority};
use aob_validator::AgentKey;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

pub use budget::BudgetView;
pub(crate) use budget::{Account, AccountKey, Hold, Ledger, budget_of};
pub use instance::InstanceStatus;
pub(crate) use instance::{
    About, ChildState, Doing, EdgeEntry, FailureNote, Instance, JobState, JoinEntry, MapState,
    Ticket, Undo,
};
pub(crate) use names::{NameId, Names};
pub(crate) use patch::{PatchNo, PatchState, PlannedState};
pub use patch::{PatchStatus, PatchView};
pub use read::{BadSnapshot, LEASE_MS, RunStatus, SNAPSHOT_FORMAT};
pub(crate) use rows::Rows;
pub(crate) use table::Table;

use crate::event::{Failure, Fidelity, ParentLink};
use crate::ids::{
    Actor, InstanceId, PatchId, RunId, Scope, ScopeStep, TicketId, Timestamp, WorkspaceId,
};
use crate::value::PayloadRef;

/// A scope by name numbers.
pub(crate) type ScopeKey = SmallVec<[(NameId, u32); 1]>;

/// An instance by name numbers. Sorted by scope, so that what is inside a scope stands together.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) scope: ScopeKey,
    pub(crate) node: NameId,
}

impl Clone for Key {
    fn clone(&self) -> Self {
        Self { scope: ScopeKey::from_slice(&self.scope), node: self.node }
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.scope[..], &other.scope[..]) {
            ([], []) => self.node.cmp(&other.node),
            (own, others) => own.cmp(others).then(self.node.cmp(&other.node)),
        }
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What a timer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum TimerKind {
    /// A `timer` node.
    Timer,
    /// The next attempt.
    Retry,
    /// An attempt without lease is sent again.
    Redispatch,
    /// A wait ends with `timeout`.
    Expiry,
    /// A ticket goes to the next in its chain.
    Escalation,
    /// A cancelled attempt is fenced.
    Fence,
    /// The run's deadline.
    Deadline,
    /// A patch that nobody decided on is rejected.
    PatchExpiry,
    /// The ticket of a patch goes to the next in its chain.
    PatchEscalation,
}

/// Where a run is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Phase {
    /// No event yet.
    Absent,
    /// Going on.
    Active,
    /// Being stopped by a person or a parent.
    Cancelling,
    /// Being stopped by an unhandled failure.
    Failing,
    /// The end.
    Completed,
    /// The end.
    Failed,
    /// The end.
    Cancelled,
}

/// What the first event said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Meta {
    pub(crate) run: RunId,
    pub(crate) workspace: WorkspaceId,
    pub(crate) tag: Option<Arc<str>>,
    /// The document that the run was created from.
    pub(crate) digest: Digest,
    /// Agent nodes that may ever be present.
    pub(crate) agents: u32,
    pub(crate) name: Arc<str>,
    pub(crate) inputs: PayloadRef,
    pub(crate) parent: Option<ParentLink>,
    pub(crate) depth: u32,
    pub(crate) labels: BTreeMap<Arc<str>, Arc<str>>,
    pub(crate) priority: Priority,
    pub(crate) fidelity: Fidelity,
    pub(crate) limits: Limits,
    pub(crate) budget: Option<Budget>,
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) cancel_grace_ms: u64,
    pub(crate) children: BTreeMap<Arc<str>, Digest>,
    pub(crate) created_at: Timestamp,
    /// Who asked for the run.
    pub(crate) started_by: Actor,
}

/// The scalars of a run: small, so a decision keeps a copy to go back to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) seq: u64,
    pub(crate) at: Timestamp,
    pub(crate) phase: Phase,
    pub(crate) digest: Option<Digest>,
    pub(crate) paused: bool,
    /// There is more to decide than the last segment held.
    pub(crate) continued: bool,
    /// Instances ever opened.
    pub(crate) opened: u64,
    /// Attempts handed out and not over, with a lease.
    pub(crate) leased: u32,
    /// Attempts handed out and not over.
    pub(crate) scheduled: u32,
    pub(crate) reason: Option<Arc<str>>,
    pub(crate) failure: Option<(Option<InstanceId>, Box<FailureNote>)>,
    pub(crate) output: Option<PayloadRef>,
    /// Time since when the run is in its phase (or paused).
    pub(crate) since: Timestamp,
    /// Number of the next signal in the buffer.
    pub(crate) next_signal: u64,
    /// Who paused or cancelled.
    pub(crate) actor: Option<Actor>,
    /// Warnings raised.
    pub(crate) warnings: u32,
    /// Agent nodes ever present, once a patch was applied; before, those of the document.
    pub(crate) agents: Option<Arc<BTreeSet<AgentKey>>>,
}

/// The state of a run after some prefix of its log. Opaque; read it through its methods.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    pub(crate) meta: Option<Arc<Meta>>,
    pub(crate) head: Head,
    pub(crate) names: Names,
    pub(crate) instances: Rows<Instance>,
    /// Instances that are not over.
    pub(crate) open: Table<Key, ()>,
    /// Edges by the scope they were decided in.
    pub(crate) edges: Rows<EdgeEntry>,
    /// Targets that edges have reached and that have not started.
    pub(crate) joins: Table<Key, JoinEntry>,
    /// Current iteration of loops that went round, by loop node in the scope around the loop.
    pub(crate) loops: Table<Key, u32>,
    pub(crate) timers: Table<(Timestamp, TimerKind, Key), ()>,
    pub(crate) tickets: Table<TicketId, Ticket>,
    /// Signals that nobody has consumed: by name, then in order of arrival.
    pub(crate) signals: Table<(NameId, u64), (Arc<str>, PayloadRef)>,
    /// Ids of the last signals received.
    pub(crate) signal_ids: Table<u64, Arc<str>>,
    /// What can be undone, by completion.
    pub(crate) undo: Table<u64, Undo>,
    /// Every patch ever proposed, in order.
    pub(crate) patches: Table<PatchNo, PatchState>,
    pub(crate) patch_ids: Table<PatchId, PatchNo>,
    /// Patches that are not decided.
    pub(crate) open_patches: Table<PatchNo, ()>,
    /// Applied patches by revision, from 1.
    pub(crate) chain: Table<u32, PatchNo>,
    /// What its budgets have left; `None` while nothing is bounded.
    pub(crate) ledger: Option<Box<Ledger>>,
    #[serde(skip)]
    saved: Option<Box<(Head, Option<Arc<Meta>>)>>,
}

impl Default for RunState {
    fn default() -> Self {
        Self {
            meta: None,
            head: Head {
                seq: 0,
                at: Timestamp::default(),
                phase: Phase::Absent,
                digest: None,
                paused: false,
                continued: false,
                opened: 0,
                leased: 0,
                scheduled: 0,
                reason: None,
                failure: None,
                output: None,
                since: Timestamp::default(),
                next_signal: 0,
                actor: None,
                warnings: 0,
                agents: None,
            },
            names: Names::default(),
            instances: Rows::default(),
            open: Table::default(),
            edges: Rows::default(),
            joins: Table::default(),
            loops: Table::default(),
            timers: Table::default(),
            tickets: Table::default(),
            signals: Table::default(),
            signal_ids: Table::default(),
            undo: Table::default(),
            patches: Table::default(),
            patch_ids: Table::default(),
            open_patches: Table::default(),
            chain: Table::default(),
            ledger: None,
            saved: None,
        }
    }
}

/// Applies `$call` to every table.
macro_rules! tables {
    ($state:expr, $call:ident) => {{
        $state.instances.$call();
        $state.open.$call();
        $state.edges.$call();
        $state.joins.$call();
        $state.loops.$call();
        $state.timers.$call();
        $state.tickets.$call();
        $state.signals.$call();
        $state.signal_ids.$call();
        $state.undo.$call();
        $state.patches.$call();
        $state.patch_ids.$call();
        $state.open_patches.$call();
        $state.chain.$call();
    }};
}

impl RunState {
    /// Starts a decision: what follows can be taken back.
    pub(crate) fn begin(&mut self) {
        self.saved = Some(Box::new((self.head.clone(), self.meta.clone())));
        self.names.begin();
        tables!(self, begin);
        if let Some(ledger) = &mut self.ledger {
            ledger.begin();
        }
    }

    /// Keeps what the decision changed.
    pub(crate) fn keep(&mut self) {
        self.saved = None;
        tables!(self, keep);
        if let Some(ledger) = &mut self.ledger {
            ledger.keep();
        }
    }

    /// Takes back what the decision changed.
    pub(crate) fn undo(&mut self) {
        if let Some(saved) = self.saved.take() {
            (self.head, self.meta) = *saved;
        }
        tables!(self, undo);
        self.names.undo();
        if self.ledger.as_mut().is_some_and(|ledger| ledger.undo()) {
            self.ledger = None;
        }
    }

    /// The key of `id`, if the log has mentioned its names.
    pub(crate) fn key(&self, id: &InstanceId) -> Option<Key> {
        Some(Key { scope: self.scope_key(&id.scope)?, node: self.names.find(&id.node)? })
    }

    /// The key under which an edge is decided for a source or target in `scope`.
    pub(crate) fn edge_key(&self, edge: &EdgeIr, scope: &Scope) -> Option<Key> {
        let kept = (edge.common_loops as usize).min(scope.0.len());
        Some(Key { scope: self.steps_key(&scope.0[..kept])?, node: self.names.find(&edge.id)? })
    }

    pub(crate) fn scope_key(&self, scope: &Scope) -> Option<ScopeKey> {
        self.steps_key(&scope.0)
    }

    fn steps_key(&self, steps: &[ScopeStep]) -> Option<ScopeKey> {
        if steps.is_empty() {
            return Some(ScopeKey::new());
        }
        steps.iter().map(|step| Some((self.names.find(&step.node)?, step.index))).collect()
    }

    pub(crate) fn intern(&mut self, id: &InstanceId) -> Key {
        Key { scope: self.intern_scope(&id.scope), node: self.names.intern(&id.node) }
    }

    pub(crate) fn intern_scope(&mut self, scope: &Scope) -> ScopeKey {
        if scope.is_top() {
            return ScopeKey::new();
        }
        scope.0.iter().map(|step| (self.names.intern(&step.node), step.index)).collect()
    }

    pub(crate) fn id_of(&self, key: &Key) -> InstanceId {
        InstanceId { node: self.names.name(key.node), scope: self.scope_of(&key.scope) }
    }

    pub(crate) fn scope_of(&self, scope: &[(NameId, u32)]) -> Scope {
        let steps = scope.iter();
        Scope(
            steps.map(|&(node, index)| ScopeStep { node: self.names.name(node), index }).collect(),
        )
    }

    pub(crate) fn instance(&self, id: &InstanceId) -> Option<&Instance> {
        self.instances.get(&self.key(id)?)
    }

    /// The run as the first event described it.
    ///
    /// # Panics
    /// Never after the first event; callers check [`RunState::exists`].
    pub(crate) fn meta(&self) -> &Meta {
        self.meta.as_deref().expect("a run that exists has its first event")
    }

    /// True after the first event.
    pub fn exists(&self) -> bool {
        self.meta.is_some()
    }

    /// The failure that stopped the run.
    pub(crate) fn stopping_failure(&self) -> Option<(Option<InstanceId>, Failure)> {
        self.head.failure.as_ref().map(|(source, note)| (source.clone(), note.to_failure()))
    }
}
