//! What changes between two graphs, for people and for the hash that approvals name.

use std::collections::BTreeMap;
use std::sync::Arc;

use aob_ir::Ir;
use serde::Serialize;
use serde_json::{Map, Value};

/// What changes between two documents.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct GraphDiff {
    /// Nodes that are new, in document order.
    pub nodes_added: Vec<NodeChange>,
    /// Nodes that are gone.
    pub nodes_removed: Vec<Arc<str>>,
    /// Nodes that are there and other than they were.
    pub nodes_changed: Vec<NodeChange>,
    /// Edges that are new.
    pub edges_added: Vec<EdgeChange>,
    /// Edges that are gone.
    pub edges_removed: Vec<Arc<str>>,
    /// Edges that are there and other than they were.
    pub edges_changed: Vec<EdgeChange>,
    /// Other parts of the document that change, such as `metadata`.
    pub sections: Vec<String>,
}

/// A node that is new or changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodeChange {
    /// Its id.
    pub id: Arc<str>,
    /// Its type, as it will be.
    #[serde(rename = "type")]
    pub type_name: Arc<str>,
    /// Keys that change; of a new node none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
}

/// An edge that is new or changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EdgeChange {
    /// Its id.
    pub id: Arc<str>,
    /// Source.
    pub from: Arc<str>,
    /// Target.
    pub to: Arc<str>,
    /// The outcome that it follows.
    pub on: aob_ir::EdgeOn,
    /// Its condition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Arc<str>>,
}

impl GraphDiff {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Compares two documents, given compiled and as JSON.
    pub(crate) fn of(base: (&Ir, &Value), result: (&Ir, &Value)) -> Self {
        let mut diff = Self { sections: sections(base.1, result.1), ..Self::default() };
        diff.nodes(base, result);
        diff.edges(base.0, result.0);
        diff
    }

    fn nodes(&mut self, base: (&Ir, &Value), result: (&Ir, &Value)) {
        let before = specs(base);
        let after = specs(result);
        for node in &result.0.nodes {
            let change = |keys| NodeChange {
                id: Arc::clone(&node.id),
                type_name: Arc::clone(&node.type_name),
                keys,
            };
            match (before.get(&*node.id), after.get(&*node.id)) {
                (None, _) => self.nodes_added.push(change(Vec::new())),
                (Some(was), Some(is)) if was != is => {
                    self.nodes_changed.push(change(changed_keys(was, is)));
                }
                (Some(_), _) => {}
            }
        }
        let gone = base.0.nodes.iter().filter(|node| !after.contains_key(&*node.id));
        self.nodes_removed = gone.map(|node| Arc::clone(&node.id)).collect();
    }

    fn edges(&mut self, base: &Ir, result: &Ir) {
        let before = edges(base);
        let after = edges(result);
        for edge in &result.edges {
            let is = &after[&edge.id];
            match before.get(&edge.id) {
                None => self.edges_added.push(is.clone()),
                Some(was) if was != is => self.edges_changed.push(is.clone()),
                Some(_) => {}
            }
        }
        let gone = base.edges.iter().filter(|edge| !after.contains_key(&edge.id));
        self.edges_removed = gone.map(|edge| Arc::clone(&edge.id)).collect();
    }
}

/// Edges by id, those that keys stand for included.
pub(crate) fn edges(ir: &Ir) -> BTreeMap<Arc<str>, EdgeChange> {
    let of = |edge: &aob_ir::EdgeIr| EdgeChange {
        id: Arc::clone(&edge.id),
        from: Arc::clone(&ir.node(edge.from).id),
        to: Arc::clone(&ir.node(edge.to).id),
        on: edge.on,
        condition: edge.condition.as_ref().map(|condition| condition.source().into()),
    };
    ir.edges.iter().map(|edge| (Arc::clone(&edge.id), of(edge))).collect()
}

/// Nodes as the document has them, by id.
pub(crate) fn specs<'v>((ir, document): (&Ir, &'v Value)) -> BTreeMap<Arc<str>, &'v Value> {
    let listed = document.get("nodes").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    // The compiled nodes stand in the order of the document.
    let spec = |ix: usize| listed.get(ix).unwrap_or(&Value::Null);
    ir.nodes.iter().enumerate().map(|(ix, node)| (Arc::clone(&node.id), spec(ix))).collect()
}

/// Keys of two objects whose values differ.
pub(crate) fn changed_keys(was: &Value, is: &Value) -> Vec<String> {
    let empty = Map::new();
    let (was, is) = (was.as_object().unwrap_or(&empty), is.as_object().unwrap_or(&empty));
    let mut keys: Vec<String> =
        was.keys().chain(is.keys()).filter(|key| was.get(*key) != is.get(*key)).cloned().collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Parts of the document beside nodes and edges that differ; their order does too.
fn sections(base: &Value, result: &Value) -> Vec<String> {
    let mut keys = changed_keys(base, result);
    keys.retain(|key| key != "nodes" && key != "edges");
    keys
}
