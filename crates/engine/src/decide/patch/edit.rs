//! An approver changes a patch before approving it: what comes of that is another revision of the
//! proposal, judged by all layers anew, and another ticket asks about it.

use std::sync::Arc;

use aob_bugs::{Bug, seeded};
use serde_json::{Value, json};

use super::super::edits::{check, refused};
use super::super::{Decider, Step};
use super::Changed;
use super::plan::PatchPlan;
use super::report;
use crate::command::CastVote;
use crate::event::ApprovalOutcome;
use crate::ids::{PatchId, TicketId};
use crate::state::{PatchNo, Ticket};
use crate::value::Blob;

/// Keys of a node or an edge that say which it is, not what it does.
const NAMING: [&str; 4] = ["id", "type", "from", "to"];

impl Decider<'_> {
    /// The vote counts for the edited patch where nothing is asked about that was not asked before,
    /// and nobody else has to approve it.
    pub(super) fn edit_patch(
        &mut self,
        vote: &CastVote,
        ticket: &Ticket,
        number: PatchNo,
        patch: &PatchId,
    ) -> Step<Changed> {
        check(vote, &ticket.fields)?;
        let Some(shown) = self.as_shown(vote, ticket, number, patch)? else { return Ok(None) };
        for pointer in vote.edits.keys() {
            within(pointer, &shown)?;
        }
        let operations = with_edits(&shown, vote)?;
        let edited = self.plan_edited(number, &shown, &operations)?;
        let known = &shown.validated.growth;
        let more = |grown: &&aob_validator::Grown| {
            !known.items.iter().any(|before| before.power == grown.power)
        };
        if let Some(grown) = edited.validated.growth.items.iter().find(more) {
            let text = format!("the run could do more than was proposed: {}", grown.power);
            return Err(refused(text, Some("propose that as a patch of your own")));
        }
        let asks = |plan: &PatchPlan| plan.validated.approval.as_ref().map(super::ticket::reasons);
        let same_question = asks(&shown) == asks(&edited);
        let (_, state) = self.state.patch_state(patch).ok_or_else(|| super::unknown(patch))?;
        let (count, description) = (state.tickets, Arc::clone(&state.description));
        let next = TicketId::of_patch(self.state.meta().run, patch, count);
        self.write_edit(vote, &next);
        self.write_planned(patch, &edited);
        let editor = self.request.actor.clone();
        self.ask(patch, &description, &edited, Some(&editor));
        let Some(asked) = self.state.tickets.get(&next).cloned() else { return Ok(None) };
        if asked.four_eyes || !same_question {
            return Ok(None);
        }
        self.write_vote(vote, &next);
        if asked.quorum > 1 {
            return Ok(None);
        }
        let by = self.request.actor.clone();
        self.decide_patch_ticket(&next, ApprovalOutcome::Approved, by);
        self.apply_plan(patch, edited, Some(asked.subject_hash))
    }
}

/// Refuses a field of something that the patch neither adds nor changes, and what names a node or
/// an edge.
fn within(pointer: &str, shown: &PatchPlan) -> Step {
    let tokens = pointer.parse::<aob_materializer::Pointer>();
    let tokens = tokens.map_err(|problem| refused(format!("`{pointer}`: {problem}"), None))?;
    let diff = &shown.validated.diff;
    let ours = match tokens.tokens() {
        [kind, id, ..] if kind == "nodes" => {
            let nodes = diff.nodes_added.iter().chain(&diff.nodes_changed);
            nodes.map(|node| &node.id).any(|known| **known == **id)
        }
        [kind, id, ..] if kind == "edges" => {
            let edges = diff.edges_added.iter().chain(&diff.edges_changed);
            edges.map(|edge| &edge.id).any(|known| **known == **id)
        }
        _ => false,
    };
    let key = tokens.tokens().get(2);
    if key.is_some_and(|key| NAMING.contains(&key.as_str())) || key.is_none() {
        return Err(refused(format!("`{pointer}` says which it is; that is not edited"), None));
    }
    if ours || seeded(Bug::EditsUnchecked) {
        return Ok(());
    }
    let hint = Some("edit what the patch adds or changes, by its id");
    Err(refused(format!("`{pointer}` is nothing that the patch changes"), hint))
}

/// The operations of the plan, and after them one for every edit.
fn with_edits(shown: &PatchPlan, vote: &CastVote) -> Step<Arc<Blob>> {
    let mut operations: Value =
        serde_json::from_str(shown.operations.text()).unwrap_or(Value::Null);
    let Some(list) = operations.as_array_mut() else { return Err(report::refused(Vec::new())) };
    for (pointer, value) in &vote.edits {
        list.push(json!({"op": "replace", "path": pointer, "value": value}));
    }
    Ok(Blob::of(operations))
}
