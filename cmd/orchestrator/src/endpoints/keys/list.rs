//! `GET /v1/keys`.

use aob_api::{KeyView, Page, Problem};
use aob_edge::{Answer, Caller, Cursor, Query};
use axum::Json;
use axum::extract::State;
use http::Uri;

use super::view;
use crate::api::{Api, tenant};
use crate::input::{follows, limit, page};

const CURSOR: Cursor = Cursor { list: "keys" };

/// Lists the workspace's API keys, revoked ones too.
#[utoipa::path(
    get, path = "/v1/keys", tag = "keys", operation_id = "keys_list",
    params(
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query),
    ),
    responses(
        (status = 200, body = Page<KeyView>),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    uri: Uri,
) -> Answer<Json<Page<KeyView>>> {
    let query = Query::of(&uri, &["limit", "cursor"])?;
    let after = follows(&query, CURSOR, |at| Some(at.to_owned()))?;
    let limit = limit(&query)?;
    let rows = api.store.keys(tenant(&caller)).await?.into_iter();
    let rows = rows.filter(|row| after.as_ref().is_none_or(|after| row.key_id > *after));
    let (rows, more) = page(rows.take(limit + 1).collect(), limit);
    let last = rows.last().filter(|_| more).map(|row| CURSOR.write(&row.key_id));
    Ok(Json(Page { items: rows.into_iter().map(view).collect(), next_cursor: last }))
}
