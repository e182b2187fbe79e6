//! The second layer of patches: planned here, with the run's state and the workspace's rules, before
//! anything is sent to the engine, which trusts none of it and judges again.

use std::collections::BTreeMap;
use std::sync::Arc;

use aob_answers::result_of;
use aob_api::{Consequences, PlanView};
use aob_coordinator::{LoadedRun, Shown, WorkflowError};
use aob_edge::{Caller, Refusal};
use aob_engine::{Actor, Blob, Blobs, PatchOrigin, PatchPlan, Planned, ProposePatch, plan_patch};
use aob_ir::{Digest, Ir};
use aob_materializer::Budget;
use aob_validator::Rules;

use crate::api::Parts;
use crate::errors::{rejected, unreadable, workflow_error};

/// Times that a plan may ask for more to be loaded.
const ROUNDS_MAX: usize = 64;

/// What is at hand while a patch is planned.
struct Shelf {
    blobs: BTreeMap<Digest, Arc<Blob>>,
    rules: Arc<Rules>,
}

impl Shelf {
    fn keep(&mut self, blobs: impl IntoIterator<Item = Arc<Blob>>) {
        self.blobs.extend(blobs.into_iter().map(|blob| (blob.digest(), blob)));
    }
}

impl Blobs for Shelf {
    fn get(&self, digest: &Digest) -> Option<Arc<Blob>> {
        self.blobs.get(digest).cloned()
    }

    fn rules(&self) -> Option<&Rules> {
        Some(&self.rules)
    }
}

/// A patch that was found sound, with what it was planned on.
#[derive(Debug)]
pub(crate) struct Sound {
    pub(crate) plan: PatchPlan,
    base: Arc<Ir>,
    budget: Budget,
    revision: u32,
}

impl Parts {
    /// Plans a patch on the run as it was loaded.
    pub(crate) async fn plan(
        &self,
        caller: &Caller,
        loaded: &LoadedRun,
        proposal: &ProposePatch,
    ) -> Result<Sound, Refusal> {
        let base = self.reads.ir_of(loaded).await?;
        let rules = Arc::clone(&self.coordinator.rules);
        let budget = budget(&rules, proposal, &caller.actor());
        let mut shelf = Shelf { blobs: BTreeMap::new(), rules };
        shelf.keep(loaded.blobs.iter().cloned());
        let (workspace, state) = (loaded.workspace, &loaded.state);
        for _ in 0..ROUNDS_MAX {
            let more = match plan_patch(state, &base, proposal, &caller.actor(), &shelf) {
                Planned::Plan(plan) => {
                    let revision = state.revision();
                    return Ok(Sound { plan: *plan, base, budget, revision });
                }
                Planned::Refused(rejection) => return Err(rejected(rejection)),
                Planned::Need(refs) => {
                    let Some(run) = state.run() else { break };
                    let values = self.coordinator.reader.values(workspace, run, &refs).await;
                    values.map_err(|error| unreadable(&error))?
                }
                Planned::NeedDocuments(digests) => {
                    let documents = self.coordinator.workflows.documents(workspace, &digests).await;
                    documents.map_err(|error| workflow_error(error, ""))?
                }
            };
            shelf.keep(more);
        }
        tracing::error!("a plan asks for ever more to be loaded");
        Err(Refusal::internal())
    }

    /// What the tags of sub-workflows mean that a patch brings in; the run has resolved the others.
    pub(crate) async fn new_children(
        &self,
        loaded: &LoadedRun,
        base: &Ir,
        operations: &Blob,
    ) -> Result<BTreeMap<Arc<str>, Digest>, Refusal> {
        let known = loaded.state.children();
        let Some(result) = result_of(base, operations) else { return Ok(BTreeMap::new()) };
        let inline = !result.inline_children.is_empty();
        if !inline && result.child_tags.iter().all(|tag| known.contains_key(tag)) {
            return Ok(BTreeMap::new());
        }
        let workflows = &self.coordinator.workflows;
        if inline {
            // Tags inside of inline documents are looked for in the stored ones.
            let stored = workflows.store(loaded.workspace, &result, self.now_ms()).await;
            stored.map_err(|error| workflow_error(error, ""))?;
        }
        match workflows.children(loaded.workspace, &result).await {
            Ok(mut children) => {
                children.retain(|tag, _| !known.contains_key(tag));
                Ok(children)
            }
            // The validator says where the tag stands.
            Err(WorkflowError::UnknownChild(_)) => Ok(BTreeMap::new()),
            Err(error) => Err(workflow_error(error, "/operations")),
        }
    }
}

fn budget(rules: &Rules, proposal: &ProposePatch, actor: &Actor) -> Budget {
    match proposal.origin_by(actor) {
        PatchOrigin::Agent => rules.agent_budget,
        PatchOrigin::Person | PatchOrigin::Optimizer => rules.budget,
    }
}

impl Sound {
    /// The plan as answers show it.
    pub(crate) fn view(self) -> PlanView {
        let Self { plan, base, budget, revision } = self;
        let PatchPlan {
            operations,
            rebased,
            validated,
            agents_max,
            withdrawn,
            routes,
            repaired,
            ..
        } = plan;
        let shown = Shown {
            base: &base,
            operations: operations.text(),
            rebased,
            validated,
            budget: &budget,
            agents_max,
        };
        PlanView {
            revision: Some(revision),
            consequences: Some(Consequences {
                routes,
                withdrawn: withdrawn.iter().map(|edge| edge.id.to_string()).collect(),
                repaired: repaired.iter().map(|node| node.node.to_string()).collect(),
            }),
            ..shown.view()
        }
    }
}
