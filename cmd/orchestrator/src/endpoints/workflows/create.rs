//! `POST /v1/workflows`.

use aob_api::{CreatedWorkflow, Problem, RawText};
use aob_edge::{Answer, Caller, Query, Refusal};
use aob_store::tagging::{NewVersion, TagChange, TagChanged, TagStep, tag_change};
use aob_store::{TagRow, VersionKind};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, Uri};

use super::version;
use crate::api::{Api, tenant};
use crate::document::Document;
use crate::endpoints::tags::change::{etag, expected, refused};
use crate::errors::{items, workflow_error};
use crate::idempotency::Once;

/// Characters of a tag.
const TAG_LEN_MAX: usize = 128;

/// Stores a document under a tag, as its next version. The body is the document, JSON or YAML.
/// `If-Match: "3"` asks that the tag is at version 3, `If-None-Match: *` that it does not exist.
/// Storing the document that the tag is at changes nothing, so a repetition is harmless.
#[utoipa::path(
    post, path = "/v1/workflows", tag = "workflows", operation_id = "workflows_create",
    params(
        ("tag" = String, Query, description = "1 to 128 of `a-z A-Z 0-9 . _ -`"),
        ("If-Match" = Option<String>, Header), ("If-None-Match" = Option<String>, Header),
    ),
    request_body = RawText,
    responses(
        (status = 201, body = CreatedWorkflow),
        (status = 200, body = CreatedWorkflow, description = "The tag stood at this document before."),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    uri: Uri,
    headers: HeaderMap,
    _once: Once,
    document: Document,
) -> Answer {
    let query = Query::of(&uri, &["tag"])?;
    let tag = query.one("tag")?.map(str::to_owned);
    let tag = checked_tag(tag.unwrap_or_else(|| document.compiled.ir.name.to_string()))?;
    let change_expected = expected(&headers)?;
    let workspace = caller.workspace();
    let ir = &document.compiled.ir;
    let workflows = &api.coordinator.workflows;
    let stored = workflows.store(workspace, ir, api.now_ms()).await;
    stored.map_err(|error| workflow_error(error, ""))?;
    let children = workflows.children(workspace, ir).await;
    children.map_err(|error| workflow_error(error, ""))?;
    let new = NewVersion {
        digest: ir.digest.to_string(),
        kind: VersionKind::Created,
        source: None,
        description: None,
        actor: caller.actor().to_string(),
    };
    let change = TagChange {
        tag,
        step: TagStep::Enter(new),
        expected: change_expected,
        now_ms: api.now_ms(),
    };
    let warnings = items(document.compiled.warnings, "");
    let created = |row: TagRow, unchanged| {
        Ok::<_, Refusal>(CreatedWorkflow { version: version(row.current)?, unchanged, warnings })
    };
    // A repetition finds the tag where it is and changes nothing, so no key is kept.
    match tag_change(&*api.store, tenant(&caller), &change, &|_| None).await? {
        TagChanged::Moved(row) => Ok(answer(StatusCode::CREATED, created(row, false)?)),
        TagChanged::Unchanged(row) => Ok(answer(StatusCode::OK, created(row, true)?)),
        TagChanged::Refused(refusal) => Err(refused(&change.tag, refusal)),
        TagChanged::Key(_) => Err(Refusal::internal()),
    }
}

fn answer(status: StatusCode, created: CreatedWorkflow) -> Response {
    let etag = etag(created.version.version);
    let mut response = (status, Json(created)).into_response();
    response.headers_mut().extend(etag);
    response
}

fn checked_tag(tag: String) -> Result<String, Refusal> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if !tag.is_empty() && tag.len() <= TAG_LEN_MAX && tag.chars().all(plain) {
        return Ok(tag);
    }
    let what = if tag.is_empty() { "is missing".to_owned() } else { format!("is `{tag}`") };
    let hint = "give 1 to 128 of `a-z A-Z 0-9 . _ -`, such as `?tag=onboarding`";
    Err(Query::refuse("tag", &what, hint))
}
