//! Patches of workflows.

pub(crate) mod follow;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod propose;

use aob_api::{
    ClaimedOrigin, ErrorCode, Problem, ProblemItem, RawText, WorkflowPatch, WorkflowPatchLinks,
};
use aob_coordinator::{PatchRefusal, refused};
use aob_edge::{Caller, Refusal};
use aob_engine::{PatchOrigin, Timestamp};
use aob_store::{PatchRow, PatchStatus, TagVersion};
use aob_validator::Author;

use crate::errors::workflow_error;

/// A patch as it is shown, with its operations.
pub(crate) fn view(row: PatchRow) -> Result<WorkflowPatch, Refusal> {
    let operations = RawText::of_json(row.operations.clone());
    Ok(WorkflowPatch { operations: Some(operations), ..listed(row)? })
}

/// A patch as lists show it.
pub(crate) fn listed(row: PatchRow) -> Result<WorkflowPatch, Refusal> {
    let unreadable = |what: &str| {
        tracing::error!(patch = row.id, what, "a patch cannot be read");
        Refusal::internal()
    };
    let base = row.base.parse().map_err(|_| unreadable("base"))?;
    let (version, result, problem) = match &row.status {
        PatchStatus::Pending => (None, None, None),
        PatchStatus::Applied { version, digest } => {
            (Some(*version), Some(digest.parse().map_err(|_| unreadable("digest"))?), None)
        }
        PatchStatus::Rejected { problem } => {
            let problem = serde_json::from_str(problem).map_err(|_| unreadable("problem"))?;
            (None, None, Some(problem))
        }
    };
    let this = format!("/v1/workflows/{}/patches/{}", row.tag, row.id);
    let diff = version.map(|version| format!("/v1/workflows/{}/diff?to={version}", row.tag));
    Ok(WorkflowPatch {
        status: row.status.as_str().to_owned(),
        id: row.id,
        tag: row.tag,
        origin: row.origin,
        by: row.author,
        description: row.description,
        base,
        result,
        version,
        problem,
        operations: None,
        proposed_at: Timestamp(row.created_ms),
        decided_at: row.decided_ms.map(Timestamp),
        links: WorkflowPatchLinks { this, diff },
    })
}

/// The workflow has no such patch.
pub(crate) fn not_found(tag: &str, patch: &str) -> Refusal {
    Problem::new(ErrorCode::UnknownPatch, format!("`{tag}` has no patch `{patch}`"))
        .with_hint(format!("`GET /v1/workflows/{tag}/patches` lists them"))
        .into()
}

/// A patch that is refused. `pointer` is where the body names its base.
pub(crate) fn refusal(refusal: PatchRefusal, pointer: &str) -> Refusal {
    match (refused(&refusal), refusal) {
        (Some(problem), _) => problem.into(),
        (None, PatchRefusal::Workflow(error)) => workflow_error(error, pointer),
        (
            None,
            PatchRefusal::Malformed(_) | PatchRefusal::Rejected(_) | PatchRefusal::Conflicts(_),
        ) => Refusal::internal(),
    }
}

/// The digest that a version stands for.
pub(crate) fn digest_of(row: &TagVersion) -> Result<aob_ir::Digest, Refusal> {
    row.digest.parse().map_err(|_| {
        tracing::error!(tag = row.tag, version = row.version, "a version cannot be read");
        Refusal::internal()
    })
}

/// What kind of author a caller is, given what it claims to be.
pub(crate) fn author_of(
    caller: &Caller,
    claimed: Option<ClaimedOrigin>,
) -> Result<Author, Refusal> {
    Ok(match origin_of(caller, claimed)? {
        PatchOrigin::Person => Author::Person,
        PatchOrigin::Agent => Author::Agent { node: None },
        PatchOrigin::Optimizer => Author::Optimizer,
    })
}

/// Whose a caller's patch is. What a machine's key sends is an agent's, and it can claim nothing else.
pub(crate) fn origin_of(
    caller: &Caller,
    claimed: Option<ClaimedOrigin>,
) -> Result<PatchOrigin, Refusal> {
    match (caller.actor().is_machine(), claimed) {
        (true, None) => Ok(PatchOrigin::Agent),
        (true, Some(_)) => {
            let detail = "what the key of an agent or a runner hands in is an agent's patch";
            let item = ProblemItem::at("/origin", "forbidden", detail);
            Err(Problem::new(ErrorCode::Forbidden, detail)
                .with_hint("leave `origin` out")
                .with_errors(vec![item])
                .into())
        }
        (false, None | Some(ClaimedOrigin::Person)) => Ok(PatchOrigin::Person),
        (false, Some(ClaimedOrigin::Optimizer)) => Ok(PatchOrigin::Optimizer),
    }
}
