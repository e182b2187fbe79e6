//! `GET /v1/workflows/{tag}/versions`.

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

/// Lists the versions of a tag, newest first: those that a later one dropped too.
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
    let query = Query::of(&uri, &["limit", "cursor"])?;
    let before = query.one("cursor")?.map(|text| CURSOR.read(text)).transpose()?;
    let before = before.map(|at| at.parse::<u64>().map_err(|_| CURSOR.invalid())).transpose()?;
    let limit = limit(&query)?;
    let wanted = u32::try_from(limit + 1).unwrap_or(u32::MAX);
    let rows = api.store.tag_versions(tenant(&caller), &tag, before, wanted).await?;
    if rows.is_empty() && before.is_none() {
        return Err(workflow_not_found(&tag));
    }
    let (rows, more) = page(rows, limit);
    let last = rows.last().filter(|_| more).map(|row| CURSOR.write(&row.version.to_string()));
    let items = rows.into_iter().map(version).collect::<Result<_, _>>()?;
    Ok(Json(Page { items, next_cursor: last }))
}
