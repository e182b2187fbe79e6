//! `POST /v1/workflows`.

use aob_api::{CreatedWorkflow, ErrorCode, Problem, ProblemItem, RawText};
use aob_edge::{Answer, Caller, Query, Refusal};
use aob_store::{TagChange, TagMove};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};

use super::version;
use crate::api::{Api, tenant};
use crate::document::Document;
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
    let change = TagChange {
        tag,
        digest: ir.digest.to_string(),
        expected: change_expected,
        actor: caller.actor().to_string(),
        now_ms: api.now_ms(),
    };
    let warnings = items(document.compiled.warnings, "");
    match api.store.tag_move(tenant(&caller), &change).await? {
        TagMove::Moved(row) => {
            let created = CreatedWorkflow { version: version(row)?, unchanged: false, warnings };
            Ok(answer(StatusCode::CREATED, created))
        }
        TagMove::Unchanged(row) => {
            let created = CreatedWorkflow { version: version(row)?, unchanged: true, warnings };
            Ok(answer(StatusCode::OK, created))
        }
        TagMove::Conflict(at) => Err(conflict(&change, at.map_or(0, |row| row.version))),
    }
}

fn answer(status: StatusCode, created: CreatedWorkflow) -> Response {
    let tag = HeaderValue::from_str(&format!("\"{}\"", created.version.version));
    let mut response = (status, Json(created)).into_response();
    if let Ok(tag) = tag {
        response.headers_mut().insert(ETAG, tag);
    }
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

/// The version that the client has seen; 0: none.
fn expected(headers: &HeaderMap) -> Result<Option<u64>, Refusal> {
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or("?"));
    match (text(IF_MATCH), text(IF_NONE_MATCH)) {
        (None, None) => Ok(None),
        (None, Some("*")) => Ok(Some(0)),
        (Some(seen), None) => match seen.trim().trim_matches('"').parse() {
            Ok(version) => Ok(Some(version)),
            Err(_) => Err(bad_condition("`If-Match` is not the `ETag` of a tag, such as `\"3\"`")),
        },
        (_, Some(_)) => Err(bad_condition("`If-None-Match` may be `*` only, without `If-Match`")),
    }
}

fn bad_condition(detail: &str) -> Refusal {
    Problem::new(ErrorCode::InvalidHeader, detail)
        .with_hint("`GET /v1/workflows/{tag}` answers the `ETag`")
        .into()
}

fn conflict(change: &TagChange, current: u64) -> Refusal {
    let at = match current {
        0 => "does not exist".to_owned(),
        version => format!("is at version {version}"),
    };
    let detail = format!("the tag `{}` {at}", change.tag);
    let item = ProblemItem::new("version", &*detail);
    let problem = Problem::new(ErrorCode::PreconditionFailed, detail)
        .with_hint("look at what changed, then send the version that you have seen")
        .with_errors(vec![item]);
    Problem { current_version: Some(current), ..problem }.into()
}
