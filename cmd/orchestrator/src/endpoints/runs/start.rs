//! `POST /v1/runs`.

use aob_api::{ErrorView, Problem, StartRun, StartedRun};
use aob_edge::{Answer, Caller, JsonBody, Query, Refusal};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::LOCATION;
use http::{HeaderValue, StatusCode, Uri};

use crate::api::{Api, Parts};
use crate::idempotency::{Met, Once};
use crate::starting::Started;
use crate::wait::Wait;

/// Starts a run: of a tag, a version of one, a stored document, or a document given inline.
#[utoipa::path(
    post, path = "/v1/runs", tag = "runs", operation_id = "runs_start",
    params(
        ("Idempotency-Key" = Option<String>, Header),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: answer when the run is over, with what came out, or after N seconds as it is then"),
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
            if let Some(limit) = wait {
                if !committed.status.is_terminal() {
                    api.wait_until_over(&caller, started.id, limit).await?;
                }
                api.tell_outcome(&caller, &mut started).await?;
            }
            Ok(located(StatusCode::CREATED, started))
        }
        Started::Attached(started) => Ok(located(StatusCode::OK, started)),
        Started::Before(row) => api.replay(&caller, &row).await,
    }
}

impl Parts {
    /// Fills in how the run stands, and what came out of it where it is over.
    async fn tell_outcome(&self, caller: &Caller, started: &mut StartedRun) -> Result<(), Refusal> {
        let loaded = self.reads.loaded(caller, started.id).await?;
        let state = &loaded.state;
        let wanted = state.output().into_iter();
        let values = self.reads.values(caller, started.id, wanted, &loaded.blobs).await?;
        started.status = state.status().as_str().to_owned();
        (started.output, started.output_ref) = values.show(state.output());
        started.error = state.error().map(|(code, message)| ErrorView {
            code: code.to_string(),
            message: message.to_string(),
        });
        Ok(())
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
