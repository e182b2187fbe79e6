//! `DELETE /v1/keys/{key}`.

use aob_api::{ErrorCode, Problem};
use aob_edge::{Answer, Caller, Query};
use axum::extract::State;
use http::{StatusCode, Uri};

use crate::api::{Api, tenant};
use crate::input::PathText;

/// Revokes an API key: at once here, within seconds everywhere. Repeating it changes nothing.
#[utoipa::path(
    delete, path = "/v1/keys/{key}", tag = "keys", operation_id = "keys_revoke",
    params(("key" = String, Path, description = "Its `key_id`")),
    responses(
        (status = 204, description = "It is revoked."),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    PathText(key): PathText,
    uri: Uri,
) -> Answer<StatusCode> {
    Query::of(&uri, &[])?;
    if !api.store.key_revoke(tenant(&caller), &key, api.now_ms()).await? {
        let detail = format!("there is no API key `{key}`");
        return Err(Problem::new(ErrorCode::KeyNotFound, detail)
            .with_hint("`GET /v1/keys` lists them; the id is the part between `aob_` and `_`")
            .into());
    }
    api.authenticator.forget(&key);
    Ok(StatusCode::NO_CONTENT)
}
