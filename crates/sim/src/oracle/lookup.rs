//! Finds things in scenarios and events, for the driver of the tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use aob_engine::{Blob, InstanceId};
use aob_ir::Digest;
use serde_json::Value;

use crate::generator::{Body, Flow, Kind, Node};

/// Keeps every value that an event carries.
pub(super) fn collect(value: &Value, blobs: &mut BTreeMap<Digest, Arc<Blob>>) {
    if let Value::Object(object) = value {
        if let (Some(_), Some(inner), Some(Value::String(digest))) =
            (object.get("len"), object.get("value"), object.get("digest"))
            && let Ok(digest) = digest.parse::<Digest>()
        {
            blobs.entry(digest).or_insert_with(|| Blob::of(inner.clone()));
            return;
        }
        for inner in object.values() {
            collect(inner, blobs);
        }
    }
}

/// The node of an instance, and whether the instance undoes it.
pub(super) fn node_of<'f>(flow: &'f Flow, instance: &InstanceId) -> Option<(&'f Node, bool)> {
    let (id, undo) = match instance.node.strip_suffix(".compensate") {
        Some(id) => (id, true),
        None => (&*instance.node, false),
    };
    let mut levels: Vec<&Node> = flow.nodes.iter().collect();
    while let Some(node) = levels.pop() {
        if node.id == id {
            return Some((node, undo));
        }
        if let Kind::Map { body: Body::Node(body), .. } = &node.kind {
            levels.push(body);
        }
    }
    None
}

/// The workflow that an instance runs as a child.
pub(super) fn child_of<'f>(flow: &'f Flow, instance: &InstanceId) -> Option<&'f Flow> {
    let map = instance.node.strip_suffix(".item").unwrap_or(&instance.node);
    let id = InstanceId { node: map.into(), scope: instance.scope.clone() };
    let kind = &node_of(flow, &id)?.0.kind;
    if let Kind::Composite { workflow, .. } | Kind::Map { body: Body::Workflow(workflow), .. } =
        kind
    {
        Some(workflow)
    } else {
        None
    }
}
