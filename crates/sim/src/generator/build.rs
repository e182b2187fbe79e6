//! Graphs: series, forks, loops, handled failures and approvals, nested in one another, with edges
//! across.

use std::collections::BTreeSet;

use serde_json::json;

use super::Options;
use super::dice::Dice;
use super::model::{Edge, Flow, Guard, Ix, Join, Kind, Mode, Node, On, OnError, Transform};

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
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    /// Loops around what is being built, by token; a token becomes an index at the end.
    around: Vec<Ix>,
    tokens: Vec<Option<Ix>>,
    ids: usize,
}

/// A part of the graph with one way in and one way out.
#[derive(Debug, Clone, Copy)]
struct Part {
    first: Ix,
    last: Ix,
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
        let part = self.part(left);
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
            run_timeout_ms: None,
        }
    }

    /// An id that no other node of the document has.
    pub(super) fn fresh_id(&mut self) -> String {
        self.ids += 1;
        let word = self.dice.pick(&["n", "step_", "a-b-", "Fetch", "x"]);
        format!("{word}{}", self.ids)
    }

    fn add(&mut self, mut node: Node) -> Ix {
        node.loops.clone_from(&self.around);
        let ix = self.nodes.len();
        self.nodes.push(node);
        ix
    }

    fn edge(&mut self, from: Ix, to: Ix, on: On, guard: Option<Guard>) {
        self.edges.push(Edge { from, to, id: None, on, guard });
    }

    /// Draws a success edge, sometimes guarded.
    fn connect(&mut self, from: Ix, to: Ix) {
        let guard = self.dice.percent(6).then(|| self.guard(from));
        self.edge(from, to, On::Success, guard);
    }

    /// A condition over what `from` gives.
    fn guard(&mut self, from: Ix) -> Guard {
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
    fn gives_n(&self, ix: Ix) -> bool {
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
    fn part(&mut self, size: usize) -> Part {
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
    fn shares(&mut self, size: usize) -> Vec<usize> {
        let most = size.clamp(2, 5);
        let branches = self.dice.count(2..=most);
        let mut shares = vec![1; branches];
        for _ in branches..size {
            let lucky = self.dice.count(0..=branches - 1);
            shares[lucky] += 1;
        }
        shares
    }

    fn fork(&mut self, size: usize) -> Part {
        let split = self.split();
        let first = self.add(split);
        let mut ends = Vec::new();
        for share in self.shares(size - 2) {
            let branch = self.part(share);
            self.connect(first, branch.first);
            ends.push(branch.last);
        }
        // Only at the top may branches end without meeting.
        if self.around.is_empty() && self.dice.percent(8) {
            return Part { first, last: ends[0] };
        }
        let branches = u32::try_from(ends.len()).unwrap_or(u32::MAX);
        let k = u32::try_from(self.dice.within(1..=u64::from(branches))).unwrap_or(1);
        let mode = self.dice.weighted(&[
            (5, Mode::All),
            (2, Mode::Any),
            (3, Mode::KOfN(k)),
            (2, Mode::Quorum),
        ]);
        let simple = !self.nodes[first..].iter().any(|n| matches!(n.kind, Kind::Loop { .. }));
        let join = Join {
            mode,
            cancel_losers: mode != Mode::All && simple && self.dice.percent(40),
            tolerate: if self.dice.percent(15) { k } else { 0 },
        };
        Part { first, last: self.meet(&ends, join) }
    }

    /// A node at which `ends` meet.
    fn meet(&mut self, ends: &[Ix], join: Join) -> Ix {
        let mut node = self.merge();
        node.join = join;
        let merge = self.add(node);
        for end in ends {
            self.edge(*end, merge, On::Success, None);
        }
        merge
    }

    /// Exclusive branches that meet again.
    fn choice(&mut self, size: usize) -> Part {
        let before = self.job();
        let first = self.add(before);
        let conditional = self.conditional();
        let choice = self.add(conditional);
        self.edge(first, choice, On::Success, None);
        let mut ends = Vec::new();
        let shares = self.shares(size.saturating_sub(3).max(2));
        let branches = shares.len();
        let has_else = self.dice.percent(85);
        let else_at = self.dice.count(0..=branches - 1);
        for (position, share) in shares.into_iter().enumerate() {
            let branch = self.part(share);
            let guard =
                if has_else && position == else_at { None } else { Some(self.guard(choice)) };
            self.edge(choice, branch.first, On::Success, guard);
            ends.push(branch.last);
        }
        let mode = if self.dice.percent(80) { Mode::All } else { Mode::Any };
        Part { first, last: self.meet(&ends, Join { mode, ..Join::default() }) }
    }

    fn a_loop(&mut self, size: usize) -> Part {
        let token = self.tokens.len();
        self.tokens.push(None);
        self.around.push(token);
        let room = size.saturating_sub(1).max(1);
        let body_size = self.dice.count(1..=room.min(6));
        let body = self.part(body_size);
        let condition = self.again(body.last);
        let id = self.fresh_id();
        let max_iterations = u32::try_from(self.dice.within(1..=4)).unwrap_or(1);
        let kind = Kind::Loop {
            head: body.first,
            max_iterations,
            condition,
            break_to: None,
            timeout_to: None,
        };
        let mut node = Node::new(id, kind);
        if self.dice.percent(10) {
            node.on_error = OnError::Skip;
        }
        let end = self.add(node);
        self.tokens[token] = Some(end);
        self.edge(body.last, end, On::Success, None);
        self.around.pop();
        let last = self.ways_out(end);
        let last = self.route_out(token, body, last);
        Part { first: body.first, last }
    }

    /// The condition to go round again.
    fn again(&mut self, last: Ix) -> Guard {
        if self.gives_n(last) && self.dice.percent(70) {
            Guard::Above(self.dice.number(0..=8))
        } else if self.has_inputs && self.dice.percent(40) {
            Guard::RunInput(self.dice.number(0..=8))
        } else {
            Guard::Constant(self.dice.percent(50))
        }
    }

    /// What follows a loop: plain edges, or paths by how it ended.
    fn ways_out(&mut self, end: Ix) -> Ix {
        let (breaks, times_out) = (self.dice.percent(30), self.dice.percent(65));
        if !breaks && !times_out {
            return end;
        }
        let mut ends = Vec::new();
        let mut paths = [None, None];
        for (path, wanted) in paths.iter_mut().zip([breaks, times_out]) {
            if wanted {
                let node = self.leaf();
                let ix = self.add(node);
                *path = Some(ix);
                ends.push(ix);
            }
        }
        if let Kind::Loop { break_to, timeout_to, .. } = &mut self.nodes[end].kind {
            [*break_to, *timeout_to] = paths;
        }
        if !breaks {
            ends.push(end);
        }
        self.meet(&ends, Join::default())
    }

    /// Sometimes a failure leads out of the loop's body.
    fn route_out(&mut self, token: usize, body: Part, last: Ix) -> Ix {
        if !self.dice.percent(25) {
            return last;
        }
        let inside: Vec<Ix> = (body.first..=body.last)
            .filter(|ix| self.nodes[*ix].is_job() && self.nodes[*ix].loops.last() == Some(&token))
            .collect();
        if inside.is_empty() {
            return last;
        }
        let from = self.dice.pick(&inside);
        let handler = self.job();
        let handler = self.add(handler);
        self.edge(from, handler, On::Failure, None);
        self.meet(&[last, handler], Join::default())
    }

    /// A node whose failure has its own way.
    fn handled(&mut self, size: usize) -> Part {
        let node = self.job();
        let first = self.add(node);
        let half = (size - 2) / 2;
        let good = self.part(half.max(1));
        self.connect(first, good.first);
        let bad = self.part(half.max(1));
        match self.dice.within(0..=9) {
            0..=2 => self.nodes[first].on_error = OnError::Route(bad.first),
            3 => self.edge(first, bad.first, On::Always, None),
            4 | 5 => {
                let node = &mut self.nodes[first];
                node.timeout_ms = node.timeout_ms.or(Some(60_000));
                self.edge(first, bad.first, On::Timeout, None);
                let guard = self.dice.percent(30).then_some(Guard::Code("boom"));
                self.edges.push(Edge {
                    from: first,
                    to: bad.first,
                    id: Some(format!("other-{first}")),
                    on: On::Failure,
                    guard,
                });
            }
            _ => {
                let guard = self.dice.percent(30).then_some(Guard::Code("boom"));
                self.edge(first, bad.first, On::Failure, guard);
            }
        }
        let last = self.meet(&[good.last, bad.last], Join::default());
        Part { first, last }
    }

    /// An approval with ways for its answers.
    fn asked(&mut self, size: usize) -> Part {
        let node = self.approval();
        let first = self.add(node);
        let third = (size - 2) / 3;
        let mut ends = Vec::new();
        for (on, percent) in [(On::Approved, 100), (On::Rejected, 70), (On::Timeout, 60)] {
            if !self.dice.percent(percent) {
                continue;
            }
            let branch = self.part(third.max(1));
            self.edge(first, branch.first, on, None);
            ends.push(branch.last);
        }
        Part { first, last: self.meet(&ends, Join::default()) }
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
            match &mut self.nodes[ix].kind {
                Kind::Function { args, .. } => {
                    *args = json!({"from": format!("$nodes.{read} ?? null")});
                }
                Kind::Transform(Transform::Constant(_)) => {
                    let n = self.dice.number(0..=9);
                    self.nodes[ix].kind = Kind::Transform(Transform::Reads { node: read, n });
                }
                _ => {}
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
