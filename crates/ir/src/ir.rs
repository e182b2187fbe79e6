//! The compiled form of a workflow document: dense tables that the engine reads and never changes.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::dominators::Dominators;
use crate::{Budget, Digest, Expr, Fields, JsonSchema, Template};

/// Index of a node in [`Ir::nodes`].
pub type NodeIx = u32;
/// Index of an edge in [`Ir::edges`].
pub type EdgeIx = u32;
/// Index of a loop in [`Ir::loops`].
pub type LoopIx = u32;
/// Edges of a node: the few that most have stand in the node itself.
pub type EdgeList = SmallVec<[EdgeIx; 4]>;

/// An immutable, compiled workflow. Identified by the digest of the document it was compiled from,
/// so it can be cached anywhere for ever.
#[derive(Debug)]
pub struct Ir {
    /// `sha256` over the RFC 8785 canonical form of the (alias-free) document.
    pub digest: Digest,
    /// Canonical JSON text of the document; what is stored and shown.
    pub canonical: Arc<str>,
    /// `metadata.name`, or the empty string.
    pub name: Arc<str>,
    /// Nodes in document order. Map bodies are not here: see [`MapIr::body`].
    pub nodes: Vec<NodeIr>,
    /// Edges in document order, then those that loop keys (`break_path`, `timeout_path`) stand for.
    pub edges: Vec<EdgeIr>,
    /// Loops of the graph, outer loops before the loops nested in them.
    pub loops: Vec<LoopIr>,
    /// Nodes without incoming edges (back edges of loops do not count), in document order.
    pub entries: Vec<NodeIx>,
    /// Nodes without outgoing edges, in document order: their outputs are the run's output.
    pub terminals: Vec<NodeIx>,
    /// Validates run inputs; `None` where the document declares no `inputs`.
    pub inputs_schema: Option<JsonSchema>,
    /// Bounds of a run.
    pub limits: Limits,
    /// What its runs may spend, where nobody says otherwise (`limits.budget`).
    pub budget: Budget,
    /// What happens after an unhandled failure.
    pub on_failure: OnFailure,
    /// How patches of a run are approved.
    pub patches: PatchPolicy,
    /// Sub-workflows given inline, by their digest, with their canonical text; transitively.
    pub inline_children: IndexMap<Digest, Arc<str>>,
    /// Tags of sub-workflows that this document names, inline ones included, but not those that
    /// the tagged workflows name in turn; sorted.
    pub child_tags: Vec<Arc<str>>,
    /// Agent nodes of this document, map bodies and inline sub-workflows included.
    pub agents: u32,
    /// Rate-limit tier by agent count.
    pub tier: Tier,
    /// What the graph may do; sorted and without repeats.
    pub capabilities: Vec<Capability>,
    /// Node ids to their index; map body ids are not here.
    pub(crate) node_index: IndexMap<Arc<str>, NodeIx>,
    /// Ids of bodies to the map that they belong to.
    pub(crate) body_index: BTreeMap<Arc<str>, NodeIx>,
    /// Computed when first asked for.
    pub(crate) dominators: OnceLock<Dominators>,
}

/// One node.
#[derive(Debug, Clone)]
pub struct NodeIr {
    /// Unique within the document, map bodies included.
    pub id: Arc<str>,
    /// JSON pointer of the node in the document.
    pub pointer: Arc<str>,
    /// The type as the document spells it.
    pub type_name: Arc<str>,
    /// Type and compiled configuration.
    pub kind: NodeKind,
    /// Incoming edges in document order; the back edge of a loop is never among them.
    pub incoming: EdgeList,
    /// Outgoing edges in the order in which conditions are tried (document order).
    pub outgoing: EdgeList,
    /// Enclosing loops, outermost first. A loop node and its head are inside their own loop.
    pub loops: Vec<LoopIx>,
    /// How the incoming edges join.
    pub join: JoinIr,
    /// Milliseconds per attempt from its grant; `None`: no timeout.
    pub timeout_ms: Option<u64>,
    /// Milliseconds from scheduled to grant; `None`: no timeout.
    pub queue_timeout_ms: Option<u64>,
    /// Milliseconds without progress after the grant; `None`: no timeout.
    pub idle_timeout_ms: Option<u64>,
    /// Retry rules, defaults filled in; shared by the nodes that have no others.
    pub retry: Arc<RetryIr>,
    /// What a person or the failure rules must know about effects outside; defaults filled in.
    pub effect: EffectClass,
    /// The node that undoes this one; its id is `<id>.compensate`.
    pub compensate: Option<Box<NodeIr>>,
    /// What happens when retries and failure edges do not take care of a failure.
    pub on_error: OnError,
    /// Conditions on input (before) and output (after).
    pub checks: Arc<ChecksIr>,
    /// Queue priority.
    pub priority: Priority,
    /// Pool of runners; `None`: the default pool.
    pub pool: Option<Arc<str>>,
}

/// Node types with what the engine needs of their configuration.
#[derive(Debug, Clone)]
pub enum NodeKind {
    /// Executed by a runner: `function` and `task`. The config renders to `{"name", "args"}`.
    Function {
        /// Name of the function.
        name: Arc<str>,
        /// Every built-in runner serves it.
        builtin: bool,
        /// Renders to `{"name", "args"}`.
        config: Template,
    },
    /// Executed by a runner. The config renders to the whole `http` config object.
    Http {
        /// Renders to the config.
        config: Template,
    },
    /// Executed by an agent runner. The config renders to the whole `agent` config object.
    Agent {
        /// Renders to the config.
        config: Template,
        /// What all its instances and attempts in a run may spend together.
        budget: Budget,
    },
    /// Decided inline.
    Transform(TransformIr),
    /// Decided inline: keeps the items for which `expression` (over `item`, `index`) is true.
    Filter {
        /// Renders to the list.
        items: Template,
        /// True: the item is kept.
        expression: Expr,
    },
    /// Decided inline.
    Aggregate {
        /// Renders to the list.
        items: Template,
        /// What to do with it.
        operation: AggregateOp,
        /// The part of each item that counts, as a path of keys; `None`: the item itself.
        field: Option<Arc<str>>,
        /// `group`: the part of each item that names its group, as a path of keys.
        by: Option<Arc<str>>,
    },
    /// Passes its input through; edges carry the conditions and exactly one is taken.
    Conditional,
    /// Passes its input through.
    Parallel,
    /// Object of live predecessors' outputs by id.
    Join,
    /// One body instance per item.
    Map(Box<MapIr>),
    /// End of a loop's body.
    Loop {
        /// The loop that it ends.
        loop_ix: LoopIx,
    },
    /// A child run.
    Composite {
        /// What runs.
        workflow: ChildWorkflow,
        /// Renders to the child's inputs; `None`: the node's input.
        inputs: Option<Template>,
    },
    /// A human approval. The config renders to the whole `hitl` config object.
    Hitl {
        /// Renders to the config.
        config: Template,
    },
    /// Durable sleep.
    Timer(TimerIr),
    /// Waits for a named signal.
    Signal {
        /// Renders to the signal's name.
        name: Template,
        /// A signed URL delivers it too.
        webhook: bool,
    },
    /// Validates; waits until handoffs are served.
    Handoff,
    /// A type this server does not know.
    Unknown(OnUnknown),
}

/// `transform`: an expression or a template.
#[derive(Debug, Clone)]
pub enum TransformIr {
    /// CEL over `input`, `ctx`, `inputs`, `run`.
    Expression(Expr),
    /// Any JSON with references.
    Template(Template),
}

/// `timer`: exactly one of the two.
#[derive(Debug, Clone)]
pub enum TimerIr {
    /// Renders to whole milliseconds from the start of the instance.
    ForMs(Template),
    /// Renders to an RFC 3339 time.
    Until(Template),
}

/// `map`.
#[derive(Debug, Clone)]
pub struct MapIr {
    /// Renders to the list.
    pub items: Template,
    /// The body; for `workflow` a [`NodeKind::Composite`] with id `<map id>.item` whose input is the item.
    pub body: NodeIr,
    /// Body instances at once.
    pub max_parallel: u32,
    /// Failures that do not fail the map.
    pub tolerate: Tolerate,
}

/// A loop of the graph: the nodes between `head` and `node`.
#[derive(Debug, Clone)]
pub struct LoopIr {
    /// The loop node.
    pub node: NodeIx,
    /// Where the back edge leads.
    pub head: NodeIx,
    /// Enclosing loop.
    pub parent: Option<LoopIx>,
    /// Nodes of the body, head and loop node included, in document order.
    pub body: Vec<NodeIx>,
    /// The body runs at most this often.
    pub max_iterations: u32,
    /// True: go back.
    pub condition: Expr,
    /// Failure routes that leave the body: edges from body nodes other than the loop node to
    /// nodes outside. Decided once for the scope outside the loop.
    pub routes: Vec<EdgeIx>,
}

/// One edge.
#[derive(Debug, Clone)]
pub struct EdgeIr {
    /// `from->to` unless the document names it.
    pub id: Arc<str>,
    /// Source.
    pub from: NodeIx,
    /// Target.
    pub to: NodeIx,
    /// Which outcome of the source it follows.
    pub on: EdgeOn,
    /// Guard over `output`, `ctx`, `inputs`, `run`.
    pub condition: Option<Expr>,
    /// How many of the source's enclosing loops the target shares: the edge is decided in the
    /// source's scope cut to this many loop steps.
    pub common_loops: u32,
}

/// Outcomes that an edge can follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeOn {
    /// Completed (also: approved).
    Success,
    /// Failed after retries.
    Failure,
    /// Any outcome except skipped and cancelled.
    Always,
    /// `hitl` approved.
    Approved,
    /// `hitl` rejected.
    Rejected,
    /// Timed out, expired, or (loop) `max_iterations` reached.
    Timeout,
    /// Loop condition false.
    Break,
}

/// How many incoming edges a node waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinMode {
    /// Every live edge.
    All,
    /// The first taken edge.
    Any,
    /// This many taken edges (`quorum` is compiled to floor(n/2)+1 of all incoming edges).
    AtLeast(u32),
}

/// Join rule of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JoinIr {
    /// Rule.
    pub mode: JoinMode,
    /// Cancel predecessors (and what only leads here) that lost the race.
    pub cancel_losers: bool,
    /// Failed predecessors that count as taken with `{error}` instead of failing the run.
    pub tolerate: Tolerate,
}

/// Tolerated failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tolerate {
    /// Up to this many.
    Count(u32),
    /// Up to this share of all, in percent 0 to 100.
    Percent(u32),
}

/// Retry rules with defaults filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryIr {
    /// First attempt included.
    pub max_attempts: u32,
    /// Wait before the second attempt.
    pub backoff_ms: u64,
    /// Growth per attempt.
    pub backoff_multiplier: f64,
    /// Upper bound of a wait.
    pub max_backoff_ms: u64,
    /// Error codes that are retried; empty: every retryable error.
    pub retry_on: Vec<Arc<str>>,
}

/// What a node does to the world outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectClass {
    /// Nothing.
    None,
    /// Repeating it with the same idempotency key changes nothing more.
    Idempotent,
    /// Can be undone by `compensate`.
    Compensable,
    /// Neither.
    Irreversible,
}

/// `on_error`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnError {
    /// The run fails.
    Fail,
    /// Success edges are evaluated, output null.
    Skip,
    /// The instance waits for a person.
    Park,
    /// The named node starts: compiled to the `failure` edge that it stands for.
    Route,
}

/// One of `checks.pre` and `checks.post`.
#[derive(Debug, Clone)]
pub struct CheckIr {
    /// The rule.
    pub rule: CheckRule,
    /// What the author says when it does not hold.
    pub message: Option<Arc<str>>,
}

/// A CEL expression (over `input` before, `output` after, `ctx`, `inputs`, `run`) or a schema.
#[derive(Debug, Clone)]
pub enum CheckRule {
    /// Must be true.
    Expression(Expr),
    /// Must accept the value.
    Schema(JsonSchema),
}

/// Conditions around a node.
#[derive(Debug, Clone, Default)]
pub struct ChecksIr {
    /// Over the input, before the node starts.
    pub pre: Vec<CheckIr>,
    /// Over the output, before it counts.
    pub post: Vec<CheckIr>,
}

/// Queue priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// First.
    High,
    /// Default.
    #[default]
    Medium,
    /// Last.
    Low,
}

/// Policy for node types this server does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnknown {
    /// Passes its input through, with a warning event.
    Skip,
    /// The instance parks.
    Park,
    /// The document is refused.
    Reject,
}

/// `policies.on_failure`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// Nothing is undone.
    Stop,
    /// Completed instances that declare `compensate` are undone, last first.
    Compensate,
}

/// `policies.patches`: how patches of a run are approved, where they need an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchPolicy {
    /// Who may decide; empty: whom the workspace names.
    pub approvers: Vec<ApproverIr>,
    /// Approvals needed.
    pub quorum: u32,
    /// Who started the run, proposed the patch or edited it does not approve it.
    pub four_eyes: bool,
    /// Milliseconds until a patch that nobody decided on is rejected.
    pub timeout_ms: u64,
    /// Who may decide too after so many milliseconds.
    pub escalate: Vec<(u64, ApproverIr)>,
    /// Fields that may be edited before approving.
    pub fields: Fields,
}

impl Default for PatchPolicy {
    fn default() -> Self {
        Self {
            approvers: Vec::new(),
            quorum: 1,
            four_eyes: false,
            timeout_ms: 24 * 60 * 60 * 1_000,
            escalate: Vec::new(),
            fields: Fields::default(),
        }
    }
}

/// Who may decide an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApproverIr {
    /// Anybody with this role.
    Role(Arc<str>),
    /// This person.
    User(Arc<str>),
}

/// `aggregate` operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AggregateOp {
    /// Sum of numbers; 0 for none.
    Sum,
    /// Mean of numbers; null for none.
    Avg,
    /// Least number or string; null for none.
    Min,
    /// Greatest; null for none.
    Max,
    /// Number of items.
    Count,
    /// Concatenation of lists or strings.
    Concat,
    /// Later objects win, key by key.
    Merge,
    /// Distinct values in order of first appearance.
    Union,
    /// Object of lists by the value of `by`.
    Group,
}

/// Where a sub-workflow comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChildWorkflow {
    /// Part of the document; text in [`Ir::inline_children`].
    Inline(Digest),
    /// Resolved to a digest when the run is created.
    Tag(Arc<str>),
}

/// `limits`, defaults filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Deadline of the run, from its creation.
    pub run_timeout_ms: Option<u64>,
    /// Instances ever opened in one run.
    pub max_instances: u64,
    /// Nesting of child runs.
    pub max_depth: u32,
    /// Agent nodes ever present.
    pub max_agents: u32,
}

/// Rate-limit tier (features S4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// No agents.
    Simple,
    /// One or two agents.
    Standard,
    /// Three or more agents.
    Heavy,
}

/// Something that a graph may do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "name")]
pub enum Capability {
    /// Contains a node of this type.
    NodeType(Arc<str>),
    /// Calls this host (`*` where the host is computed at run time), as `METHOD scheme://host:port`.
    Egress(Arc<str>),
    /// Reads this secret.
    Secret(Arc<str>),
    /// Calls this function.
    Function(Arc<str>),
    /// Runs this sub-workflow (tag or digest).
    SubWorkflow(Arc<str>),
    /// Uses this pool.
    Pool(Arc<str>),
}

impl Tier {
    /// The tier of a document with so many agents.
    pub fn of_agents(agents: u32) -> Self {
        match agents {
            0 => Self::Simple,
            1 | 2 => Self::Standard,
            _ => Self::Heavy,
        }
    }
}

impl Ir {
    /// The node with this id; map bodies are not found here.
    pub fn node_ix(&self, id: &str) -> Option<NodeIx> {
        self.node_index.get(id).copied()
    }

    /// The map that the body `id` belongs to: of nested maps the outermost.
    pub fn map_of_body(&self, id: &str) -> Option<NodeIx> {
        self.body_index.get(id).copied()
    }

    /// What every way to a node leads through.
    pub fn dominators(&self) -> &Dominators {
        self.dominators.get_or_init(|| crate::compile::dominators(self.nodes.len(), &self.edges))
    }

    /// The node at `ix`.
    pub fn node(&self, ix: NodeIx) -> &NodeIr {
        &self.nodes[ix as usize]
    }

    /// The edge at `ix`.
    pub fn edge(&self, ix: EdgeIx) -> &EdgeIr {
        &self.edges[ix as usize]
    }

    /// The loop at `ix`.
    pub fn loop_at(&self, ix: LoopIx) -> &LoopIr {
        &self.loops[ix as usize]
    }
}
