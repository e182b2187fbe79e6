//! Planning a patch: parsed, brought to the document that holds, validated, and what it means to the
//! run. The same for the dry run of the API and for `decide`.

use std::collections::BTreeMap;
use std::sync::Arc;

use aob_ir::{Digest, Ir};
use aob_materializer::{Budget, Patch};
use aob_validator::{Author, History as _, Proposal, Rules, Validated};
use serde_json::Value;

use super::super::Stop;
use super::past::Past;
use super::report;
use super::surgery::{Surgery, surgery};
use crate::command::{ProposePatch, Rejection, RejectionCode};
use crate::event::PatchOrigin;
use crate::ids::Actor;
use crate::state::RunState;
use crate::value::{Blob, Blobs, PayloadRef};

/// What a patch would do, as [`plan_patch`] finds it.
#[derive(Debug)]
pub enum Planned {
    /// It may be applied, at once or after an approval.
    Plan(Box<PatchPlan>),
    /// It would be refused.
    Refused(Rejection),
    /// Load these payloads and ask again.
    Need(Vec<PayloadRef>),
    /// Load these documents (as blobs of their canonical text) and ask again.
    NeedDocuments(Vec<Digest>),
}

/// A patch that may be applied.
#[derive(Debug)]
pub struct PatchPlan {
    /// The document that holds.
    pub base: Digest,
    /// The operations as they apply to it, rebased where it is another than the patch names.
    pub operations: Arc<Blob>,
    /// True where they had to be rebased.
    pub rebased: bool,
    /// What was found: the resulting graph, what changes, capability growth, checks, tier.
    pub validated: Validated,
    /// Agents that the run may ever have.
    pub agents_max: u32,
    /// Targets that lose what a removed edge had brought.
    pub withdrawn: Vec<crate::event::WithdrawnEdge>,
    /// Finished instances that have edges to decide at once.
    pub routes: Vec<crate::ids::InstanceId>,
    /// Started nodes that it repairs.
    pub repaired: Vec<crate::event::RepairedNode>,
}

/// Plans a patch against a run as it stands: what `decide` would do with it, without doing it.
///
/// `ir` is that of the state's current digest.
pub fn plan_patch(
    state: &RunState,
    ir: &Ir,
    proposal: &ProposePatch,
    actor: &Actor,
    blobs: &dyn Blobs,
) -> Planned {
    let planner = Planner { state, ir, blobs, fresh: &BTreeMap::new() };
    let plan = super::super::active(state)
        .and_then(|()| planner.plan(&Asked::of(proposal, actor, planner.head())));
    match plan {
        Ok(plan) => Planned::Plan(Box::new(plan)),
        Err(Stop::Rejected(rejection)) => Planned::Refused(rejection),
        Err(Stop::Need(refs)) => Planned::Need(refs),
        Err(Stop::NeedDocuments(digests)) => Planned::NeedDocuments(digests),
        Err(Stop::NoChange(_)) => Planned::Need(Vec::new()),
    }
}

/// What is asked of a plan.
pub(super) struct Asked<'p> {
    pub(super) base: Digest,
    pub(super) operations: &'p Blob,
    pub(super) author: Author,
    /// True where the operations were made here: their form is not judged by the author's budget.
    pub(super) ours: bool,
    /// Tags that the run has not resolved.
    pub(super) children: &'p BTreeMap<Arc<str>, Digest>,
}

impl<'p> Asked<'p> {
    pub(super) fn of(proposal: &'p ProposePatch, actor: &Actor, head: Digest) -> Self {
        Self {
            base: proposal.base.unwrap_or(head),
            operations: &proposal.operations,
            author: author(proposal.origin_by(actor), node_of(proposal)),
            ours: false,
            children: &proposal.children,
        }
    }
}

/// Whose a patch is: an agent's or runner's key makes it an agent's.
pub(super) fn origin(claimed: PatchOrigin, actor: &Actor) -> PatchOrigin {
    if actor.is_machine() { PatchOrigin::Agent } else { claimed }
}

impl ProposePatch {
    /// Whose the proposal is that this actor sends: one on behalf of an instance is an agent's.
    pub fn origin_by(&self, actor: &Actor) -> PatchOrigin {
        match self.instance {
            Some(_) => PatchOrigin::Agent,
            None => origin(self.origin, actor),
        }
    }
}

fn node_of(proposal: &ProposePatch) -> Option<Arc<str>> {
    proposal.instance.as_ref().map(|instance| Arc::clone(&instance.node))
}

pub(super) fn author(origin: PatchOrigin, node: Option<Arc<str>>) -> Author {
    match origin {
        PatchOrigin::Person => Author::Person,
        PatchOrigin::Agent => Author::Agent { node },
        PatchOrigin::Optimizer => Author::Optimizer,
    }
}

/// Reads a run and plans.
pub(super) struct Planner<'p> {
    pub(super) state: &'p RunState,
    pub(super) ir: &'p Ir,
    pub(super) blobs: &'p dyn Blobs,
    pub(super) fresh: &'p BTreeMap<Digest, Arc<Blob>>,
}

impl Planner<'_> {
    pub(super) fn head(&self) -> Digest {
        self.ir.digest
    }

    pub(super) fn plan(&self, asked: &Asked<'_>) -> Result<PatchPlan, Stop> {
        let mut rules = self.rules(asked.children)?;
        if asked.ours {
            (rules.budget, rules.agent_budget) = (Budget::DOCUMENT, Budget::DOCUMENT);
        }
        let budget = rules.budget_of(&asked.author);
        let patch = Patch::parse(asked.operations.text(), budget).map_err(report::malformed)?;
        let rebased = asked.base != self.head();
        let patch = if rebased { self.rebase(&patch, asked.base)? } else { patch };
        let history = Past::of(self.state, self.ir, &rules.children);
        let proposal =
            Proposal { base: self.ir, against: self.head(), patch: &patch, author: &asked.author };
        let validated = aob_validator::validate(&proposal, &history, &rules)
            .map_err(|rejected| report::rejected(rejected, &history))?;
        let Surgery { withdrawn, routes, repaired, problems } =
            surgery(self.state, &history, (self.ir, &validated.ir), &validated.documents);
        if !problems.is_empty() {
            return Err(report::refused(problems));
        }
        let operations = text_of(&patch)?;
        let base = self.head();
        let agents_max = history.allotment();
        let plan = PatchPlan {
            base,
            operations,
            rebased,
            validated,
            agents_max,
            withdrawn,
            routes,
            repaired,
        };
        Ok(plan)
    }

    /// The rules, with every sub-workflow that a tag of the run or of the patch leads to.
    fn rules(&self, children: &BTreeMap<Arc<str>, Digest>) -> Result<Rules, Stop> {
        let mut rules = self.blobs.rules().cloned().unwrap_or_default();
        let known = &self.state.meta().children;
        let mut missing = Vec::new();
        for (tag, digest) in children.iter().chain(known) {
            // What the run resolved stays: it comes last.
            match self.blob(digest) {
                None => missing.push(*digest),
                Some(document) => {
                    if let Ok(compiled) = aob_ir::compile_text(document.text()) {
                        rules.children.insert(Arc::clone(tag), compiled.ir);
                    }
                }
            }
        }
        if missing.is_empty() { Ok(rules) } else { Err(Stop::NeedDocuments(missing)) }
    }

    fn blob(&self, digest: &Digest) -> Option<Arc<Blob>> {
        self.fresh.get(digest).cloned().or_else(|| self.blobs.get(digest))
    }

    /// Brings a patch that was made against an earlier document of this run to the one that holds.
    fn rebase(&self, patch: &Patch, base: Digest) -> Result<Patch, Stop> {
        let Some(from) = self.state.revision_of(&base) else {
            return Err(super::super::reject(
                RejectionCode::UnknownBase,
                format!("this run never had the document {base}"),
                Some("make the patch against the document that `aob run graph` shows"),
            ));
        };
        self.rebase_from(patch, from)
    }

    /// Brings a patch of revision `from` to the document that holds.
    pub(super) fn rebase_from(&self, patch: &Patch, from: u32) -> Result<Patch, Stop> {
        let revisions: Vec<u32> = (from + 1..=self.state.revision()).collect();
        self.require(&revisions)?;
        let mut over = Vec::with_capacity(revisions.len());
        for &revision in &revisions {
            over.push(self.read(revision, false)?);
        }
        let mut document: Value = serde_json::from_str(&self.ir.canonical).unwrap_or_default();
        for &revision in revisions.iter().rev() {
            let back = self.read(revision, true)?;
            document = aob_materializer::apply(document, &back, &Budget::DOCUMENT)
                .map_err(|problem| report::malformed(problem.into()))?;
        }
        aob_materializer::rebase(patch, &document, &over).map_err(report::not_rebased)
    }

    /// Stops with every operation list of these revisions that is not at hand.
    pub(super) fn require(&self, revisions: &[u32]) -> Result<(), Stop> {
        let refs = revisions.iter().filter_map(|at| self.state.patch_at(*at));
        let refs = refs.flat_map(|patch| [Some(patch.operations), patch.inverse]).flatten();
        let missing: Vec<PayloadRef> =
            refs.filter(|reference| self.blob(&reference.digest).is_none()).collect();
        if missing.is_empty() { Ok(()) } else { Err(Stop::Need(missing)) }
    }

    /// The operations of a revision, or those that lead back.
    pub(super) fn read(&self, revision: u32, back: bool) -> Result<Patch, Stop> {
        let patch = self.state.patch_at(revision);
        let reference =
            patch.and_then(|patch| if back { patch.inverse } else { Some(patch.operations) });
        let Some(reference) = reference else { return Ok(Patch::default()) };
        let blob = self.blob(&reference.digest).ok_or_else(|| Stop::Need(vec![reference]))?;
        Patch::parse(blob.text(), &Budget::DOCUMENT).map_err(report::malformed)
    }
}

/// The canonical text of a patch.
pub(super) fn text_of(patch: &Patch) -> Result<Arc<Blob>, Stop> {
    let text = patch.canonical().map_err(|problem| report::unwritable(&problem))?;
    Ok(super::super::graph::blob_of_text(text))
}
