//! `POST /v1/approvals/{ticket}/decision`.

use aob_answers::ticket_detail;
use aob_api::{Decide, Decided, Problem};
use aob_edge::{Answer, Caller, JsonBody, Query};
use aob_engine::{Blob, CastVote, Command, RunId, TicketId};
use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::Uri;
use serde_json::json;

use crate::api::{Api, tenant};
use crate::command::{Carried, Sent, outcome};
use crate::idempotency::Once;
use crate::input::PathText;

/// Approves or rejects. The decision counts for what `subject_hash` names.
#[utoipa::path(
    post, path = "/v1/approvals/{ticket}/decision", tag = "approvals",
    operation_id = "approvals_decide",
    params(("ticket" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = Decide,
    responses(
        (status = 200, body = Decided),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    PathText(ticket): PathText,
    uri: Uri,
    once: Once,
    body: JsonBody<Decide>,
) -> Answer {
    Query::of(&uri, &[])?;
    let row = api.reads.ticket_row(&caller, &ticket).await?;
    let run = RunId(row.run.0);
    let ticket = TicketId(row.ticket.into());
    let Decide { decision, reason, data, edits, subject_hash } = body.value;
    let edits = edits.unwrap_or_default();
    let edited = !edits.is_empty();
    let command = Command::Vote(CastVote {
        ticket: ticket.clone(),
        vote: decision,
        reason: reason.map(Into::into),
        data: data.map(|data| Blob::new(data.0)),
        edits: edits.into_iter().map(|(at, value)| (at.into(), value)).collect(),
        subject_hash,
        roles: caller.approver_roles(),
    });
    let stored = json!({"ticket": ticket, "run": {"id": run, "changed": true}}).to_string();
    let sent = Sent { caller: &caller, once: &once, hash: body.hash, run, command };
    match api.carry(sent, stored).await? {
        Carried::Before(row) => api.replay(&caller, &row).await,
        Carried::Out(committed) => {
            let mut row = api.store.ticket(tenant(&caller), &ticket.0).await?;
            let mut ticket = ticket;
            let replaced = row.as_ref().filter(|_| edited).map(ticket_detail).transpose()?;
            if let Some(next) = replaced.and_then(|detail| detail.replaced_by) {
                row = api.store.ticket(tenant(&caller), &next.0).await?;
                ticket = next;
            }
            let status = row.map_or_else(|| "cancelled".to_owned(), |row| row.status);
            Ok(Json(Decided { ticket, status, run: outcome(&committed) }).into_response())
        }
    }
}
