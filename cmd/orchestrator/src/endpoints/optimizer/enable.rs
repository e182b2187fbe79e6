//! `POST /v1/optimizer/modules/{digest}/enable` and `/disable`.

use aob_api::{ErrorCode, ModuleView, Nothing, Problem};
use aob_edge::{Answer, Caller, OptionalJsonBody, Query};
use axum::Json;
use axum::extract::State;
use http::Uri;

use super::view;
use crate::api::{Api, tenant};
use crate::input::{PathText, digest};

/// Lets plans of the workspace ask a module, from now on. Repeating it changes nothing.
#[utoipa::path(
    post, path = "/v1/optimizer/modules/{digest}/enable", tag = "optimizer",
    operation_id = "optimizer_modules_enable",
    params(("digest" = String, Path)),
    request_body = Nothing,
    responses(
        (status = 200, body = ModuleView),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    PathText(name): PathText,
    uri: Uri,
    _body: OptionalJsonBody<Nothing>,
) -> Answer<Json<ModuleView>> {
    set(&api, &caller, &name, &uri, true).await
}

/// No plan asks the module any more. Repeating it changes nothing.
#[utoipa::path(
    post, path = "/v1/optimizer/modules/{digest}/disable", tag = "optimizer",
    operation_id = "optimizer_modules_disable",
    params(("digest" = String, Path)),
    request_body = Nothing,
    responses(
        (status = 200, body = ModuleView),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn disable(
    State(api): State<Api>,
    caller: Caller,
    PathText(name): PathText,
    uri: Uri,
    _body: OptionalJsonBody<Nothing>,
) -> Answer<Json<ModuleView>> {
    set(&api, &caller, &name, &uri, false).await
}

async fn set(
    api: &Api,
    caller: &Caller,
    name: &str,
    uri: &Uri,
    enabled: bool,
) -> Answer<Json<ModuleView>> {
    Query::of(uri, &[])?;
    let found = match digest(name) {
        Ok(digest) => api.store.module_enable(tenant(caller), &digest.to_string(), enabled).await?,
        Err(_) => None,
    };
    let row = found.ok_or_else(|| {
        let detail = format!("the workspace has no module `{name}`");
        Problem::new(ErrorCode::ModuleNotFound, detail).with_hint(
            "`GET /v1/optimizer/modules` lists them; a digest is `sha256:` and 64 hex digits",
        )
    })?;
    Ok(Json(view(&api.modules, row)))
}
