//! `POST /v1/notifications/endpoints/{endpoint}/enable`.

use aob_api::{EndpointView, Nothing, Problem};
use aob_edge::{Answer, Caller, OptionalJsonBody, Query};
use axum::Json;
use axum::extract::State;
use http::Uri;

use super::{endpoint_view, unknown};
use crate::api::{Api, tenant};
use crate::input::PathText;

/// Tells an endpoint again that was disabled because it answered 410: of what happens from now on.
/// Repeating it changes nothing.
#[utoipa::path(
    post, path = "/v1/notifications/endpoints/{endpoint}/enable", tag = "notifications",
    operation_id = "notifications_endpoints_enable",
    params(("endpoint" = String, Path)),
    request_body = Nothing,
    responses(
        (status = 200, body = EndpointView),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    PathText(id): PathText,
    uri: Uri,
    _body: OptionalJsonBody<Nothing>,
) -> Answer<Json<EndpointView>> {
    Query::of(&uri, &[])?;
    let row = api.store.endpoint_disable(tenant(&caller), &id, None).await?;
    Ok(Json(endpoint_view(row.ok_or_else(|| unknown(&id))?)?))
}
