//! Edges: those of the document, then those that keys stand for.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::expressions::Scope;
use super::spec::{Family, Spec};
use super::unit::Unit;
use crate::diagnostic::{Code, Diagnostic};
use crate::document::{Edge, EdgeOn as DocumentOn, LoopConfig};
use crate::{EdgeIr, EdgeOn, NodeIx};

/// The edges of a document with the places where they stand.
#[derive(Debug, Default)]
pub(super) struct Edges {
    pub(super) edges: Vec<EdgeIr>,
    /// JSON pointer of each; of an edge that a key stands for, of that key.
    pub(super) pointers: Vec<String>,
    /// Whether each has a condition, be it a wrong one.
    pub(super) guarded: Vec<bool>,
    /// Edges by source and outcome.
    by_outcome: BTreeMap<(NodeIx, EdgeOn), Vec<usize>>,
    /// Pointers of edges by id.
    ids: BTreeMap<String, String>,
    /// Every edge that the document asks for is here.
    pub(super) complete: bool,
}

impl Edges {
    fn push(&mut self, edge: EdgeIr, pointer: String, guarded: bool) {
        self.guarded.push(guarded);
        self.by_outcome.entry((edge.from, edge.on)).or_default().push(self.edges.len());
        self.edges.push(edge);
        self.pointers.push(pointer);
    }

    /// The edge that a key must not repeat. The keys of a loop stand for its only way out.
    fn same(&self, key: Key, from: NodeIx, to: NodeIx, on: EdgeOn) -> Option<usize> {
        let of = |on: EdgeOn| self.by_outcome.get(&(from, on)).into_iter().flatten().copied();
        let same_pair = |edge: &usize| self.edges[*edge].to == to;
        match key {
            Key::BreakPath | Key::TimeoutPath => {
                of(on).next().or_else(|| of(EdgeOn::Success).find(same_pair))
            }
            Key::Route => of(on).chain(of(EdgeOn::Always)).find(same_pair),
        }
    }
}

/// Compiles the edges. Those that lead nowhere are reported and left out.
pub(super) fn compile(unit: &mut Unit<'_>, document: &Value, specs: &[Spec]) -> Edges {
    let mut edges = Edges { complete: true, ..Edges::default() };
    let values = document.get("edges").and_then(Value::as_array);
    for (position, value) in values.into_iter().flatten().enumerate() {
        let Ok(edge) = Edge::deserialize(value) else {
            edges.complete = false;
            continue;
        };
        let pointer = format!("/edges/{position}");
        unit.drawn(specs, &edge, &pointer, &mut edges);
    }
    for key in [Key::BreakPath, Key::TimeoutPath, Key::Route] {
        for from in 0..specs.len() as NodeIx {
            unit.keyed(specs, from, key, &mut edges);
        }
    }
    edges
}

/// Keys that stand for edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    BreakPath,
    TimeoutPath,
    Route,
}

impl Key {
    fn target(self, spec: &Spec) -> Option<(String, String, EdgeOn)> {
        if self == Self::Route {
            let route = spec.route()?.to_owned();
            return Some((route, spec.at("on_error/route"), EdgeOn::Failure));
        }
        if spec.type_name != "loop" {
            return None;
        }
        let config: LoopConfig = super::kind::decode(&spec.config)?;
        let (path, key, on) = match self {
            Self::BreakPath => (config.break_path, "config/break_path", EdgeOn::Break),
            Self::TimeoutPath | Self::Route => {
                (config.timeout_path, "config/timeout_path", EdgeOn::Timeout)
            }
        };
        Some((path?.0, spec.at(key), on))
    }
}

impl Unit<'_> {
    fn drawn(&mut self, specs: &[Spec], edge: &Edge, pointer: &str, edges: &mut Edges) {
        let from = self.end(&edge.from.0, &format!("{pointer}/from"));
        let to = self.end(&edge.to.0, &format!("{pointer}/to"));
        let on = outcome(edge.on);
        if let Some(from) = from {
            self.owner = from;
            self.check_outcome(&specs[from as usize], on, pointer);
        }
        let condition = edge.condition.as_deref().and_then(|source| {
            self.expression(source, &format!("{pointer}/condition"), Scope::OUTPUT, true)
        });
        let (Some(from), Some(to)) = (from, to) else {
            edges.complete = false;
            return;
        };
        if self.is_no_edge(specs, from, to, pointer) {
            edges.complete = false;
            return;
        }
        let id = edge.id.clone().unwrap_or_else(|| format!("{}->{}", edge.from.0, edge.to.0));
        if let Some(first) = edges.ids.get(&id) {
            let message = format!("the id `{id}` is taken by `{first}`");
            let problem = Diagnostic::error(Code::DuplicateEdgeId, pointer, message);
            let problem = problem.with_hint(if edge.id.is_some() {
                "ids of edges are unique in the document"
            } else {
                "a second edge between the same two nodes needs an `id`"
            });
            return self.report(problem);
        }
        edges.ids.insert(id.clone(), pointer.to_owned());
        let id = id.into();
        let compiled = EdgeIr { id, from, to, on, condition, common_loops: 0 };
        edges.push(compiled, pointer.to_owned(), edge.condition.is_some());
    }

    /// The node at an end of an edge.
    fn end(&mut self, id: &str, pointer: &str) -> Option<NodeIx> {
        if let Some(ix) = self.node_index.get(id) {
            return Some(*ix);
        }
        let message = format!("there is no node `{id}`");
        let problem = Diagnostic::error(Code::UnknownNode, pointer, message);
        let hint = match self.body_index.get(id) {
            Some(map) => {
                let map = self.node_index.get_index(*map as usize).map(|(id, _)| id.to_string());
                Some(format!(
                    "`{id}` is the body of the map `{}`: edges go to the map",
                    map.unwrap_or_default()
                ))
            }
            None => {
                let near = crate::names::nearest(id, self.node_index.keys().map(AsRef::as_ref));
                near.map(|near| format!("did you mean `{near}`?"))
            }
        };
        self.report(problem.with_hint_opt(hint));
        None
    }

    /// Edges to itself, and the back edge of a loop, which is none.
    fn is_no_edge(&mut self, specs: &[Spec], from: NodeIx, to: NodeIx, pointer: &str) -> bool {
        let spec = &specs[from as usize];
        if from == to {
            let message = format!("`{}` has an edge to itself", spec.id);
            let problem = Diagnostic::error(Code::SelfEdge, pointer, message)
                .with_hint("repetition is declared with a `loop` node");
            self.report(problem);
            return true;
        }
        let back = spec.config.get("loop_back_to").and_then(Value::as_str);
        if spec.type_name == "loop" && back == Some(specs[to as usize].id.as_str()) {
            let message = "the way back is `loop_back_to` and not drawn as an edge";
            let problem = Diagnostic::error(Code::BackEdgeDrawn, pointer, message)
                .with_hint("remove the edge");
            self.report(problem);
            return true;
        }
        false
    }

    fn check_outcome(&mut self, spec: &Spec, on: EdgeOn, pointer: &str) {
        let family = Family::of(&spec.type_name);
        if spec.broken || family == Family::Unknown {
            return;
        }
        let possible = match on {
            EdgeOn::Success | EdgeOn::Failure | EdgeOn::Always => true,
            EdgeOn::Approved | EdgeOn::Rejected => spec.type_name == "hitl",
            EdgeOn::Break => spec.type_name == "loop",
            EdgeOn::Timeout => family != Family::Inline || spec.type_name == "loop",
        };
        let at = format!("{pointer}/on");
        if !possible {
            let (outcome, of) = match on {
                EdgeOn::Approved => ("approved", "hitl nodes"),
                EdgeOn::Rejected => ("rejected", "hitl nodes"),
                EdgeOn::Break => ("break", "loop nodes"),
                EdgeOn::Timeout | EdgeOn::Success | EdgeOn::Failure | EdgeOn::Always => {
                    ("timeout", "loop nodes, and of nodes that can have `timeout_ms`")
                }
            };
            let message = format!("a `{}` node has no outcome `{outcome}`", spec.type_name);
            let problem = Diagnostic::error(Code::ImpossibleOutcome, at, message)
                .with_hint(format!("it is an outcome of {of}"));
            return self.report(problem);
        }
        let waits_for_ever = family == Family::Waiting && spec.timeout_ms.is_none();
        if on == EdgeOn::Timeout && waits_for_ever {
            let message = format!("`{}` has no timeout, so this edge is never taken", spec.id);
            let problem = Diagnostic::warning(Code::EdgeNeverTaken, at, message)
                .with_hint("set `timeout_ms` of the node");
            self.report(problem);
        }
    }

    fn keyed(&mut self, specs: &[Spec], from: NodeIx, key: Key, edges: &mut Edges) {
        let spec = &specs[from as usize];
        let Some((target, pointer, on)) = key.target(spec) else { return };
        let Some(to) = self.end(&target, &pointer) else {
            edges.complete = false;
            return;
        };
        if self.is_no_edge(specs, from, to, &pointer) {
            return;
        }
        if let Some(same) = edges.same(key, from, to, on) {
            let name = pointer.rsplit('/').next().unwrap_or_default();
            let message = format!("`{name}` stands for this edge, which is drawn too");
            let at = edges.pointers[same].clone();
            let problem = Diagnostic::error(Code::PathDrawn, at, message)
                .with_hint("keep the key or the edge");
            return self.report(problem);
        }
        let id = format!("{}->{target}:{}", spec.id, suffix(on));
        if let Some(first) = edges.ids.insert(id.clone(), pointer.clone()) {
            let message = format!("the id `{id}` is taken by `{first}`");
            return self.error(Code::DuplicateEdgeId, &pointer, message);
        }
        let id = id.into();
        let compiled = EdgeIr { id, from, to, on, condition: None, common_loops: 0 };
        edges.push(compiled, pointer, false);
    }
}

fn suffix(on: EdgeOn) -> &'static str {
    match on {
        EdgeOn::Break => "break",
        EdgeOn::Timeout => "timeout",
        EdgeOn::Failure => "failure",
        EdgeOn::Success | EdgeOn::Always | EdgeOn::Approved | EdgeOn::Rejected => "path",
    }
}

fn outcome(on: Option<DocumentOn>) -> EdgeOn {
    match on {
        Some(DocumentOn::Success) | None => EdgeOn::Success,
        Some(DocumentOn::Failure) => EdgeOn::Failure,
        Some(DocumentOn::Always) => EdgeOn::Always,
        Some(DocumentOn::Approved) => EdgeOn::Approved,
        Some(DocumentOn::Rejected) => EdgeOn::Rejected,
        Some(DocumentOn::Timeout) => EdgeOn::Timeout,
        Some(DocumentOn::Break) => EdgeOn::Break,
    }
}
