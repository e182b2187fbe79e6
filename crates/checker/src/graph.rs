//! The checker's own view of a compiled workflow: where an instance belongs, and what surrounds it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aob_engine::{InstanceId, Scope, ScopeStep};
use aob_ir::{EdgeIr, EdgeIx, Ir, LoopIr, LoopIx, NodeIr, NodeIx, NodeKind};

/// Suffix of the node id of a compensation.
pub(crate) const UNDO_SUFFIX: &str = ".compensate";

/// Names a node of the document, map bodies and compensations included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeKey {
    /// The node of the graph.
    pub(crate) ix: NodeIx,
    /// How many maps deep below it; 0 is the node itself.
    pub(crate) depth: u32,
    /// True for its compensation.
    pub(crate) undo: bool,
}

/// Where an instance belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its node.
    pub(crate) key: NodeKey,
    /// The loop steps of its scope: the frame that it lives in.
    pub(crate) frame: Scope,
    /// The map instance and item, for a map body.
    pub(crate) item_of: Option<(InstanceId, u32)>,
}

impl Place {
    /// True for an instance of the graph itself: neither a map body nor a compensation.
    pub(crate) fn is_graph_node(&self) -> bool {
        self.key.depth == 0 && !self.key.undo
    }
}

/// A compiled workflow with the lookups that checking needs.
#[derive(Debug)]
pub(crate) struct Graph {
    ir: Arc<Ir>,
    ids: BTreeMap<Arc<str>, (NodeIx, u32)>,
    edges: BTreeMap<Arc<str>, EdgeIx>,
    /// Per frame kind (`None`: the top), the nodes that live directly in it.
    direct: BTreeMap<Option<LoopIx>, Vec<NodeIx>>,
    /// Per frame kind, the loops directly inside it.
    nested: BTreeMap<Option<LoopIx>, Vec<LoopIx>>,
    /// Per frame kind, the edges that are decided in it.
    decided_in: BTreeMap<Option<LoopIx>, Vec<EdgeIx>>,
    /// Edges that leave a loop's body without passing its loop node.
    routes: BTreeSet<EdgeIx>,
}

fn index_of(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

impl Graph {
    /// Indexes `ir`.
    pub(crate) fn new(ir: Arc<Ir>) -> Self {
        let mut ids = BTreeMap::new();
        let mut direct: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (position, node) in ir.nodes.iter().enumerate() {
            let ix = index_of(position);
            let mut level = Some(node);
            let mut depth = 0;
            while let Some(current) = level {
                ids.insert(Arc::clone(&current.id), (ix, depth));
                level = body_of(current);
                depth += 1;
            }
            direct.entry(node.loops.last().copied()).or_default().push(ix);
        }
        let mut nested: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (position, inner) in ir.loops.iter().enumerate() {
            nested.entry(inner.parent).or_default().push(index_of(position));
        }
        let mut decided_in: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (position, edge) in ir.edges.iter().enumerate() {
            let around = ir.nodes.get(edge.from as usize).map_or(&[][..], |node| &node.loops);
            let kind = around.iter().take(edge.common_loops as usize).next_back().copied();
            decided_in.entry(kind).or_default().push(index_of(position));
        }
        let routes = ir.loops.iter().flat_map(|found| found.routes.iter().copied()).collect();
        let edges = ir
            .edges
            .iter()
            .enumerate()
            .map(|(position, edge)| (Arc::clone(&edge.id), index_of(position)))
            .collect();
        Self { ir, ids, edges, direct, nested, decided_in, routes }
    }

    /// The compiled workflow.
    pub(crate) fn ir(&self) -> &Ir {
        &self.ir
    }

    /// The node of `key`; `None` only for a key of another graph.
    pub(crate) fn node(&self, key: NodeKey) -> Option<&NodeIr> {
        let mut node = self.ir.nodes.get(key.ix as usize)?;
        for _ in 0..key.depth {
            node = body_of(node)?;
        }
        if key.undo { node.compensate.as_deref() } else { Some(node) }
    }

    /// The node with this id, in whatever map it is the body of; compensations too.
    pub(crate) fn named(&self, id: &str) -> Option<&NodeIr> {
        let (id, undo) = match id.strip_suffix(UNDO_SUFFIX) {
            Some(id) => (id, true),
            None => (id, false),
        };
        let (ix, depth) = *self.ids.get(id)?;
        self.node(NodeKey { ix, depth, undo })
    }

    /// The graph node at `ix`.
    pub(crate) fn graph_node(&self, ix: NodeIx) -> Option<&NodeIr> {
        self.ir.nodes.get(ix as usize)
    }

    /// The edge with this id.
    pub(crate) fn edge(&self, id: &str) -> Option<(EdgeIx, &EdgeIr)> {
        let ix = *self.edges.get(id)?;
        self.ir.edges.get(ix as usize).map(|edge| (ix, edge))
    }

    /// True for an edge that leaves a loop's body without passing its loop node.
    pub(crate) fn is_route(&self, ix: EdgeIx) -> bool {
        self.routes.contains(&ix)
    }

    /// The loop at `ix`.
    pub(crate) fn loop_at(&self, ix: LoopIx) -> Option<&LoopIr> {
        self.ir.loops.get(ix as usize)
    }

    /// The loop that `node` ends, if it is a loop node.
    pub(crate) fn loop_of(&self, node: &NodeIr) -> Option<(LoopIx, &LoopIr)> {
        if let NodeKind::Loop { loop_ix } = &node.kind {
            self.loop_at(*loop_ix).map(|found| (*loop_ix, found))
        } else {
            None
        }
    }

    /// The loop whose loop node has this id.
    pub(crate) fn loop_named(&self, id: &str) -> Option<(LoopIx, &LoopIr)> {
        self.loop_of(self.graph_node(self.ir.node_ix(id)?)?)
    }

    /// Nodes that live directly in a frame of this kind.
    pub(crate) fn direct(&self, kind: Option<LoopIx>) -> &[NodeIx] {
        self.direct.get(&kind).map_or(&[], Vec::as_slice)
    }

    /// Loops directly inside a frame of this kind.
    pub(crate) fn nested(&self, kind: Option<LoopIx>) -> &[LoopIx] {
        self.nested.get(&kind).map_or(&[], Vec::as_slice)
    }

    /// Edges that are decided in a frame of this kind.
    pub(crate) fn decided_in(&self, kind: Option<LoopIx>) -> &[EdgeIx] {
        self.decided_in.get(&kind).map_or(&[], Vec::as_slice)
    }

    /// Node id of the loop node of `ix`.
    pub(crate) fn loop_node_id(&self, ix: LoopIx) -> Option<&Arc<str>> {
        self.graph_node(self.loop_at(ix)?.node).map(|node| &node.id)
    }

    /// The frame of iteration `iteration` of loop `ix`, which runs in `around`.
    pub(crate) fn iteration(&self, around: &Scope, ix: LoopIx, iteration: u32) -> Option<Scope> {
        Some(around.child(Arc::clone(self.loop_node_id(ix)?), iteration))
    }

    /// True if frames of this kind live in such a scope.
    pub(crate) fn is_scope(&self, scope: &Scope, kind: Option<LoopIx>) -> bool {
        let mut around = Vec::new();
        let mut next = kind;
        while let Some(ix) = next {
            around.extend(self.loop_node_id(ix));
            next = self.loop_at(ix).and_then(|inner| inner.parent);
        }
        around.iter().rev().copied().eq(scope.0.iter().map(|step| &step.node))
    }

    /// Where `instance` belongs.
    ///
    /// # Errors
    /// Says what is wrong if the workflow has no such node, or not in such a scope.
    pub(crate) fn place(&self, instance: &InstanceId) -> Result<Place, String> {
        let (id, undo) = match instance.node.strip_suffix(UNDO_SUFFIX) {
            Some(id) => (id, true),
            None => (&*instance.node, false),
        };
        let (ix, depth) =
            *self.ids.get(id).ok_or_else(|| format!("the workflow has no node `{id}`"))?;
        let key = NodeKey { ix, depth, undo };
        if self.node(key).is_none() {
            return Err(format!("node `{id}` declares no compensation"));
        }
        let expected = self.scope_nodes(ix, depth);
        let steps = &instance.scope.0;
        let fits = expected.len() == steps.len()
            && expected.iter().zip(steps).all(|(node, step)| **node == step.node);
        if !fits {
            return Err(format!("node `{id}` does not live in scope `{}`", instance.scope));
        }
        let loops = expected.len() - depth as usize;
        let item_of = (depth > 0).then(|| steps.split_last()).flatten().map(|(item, around)| {
            (InstanceId { node: Arc::clone(&item.node), scope: scope_of(around) }, item.index)
        });
        Ok(Place { key, frame: scope_of(&steps[..loops]), item_of })
    }

    /// Node ids of the loops and maps around a node, outermost first.
    fn scope_nodes(&self, ix: NodeIx, depth: u32) -> Vec<&Arc<str>> {
        let Some(node) = self.graph_node(ix) else { return Vec::new() };
        let mut nodes: Vec<_> =
            node.loops.iter().filter_map(|inner| self.loop_node_id(*inner)).collect();
        let mut level = node;
        for _ in 0..depth {
            nodes.push(&level.id);
            match body_of(level) {
                Some(body) => level = body,
                None => break,
            }
        }
        nodes
    }
}

/// The body of a map; `None` for other nodes.
pub(crate) fn body_of(node: &NodeIr) -> Option<&NodeIr> {
    if let NodeKind::Map(map) = &node.kind { Some(&map.body) } else { None }
}

/// The scope of these steps.
pub(crate) fn scope_of(steps: &[ScopeStep]) -> Scope {
    Scope(steps.iter().cloned().collect())
}

/// The first `len` steps of `scope`; `None` if it has fewer.
pub(crate) fn prefix(scope: &Scope, len: usize) -> Option<Scope> {
    scope.0.get(..len).map(scope_of)
}
