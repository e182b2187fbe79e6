//! `POST /v1/runners/lease`.

use std::pin::pin;
use std::time::Duration;

use aob_api::jobs::{
    HEARTBEAT_MS, JobMessage, LEASE_LIMIT_MAX, LEASE_MS, LEASE_WAIT_MS_MAX, LeaseRequest,
    LeaseResponse,
};
use aob_api::{ErrorCode, Problem};
use aob_coordinator::{ReadError, ResolvedDispatch, parse, run_of};
use aob_edge::{Answer, Caller, JsonBody, Query};
use aob_engine::{Effect, Timestamp, effects};
use aob_store::{LeaseState, PoolClaim};
use axum::Json;
use axum::extract::State;
use http::Uri;
use tokio::time::Instant;

use super::holder;
use crate::api::{Api, tenant};

/// Functions that one runner serves at most.
const NAMES_MAX: usize = 1_000;
/// How often a poll looks by itself: another process may have scheduled what it waits for.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Gives jobs out, and waits for them.
#[utoipa::path(
    post, path = "/v1/runners/lease", tag = "runners", operation_id = "runners_lease",
    request_body = LeaseRequest,
    responses(
        (status = 200, body = LeaseResponse),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    uri: Uri,
    body: JsonBody<LeaseRequest>,
) -> Answer<Json<LeaseResponse>> {
    Query::of(&uri, &[])?;
    let request = body.value;
    if request.runner.is_empty() || request.names.is_empty() || request.names.len() > NAMES_MAX {
        let detail = format!("a runner has a name and serves 1 to {NAMES_MAX} functions");
        return Err(Problem::new(ErrorCode::InvalidRequest, detail).into());
    }
    let wait = Duration::from_millis(request.wait_ms.min(LEASE_WAIT_MS_MAX));
    let deadline = Instant::now() + wait;
    loop {
        let mut work = pin!(api.coordinator.pool_work.notified());
        // Before the look, so that work which appears in between is not missed.
        work.as_mut().enable();
        let jobs = claim(&api, &caller, &request).await?;
        let now = Instant::now();
        if !jobs.is_empty() || now >= deadline || api.shutdown.is_cancelled() {
            let (lease_ms, heartbeat_ms) = (LEASE_MS, HEARTBEAT_MS);
            return Ok(Json(LeaseResponse { jobs, lease_ms, heartbeat_ms }));
        }
        tokio::select! {
            () = work => {}
            () = tokio::time::sleep_until(deadline.min(now + LOOK_AGAIN)) => {}
            () = api.shutdown.cancelled() => {}
        }
    }
}

async fn claim(api: &Api, caller: &Caller, request: &LeaseRequest) -> Answer<Vec<JobMessage>> {
    let now_ms = api.now_ms();
    let names = request.names.iter().map(|name| &**name);
    api.pools.seen(caller.workspace(), &request.pool, names, Timestamp(now_ms));
    if request.limit == 0 {
        // A runner that reads a topic, and says that it is there.
        return Ok(Vec::new());
    }
    let lease_ms = i64::try_from(LEASE_MS).unwrap_or(i64::MAX);
    let claim = PoolClaim {
        workspace: tenant(caller),
        pool: request.pool.to_string(),
        names: request.names.iter().map(|name| name.to_string()).collect(),
        holder: holder(caller, &request.runner),
        limit: request.limit.min(LEASE_LIMIT_MAX),
        now_ms,
        until_ms: now_ms.saturating_add(lease_ms),
    };
    let mut jobs = Vec::new();
    for lease in api.store.lease_claim_pool(&claim).await? {
        match job(api, caller, &lease).await {
            Ok(Some(job)) => jobs.push(job),
            Ok(None) => {}
            // Its lease runs out, and the attempt is treated as lost.
            Err(error) => tracing::error!(%error, key = ?lease.row.key, "a job cannot be built"),
        }
    }
    api.seal(caller, &mut jobs).await?;
    Ok(jobs)
}

/// The job that stands in the event at the lease's seq.
async fn job(
    api: &Api,
    caller: &Caller,
    lease: &LeaseState,
) -> Result<Option<JobMessage>, ReadError> {
    let (run, seq) = (run_of(lease.row.key.run), lease.row.seq);
    let segments =
        api.store.segments_after_seq(tenant(caller), lease.row.key.run, seq - 1, 1).await;
    let segments = segments.map_err(|error| ReadError(error.to_string()))?;
    let Some(segment) = segments.first() else { return Ok(None) };
    let events = parse(run, segment)?;
    let Some(event) = events.into_iter().find(|event| event.seq == seq) else { return Ok(None) };
    let dispatch = effects(&[event]).into_iter().find_map(|effect| match effect {
        Effect::Dispatch(dispatch) => Some(*dispatch),
        Effect::CancelAttempt(_)
        | Effect::StartChild(_)
        | Effect::CancelChild(_)
        | Effect::DeliverToParent(_)
        | Effect::Continue { .. }
        | Effect::Notify(_)
        | Effect::Publish(_) => None,
    });
    let Some(dispatch) = dispatch else { return Ok(None) };
    let resolved = ResolvedDispatch { dispatch, config: None, input: None };
    api.coordinator.performer.job(caller.workspace(), run, &resolved).await.map(Some)
}
