//! `GET /v1/runs/{id}/patches`.

use aob_api::{Page, Problem, RunPatch};
use aob_edge::{Answer, Caller, Cursor, Query};
use axum::Json;
use axum::extract::State;
use http::Uri;

use super::shown;
use crate::api::Api;
use crate::input::{RunPath, follows, limit, page};

const CURSOR: Cursor = Cursor { list: "patches" };

/// Statuses of a patch.
const STATUSES: [&str; 4] = ["waiting", "applied", "rejected", "reverted"];

/// Lists the patches of a run in the order of their proposals, without their operations.
#[utoipa::path(
    get, path = "/v1/runs/{run}/patches", tag = "patches", operation_id = "runs_patches_list",
    params(
        ("run" = String, Path),
        ("status" = Option<String>, Query, description = "`waiting applied rejected reverted`"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query),
    ),
    responses(
        (status = 200, body = Page<RunPatch>),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    RunPath(run): RunPath,
    uri: Uri,
) -> Answer<Json<Page<RunPatch>>> {
    let query = Query::of(&uri, &["status", "limit", "cursor"])?;
    let hint = format!("one of {}", STATUSES.join(", "));
    let known = |text: &str| STATUSES.iter().copied().find(|status| *status == text);
    let status = query.parsed("status", &hint, known)?;
    let limit = limit(&query)?;
    let after = follows(&query, CURSOR, |at| at.parse().ok())?;
    let loaded = api.reads.loaded(&caller, run).await?;
    // Patches are numbered from 1 in the order of their proposals.
    let rows = (1..).zip(loaded.state.patches());
    let rows = rows
        .filter(|(number, _)| after.is_none_or(|after| *number > after))
        .filter(|(_, patch)| status.is_none_or(|status| patch.status.as_str() == status));
    let (rows, more) = page(rows.take(limit + 1).collect(), limit);
    let next_cursor = rows.last().filter(|_| more).map(|(at, _)| CURSOR.write(&at.to_string()));
    let items = rows.into_iter().map(|(_, patch)| shown(run, patch, None)).collect();
    Ok(Json(Page { items, next_cursor }))
}
