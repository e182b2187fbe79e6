//! Patches that wait for their approval.

use super::{Explainer, Wait, remedy};
use crate::state::{PatchNo, PatchState};

impl Explainer<'_> {
    /// Patches that keep the run open until somebody decides on them.
    pub(super) fn patches(&self) -> impl Iterator<Item = Wait> {
        let open = self.state.open_patches.iter().map(|(number, ())| *number);
        let known = open.filter_map(|number: PatchNo| self.state.patches.get(&number));
        known.map(|patch| self.patch(patch))
    }

    fn patch(&self, patch: &PatchState) -> Wait {
        let ticket = patch.ticket.as_ref().and_then(|ticket| self.state.tickets.get(ticket));
        let approvers = ticket.map(|ticket| &ticket.approvers[..]).unwrap_or_default();
        let owner = match approvers {
            [] => "any approver".to_owned(),
            some => some.iter().map(remedy::approver).collect::<Vec<_>>().join(", "),
        };
        let what = if patch.description.is_empty() {
            String::new()
        } else {
            format!(" ({})", patch.description)
        };
        let why = patch.planned.as_ref().and_then(|planned| planned.approval.as_deref());
        let why = why.map_or(String::new(), |why| format!(": {why}"));
        let more = ticket.map_or(String::new(), super::asked_of);
        let (run, id) = (&self.run, &patch.id);
        Wait {
            instance: None,
            reason: "patch_approval",
            message: format!("patch {id}{what} by {} waits for an approval{why}{more}", patch.by),
            since: patch.proposed_at,
            until: patch.expires_at,
            owner,
            remedy: format!("aob patch approve {run} {id}"),
            alternatives: vec![
                format!("aob patch approve {run} {id} --reject"),
                format!("aob patch withdraw {run} {id}"),
            ],
        }
    }
}
