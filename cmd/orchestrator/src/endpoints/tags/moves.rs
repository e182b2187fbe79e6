//! `POST /v1/tags/{tag}/move`.

use aob_api::{ErrorCode, MoveTag, Problem, ProblemItem, TagView};
use aob_coordinator::{WorkflowError, WorkflowRef};
use aob_edge::{Answer, Caller, JsonBody, Refusal};
use aob_store::VersionKind;
use aob_store::tagging::{NewVersion, TagStep};
use axum::extract::State;
use serde_json::{Value, json};

use super::change::Asked;
use crate::api::Api;
use crate::errors::workflow_error;
use crate::input::PathText;
use crate::starting::named;

/// Points a tag at a document that exists: another version of it, a digest, or where another tag
/// stands. That is a new version, so an undo leads back. `If-Match: "3"` asks that the tag is at
/// version 3. Where it stands at that document already, nothing changes.
#[utoipa::path(
    post, path = "/v1/tags/{tag}/move", tag = "workflows", operation_id = "tags_move",
    params(
        ("tag" = String, Path),
        ("If-Match" = Option<String>, Header), ("Idempotency-Key" = Option<String>, Header),
    ),
    request_body = MoveTag,
    responses(
        (status = 200, body = TagView),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    PathText(tag): PathText,
    asked: Asked,
    body: JsonBody<MoveTag>,
) -> Answer {
    let JsonBody { value: MoveTag { to, description }, hash } = body;
    let to = serde_json::from_str(to.0.get()).unwrap_or_default();
    let (reference, source) = target(&tag, &to)?;
    let digest = api.coordinator.workflows.digest(caller.workspace(), &reference).await;
    let digest = digest.map_err(|error| match error {
        // What does not exist is named in the body; the tag in the path is another matter.
        WorkflowError::UnknownTag(name) => unknown(&name),
        WorkflowError::UnknownDigest(digest) => unknown(&digest.to_string()),
        other @ (WorkflowError::Invalid(_)
        | WorkflowError::Cycle(_)
        | WorkflowError::UnknownChild(_)
        | WorkflowError::Unreadable(_)
        | WorkflowError::Store(_)) => workflow_error(other, "/to"),
    })?;
    let new = NewVersion {
        digest: digest.to_string(),
        kind: VersionKind::Moved,
        source: Some(source),
        description,
        actor: caller.actor().to_string(),
    };
    asked.change(&api, &caller, &tag, (TagStep::Enter(new), hash)).await
}

/// What `to` names, and how it is written in full.
fn target(tag: &str, to: &Value) -> Result<(WorkflowRef, String), Refusal> {
    if let Some(version) = to.as_u64() {
        let reference = WorkflowRef::Tag { tag: tag.to_owned(), version: Some(version) };
        return Ok((reference, format!("{tag}@{version}")));
    }
    if let Some(name) = to.as_str() {
        return Ok((named(name), name.to_owned()));
    }
    let item = ProblemItem::at("/to", "wrong_type", "`to` is neither a version nor a name")
        .with_hint("give a version of the tag, a digest, a tag, or a version of one")
        .with_example(&json!({"to": 2}));
    Err(Problem::new(ErrorCode::InvalidRequest, item.message.clone())
        .with_errors(vec![item])
        .into())
}

fn unknown(name: &str) -> Refusal {
    let item = ProblemItem::at("/to", "workflow_not_found", format!("there is no `{name}`"));
    Problem::new(ErrorCode::WorkflowNotFound, item.message.clone())
        .with_hint("`GET /v1/workflows/{tag}/versions` lists the versions of a tag")
        .with_errors(vec![item])
        .into()
}
