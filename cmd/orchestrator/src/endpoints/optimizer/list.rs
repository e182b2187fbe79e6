//! `GET /v1/optimizer/modules`.

use aob_api::{ModuleView, Page, Problem};
use aob_edge::{Answer, Caller, Cursor, Query};
use axum::Json;
use axum::extract::State;
use http::Uri;

use super::view;
use crate::api::{Api, tenant};
use crate::input::{follows, limit, page, rows_wanted};

const CURSOR: Cursor = Cursor { list: "optimizer_modules" };

/// Lists the workspace's modules of the optimizer, by digest; those that no key vouches for any more
/// too.
#[utoipa::path(
    get, path = "/v1/optimizer/modules", tag = "optimizer", operation_id = "optimizer_modules_list",
    params(
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query),
    ),
    responses(
        (status = 200, body = Page<ModuleView>),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    uri: Uri,
) -> Answer<Json<Page<ModuleView>>> {
    let query = Query::of(&uri, &["limit", "cursor"])?;
    let after = follows(&query, CURSOR, |at| Some(at.to_owned()))?;
    let limit = limit(&query)?;
    let rows = api.store.modules(tenant(&caller), after.as_deref(), rows_wanted(limit)).await?;
    let (rows, more) = page(rows, limit);
    let next_cursor = rows.last().filter(|_| more).map(|row| CURSOR.write(&row.digest));
    let items = rows.into_iter().map(|row| view(&api.modules, row)).collect();
    Ok(Json(Page { items, next_cursor }))
}
