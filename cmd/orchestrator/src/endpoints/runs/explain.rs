//! `GET /v1/runs/{id}/explain`.

use aob_api::{Explanation, Problem, WaitView};
use aob_coordinator::stream;
use aob_edge::{Answer, Caller, Query};
use aob_engine::{Around, LeaseHolder, Timestamp, explain};
use aob_store::LeaseState;
use axum::Json;
use axum::extract::State;
use http::Uri;

use crate::api::Api;
use crate::input::RunPath;

/// Says of everything that does not move why, since when, until when, who owns it and what to do.
#[utoipa::path(
    get, path = "/v1/runs/{run}/explain", tag = "runs", operation_id = "runs_explain",
    params(("run" = String, Path)),
    responses(
        (status = 200, body = Explanation),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    RunPath(run): RunPath,
    uri: Uri,
) -> Answer<Json<Explanation>> {
    Query::of(&uri, &[])?;
    let loaded = api.reads.loaded(&caller, run).await?;
    let ir = api.reads.ir_of(&loaded).await.ok();
    let leases = match loaded.state.has_leases() {
        true => api.store.leases_of(stream(run)).await?,
        false => Vec::new(),
    };
    let around = Around {
        leases: leases.into_iter().filter_map(holder).collect(),
        pools: api.pools.of(caller.workspace()),
        now: Some(Timestamp(api.now_ms())),
    };
    let waits = explain(&loaded.state, ir.as_deref(), &around).into_iter().map(|wait| WaitView {
        instance: wait.instance,
        reason: wait.reason.to_owned(),
        message: wait.message,
        since: wait.since,
        until: wait.until,
        owner: wait.owner,
        remedy: wait.remedy,
        alternatives: wait.alternatives,
    });
    let status = loaded.state.status().as_str().to_owned();
    Ok(Json(Explanation { run, status, waits: waits.collect() }))
}

fn holder(lease: LeaseState) -> Option<LeaseHolder> {
    Some(LeaseHolder {
        instance: lease.row.key.instance.parse().ok()?,
        attempt: lease.row.key.attempt,
        holder: lease.holder,
        until: lease.until_ms.map(Timestamp),
        progress: lease.progress,
    })
}
