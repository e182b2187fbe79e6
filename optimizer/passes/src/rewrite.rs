//! What a pass proposes.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::graph::Graph;

/// A proposed rewrite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rewrite {
    /// The rule that gave it, such as `http-coalescing/siblings`.
    pub rule: String,
    /// For people: what it does, and why that changes nothing.
    pub reason: String,
    /// Nodes that it is about, by id, as they were before.
    pub nodes: Vec<String>,
    /// What it saves.
    pub saving: Saving,
    /// The patch, in id-addressed JSON Patch operations.
    pub operations: Vec<Value>,
}

/// What a rewrite saves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saving {
    /// Of what.
    pub metric: Metric,
    /// How many less.
    pub amount: u64,
    /// How often.
    pub per: Per,
}

/// What can be saved, as a run can count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Jobs that are handed to runners.
    Jobs,
    /// Node instances that are opened or skipped.
    Instances,
    /// Edges that are decided.
    Edges,
    /// Jobs that wait for each other, one after the other.
    Steps,
}

/// How often a saving is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// Once in a run that comes past.
    Run,
    /// For every turn of the loop after the first.
    Turn,
    /// For every item that the filter drops.
    DroppedItem,
    /// In a run that finds an earlier result.
    Hit,
}

/// A patch in the making.
#[derive(Debug)]
pub(crate) struct Patch {
    operations: Vec<Value>,
    added_edges: BTreeSet<(String, String)>,
}

impl Patch {
    pub(crate) fn of(graph: &Graph<'_>) -> Self {
        let none = json!({"op": "add", "path": "/edges", "value": []});
        let operations = if graph.has_edges() { Vec::new() } else { vec![none] };
        Self { operations, added_edges: BTreeSet::new() }
    }

    pub(crate) fn add_node(&mut self, node: Map<String, Value>) {
        self.operations.push(json!({"op": "add", "path": "/nodes/-", "value": node}));
    }

    pub(crate) fn replace_node(&mut self, id: &str, node: Map<String, Value>) {
        self.operations
            .push(json!({"op": "replace", "path": format!("/nodes/{id}"), "value": node}));
    }

    pub(crate) fn remove_node(&mut self, id: &str) {
        self.operations.push(json!({"op": "remove", "path": format!("/nodes/{id}")}));
    }

    pub(crate) fn set_key(&mut self, id: &str, key: &str, value: Value) {
        self.operations
            .push(json!({"op": "add", "path": format!("/nodes/{id}/{key}"), "value": value}));
    }

    /// A plain edge; asking for one twice adds one.
    pub(crate) fn add_edge(&mut self, from: &str, to: &str) {
        self.add_edge_like(from, to, &Map::new());
    }

    /// An edge with `on` and `condition` of another.
    pub(crate) fn add_edge_like(&mut self, from: &str, to: &str, like: &Map<String, Value>) {
        if !self.added_edges.insert((from.to_owned(), to.to_owned())) {
            return;
        }
        let mut edge = Map::new();
        edge.insert("from".to_owned(), from.into());
        edge.insert("to".to_owned(), to.into());
        for key in ["on", "condition"] {
            edge.extend(like.get(key).map(|value| (key.to_owned(), value.clone())));
        }
        self.operations.push(json!({"op": "add", "path": "/edges/-", "value": edge}));
    }

    pub(crate) fn remove_edge(&mut self, id: &str) {
        self.operations.push(json!({"op": "remove", "path": format!("/edges/{id}")}));
    }

    /// Lets an edge lead elsewhere, in its place among its siblings.
    pub(crate) fn redirect_edge(&mut self, id: &str, to: &str) {
        let path = format!("/edges/{id}/to");
        self.operations.push(json!({"op": "replace", "path": path, "value": to}));
    }

    pub(crate) fn into_rewrite(
        self,
        rule: &str,
        reason: String,
        nodes: Vec<String>,
        saving: Saving,
    ) -> Rewrite {
        Rewrite { rule: rule.to_owned(), reason, nodes, saving, operations: self.operations }
    }
}
