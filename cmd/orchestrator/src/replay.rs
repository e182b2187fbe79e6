//! Giving a stored answer again.
//!
//! What is stored is what does not change: which run, which ticket. How they stand is read anew,
//! because a command's row is written before anybody knows where the command leads.

use aob_api::ErrorCode;
use aob_edge::{Answer, Caller, Refusal};
use aob_engine::RunId;
use aob_store::IdempotencyRow;
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

use crate::api::{Parts, tenant};

const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

impl Parts {
    /// The answer that `row` stands for.
    pub(crate) async fn replay(&self, caller: &Caller, row: &IdempotencyRow) -> Answer {
        let body = self.standing(caller, &row.response).await?;
        let status = StatusCode::from_u16(row.status).unwrap_or(StatusCode::OK);
        Ok(replayed((status, Json(body)).into_response()))
    }

    /// A stored answer, with how its run and its ticket stand.
    pub(crate) async fn standing(&self, caller: &Caller, stored: &str) -> Result<Value, Refusal> {
        let mut body: Value = serde_json::from_str(stored).map_err(|error| {
            tracing::error!(%error, "a stored answer cannot be read");
            Refusal::internal()
        })?;
        if let Some(ticket) = body.get("ticket").and_then(Value::as_str) {
            let ticket = self.store.ticket(tenant(caller), ticket).await?;
            let status = ticket.map_or_else(|| "cancelled".to_owned(), |ticket| ticket.status);
            body["status"] = status.into();
        }
        let of_run = if body.get("run").is_some_and(Value::is_object) {
            &mut body["run"]
        } else {
            &mut body
        };
        self.stand(caller, of_run).await?;
        Ok(body)
    }

    /// Fills in where the run of `body` stands.
    async fn stand(&self, caller: &Caller, body: &mut Value) -> Result<(), Refusal> {
        let run = body.get("id").and_then(Value::as_str).and_then(|id| id.parse::<RunId>().ok());
        let Some(run) = run else { return Ok(()) };
        match self.reads.run_row(caller, run).await {
            Ok(row) => {
                body["status"] = row.status.into();
                if body.get("changed").is_some() {
                    body["seq"] = row.seq.into();
                }
                Ok(())
            }
            Err(Refusal(problem)) if problem.known_code() == Some(ErrorCode::RunNotFound) => {
                Ok(()) // Deleted since; the answer says what it was about.
            }
            Err(refusal) => Err(refusal),
        }
    }
}

/// Marks an answer as one that was given before.
pub(crate) fn replayed(mut response: Response) -> Response {
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}
