//! What graph nodes, bodies of maps and compensating nodes have in common.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::document::{
    BodyNode, BodyNodeOnError, Checks, CompensateNode, Effect, Join, Node, OnError, OnErrorString,
    Priority, Retry, Route,
};

/// Where a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// In `nodes`.
    Graph,
    /// In the `config.node` of a map.
    Body,
    /// In the `compensate` of a node.
    Compensation,
}

/// A node of any role, decoded.
#[derive(Debug)]
pub(super) struct Spec {
    pub(super) role: Role,
    /// Its structure is not usable, which is reported already: only its id and type are known.
    pub(super) broken: bool,
    pub(super) id: String,
    pub(super) type_name: String,
    pub(super) pointer: String,
    pub(super) config: Map<String, Value>,
    pub(super) join: Option<Join>,
    pub(super) timeout_ms: Option<u64>,
    pub(super) queue_timeout_ms: Option<u64>,
    pub(super) idle_timeout_ms: Option<u64>,
    pub(super) retry: Option<Retry>,
    pub(super) effect: Option<Effect>,
    pub(super) compensate: Option<CompensateNode>,
    pub(super) on_error: Option<OnError>,
    pub(super) checks: Option<Checks>,
    pub(super) priority: Option<Priority>,
    pub(super) pool: Option<String>,
}

impl Spec {
    /// The node at `pointer`.
    pub(super) fn of_node(value: &Value, pointer: String) -> Self {
        let Ok(node) = Node::deserialize(value) else { return Self::of_broken(value, pointer) };
        Self {
            role: Role::Graph,
            broken: false,
            id: node.id.0,
            type_name: node.type_.0,
            pointer,
            config: node.config,
            join: node.join,
            timeout_ms: node.timeout_ms.map(|ms| ms.get()),
            queue_timeout_ms: node.queue_timeout_ms.map(|ms| ms.get()),
            idle_timeout_ms: node.idle_timeout_ms.map(|ms| ms.get()),
            retry: node.retry,
            effect: node.effect,
            compensate: node.compensate,
            on_error: node.on_error,
            checks: node.checks,
            priority: node.priority,
            pool: node.pool.map(|pool| pool.0),
        }
    }

    fn of_broken(value: &Value, pointer: String) -> Self {
        let text =
            |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self {
            role: Role::Graph,
            broken: true,
            id: text("id"),
            type_name: text("type"),
            pointer,
            config: Map::new(),
            join: None,
            timeout_ms: None,
            queue_timeout_ms: None,
            idle_timeout_ms: None,
            retry: None,
            effect: None,
            compensate: None,
            on_error: None,
            checks: None,
            priority: None,
            pool: None,
        }
    }

    /// The body of the map `map_id`.
    pub(super) fn of_body(node: BodyNode, map_id: &str, pointer: String) -> Self {
        let on_error = node.on_error.map(|policy| {
            OnError::String(match policy {
                BodyNodeOnError::Fail => OnErrorString::Fail,
                BodyNodeOnError::Skip => OnErrorString::Skip,
                BodyNodeOnError::Park => OnErrorString::Park,
            })
        });
        Self {
            role: Role::Body,
            broken: false,
            id: node.id.map_or_else(|| format!("{map_id}.item"), |id| id.0),
            type_name: node.type_.0,
            pointer,
            config: node.config,
            join: None,
            timeout_ms: node.timeout_ms.map(|ms| ms.get()),
            queue_timeout_ms: node.queue_timeout_ms.map(|ms| ms.get()),
            idle_timeout_ms: node.idle_timeout_ms.map(|ms| ms.get()),
            retry: node.retry,
            effect: node.effect,
            compensate: node.compensate,
            on_error,
            checks: node.checks,
            priority: node.priority,
            pool: node.pool.map(|pool| pool.0),
        }
    }

    /// What undoes the node `id`.
    pub(super) fn of_compensation(node: CompensateNode, id: &str, pointer: String) -> Self {
        Self {
            role: Role::Compensation,
            broken: false,
            id: format!("{id}.compensate"),
            type_name: node.type_.0,
            pointer,
            config: node.config,
            join: None,
            timeout_ms: node.timeout_ms.map(|ms| ms.get()),
            queue_timeout_ms: node.queue_timeout_ms.map(|ms| ms.get()),
            idle_timeout_ms: node.idle_timeout_ms.map(|ms| ms.get()),
            retry: node.retry,
            effect: node.effect,
            compensate: None,
            on_error: None,
            checks: None,
            priority: node.priority,
            pool: node.pool.map(|pool| pool.0),
        }
    }

    /// The node that `on_error` routes to.
    pub(super) fn route(&self) -> Option<&str> {
        match &self.on_error {
            Some(OnError::Route(Route { route })) => Some(&route.0),
            Some(OnError::String(_)) | None => None,
        }
    }

    /// The pointer of a key of the node.
    pub(super) fn at(&self, key: &str) -> String {
        format!("{}/{key}", self.pointer)
    }
}

/// Kinds of types that share which keys have a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// Executed by runners.
    Runner,
    /// Waits for something else.
    Waiting,
    /// Decided at once.
    Inline,
    /// Not known here: nobody can say.
    Unknown,
}

impl Family {
    pub(super) fn of(type_name: &str) -> Self {
        match type_name {
            "function" | "task" | "http" | "agent" => Self::Runner,
            "map" | "composite" | "hitl" | "signal" | "handoff" => Self::Waiting,
            "transform" | "filter" | "aggregate" | "conditional" | "parallel" | "join" | "loop"
            | "timer" => Self::Inline,
            _ => Self::Unknown,
        }
    }
}
