//! A run goes on under another graph (I-29): what has happened is carried over by name, and must be
//! the same there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aob_engine::{InstanceId, PatchApplied, Scope};
use aob_ir::{Digest, EdgeIr, EdgeIx, LoopIx, NodeIx};
use serde_json::Value;

use crate::frames::Gone;
use crate::graph::Graph;
use crate::phase::{Outcome, Phase};
use crate::rules::{Cx, D_03, I_29};
use crate::state::State;

/// What of one graph is what in another.
#[derive(Debug, Default)]
pub(crate) struct Carried {
    pub(crate) nodes: BTreeMap<NodeIx, NodeIx>,
    /// Edges that are the same in everything.
    pub(crate) edges: BTreeMap<EdgeIx, EdgeIx>,
    pub(crate) loops: BTreeMap<LoopIx, LoopIx>,
}

impl Carried {
    fn between(before: &Graph, after: &Graph) -> Self {
        let mut carried = Self::default();
        for (ix, node) in (0..).zip(&before.ir().nodes) {
            if let Some(same) = after.ir().node_ix(&node.id) {
                carried.nodes.insert(ix, same);
            }
        }
        for (ix, edge) in (0..).zip(&before.ir().edges) {
            let same =
                after.edge(&edge.id).filter(|(_, other)| same_edge((before, edge), (after, other)));
            carried.edges.extend(same.map(|(other, _)| (ix, other)));
        }
        for ix in (0..).take(before.ir().loops.len()) {
            let same = before.loop_node_id(ix).and_then(|id| after.loop_named(id));
            carried.loops.extend(same.map(|(other, _)| (ix, other)));
        }
        carried
    }
}

fn same_edge((graph, edge): (&Graph, &EdgeIr), (other_graph, other): (&Graph, &EdgeIr)) -> bool {
    let guard = |edge: &EdgeIr| edge.condition.as_ref().map(|guard| guard.source().to_owned());
    let end = |graph: &Graph, ix| {
        let node = graph.graph_node(ix)?;
        let around = node.loops.iter().map(|ix| graph.loop_node_id(*ix).cloned());
        Some((Arc::clone(&node.id), around.collect::<Vec<_>>()))
    };
    edge.on == other.on
        && guard(edge) == guard(other)
        && end(graph, edge.from) == end(other_graph, other.from)
        && end(graph, edge.to) == end(other_graph, other.to)
}

/// The change from one graph to the next.
pub(crate) struct Rewrite<'r> {
    pub(crate) before: &'r Graph,
    pub(crate) after: &'r Arc<Graph>,
    pub(crate) data: &'r PatchApplied,
}

impl Rewrite<'_> {
    /// Carries the state over, and checks that nothing of what has happened is another.
    pub(crate) fn apply(&self, state: &mut State, cx: &mut Cx<'_>) {
        let carried = Carried::between(self.before, self.after);
        let started = self.started(state);
        self.nodes_stay(&started, &carried, cx);
        let gone = state.frames.rewrite(self.after, &carried);
        self.edges_stay(state, &gone, cx);
        self.repair(state, cx);
        for id in &self.data.routes {
            let ended = self.after.place(id).ok().and_then(|place| {
                let known = state.frames.ended(&place.frame, place.key.ix);
                // A scope that is forgotten was left by its loop node, which completed unless it is
                // known to have failed.
                known.or_else(|| state.over.get(id).copied()).or_else(|| {
                    state.frames.is_over(self.after, &place.frame).then_some(Outcome::Completed)
                })
            });
            match ended {
                Some(outcome) => {
                    state.routing.insert(id.clone(), outcome);
                    state.later.insert(id.clone());
                }
                None => {
                    cx.violation(D_03, format!("`{id}` has edges to decide, but has not ended"))
                }
            }
        }
    }

    /// Ids of nodes that have begun or ended in some scope, with all of a loop that was entered.
    fn started(&self, state: &State) -> BTreeSet<Arc<str>> {
        let graph = self.before;
        let mut started: BTreeSet<Arc<str>> = state
            .frames
            .ended_anywhere()
            .into_iter()
            .filter_map(|ix| graph.graph_node(ix).map(|node| Arc::clone(&node.id)))
            .collect();
        started.extend(state.open.keys().filter_map(|id| self.owner(id)));
        for (ix, the_loop) in (0..).zip(&graph.ir().loops) {
            let ids = the_loop.body.iter().filter_map(|node| graph.graph_node(*node));
            let ids: Vec<Arc<str>> = ids.map(|node| Arc::clone(&node.id)).collect();
            if state.frames.went_round(ix) || ids.iter().any(|id| started.contains(id)) {
                started.extend(ids);
            }
        }
        started
    }

    /// The node of the graph that an instance belongs to.
    fn owner(&self, id: &InstanceId) -> Option<Arc<str>> {
        let place = self.before.place(id).ok()?;
        self.before.graph_node(place.key.ix).map(|node| Arc::clone(&node.id))
    }

    fn nodes_stay(&self, started: &BTreeSet<Arc<str>>, carried: &Carried, cx: &mut Cx<'_>) {
        let patch = &self.data.patch;
        let (before, after) = (specs(self.before), specs(self.after));
        for id in started {
            let (Some(was), Some(is)) = (before.get(id), after.get(id)) else {
                cx.violation(I_29, format!("patch `{patch}` removes `{id}`, which has started"));
                continue;
            };
            let repaired =
                self.data.repaired.iter().find(|node| repairs(&node.node, id, self.before));
            let named = repaired.is_some_and(|node| {
                *node.node != **id || (node.before == digest(was) && node.after == digest(is))
            });
            cx.require(was == is || named, I_29, || {
                format!("patch `{patch}` changes `{id}`, which has started")
            });
            self.incoming_stay(id, carried, cx);
        }
    }

    fn incoming_stay(&self, id: &str, carried: &Carried, cx: &mut Cx<'_>) {
        let of = |graph: &Graph| {
            let node = graph.ir().node_ix(id).and_then(|ix| graph.graph_node(ix).cloned());
            node.map(|node| node.incoming).unwrap_or_default()
        };
        let was: Option<BTreeSet<EdgeIx>> =
            of(self.before).iter().map(|ix| carried.edges.get(ix).copied()).collect();
        let is: BTreeSet<EdgeIx> = of(self.after).into_iter().collect();
        cx.require(was == Some(is), I_29, || {
            format!("patch `{}` changes the edges into `{id}`, which has started", self.data.patch)
        });
    }

    /// Decided edges that are gone are exactly those that the event takes back.
    fn edges_stay(&self, state: &State, gone: &Gone, cx: &mut Cx<'_>) {
        let patch = &self.data.patch;
        for scope in &gone.scopes {
            cx.violation(
                I_29,
                format!("patch `{patch}` removes scope `{scope}`, which was entered"),
            );
        }
        let id =
            |ix: EdgeIx| self.before.ir().edges.get(ix as usize).map(|edge| Arc::clone(&edge.id));
        let lost: BTreeSet<(Arc<str>, Scope)> =
            gone.edges.iter().filter_map(|(ix, scope)| Some((id(*ix)?, scope.clone()))).collect();
        let taken_back = self.data.withdrawn.iter();
        let taken_back: BTreeSet<(Arc<str>, Scope)> =
            taken_back.map(|edge| (Arc::clone(&edge.id), edge.scope.clone())).collect();
        cx.require(lost == taken_back, I_29, || {
            format!("patch `{patch}` takes back {taken_back:?}, and removes {lost:?}")
        });
        for edge in &self.data.withdrawn {
            let over = state.open.contains_key(&edge.to) || state.is_over(&edge.to);
            cx.require(!over, I_29, || {
                format!("edge `{}` is taken back, though `{}` has started", edge.id, edge.to)
            });
        }
    }

    /// Instances of repaired nodes wait for another attempt, which may ask for something else.
    fn repair(&self, state: &mut State, cx: &mut Cx<'_>) {
        for repaired in self.data.repaired.iter().flat_map(|node| &node.instances) {
            let open = state.open.get_mut(&repaired.instance).filter(|open| match open.phase {
                Phase::Parked | Phase::Retrying { .. } | Phase::Granted => true,
                Phase::Attempt { .. }
                | Phase::Timer { .. }
                | Phase::Signal { .. }
                | Phase::Approval { .. }
                | Phase::Child { .. }
                | Phase::Map { .. }
                | Phase::Waiting { .. } => false,
            });
            match open {
                Some(open) => {
                    open.repaired = true;
                    open.attempts_max = repaired.attempts_max;
                }
                None => cx.violation(
                    I_29,
                    format!("`{}` is repaired, but waits for no attempt", repaired.instance),
                ),
            }
        }
    }
}

/// True if a repair of `node` changes the spec of `id`: its own, or that of the map around it.
fn repairs(node: &str, id: &str, graph: &Graph) -> bool {
    let map = graph.ir().map_of_body(node).and_then(|ix| graph.graph_node(ix));
    *node == *id || map.is_some_and(|map| *map.id == *id)
}

fn digest(spec: &Value) -> Digest {
    Digest::of(aob_ir::canonical_json(spec).unwrap_or_default().as_bytes())
}

/// Specs of the nodes of a graph, with all that they contain.
fn specs(graph: &Graph) -> BTreeMap<Arc<str>, Value> {
    let document: Value = serde_json::from_str(&graph.ir().canonical).unwrap_or_default();
    let nodes = graph.ir().nodes.iter();
    nodes
        .filter_map(|node| Some((Arc::clone(&node.id), document.pointer(&node.pointer)?.clone())))
        .collect()
}
