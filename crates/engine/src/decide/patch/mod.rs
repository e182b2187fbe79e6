//! Patches of a run's graph: proposed, planned, approved, applied, taken back.
//!
//! Applying a patch changes which graph a decision reads. So a command that may do that is decided
//! in two phases: first the patch, under the graph that holds; then everything else, under the one
//! that holds after it.

mod edit;
mod past;
mod phase;
mod plan;
mod report;
mod revert;
mod surgery;
mod ticket;

use std::sync::Arc;

use aob_bugs::{Bug, seeded};
use aob_ir::Ir;
use aob_validator::Proof;

pub(super) use self::phase::{advance_patched, may_patch};
use self::plan::{Asked, Planner, author, text_of};
pub use self::plan::{PatchPlan, Planned, plan_patch};
use super::{Decider, Step, Stop, reject};
use crate::command::{
    AttemptResult, NoChange, ProposePatch, Rejection, RejectionCode, ResultPatch,
};
use crate::event::{
    PatchApplied, PatchOrigin, PatchPlanned, PatchProposed, PatchRejected, PatchReverted,
};
use crate::ids::{Actor, InstanceId, PatchId};
use crate::state::PatchNo;
use crate::value::{Blob, Payload};

/// Patches of a run that may wait for approval at once.
const OPEN_MAX: usize = 64;
/// Patches that may ever be proposed to a run.
const PROPOSED_MAX: usize = 10_000;
/// Patches that one result may carry.
const OF_RESULT_MAX: usize = 16;

/// The graph that holds after a step, where it is another.
type Changed = Option<Arc<Ir>>;

/// Where a patch comes from.
struct Source {
    patch: PatchId,
    origin: PatchOrigin,
    by: Actor,
    instance: Option<InstanceId>,
    description: Arc<str>,
    reverts: Option<PatchId>,
}

impl Decider<'_> {
    fn planner(&self) -> Planner<'_> {
        Planner { state: self.state, ir: self.ir, blobs: self.blobs, fresh: &self.fresh }
    }

    /// `Patch`: refused, waiting for an approval, or applied.
    fn propose(&mut self, proposal: &ProposePatch) -> Step<Changed> {
        self.require_active()?;
        self.require_new(&proposal.patch)?;
        let actor = self.request.actor.clone();
        let asked = Asked::of(proposal, &actor, self.ir.digest);
        let plan = self.planner().plan(&asked)?;
        let source = Source {
            patch: proposal.patch.clone(),
            origin: proposal.origin_by(&actor),
            by: actor,
            instance: proposal.instance.clone(),
            description: Arc::clone(&proposal.description),
            reverts: None,
        };
        let base = asked.base;
        self.write_proposed(&source, base, &proposal.operations, &proposal.children);
        self.proceed(&source, plan)
    }

    fn require_new(&self, patch: &PatchId) -> Step {
        if self.state.patch_ids.contains(patch) && !seeded(Bug::PatchedTwice) {
            return Err(Stop::NoChange(NoChange::Repeated));
        }
        let full = |what: &str, most: usize| {
            let text = format!("{what} {most} patches already");
            Err(reject(RejectionCode::LimitExceeded, text, Some("decide on those first")))
        };
        if self.state.open_patches.len() >= OPEN_MAX {
            return full("approvals are open for", OPEN_MAX);
        }
        if self.state.patches.len() >= PROPOSED_MAX {
            return full("the run was offered", PROPOSED_MAX);
        }
        Ok(())
    }

    fn write_proposed(
        &mut self,
        source: &Source,
        base: aob_ir::Digest,
        operations: &Arc<Blob>,
        children: &std::collections::BTreeMap<Arc<str>, aob_ir::Digest>,
    ) {
        let operations = self.payload(operations);
        self.emit(PatchProposed {
            patch: source.patch.clone(),
            origin: source.origin,
            by: source.by.clone(),
            instance: source.instance.clone(),
            base,
            operations,
            description: Arc::clone(&source.description),
            children: children.clone(),
            reverts: source.reverts.clone(),
        });
    }

    /// What is sound is applied, or waits for its approval.
    fn proceed(&mut self, source: &Source, plan: PatchPlan) -> Step<Changed> {
        self.write_planned(&source.patch, &plan);
        if plan.validated.approval.is_some() {
            self.ask(&source.patch, &source.description, &plan, None);
            return Ok(None);
        }
        self.apply_plan(&source.patch, plan, None)
    }

    fn write_planned(&mut self, patch: &PatchId, plan: &PatchPlan) {
        let operations = self.payload_once(patch, &plan.operations);
        let validated = &plan.validated;
        let reasons = validated.approval.as_ref().map(ticket::reasons);
        self.emit(PatchPlanned {
            patch: patch.clone(),
            base: plan.base,
            result: validated.ir.digest,
            operations,
            subject_hash: validated.subject_hash,
            growth: report::grown(&validated.growth),
            approval: reasons.map(Into::into),
        });
    }

    /// The payload of a patch's operations: by reference where an event of it has them already.
    fn payload_once(&mut self, patch: &PatchId, operations: &Arc<Blob>) -> Payload {
        let known = self.state.patch_state(patch).map(|(_, patch)| patch.operations);
        match known.filter(|known| known.digest == operations.digest()) {
            Some(known) => Payload::by_ref(known),
            None => self.payload(operations),
        }
    }

    /// Turns a plan into what is applied. `approved`: the subject of an approval that was given.
    fn apply_plan(
        &mut self,
        patch: &PatchId,
        plan: PatchPlan,
        approved: Option<aob_ir::Digest>,
    ) -> Step<Changed> {
        let PatchPlan { operations, validated, withdrawn, routes, repaired, .. } = plan;
        let growth = report::grown(&validated.growth);
        let approved =
            if seeded(Bug::ApprovalUnbound) { Some(validated.subject_hash) } else { approved };
        let Ok(proof) = validated.authorise(approved) else {
            return Err(reject(
                RejectionCode::SubjectChanged,
                "what is to be approved is not what was approved".to_owned(),
                Some("look at the ticket again"),
            ));
        };
        let inverse = self.inverse_of(&operations)?;
        let operations = self.payload_once(patch, &operations);
        let applied = PatchApplied {
            patch: patch.clone(),
            revision: self.state.revision() + 1,
            base: self.ir.digest,
            result: proof.result().digest,
            operations,
            inverse: self.payload(&inverse),
            growth,
            agents: proof.agents_ever().clone(),
            withdrawn: if seeded(Bug::TokenKept) { Vec::new() } else { withdrawn },
            routes,
            repaired,
            children: self.children_of(patch),
        };
        self.apply_patch(proof, applied)
    }

    /// Applies a patch that was validated here and now: the only place that changes the graph.
    fn apply_patch(&mut self, proof: Proof, applied: PatchApplied) -> Step<Changed> {
        let bound = proof.base() == self.ir.digest
            && Some(proof.base()) == self.state.head.digest
            && proof.result().digest == applied.result
            && proof.patch() == applied.operations.digest;
        if !bound {
            return Err(reject(
                RejectionCode::PatchRefused,
                "the patch was validated against another document than the one that holds"
                    .to_owned(),
                None,
            ));
        }
        let patch = applied.patch.clone();
        self.emit(applied);
        if let Some((_, state)) = self.state.patch_state(&patch)
            && let Some(reverts) = state.reverts.clone()
        {
            self.emit(PatchReverted { patch: reverts, by: patch });
        }
        Ok(Some(Arc::clone(proof.result())))
    }

    fn children_of(&self, patch: &PatchId) -> std::collections::BTreeMap<Arc<str>, aob_ir::Digest> {
        let known = &self.state.meta().children;
        let new = self.state.patch_state(patch).map(|(_, patch)| &patch.children);
        let new = new.into_iter().flatten().filter(|(tag, _)| !known.contains_key(*tag));
        new.map(|(tag, digest)| (Arc::clone(tag), *digest)).collect()
    }

    fn inverse_of(&self, operations: &Arc<Blob>) -> Step<Arc<Blob>> {
        let budget = aob_materializer::Budget::DOCUMENT;
        let patch = aob_materializer::Patch::parse(operations.text(), &budget)
            .map_err(report::malformed)?;
        let document: serde_json::Value =
            serde_json::from_str(&self.ir.canonical).unwrap_or_default();
        let inverse = aob_materializer::inverse(document, &patch, &budget)
            .map_err(|problem| report::malformed(problem.into()))?;
        text_of(&inverse)
    }

    /// The patches that a result carries, one after the other; what is refused is recorded.
    fn patch_of_result(
        &mut self,
        result: &AttemptResult,
        position: usize,
        carried: &ResultPatch,
    ) -> Step<Changed> {
        let run = self.state.meta().run;
        let patch = PatchId::of_result(run, &result.instance, result.attempt, position);
        let node = Arc::clone(&result.instance.node);
        let source = Source {
            patch,
            origin: PatchOrigin::Agent,
            by: Actor(format!("agent:{}", result.instance).into()),
            instance: Some(result.instance.clone()),
            description: Arc::clone(&carried.description),
            reverts: None,
        };
        let none = std::collections::BTreeMap::new();
        let asked = Asked {
            base: carried.base.unwrap_or(self.ir.digest),
            operations: &carried.operations,
            author: author(PatchOrigin::Agent, Some(node)),
            ours: false,
            children: &none,
        };
        let planned = match self.require_new(&source.patch) {
            Ok(()) if position >= OF_RESULT_MAX => Err(reject(
                RejectionCode::LimitExceeded,
                format!("a result carries at most {OF_RESULT_MAX} patches"),
                None,
            )),
            Ok(()) => self.planner().plan(&asked),
            Err(stop) => Err(stop),
        };
        let base = asked.base;
        match planned {
            Ok(plan) => {
                self.write_proposed(&source, base, &carried.operations, &none);
                self.proceed(&source, plan)
            }
            Err(Stop::Rejected(rejection)) => {
                self.write_proposed(&source, base, &carried.operations, &none);
                self.reject_patch(&source.patch, &rejection, Actor::system());
                Ok(None)
            }
            Err(Stop::NoChange(_)) => Ok(None),
            Err(stop @ (Stop::Need(_) | Stop::NeedDocuments(_))) => Err(stop),
        }
    }

    fn reject_patch(&mut self, patch: &PatchId, rejection: &Rejection, by: Actor) {
        self.emit(PatchRejected {
            patch: patch.clone(),
            code: rejection.code.as_str().into(),
            message: rejection.message.as_str().into(),
            by,
            problems: rejection.problems.clone(),
        });
    }

    /// The patch of this number.
    fn patch_id(&self, number: PatchNo) -> Option<PatchId> {
        self.state.patches.get(&number).map(|patch| patch.id.clone())
    }
}

fn unknown(patch: &PatchId) -> Stop {
    let text = format!("the run has no patch `{patch}`");
    reject(RejectionCode::UnknownPatch, text, Some("`aob patch list` lists them"))
}
