//! `DELETE /v1/notifications/endpoints/{endpoint}`.

use aob_api::Problem;
use aob_edge::{Answer, Caller, Query};
use axum::extract::State;
use http::{StatusCode, Uri};

use super::unknown;
use crate::api::{Api, tenant};
use crate::input::PathText;

/// Removes an endpoint: it is told nothing any more, not even what waits to be sent again. The log of
/// what was sent stays.
#[utoipa::path(
    delete, path = "/v1/notifications/endpoints/{endpoint}", tag = "notifications",
    operation_id = "notifications_endpoints_remove",
    params(("endpoint" = String, Path)),
    responses(
        (status = 204, description = "It is removed."),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    PathText(id): PathText,
    uri: Uri,
) -> Answer<StatusCode> {
    Query::of(&uri, &[])?;
    match api.store.endpoint_remove(tenant(&caller), &id).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(unknown(&id)),
    }
}
