//! Configurations by type.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::expressions::{Scope, Secrets};
use super::spec::{Role, Spec};
use super::unit::Unit;
use crate::diagnostic::{Code, Diagnostic};
use crate::document::{
    AggregateConfig, AggregateConfigOperation, CheckSchema, HandoffConfig, HitlConfig,
    HitlConfigQuorum, LoopConfig,
};
use crate::{
    AggregateOp, Capability, Expr, NodeKind, OnUnknown, Template, TimerIr, TransformIr, types,
};

impl Unit<'_> {
    /// Compiles type and configuration. Where that fails, which is reported, it is a node that
    /// the graph rules can go on with.
    pub(super) fn kind(&mut self, spec: &Spec) -> NodeKind {
        self.suitable(spec);
        let kind = match spec.type_name.as_str() {
            "function" | "task" => self.function(spec),
            "http" => self.http(spec),
            "agent" => self.agent(spec),
            "transform" => self.transform(spec),
            "filter" => self.filter(spec),
            "aggregate" => self.aggregate(spec),
            "conditional" => Some(NodeKind::Conditional),
            "parallel" => Some(NodeKind::Parallel),
            "map" => self.map(spec),
            "join" => Some(NodeKind::Join),
            "loop" => self.loop_node(spec),
            "composite" => self.composite(spec),
            "hitl" => self.hitl(spec),
            "timer" => self.timer(spec),
            "signal" => self.signal(spec),
            "handoff" => self.handoff(spec),
            _ => Some(self.unknown(spec)),
        };
        let name = if spec.type_name == "task" { "function" } else { &spec.type_name };
        self.capabilities.insert(Capability::NodeType(name.into()));
        kind.unwrap_or(NodeKind::Parallel)
    }

    /// Types that only mean something between edges are no bodies of maps.
    fn suitable(&mut self, spec: &Spec) {
        let needs_edges =
            matches!(spec.type_name.as_str(), "conditional" | "parallel" | "join" | "loop");
        if spec.role == Role::Body && needs_edges {
            let message = format!("a `{}` node cannot be the body of a map", spec.type_name);
            let problem = Diagnostic::error(Code::UnsuitableNode, spec.at("type"), message)
                .with_hint("give the map a `workflow` instead of a `node`");
            self.report(problem);
        }
    }

    fn unknown(&mut self, spec: &Spec) -> NodeKind {
        let name = &spec.type_name;
        let at = spec.at("type");
        let message = format!("`{name}` is not a known node type");
        if let Some(meant) = types::meant(name) {
            let problem = Diagnostic::error(Code::UnknownType, at, message)
                .with_hint(format!("did you mean `{meant}`?"));
            self.report(problem);
            return NodeKind::Unknown(self.on_unknown);
        }
        let (problem, hint) = match self.on_unknown {
            OnUnknown::Reject => (
                Diagnostic::error(Code::UnknownType, at, message),
                "`on_unknown` is `reject`: `skip` passes over such nodes, `park` holds them",
            ),
            OnUnknown::Skip => (
                Diagnostic::warning(Code::UnknownType, at, message),
                "the node is passed over, its input passed through; `on_unknown: reject` refuses it",
            ),
            OnUnknown::Park => (
                Diagnostic::warning(Code::UnknownType, at, message),
                "the node waits for a person (`on_unknown: park`)",
            ),
        };
        self.report(problem.with_hint(hint));
        NodeKind::Unknown(self.on_unknown)
    }

    fn transform(&mut self, spec: &Spec) -> Option<NodeKind> {
        if let Some(Value::String(source)) = spec.config.get("expression") {
            let expr =
                self.expression(source, &spec.at("config/expression"), Scope::INPUT, false)?;
            return Some(NodeKind::Transform(TransformIr::Expression(expr)));
        }
        let template = self.key_template(spec, "template")?;
        Some(NodeKind::Transform(TransformIr::Template(template)))
    }

    fn filter(&mut self, spec: &Spec) -> Option<NodeKind> {
        let items = self.key_template(spec, "items");
        let expression = self.key_expression(spec, "expression", Scope::ITEM);
        Some(NodeKind::Filter { items: items?, expression: expression? })
    }

    fn aggregate(&mut self, spec: &Spec) -> Option<NodeKind> {
        let items = self.key_template(spec, "items");
        let config: AggregateConfig = decode(&spec.config)?;
        let operation = operation(config.operation);
        let is_group = operation == AggregateOp::Group;
        if is_group && config.by.is_none() {
            let problem = Diagnostic::error(
                Code::MissingKey,
                spec.at("config"),
                "`group` needs `by`, the part of each item that names its group",
            );
            self.report(problem.with_example(r#""by": "country""#));
        }
        if !is_group && config.by.is_some() {
            let message = "`by` is only for `group`";
            self.error(Code::NotApplicable, &spec.at("config/by"), message);
        }
        if operation == AggregateOp::Count && config.field.is_some() {
            let message = "`count` counts items and takes no `field`";
            self.error(Code::NotApplicable, &spec.at("config/field"), message);
        }
        Some(NodeKind::Aggregate {
            items: items?,
            operation,
            field: config.field.map(Into::into),
            by: config.by.map(Into::into),
        })
    }

    /// The rest of a loop is compiled with the graph.
    fn loop_node(&mut self, spec: &Spec) -> Option<NodeKind> {
        decode::<LoopConfig>(&spec.config)?;
        Some(NodeKind::Loop { loop_ix: crate::LoopIx::MAX })
    }

    fn hitl(&mut self, spec: &Spec) -> Option<NodeKind> {
        let config = self.config_template(spec, Secrets::Refused);
        let decoded: HitlConfig = decode(&spec.config)?;
        if !decoded.form.is_empty() {
            self.schema(&Value::Object(decoded.form), &spec.at("config/form"));
        }
        let people = &decoded.approvers;
        let only_users = !people.is_empty() && people.iter().all(|person| person.user.is_some());
        if let Some(HitlConfigQuorum::Integer(quorum)) = decoded.quorum
            && only_users
            && decoded.escalate.is_empty()
            && quorum.get() > people.len() as u64
        {
            let message = format!("{quorum} approvals are needed of {} approvers", people.len());
            self.error(Code::OutOfRange, &spec.at("config/quorum"), message);
        }
        Some(NodeKind::Hitl { config: config? })
    }

    fn timer(&mut self, spec: &Spec) -> Option<NodeKind> {
        if spec.config.contains_key("for_ms") {
            return self.key_template(spec, "for_ms").map(|t| NodeKind::Timer(TimerIr::ForMs(t)));
        }
        let template = self.key_template(spec, "until")?;
        if let Some(Value::String(text)) = template.constant().map(AsRef::as_ref)
            && text.parse::<jiff::Timestamp>().is_err()
        {
            let message = format!("`{text}` is not an RFC 3339 time");
            let problem = Diagnostic::error(Code::InvalidTime, spec.at("config/until"), message)
                .with_example("\"2030-01-31T09:00:00Z\"");
            self.report(problem);
        }
        Some(NodeKind::Timer(TimerIr::Until(template)))
    }

    fn signal(&mut self, spec: &Spec) -> Option<NodeKind> {
        let name = self.key_template(spec, "name")?;
        let webhook = spec.config.get("webhook").and_then(Value::as_bool).unwrap_or(false);
        Some(NodeKind::Signal { name, webhook })
    }

    fn handoff(&mut self, spec: &Spec) -> Option<NodeKind> {
        self.config_template(spec, Secrets::Refused);
        let config: HandoffConfig = decode(&spec.config)?;
        if let Some(schema) = spec.config.get("schema").filter(|_| config.schema.is_some()) {
            self.schema(schema, &spec.at("config/schema"));
        }
        Some(NodeKind::Handoff)
    }

    /// The whole configuration as a template.
    pub(super) fn config_template(&mut self, spec: &Spec, secrets: Secrets) -> Option<Template> {
        let config = Value::Object(spec.config.clone());
        self.template(config, &spec.at("config"), secrets)
    }

    /// One key of the configuration as a template.
    pub(super) fn key_template(&mut self, spec: &Spec, key: &str) -> Option<Template> {
        let value = spec.config.get(key)?.clone();
        self.template(value, &spec.at(&format!("config/{key}")), Secrets::Refused)
    }

    /// One key of the configuration as an expression.
    fn key_expression(&mut self, spec: &Spec, key: &str, scope: Scope) -> Option<Expr> {
        let source = spec.config.get(key)?.as_str()?;
        self.expression(source, &spec.at(&format!("config/{key}")), scope, false)
    }
}

/// Decodes a configuration; fails only where its structure is broken, which is reported.
pub(super) fn decode<T: DeserializeOwned>(config: &Map<String, Value>) -> Option<T> {
    serde_json::from_value(Value::Object(config.clone())).ok()
}

/// The schema of a check as JSON.
pub(super) fn schema_value(schema: &CheckSchema) -> Value {
    match schema {
        CheckSchema::Object(object) => Value::Object(object.clone()),
        CheckSchema::Boolean(boolean) => json!(boolean),
    }
}

fn operation(operation: AggregateConfigOperation) -> AggregateOp {
    match operation {
        AggregateConfigOperation::Sum => AggregateOp::Sum,
        AggregateConfigOperation::Avg => AggregateOp::Avg,
        AggregateConfigOperation::Min => AggregateOp::Min,
        AggregateConfigOperation::Max => AggregateOp::Max,
        AggregateConfigOperation::Count => AggregateOp::Count,
        AggregateConfigOperation::Concat => AggregateOp::Concat,
        AggregateConfigOperation::Merge => AggregateOp::Merge,
        AggregateConfigOperation::Union => AggregateOp::Union,
        AggregateConfigOperation::Group => AggregateOp::Group,
    }
}
