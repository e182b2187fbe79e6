//! `POST /v1/runners/result`.

use aob_agents::chunk;
use aob_api::Problem;
use aob_api::jobs::{LEASE_MS, ResultRequest, ResultResponse};
use aob_coordinator::{SubmitError, stream};
use aob_edge::{Answer, Caller, JsonBody, Query, Refusal};
use aob_store::{LeaseKey, Renewal, RenewalOutcome};
use axum::Json;
use axum::extract::State;
use http::Uri;

use super::token::{JobToken, invalid_token};
use super::{holder, logs};
use crate::api::Api;
use crate::errors::{run_not_found, submit_error};

/// Takes the answer to a job in, and answers once it is durable. Repeating it changes nothing.
#[utoipa::path(
    post, path = "/v1/runners/result", tag = "runners", operation_id = "runners_result",
    params(("Aob-Job-Token" = Option<String>, Header)),
    request_body = ResultRequest,
    responses(
        (status = 200, body = ResultResponse),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    uri: Uri,
    token: JobToken,
    body: JsonBody<ResultRequest>,
) -> Answer<Json<ResultResponse>> {
    Query::of(&uri, &[])?;
    let ResultRequest { result, logs, token: of_body } = body.value;
    api.reads.run_row(&caller, result.run).await?;
    if result.workspace != caller.workspace() {
        return Err(run_not_found(&result.run.to_string()));
    }
    match api.named_by(&caller, &token.or(of_body)).await? {
        Some(named) if named == result.key() => {}
        Some(_) => return Err(invalid_token("the token is one of another attempt")),
        None => return Err(invalid_token("a result comes with the token of its job")),
    }
    let key = LeaseKey {
        run: stream(result.run),
        instance: result.instance.to_string(),
        attempt: result.attempt,
    };
    let standing = may_answer(&api, &caller, &result.runner, &key).await?;
    // Before the result, so that whoever sees the attempt end has seen its last lines.
    if standing == Standing::Holds
        && let Some(chunk) = logs.and_then(|logs| chunk(&key, logs, api.now_ms()))
    {
        logs::keep(&api, &caller, &[chunk]).await;
    }
    if standing == Standing::Refused {
        return Ok(Json(ResultResponse { accepted: false }));
    }
    match api.coordinator.results.submit(result).await {
        Ok(committed) => Ok(Json(ResultResponse { accepted: committed.changed })),
        Err(SubmitError::Rejected(_)) => Ok(Json(ResultResponse { accepted: false })),
        Err(error) => Err(submit_error(error)),
    }
}

/// What a runner may do with an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It holds the lease.
    Holds,
    /// Nobody does: the attempt is over.
    Over,
    /// Somebody else does.
    Refused,
}

/// Only who holds the lease may answer for an attempt that is still out. Where there is no lease
/// any more the attempt is over: its result changes nothing, and the log shows that it came.
async fn may_answer(
    api: &Api,
    caller: &Caller,
    runner: &str,
    key: &LeaseKey,
) -> Result<Standing, Refusal> {
    let now_ms = api.now_ms();
    let renewal = Renewal {
        key: key.clone(),
        holder: holder(caller, runner),
        now_ms,
        until_ms: now_ms.saturating_add(i64::try_from(LEASE_MS).unwrap_or(i64::MAX)),
        progress: None,
    };
    let outcomes = api.store.lease_renew(&[renewal]).await?;
    match outcomes.first() {
        Some(RenewalOutcome::Held | RenewalOutcome::Cancelling) => Ok(Standing::Holds),
        Some(RenewalOutcome::Lost) | None => {
            let leases = api.store.leases_of(key.run).await?;
            let held = leases.iter().any(|lease| lease.row.key == *key);
            Ok(if held { Standing::Refused } else { Standing::Over })
        }
    }
}
