//! `GET /v1/workflows`.

use aob_api::{Page, Problem, WorkflowVersion};
use aob_edge::{Answer, Caller, Cursor, Query};
use axum::Json;
use axum::extract::State;
use http::Uri;

use super::version;
use crate::api::{Api, tenant};
use crate::input::{follows, limit, page, rows_wanted};

const CURSOR: Cursor = Cursor { list: "tags" };

/// Lists tags by name, each with the version that it is at.
#[utoipa::path(
    get, path = "/v1/workflows", tag = "workflows", operation_id = "workflows_list",
    params(
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
    uri: Uri,
) -> Answer<Json<Page<WorkflowVersion>>> {
    let query = Query::of(&uri, &["limit", "cursor"])?;
    let after = follows(&query, CURSOR, |at| Some(at.to_owned()))?;
    let limit = limit(&query)?;
    let rows = api.store.tags(tenant(&caller), after.as_deref(), rows_wanted(limit)).await?;
    let (rows, more) = page(rows, limit);
    let last = rows.last().filter(|_| more).map(|row| CURSOR.write(&row.current.tag));
    let items = rows.into_iter().map(|row| version(row.current)).collect::<Result<_, _>>()?;
    Ok(Json(Page { items, next_cursor: last }))
}
