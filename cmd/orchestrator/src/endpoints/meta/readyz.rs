//! `GET /readyz`.

use aob_api::{Health, Problem};
use aob_edge::{Answer, Refusal};
use axum::Json;
use axum::extract::State;

use super::healthz::health;
use crate::api::Api;

/// Says whether the process can work: storage answers, and it is not shutting down.
#[utoipa::path(
    get, path = "/v1/readyz", tag = "meta", operation_id = "meta_ready", security(()),
    responses(
        (status = 200, body = Health),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(State(api): State<Api>) -> Answer<Json<Health>> {
    if api.shutdown.is_cancelled() {
        return Err(Refusal::unavailable());
    }
    api.store.now_ms().await?;
    Ok(Json(health()))
}
