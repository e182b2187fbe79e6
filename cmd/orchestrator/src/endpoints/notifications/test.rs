//! `POST /v1/notifications/endpoints/{endpoint}/test`.

use aob_api::{DeliveryView, ErrorCode, Nothing, NotificationEvent, Problem};
use aob_coordinator::delivery_id;
use aob_edge::{Answer, Caller, OptionalJsonBody, Query};
use aob_store::{DeliveryRow, StreamId};
use axum::Json;
use axum::extract::State;
use http::{StatusCode, Uri};
use uuid::Uuid;

use super::{delivery_view, unknown};
use crate::api::{Api, tenant};
use crate::input::PathText;

/// Sends a message that says nothing, to see whether messages arrive. It goes the way of all others:
/// the answer is the delivery as it was put, and the log says what becomes of it.
#[utoipa::path(
    post, path = "/v1/notifications/endpoints/{endpoint}/test", tag = "notifications",
    operation_id = "notifications_endpoints_test",
    params(("endpoint" = String, Path)),
    request_body = Nothing,
    responses(
        (status = 202, body = DeliveryView),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    PathText(id): PathText,
    uri: Uri,
    _body: OptionalJsonBody<Nothing>,
) -> Answer<(StatusCode, Json<DeliveryView>)> {
    Query::of(&uri, &[])?;
    let workspace = tenant(&caller);
    let endpoint = api.store.endpoint(workspace, &id).await?.ok_or_else(|| unknown(&id))?;
    if let Some(why) = endpoint.disabled {
        let detail = format!("the endpoint `{id}` is disabled: {why}");
        let hint = format!("`POST /v1/notifications/endpoints/{id}/enable` enables it");
        return Err(Problem::new(ErrorCode::EndpointDisabled, detail).with_hint(hint).into());
    }
    let (event, now_ms) = (NotificationEvent::Test, api.now_ms());
    let row = DeliveryRow {
        id: delivery_id(workspace, &endpoint.id, &api.random_hex(), event, 0),
        endpoint: endpoint.id,
        ticket: String::new(),
        run: StreamId(Uuid::nil()),
        event: event.as_str().to_owned(),
        facts: "{}".to_owned(),
        at_ms: now_ms,
        status: "pending".to_owned(),
        due_ms: now_ms,
        attempts: 0,
        error: None,
        settled_ms: None,
    };
    api.store.deliveries_put(workspace, std::slice::from_ref(&row)).await?;
    Ok((StatusCode::ACCEPTED, Json(delivery_view(row)?)))
}
