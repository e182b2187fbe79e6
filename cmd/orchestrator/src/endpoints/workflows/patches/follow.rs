//! What a patch of a workflow has come to: at once, or when it is decided.

use std::time::Duration;

use aob_api::{ErrorCode, Problem, WorkflowPatch};
use aob_edge::{Answer, Caller, Refusal};
use aob_store::{PatchRow, PatchStatus};
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};
use tokio::time::Instant;

use super::view;
use crate::api::{Parts, tenant};

/// How often a patch is looked at that another process decides.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

impl Parts {
    /// The answer to a request that was carried out before: where its patch stands now.
    pub(crate) async fn follow_patch(
        &self,
        caller: &Caller,
        stored: &str,
        wait: Option<Duration>,
    ) -> Answer {
        let stored: serde_json::Value = serde_json::from_str(stored).unwrap_or_default();
        let id = stored["patch"].as_str().unwrap_or_default();
        let row = self.store.patch(tenant(caller), id).await?;
        self.answer_patch(caller, row.ok_or_else(Refusal::internal)?, wait).await
    }

    /// Where a patch stands; once it is decided, if the client waits.
    pub(crate) async fn answer_patch(
        &self,
        caller: &Caller,
        row: PatchRow,
        wait: Option<Duration>,
    ) -> Answer {
        let row = match wait {
            Some(limit) => self.decided(caller, row, limit).await?,
            None => row,
        };
        let view = view(row)?;
        let status = match view.status.as_str() {
            "pending" => StatusCode::ACCEPTED,
            "applied" => StatusCode::CREATED,
            _ => {
                let bare = || Problem::new(ErrorCode::PatchRefused, "the patch was rejected");
                return Err(view.problem.unwrap_or_else(bare).into());
            }
        };
        Ok(located(status, view))
    }

    /// The patch once it is decided, or after `limit` as it is then.
    pub(crate) async fn decided(
        &self,
        caller: &Caller,
        mut row: PatchRow,
        limit: Duration,
    ) -> Result<PatchRow, Refusal> {
        let deadline = Instant::now() + limit;
        loop {
            let mut news = std::pin::pin!(self.coordinator.materializer.decided.notified());
            // From here on no decision is missed, so the row is read after.
            news.as_mut().enable();
            let found = self.store.patch(tenant(caller), &row.id).await?;
            row = found.unwrap_or(row);
            let now = Instant::now();
            if row.status != PatchStatus::Pending || now >= deadline {
                return Ok(row);
            }
            tokio::select! {
                () = news => {}
                () = tokio::time::sleep_until(deadline.min(now + LOOK_AGAIN)) => {}
                () = self.shutdown.cancelled() => return Ok(row),
            }
        }
    }
}

fn located(status: StatusCode, view: WorkflowPatch) -> Response {
    let location = HeaderValue::from_str(&view.links.this);
    let mut response = (status, Json(view)).into_response();
    if let Ok(location) = location {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}
