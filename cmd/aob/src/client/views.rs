//! What tables say about answers beyond their fields.

use aob_api::{RunSummary, WorkflowUsed};
use aob_engine::Timestamp;

/// What people call a workflow: the tag, the name, or the beginning of the digest.
pub(crate) fn workflow_name(name: &str, workflow: &WorkflowUsed) -> String {
    match &workflow.tag {
        Some(tag) => tag.clone(),
        None if !name.is_empty() => name.to_owned(),
        None => workflow.digest.to_string().chars().take(19).collect(),
    }
}

/// How long a run took, or has taken until `now`.
pub(crate) fn took_ms(run: &RunSummary, now: Timestamp) -> u64 {
    run.finished_at.unwrap_or(now).since_ms(run.created_at)
}

/// True for the states that a run never leaves.
pub(crate) fn is_over(status: &str) -> bool {
    matches!(status, "completed" | "failed" | "cancelled" | "rolled_back")
}
