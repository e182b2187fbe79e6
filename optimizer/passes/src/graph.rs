//! Document and facts side by side, and what several passes ask about them.

use serde_json::{Map, Value};

use crate::facts::{Edge, Facts, Kind, Node};

/// A document with its facts.
pub(crate) struct Graph<'a> {
    document: &'a Value,
    pub(crate) facts: &'a Facts,
}

impl<'a> Graph<'a> {
    pub(crate) fn new(document: &'a Value, facts: &'a Facts) -> Self {
        Self { document, facts }
    }

    pub(crate) fn nodes(&self) -> impl Iterator<Item = (usize, &'a Node)> {
        self.facts.nodes.iter().enumerate()
    }

    pub(crate) fn node(&self, ix: usize) -> &'a Node {
        &self.facts.nodes[ix]
    }

    pub(crate) fn edge(&self, ix: usize) -> &'a Edge {
        &self.facts.edges[ix]
    }

    pub(crate) fn incoming(&self, node: &'a Node) -> impl Iterator<Item = &'a Edge> {
        node.incoming.iter().map(|&ix| self.edge(ix))
    }

    pub(crate) fn outgoing(&self, node: &'a Node) -> impl Iterator<Item = &'a Edge> {
        node.outgoing.iter().map(|&ix| self.edge(ix))
    }

    /// The node as the document has it.
    pub(crate) fn source(&self, id: &str) -> Option<&'a Map<String, Value>> {
        find(self.document.get("nodes")?, |node| node.get("id").and_then(Value::as_str) == Some(id))
    }

    /// The edge as the document has it.
    pub(crate) fn edge_source(&self, id: &str) -> Option<&'a Map<String, Value>> {
        find(self.document.get("edges")?, |edge| {
            let text = |key: &str| edge.get(key).and_then(Value::as_str);
            match text("id") {
                Some(known) => known == id,
                None => match (text("from"), text("to")) {
                    (Some(from), Some(to)) => {
                        id.strip_prefix(from).and_then(|rest| rest.strip_prefix("->")) == Some(to)
                    }
                    _ => false,
                },
            }
        })
    }

    /// The document has a list of edges, if an empty one.
    pub(crate) fn has_edges(&self) -> bool {
        self.document.get("edges").is_some()
    }

    /// The configuration of a node.
    pub(crate) fn config(&self, node: &Node) -> Option<&'a Map<String, Value>> {
        self.source(&node.id)?.get("config")?.as_object()
    }

    /// Some edge leads from one node to the other.
    pub(crate) fn joined(&self, from: usize, to: usize) -> bool {
        self.node(from).outgoing.iter().any(|&edge| self.edge(edge).to == to)
    }

    /// A loop's body starts with it.
    pub(crate) fn is_head(&self, ix: usize) -> bool {
        self.facts.loops.iter().any(|one| one.head == ix)
    }

    /// Every path to `node` leads through `other`.
    pub(crate) fn dominates(&self, other: usize, node: usize) -> bool {
        let mut at = Some(node);
        while let Some(ix) = at {
            if ix == other {
                return true;
            }
            at = self.node(ix).dominator;
        }
        false
    }

    /// Nodes that read the output of a node, with their edges' conditions, as indices.
    pub(crate) fn readers(&self, id: &str) -> Vec<usize> {
        let reads = |list: &[String]| list.iter().any(|read| read == id);
        let nodes = self.nodes().filter(|(_, node)| reads(&node.reads)).map(|(ix, _)| ix);
        let edges = self.facts.edges.iter().filter(|edge| reads(&edge.reads)).map(|edge| edge.from);
        nodes.chain(edges).collect()
    }

    /// Rewrites may bring in nodes of this type.
    pub(crate) fn allows(&self, type_name: &str) -> bool {
        self.facts.allowed_types.iter().any(|known| known == type_name)
    }

    /// Both are reached in the same way: along edges from the same nodes, on the same outcomes and
    /// conditions, none of which takes one of its edges only. So one starts where the other does,
    /// with the same input.
    pub(crate) fn reached_alike(&self, a: &'a Node, b: &'a Node) -> bool {
        let ways = |node: &'a Node| {
            let mut ways: Vec<_> = self
                .incoming(node)
                .map(|edge| (edge.from, edge.on.as_str(), edge.condition.as_deref()))
                .collect();
            ways.sort_unstable();
            ways
        };
        let copyable = |node: &'a Node| self.incoming(node).all(|edge| self.is_copyable(edge));
        a.loops == b.loops && copyable(a) && copyable(b) && ways(a) == ways(b)
    }

    /// A second edge with the same source, outcome and condition would be taken whenever this one
    /// is.
    pub(crate) fn is_copyable(&self, edge: &Edge) -> bool {
        edge.drawn && self.node(edge.from).kind != Kind::Conditional
    }
}

impl Edge {
    /// It follows success, always, and is drawn.
    pub(crate) fn is_plain(&self) -> bool {
        self.drawn && self.on == "success" && self.condition.is_none()
    }
}

fn find(list: &Value, fits: impl Fn(&Map<String, Value>) -> bool) -> Option<&Map<String, Value>> {
    list.as_array()?.iter().filter_map(Value::as_object).find(|item| fits(item))
}
