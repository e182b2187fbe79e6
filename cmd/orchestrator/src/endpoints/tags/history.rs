//! `GET /v1/tags/{tag}/history`.

use aob_api::{Page, Problem, TagMoveView};
use aob_edge::{Answer, Caller, Cursor, Query};
use aob_engine::Timestamp;
use aob_store::TagMove;
use axum::Json;
use axum::extract::State;
use http::Uri;

use super::canary_view;
use crate::api::{Api, tenant};
use crate::errors::workflow_not_found;
use crate::input::{PathText, follows, limit, page, rows_wanted};

const CURSOR: Cursor = Cursor { list: "moves" };

/// Lists every move of a tag, newest first: who moved it where, and when.
#[utoipa::path(
    get, path = "/v1/tags/{tag}/history", tag = "workflows", operation_id = "tags_history",
    params(
        ("tag" = String, Path),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query),
    ),
    responses(
        (status = 200, body = Page<TagMoveView>),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    PathText(tag): PathText,
    uri: Uri,
) -> Answer<Json<Page<TagMoveView>>> {
    let query = Query::of(&uri, &["limit", "cursor"])?;
    let before = follows(&query, CURSOR, |at| at.parse().ok())?;
    let limit = limit(&query)?;
    let rows = api.store.tag_moves(tenant(&caller), &tag, before, rows_wanted(limit)).await?;
    if rows.is_empty() && before.is_none() {
        return Err(workflow_not_found(&tag));
    }
    let (rows, more) = page(rows, limit);
    let last = rows.last().filter(|_| more).map(|row| CURSOR.write(&row.revision.to_string()));
    Ok(Json(Page { items: rows.into_iter().map(shown).collect(), next_cursor: last }))
}

fn shown(row: TagMove) -> TagMoveView {
    TagMoveView {
        revision: row.revision,
        kind: row.kind.as_str().to_owned(),
        from: row.from,
        to: row.to,
        canary: row.canary.map(canary_view),
        actor: row.actor,
        at: Timestamp(row.at_ms),
    }
}
