//! Finding things in the graph: nodes of instances, inputs, outputs, what a reference means.

use std::fmt::Write as _;
use std::sync::Arc;

use aob_ir::{NodeIr, NodeIx, NodeKind};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Decider, Step, Stop};
use crate::event::EdgeState;
use crate::ids::{InstanceId, Scope, ScopeStep};
use crate::state::{InstanceStatus, JoinEntry, Key, ScopeKey};
use crate::value::{Blob, Payload, PayloadRef};

impl<'a> Decider<'a> {
    /// The node of an instance: of the graph, a map's body, or a compensation.
    pub(super) fn find(&self, id: &InstanceId) -> Option<&'a NodeIr> {
        find(self.ir, &id.node, &id.scope.0)
    }

    /// The map around a body instance.
    pub(super) fn map_of(&self, id: &InstanceId) -> Option<(InstanceId, u32)> {
        let (last, outer) = id.scope.0.split_last()?;
        let map = InstanceId { node: Arc::clone(&last.node), scope: Scope(outer.into()) };
        let NodeKind::Map(inner) = &self.find(&map)?.kind else { return None };
        (inner.body.id == id.node).then_some((map, last.index))
    }

    /// What a node gets: the run's inputs, its one live predecessor's output, or an object of them.
    pub(super) fn input_of(
        &mut self,
        node: &'a NodeIr,
        id: &InstanceId,
        join: &JoinEntry,
    ) -> Step<Payload> {
        if let Some(back) = &join.back {
            return Ok(Payload::by_ref(**back));
        }
        let live = self.live_sources(node, id);
        let as_object = matches!(node.kind, NodeKind::Join) || live.len() > 1;
        match live.first() {
            Some(&(_, output)) if !as_object => match output {
                Some(output) => Ok(Payload::by_ref(output)),
                None => Ok(self.payload_of(Value::Null)),
            },
            Some(_) => self.object_of(&live),
            None => Ok(self.payload_of(Value::Object(serde_json::Map::new()))),
        }
    }

    /// Sources of the edges taken (or tolerated) into `id`, with what flows, each source once.
    fn live_sources(&self, node: &NodeIr, id: &InstanceId) -> Vec<(Arc<str>, Option<PayloadRef>)> {
        let mut live: Vec<(Arc<str>, Option<PayloadRef>)> = Vec::new();
        let tolerant = super::pump::tolerated(node.join.tolerate, node.incoming.len()) > 0;
        for &edge_ix in &node.incoming {
            let edge = self.ir.edge(edge_ix);
            let key = self.state.edge_key(edge, &id.scope);
            let Some(entry) = key.and_then(|key| self.state.edges.get(&key)) else { continue };
            let flows = match entry.is {
                EdgeState::Taken => true,
                EdgeState::Failed => tolerant,
                EdgeState::Dead => false,
            };
            let source = &self.ir.node(edge.from).id;
            if flows && !live.iter().any(|(known, _)| known == source) {
                live.push((Arc::clone(source), entry.output));
            }
        }
        live
    }

    /// An object of payloads by name.
    pub(super) fn object_of(
        &mut self,
        members: &[(Arc<str>, Option<PayloadRef>)],
    ) -> Step<Payload> {
        let refs: Vec<PayloadRef> = members.iter().filter_map(|(_, output)| *output).collect();
        self.require(&refs)?;
        let mut text = String::from("{");
        for (position, (name, output)) in members.iter().enumerate() {
            let separator = if position == 0 { "" } else { "," };
            let name = Value::String(name.to_string());
            let _ = write!(text, "{separator}{name}:");
            match output {
                Some(output) => text.push_str(self.load(*output)?.text()),
                None => text.push_str("null"),
            }
        }
        text.push('}');
        Ok(self.payload(&blob_of_text(text)))
    }

    /// Stops with every one of these payloads that is not at hand, so that they load in one go.
    pub(super) fn require(&self, refs: &[PayloadRef]) -> Step {
        let missing: Vec<PayloadRef> =
            refs.iter().filter(|r| self.at_hand(&r.digest).is_none()).copied().collect();
        if missing.is_empty() { Ok(()) } else { Err(Stop::Need(missing)) }
    }

    /// The run's output: of its terminal node, or an object of the terminals that have one.
    pub(super) fn run_output(&mut self) -> Step<Payload> {
        let top = Scope::default();
        let single = self.ir.terminals.len() == 1;
        let mut outputs = Vec::new();
        for &ix in &self.ir.terminals {
            let node = self.ir.node(ix);
            let found = self.nearest(ix, &top);
            let done = found.as_ref().and_then(|key| self.state.instances.get(key));
            let output = done
                .filter(|instance| instance.status != InstanceStatus::Cancelled)
                .and_then(|instance| instance.output);
            if single || output.is_some() {
                outputs.push((Arc::clone(&node.id), output));
            }
        }
        match outputs.as_slice() {
            [(_, Some(output))] if single => Ok(Payload::by_ref(*output)),
            [(_, None)] if single => Ok(self.payload_of(Value::Null)),
            _ => self.object_of(&outputs),
        }
    }

    /// The instance of a node that is nearest to `scope`: same iterations where they are shared,
    /// the last iteration of loops that `scope` is not inside of.
    pub(super) fn nearest(&self, ix: NodeIx, scope: &Scope) -> Option<Key> {
        let node = self.ir.node(ix);
        let mut steps = ScopeKey::new();
        let mut inside = true;
        for (depth, &loop_ix) in node.loops.iter().enumerate() {
            let loop_node = &self.ir.node(self.ir.loop_at(loop_ix).node).id;
            let name = self.state.names.get(loop_node)?;
            let shared = scope.0.get(depth).filter(|step| inside && step.node == *loop_node);
            inside = shared.is_some();
            let iteration = match shared {
                Some(ScopeStep { index, .. }) => *index,
                None => {
                    let key = Key { scope: steps.clone(), node: name };
                    self.state.loops.get(&key).copied().unwrap_or(1)
                }
            };
            steps.push((name, iteration));
        }
        Some(Key { scope: steps, node: self.state.names.get(&node.id)? })
    }
}

/// A blob of JSON text put together from JSON texts.
pub(super) fn blob_of_text(text: String) -> Arc<Blob> {
    let raw = RawValue::from_string(text).expect("JSON put together from JSON is JSON");
    Blob::new(raw)
}

/// The node of an instance in `ir`.
/// A node by its id, in whatever map it is the body of.
pub(super) fn find_anywhere<'a>(ir: &'a aob_ir::Ir, id: &str) -> Option<&'a NodeIr> {
    fn inside<'a>(node: &'a NodeIr, id: &str) -> Option<&'a NodeIr> {
        if *node.id == *id {
            return Some(node);
        }
        if let Some(found) = node.compensate.as_deref().filter(|node| *node.id == *id) {
            return Some(found);
        }
        if let NodeKind::Map(map) = &node.kind { inside(&map.body, id) } else { None }
    }
    match ir.node_ix(id) {
        Some(ix) => Some(ir.node(ix)),
        None => ir.nodes.iter().find_map(|node| inside(node, id)),
    }
}

pub(crate) fn find<'a>(ir: &'a aob_ir::Ir, id: &str, scope: &[ScopeStep]) -> Option<&'a NodeIr> {
    if let Some(ix) = ir.node_ix(id) {
        return Some(ir.node(ix));
    }
    if let Some(base) = id.strip_suffix(".compensate") {
        return find(ir, base, scope)?.compensate.as_deref();
    }
    let (last, outer) = scope.split_last()?;
    let NodeKind::Map(map) = &find(ir, &last.node, outer)?.kind else { return None };
    (&*map.body.id == id).then_some(&map.body)
}
