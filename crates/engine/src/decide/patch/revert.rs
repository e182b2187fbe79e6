//! Taking an applied patch back: what leads back from it, brought over everything applied since, is
//! a patch like any other.

use super::super::{Decider, Step, reject};
use super::plan::{Asked, author, origin, text_of};
use super::{Changed, Source};
use crate::command::{RejectionCode, RevertPatch};
use crate::event::PatchOrigin;
use crate::state::PatchStatus;

impl Decider<'_> {
    /// `RevertPatch`.
    pub(super) fn revert(&mut self, revert: &RevertPatch) -> Step<Changed> {
        self.require_active()?;
        self.require_new(&revert.patch)?;
        let Some((_, known)) = self.state.patch_state(&revert.reverts) else {
            return Err(super::unknown(&revert.reverts));
        };
        if known.status != PatchStatus::Applied {
            let text = format!("patch `{}` is {}", revert.reverts, known.status.as_str());
            let hint = match known.status {
                PatchStatus::Waiting => Some("withdraw it, or reject its ticket"),
                PatchStatus::Applied | PatchStatus::Rejected | PatchStatus::Reverted => None,
            };
            return Err(reject(RejectionCode::PatchDecided, text, hint));
        }
        let (revision, children) = (known.revision, known.children.clone());
        let actor = self.request.actor.clone();
        let origin = origin(PatchOrigin::Person, &actor);
        let planner = self.planner();
        planner.require(&(revision..=self.state.revision()).collect::<Vec<_>>())?;
        let back = planner.read(revision, true)?;
        let back = planner.rebase_from(&back, revision)?;
        let operations = text_of(&back)?;
        let base = self.ir.digest;
        let plan = planner.plan(&Asked {
            base,
            operations: &operations,
            author: author(origin, None),
            ours: true,
            children: &children,
        })?;
        let source = Source {
            patch: revert.patch.clone(),
            origin,
            by: actor,
            instance: None,
            description: std::sync::Arc::clone(&revert.description),
            reverts: Some(revert.reverts.clone()),
        };
        self.write_proposed(&source, base, &operations, &children);
        self.proceed(&source, plan)
    }
}
