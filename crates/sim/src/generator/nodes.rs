//! Single nodes: types, configs, and the settings around them.

use serde_json::{Value, json};

use super::build::Builder;
use super::model::{
    Body, Effect, Flow, Guard, ItemTest, Items, Kind, Node, OnError, Retry, Transform,
};

/// Types of nodes that stand alone in a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaf {
    Function,
    Http,
    Agent,
    Transform,
    Filter,
    Aggregate,
    Conditional,
    Parallel,
    Join,
    Map,
    Composite,
    Hitl,
    Timer,
    Signal,
    Handoff,
    Unknown,
}

const LEAVES: &[(u32, Leaf)] = &[
    (34, Leaf::Function),
    (8, Leaf::Http),
    (1, Leaf::Agent),
    (12, Leaf::Transform),
    (5, Leaf::Filter),
    (5, Leaf::Aggregate),
    (2, Leaf::Conditional),
    (3, Leaf::Parallel),
    (2, Leaf::Join),
    (7, Leaf::Map),
    (5, Leaf::Composite),
    (4, Leaf::Hitl),
    (6, Leaf::Timer),
    (4, Leaf::Signal),
    (1, Leaf::Handoff),
    (3, Leaf::Unknown),
];

const BODIES: &[(u32, Leaf)] = &[
    (40, Leaf::Function),
    (8, Leaf::Http),
    (16, Leaf::Transform),
    (6, Leaf::Filter),
    (10, Leaf::Map),
    (5, Leaf::Timer),
    (5, Leaf::Hitl),
    (4, Leaf::Signal),
    (3, Leaf::Aggregate),
    (3, Leaf::Unknown),
];

/// A day: longer than anything that a plan lets happen late.
pub const LONG_MS: u64 = 86_400_000;

impl Builder {
    /// A node of any type that needs no neighbours of a certain kind.
    pub(super) fn leaf(&mut self) -> Node {
        let leaf = self.dice.weighted(LEAVES);
        self.of_type(leaf)
    }

    /// A node that a runner executes.
    pub(super) fn job(&mut self) -> Node {
        let leaf = if self.dice.percent(80) { Leaf::Function } else { Leaf::Http };
        self.of_type(leaf)
    }

    /// A node that merges branches.
    pub(super) fn merge(&mut self) -> Node {
        let choices =
            [(5, Leaf::Join), (3, Leaf::Function), (2, Leaf::Transform), (1, Leaf::Aggregate)];
        let leaf = self.dice.weighted(&choices);
        self.of_type(leaf)
    }

    /// A node that opens branches.
    pub(super) fn split(&mut self) -> Node {
        let leaf = self.dice.weighted(&[(5, Leaf::Parallel), (3, Leaf::Function)]);
        self.of_type(leaf)
    }

    /// A `hitl` node.
    pub(super) fn approval(&mut self) -> Node {
        self.of_type(Leaf::Hitl)
    }

    /// A `conditional` node.
    pub(super) fn conditional(&mut self) -> Node {
        self.of_type(Leaf::Conditional)
    }

    fn of_type(&mut self, leaf: Leaf) -> Node {
        let id = self.fresh_id();
        let kind = match leaf {
            Leaf::Function => self.function(),
            Leaf::Http => {
                Kind::Http { method: self.dice.pick(&["GET", "GET", "PUT", "POST", "DELETE"]) }
            }
            Leaf::Agent if self.agents > 0 => {
                self.agents -= 1;
                Kind::Agent
            }
            Leaf::Agent => self.function(),
            Leaf::Transform => Kind::Transform(self.transform()),
            Leaf::Filter => {
                let keeps = if self.dice.percent(50) {
                    ItemTest::Above(self.dice.number(-2..=9))
                } else {
                    ItemTest::EvenIndex
                };
                Kind::Filter { items: self.integers(12), keeps }
            }
            Leaf::Aggregate => self.aggregate(),
            Leaf::Conditional => Kind::Conditional,
            Leaf::Parallel => Kind::Parallel,
            Leaf::Join => Kind::Join,
            Leaf::Map => self.map(),
            Leaf::Composite if self.depth < 3 => {
                let inputs = self.child_inputs();
                Kind::Composite { workflow: Box::new(self.child(true)), inputs: Some(inputs) }
            }
            Leaf::Composite => self.function(),
            Leaf::Hitl => self.hitl(),
            Leaf::Timer => Kind::Timer { for_ms: self.dice.within(0..=90_000) },
            Leaf::Signal => Kind::Signal { name: format!("sig-{id}") },
            Leaf::Handoff => Kind::Handoff,
            Leaf::Unknown => {
                Kind::Unknown { type_name: self.dice.pick(&["quantum_leap", "x-vendor.report"]) }
            }
        };
        let mut node = Node::new(id, kind);
        self.settings(&mut node);
        node
    }

    fn function(&mut self) -> Kind {
        let name = self.dice.pick(&["echo", "echo", "charge", "score", "acme/enrich"]);
        let args = if self.dice.percent(30) {
            json!({"input": "$input"})
        } else {
            json!({"n": self.dice.number(0..=9)})
        };
        Kind::Function { name: name.to_owned(), alias: self.dice.percent(10), args }
    }

    fn transform(&mut self) -> Transform {
        let c = self.dice.number(0..=9);
        match self.dice.within(0..=11) {
            0 | 1 => Transform::Input,
            2 | 3 if self.has_inputs => Transform::RunInput(c),
            4 | 5 if self.has_inputs => Transform::Sum(c),
            6 if self.in_loop() => Transform::Iteration,
            7 if self.options.failures && self.dice.percent(20) => Transform::Unresolvable,
            _ => Transform::Constant(json!({"n": c, "t": "fixed"})),
        }
    }

    fn integers(&mut self, most: usize) -> Vec<i64> {
        let len = self.dice.count(0..=most);
        (0..len).map(|_| self.dice.number(0..=9)).collect()
    }

    fn aggregate(&mut self) -> Kind {
        let operation =
            self.dice.pick(&["sum", "count", "min", "max", "avg", "union", "concat", "group"]);
        let numbers = self.integers(8);
        let (items, field): (Vec<Value>, bool) = match operation {
            "concat" => (numbers.iter().map(|n| json!([n, n + 1])).collect(), false),
            "group" => (numbers.iter().map(|n| json!({"v": n})).collect(), true),
            "count" => (numbers.into_iter().map(Value::from).collect(), false),
            _ if self.dice.percent(50) => (numbers.iter().map(|n| json!({"v": n})).collect(), true),
            _ => (numbers.into_iter().map(Value::from).collect(), false),
        };
        Kind::Aggregate { items, operation, field }
    }

    fn map(&mut self) -> Kind {
        let items = if self.has_inputs && self.dice.percent(40) {
            Items::RunInput
        } else {
            let most = if self.depth > 0 || self.in_map > 0 { 3 } else { 20 };
            Items::Literal(self.integers(most))
        };
        let tolerate = if self.dice.percent(30) { self.dice.within(1..=4) } else { 0 };
        let max_parallel = self.dice.pick(&[1, 2, 3, 5, 100]);
        self.in_map += 1;
        let body = if self.depth < 2 && self.in_map < 2 && self.dice.percent(25) {
            Body::Workflow(Box::new(self.child(false)))
        } else {
            let drawn = self.dice.weighted(BODIES);
            let too_deep = drawn == Leaf::Map && self.in_map > 2;
            let leaf = if too_deep { Leaf::Function } else { drawn };
            let mut body = self.of_type(leaf);
            if let OnError::Route(_) = body.on_error {
                body.on_error = OnError::Fail;
            }
            Body::Node(Box::new(body))
        };
        self.in_map -= 1;
        Kind::Map { items, body, max_parallel, tolerate: u32::try_from(tolerate).unwrap_or(0) }
    }

    /// A map over more items than a segment of the log holds events, each done at once.
    pub(super) fn wide_map(&mut self) -> Node {
        let len = self.dice.number(1_001..=1_200);
        let body = Kind::Transform(Transform::Constant(json!({"n": self.dice.number(0..=9)})));
        let body = Box::new(Node::new(self.fresh_id(), body));
        let kind = Kind::Map {
            items: Items::Literal((0..len).collect()),
            body: Body::Node(body),
            max_parallel: 100,
            tolerate: 0,
        };
        Node::new(self.fresh_id(), kind)
    }

    fn child_inputs(&mut self) -> Value {
        if self.has_inputs && self.dice.percent(40) {
            "$inputs".into()
        } else {
            json!({"k": self.dice.number(0..=9), "items": self.integers(4)})
        }
    }

    fn child(&mut self, has_inputs: bool) -> Flow {
        let size = self.dice.count(1..=5);
        let mut child = Builder::nested(self, has_inputs);
        let flow = child.flow(size);
        self.agents = child.agents;
        flow
    }

    fn hitl(&mut self) -> Kind {
        let four_eyes = self.dice.percent(25);
        // Alice starts the runs.
        let all = if four_eyes { &["bob", "carol"][..] } else { &["alice", "bob", "carol"] };
        let people = self.dice.count(1..=all.len());
        let quorum = self.dice.count(1..=people);
        let escalate_after_ms = self.dice.percent(25).then(|| self.dice.within(1_000..=50_000));
        Kind::Hitl {
            approvers: all[..people].to_vec(),
            quorum: u32::try_from(quorum).unwrap_or(1),
            escalate_after_ms,
            four_eyes,
        }
    }

    /// Draws what stands around a config: retries, timeouts, effects, `on_error`.
    fn settings(&mut self, node: &mut Node) {
        if node.is_job() {
            self.job_settings(node);
        }
        match node.kind {
            Kind::Agent => {
                node.queue_timeout_ms = Some(self.dice.within(5_000..=60_000));
            }
            Kind::Handoff if !self.options.unserved => {
                node.timeout_ms = Some(self.dice.within(1_000..=60_000));
            }
            // What never answers gets a short timeout from the plan's side: see `Plan::answers`.
            Kind::Hitl { .. } | Kind::Signal { .. } => {
                node.timeout_ms = match self.dice.within(0..=9) {
                    0..=2 => Some(self.dice.within(30_000..=120_000)),
                    3..=5 => Some(LONG_MS * 7),
                    _ => None,
                };
            }
            Kind::Function { .. }
            | Kind::Http { .. }
            | Kind::Handoff
            | Kind::Transform(_)
            | Kind::Filter { .. }
            | Kind::Aggregate { .. }
            | Kind::Conditional
            | Kind::Parallel
            | Kind::Join
            | Kind::Map { .. }
            | Kind::Loop { .. }
            | Kind::Composite { .. }
            | Kind::Timer { .. }
            | Kind::Unknown { .. } => {}
        }
        let short = node.timeout_ms.is_some_and(|ms| ms < LONG_MS) && !node.is_job();
        let gives_up = short || node.queue_timeout_ms.is_some();
        // What surely fails is mostly passed over, or few runs would come to an end.
        let skips = if gives_up { 65 } else { 6 };
        node.on_error = if self.dice.percent(skips) {
            OnError::Skip
        } else if self.dice.percent(4) {
            OnError::Park
        } else {
            OnError::Fail
        };
        let parks = node.on_error == OnError::Park;
        if self.has_inputs && self.options.failures && !parks && self.dice.percent(2) {
            node.pre = Some(Guard::RunInput(self.dice.pick(&[-1, -1, 0, 1, 5])));
        }
    }

    fn job_settings(&mut self, node: &mut Node) {
        if self.dice.percent(35) {
            let max_attempts = u32::try_from(self.dice.within(1..=5)).unwrap_or(1);
            node.retry = Some(Retry { max_attempts, backoff_ms: self.dice.within(0..=5_000) });
        }
        if self.dice.percent(25) {
            node.timeout_ms = Some(self.dice.within(5_000..=90_000));
        }
        if self.dice.percent(25) {
            let effects = [Effect::None, Effect::Idempotent, Effect::Irreversible];
            node.effect = Some(self.dice.pick(&effects));
        }
        node.compensate = self.compensates && self.dice.percent(40);
        if node.compensate && self.dice.percent(40) {
            node.effect = Some(Effect::Compensable);
        }
    }
}
