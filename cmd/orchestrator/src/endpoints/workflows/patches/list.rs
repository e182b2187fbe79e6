//! `GET /v1/workflows/{tag}/patches`.

use aob_api::{Page, Problem, WorkflowPatch};
use aob_edge::{Answer, Caller, Cursor, Query};
use axum::Json;
use axum::extract::State;
use http::Uri;

use super::listed;
use crate::api::{Api, tenant};
use crate::errors::workflow_not_found;
use crate::input::{PathText, follows, limit, page, rows_wanted};

const CURSOR: Cursor = Cursor { list: "patches" };

/// Lists the patches of a workflow, newest first, without their operations.
#[utoipa::path(
    get, path = "/v1/workflows/{tag}/patches", tag = "workflows",
    operation_id = "workflows_patches_list",
    params(
        ("tag" = String, Path),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query),
    ),
    responses(
        (status = 200, body = Page<WorkflowPatch>),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    PathText(tag): PathText,
    uri: Uri,
) -> Answer<Json<Page<WorkflowPatch>>> {
    let query = Query::of(&uri, &["limit", "cursor"])?;
    let before = follows(&query, CURSOR, |at| Some(at.to_owned()))?;
    let limit = limit(&query)?;
    let (before, wanted) = (before.as_deref(), rows_wanted(limit));
    let rows = api.store.patches(tenant(&caller), &tag, before, wanted).await?;
    if rows.is_empty() && api.store.tag(tenant(&caller), &tag).await?.is_none() {
        return Err(workflow_not_found(&tag));
    }
    let (rows, more) = page(rows, limit);
    let last = rows.last().filter(|_| more).map(|row| CURSOR.write(&row.id));
    let items = rows.into_iter().map(listed).collect::<Result<_, _>>()?;
    Ok(Json(Page { items, next_cursor: last }))
}
