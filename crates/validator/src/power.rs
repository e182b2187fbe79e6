//! What a node may do to the world: its powers, finer than the capabilities of the compiled form.
//!
//! A set of names per graph is not enough to tell growth: a secret that goes to another host than
//! before, a function that runs in another pool, or a host that is computed by another template are
//! new, though each name was there. So a power names what is used together.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use aob_ir::{ChildWorkflow, NodeKind, Reads, Root, Template, UrlOrigin, canonical_json};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::world::{Item, World};

/// Something that a graph may do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Power {
    kind: PowerKind,
    name: Arc<str>,
}

/// Kinds of powers, with how each is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PowerKind {
    /// Contains a node of this type.
    NodeType,
    /// Calls `METHOD scheme://host:port`. A computed method is `*`; where the host is computed, it
    /// is the URL as written, with the node where it reads more than inputs and run.
    Egress,
    /// Sends this secret there: `name -> scheme://host:port/place`, `name -> function@pool` or
    /// `name -> agent path`.
    Secret,
    /// Calls `function@pool`.
    Function,
    /// Runs the workflow of this tag.
    SubWorkflow,
    /// Uses this pool.
    Pool,
    /// Lets an agent use this tool, with settings if it has any.
    Tool,
    /// Lets an agent use this model.
    Model,
    /// Opens a signed address for this signal.
    Webhook,
    /// Hands work to this party.
    Handoff,
    /// Pays for this agent, at this budget and as often.
    Spend,
    /// Raises this limit of runs.
    Limit,
}

impl PowerKind {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NodeType => "node_type",
            Self::Egress => "egress",
            Self::Secret => "secret",
            Self::Function => "function",
            Self::SubWorkflow => "sub_workflow",
            Self::Pool => "pool",
            Self::Tool => "tool",
            Self::Model => "model",
            Self::Webhook => "webhook",
            Self::Handoff => "handoff",
            Self::Spend => "spend",
            Self::Limit => "limit",
        }
    }

    /// Whether something outside happens by it, so that an approval in front of it matters.
    pub(crate) fn is_outward(self) -> bool {
        match self {
            Self::Egress
            | Self::Secret
            | Self::Function
            | Self::SubWorkflow
            | Self::Tool
            | Self::Handoff => true,
            Self::NodeType
            | Self::Pool
            | Self::Model
            | Self::Webhook
            | Self::Spend
            | Self::Limit => false,
        }
    }
}

impl Power {
    pub(crate) fn new(kind: PowerKind, name: impl Into<Arc<str>>) -> Self {
        Self { kind, name: name.into() }
    }

    /// Its kind.
    pub fn kind(&self) -> PowerKind {
        self.kind
    }

    /// Its name within its kind.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Power {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), self.name)
    }
}

/// What an item may do; what a sub-workflow may do is that of its own items.
pub(crate) fn powers_of(world: &World<'_>, item: &Item) -> BTreeSet<Power> {
    let node = world.node(item);
    let mut powers = BTreeSet::new();
    let mut add = |kind: PowerKind, name: String| powers.insert(Power::new(kind, name));
    let type_name = if &*node.type_name == "task" { "function" } else { &node.type_name };
    add(PowerKind::NodeType, type_name.to_owned());
    if let Some(pool) = &node.pool {
        add(PowerKind::Pool, pool.to_string());
    }
    match &node.kind {
        NodeKind::Function { name, builtin, config } => {
            let at = format!("{name}@{}", node.pool.as_deref().unwrap_or("default"));
            for secret in secrets(config) {
                add(PowerKind::Secret, format!("{} -> {at}", secret.name));
            }
            if !builtin {
                add(PowerKind::Function, at);
            }
        }
        NodeKind::Http { config } => http(config, &item.path, &mut add),
        NodeKind::Agent { config, .. } => agent(config, &item.path, &mut add),
        NodeKind::Composite { workflow: ChildWorkflow::Tag(tag), .. } => {
            add(PowerKind::SubWorkflow, tag.to_string());
        }
        NodeKind::Signal { name, webhook: true } => {
            add(PowerKind::Webhook, text_of(name.source()));
        }
        NodeKind::Handoff => {
            let to = world.spec(item).pointer("/config/to");
            add(PowerKind::Handoff, to.map(text_of).unwrap_or_default());
        }
        NodeKind::Composite { workflow: ChildWorkflow::Inline(_), .. }
        | NodeKind::Signal { webhook: false, .. }
        | NodeKind::Transform(_)
        | NodeKind::Filter { .. }
        | NodeKind::Aggregate { .. }
        | NodeKind::Conditional
        | NodeKind::Parallel
        | NodeKind::Join
        | NodeKind::Map(_)
        | NodeKind::Loop { .. }
        | NodeKind::Hitl { .. }
        | NodeKind::Timer(_)
        | NodeKind::Unknown(_) => {}
    }
    powers
}

type Add<'f> = dyn FnMut(PowerKind, String) -> bool + 'f;

fn http(config: &Template, path: &str, add: &mut Add<'_>) {
    let destination = Destination::of(config, path);
    let origin = &destination.origin;
    for secret in secrets(config) {
        // In a batch a secret goes where it would go in a request alone.
        let Secret { name, place } = secret;
        let place = in_part(&place).map_or(place.as_str(), |(_, place)| place);
        add(PowerKind::Secret, format!("{name} -> {origin}{place}"));
    }
    match batch(config) {
        Some(parts) => {
            for part in parts {
                add(PowerKind::Egress, format!("{} {origin}", method_of(part)));
            }
        }
        None => {
            add(PowerKind::Egress, format!("{} {origin}", destination.method));
        }
    }
}

/// The requests of an `http` node that sends several, which all go to one origin.
fn batch(config: &Template) -> Option<&Vec<Value>> {
    config.source().get("batch").and_then(Value::as_array)
}

/// A place in a request of a batch: which request, and the place in it.
fn in_part(place: &str) -> Option<(&str, &str)> {
    let rest = place.strip_prefix("/batch/")?;
    Some(rest.split_at(rest.find('/')?))
}

fn method_of(request: &Value) -> &str {
    match request.get("method").and_then(Value::as_str) {
        None => "GET",
        Some(method) if method.starts_with('$') => "*",
        Some(method) => method,
    }
}

/// Where an `http` node goes, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Destination {
    /// `*`: computed.
    pub(crate) method: String,
    /// `scheme://host:port`, or the template that computes it.
    pub(crate) origin: String,
    pub(crate) is_computed: bool,
}

impl Destination {
    /// Of a config. `path` is that of the node, which tells apart what equal templates read.
    pub(crate) fn of(config: &Template, path: &str) -> Self {
        let source = config.source();
        // The compiler holds all requests of a batch to the origin of the first.
        let request = batch(config).and_then(|parts| parts.first()).unwrap_or(source);
        let method = method_of(request);
        let url = request.get("url").and_then(Value::as_str).unwrap_or_default();
        let known = match UrlOrigin::of(url) {
            Ok(UrlOrigin::Known(origin)) => Some(origin),
            Ok(UrlOrigin::Computed) | Err(_) => None,
        };
        let is_local = || {
            config.references().iter().filter(|read| read.pointer == "/url").any(|read| {
                !matches!(read.reads, Reads::Root(Root::Inputs | Root::Run) | Reads::Secret(_))
            })
        };
        Self {
            method: method.to_owned(),
            is_computed: known.is_none(),
            origin: known.unwrap_or_else(|| match is_local() {
                true => format!("{url} in {path}"),
                false => url.to_owned(),
            }),
        }
    }
}

fn agent(config: &Template, path: &str, add: &mut Add<'_>) {
    let source = config.source();
    for secret in secrets(config) {
        add(PowerKind::Secret, format!("{} -> agent {path}", secret.name));
    }
    for tool in source.get("tools").and_then(Value::as_array).into_iter().flatten() {
        add(PowerKind::Tool, text_of(tool));
    }
    let model = source.get("model").map_or_else(|| "default".to_owned(), text_of);
    add(PowerKind::Model, model);
}

/// A secret and the place that it goes to.
pub(crate) struct Secret {
    pub(crate) name: String,
    /// JSON pointer into the config.
    pub(crate) place: String,
}

/// The secrets of a config, that of `auth` included.
pub(crate) fn secrets(config: &Template) -> Vec<Secret> {
    let mut found: Vec<Secret> = Vec::new();
    for read in config.references() {
        if let Reads::Secret(name) = read.reads {
            found.push(Secret { name: name.to_owned(), place: read.pointer });
        }
    }
    let parts = batch(config).map_or(0, Vec::len);
    let requests = (0..parts).map(|part| format!("/batch/{part}"));
    for request in requests.chain([String::new()]) {
        let place = format!("{request}/auth");
        let auth = config.source().pointer(&format!("{place}/secret")).and_then(Value::as_str);
        if let Some(auth) = auth {
            let name = auth.strip_prefix("$secrets.").unwrap_or(auth);
            found.retain(|secret| !secret.place.starts_with(&place));
            found.push(Secret { name: name.to_owned(), place });
        }
    }
    found
}

/// A text as it is, anything else as canonical JSON.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            canonical_json(value).unwrap_or_default()
        }
    }
}
