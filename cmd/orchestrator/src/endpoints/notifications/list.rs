//! `GET /v1/notifications/endpoints`.

use aob_api::{EndpointView, Page, Problem};
use aob_edge::{Answer, Caller, Cursor, Query};
use axum::Json;
use axum::extract::State;
use http::Uri;

use super::endpoint_view;
use crate::api::{Api, tenant};
use crate::input::{follows, limit, page, rows_wanted};

const CURSOR: Cursor = Cursor { list: "endpoints" };

/// Lists who is told of tickets, by id. What may be a secret in a URL is left out.
#[utoipa::path(
    get, path = "/v1/notifications/endpoints", tag = "notifications",
    operation_id = "notifications_endpoints_list",
    params(
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query),
    ),
    responses(
        (status = 200, body = Page<EndpointView>),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    uri: Uri,
) -> Answer<Json<Page<EndpointView>>> {
    let query = Query::of(&uri, &["limit", "cursor"])?;
    let after = follows(&query, CURSOR, |at| Some(at.to_owned()))?;
    let limit = limit(&query)?;
    let rows = api.store.endpoints(tenant(&caller), after.as_deref(), rows_wanted(limit)).await?;
    let (rows, more) = page(rows, limit);
    let next_cursor = rows.last().filter(|_| more).map(|row| CURSOR.write(&row.id));
    let items = rows.into_iter().map(endpoint_view).collect::<Result<_, _>>()?;
    Ok(Json(Page { items, next_cursor }))
}
