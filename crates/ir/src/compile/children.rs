//! Nodes that hold others: `map` and `composite`.

use std::sync::Arc;

use serde_json::Value;

use super::kind::decode;
use super::spec::Spec;
use super::unit::{Unit, compile_unit};
use crate::document::{MapConfig, Tolerate as DocumentTolerate};
use crate::{
    Capability, ChildWorkflow, EdgeList, Ir, JoinIr, JoinMode, MapIr, NodeIr, NodeKind, OnError,
    Tolerate,
};

impl Unit<'_> {
    pub(super) fn composite(&mut self, spec: &Spec) -> Option<NodeKind> {
        let inputs = match spec.config.get("inputs") {
            None => Some(None),
            Some(_) => self.key_template(spec, "inputs").map(Some),
        };
        let workflow = spec.config.get("workflow");
        let workflow = workflow.and_then(|w| self.workflow(w, &spec.at("config/workflow")));
        Some(NodeKind::Composite { workflow: workflow?, inputs: inputs? })
    }

    pub(super) fn map(&mut self, spec: &Spec) -> Option<NodeKind> {
        let items = self.key_template(spec, "items");
        self.maps_around += 1;
        let config: Option<MapConfig> = decode(&spec.config);
        let body = match config.as_ref().and_then(|config| config.node.clone()) {
            Some(body) => {
                let pointer = spec.at("config/node");
                Some(self.node(&Spec::of_body(body, &spec.id, pointer)))
            }
            None => self.workflow_body(spec),
        };
        self.maps_around -= 1;
        let config = config?;
        Some(NodeKind::Map(Box::new(MapIr {
            items: items?,
            body: body?,
            max_parallel: config
                .max_parallel
                .and_then(|parallel| u32::try_from(parallel.get()).ok())
                .unwrap_or(100),
            tolerate: tolerate(config.tolerate.as_ref()),
        })))
    }

    /// `workflow` of a map is short for a body node that runs it with the item as its inputs.
    fn workflow_body(&mut self, spec: &Spec) -> Option<NodeIr> {
        let pointer = spec.at("config/workflow");
        let workflow = self.workflow(spec.config.get("workflow")?, &pointer)?;
        let id: Arc<str> = format!("{}.item", spec.id).into();
        self.body_index.entry(Arc::clone(&id)).or_insert(self.owner);
        self.capabilities.insert(Capability::NodeType("composite".into()));
        Some(NodeIr {
            id,
            pointer: format!("{}{pointer}", self.base).into(),
            type_name: "composite".into(),
            kind: NodeKind::Composite { workflow, inputs: None },
            incoming: EdgeList::new(),
            outgoing: EdgeList::new(),
            loops: Vec::new(),
            join: JoinIr {
                mode: JoinMode::All,
                cancel_losers: false,
                tolerate: Tolerate::Count(0),
            },
            timeout_ms: None,
            queue_timeout_ms: None,
            idle_timeout_ms: None,
            retry: self.default_retry(),
            effect: crate::EffectClass::None,
            compensate: None,
            on_error: OnError::Fail,
            checks: Arc::clone(&self.no_checks),
            priority: crate::Priority::Medium,
            pool: None,
        })
    }

    /// A tag, or a document given inline, which is compiled with this one.
    fn workflow(&mut self, workflow: &Value, pointer: &str) -> Option<ChildWorkflow> {
        if let Value::String(tag) = workflow {
            let tag: Arc<str> = tag.as_str().into();
            self.child_tags.insert(Arc::clone(&tag));
            self.capabilities.insert(Capability::SubWorkflow(Arc::clone(&tag)));
            return Some(ChildWorkflow::Tag(tag));
        }
        let base = format!("{}{pointer}", self.base);
        let child = compile_unit(workflow, &base, self.problems())?;
        let digest = child.digest;
        self.adopt(child);
        Some(ChildWorkflow::Inline(digest))
    }

    /// What a document given inline may do, the document around may.
    fn adopt(&mut self, child: Ir) {
        self.agents = self.agents.saturating_add(child.agents);
        let itself = Capability::SubWorkflow(child.digest.to_string().into());
        self.capabilities.extend(child.capabilities.into_iter().chain([itself]));
        self.child_tags.extend(child.child_tags);
        self.inline_children.extend(child.inline_children);
        self.inline_children.insert(child.digest, child.canonical);
    }
}

/// Tolerated failures, in the compiled form.
pub(super) fn tolerate(tolerate: Option<&DocumentTolerate>) -> Tolerate {
    match tolerate {
        None => Tolerate::Count(0),
        Some(DocumentTolerate::Integer(count)) => {
            Tolerate::Count(u32::try_from(*count).unwrap_or(u32::MAX))
        }
        Some(DocumentTolerate::String(share)) => {
            Tolerate::Percent(share.trim_end_matches('%').parse().unwrap_or(0))
        }
    }
}
