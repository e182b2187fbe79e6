//! `GET /v1/workflows/{tag}/versions`.

use aob_api::{Page, Problem, WorkflowVersion};
use aob_edge::{Answer, Caller, Cursor, Query};
use axum::Json;
use axum::extract::State;
use http::Uri;

use super::version;
use crate::api::{Api, tenant};
use crate::errors::workflow_not_found;
use crate::input::{PathText, follows, limit, page, rows_wanted};

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
    let before = follows(&query, CURSOR, |at| at.parse().ok())?;
    let limit = limit(&query)?;
    let rows = api.store.tag_versions(tenant(&caller), &tag, before, rows_wanted(limit)).await?;
    if rows.is_empty() && before.is_none() {
        return Err(workflow_not_found(&tag));
    }
    let (rows, more) = page(rows, limit);
    let last = rows.last().filter(|_| more).map(|row| CURSOR.write(&row.version.to_string()));
    let items = rows.into_iter().map(version).collect::<Result<_, _>>()?;
    Ok(Json(Page { items, next_cursor: last }))
}
