//! `GET /v1/approvals/{ticket}`.

use aob_api::{Problem, TicketView};
use aob_edge::{Answer, Caller, Query};
use axum::Json;
use axum::extract::State;
use http::Uri;

use crate::api::Api;
use crate::input::PathText;

/// Shows everything that an approver has to see.
#[utoipa::path(
    get, path = "/v1/approvals/{ticket}", tag = "approvals", operation_id = "approvals_get",
    params(("ticket" = String, Path)),
    responses(
        (status = 200, body = TicketView),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    PathText(ticket): PathText,
    uri: Uri,
) -> Answer<Json<TicketView>> {
    Query::of(&uri, &[])?;
    let row = api.reads.ticket_row(&caller, &ticket).await?;
    Ok(Json(api.reads.ticket_view(&caller, row).await?))
}
