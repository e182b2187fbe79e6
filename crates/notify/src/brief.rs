//! What a message may say of a ticket: what its inbox shows, and nothing of what it decides about.

use aob_store::{TimeMs, WorkspaceId};
use async_trait::async_trait;
use thiserror::Error;

/// A ticket in a few words. Texts of workflows and agents are [`plain`](crate::plain).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brief {
    /// The ticket.
    pub ticket: String,
    /// `pending approved rejected expired cancelled`.
    pub status: String,
    /// What is asked; of a patch in our words, never in its author's.
    pub question: String,
    /// The run.
    pub run: String,
    /// What its workflow is called.
    pub workflow: String,
    /// The instance that asks; absent for a patch.
    pub node: Option<String>,
    /// The patch; absent for a node.
    pub patch: Option<String>,
    /// Who proposed the patch, or started the run.
    pub asked_by: Option<String>,
    /// Why a patch needs an approval.
    pub why: Option<String>,
    /// Who may decide; empty: anybody with the permission.
    pub approvers: Vec<String>,
    /// Approving votes needed.
    pub quorum: u32,
    /// Asked.
    pub asked_ms: TimeMs,
    /// Expires.
    pub expires_ms: Option<TimeMs>,
    /// A signed link to its page.
    pub link: String,
}

/// A brief cannot be had now.
#[derive(Debug, Error)]
#[error("the ticket cannot be read now: {0}")]
pub struct BriefError(pub String);

/// Who knows what there is to say of tickets.
#[async_trait]
pub trait Briefs: Send + Sync {
    /// A ticket of a workspace; `None`: there is none any more.
    async fn brief(
        &self,
        workspace: WorkspaceId,
        ticket: &str,
    ) -> Result<Option<Brief>, BriefError>;
}
