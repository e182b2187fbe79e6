//! Facts about a document, proved on its compiled form.
//!
//! Passes run where nothing is trusted, and hold no compiler. What they need to know is worked out
//! here; where something is not certain, the fact that lets a pass do less is given.

use aob_ir::{
    EdgeIr, EdgeOn, EffectClass, Expr, Ir, JoinMode, NodeIr, NodeKind, OnError, Tolerate, UrlOrigin,
};
use aob_passes::{Edge, Facts, Kind, Loop, Node};
use serde_json::Value;

use crate::bodies;
use crate::reads::Reads;

/// Types that only compute: a graph with more of them can do no more than before.
const COMPUTING_TYPES: [&str; 3] = ["transform", "filter", "aggregate"];

/// What holds of `document`, whose compiled form is `ir`.
pub fn facts(document: &Value, ir: &Ir) -> Facts {
    let races = races(ir);
    let node = |(ix, node): (usize, &NodeIr)| describe(document, ir, ix, node, races[ix]);
    Facts {
        allowed_types: COMPUTING_TYPES.map(str::to_owned).to_vec(),
        supports_cache: supports_cache(),
        ids: ids(ir),
        nodes: ir.nodes.iter().enumerate().map(node).collect(),
        edges: drawn(document, ir)
            .zip(&ir.edges)
            .map(|(drawn, edge)| edge_facts(edge, drawn))
            .collect(),
        loops: ir
            .loops
            .iter()
            .map(|one| Loop {
                node: one.node as usize,
                head: one.head as usize,
                body: one.body.iter().map(|&ix| ix as usize).collect(),
            })
            .collect(),
    }
}

/// Whether a document may ask for cached results: what the compiler says of one that does.
fn supports_cache() -> bool {
    let document = serde_json::json!({"nodes": [{
        "id": "a",
        "type": "function",
        "config": {"name": "f"},
        "effect": "none",
        "cache": {"policy": "read_through"},
    }]});
    aob_ir::compile(&document).is_ok()
}

/// Ids of nodes, of bodies of maps, and of what undoes a node.
fn ids(ir: &Ir) -> Vec<String> {
    let mut ids = Vec::new();
    for node in &ir.nodes {
        let mut stack = vec![node];
        while let Some(node) = stack.pop() {
            ids.push(node.id.to_string());
            stack.extend(node.compensate.as_deref());
            if let NodeKind::Map(map) = &node.kind {
                stack.push(&map.body);
            }
        }
    }
    ids
}

/// For each edge, whether it stands in `edges`. Keys of nodes stand for the others.
fn drawn<'a>(document: &'a Value, ir: &'a Ir) -> impl Iterator<Item = bool> + 'a {
    let text = |edge: &'a Value, key: &str| edge.get(key).and_then(Value::as_str);
    let known: std::collections::BTreeSet<String> = document
        .get("edges")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|edge| match text(edge, "id") {
            Some(id) => Some(id.to_owned()),
            None => Some(format!("{}->{}", text(edge, "from")?, text(edge, "to")?)),
        })
        .collect();
    ir.edges.iter().map(move |edge| known.contains(&*edge.id))
}

fn edge_facts(edge: &EdgeIr, drawn: bool) -> Edge {
    let reads = edge.condition.as_ref().map(|guard| guard.needs().nodes.as_slice());
    Edge {
        id: edge.id.to_string(),
        from: edge.from as usize,
        to: edge.to as usize,
        on: on_name(edge.on).to_owned(),
        condition: edge.condition.as_ref().map(|guard| guard.source().to_owned()),
        always: edge.condition.as_ref().and_then(constant),
        reads: reads.unwrap_or_default().iter().map(ToString::to_string).collect(),
        drawn,
    }
}

fn on_name(on: EdgeOn) -> &'static str {
    match on {
        EdgeOn::Success => "success",
        EdgeOn::Failure => "failure",
        EdgeOn::Always => "always",
        EdgeOn::Approved => "approved",
        EdgeOn::Rejected => "rejected",
        EdgeOn::Timeout => "timeout",
        EdgeOn::Break => "break",
    }
}

/// What a condition that reads nothing gives.
fn constant(guard: &Expr) -> Option<bool> {
    let reads_nothing = *guard.needs() == aob_ir::Needs::default();
    if !reads_nothing {
        return None;
    }
    guard.eval_bool(&aob_ir::Bindings::default()).ok()
}

/// For each node, whether a join that does not wait for everything is it or comes after it.
fn races(ir: &Ir) -> Vec<bool> {
    let mut races = vec![false; ir.nodes.len()];
    let mut stack: Vec<usize> =
        (0..ir.nodes.len()).filter(|&ix| !is_plain_join(&ir.nodes[ix])).collect();
    while let Some(ix) = stack.pop() {
        if !std::mem::replace(&mut races[ix], true) {
            let node = &ir.nodes[ix];
            stack.extend(node.incoming.iter().map(|&edge| ir.edge(edge).from as usize));
            // What a loop's end leads back to starts again after it.
            let around = node.loops.iter().map(|&one| ir.loop_at(one));
            stack.extend(around.filter(|one| one.head as usize == ix).map(|one| one.node as usize));
        }
    }
    races
}

/// It waits for all of the edges that it has.
fn is_plain_join(node: &NodeIr) -> bool {
    let tolerates = match node.join.tolerate {
        Tolerate::Count(count) => count > 0,
        Tolerate::Percent(share) => share > 0,
    };
    // With one edge or none there is nothing to wait for.
    let waits_for_all = node.join.mode == JoinMode::All || node.incoming.len() < 2;
    waits_for_all && !node.join.cancel_losers && !tolerates
}

fn describe(document: &Value, ir: &Ir, ix: usize, node: &NodeIr, races: bool) -> Node {
    let source = document.pointer(&node.pointer).unwrap_or(&Value::Null);
    let reads = Reads::of(ir, node);
    let builtin = matches!(node.kind, NodeKind::Function { builtin: true, .. });
    Node {
        id: node.id.to_string(),
        kind: kind(node),
        harmless: node.effect == EffectClass::None,
        declared_harmless: source.get("effect").and_then(Value::as_str) == Some("none"),
        builtin,
        plain: is_plain(ir, node),
        // Rewrites draw edges: what it says matters, even where now there is one edge only.
        plain_join: is_plain_join(node) && node.join.mode == JoinMode::All,
        races,
        reads_input: reads.input || passes_input(node),
        reads_iteration: reads.iteration,
        reads_run: reads.run,
        reads_secrets: reads.secrets || source.pointer("/config/auth").is_some(),
        reads: reads.nodes,
        total: bodies::is_total(node),
        terminal: node.outgoing.is_empty(),
        settings: settings(node),
        incoming: node.incoming.iter().map(|&edge| edge as usize).collect(),
        outgoing: node.outgoing.iter().map(|&edge| edge as usize).collect(),
        loops: node.loops.iter().map(|&one| one as usize).collect(),
        dominator: ir.dominators().immediate(ix as aob_ir::NodeIx).map(|ix| ix as usize),
        origin: origin(source),
        filter: bodies::predicate(node),
        body: bodies::body(node),
    }
}

fn kind(node: &NodeIr) -> Kind {
    match &node.kind {
        NodeKind::Function { .. } => Kind::Function,
        NodeKind::Http { .. } => Kind::Http,
        NodeKind::Transform(_) => Kind::Transform,
        NodeKind::Filter { .. } => Kind::Filter,
        NodeKind::Aggregate { .. } => Kind::Aggregate,
        NodeKind::Conditional => Kind::Conditional,
        NodeKind::Map(_) => Kind::Map,
        NodeKind::Loop { .. } => Kind::Loop,
        NodeKind::Hitl { .. } => Kind::Hitl,
        NodeKind::Agent { .. }
        | NodeKind::Parallel
        | NodeKind::Join
        | NodeKind::Composite { .. }
        | NodeKind::Timer(_)
        | NodeKind::Signal { .. }
        | NodeKind::Handoff
        | NodeKind::Unknown(_) => Kind::Other,
    }
}

/// Where an `http` node's one request goes, if no reference can change that.
fn origin(source: &Value) -> Option<String> {
    let is_http = source.get("type").and_then(Value::as_str) == Some("http");
    let url = source.pointer("/config/url").and_then(Value::as_str).filter(|_| is_http);
    match UrlOrigin::of(url?) {
        Ok(UrlOrigin::Known(origin)) => Some(origin),
        Ok(UrlOrigin::Computed) | Err(_) => None,
    }
}

/// Its input goes somewhere although its configuration does not name it: on to its output, or to
/// whoever executes it.
fn passes_input(node: &NodeIr) -> bool {
    match &node.kind {
        NodeKind::Conditional
        | NodeKind::Parallel
        | NodeKind::Join
        | NodeKind::Loop { .. }
        | NodeKind::Timer(_)
        | NodeKind::Handoff
        | NodeKind::Unknown(_)
        | NodeKind::Agent { .. }
        | NodeKind::Hitl { .. }
        | NodeKind::Signal { .. } => true,
        NodeKind::Function { builtin, config, .. } => {
            !builtin || config.source().get("args").is_none_or(Value::is_null)
        }
        NodeKind::Composite { inputs, .. } => inputs.is_none(),
        // The input of a map's body is its item.
        NodeKind::Map(_)
        | NodeKind::Http { .. }
        | NodeKind::Transform(_)
        | NodeKind::Filter { .. }
        | NodeKind::Aggregate { .. } => false,
    }
}

/// A failure of it fails the run, and nothing surrounds it.
fn is_plain(ir: &Ir, node: &NodeIr) -> bool {
    let follows_success = node.outgoing.iter().all(|&edge| match ir.edge(edge).on {
        EdgeOn::Success => true,
        EdgeOn::Failure
        | EdgeOn::Always
        | EdgeOn::Approved
        | EdgeOn::Rejected
        | EdgeOn::Timeout
        | EdgeOn::Break => false,
    });
    let waits = matches!(node.kind, NodeKind::Map(_)) && node.timeout_ms.is_some();
    node.on_error == OnError::Fail
        && node.compensate.is_none()
        && node.checks.pre.is_empty()
        && node.checks.post.is_empty()
        && follows_success
        && !waits
}

/// Everything about how a job is tried, as a text that is equal where all of it is.
fn settings(node: &NodeIr) -> String {
    let retry = &node.retry;
    format!(
        "{:?}",
        (
            retry.max_attempts,
            retry.backoff_ms,
            retry.backoff_multiplier,
            retry.max_backoff_ms,
            &retry.retry_on,
            node.timeout_ms,
            node.queue_timeout_ms,
            node.idle_timeout_ms,
            &node.pool,
            node.priority,
        )
    )
}
