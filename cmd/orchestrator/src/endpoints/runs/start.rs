//! `POST /v1/runs`.

use aob_api::{Problem, StartRun, StartedRun};
use aob_edge::{Answer, Caller, JsonBody, Query};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::LOCATION;
use http::{HeaderValue, StatusCode, Uri};

use crate::api::Api;
use crate::idempotency::{Met, Once};
use crate::starting::Started;
use crate::wait::Wait;

/// Starts a run: of a tag, a version of one, a stored document, or a document given inline.
#[utoipa::path(
    post, path = "/v1/runs", tag = "runs", operation_id = "runs_start",
    params(
        ("Idempotency-Key" = Option<String>, Header),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: answer when the run has settled, or after N seconds"),
    ),
    request_body = StartRun,
    responses(
        (status = 201, body = StartedRun),
        (status = 200, body = StartedRun, description = "`dedup`: the run that holds the key."),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    uri: Uri,
    once: Once,
    Wait(wait): Wait,
    body: JsonBody<StartRun>,
) -> Answer {
    Query::of(&uri, &[])?;
    let JsonBody { value: start, hash } = body;
    let _turn = match api.meet(&caller, &once, hash).await? {
        Met::Answer(row) => return api.replay(&caller, &row).await,
        Met::Nothing(turn) => turn,
    };
    let prepared = api.prepare(&caller, start, &once, hash).await?;
    match api.launch(&caller, prepared, hash).await? {
        Started::New(mut started, committed) => {
            let settled = committed.status.is_terminal();
            if let Some(limit) = wait.filter(|_| !settled) {
                api.wait_until_settled(&caller, started.id, 0, limit).await?;
                started.status = api.run_row(&caller, started.id).await?.status;
            }
            Ok(located(StatusCode::CREATED, started))
        }
        Started::Attached(started) => Ok(located(StatusCode::OK, started)),
        Started::Before(row) => api.replay(&caller, &row).await,
    }
}

fn located(status: StatusCode, started: StartedRun) -> Response {
    let location = HeaderValue::from_str(&started.links.this);
    let mut response = (status, Json(started)).into_response();
    if let Ok(location) = location {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}
