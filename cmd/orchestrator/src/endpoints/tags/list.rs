//! `GET /v1/tags`.

use aob_api::{Page, Problem, TagView};
use aob_edge::{Answer, Caller, Cursor, Query};
use axum::Json;
use axum::extract::State;
use http::Uri;

use super::view;
use crate::api::{Api, tenant};
use crate::input::{limit, page};

const CURSOR: Cursor = Cursor { list: "tags" };

/// Lists tags by name, each where it stands.
#[utoipa::path(
    get, path = "/v1/tags", tag = "workflows", operation_id = "tags_list",
    params(
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query),
    ),
    responses(
        (status = 200, body = Page<TagView>),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    uri: Uri,
) -> Answer<Json<Page<TagView>>> {
    let query = Query::of(&uri, &["limit", "cursor"])?;
    let after = query.one("cursor")?.map(|text| CURSOR.read(text)).transpose()?;
    let limit = limit(&query)?;
    let wanted = u32::try_from(limit + 1).unwrap_or(u32::MAX);
    let rows = api.store.tags(tenant(&caller), after.as_deref(), wanted).await?;
    let (rows, more) = page(rows, limit);
    let last = rows.last().filter(|_| more).map(|row| CURSOR.write(&row.current.tag));
    let items = rows.into_iter().map(view).collect::<Result<_, _>>()?;
    Ok(Json(Page { items, next_cursor: last }))
}
