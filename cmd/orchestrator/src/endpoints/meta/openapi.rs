//! `GET /openapi.json`.

use axum::Json;

/// The description of this API.
#[utoipa::path(
    get, path = "/v1/openapi.json", tag = "meta", operation_id = "meta_openapi", security(()),
    responses((status = 200, description = "OpenAPI 3.1.")),
)]
pub(crate) async fn handle() -> Json<utoipa::openapi::OpenApi> {
    Json(crate::openapi())
}
