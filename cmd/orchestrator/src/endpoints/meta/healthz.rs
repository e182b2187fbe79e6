//! `GET /healthz`.

use aob_api::Health;
use axum::Json;

/// Says that the process lives.
#[utoipa::path(
    get, path = "/v1/healthz", tag = "meta", operation_id = "meta_health", security(()),
    responses((status = 200, body = Health)),
)]
pub(crate) async fn handle() -> Json<Health> {
    Json(health())
}

pub(super) fn health() -> Health {
    Health { status: "ok".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
}
