//! What the host proved about a document on its compiled form.

use serde::{Deserialize, Serialize};

/// Facts about one document.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Types of nodes that a rewrite may bring in without letting the graph do more than before.
    pub allowed_types: Vec<String>,
    /// `cache` policies other than `off` are served.
    pub supports_cache: bool,
    /// Every id in use, bodies of maps included.
    pub ids: Vec<String>,
    /// Nodes in document order; bodies of maps are not among them.
    pub nodes: Vec<Node>,
    /// Edges in document order, then those that keys of nodes stand for. Back edges of loops are
    /// not among them.
    pub edges: Vec<Edge>,
    /// Loops.
    pub loops: Vec<Loop>,
}

/// Types of nodes, as far as passes tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A function of a runner.
    Function,
    /// One HTTP request.
    Http,
    /// `transform`.
    Transform,
    /// `filter`.
    Filter,
    /// `aggregate`.
    Aggregate,
    /// `conditional`: takes one edge.
    Conditional,
    /// `map`.
    Map,
    /// `loop`.
    Loop,
    /// A person decides.
    Hitl,
    /// Everything else; no pass touches it.
    Other,
}

/// One node. What is said of its configuration includes its checks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Its id.
    pub id: String,
    /// Its type.
    pub kind: Kind,
    /// It does nothing to the world outside (`effect: none`).
    pub harmless: bool,
    /// The document itself says `effect: none`; it is not only the default of its type.
    pub declared_harmless: bool,
    /// A function that every runner has.
    pub builtin: bool,
    /// A failure of it fails the run: no failure, timeout or other route, `on_error: fail`. And it
    /// has no checks, no compensation and (a node that waits) no timeout.
    pub plain: bool,
    /// It waits for all live edges, cancels no losers, tolerates no failure.
    pub plain_join: bool,
    /// A join that does not wait for all can be reached from here, or is this node: the order of
    /// events may decide what happens.
    pub races: bool,
    /// It, or whoever executes it, sees its input: which predecessors it has makes a difference.
    pub reads_input: bool,
    /// It reads `$iteration`.
    pub reads_iteration: bool,
    /// It reads `$run`.
    pub reads_run: bool,
    /// Secrets are filled in.
    pub reads_secrets: bool,
    /// Nodes whose output it reads; of a body of a map, the map.
    pub reads: Vec<String>,
    /// Evaluating its configuration cannot fail.
    pub total: bool,
    /// It has no edges out: its output is part of the run's.
    pub terminal: bool,
    /// Retry rules, timeouts, pool and priority, defaults filled in, as a text to compare.
    pub settings: String,
    /// Edges into it, as indices.
    pub incoming: Vec<usize>,
    /// Edges out of it, as indices, in the order in which conditions are tried.
    pub outgoing: Vec<usize>,
    /// Loops around it, outermost first, as indices. A loop node and its head are inside.
    pub loops: Vec<usize>,
    /// The last node that every path from an entry leads through, as an index.
    pub dominator: Option<usize>,
    /// `http`: `scheme://host:port` where no reference can change it.
    pub origin: Option<String>,
    /// `filter`: its predicate.
    pub filter: Option<Filter>,
    /// `map` of a `transform` with a template: its body.
    pub body: Option<Body>,
}

/// The predicate of a filter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Filter {
    /// First keys that it reads of each item; `None`: it reads the item as a whole.
    pub keys: Option<Vec<String>>,
    /// Whenever it succeeds it has read all of them.
    pub strict: bool,
    /// It reads the input of the filter.
    pub reads_input: bool,
    /// Nodes that it reads.
    pub reads: Vec<String>,
}

/// The body of a map that builds an object for each item with a template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Body {
    /// Keys whose value is that of the same key of the item, unchanged.
    pub passes: Vec<String>,
    /// First keys that the item must have for the template to succeed.
    pub needs: Vec<String>,
    /// Nothing but these keys can make it fail: whatever else it reads has a default.
    pub total_otherwise: bool,
    /// It reads `$index`.
    pub reads_index: bool,
}

/// One edge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Edge {
    /// Its id.
    pub id: String,
    /// Source, as an index.
    pub from: usize,
    /// Target, as an index.
    pub to: usize,
    /// Which outcome it follows, as the document spells it.
    pub on: String,
    /// Its condition.
    pub condition: Option<String>,
    /// What its condition always gives, where it reads nothing.
    pub always: Option<bool>,
    /// Nodes that its condition reads.
    pub reads: Vec<String>,
    /// It stands in `edges`; otherwise a key of a node stands for it.
    pub drawn: bool,
}

/// One loop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Loop {
    /// The loop node, as an index.
    pub node: usize,
    /// Where its body starts, as an index.
    pub head: usize,
    /// Nodes of the body, head and loop node included, as indices.
    pub body: Vec<usize>,
}
