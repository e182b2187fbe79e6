//! Tickets in a few words, for messages: what the inbox shows, who asked and why, and a link.

use aob_engine::{PatchId, RunId, RunState, Timestamp, WorkspaceId};
use aob_notify::{Brief, BriefError, Briefs};
use aob_store::{TicketRow, TimeMs};
use async_trait::async_trait;

use crate::Hitl;
use crate::shown::change_of;
use crate::words::{actor, approver, cut, plain};

/// Characters of a question.
const QUESTION_CHARS: usize = 1_000;
/// A link works until so long after its ticket ends.
const LINK_AFTER_MS: TimeMs = 24 * 60 * 60 * 1_000;
/// A link to a ticket without end works for so long.
const LINK_MS: TimeMs = 30 * 24 * 60 * 60 * 1_000;

#[async_trait]
impl Briefs for Hitl {
    async fn brief(
        &self,
        workspace: aob_store::WorkspaceId,
        ticket: &str,
    ) -> Result<Option<Brief>, BriefError> {
        let failed = |error: &dyn std::fmt::Display| BriefError(error.to_string());
        let reads = &self.app.reads;
        let row = reads.store.ticket(workspace, ticket).await.map_err(|error| failed(&error))?;
        let Some(row) = row else { return Ok(None) };
        let run = reads.store.run(workspace, row.run).await.map_err(|error| failed(&error))?;
        let engine_workspace = WorkspaceId(workspace.0);
        let loaded = reads.reader.load_in(engine_workspace, RunId(row.run.0)).await;
        let loaded = loaded.map_err(|error| failed(&error))?;
        let (Some(run), Some(loaded)) = (run, loaded) else { return Ok(None) };
        let until = row.expires_ms.map_or(self.app.now().0 + LINK_MS, |at| at + LINK_AFTER_MS);
        let link = self.link(engine_workspace, ticket, Timestamp(until)).await;
        let link = link.map_err(|_| BriefError("links cannot be signed".to_owned()))?;
        let name = [Some(run.name.as_str()), run.tag.as_deref()];
        let name = name.into_iter().flatten().find(|name| !name.is_empty());
        let workflow = name.map_or_else(|| format!("run {}", RunId(row.run.0)), |it| cut(it, 80));
        brief_of(&row, workflow, &loaded.state, link).map(Some)
    }
}

fn brief_of(
    row: &TicketRow,
    workflow: String,
    state: &RunState,
    link: String,
) -> Result<Brief, BriefError> {
    let unreadable = |_| BriefError("its row cannot be read".to_owned());
    let detail = aob_answers::ticket_detail(row).map_err(unreadable)?;
    let patch = detail.patch.as_ref().and_then(|patch: &PatchId| state.patch(patch));
    let (asked_by, why) = match &patch {
        Some(patch) => (&patch.by, patch.approval.as_deref().map(|why| cut(why, QUESTION_CHARS))),
        None => (&state.started_by(), None),
    };
    Ok(Brief {
        ticket: row.ticket.clone(),
        status: row.status.clone(),
        // What a patch is for is said by its author, and stands on its page only.
        question: match detail.patch {
            Some(_) => change_of(&workflow),
            None => cut(&row.message, QUESTION_CHARS),
        },
        run: RunId(row.run.0).to_string(),
        workflow,
        node: detail.instance.as_ref().map(|instance| plain(&instance.to_string())),
        patch: detail.patch.as_ref().map(ToString::to_string),
        asked_by: Some(actor(asked_by)),
        why,
        approvers: detail.approvers.iter().map(approver).collect(),
        quorum: detail.quorum,
        asked_ms: row.created_ms,
        expires_ms: row.expires_ms,
        link,
    })
}
