//! `GET /v1/runs/{id}`.

use std::collections::BTreeMap;
use std::sync::Arc;

use aob_api::{
    ErrorView, ItemsView, NodeView, ParentView, Problem, RunLinks, RunView, WorkflowUsed,
};
use aob_coordinator::LoadedRun;
use aob_edge::{Answer, Caller, Query};
use aob_engine::RunId;
use aob_ir::Ir;
use axum::Json;
use axum::extract::State;
use http::Uri;

use crate::api::Api;
use crate::input::RunPath;
use crate::wait::Wait;
use aob_answers::Values;

/// Shows a run with its nodes. Short values are in the answer, long ones are named.
#[utoipa::path(
    get, path = "/v1/runs/{run}", tag = "runs", operation_id = "runs_get",
    params(
        ("run" = String, Path),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: answer when the run is over, or after N seconds as it is then"),
    ),
    responses(
        (status = 200, body = RunView),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    RunPath(run): RunPath,
    uri: Uri,
    Wait(wait): Wait,
) -> Answer<Json<RunView>> {
    Query::of(&uri, &[])?;
    if let Some(limit) = wait {
        api.wait_until_over(&caller, run, limit).await?;
    }
    let loaded = api.reads.loaded(&caller, run).await?;
    let ir = api.reads.ir_of(&loaded).await?;
    let nodes = loaded.state.nodes(&ir);
    let outputs = nodes.values().filter_map(|node| node.output);
    let wanted = loaded.state.output().into_iter().chain(outputs);
    let values = api.reads.values(&caller, run, wanted, &loaded.blobs).await?;
    let nodes = nodes.into_iter().map(|(id, node)| (id.to_string(), node_view(node, &values)));
    Ok(Json(run_view(run, &loaded, &ir, nodes.collect(), &values)))
}

fn run_view(
    run: RunId,
    loaded: &LoadedRun,
    ir: &Ir,
    nodes: BTreeMap<String, NodeView>,
    values: &Values,
) -> RunView {
    let state = &loaded.state;
    let text = |value: Arc<str>| value.to_string();
    let (output, output_ref) = values.show(state.output());
    let error = state.error();
    let labels = state.labels();
    let tag = state.tag().map(text);
    let workflow =
        WorkflowUsed::labelled(tag, ir.digest, |name| labels.get(name).map(|text| &**text));
    RunView {
        id: run,
        status: state.status().as_str().to_owned(),
        name: text(state.name()),
        workflow,
        output,
        output_ref,
        error: error.map(|(code, message)| ErrorView { code: text(code), message: text(message) }),
        nodes,
        digest: ir.digest,
        seq: state.seq(),
        created_at: state.created_at(),
        updated_at: state.at(),
        finished_at: state.is_terminal().then(|| state.at()),
        labels: labels.into_iter().map(|(key, value)| (text(key), text(value))).collect(),
        parent: state
            .parent()
            .map(|parent| ParentView { run: parent.run, instance: parent.instance.clone() }),
        budgets: state.budgets(ir).into_iter().map(Into::into).collect(),
        links: RunLinks::of(run),
    }
}

fn node_view(node: aob_engine::NodeView, values: &Values) -> NodeView {
    let (output, output_ref) = values.show(node.output);
    NodeView {
        status: node.status.to_owned(),
        attempts: node.attempts,
        output,
        output_ref,
        error: node.error.map(error_view),
        started_at: node.started_at,
        finished_at: node.finished_at,
        child: node.child,
        ticket: node.ticket,
        instance: node.instance,
        items: node.items.map(items_view),
    }
}

pub(super) fn error_view(error: aob_engine::ErrorView) -> ErrorView {
    ErrorView { code: error.code.to_string(), message: error.message.to_string() }
}

pub(super) fn items_view(items: aob_engine::ItemsView) -> ItemsView {
    let aob_engine::ItemsView { count, completed, failed, open } = items;
    ItemsView { count, completed, failed, open }
}
