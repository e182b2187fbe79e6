//! `POST /v1/runners/heartbeat`.

use aob_agents::chunk;
use aob_api::jobs::{HeartbeatItem, HeartbeatRequest, HeartbeatResponse, LEASE_MS, LeaseStanding};
use aob_api::{ErrorCode, Problem};
use aob_coordinator::stream;
use aob_edge::{Answer, Caller, JsonBody, Query};
use aob_store::{LeaseKey, NewLogChunk, Renewal, RenewalOutcome};
use axum::Json;
use axum::extract::State;
use http::Uri;

use super::{holder, logs};
use crate::api::Api;

/// Leases of one heartbeat.
const LEASES_MAX: usize = 10_000;
/// Bytes of a progress report; what is longer counts as progress and is not kept.
const PROGRESS_BYTES_MAX: usize = 16 * 1024;

/// Renews leases, and says which jobs should stop.
#[utoipa::path(
    post, path = "/v1/runners/heartbeat", tag = "runners", operation_id = "runners_heartbeat",
    request_body = HeartbeatRequest,
    responses(
        (status = 200, body = HeartbeatResponse),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    uri: Uri,
    body: JsonBody<HeartbeatRequest>,
) -> Answer<Json<HeartbeatResponse>> {
    Query::of(&uri, &[])?;
    let HeartbeatRequest { runner, leases } = body.value;
    if leases.len() > LEASES_MAX {
        let detail = format!("a heartbeat renews at most {LEASES_MAX} leases");
        return Err(Problem::new(ErrorCode::InvalidRequest, detail).into());
    }
    api.all_shown(&caller, &leases).await?;
    let (holder, now_ms) = (holder(&caller, &runner), api.now_ms());
    let mut lines = Vec::new();
    let mut renewals = Vec::new();
    for mut item in leases {
        lines.push(item.logs.take());
        renewals.push(renewal(item, &holder, now_ms));
    }
    let outcomes = api.store.lease_renew(&renewals).await?;
    let said = renewals.iter().zip(lines).zip(&outcomes);
    let held = said.filter(|(_, outcome)| **outcome != RenewalOutcome::Lost);
    let chunks = held.filter_map(|((renewal, lines), _)| chunk(&renewal.key, lines?, now_ms));
    let chunks: Vec<NewLogChunk> = chunks.collect();
    logs::keep(&api, &caller, &chunks).await;
    let states = outcomes.into_iter().map(|outcome| match outcome {
        RenewalOutcome::Held => LeaseStanding::Held,
        RenewalOutcome::Cancelling => LeaseStanding::Cancelling,
        RenewalOutcome::Lost => LeaseStanding::Lost,
    });
    Ok(Json(HeartbeatResponse { states: states.collect() }))
}

fn renewal(item: HeartbeatItem, holder: &str, now_ms: i64) -> Renewal {
    let progress = item.progress.map(|progress| match progress.0.get() {
        text if text.len() <= PROGRESS_BYTES_MAX => text.to_owned(),
        _ => "null".to_owned(),
    });
    Renewal {
        key: LeaseKey {
            run: stream(item.run),
            instance: item.instance.to_string(),
            attempt: item.attempt,
        },
        holder: holder.to_owned(),
        now_ms,
        until_ms: now_ms.saturating_add(i64::try_from(LEASE_MS).unwrap_or(i64::MAX)),
        progress,
    }
}
