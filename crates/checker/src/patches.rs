//! Patches (I-22, I-24, I-27 to I-34, I-41): a chain of documents that each follow from the one
//! before, nothing of what has happened altered, no power without consent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aob_engine::{
    AgentKey, ApprovalOutcome, GrownPower, PatchApplied, PatchId, PatchOrigin, PatchPlanned,
    PatchProposed, PatchRejected, PatchReverted, Payload, Place, TicketId,
};
use aob_ir::{Digest, Ir};
use aob_materializer::{Budget, Patch};

use crate::approvals::Approvals;
use crate::graph::Graph;
use crate::phase::Outcome;
use crate::rewrite::Rewrite;
use crate::rules::{Cx, I_22, I_24, I_27, I_28, I_30, I_31, I_32, I_34, I_41};
use crate::state::{State, Workflows};

/// One patch.
#[derive(Debug, Default)]
struct Known {
    planned: Option<Planned>,
    ticket: Option<TicketId>,
    reverts: Option<PatchId>,
    by_optimizer: bool,
    children: BTreeMap<Arc<str>, Digest>,
    closed: bool,
    applied: bool,
    /// An approver changed it, and it is to be planned anew.
    edited: bool,
}

/// What its last plan said.
#[derive(Debug)]
struct Planned {
    base: Digest,
    result: Digest,
    operations: Digest,
    subject_hash: Digest,
    growth: Vec<GrownPower>,
    needs_approval: bool,
}

/// The patches of a run.
#[derive(Debug, Default)]
pub(crate) struct Patches {
    known: BTreeMap<PatchId, Known>,
    /// The document that holds.
    digest: Option<Digest>,
    revision: u32,
    agents: BTreeSet<AgentKey>,
    agents_max: u32,
    /// Texts of operations that stand in events of patches, by seq.
    texts: BTreeMap<u64, Arc<str>>,
}

impl Patches {
    /// The run exists.
    pub(crate) fn created(&mut self, digest: Digest, agents_max: u32) {
        self.digest = Some(digest);
        self.agents_max = agents_max;
    }

    /// Patches that nobody has decided on.
    pub(crate) fn open(&self) -> impl Iterator<Item = &PatchId> {
        self.known.iter().filter(|(_, patch)| !patch.closed).map(|(id, _)| id)
    }

    /// `patch_proposed`.
    pub(crate) fn proposed(&mut self, data: &PatchProposed, cx: &mut Cx<'_>) {
        self.keep(&data.operations, cx.seq);
        let known = Known {
            reverts: data.reverts.clone(),
            by_optimizer: data.origin == PatchOrigin::Optimizer,
            children: data.children.clone(),
            ..Known::default()
        };
        let fresh = self.known.insert(data.patch.clone(), known).is_none();
        cx.require(fresh, I_34, || format!("patch `{}` is proposed twice", data.patch));
    }

    fn undecided(&mut self, id: &PatchId, cx: &mut Cx<'_>) -> Option<&mut Known> {
        let known = self.known.get_mut(id).filter(|patch| !patch.closed);
        if known.is_none() {
            cx.violation(I_34, format!("patch `{id}` is not open"));
        }
        known
    }

    /// `approval_edited`: of a patch, where the ticket is one's.
    pub(crate) fn edited(&mut self, ticket: &TicketId) {
        let of = |known: &&mut Known| known.ticket.as_ref() == Some(ticket);
        if let Some(known) = self.known.values_mut().find(of) {
            known.edited = true;
        }
    }

    /// `patch_planned`.
    pub(crate) fn planned(&mut self, data: &PatchPlanned, cx: &mut Cx<'_>) {
        self.keep(&data.operations, cx.seq);
        let holds = self.digest;
        cx.require(holds == Some(data.base), I_28, || {
            format!("patch `{}` is planned against {}, which does not hold", data.patch, data.base)
        });
        let Some(known) = self.undecided(&data.patch, cx) else { return };
        let edited = std::mem::take(&mut known.edited);
        let before = known.planned.as_ref().filter(|_| edited);
        let had = |power: &GrownPower| {
            before.is_none_or(|plan| plan.growth.iter().any(|old| old.power == power.power))
        };
        cx.require(data.growth.iter().all(had), I_32, || {
            format!("an edit lets patch `{}` grow what was not proposed", data.patch)
        });
        known.planned = Some(Planned {
            base: data.base,
            result: data.result,
            operations: data.operations.digest,
            subject_hash: data.subject_hash,
            growth: data.growth.clone(),
            needs_approval: data.approval.is_some(),
        });
    }

    /// A ticket is opened for a patch.
    pub(crate) fn asked(
        &mut self,
        id: &PatchId,
        ticket: &TicketId,
        subject_hash: Digest,
        cx: &mut Cx<'_>,
    ) {
        let Some(known) = self.undecided(id, cx) else { return };
        known.ticket = Some(ticket.clone());
        let planned = known.planned.as_ref().map(|planned| planned.subject_hash);
        cx.require(planned == Some(subject_hash), I_41, || {
            format!("ticket `{ticket}` asks for another subject than patch `{id}` has")
        });
    }

    /// `patch_rejected`.
    pub(crate) fn rejected(
        &mut self,
        data: &PatchRejected,
        approvals: &Approvals,
        cx: &mut Cx<'_>,
    ) {
        let Some(known) = self.undecided(&data.patch, cx) else { return };
        known.closed = true;
        let ticket = known.ticket.clone();
        let undecided = ticket.as_ref().filter(|ticket| approvals.outcome(ticket).is_none());
        cx.require(undecided.is_none(), I_41, || {
            format!("patch `{}` is rejected, and its ticket is still open", data.patch)
        });
    }

    /// `patch_reverted`.
    pub(crate) fn reverted(&mut self, data: &PatchReverted, cx: &mut Cx<'_>) {
        let applied = |id: &PatchId| self.known.get(id).is_some_and(|patch| patch.applied);
        let names = self.known.get(&data.by).and_then(|patch| patch.reverts.as_ref());
        let fits = applied(&data.patch) && applied(&data.by) && names == Some(&data.patch);
        cx.require(fits, I_34, || {
            format!("patch `{}` is taken back by `{}`, which did not", data.patch, data.by)
        });
    }

    fn keep(&mut self, payload: &Payload, seq: u64) {
        if let Some(blob) = payload.inline() {
            self.texts.insert(seq, blob.text().into());
        }
    }

    fn text(&self, payload: &Payload) -> Option<Arc<str>> {
        match &payload.place {
            Place::Here(blob) => Some(blob.text().into()),
            Place::Event(seq) => self.texts.get(seq).cloned(),
            Place::Cas => None,
        }
    }

    /// What an application rests on: its plan, and the consent that it needs.
    fn rests_on(&mut self, data: &PatchApplied, approvals: &Approvals, cx: &mut Cx<'_>) {
        let id = &data.patch;
        let (holds, revision) = (self.digest, self.revision);
        cx.require(holds == Some(data.base), I_27, || {
            format!("patch `{id}` is applied to {}, which does not hold", data.base)
        });
        cx.require(data.revision == revision + 1, I_27, || {
            format!("revision {} follows {revision}", data.revision)
        });
        let Some(known) = self.undecided(id, cx) else { return };
        known.closed = true;
        known.applied = true;
        let may_grow = !known.by_optimizer || data.growth.is_empty();
        cx.require(may_grow, I_32, || {
            format!("patch `{id}` of the optimizer grows what the graph may do")
        });
        let named =
            data.children.iter().all(|(tag, digest)| known.children.get(tag) == Some(digest));
        cx.require(named, I_28, || format!("patch `{id}` resolves tags that it did not name"));
        let Some(planned) = &known.planned else {
            cx.violation(I_28, format!("patch `{id}` is applied without a plan"));
            return;
        };
        let same = planned.base == data.base
            && planned.result == data.result
            && planned.operations == data.operations.digest
            && planned.growth == data.growth;
        cx.require(same, I_28, || format!("patch `{id}` is applied otherwise than it was planned"));
        let needs = planned.needs_approval || data.growth.iter().any(|grown| !grown.granted);
        if !needs {
            return;
        }
        let ticket = known.ticket.as_ref();
        let approved = ticket.and_then(|ticket| approvals.outcome(ticket));
        cx.require(approved == Some(ApprovalOutcome::Approved), I_32, || {
            format!("patch `{id}` grows what the graph may do, and nobody approved that")
        });
        let subject = ticket.and_then(|ticket| approvals.subject_hash(ticket));
        cx.require(subject == Some(planned.subject_hash), I_41, || {
            format!("what was approved is not what patch `{id}` does")
        });
    }

    /// The agents ever: they only become more, and never too many. One whose configuration changes
    /// goes on under its path.
    fn agents(&mut self, data: &PatchApplied, before: &Ir, after: &Ir, cx: &mut Cx<'_>) {
        let id = &data.patch;
        let goes_on = |key: &AgentKey| data.agents.iter().any(|other| other.path == key.path);
        let forgotten = self.agents.iter().find(|key| !goes_on(key));
        if let Some(key) = forgotten {
            cx.violation(I_31, format!("patch `{id}` makes agent `{}` forgotten", key.path));
        }
        let (ever, most) = (data.agents.len(), self.agents_max as usize);
        cx.require(ever <= most, I_31, || format!("{ever} agents ever, of {most} (patch `{id}`)"));
        let paths: BTreeSet<&str> = data.agents.iter().map(|key| &*key.path).collect();
        for ir in [before, after] {
            let missing = agents_in(ir).into_iter().find(|agent| !paths.contains(&**agent));
            if let Some(agent) = missing {
                cx.violation(I_31, format!("agent `{agent}` is not among those of patch `{id}`"));
            }
        }
        self.agents.clone_from(&data.agents);
    }

    fn moved(&mut self, data: &PatchApplied) {
        self.digest = Some(data.result);
        self.revision = data.revision;
    }
}

/// Ids of the agent nodes of a graph, bodies of maps included; those of sub-workflows are not looked
/// for.
fn agents_in(ir: &Ir) -> Vec<Arc<str>> {
    let mut found = Vec::new();
    for node in &ir.nodes {
        let mut level = Some(node);
        while let Some(current) = level {
            if matches!(current.kind, aob_ir::NodeKind::Agent { .. }) && current.id == node.id {
                found.push(Arc::clone(&current.id));
            }
            level = crate::graph::body_of(current);
        }
    }
    found
}

impl State {
    /// `patch_applied`: from here on the run follows another graph.
    pub(crate) fn patch_applied(
        &mut self,
        data: &PatchApplied,
        workflows: &Workflows<'_>,
        cx: &mut Cx<'_>,
    ) {
        cx.require(!self.run.is_stopping(), I_24, || {
            format!("patch `{}` is applied to a run that is being stopped", data.patch)
        });
        self.patches.rests_on(data, &self.approvals, cx);
        let before = self.graph.take();
        let after =
            self.materialize(before.as_deref(), data, cx).or_else(|| workflows(&data.result));
        self.patches.moved(data);
        let (Some(before), Some(after)) = (before, after) else {
            cx.report.graph_checked = false;
            for id in &data.routes {
                let outcome = self.over.get(id).copied().unwrap_or(Outcome::Completed);
                self.routing.insert(id.clone(), outcome);
            }
            return;
        };
        cx.require(after.digest == data.result, I_27, || {
            format!("patch `{}` gives {}, not {}", data.patch, after.digest, data.result)
        });
        self.patches.agents(data, before.ir(), &after, cx);
        crate::gates::check(before.ir(), &after, &data.patch, cx);
        let after = Arc::new(Graph::new(after));
        Rewrite { before: &before, after: &after, data }.apply(self, cx);
        self.graph = Some(after);
    }

    /// The document that the operations give, compiled; `None` where they are not in the log.
    fn materialize(
        &self,
        before: Option<&Graph>,
        data: &PatchApplied,
        cx: &mut Cx<'_>,
    ) -> Option<Arc<Ir>> {
        let text = self.patches.text(&data.operations)?;
        let document = serde_json::from_str(&before?.ir().canonical).ok()?;
        let id = &data.patch;
        let Ok(patch) = Patch::parse(&text, &Budget::DOCUMENT) else {
            cx.violation(I_27, format!("the operations of patch `{id}` are no patch"));
            return None;
        };
        let Ok(result) = aob_materializer::apply(document, &patch, &Budget::DOCUMENT) else {
            cx.violation(I_27, format!("patch `{id}` does not apply to what holds"));
            return None;
        };
        cx.count("patch_materialized");
        match aob_ir::compile(&result) {
            Ok(compiled) => Some(compiled.ir),
            Err(problems) => {
                cx.violation(I_30, format!("patch `{id}` gives no workflow: {problems}"));
                None
            }
        }
    }

    /// A run does not complete while a patch is open.
    pub(crate) fn no_patch_is_open(&mut self, cx: &mut Cx<'_>) {
        for id in self.patches.open() {
            cx.violation(I_22, format!("the run ends while patch `{id}` is open"));
        }
    }
}
