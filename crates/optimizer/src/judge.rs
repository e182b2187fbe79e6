//! What a proposed rewrite must not do, whoever proposes it.

use std::collections::BTreeSet;
use std::sync::Arc;

use aob_ir::{Capability, Diagnostics, EffectClass, Ir, NodeIr, NodeKind, compile};
use aob_materializer::{Budget, Materialized, Patch, PatchError, PatchErrors, materialize};
use serde_json::Value;
use thiserror::Error;

/// Types of nodes that only compute. A graph that gets one can do no more than before.
const COMPUTING: [&str; 3] = ["transform", "filter", "aggregate"];

/// Why a rewrite does not count.
#[derive(Debug, Error)]
pub enum Refusal {
    /// Its operations are no patch.
    #[error("not a patch: {}", first(.0))]
    Patch(PatchErrors),
    /// The patch cannot be applied.
    #[error("the patch cannot be applied: {}", .0.message)]
    Apply(PatchError),
    /// The result is not a workflow.
    #[error("the result does not compile: {}", .0.0.first().map_or("", |problem| &problem.message))]
    Compile(Diagnostics),
    /// The result may do more than the document.
    #[error("the result may do what the document may not: {0}")]
    Grows(String),
    /// It changes something that does something outside, or asks somebody.
    #[error("it changes `{0}`, which does something outside or asks somebody")]
    Touches(String),
    /// It changes what is said beside nodes and edges.
    #[error("it changes `{0}`")]
    Section(String),
    /// Nothing is different.
    #[error("it changes nothing")]
    Nothing,
}

fn first(errors: &PatchErrors) -> &str {
    errors.0.first().map_or("", |error| &error.message)
}

/// The document that a rewrite of `document` gives.
///
/// # Errors
/// See [`Refusal`].
pub(crate) fn judge(
    document: &Value,
    ir: &Ir,
    operations: &[Value],
) -> Result<(Materialized, Arc<Ir>, Patch), Refusal> {
    let operations = Value::Array(operations.to_vec());
    let patch = Patch::from_value(operations).map_err(Refusal::Patch)?;
    let budget = Budget { may_copy: false, ..Budget::PERSON };
    let made = materialize(document, &patch, &budget).map_err(Refusal::Apply)?;
    if made.digest == ir.digest {
        return Err(Refusal::Nothing);
    }
    sections_stay(document, &made.document)?;
    let compiled = compile(&made.document).map_err(Refusal::Compile)?;
    nothing_grows(ir, &compiled.ir)?;
    effects_stay((document, ir), (&made.document, &compiled.ir))?;
    Ok((made, compiled.ir, patch))
}

/// Limits, defaults, policies, inputs and metadata are the author's.
fn sections_stay(before: &Value, after: &Value) -> Result<(), Refusal> {
    let keys = |document: &Value| -> BTreeSet<String> {
        document.as_object().into_iter().flat_map(|map| map.keys().cloned()).collect()
    };
    let all: BTreeSet<String> = keys(before).union(&keys(after)).cloned().collect();
    let others = all.into_iter().filter(|key| key != "nodes" && key != "edges");
    for key in others {
        if before.get(&key) != after.get(&key) {
            return Err(Refusal::Section(key));
        }
    }
    Ok(())
}

fn nothing_grows(before: &Ir, after: &Ir) -> Result<(), Refusal> {
    let known: BTreeSet<&Capability> = before.capabilities.iter().collect();
    let more = after.capabilities.iter().find(|capability| {
        let computes = match capability {
            Capability::NodeType(name) => COMPUTING.contains(&&**name),
            Capability::Egress(_)
            | Capability::Secret(_)
            | Capability::Function(_)
            | Capability::SubWorkflow(_)
            | Capability::Pool(_) => false,
        };
        !known.contains(capability) && !computes
    });
    match more {
        Some(capability) => Err(Refusal::Grows(format!("{capability:?}"))),
        None if after.agents > before.agents => Err(Refusal::Grows("more agents".to_owned())),
        None => Ok(()),
    }
}

/// What does something outside, or waits for somebody, is neither added nor changed; it may only go.
fn effects_stay(before: (&Value, &Ir), after: (&Value, &Ir)) -> Result<(), Refusal> {
    let (document, ir) = before;
    let (new_document, new_ir) = after;
    for node in new_ir.nodes.iter().filter(|node| acts(node)) {
        let source = new_document.pointer(&node.pointer);
        let known = ir.node_ix(&node.id).map(|ix| ir.node(ix));
        let same = known.is_some_and(|known| document.pointer(&known.pointer) == source);
        if !same {
            return Err(Refusal::Touches(node.id.to_string()));
        }
    }
    for known in ir.nodes.iter().filter(|node| acts(node)) {
        let turned = new_ir.node_ix(&known.id).is_some_and(|ix| !acts(new_ir.node(ix)));
        if turned {
            return Err(Refusal::Touches(known.id.to_string()));
        }
    }
    Ok(())
}

/// It does something outside, or waits for somebody or something.
fn acts(node: &NodeIr) -> bool {
    match &node.kind {
        NodeKind::Function { .. } | NodeKind::Http { .. } => {
            node.effect != EffectClass::None || node.compensate.is_some()
        }
        NodeKind::Map(map) => acts(&map.body),
        NodeKind::Agent { .. }
        | NodeKind::Composite { .. }
        | NodeKind::Hitl { .. }
        | NodeKind::Timer(_)
        | NodeKind::Signal { .. }
        | NodeKind::Handoff
        | NodeKind::Unknown(_) => true,
        NodeKind::Transform(_)
        | NodeKind::Filter { .. }
        | NodeKind::Aggregate { .. }
        | NodeKind::Conditional
        | NodeKind::Parallel
        | NodeKind::Join
        | NodeKind::Loop { .. } => false,
    }
}
