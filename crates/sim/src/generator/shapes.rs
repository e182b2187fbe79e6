//! Parts with more than one way through: forks, choices, loops, handled failures, approvals.

use super::build::{Builder, Part};
use super::model::{Edge, Guard, Ix, Join, Kind, Mode, Node, On, OnError};

impl Builder {
    pub(super) fn fork(&mut self, size: usize) -> Part {
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
    pub(super) fn choice(&mut self, size: usize) -> Part {
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

    pub(super) fn a_loop(&mut self, size: usize) -> Part {
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
        if self.dice.percent(40) {
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
        let (breaks, times_out) = (self.dice.percent(30), self.dice.percent(75));
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
    pub(super) fn handled(&mut self, size: usize) -> Part {
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
    pub(super) fn asked(&mut self, size: usize) -> Part {
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
}
