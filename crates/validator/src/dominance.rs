//! What every way to a node leads through, approvals and guards told apart from their nodes.
//!
//! Between a node and the targets of its edges stand two more kinds of vertices: the *port* of an
//! approval, through which lead the edges that only an approval takes, and the *guard* of edges
//! with the same condition. A node needs an approval exactly where its port dominates the node.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aob_ir::{EdgeIr, EdgeOn, Ir, NodeIr, NodeIx, NodeKind, OnError, Tolerate};

/// Index of a vertex; those of nodes are those of the compiled form.
pub(crate) type Vertex = usize;

/// What a vertex beside the nodes stands for; equal in two graphs where it means the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Label {
    /// The approval by this node.
    Port(String),
    /// The condition of edges from a node, with whatever decides along with it.
    Guard {
        /// Source.
        from: String,
        /// For people.
        condition: String,
        /// What it means, all in all.
        meaning: String,
    },
}

/// The dominator tree of a graph with ports and guards.
#[derive(Debug)]
pub(crate) struct Dominance {
    labels: Vec<Option<Label>>,
    by_label: BTreeMap<Label, Vertex>,
    parents: Vec<Option<Vertex>>,
    /// When a walk of the tree enters and leaves each vertex.
    spans: Vec<(usize, usize)>,
}

impl Dominance {
    pub(crate) fn of(ir: &Ir) -> Self {
        let mut graph = Graph::new(ir);
        for edge in &ir.edges {
            graph.edge(ir, edge);
        }
        let order = graph.order(ir);
        let parents = parents(&order, &graph.incoming);
        let spans = spans(&order, &parents);
        Self { labels: graph.labels, by_label: graph.by_label, parents, spans }
    }

    /// The label of a vertex; none: a node.
    pub(crate) fn label(&self, vertex: Vertex) -> Option<&Label> {
        self.labels[vertex].as_ref()
    }

    pub(crate) fn find(&self, label: &Label) -> Option<Vertex> {
        self.by_label.get(label).copied()
    }

    /// The vertices that every way to `vertex` leads through, the last one first.
    pub(crate) fn above(&self, vertex: Vertex) -> impl Iterator<Item = Vertex> + '_ {
        std::iter::successors(self.parents[vertex], |vertex| self.parents[*vertex])
    }

    /// Whether every way to `vertex` leads through `other`.
    pub(crate) fn dominates(&self, other: Vertex, vertex: Vertex) -> bool {
        let (from, to) = self.spans[other];
        (from..to).contains(&self.spans[vertex].0)
    }
}

/// Whether a node is an approval that cannot be passed without one: `on_error: skip` would take
/// success edges after a rejection.
pub(crate) fn is_gate(node: &NodeIr) -> bool {
    matches!(node.kind, NodeKind::Hitl { .. }) && node.on_error != OnError::Skip
}

/// Whether only an approval takes this edge. A join that tolerates failures counts a rejection as
/// taken.
pub(crate) fn is_approving(ir: &Ir, edge: &EdgeIr) -> bool {
    let tolerates =
        !matches!(ir.node(edge.to).join.tolerate, Tolerate::Count(0) | Tolerate::Percent(0));
    is_gate(ir.node(edge.from))
        && matches!(edge.on, EdgeOn::Success | EdgeOn::Approved)
        && !tolerates
}

/// The graph while it is put together.
struct Graph {
    labels: Vec<Option<Label>>,
    by_label: BTreeMap<Label, Vertex>,
    incoming: Vec<Vec<Vertex>>,
    /// Ports and guards by the node that they belong to.
    own: Vec<Vec<Vertex>>,
}

impl Graph {
    fn new(ir: &Ir) -> Self {
        let nodes = ir.nodes.len();
        Self {
            labels: vec![None; nodes],
            by_label: BTreeMap::new(),
            incoming: vec![Vec::new(); nodes],
            own: vec![Vec::new(); nodes],
        }
    }

    fn edge(&mut self, ir: &Ir, edge: &EdgeIr) {
        let from = ir.node(edge.from);
        let mut at = edge.from as Vertex;
        if is_approving(ir, edge) {
            at = self.vertex(Label::Port(from.id.to_string()), edge.from, at);
        }
        if let Some(guard) = guard(ir, edge) {
            at = self.vertex(guard, edge.from, at);
        }
        self.incoming[edge.to as Vertex].push(at);
    }

    fn vertex(&mut self, label: Label, owner: NodeIx, before: Vertex) -> Vertex {
        if let Some(known) = self.by_label.get(&label) {
            return *known;
        }
        let vertex = self.labels.len();
        self.by_label.insert(label.clone(), vertex);
        self.labels.push(Some(label));
        self.incoming.push(vec![before]);
        self.own[owner as Vertex].push(vertex);
        vertex
    }

    /// A topological order with ports and guards right after their nodes.
    fn order(&self, ir: &Ir) -> Vec<Vertex> {
        let mut order = Vec::with_capacity(self.labels.len());
        for node in topological(ir) {
            order.push(node as Vertex);
            order.extend(&self.own[node as Vertex]);
        }
        order
    }
}

/// A topological order; the graph is acyclic, as back edges of loops are not among its edges.
pub(crate) fn topological(ir: &Ir) -> Vec<NodeIx> {
    let mut missing: Vec<usize> = ir.nodes.iter().map(|node| node.incoming.len()).collect();
    let mut ready: Vec<NodeIx> = ir.entries.clone();
    let mut order = Vec::with_capacity(ir.nodes.len());
    while let Some(node) = ready.pop() {
        order.push(node);
        for edge in &ir.node(node).outgoing {
            let to = ir.edge(*edge).to;
            missing[to as usize] -= 1;
            if missing[to as usize] == 0 {
                ready.push(to);
            }
        }
    }
    order
}

/// The guard of an edge. Of a `conditional` the first edge that matches is taken, so what an edge
/// means depends on those before it, and *else* on all others.
fn guard(ir: &Ir, edge: &EdgeIr) -> Option<Label> {
    let from = ir.node(edge.from);
    let is_exclusive = matches!(from.kind, NodeKind::Conditional);
    let own = edge.condition.as_ref().map(|condition| condition.source());
    if own.is_none() && !is_exclusive {
        return None;
    }
    let condition = own.unwrap_or("else").to_owned();
    let mut meaning = format!("{:?} {condition}", edge.on);
    if is_exclusive {
        let others = from.outgoing.iter().map(|ix| ir.edge(*ix));
        let before = others.take_while(|other| own.is_none() || other.id != edge.id);
        for other in before.filter_map(|other| other.condition.as_ref()) {
            let _ = write!(meaning, "\nnot {}", other.source());
        }
    }
    Some(Label::Guard { from: from.id.to_string(), condition, meaning })
}

/// The parent of each vertex in the tree.
fn parents(order: &[Vertex], incoming: &[Vec<Vertex>]) -> Vec<Option<Vertex>> {
    let mut parents: Vec<Option<Vertex>> = vec![None; incoming.len()];
    let mut depth = vec![0_usize; incoming.len()];
    for &vertex in order {
        let mut sources = incoming[vertex].iter().copied();
        let mut common = sources.next();
        for source in sources {
            common = common.and_then(|common| meet(common, source, &parents, &depth));
        }
        parents[vertex] = common;
        depth[vertex] = common.map_or(0, |parent| depth[parent] + 1);
    }
    parents
}

/// The deepest common ancestor.
fn meet(
    mut a: Vertex,
    mut b: Vertex,
    parents: &[Option<Vertex>],
    depth: &[usize],
) -> Option<Vertex> {
    while a != b {
        if depth[a] >= depth[b] {
            a = parents[a]?;
        } else {
            b = parents[b]?;
        }
    }
    Some(a)
}

/// Numbers the vertices so that those below one have the numbers of its span.
fn spans(order: &[Vertex], parents: &[Option<Vertex>]) -> Vec<(usize, usize)> {
    let mut sizes = vec![1_usize; parents.len()];
    for &vertex in order.iter().rev() {
        if let Some(parent) = parents[vertex] {
            sizes[parent] += sizes[vertex];
        }
    }
    let mut spans = vec![(0, 0); parents.len()];
    let mut free = vec![0; parents.len()];
    let mut next_root = 0;
    for &vertex in order {
        let next = match parents[vertex] {
            Some(parent) => &mut free[parent],
            None => &mut next_root,
        };
        let start = *next;
        *next += sizes[vertex];
        free[vertex] = start + 1;
        spans[vertex] = (start, start + sizes[vertex]);
    }
    spans
}
