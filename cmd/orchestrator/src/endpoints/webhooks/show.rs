//! `GET /v1/runs/{run}/signals/{name}/webhook`.

use aob_api::{ErrorCode, Problem, WebhookView};
use aob_edge::{Answer, Caller, Query};
use aob_ir::{Ir, NodeKind};
use axum::Json;
use axum::extract::{Path, State};
use hmac::Mac as _;
use http::Uri;
use url::Url;

use crate::api::Api;
use crate::endpoints::webhooks::mac;
use crate::errors::run_not_found;

/// The path to which somebody without an API key may post a signal, for a run with a `signal` node
/// that says `webhook: true`.
#[utoipa::path(
    get, path = "/v1/runs/{run}/signals/{name}/webhook", tag = "runs",
    operation_id = "runs_webhook",
    params(("run" = String, Path), ("name" = String, Path)),
    responses(
        (status = 200, body = WebhookView),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    Path((run, signal)): Path<(String, String)>,
    uri: Uri,
) -> Answer<Json<WebhookView>> {
    Query::of(&uri, &[])?;
    let run = run.parse().map_err(|_| run_not_found(&run))?;
    let loaded = api.reads.loaded(&caller, run).await?;
    let ir = api.reads.ir_of(&loaded).await?;
    if !has_webhook(&ir) {
        let detail = "no node of this run takes signals by webhook";
        return Err(Problem::new(ErrorCode::NoWebhook, detail)
            .with_hint("set `webhook: true` in the `config` of a `signal` node")
            .into());
    }
    let key = api.webhooks.key(caller.workspace()).await?;
    let signature = hex::encode(mac(&key, run, &signal).finalize().into_bytes());
    let mut url = Url::parse("http://server").expect("this is a URL");
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.extend(["v1", "webhooks", &run.to_string(), &signal, &signature]);
    }
    Ok(Json(WebhookView { run, signal, path: url.path().to_owned() }))
}

fn has_webhook(ir: &Ir) -> bool {
    let is_webhook = |kind: &NodeKind| matches!(kind, NodeKind::Signal { webhook: true, .. });
    ir.nodes.iter().any(|node| {
        let body = if let NodeKind::Map(map) = &node.kind { Some(&map.body.kind) } else { None };
        is_webhook(body.unwrap_or(&node.kind))
    })
}
