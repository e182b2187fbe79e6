//! Graphs: series, forks, loops, handled failures and approvals, nested in one another, with edges
//! across.

use std::collections::BTreeSet;

use serde_json::json;

use super::Options;
use super::dice::Dice;
use super::model::{Edge, Flow, Guard, Ix, Kind, Node, On, OnError, Transform};

/// Builds one workflow.
#[derive(Debug)]
pub(super) struct Builder {
    pub(super) dice: Dice,
    pub(super) options: Options,
    /// Nesting of child runs.
    pub(super) depth: u32,
    /// Maps around what is being built.
    pub(super) in_map: u32,
    /// Agents that may still be placed, children included.
    pub(super) agents: u32,
    /// The run's inputs are `{k, items}`; an item of a map otherwise.
    pub(super) has_inputs: bool,
    /// The workflow compensates.
    pub(super) compensates: bool,
    pub(super) nodes: Vec<Node>,
    pub(super) edges: Vec<Edge>,
    /// Loops around what is being built, by token; a token becomes an index at the end.
    pub(super) around: Vec<Ix>,
    pub(super) tokens: Vec<Option<Ix>>,
    ids: usize,
}

/// A part of the graph with one way in and one way out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) first: Ix,
    pub(super) last: Ix,
}

#[derive(Debug, Clone, Copy)]
enum Shape {
    Series,
    Fork,
    Choice,
    Loop,
    Handled,
    Approval,
}

impl Builder {
    /// A builder of a root workflow.
    pub(super) fn root(seed: u64, options: Options) -> Self {
        Self::with(Dice::of(seed, &["graph"]), options, 0, true, 2)
    }

    /// A builder of a child of what `parent` builds.
    pub(super) fn nested(parent: &mut Self, has_inputs: bool) -> Self {
        let dice = Dice::new(parent.dice.within(0..=u64::MAX));
        let mut child =
            Self::with(dice, parent.options, parent.depth + 1, has_inputs, parent.agents);
        child.in_map = parent.in_map;
        child
    }

    fn with(dice: Dice, options: Options, depth: u32, has_inputs: bool, agents: u32) -> Self {
        Self {
            dice,
            options,
            depth,
            in_map: 0,
            agents,
            has_inputs,
            compensates: false,
            nodes: Vec::new(),
            edges: Vec::new(),
            around: Vec::new(),
            tokens: Vec::new(),
            ids: 0,
        }
    }

    /// A workflow of about `size` nodes.
    pub(super) fn flow(&mut self, size: usize) -> Flow {
        self.compensates = self.dice.percent(35);
        let extra = if size > 6 && self.dice.percent(20) { self.dice.count(1..=2) } else { 0 };
        for _ in 0..extra {
            let node = self.job();
            self.add(node);
        }
        let mut left = size.saturating_sub(extra).max(1);
        let wide = (self.options.wide && self.depth == 0).then(|| {
            let node = self.wide_map();
            self.add(node)
        });
        let part = self.part(left);
        if let Some(wide) = wide {
            self.edge(wide, part.first, On::Success, None);
        }
        let mut last = part.last;
        left = left.saturating_sub(self.nodes.len());
        // Shapes need room that they do not always use.
        while left > 0 {
            let before = self.nodes.len();
            let next = self.part(left);
            self.connect(last, next.first);
            last = next.last;
            left = left.saturating_sub(self.nodes.len() - before);
        }
        for entry in 0..extra {
            self.lead_in(entry, extra);
        }
        self.across();
        self.finish_loops();
        self.reads();
        Flow {
            name: format!("generated-{}", self.depth),
            nodes: std::mem::take(&mut self.nodes),
            edges: std::mem::take(&mut self.edges),
            compensates: self.compensates,
            parks_unknown: self.dice.percent(25),
            run_timeout_ms: self.deadline(),
        }
    }

    /// The deadline of a root run, if it has one.
    fn deadline(&mut self) -> Option<u64> {
        let has = self.depth == 0 && self.options.commands && self.dice.percent(5);
        has.then(|| self.dice.within(20_000..=900_000))
    }

    /// An id that no other node of the document has.
    pub(super) fn fresh_id(&mut self) -> String {
        self.ids += 1;
        let word = self.dice.pick(&["n", "step_", "a-b-", "Fetch", "x"]);
        format!("{word}{}", self.ids)
    }

    pub(super) fn add(&mut self, mut node: Node) -> Ix {
        node.loops.clone_from(&self.around);
        let ix = self.nodes.len();
        self.nodes.push(node);
        ix
    }

    pub(super) fn edge(&mut self, from: Ix, to: Ix, on: On, guard: Option<Guard>) {
        self.edges.push(Edge { from, to, id: None, on, guard });
    }

    /// Draws a success edge, sometimes guarded.
    pub(super) fn connect(&mut self, from: Ix, to: Ix) {
        let guard = self.dice.percent(6).then(|| self.guard(from));
        self.edge(from, to, On::Success, guard);
    }

    /// A condition over what `from` gives.
    pub(super) fn guard(&mut self, from: Ix) -> Guard {
        let guard = if self.gives_n(from) && self.dice.percent(70) {
            let bound = self.dice.number(-1..=8);
            if self.dice.percent(30) { Guard::Even } else { Guard::Above(bound) }
        } else if self.has_inputs {
            Guard::RunInput(self.dice.number(-1..=8))
        } else {
            Guard::Constant(self.dice.percent(70))
        };
        if self.dice.percent(15) { Guard::Not(Box::new(guard)) } else { guard }
    }

    /// True if the node's success is an object with a number `n`.
    pub(super) fn gives_n(&self, ix: Ix) -> bool {
        match &self.nodes[ix].kind {
            Kind::Function { .. } => true,
            Kind::Transform(transform) => match transform {
                Transform::Constant(_)
                | Transform::RunInput(_)
                | Transform::Iteration
                | Transform::Sum(_)
                | Transform::Reads { .. } => true,
                Transform::Input | Transform::Unresolvable => false,
            },
            Kind::Conditional | Kind::Parallel | Kind::Timer { .. } => {
                let mut incoming = self.edges.iter().filter(|edge| edge.to == ix);
                match (incoming.next(), incoming.next()) {
                    (Some(edge), None) => edge.on == On::Success && self.gives_n(edge.from),
                    (_, _) => false,
                }
            }
            Kind::Http { .. }
            | Kind::Agent
            | Kind::Filter { .. }
            | Kind::Aggregate { .. }
            | Kind::Join
            | Kind::Map { .. }
            | Kind::Loop { .. }
            | Kind::Composite { .. }
            | Kind::Hitl { .. }
            | Kind::Signal { .. }
            | Kind::Handoff
            | Kind::Unknown { .. } => false,
        }
    }

    /// A part of at most `size` nodes (shapes with fixed parts may take a few more).
    pub(super) fn part(&mut self, size: usize) -> Part {
        if size <= 1 {
            let node = self.leaf();
            let ix = self.add(node);
            return Part { first: ix, last: ix };
        }
        let can_loop = u32::from(self.around.len() < 2);
        let wide = u32::from(size >= 4);
        let shape = self.dice.weighted(&[
            (40, Shape::Series),
            (22 * wide, Shape::Fork),
            (10 * wide, Shape::Choice),
            (9 * can_loop, Shape::Loop),
            (11 * wide, Shape::Handled),
            (6 * wide, Shape::Approval),
        ]);
        match shape {
            Shape::Series => {
                let before = self.dice.count(1..=size - 1);
                let a = self.part(before);
                let b = self.part(size - before);
                self.connect(a.last, b.first);
                Part { first: a.first, last: b.last }
            }
            Shape::Fork => self.fork(size),
            Shape::Choice => self.choice(size),
            Shape::Loop => self.a_loop(size),
            Shape::Handled => self.handled(size),
            Shape::Approval => self.asked(size),
        }
    }

    /// Shares `size` nodes among some branches of at least one node each.
    pub(super) fn shares(&mut self, size: usize) -> Vec<usize> {
        let most = size.clamp(2, 5);
        let branches = self.dice.count(2..=most);
        let mut shares = vec![1; branches];
        for _ in branches..size {
            let lucky = self.dice.count(0..=branches - 1);
            shares[lucky] += 1;
        }
        shares
    }

    /// Leads a node without predecessors into the graph.
    fn lead_in(&mut self, entry: Ix, extra: usize) {
        let targets: Vec<Ix> = (extra..self.nodes.len()).filter(|to| self.may_meet(*to)).collect();
        let targets: Vec<Ix> =
            targets.into_iter().filter(|to| self.nodes[*to].loops.is_empty()).collect();
        if !targets.is_empty() {
            let to = self.dice.pick(&targets);
            self.edge(entry, to, On::Success, None);
        }
    }

    /// True where one more incoming edge does not change what flows through.
    fn may_meet(&self, to: Ix) -> bool {
        !matches!(
            self.nodes[to].kind,
            Kind::Conditional | Kind::Parallel | Kind::Timer { .. } | Kind::Loop { .. }
        )
    }

    /// Draws edges across the nesting, within one scope or into the head of a loop in it.
    fn across(&mut self) {
        let count = self.nodes.len();
        for _ in 0..count / 6 {
            let (from, to) = (self.dice.count(0..=count - 1), self.dice.count(0..=count - 1));
            let source_fits =
                !matches!(self.nodes[from].kind, Kind::Loop { .. } | Kind::Conditional);
            let drawn = self.edges.iter().any(|edge| edge.from == from && edge.to == to);
            let known = drawn || self.nodes[from].on_error == OnError::Route(to);
            if from >= to
                || known
                || !source_fits
                || !self.may_meet(to)
                || !self.reachable(from, to)
            {
                continue;
            }
            let on = self.dice.weighted(&[(8, On::Success), (1, On::Failure), (1, On::Always)]);
            let guarded = on == On::Success && self.dice.percent(30);
            let guard = guarded.then(|| self.guard(from));
            self.edge(from, to, on, guard);
        }
    }

    /// True if an edge may lead from `from` to `to`: same loops, or into a loop at its head.
    fn reachable(&self, from: Ix, to: Ix) -> bool {
        let (a, b) = (&self.nodes[from].loops, &self.nodes[to].loops);
        if a == b {
            return true;
        }
        let enters = b.len() > a.len() && b.starts_with(a);
        enters && b[a.len()..].iter().all(|token| self.head_of(*token) == Some(to))
    }

    fn head_of(&self, token: usize) -> Option<Ix> {
        let end = self.tokens.get(token).copied().flatten()?;
        if let Kind::Loop { head, .. } = &self.nodes[end].kind { Some(*head) } else { None }
    }

    /// Lets some nodes read what came before them.
    fn reads(&mut self) {
        let all = Flow { nodes: self.nodes.clone(), edges: self.edges.clone(), ..Flow::default() };
        let edges = all.all_edges();
        for ix in 0..self.nodes.len() {
            let before = upstream(&edges, ix);
            if before.is_empty() || !self.dice.percent(35) {
                continue;
            }
            let read = self.nodes[self.dice.pick(&before)].id.clone();
            let n = self.dice.number(0..=9);
            let kind = &mut self.nodes[ix].kind;
            if let Kind::Function { args, .. } = kind {
                *args = json!({"from": format!("$nodes.{read} ?? null")});
            } else if let Kind::Transform(Transform::Constant(_)) = kind {
                *kind = Kind::Transform(Transform::Reads { node: read, n });
            }
        }
    }

    /// True inside a loop's body.
    pub(super) fn in_loop(&self) -> bool {
        !self.around.is_empty()
    }

    /// Tokens become indices of loop nodes.
    fn finish_loops(&mut self) {
        for node in &mut self.nodes {
            for around in &mut node.loops {
                *around = self.tokens[*around].unwrap_or(*around);
            }
        }
    }

    /// The inputs of the run.
    pub(super) fn inputs(&mut self) -> serde_json::Value {
        let len = self.dice.count(0..=8);
        let items: Vec<i64> = (0..len).map(|_| self.dice.number(0..=9)).collect();
        json!({"k": self.dice.number(0..=9), "items": items})
    }
}

/// The nodes from which edges lead to `ix`, through others too.
fn upstream(edges: &[Edge], ix: Ix) -> Vec<Ix> {
    let mut found = BTreeSet::from([ix]);
    // Sources stand before their targets.
    for source in (0..ix).rev() {
        if edges.iter().any(|edge| edge.from == source && found.contains(&edge.to)) {
            found.insert(source);
        }
    }
    found.remove(&ix);
    found.into_iter().collect()
}
