//! One document: the whole one, or a sub-workflow given inline.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

use super::spec::Spec;
use super::upstream::Read;
use super::{edges, graph, joins, loops, policies, upstream};
use crate::diagnostic::{Code, Diagnostic};
use crate::document::{self, Defaults};
use crate::{
    Budget, Capability, ChecksIr, Digest, Ir, JsonSchema, Limits, NodeIr, NodeIx, OnFailure,
    OnUnknown, PatchPolicy, RetryIr, Template, Tier, canonical_json, parse,
};

/// Compiles one alias-free document. Problems go to `problems` with pointers below `base`.
/// Returns nothing where it has no canonical form.
pub(super) fn compile_unit(
    document: &Value,
    base: &str,
    problems: &mut Vec<Diagnostic>,
) -> Option<Ir> {
    let mut unit = Unit::new(document, base, problems);
    let specs = unit.specs(document);
    let mut nodes: Vec<NodeIr> = specs.iter().map(|spec| unit.node(spec)).collect();
    unit.check_agents();
    unit.check_patch_policy(document);
    let mut edges = edges::compile(&mut unit, document, &specs);
    let order = graph::check(&mut unit, &specs, &edges);
    let mut loops = loops::compile(&mut unit, &specs, &edges, order.as_ref());
    loops.apply(&mut nodes, &mut edges.edges);
    joins::apply(&mut unit, &specs, &mut nodes, &edges.edges);
    upstream::check(&mut unit, &edges.edges, &loops, order.as_ref());
    unit.finish(document, nodes, edges.edges, loops.loops)
}

/// What is known while one document is compiled.
pub(super) struct Unit<'p> {
    pub(super) base: String,
    problems: &'p mut Vec<Diagnostic>,
    pub(super) defaults: Defaults,
    /// The retry rules of nodes that have no others, once one asks.
    pub(super) default_retry: OnceCell<Arc<RetryIr>>,
    /// The checks of nodes that have none.
    pub(super) no_checks: Arc<ChecksIr>,
    pub(super) on_unknown: OnUnknown,
    pub(super) limits: Limits,
    budget: Budget,
    on_failure: OnFailure,
    pub(super) patches: PatchPolicy,
    inputs_schema: Option<JsonSchema>,
    /// Templates so far, by their source: of the nodes of a generated graph many are alike.
    pub(super) templates: IndexMap<Arc<Value>, Template>,
    /// Inputs that may be read; `None`: any.
    pub(super) declared_inputs: Option<DeclaredInputs>,
    /// Ids of `nodes`.
    pub(super) node_index: IndexMap<Arc<str>, NodeIx>,
    /// Ids of bodies, with the map that each belongs to.
    pub(super) body_index: BTreeMap<Arc<str>, NodeIx>,
    /// The node of `nodes` that is being compiled.
    pub(super) owner: NodeIx,
    /// How many maps are around what is being compiled.
    pub(super) maps_around: usize,
    pub(super) reads: Vec<Read>,
    pub(super) agents: u32,
    pub(super) capabilities: BTreeSet<Capability>,
    pub(super) child_tags: BTreeSet<Arc<str>>,
    pub(super) inline_children: IndexMap<Digest, Arc<str>>,
}

/// The properties that a schema of inputs names.
pub(super) struct DeclaredInputs {
    pub(super) names: BTreeSet<String>,
    /// Others are refused.
    pub(super) closed: bool,
}

impl<'p> Unit<'p> {
    fn new(document: &Value, base: &str, problems: &'p mut Vec<Diagnostic>) -> Self {
        let inputs = document.get("inputs");
        let given: document::Policies = read(document, "policies").unwrap_or_default();
        let mut unit = Self {
            base: base.to_owned(),
            problems,
            defaults: read(document, "defaults").unwrap_or_default(),
            default_retry: OnceCell::new(),
            no_checks: Arc::default(),
            on_unknown: match read(document, "on_unknown") {
                Some(document::OnUnknown::Park) => OnUnknown::Park,
                Some(document::OnUnknown::Reject) => OnUnknown::Reject,
                Some(document::OnUnknown::Skip) | None => OnUnknown::Skip,
            },
            limits: limits(&read(document, "limits").unwrap_or_default()),
            budget: read(document, "limits").map(|limits| budget(&limits)).unwrap_or_default(),
            on_failure: policies::on_failure(&given),
            patches: policies::patches(given.patches.as_ref()),
            inputs_schema: None,
            templates: IndexMap::new(),
            declared_inputs: inputs.and_then(DeclaredInputs::of),
            node_index: IndexMap::new(),
            body_index: BTreeMap::new(),
            owner: 0,
            maps_around: 0,
            reads: Vec::new(),
            agents: 0,
            capabilities: BTreeSet::new(),
            child_tags: BTreeSet::new(),
            inline_children: IndexMap::new(),
        };
        unit.inputs_schema = inputs.and_then(|schema| unit.schema(schema, "/inputs"));
        unit
    }

    /// Reports an error at `pointer` of this document.
    pub(super) fn error(&mut self, code: Code, pointer: &str, message: impl Into<String>) {
        self.report(Diagnostic::error(code, pointer, message));
    }

    /// Reports a problem whose pointer is into this document.
    pub(super) fn report(&mut self, mut problem: Diagnostic) {
        if !self.base.is_empty() {
            problem.pointer.insert_str(0, &self.base);
        }
        self.problems.push(problem);
    }

    /// Where problems of a document within this one go.
    pub(super) fn problems(&mut self) -> &mut Vec<Diagnostic> {
        self.problems
    }

    /// Compiles an embedded schema.
    pub(super) fn schema(&mut self, schema: &Value, pointer: &str) -> Option<JsonSchema> {
        match JsonSchema::compile(schema) {
            Ok(schema) => Some(schema),
            Err(problem) => {
                let at = format!("{pointer}{}", problem.pointer);
                self.error(Code::InvalidSchema, &at, problem.message);
                None
            }
        }
    }

    /// Decodes the nodes and indexes their ids. What cannot be decoded keeps its place, so that
    /// positions are indices; it has no id, and nothing finds it.
    fn specs(&mut self, document: &Value) -> Vec<Spec> {
        let values = document.get("nodes").and_then(Value::as_array);
        let mut specs = Vec::with_capacity(values.map_or(0, Vec::len));
        for (ix, value) in values.into_iter().flatten().enumerate() {
            let pointer = format!("/nodes/{ix}");
            let spec = Spec::of_node(value, pointer.clone());
            self.index(&spec.id, ix as NodeIx, &format!("{pointer}/id"));
            specs.push(spec);
        }
        // Bodies come after all nodes, so that it is theirs to be the second.
        for (ix, value) in values.into_iter().flatten().enumerate() {
            self.index_bodies(value, ix as NodeIx, &format!("/nodes/{ix}"));
        }
        specs
    }

    fn index(&mut self, id: &str, ix: NodeIx, pointer: &str) {
        if id.is_empty() {
            return;
        }
        if let Some(first) = self.node_index.get(id) {
            let problem = duplicate(id, pointer, *first);
            return self.report(problem);
        }
        self.node_index.insert(id.into(), ix);
    }

    fn index_bodies(&mut self, node: &Value, map: NodeIx, pointer: &str) {
        let mut node = node;
        let mut pointer = pointer.to_owned();
        while node.get("type").and_then(Value::as_str) == Some("map") {
            let Some(body) = node.pointer("/config/node") else { return };
            pointer.push_str("/config/node");
            if let Some(id) = body.get("id").and_then(Value::as_str) {
                let first = self.node_index.get(id).or_else(|| self.body_index.get(id)).copied();
                match first {
                    Some(first) => {
                        let problem = duplicate(id, &format!("{pointer}/id"), first);
                        self.report(problem);
                    }
                    None => {
                        self.body_index.insert(id.into(), map);
                    }
                }
            }
            node = body;
        }
    }

    fn check_agents(&mut self) {
        let (agents, limit) = (self.agents, self.limits.max_agents);
        if agents > limit {
            let message =
                format!("the document has {agents} agent nodes, and a run may hold {limit}");
            let problem = Diagnostic::error(Code::TooManyAgents, "", message)
                .with_hint("set `limits.max_agents`, if the workspace may have as many");
            self.report(problem);
        }
    }

    fn finish(
        self,
        document: &Value,
        nodes: Vec<NodeIr>,
        edges: Vec<crate::EdgeIr>,
        loops: Vec<crate::LoopIr>,
    ) -> Option<Ir> {
        let canonical = match canonical_json(document) {
            Ok(canonical) => canonical,
            Err(error) => {
                let message = format!("the document has no canonical form: {error}");
                self.problems.push(Diagnostic::error(Code::InvalidJson, &*self.base, message));
                return None;
            }
        };
        self.problems.extend(parse::too_large(canonical.len()));
        let ends = |incoming: bool| {
            let has_none = |node: &NodeIr| {
                if incoming { node.incoming.is_empty() } else { node.outgoing.is_empty() }
            };
            let found = nodes.iter().enumerate().filter(|(_, node)| has_none(node));
            found.map(|(ix, _)| ix as NodeIx).collect::<Vec<_>>()
        };
        let name = document.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        Some(Ir {
            digest: Digest::of(canonical.as_bytes()),
            canonical: canonical.into(),
            name: name.into(),
            entries: ends(true),
            terminals: ends(false),
            nodes,
            edges,
            loops,
            inputs_schema: self.inputs_schema,
            limits: self.limits,
            budget: self.budget,
            on_failure: self.on_failure,
            patches: self.patches,
            inline_children: self.inline_children,
            child_tags: self.child_tags.into_iter().collect(),
            agents: self.agents,
            tier: Tier::of_agents(self.agents),
            capabilities: self.capabilities.into_iter().collect(),
            node_index: self.node_index,
            body_index: self.body_index,
            dominators: OnceLock::new(),
        })
    }
}

impl DeclaredInputs {
    /// The names, where the schema is simple enough that nothing else can name more.
    fn of(schema: &Value) -> Option<Self> {
        const MORE: [&str; 9] = [
            "$ref",
            "$dynamicRef",
            "allOf",
            "anyOf",
            "oneOf",
            "if",
            "patternProperties",
            "dependentSchemas",
            "unevaluatedProperties",
        ];
        let schema = schema.as_object()?;
        let properties = schema.get("properties")?.as_object()?;
        if MORE.iter().any(|keyword| schema.contains_key(*keyword)) {
            return None;
        }
        let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
        Some(Self { names: properties.keys().cloned().collect(), closed })
    }
}

fn duplicate(id: &str, pointer: &str, first: NodeIx) -> Diagnostic {
    let message = format!("the id `{id}` is taken by `/nodes/{first}`");
    Diagnostic::error(Code::DuplicateNodeId, pointer, message)
        .with_hint("ids are unique in the whole document, bodies of maps included")
}

fn read<'v, T: Deserialize<'v>>(document: &'v Value, key: &str) -> Option<T> {
    T::deserialize(document.get(key)?).ok()
}

fn budget(limits: &document::Limits) -> Budget {
    limits.budget.as_ref().map(super::function::budget).unwrap_or_default()
}

fn limits(limits: &document::Limits) -> Limits {
    let depth = limits.max_depth.and_then(|depth| u32::try_from(depth.get()).ok());
    let agents = limits.max_agents.and_then(|agents| u32::try_from(agents).ok());
    Limits {
        run_timeout_ms: limits.run_timeout_ms.map(|ms| ms.get()),
        max_instances: limits.max_instances.map_or(1_000_000, |instances| instances.get()),
        max_depth: depth.unwrap_or(16),
        max_agents: agents.unwrap_or(5),
    }
}
