//! `GET /v1/tags/{tag}`.

use aob_api::{Problem, TagView};
use aob_edge::{Answer, Caller, Query};
use axum::extract::State;
use http::Uri;

use super::change::answered;
use super::view;
use crate::api::{Api, tenant};
use crate::errors::workflow_not_found;
use crate::input::PathText;

/// Shows where a tag stands.
#[utoipa::path(
    get, path = "/v1/tags/{tag}", tag = "workflows", operation_id = "tags_get",
    params(("tag" = String, Path)),
    responses(
        (status = 200, body = TagView),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    PathText(tag): PathText,
    uri: Uri,
) -> Answer {
    Query::of(&uri, &[])?;
    let row = api.store.tag(tenant(&caller), &tag).await?;
    Ok(answered(view(row.ok_or_else(|| workflow_not_found(&tag))?)?))
}
