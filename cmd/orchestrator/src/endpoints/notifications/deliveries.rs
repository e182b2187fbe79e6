//! `GET /v1/notifications/deliveries`.

use aob_api::{DeliveryStatus, DeliveryView, Page, Problem};
use aob_coordinator::stream;
use aob_edge::{Answer, Caller, Cursor, Query};
use aob_engine::RunId;
use aob_store::{DeliveryFilter, TimeMs};
use axum::Json;
use axum::extract::State;
use http::Uri;

use super::delivery_view;
use crate::api::{Api, tenant};
use crate::input::{follows, limit, page, rows_wanted};

const CURSOR: Cursor = Cursor { list: "deliveries" };

/// Lists what was sent, what waits to be sent, and what was given up; the newest event first. What
/// is over is kept for 30 days.
#[utoipa::path(
    get, path = "/v1/notifications/deliveries", tag = "notifications",
    operation_id = "notifications_deliveries_list",
    params(
        ("endpoint" = Option<String>, Query, description = "Only to this endpoint"),
        ("ticket" = Option<String>, Query, description = "Only about this ticket"),
        ("run" = Option<String>, Query, description = "Only about tickets of this run"),
        ("status" = Option<String>, Query, description = "`pending delivered failed dropped`"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query),
    ),
    responses(
        (status = 200, body = Page<DeliveryView>),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    uri: Uri,
) -> Answer<Json<Page<DeliveryView>>> {
    let names = ["endpoint", "ticket", "run", "status", "limit", "cursor"];
    let query = Query::of(&uri, &names)?;
    let hint = format!("one of {}", DeliveryStatus::ALL.map(DeliveryStatus::as_str).join(", "));
    let status = query.parsed("status", &hint, DeliveryStatus::of_name)?;
    let run = query.parsed("run", "give the id of a run", |text| text.parse::<RunId>().ok())?;
    let limit = limit(&query)?;
    let filter = DeliveryFilter {
        endpoint: query.one("endpoint")?.map(str::to_owned),
        ticket: query.one("ticket")?.map(str::to_owned),
        run: run.map(stream),
        status: status.map(|status| status.as_str().to_owned()),
        before: follows(&query, CURSOR, read)?,
        limit: rows_wanted(limit),
    };
    let (rows, more) = page(api.store.deliveries(tenant(&caller), &filter).await?, limit);
    let last = rows.last().filter(|_| more);
    let next_cursor = last.map(|row| CURSOR.write(&format!("{}:{}", row.at_ms, row.id)));
    let items = rows.into_iter().map(delivery_view).collect::<Result<_, _>>()?;
    Ok(Json(Page { items, next_cursor }))
}

/// The time and id behind which a page begins.
fn read(at: &str) -> Option<(TimeMs, String)> {
    let (at_ms, id) = at.split_once(':')?;
    Some((at_ms.parse().ok()?, id.to_owned()))
}
