//! Patch storms: while runs go on, people and agents change their graphs, from whatever document they
//! saw last; approve, reject, withdraw and take back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aob_engine::{
    ApprovalRequested, Blob, CastVote, Command, EventKind, InstanceId, NodeParked, PatchId,
    PatchOrigin, ProposePatch, RevertPatch, RunId, Vote,
};
use aob_ir::{Digest, Ir, NodeKind};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::change::{Manner, STORM, View};
use super::{Order, People};
use crate::counts::Count;
use crate::site::Site;

/// The manner of a change and its operations, made against a document.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) manner: Manner,
    pub(crate) base: Digest,
    pub(crate) operations: Value,
}

impl Site {
    /// A change of a run as somebody thinks of it who looks at its graph now, or looked a while ago.
    pub(crate) fn change(&self, run: RunId, suffix: &str) -> Option<Change> {
        let world = &self.world;
        let stale = world.hits(Count::StaleBase);
        let (view, base) = {
            let ledger = world.ledger.lock();
            let log = ledger.run(run)?;
            let revision = log.state.revision();
            let revision = if stale { revision.saturating_sub(1) } else { revision };
            let base = log.state.digest_of(revision)?;
            let ir = ledger.ir(&base)?;
            let started = log.handed_out().find(|id| {
                id.scope.0.is_empty() && ir.node_ix(&id.node).is_some() && !is_storm(&id.node)
            });
            let started = started.map(|id| Arc::clone(&id.node));
            let (suffix, keeps_ends) = (suffix.to_owned(), !log.path.is_empty());
            (View { ir, started, suffix, keeps_ends }, base)
        };
        let manner = if world.hits(Count::HostilePatch) {
            Manner::Hostile
        } else if world.hits(Count::WildPatch) {
            Manner::Wild
        } else {
            Manner::Faithful
        };
        let operations = world.draw(|dice| view.change(dice, manner));
        Some(Change { manner, base, operations })
    }
}

/// True for a node that a storm added.
pub(crate) fn is_storm(node: &str) -> bool {
    node.starts_with(STORM)
}

impl People {
    /// Changes the graph of a run, or takes a change back.
    pub(super) fn change_graph(self: &Arc<Self>, run: RunId, seq: u64, kind: &EventKind) {
        let world = &self.site.world;
        let moves = kind.name() == "run_completed"
            || matches!(kind, EventKind::NodeScheduled(_) | EventKind::NodeCompleted(_));
        if moves && world.hits(Count::PatchStorm) {
            self.storm(run, seq);
        } else if let EventKind::PatchApplied(data) = kind {
            if world.hits(Count::PatchTakenBack) {
                self.take_back(run, &data.patch);
            }
        } else if let EventKind::NodeParked(data) = kind {
            if world.hits(Count::Mend) {
                self.mend(run, data);
            }
        } else if let EventKind::ApprovalRequested(data) = kind {
            self.vote_on_patch(run, data);
        }
    }

    /// Somebody changes the graph of a run.
    fn storm(self: &Arc<Self>, run: RunId, seq: u64) {
        let Some(change) = self.site.change(run, &seq.to_string()) else { return };
        let (agent, after_ms) =
            self.site.world.draw(|dice| (dice.percent(25), dice.pick(&[0, 0, 5, 400, 5_000])));
        let proposal = ProposePatch {
            patch: PatchId(format!("pt_{run}_{seq}").into()),
            origin: if agent { PatchOrigin::Agent } else { PatchOrigin::Person },
            instance: None,
            base: Some(change.base),
            operations: Blob::of(change.operations),
            description: change.manner.name().into(),
            children: BTreeMap::new(),
        };
        let actor = if agent { "agent:storm" } else { "user:dave" };
        let command = Command::Patch(Box::new(proposal));
        self.later(after_ms, Order { run, id: format!("patch:{seq}"), actor, command });
    }

    /// Somebody decides on the ticket of a patch, or its author thinks again.
    fn vote_on_patch(self: &Arc<Self>, run: RunId, data: &ApprovalRequested) {
        let Some(patch) = data.patch.clone() else { return };
        let (choice, after_ms) =
            self.site.world.draw(|dice| (dice.within(0..=9), dice.within(0..=60_000)));
        let ticket = data.ticket.clone();
        let id = format!("patchvote:{ticket}");
        let command = if choice == 0 {
            Command::WithdrawPatch { patch, reason: Some("on second thoughts".into()) }
        } else {
            Command::Vote(CastVote {
                ticket,
                vote: if choice < 3 { Vote::Reject } else { Vote::Approve },
                reason: None,
                data: None,
                edits: Default::default(),
                subject_hash: Some(data.subject_hash),
                roles: Vec::new(),
            })
        };
        self.later(after_ms, Order { run, id, actor: "user:alice", command });
    }

    /// Somebody takes back what was just applied.
    fn take_back(self: &Arc<Self>, run: RunId, applied: &PatchId) {
        let manner = {
            let ledger = self.site.world.ledger.lock();
            let known = ledger.run(run).and_then(|log| log.state.patch(applied));
            known.map_or(Manner::Wild, |patch| Manner::named(&patch.description))
        };
        let revert = RevertPatch {
            patch: PatchId(format!("{applied}_back").into()),
            reverts: applied.clone(),
            description: manner.name().into(),
        };
        let after_ms = self.site.world.draw(|dice| dice.pick(&[0, 10, 3_000, 60_000]));
        let command = Command::RevertPatch(Box::new(revert));
        let id = format!("revert:{applied}");
        self.later(after_ms, Order { run, id, actor: "user:dave", command });
    }

    /// Somebody gives a parked node more time before it is decided on.
    fn mend(self: &Arc<Self>, run: RunId, data: &NodeParked) {
        let seen = {
            let ledger = self.site.world.ledger.lock();
            let digest = ledger.run(run).and_then(|log| log.state.digest());
            digest.and_then(|digest| Some((ledger.ir(&digest)?, digest)))
        };
        let Some((ir, base)) = seen else { return };
        let Some(ms) = patience(&ir, &data.instance) else { return };
        let node = &data.instance.node;
        let operations = json!([
            {"op": "add", "path": format!("/nodes/{node}/timeout_ms"), "value": ms + 1_000}
        ]);
        let proposal = ProposePatch {
            patch: PatchId(format!("pt_{run}_{}_{}", data.instance, data.attempt).into()),
            origin: PatchOrigin::Person,
            instance: None,
            base: Some(base),
            operations: Blob::of(operations),
            description: Manner::Faithful.name().into(),
            children: BTreeMap::new(),
        };
        let id = format!("mend:{}:{}", data.instance, data.attempt);
        let people = Arc::clone(self);
        self.spawn(async move {
            sleep(Duration::from_millis(1)).await;
            let command = Command::Patch(Box::new(proposal));
            people.insist(Order { run, id, actor: "user:carol", command }).await;
        });
    }
}

/// The timeout of a node whose attempts have one.
fn patience(ir: &Ir, instance: &InstanceId) -> Option<u64> {
    let node = ir.node(ir.node_ix(&instance.node)?);
    matches!(node.kind, NodeKind::Function { .. } | NodeKind::Http { .. })
        .then_some(node.timeout_ms)
        .flatten()
}
