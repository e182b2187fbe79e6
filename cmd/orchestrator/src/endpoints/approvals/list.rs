//! `GET /v1/approvals`.

use aob_answers::{TICKET_STATUSES, summary};
use aob_api::{Page, Problem, TicketSummary};
use aob_coordinator::stream;
use aob_edge::{Answer, Caller, Cursor, Query};
use aob_engine::RunId;
use axum::Json;
use axum::extract::State;
use http::Uri;

use crate::api::{Api, tenant};
use crate::input::{follows, limit, page, rows_wanted};

const CURSOR: Cursor = Cursor { list: "tickets" };

/// Lists tickets, oldest first.
#[utoipa::path(
    get, path = "/v1/approvals", tag = "approvals", operation_id = "approvals_list",
    params(
        ("status" = Option<String>, Query, description = "`pending approved rejected expired cancelled`"),
        ("run" = Option<String>, Query, description = "Only those of this run"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query),
    ),
    responses(
        (status = 200, body = Page<TicketSummary>),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    uri: Uri,
) -> Answer<Json<Page<TicketSummary>>> {
    let query = Query::of(&uri, &["status", "run", "limit", "cursor"])?;
    let hint = format!("one of {}", TICKET_STATUSES.join(", "));
    let known = |text: &str| TICKET_STATUSES.iter().copied().find(|status| *status == text);
    let status = query.parsed("status", &hint, known)?;
    let run = query.parsed("run", "give the id of a run", |text| text.parse::<RunId>().ok())?;
    let after = follows(&query, CURSOR, |at| Some(at.to_owned()))?;
    let limit = limit(&query)?;
    let rows = api.store.tickets(
        tenant(&caller),
        status,
        run.map(stream),
        after.as_deref(),
        rows_wanted(limit),
    );
    let (rows, more) = page(rows.await?, limit);
    let last = rows.last().filter(|_| more).map(|row| CURSOR.write(&row.ticket));
    let items = rows.into_iter().map(summary).collect::<Result<_, _>>()?;
    Ok(Json(Page { items, next_cursor: last }))
}
