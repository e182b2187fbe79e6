//! `GET /v1/workflows/{tag}/versions`, `GET /v1/tags/{tag}/history`.

use aob_api::{Page, Problem, WorkflowVersion};
use aob_edge::{Answer, Caller, Cursor, Query};
use axum::Json;
use axum::extract::State;
use http::Uri;

use super::version;
use crate::api::{Api, tenant};
use crate::errors::workflow_not_found;
use crate::input::{PathText, limit, page};

const CURSOR: Cursor = Cursor { list: "versions" };

/// Lists the versions of a tag, newest first.
#[utoipa::path(
    get, path = "/v1/workflows/{tag}/versions", tag = "workflows",
    operation_id = "workflows_versions",
    params(
        ("tag" = String, Path),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query),
    ),
    responses(
        (status = 200, body = Page<WorkflowVersion>),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    PathText(tag): PathText,
    uri: Uri,
) -> Answer<Json<Page<WorkflowVersion>>> {
    listed(&api, &caller, &tag, &uri).await
}

/// Lists every move of a tag, newest first: who moved it where, and when.
#[utoipa::path(
    get, path = "/v1/tags/{tag}/history", tag = "workflows", operation_id = "tags_history",
    params(
        ("tag" = String, Path),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query),
    ),
    responses(
        (status = 200, body = Page<WorkflowVersion>),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn history(
    State(api): State<Api>,
    caller: Caller,
    PathText(tag): PathText,
    uri: Uri,
) -> Answer<Json<Page<WorkflowVersion>>> {
    listed(&api, &caller, &tag, &uri).await
}

async fn listed(
    api: &Api,
    caller: &Caller,
    tag: &str,
    uri: &Uri,
) -> Answer<Json<Page<WorkflowVersion>>> {
    let query = Query::of(uri, &["limit", "cursor"])?;
    let before = query.one("cursor")?.map(|text| CURSOR.read(text)).transpose()?;
    let before = before.map(|at| at.parse::<u64>().map_err(|_| CURSOR.invalid())).transpose()?;
    let limit = limit(&query)?;
    let rows = api.store.tag_versions(tenant(caller), tag).await?;
    if rows.is_empty() {
        return Err(workflow_not_found(tag));
    }
    let rows = rows.into_iter().filter(|row| before.is_none_or(|before| row.version < before));
    let (rows, more) = page(rows.take(limit + 1).collect(), limit);
    let last = rows.last().filter(|_| more).map(|row| CURSOR.write(&row.version.to_string()));
    let items = rows.into_iter().map(version).collect::<Result<_, _>>()?;
    Ok(Json(Page { items, next_cursor: last }))
}
