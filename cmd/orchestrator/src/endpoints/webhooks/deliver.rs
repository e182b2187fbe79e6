//! `POST /v1/webhooks/{run}/{name}/{signature}`.

use aob_api::{ErrorCode, Problem, RawText};
use aob_coordinator::{Submission, stream};
use aob_edge::{Answer, Peer, Query, Refusal};
use aob_engine::{Actor, Blob, Command, CommandId, RunId, WorkspaceId};
use axum::extract::{Path, Request, State};
use axum::response::IntoResponse as _;
use hmac::Mac as _;
use http::{HeaderMap, StatusCode};

use crate::api::Api;
use crate::endpoints::runs::signal::payload;
use crate::endpoints::webhooks::mac;
use crate::errors::submit_error;

/// Bytes of a payload.
pub(crate) const BODY_BYTES_MAX: usize = 256 * 1024;
/// Bytes of a delivery's id.
const ID_BYTES_MAX: usize = 255;
/// Where the id of a delivery stands, the first that is there: deliveries of one id are one signal.
/// (The first is that of the Standard Webhooks specification.)
const ID_HEADERS: [&str; 2] = ["webhook-id", "idempotency-key"];

/// Delivers a signal from somebody who has the run's signed URL instead of an API key. Answered
/// when the signal is durable. Deliveries with the same `webhook-id` are one.
#[utoipa::path(
    post, path = "/v1/webhooks/{run}/{name}/{signature}", tag = "runs",
    operation_id = "webhooks_deliver",
    params(
        ("run" = String, Path), ("name" = String, Path), ("signature" = String, Path),
        ("webhook-id" = Option<String>, Header),
    ),
    request_body = RawText,
    responses(
        (status = 204, description = "The signal is in the run's log."),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    Path((run, signal, signature)): Path<(String, String, String)>,
    request: Request,
) -> Answer {
    Query::of(request.uri(), &[])?;
    let peer = request.extensions().get::<Peer>().copied();
    peer.map_or(Ok(()), |peer| api.authenticator.may_try(peer))?;
    let Some((run, workspace)) = authorize(&api, &run, &signal, &signature).await? else {
        peer.into_iter().for_each(|peer| api.authenticator.failed(peer));
        return Err(no_such_url());
    };
    let id = match delivery_id(request.headers())? {
        Some(id) => format!("webhook:{id}"),
        None => api.random_hex(),
    };
    let (payload, _) = payload(request).await?;
    let command =
        Command::Signal { name: signal.into(), signal: id.into(), payload: Blob::new(payload) };
    let request = aob_engine::Request {
        id: CommandId(format!("api:{}", api.random_hex()).into()),
        actor: Actor::system(),
        command,
    };
    let submission =
        Submission { workspace, run, request, key: None, dedup: None, ir: None, token: () };
    api.coordinator.handle.try_submit(submission).await.map_err(submit_error)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The run that this URL is for; `None`: it is for none.
async fn authorize(
    api: &Api,
    run: &str,
    signal: &str,
    signature: &str,
) -> Result<Option<(RunId, WorkspaceId)>, Refusal> {
    let (Ok(run), Ok(signature)) = (run.parse(), hex::decode_to_array::<_, 32>(signature)) else {
        return Ok(None);
    };
    let Some(workspace) = api.store.workspace_of(stream(run)).await? else { return Ok(None) };
    let workspace = WorkspaceId(workspace.0);
    let Some(key) = api.webhooks.key_known(workspace).await? else { return Ok(None) };
    let right = mac(&key, run, signal).verify_slice(&signature).is_ok();
    Ok(right.then_some((run, workspace)))
}

/// What is wrong with a URL is not said.
fn no_such_url() -> Refusal {
    Problem::new(ErrorCode::RouteNotFound, "this is not the URL of a webhook")
        .with_hint("`aob signal url RUN NAME` prints it")
        .into()
}

fn delivery_id(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let Some((name, value)) = ID_HEADERS.iter().find_map(|name| Some((name, headers.get(*name)?)))
    else {
        return Ok(None);
    };
    let id = value.to_str().ok().filter(|id| !id.is_empty() && id.len() <= ID_BYTES_MAX);
    let problem = || {
        let detail = format!("`{name}` is not 1 to {ID_BYTES_MAX} printable ASCII characters");
        Problem::new(ErrorCode::InvalidHeader, detail)
    };
    id.map(Some).ok_or_else(|| problem().into())
}
