//! `GET /v1/runs/{id}/graph`.

use std::collections::BTreeMap;
use std::sync::Arc;

use aob_api::{GraphEdge, GraphNode, GraphView, Problem};
use aob_edge::{Answer, Caller, Query};
use aob_engine::{EdgeCounts, NodeView};
use aob_ir::{EdgeIr, Ir, NodeIr, NodeKind};
use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::header::ETAG;
use http::{HeaderValue, Uri};

use super::get::items_view;
use crate::api::Api;
use crate::input::RunPath;

/// Shows the graph of a run with where every node and edge stands. The `ETag` is the digest of the
/// document.
#[utoipa::path(
    get, path = "/v1/runs/{run}/graph", tag = "runs", operation_id = "runs_graph",
    params(("run" = String, Path)),
    responses(
        (status = 200, body = GraphView),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    RunPath(run): RunPath,
    uri: Uri,
) -> Answer {
    Query::of(&uri, &[])?;
    let loaded = api.reads.loaded(&caller, run).await?;
    let ir = api.reads.ir_of(&loaded).await?;
    let (nodes, counts) = (loaded.state.nodes(&ir), loaded.state.edge_counts());
    let graph = GraphView {
        run,
        digest: ir.digest,
        revision: loaded.state.revision(),
        seq: loaded.state.seq(),
        nodes: ir.nodes.iter().flat_map(|node| of_node(&ir, node, &nodes)).collect(),
        edges: ir.edges.iter().map(|edge| of_edge(&ir, edge, &counts)).collect(),
    };
    let mut response = Json(graph).into_response();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", ir.digest)) {
        response.headers_mut().insert(ETAG, tag);
    }
    Ok(response)
}

/// A node, and the body of a map.
fn of_node(ir: &Ir, node: &NodeIr, nodes: &BTreeMap<Arc<str>, NodeView>) -> Vec<GraphNode> {
    let own = graph_node(ir, node, nodes, None);
    if let NodeKind::Map(map) = &node.kind {
        vec![own, graph_node(ir, &map.body, nodes, Some(node.id.to_string()))]
    } else {
        vec![own]
    }
}

fn graph_node(
    ir: &Ir,
    node: &NodeIr,
    nodes: &BTreeMap<Arc<str>, NodeView>,
    map: Option<String>,
) -> GraphNode {
    let view = nodes.get(&node.id);
    let loops = node.loops.iter().map(|ix| ir.node(ir.loop_at(*ix).node).id.to_string());
    GraphNode {
        id: node.id.to_string(),
        kind: node.type_name.to_string(),
        status: view.map_or("pending", |view| view.status).to_owned(),
        attempts: view.map_or(0, |view| view.attempts),
        loops: loops.collect(),
        map,
        items: view.and_then(|view| view.items).map(items_view),
    }
}

fn of_edge(ir: &Ir, edge: &EdgeIr, counts: &BTreeMap<Arc<str>, EdgeCounts>) -> GraphEdge {
    let count = counts.get(&edge.id).copied().unwrap_or_default();
    let status = match count {
        EdgeCounts { taken: 1.., .. } => "taken",
        EdgeCounts { failed: 1.., .. } => "failed",
        EdgeCounts { dead: 1.., .. } => "dead",
        EdgeCounts { taken: 0, dead: 0, failed: 0 } => "pending",
    };
    GraphEdge {
        id: edge.id.to_string(),
        from: ir.node(edge.from).id.to_string(),
        to: ir.node(edge.to).id.to_string(),
        on: edge.on,
        condition: edge.condition.as_ref().map(|condition| condition.source().to_owned()),
        status: status.to_owned(),
        taken: count.taken,
        dead: count.dead + count.failed,
    }
}
