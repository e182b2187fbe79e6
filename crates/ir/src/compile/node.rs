//! What every node has beside its configuration.

use std::sync::Arc;

use super::expressions::Scope;
use super::spec::{Family, Role, Spec};
use super::unit::Unit;
use crate::diagnostic::{Code, Diagnostic};
use crate::document::{self, OnErrorString};
use crate::{
    Capability, CheckIr, CheckRule, ChecksIr, EdgeList, EffectClass, JoinIr, JoinMode, NodeIr,
    NodeKind, OnError, Priority, RetryIr, Tolerate,
};

/// Milliseconds per attempt of what runners execute.
const DEFAULT_TIMEOUT_MS: u64 = 300_000;
const DEFAULT_MAX_ATTEMPTS: u32 = 3;
const DEFAULT_BACKOFF_MS: u64 = 1_000;
const DEFAULT_BACKOFF_MULTIPLIER: f64 = 2.0;
const DEFAULT_MAX_BACKOFF_MS: u64 = 60_000;

impl Unit<'_> {
    /// Compiles a node; its edges, loops and join come later.
    pub(super) fn node(&mut self, spec: &Spec) -> NodeIr {
        let known = self.node_index.get_key_value(spec.id.as_str());
        let known = known.filter(|_| spec.role == Role::Graph);
        let id = known.map_or_else(|| spec.id.as_str().into(), |(id, _)| Arc::clone(id));
        if spec.role == Role::Graph {
            self.owner = known.map(|(_, ix)| *ix).unwrap_or_default();
        }
        let kind = if spec.broken { NodeKind::Parallel } else { self.kind(spec) };
        self.check_keys(spec);
        let pool = self.pool(spec, &kind);
        if let Some(pool) = &pool {
            self.capabilities.insert(Capability::Pool(Arc::clone(pool)));
        }
        let is_runner = Family::of(&spec.type_name) == Family::Runner;
        let default = |value: Option<u64>| value.filter(|_| is_runner);
        let timeout_ms = default(self.defaults.timeout_ms.as_ref().map(|ms| ms.get()));
        let queue_timeout_ms = default(self.defaults.queue_timeout_ms.as_ref().map(|ms| ms.get()));
        let priority = spec.priority.or(self.defaults.priority.filter(|_| is_runner));
        let effect = self.effect(spec, &kind);
        NodeIr {
            id,
            pointer: format!("{}{}", self.base, spec.pointer).into(),
            type_name: spec.type_name.as_str().into(),
            timeout_ms: spec.timeout_ms.or(timeout_ms).or(default(Some(DEFAULT_TIMEOUT_MS))),
            queue_timeout_ms: spec.queue_timeout_ms.or(queue_timeout_ms),
            idle_timeout_ms: spec.idle_timeout_ms,
            retry: match &spec.retry {
                Some(own) => Arc::new(self.retry(spec, own)),
                None => self.default_retry(),
            },
            effect,
            compensate: self.compensate(spec),
            on_error: match &spec.on_error {
                Some(document::OnError::String(OnErrorString::Skip)) => OnError::Skip,
                Some(document::OnError::String(OnErrorString::Park)) => OnError::Park,
                Some(document::OnError::Route(_)) => OnError::Route,
                Some(document::OnError::String(OnErrorString::Fail)) | None => OnError::Fail,
            },
            checks: self.checks(spec),
            priority: priority.map_or(Priority::Medium, priority_of),
            pool,
            kind,
            incoming: EdgeList::new(),
            outgoing: EdgeList::new(),
            loops: Vec::new(),
            join: JoinIr {
                mode: JoinMode::All,
                cancel_losers: false,
                tolerate: Tolerate::Count(0),
            },
        }
    }

    /// Refuses keys that would be ignored.
    fn check_keys(&mut self, spec: &Spec) {
        let family = Family::of(&spec.type_name);
        if spec.broken || family == Family::Unknown {
            return;
        }
        let runner_keys = [
            ("queue_timeout_ms", spec.queue_timeout_ms.is_some()),
            ("idle_timeout_ms", spec.idle_timeout_ms.is_some()),
            ("retry", spec.retry.is_some()),
            ("effect", spec.effect.is_some()),
            ("compensate", spec.compensate.is_some()),
            ("priority", spec.priority.is_some()),
            ("pool", spec.pool.is_some()),
        ];
        let runners = "function, task, http and agent nodes";
        for (key, present) in runner_keys {
            if present && family != Family::Runner {
                self.not_applicable(spec, key, runners);
            }
        }
        if spec.timeout_ms.is_some() && family == Family::Inline {
            let waiting =
                "function, task, http, agent, map, composite, hitl, signal and handoff nodes";
            self.not_applicable(spec, "timeout_ms", waiting);
        }
    }

    fn not_applicable(&mut self, spec: &Spec, key: &str, known_by: &str) {
        let message = format!("`{key}` has no meaning for a `{}` node", spec.type_name);
        let problem = Diagnostic::error(Code::NotApplicable, spec.at(key), message)
            .with_hint(format!("it is for {known_by}"));
        self.report(problem);
    }

    fn pool(&mut self, spec: &Spec, kind: &NodeKind) -> Option<Arc<str>> {
        let in_config = spec.config.get("pool").and_then(serde_json::Value::as_str);
        let in_config = in_config.filter(|_| Family::of(&spec.type_name) == Family::Runner);
        if let (Some(_), Some(_)) = (&spec.pool, in_config) {
            let at = spec.at("config/pool");
            let problem =
                Diagnostic::error(Code::BothSpellings, at, "the node has a `pool` already")
                    .with_hint("keep `pool` beside `config`");
            self.report(problem);
        }
        let given = spec.pool.as_deref().or(in_config);
        // Every runner has the built-in functions.
        let is_builtin = matches!(kind, NodeKind::Function { builtin: true, .. });
        let is_runner = Family::of(&spec.type_name) == Family::Runner;
        let default = self.defaults.pool.as_ref().filter(|_| is_runner && !is_builtin);
        let default = default.map(|pool| pool.0.as_str());
        given.or(default).map(Arc::from)
    }

    fn retry(&mut self, spec: &Spec, own: &document::Retry) -> RetryIr {
        let retry = self.retry_with_defaults(own);
        if let Some(max) = own.max_backoff_ms
            && max < retry.backoff_ms
        {
            let backoff_ms = retry.backoff_ms;
            let message =
                format!("`max_backoff_ms` ({max}) is less than `backoff_ms` ({backoff_ms})");
            self.error(Code::OutOfRange, &spec.at("retry/max_backoff_ms"), message);
        }
        retry
    }

    /// The retry rules of nodes that say nothing about it.
    pub(super) fn default_retry(&self) -> Arc<RetryIr> {
        let make = || Arc::new(self.retry_with_defaults(&document::Retry::default()));
        Arc::clone(self.default_retry.get_or_init(make))
    }

    /// Retry rules with the document's defaults, then ours.
    fn retry_with_defaults(&self, own: &document::Retry) -> RetryIr {
        let default = self.defaults.retry.clone().unwrap_or_default();
        let attempts = own.max_attempts.or(default.max_attempts);
        let attempts = attempts.and_then(|attempts| u32::try_from(attempts.get()).ok());
        let backoff_ms = own.backoff_ms.or(default.backoff_ms).unwrap_or(DEFAULT_BACKOFF_MS);
        let max_backoff_ms = own.max_backoff_ms.or(default.max_backoff_ms);
        let multiplier = own.backoff_multiplier.or(default.backoff_multiplier);
        let retry_on = if own.retry_on.is_empty() { &default.retry_on } else { &own.retry_on };
        RetryIr {
            max_attempts: attempts.unwrap_or(DEFAULT_MAX_ATTEMPTS),
            backoff_ms,
            backoff_multiplier: multiplier.unwrap_or(DEFAULT_BACKOFF_MULTIPLIER),
            max_backoff_ms: max_backoff_ms.unwrap_or(DEFAULT_MAX_BACKOFF_MS).max(backoff_ms),
            retry_on: retry_on.iter().map(|code| Arc::from(code.as_str())).collect(),
        }
    }

    fn effect(&mut self, spec: &Spec, kind: &NodeKind) -> EffectClass {
        let Some(effect) = spec.effect else {
            return if matches!(kind, NodeKind::Http { .. }) {
                super::http::default_effect(&spec.config)
            } else if matches!(kind, NodeKind::Function { .. } | NodeKind::Agent { .. }) {
                EffectClass::Idempotent
            } else {
                EffectClass::None
            };
        };
        if effect == document::Effect::Compensable && spec.compensate.is_none() {
            let message = "`compensable` needs a `compensate` that says how to undo it";
            let problem = Diagnostic::error(Code::MissingCompensation, spec.at("effect"), message)
                .with_example(r#""compensate": {"type": "function", "config": {"name": "undo"}}"#);
            self.report(problem);
        }
        match effect {
            document::Effect::None => EffectClass::None,
            document::Effect::Idempotent => EffectClass::Idempotent,
            document::Effect::Compensable => EffectClass::Compensable,
            document::Effect::Irreversible => EffectClass::Irreversible,
        }
    }

    fn compensate(&mut self, spec: &Spec) -> Option<Box<NodeIr>> {
        let node = spec.compensate.clone()?;
        let undo = Spec::of_compensation(node, &spec.id, spec.at("compensate"));
        if Family::of(&undo.type_name) != Family::Runner {
            let message = format!("a `{}` node cannot undo anything", undo.type_name);
            let problem = Diagnostic::error(Code::UnsuitableNode, undo.at("type"), message)
                .with_hint("use a function, task, http or agent node");
            self.report(problem);
        }
        // It runs when the node has an output, and may read it.
        let before = self.reads.len();
        let compiled = self.node(&undo);
        self.reads[before..].iter_mut().for_each(|read| read.after = true);
        Some(Box::new(compiled))
    }

    fn checks(&mut self, spec: &Spec) -> Arc<ChecksIr> {
        let Some(checks) = &spec.checks else { return Arc::clone(&self.no_checks) };
        Arc::new(ChecksIr {
            pre: self.check_list(&checks.pre, &spec.at("checks/pre"), Scope::INPUT),
            post: self.check_list(&checks.post, &spec.at("checks/post"), Scope::OUTPUT),
        })
    }

    fn check_list(
        &mut self,
        checks: &[document::Check],
        pointer: &str,
        scope: Scope,
    ) -> Vec<CheckIr> {
        let mut compiled = Vec::with_capacity(checks.len());
        for (index, check) in checks.iter().enumerate() {
            let rule = if let Some(expression) = &check.expression {
                let at = format!("{pointer}/{index}/expression");
                self.expression(&expression.0, &at, scope, false).map(CheckRule::Expression)
            } else if let Some(schema) = &check.schema {
                let value = super::kind::schema_value(schema);
                let at = format!("{pointer}/{index}/schema");
                self.schema(&value, &at).map(CheckRule::Schema)
            } else {
                None
            };
            let message = check.message.as_deref().map(Arc::from);
            compiled.extend(rule.map(|rule| CheckIr { rule, message }));
        }
        compiled
    }
}

fn priority_of(priority: document::Priority) -> Priority {
    match priority {
        document::Priority::High => Priority::High,
        document::Priority::Medium => Priority::Medium,
        document::Priority::Low => Priority::Low,
    }
}
