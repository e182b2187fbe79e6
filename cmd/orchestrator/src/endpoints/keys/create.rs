//! `POST /v1/keys`.

use aob_api::{CreateKey, CreatedKey, ErrorCode, Problem, ProblemItem};
use aob_edge::{Answer, Caller, JsonBody, Query, Refusal};
use axum::Json;
use axum::extract::State;
use http::{StatusCode, Uri};

use super::view;
use crate::api::Api;
use crate::idempotency::Once;
use crate::{KeyError, NewKey, create_key};

/// Creates an API key. Its token is shown once and is not stored, so this cannot be repeated.
#[utoipa::path(
    post, path = "/v1/keys", tag = "keys", operation_id = "keys_create",
    request_body = CreateKey,
    responses(
        (status = 201, body = CreatedKey),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    uri: Uri,
    once: Once,
    body: JsonBody<CreateKey>,
) -> Answer<(StatusCode, Json<CreatedKey>)> {
    Query::of(&uri, &[])?;
    if once.key.is_some() {
        let detail = "a token is shown once, so there is no answer to repeat";
        return Err(Problem::new(ErrorCode::InvalidHeader, detail)
            .with_hint("leave `Idempotency-Key` out; revoke keys that nobody received")
            .into());
    }
    let CreateKey { name, roles, groups, expires_in_ms } = body.value;
    let now_ms = api.now_ms();
    let expires_in_ms = expires_in_ms.map(|ms| i64::try_from(ms).unwrap_or(i64::MAX));
    let new = NewKey {
        workspace: caller.workspace(),
        name: &name,
        roles: &roles,
        groups: &groups,
        expires_ms: expires_in_ms.map(|ms| now_ms.saturating_add(ms)),
        now_ms,
    };
    let (row, token) = create_key(&*api.store, &api.entropy, new).await.map_err(refused)?;
    Ok((StatusCode::CREATED, Json(CreatedKey { key: view(row), token })))
}

fn refused(error: KeyError) -> Refusal {
    let pointer = match error {
        KeyError::Store(error) => return error.into(),
        KeyError::Name(_) => "/name",
        KeyError::NoRole => "/roles",
    };
    let item = ProblemItem::at(pointer, "invalid_value", error.to_string());
    Problem::new(ErrorCode::InvalidRequest, error.to_string()).with_errors(vec![item]).into()
}
