//! A workflow as the generator thinks of it, before it is a document.
//!
//! The oracle reads this model, not the compiled form: a mistake of the compiler cannot hide in
//! both. Nodes stand in topological order, the nodes of a loop's body next to each other.

use serde_json::Value;

/// Index of a node in [`Flow::nodes`].
pub type Ix = usize;

/// A workflow.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Flow {
    /// `metadata.name`.
    pub name: String,
    /// Nodes in topological order.
    pub nodes: Vec<Node>,
    /// Edges that the document draws, in its order.
    pub edges: Vec<Edge>,
    /// `policies.on_failure: compensate`.
    pub compensates: bool,
    /// `on_unknown: park` instead of `skip`.
    pub parks_unknown: bool,
    /// `limits.run_timeout_ms`.
    pub run_timeout_ms: Option<u64>,
}

/// A node of the graph, or a map's body.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its id, unique in the document.
    pub id: String,
    /// Type and config.
    pub kind: Kind,
    /// Loop nodes around it, outermost first; a loop node and its head are inside their loop.
    pub loops: Vec<Ix>,
    /// Join rule.
    pub join: Join,
    /// `timeout_ms`.
    pub timeout_ms: Option<u64>,
    /// `queue_timeout_ms`.
    pub queue_timeout_ms: Option<u64>,
    /// `retry`.
    pub retry: Option<Retry>,
    /// `effect`.
    pub effect: Option<Effect>,
    /// True: declares a function that undoes it.
    pub compensate: bool,
    /// `on_error`.
    pub on_error: OnError,
    /// One of `checks.pre`.
    pub pre: Option<Guard>,
}

/// Types of nodes with their configs.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// `function` (or its alias `task`): the environment's plan says what it does.
    Function {
        /// Name of the function.
        name: String,
        /// True: spelled `task`, with the aliases of its keys.
        alias: bool,
        /// `args`.
        args: Value,
    },
    /// `http`: as a function.
    Http {
        /// HTTP method.
        method: &'static str,
    },
    /// `agent`; nothing serves it, so it ends with its queue timeout.
    Agent,
    /// `transform`.
    Transform(Transform),
    /// `filter` over a literal list of integers.
    Filter {
        /// The list.
        items: Vec<i64>,
        /// Which of it stays.
        keeps: ItemTest,
    },
    /// `aggregate` over a literal list, of objects with `v` where it has a `field` (or a `by`).
    Aggregate {
        /// The list.
        items: Vec<Value>,
        /// `operation`.
        operation: &'static str,
        /// True: works on `v` of each item.
        field: bool,
    },
    /// `conditional`.
    Conditional,
    /// `parallel`.
    Parallel,
    /// `join`.
    Join,
    /// `map`.
    Map {
        /// What it runs over.
        items: Items,
        /// What it runs per item.
        body: Body,
        /// `max_parallel`.
        max_parallel: u32,
        /// `tolerate`, as a count.
        tolerate: u32,
    },
    /// `loop`; `loops` names its own index last.
    Loop {
        /// `loop_back_to`.
        head: Ix,
        /// `max_iterations`.
        max_iterations: u32,
        /// True: go back.
        condition: Guard,
        /// `break_path`.
        break_to: Option<Ix>,
        /// `timeout_path`.
        timeout_to: Option<Ix>,
    },
    /// `composite` with an inline workflow.
    Composite {
        /// The workflow of the child.
        workflow: Box<Flow>,
        /// `inputs`: `$inputs`, or an object; absent: its input.
        inputs: Option<Value>,
    },
    /// `hitl`.
    Hitl {
        /// Users who may decide.
        approvers: Vec<&'static str>,
        /// Approving votes needed.
        quorum: u32,
        /// When `erin` may decide too.
        escalate_after_ms: Option<u64>,
        /// Alice is asked too, and may not approve what she started.
        four_eyes: bool,
    },
    /// `timer`.
    Timer {
        /// How long.
        for_ms: u64,
    },
    /// `signal`; every instance of the node waits for the same name.
    Signal {
        /// Its name.
        name: String,
    },
    /// `handoff`; nothing serves it, so it ends with its timeout.
    Handoff,
    /// A type that no server knows.
    Unknown {
        /// How the document spells it.
        type_name: &'static str,
    },
}

/// What a `transform` computes.
#[derive(Debug, Clone, PartialEq)]
pub enum Transform {
    /// A constant template.
    Constant(Value),
    /// `$input`.
    Input,
    /// `{"n": "$inputs.k", "c": c}`.
    RunInput(i64),
    /// `{"n": "$iteration ?? 0"}`.
    Iteration,
    /// CEL: `{'n': inputs.k + c}`.
    Sum(i64),
    /// A reference that leads nowhere: the node fails.
    Unresolvable,
    /// `{"n": c, "seen": "$nodes.<id> ?? null"}`: reads an earlier node.
    Reads {
        /// The node that is read.
        node: String,
        /// The `n` of the result.
        n: i64,
    },
}

/// What a `filter` keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemTest {
    /// `item > c`.
    Above(i64),
    /// `index % 2 == 0`.
    EvenIndex,
}

/// What a map runs over.
#[derive(Debug, Clone, PartialEq)]
pub enum Items {
    /// A literal list.
    Literal(Vec<i64>),
    /// `$inputs.items`.
    RunInput,
}

/// What a map runs per item.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// A node.
    Node(Box<Node>),
    /// A child run; its node id is `<map>.item`.
    Workflow(Box<Flow>),
}

/// Join rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Join {
    /// Mode.
    pub mode: Mode,
    /// `cancel_losers`.
    pub cancel_losers: bool,
    /// `tolerate`, as a count.
    pub tolerate: u32,
}

/// Join modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// `all`.
    #[default]
    All,
    /// `any`.
    Any,
    /// `k_of_n`.
    KOfN(u32),
    /// `quorum`.
    Quorum,
}

/// `retry`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// `max_attempts`.
    pub max_attempts: u32,
    /// `backoff_ms`.
    pub backoff_ms: u64,
}

/// `effect`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// `none`.
    None,
    /// `idempotent`.
    Idempotent,
    /// `compensable`.
    Compensable,
    /// `irreversible`.
    Irreversible,
}

/// `on_error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// `fail`.
    #[default]
    Fail,
    /// `skip`.
    Skip,
    /// `park`.
    Park,
    /// `{route}`: a failure edge to this node.
    Route(Ix),
}

/// An edge.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    /// Source.
    pub from: Ix,
    /// Target.
    pub to: Ix,
    /// Its id, where it is not the default.
    pub id: Option<String>,
    /// Outcome that it follows.
    pub on: On,
    /// Guard.
    pub guard: Option<Guard>,
}

/// Outcomes that edges follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum On {
    /// `success`.
    Success,
    /// `failure`.
    Failure,
    /// `always`.
    Always,
    /// `approved`.
    Approved,
    /// `rejected`.
    Rejected,
    /// `timeout`.
    Timeout,
    /// `break`; only loops have it, through `break_path`.
    Break,
}

/// A condition that the oracle can evaluate by itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Guard {
    /// `true` or `false`.
    Constant(bool),
    /// `output.n > c`: an error where the output is no object with a number `n`.
    Above(i64),
    /// `$.n % 2 == 0`: as above.
    Even,
    /// `inputs.k > c`.
    RunInput(i64),
    /// `output.error.code == '<code>'`.
    Code(&'static str),
    /// `!(..)`.
    Not(Box<Guard>),
}

impl Flow {
    /// Every edge: those drawn, then those that `on_error` routes and loop keys stand for.
    pub fn all_edges(&self) -> Vec<Edge> {
        let mut edges = self.edges.clone();
        let implied = |from, to, on| Edge { from, to, id: None, on, guard: None };
        for (ix, node) in self.nodes.iter().enumerate() {
            if let OnError::Route(to) = node.on_error {
                edges.push(implied(ix, to, On::Failure));
            }
            if let Kind::Loop { break_to, timeout_to, .. } = &node.kind {
                edges.extend(break_to.map(|to| implied(ix, to, On::Break)));
                edges.extend(timeout_to.map(|to| implied(ix, to, On::Timeout)));
            }
        }
        edges
    }

    /// Calls `see` with every node: of the graph, bodies of maps, and inline sub-workflows.
    pub fn each_node(&self, see: &mut dyn FnMut(&Node)) {
        for node in &self.nodes {
            node.each(see);
        }
    }
}

impl Node {
    /// A plain node of this kind.
    pub fn new(id: String, kind: Kind) -> Self {
        Self {
            id,
            kind,
            loops: Vec::new(),
            join: Join::default(),
            timeout_ms: None,
            queue_timeout_ms: None,
            retry: None,
            effect: None,
            compensate: false,
            on_error: OnError::Fail,
            pre: None,
        }
    }

    fn each(&self, see: &mut dyn FnMut(&Node)) {
        see(self);
        match &self.kind {
            Kind::Map { body: Body::Node(body), .. } => body.each(see),
            Kind::Map { body: Body::Workflow(flow), .. }
            | Kind::Composite { workflow: flow, .. } => flow.each_node(see),
            Kind::Function { .. }
            | Kind::Http { .. }
            | Kind::Agent
            | Kind::Transform(_)
            | Kind::Filter { .. }
            | Kind::Aggregate { .. }
            | Kind::Conditional
            | Kind::Parallel
            | Kind::Join
            | Kind::Loop { .. }
            | Kind::Hitl { .. }
            | Kind::Timer { .. }
            | Kind::Signal { .. }
            | Kind::Handoff
            | Kind::Unknown { .. } => {}
        }
    }

    /// The type as the document spells it.
    pub fn type_name(&self) -> &str {
        match &self.kind {
            Kind::Function { alias: false, .. } => "function",
            Kind::Function { alias: true, .. } => "task",
            Kind::Http { .. } => "http",
            Kind::Agent => "agent",
            Kind::Transform(_) => "transform",
            Kind::Filter { .. } => "filter",
            Kind::Aggregate { .. } => "aggregate",
            Kind::Conditional => "conditional",
            Kind::Parallel => "parallel",
            Kind::Join => "join",
            Kind::Map { .. } => "map",
            Kind::Loop { .. } => "loop",
            Kind::Composite { .. } => "composite",
            Kind::Hitl { .. } => "hitl",
            Kind::Timer { .. } => "timer",
            Kind::Signal { .. } => "signal",
            Kind::Handoff => "handoff",
            Kind::Unknown { type_name } => type_name,
        }
    }

    /// True for types that a runner executes.
    pub fn is_job(&self) -> bool {
        matches!(self.kind, Kind::Function { .. } | Kind::Http { .. } | Kind::Agent)
    }
}
