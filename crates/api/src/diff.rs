//! What two documents differ in, for people: node by node, key by key.

use std::collections::{BTreeMap, BTreeSet};

use aob_ir::{Digest, EdgeIr, EdgeOn, Ir};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::RawText;

/// Bytes of a value that is shown.
const VALUE_BYTES_MAX: usize = 2_048;
/// Keys shown of one item.
const FIELDS_MAX: usize = 100;
/// Nodes and edges shown.
const ITEMS_MAX: usize = 1_000;

/// What changes between two documents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DiffView {
    /// The document before.
    #[schema(value_type = String)]
    pub base: Digest,
    /// The document after.
    #[schema(value_type = String)]
    pub result: Digest,
    /// Nodes, as they stand in the result; then those that are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodeDiff>,
    /// Edges, those that keys of loops stand for included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edges: Vec<EdgeDiff>,
    /// Everything else, such as `/metadata/version`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sections: Vec<FieldDiff>,
    /// Nodes or edges that are in both stand in another order: the first edge whose condition matches
    /// is taken, so that may matter.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reordered: bool,
    /// There is more than is shown here: read both documents.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

/// What becomes of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is another.
    Changed,
}

/// A node that changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NodeDiff {
    /// Its id.
    pub id: String,
    /// Its type, as it will be, or was.
    #[serde(rename = "type")]
    pub kind: String,
    /// What becomes of it.
    pub change: Change,
    /// Its keys that change; pointers into the node.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldDiff>,
}

/// An edge that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EdgeDiff {
    /// Its id.
    pub id: String,
    /// Source.
    pub from: String,
    /// Target.
    pub to: String,
    /// Which outcome of the source it follows.
    #[schema(value_type = String, example = "success")]
    pub on: EdgeOn,
    /// Its condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// What becomes of it.
    pub change: Change,
}

/// A key that changes. A value that is too long to be shown is left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FieldDiff {
    /// JSON pointer.
    #[schema(example = "/config/url")]
    pub pointer: String,
    /// What becomes of it.
    pub change: Change,
    /// Its value before.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub before: Option<RawText>,
    /// Its value after.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub after: Option<RawText>,
}

impl DiffView {
    /// Compares two documents.
    pub fn between(base: &Ir, result: &Ir) -> Self {
        let (before, after) = (document(base), document(result));
        let mut diff = Self {
            base: base.digest,
            result: result.digest,
            nodes: nodes((base, &before), (result, &after)),
            edges: edges(base, result),
            sections: fields(&rest(&before), &rest(&after)),
            reordered: is_reordered(base, result),
            truncated: false,
        };
        diff.truncated = diff.nodes.len() > ITEMS_MAX
            || diff.edges.len() > ITEMS_MAX
            || diff.sections.len() >= FIELDS_MAX
            || diff.nodes.iter().any(|node| node.fields.len() >= FIELDS_MAX);
        diff.nodes.truncate(ITEMS_MAX);
        diff.edges.truncate(ITEMS_MAX);
        diff
    }

    /// True where nothing changes.
    pub fn is_empty(&self) -> bool {
        let listed = [self.nodes.is_empty(), self.edges.is_empty(), self.sections.is_empty()];
        listed == [true; 3] && !self.reordered
    }
}

fn document(ir: &Ir) -> Value {
    serde_json::from_str(&ir.canonical).unwrap_or_default()
}

/// Whether what is in both stands in another order.
fn is_reordered(base: &Ir, result: &Ir) -> bool {
    fn moved(old: &[&str], new: &[&str]) -> bool {
        let was: BTreeSet<&str> = old.iter().copied().collect();
        let is: BTreeSet<&str> = new.iter().copied().collect();
        !old.iter().filter(|id| is.contains(*id)).eq(new.iter().filter(|id| was.contains(*id)))
    }
    fn nodes(ir: &Ir) -> Vec<&str> {
        ir.nodes.iter().map(|node| &*node.id).collect()
    }
    fn edges(ir: &Ir) -> Vec<&str> {
        ir.edges.iter().map(|edge| &*edge.id).collect()
    }
    moved(&nodes(base), &nodes(result)) || moved(&edges(base), &edges(result))
}

fn nodes((base, before): (&Ir, &Value), (result, after): (&Ir, &Value)) -> Vec<NodeDiff> {
    let specs = |ir: &Ir, document: &Value| -> BTreeMap<String, Value> {
        let spec = |pointer: &str| document.pointer(pointer).cloned().unwrap_or_default();
        ir.nodes.iter().map(|node| (node.id.to_string(), spec(&node.pointer))).collect()
    };
    let (old, new) = (specs(base, before), specs(result, after));
    let diff = |id: &str, kind: &str, change: Change| {
        let none = Value::Null;
        let (was, is) = (old.get(id).unwrap_or(&none), new.get(id).unwrap_or(&none));
        // Of a node that is gone, that it is gone says it all.
        let mut fields = if change == Change::Removed { Vec::new() } else { fields(was, is) };
        if change == Change::Added {
            fields.retain(|field| field.pointer != "/id" && field.pointer != "/type");
        }
        NodeDiff { id: id.to_owned(), kind: kind.to_owned(), change, fields }
    };
    let mut found = Vec::new();
    for node in &result.nodes {
        match (old.get(&*node.id), new.get(&*node.id)) {
            (None, _) => found.push(diff(&node.id, &node.type_name, Change::Added)),
            (was, is) if was != is => found.push(diff(&node.id, &node.type_name, Change::Changed)),
            (Some(_), _) => {}
        }
    }
    let gone = base.nodes.iter().filter(|node| !new.contains_key(&*node.id));
    found.extend(gone.map(|node| diff(&node.id, &node.type_name, Change::Removed)));
    found
}

fn edges(base: &Ir, result: &Ir) -> Vec<EdgeDiff> {
    let of = |ir: &Ir, edge: &EdgeIr, change: Change| EdgeDiff {
        id: edge.id.to_string(),
        from: ir.node(edge.from).id.to_string(),
        to: ir.node(edge.to).id.to_string(),
        on: edge.on,
        condition: edge.condition.as_ref().map(|condition| condition.source().to_owned()),
        change,
    };
    let all = |ir: &Ir, change: Change| -> BTreeMap<String, EdgeDiff> {
        ir.edges.iter().map(|edge| (edge.id.to_string(), of(ir, edge, change))).collect()
    };
    let (old, new) = (all(base, Change::Removed), all(result, Change::Added));
    let gone = base.edges.iter().filter(|edge| !new.contains_key(&*edge.id));
    let mut found: Vec<EdgeDiff> = gone.map(|edge| of(base, edge, Change::Removed)).collect();
    for edge in &result.edges {
        match old.get(&*edge.id) {
            None => found.push(of(result, edge, Change::Added)),
            Some(was) => {
                let is = of(result, edge, Change::Removed);
                if *was != is {
                    found.push(EdgeDiff { change: Change::Changed, ..is });
                }
            }
        }
    }
    found
}

/// Everything but nodes and edges.
fn rest(document: &Value) -> Value {
    let keys = document.as_object().cloned().unwrap_or_default();
    let rest = keys.into_iter().filter(|(key, _)| key != "nodes" && key != "edges");
    Value::Object(rest.collect::<Map<_, _>>())
}

/// The leaves in which two values differ.
fn fields(before: &Value, after: &Value) -> Vec<FieldDiff> {
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    leaves(before, String::new(), &mut old);
    leaves(after, String::new(), &mut new);
    let mut found: Vec<FieldDiff> = Vec::new();
    for pointer in old.keys().chain(new.keys().filter(|pointer| !old.contains_key(*pointer))) {
        let (was, is) = (old.get(pointer), new.get(pointer));
        let change = match (was, is) {
            (was, is) if was == is => continue,
            (None, _) => Change::Added,
            (_, None) => Change::Removed,
            (Some(_), Some(_)) => Change::Changed,
        };
        let shown = |value: Option<&&Value>| value.and_then(|value| short(value));
        let (before, after) = (shown(was), shown(is));
        found.push(FieldDiff { pointer: pointer.clone(), change, before, after });
    }
    found.sort_by(|a, b| a.pointer.cmp(&b.pointer));
    found.truncate(FIELDS_MAX);
    found
}

/// What is not an object with keys, by its pointer. At the top nothing is no leaf.
fn leaves<'v>(value: &'v Value, pointer: String, found: &mut BTreeMap<String, &'v Value>) {
    match value.as_object() {
        Some(keys) if !keys.is_empty() => {
            for (key, value) in keys {
                let key = key.replace('~', "~0").replace('/', "~1");
                leaves(value, format!("{pointer}/{key}"), found);
            }
        }
        Some(_) if pointer.is_empty() => {}
        None if value.is_null() && pointer.is_empty() => {}
        Some(_) | None => {
            found.insert(pointer, value);
        }
    }
}

/// Reads a key that may hold `null`: absent is `None`, null is a value.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<RawText>, D::Error> {
    RawText::deserialize(deserializer).map(Some)
}

fn short(value: &Value) -> Option<RawText> {
    let text = value.to_string();
    (text.len() <= VALUE_BYTES_MAX).then(|| RawText::of(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn compiled(document: &Value) -> std::sync::Arc<Ir> {
        aob_ir::compile(document).expect("a workflow").ir
    }

    fn lines(diff: &DiffView) -> Vec<String> {
        let text = |value: &Option<RawText>| {
            value.as_ref().map_or("-".to_owned(), |text| text.0.get().to_owned())
        };
        let field = |owner: &str, field: &FieldDiff| {
            format!("{owner}{} {} {}", field.pointer, text(&field.before), text(&field.after))
        };
        let mut lines = Vec::new();
        for node in &diff.nodes {
            lines.push(format!("{:?} {} {}", node.change, node.id, node.kind));
            lines.extend(node.fields.iter().map(|one| field(&node.id, one)));
        }
        let edges = diff.edges.iter();
        lines.extend(
            edges.map(|edge| format!("{:?} {} {:?}", edge.change, edge.id, edge.condition)),
        );
        lines.extend(diff.sections.iter().map(|one| field("", one)));
        lines
    }

    #[test]
    fn nodes_edges_and_sections_are_compared_by_their_names() {
        let node = |id: &str, args: Value| json!({"id": id, "type": "function", "config": {"name": "echo", "args": args}});
        let before = json!({"nodes": [node("a", json!(1)), node("b", json!({"x": [1], "y": 2}))],
                            "edges": [{"from": "a", "to": "b"}]});
        let after = json!({"nodes": [node("b", json!({"x": [2], "z": {}})), node("c", json!(3))],
                           "edges": [{"from": "b", "to": "c", "condition": "true"}],
                           "metadata": {"name": "two"}});
        let diff = DiffView::between(&compiled(&before), &compiled(&after));
        let expected = [
            "Changed b function",
            "b/config/args/x [1] [2]",
            "b/config/args/y 2 -",
            "b/config/args/z - {}",
            "Added c function",
            "c/config/args - 3",
            "c/config/name - \"echo\"",
            "Removed a function",
            "Removed a->b None",
            "Added b->c Some(\"true\")",
            "/metadata/name - \"two\"",
        ];
        assert_eq!(lines(&diff), expected);
        assert!(DiffView::between(&compiled(&after), &compiled(&after)).is_empty());
    }

    #[test]
    fn another_order_is_a_difference() {
        let with = |edges: Value| {
            let node = |id: &str| json!({"id": id, "type": "parallel"});
            let start = json!({"id": "a", "type": "conditional"});
            compiled(&json!({"nodes": [start, node("b"), node("c")], "edges": edges}))
        };
        let edge = |to: &str| json!({"from": "a", "to": to, "condition": "true"});
        let (one, other) =
            (with(json!([edge("b"), edge("c")])), with(json!([edge("c"), edge("b")])));
        let diff = DiffView::between(&one, &other);
        assert!(diff.reordered && !diff.is_empty() && lines(&diff).is_empty(), "{diff:?}");
        let fewer = DiffView::between(&one, &with(json!([edge("c")])));
        assert!(!fewer.reordered, "what is gone moves nothing: {fewer:?}");
    }

    #[test]
    fn what_is_long_is_left_out_and_what_is_much_is_cut() {
        let with = |args: Value| {
            let config = json!({"name": "echo", "args": args});
            compiled(
                &json!({"nodes": [{"id": "a", "type": "function", "config": config}], "edges": []}),
            )
        };
        let long = "x".repeat(VALUE_BYTES_MAX);
        let diff = DiffView::between(&with(json!(1)), &with(json!(long)));
        assert_eq!(lines(&diff), ["Changed a function", "a/config/args 1 -"]);
        let many: Map<String, Value> =
            (0..=FIELDS_MAX).map(|n| (format!("k{n:03}"), json!(n))).collect();
        let diff = DiffView::between(&with(json!(1)), &with(Value::Object(many)));
        assert!(diff.truncated);
        assert_eq!(diff.nodes[0].fields.len(), FIELDS_MAX);
    }
}
