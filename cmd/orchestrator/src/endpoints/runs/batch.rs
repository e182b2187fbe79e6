//! `POST /v1/runs:batch`.

use aob_api::{
    BATCH_RUNS_MAX, BatchItem, ErrorCode, Problem, ProblemItem, StartRun, StartRuns, StartedRun,
    StartedRuns,
};
use aob_edge::{Answer, BodyHash, Caller, JsonBody, Query, Refusal};
use axum::Json;
use axum::extract::State;
use futures::StreamExt;
use futures::stream;
use http::Uri;
use sha2::{Digest, Sha256};

use crate::api::Api;
use crate::idempotency::{Met, Once};
use crate::starting::Started;

/// Runs of a batch started at once.
const AT_ONCE: usize = 64;

/// Starts up to 1,000 runs, each by itself: the answer says of each what became of it. With an
/// `Idempotency-Key`, a repetition starts only what had not been started.
#[utoipa::path(
    post, path = "/v1/runs:batch", tag = "runs", operation_id = "runs_batch",
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = StartRuns,
    responses(
        (status = 200, body = StartedRuns),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    uri: Uri,
    once: Once,
    body: JsonBody<StartRuns>,
) -> Answer<Json<StartedRuns>> {
    Query::of(&uri, &[])?;
    let runs = body.value.runs;
    if !(1..=BATCH_RUNS_MAX).contains(&runs.len()) {
        let message =
            format!("a batch has 1 to {BATCH_RUNS_MAX} runs, and this one {}", runs.len());
        let item = ProblemItem::at("/runs", "out_of_range", &*message);
        let problem = Problem::new(ErrorCode::InvalidRequest, message);
        return Err(problem.with_errors(vec![item]).into());
    }
    let starts = stream::iter(runs.into_iter().enumerate()).map(|(index, start)| {
        let once = Once {
            endpoint: once.endpoint.clone(),
            key: once.key.as_ref().map(|key| format!("{key}#{index}")),
        };
        let (api, caller) = (&api, &caller);
        async move {
            match one(api, caller, &once, start).await {
                Ok(run) => BatchItem { run: Some(run), problem: None },
                Err(Refusal(problem)) => BatchItem { run: None, problem: Some(*problem) },
            }
        }
    });
    let items: Vec<BatchItem> = starts.buffered(AT_ONCE).collect().await;
    let started = items.iter().filter(|item| item.run.is_some()).count();
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let refused = count(items.len() - started);
    Ok(Json(StartedRuns { items, started: count(started), refused }))
}

async fn one(
    api: &Api,
    caller: &Caller,
    once: &Once,
    start: StartRun,
) -> Result<StartedRun, Refusal> {
    let text = serde_json::to_vec(&start).unwrap_or_default();
    let hash: BodyHash = Sha256::digest(&text).into();
    let _turn = match api.meet(caller, once, hash).await? {
        Met::Answer(row) => return again(api, caller, &row.response).await,
        Met::Nothing(turn) => turn,
    };
    let prepared = api.prepare(caller, start, once, hash).await?;
    match api.launch(caller, prepared, hash).await? {
        Started::New(started, _) | Started::Attached(started) => Ok(started),
        Started::Before(row) => again(api, caller, &row.response).await,
    }
}

/// The run that a repetition had started.
async fn again(api: &Api, caller: &Caller, stored: &str) -> Result<StartedRun, Refusal> {
    let body = api.standing(caller, stored).await?;
    serde_json::from_value(body).map_err(|error| {
        tracing::error!(%error, "a stored answer cannot be read");
        Refusal::internal()
    })
}
