//! `POST /v1/runners/claim`.

use std::collections::BTreeSet;

use aob_api::jobs::{
    AttemptKey, ClaimAnswer, ClaimRequest, ClaimResponse, ClaimStanding, HEARTBEAT_MS,
    LEASE_LIMIT_MAX, LEASE_MS, OfferItem,
};
use aob_api::{ErrorCode, Problem};
use aob_coordinator::stream;
use aob_edge::{Answer, Caller, JsonBody, Query};
use aob_store::{Claim, LeaseKey};
use axum::Json;
use axum::extract::State;
use http::Uri;

use super::holder;
use crate::api::Api;

/// Grants leases of jobs that came on topics, each at most once. What is not granted must not be
/// executed. Asking again in the same name is granted again, as long as the lease is held.
#[utoipa::path(
    post, path = "/v1/runners/claim", tag = "runners", operation_id = "runners_claim",
    request_body = ClaimRequest,
    responses(
        (status = 200, body = ClaimResponse),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    uri: Uri,
    body: JsonBody<ClaimRequest>,
) -> Answer<Json<ClaimResponse>> {
    Query::of(&uri, &[])?;
    let request = body.value;
    if request.runner.is_empty() || request.offers.len() > LEASE_LIMIT_MAX as usize {
        let detail = format!("a runner has a name and claims at most {LEASE_LIMIT_MAX} jobs");
        return Err(Problem::new(ErrorCode::InvalidRequest, detail).into());
    }
    let mut offered = Vec::with_capacity(request.offers.len());
    for item in &request.offers {
        offered.push(genuine(&api, &caller, &request.pool, item).await?);
    }
    let granted = grant(&api, &caller, &request.runner, &offered).await?;
    let mut claims = Vec::with_capacity(offered.len());
    for job in offered {
        let (standing, token) = match job {
            None => (ClaimStanding::Invalid, None),
            Some(job) if granted.contains(&job) => {
                (ClaimStanding::Granted, Some(api.token_of(&caller, job).await?))
            }
            Some(_) => (ClaimStanding::Taken, None),
        };
        claims.push(ClaimAnswer { standing, token });
    }
    let (lease_ms, heartbeat_ms) = (LEASE_MS, HEARTBEAT_MS);
    Ok(Json(ClaimResponse { claims, lease_ms, heartbeat_ms }))
}

/// The attempt of an offer that we made, for this pool, of a message that nobody has changed.
async fn genuine(
    api: &Api,
    caller: &Caller,
    pool: &str,
    item: &OfferItem,
) -> Answer<Option<AttemptKey>> {
    let offered = api.tokens.offered(caller.workspace(), &item.offer).await?;
    let ours = offered.filter(|said| said.digest == item.digest && *said.pool == *pool);
    Ok(ours.map(|said| said.job))
}

/// Claims the leases of these attempts; answers which were granted.
async fn grant(
    api: &Api,
    caller: &Caller,
    runner: &str,
    offered: &[Option<AttemptKey>],
) -> Answer<BTreeSet<AttemptKey>> {
    let jobs: BTreeSet<&AttemptKey> = offered.iter().flatten().collect();
    if jobs.is_empty() {
        return Ok(BTreeSet::new());
    }
    let (holder, now_ms) = (holder(caller, runner), api.now_ms());
    let until_ms = now_ms.saturating_add(i64::try_from(LEASE_MS).unwrap_or(i64::MAX));
    let claim = |job: &&AttemptKey| Claim {
        key: LeaseKey {
            run: stream(job.run),
            instance: job.instance.to_string(),
            attempt: job.attempt,
        },
        holder: holder.clone(),
        now_ms,
        until_ms,
    };
    let claims: Vec<Claim> = jobs.iter().map(claim).collect();
    let granted = api.store.lease_claim(&claims).await?;
    let granted = jobs.into_iter().zip(granted).filter(|(_, granted)| *granted);
    Ok(granted.map(|(job, _)| job.clone()).collect())
}
