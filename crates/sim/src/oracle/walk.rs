//! The interpreter: walks a workflow in topological order and keeps, for every instance and edge,
//! the set of what may become of it.
//!
//! Where nothing races the sets have one member. Where something does (joins that fire before all
//! edges are decided, losers, tolerated failures) they are supersets of what can happen: each edge
//! is looked at by itself, not together with the others.

use std::collections::{BTreeMap, BTreeSet};

use aob_engine::{InstanceId, Scope};

use super::Facts;
use super::arrival::{Arrival, Counts, losers};
use super::prediction::{Allowed, Outcome, Prediction, Status};
use super::steps::{Res, object};
use super::value::{Truth, Val};
use crate::generator::{Edge, Flow, Ix, Kind, Mode, On, OnError, Plan};

/// What may become of an edge in one scope.
#[derive(Debug, Clone, Default)]
pub(super) struct Ways {
    pub(super) taken: bool,
    pub(super) dead: bool,
    pub(super) failed: bool,
    pub(super) value: Option<Val>,
}

/// The walk over one run.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    pub(super) flow: &'a Flow,
    pub(super) plan: &'a Plan,
    pub(super) facts: &'a Facts,
    pub(super) path: String,
    pub(super) inputs: Val,
    pub(super) out: Prediction,
    pub(super) edges: Vec<Edge>,
    losers: BTreeSet<Ix>,
    pub(super) ways: BTreeMap<(Scope, usize), Ways>,
    /// What the last instance of each loop node may do: go back, leave, and its output.
    pub(super) turns: BTreeMap<InstanceId, Turn>,
    fails_surely: bool,
    waits: bool,
    /// Something may wait for ever.
    pub(super) may_wait: bool,
    /// Failures that a join behind them may tolerate.
    perhaps: BTreeSet<InstanceId>,
    /// True while what is walked is there in every completed run.
    pub(super) certain: bool,
    /// Outputs of nodes without outgoing edges.
    ends: BTreeMap<Ix, Val>,
}

#[derive(Debug, Clone)]
pub(super) struct Turn {
    pub(super) again: bool,
    pub(super) leaves: bool,
    pub(super) value: Val,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        flow: &'a Flow,
        plan: &'a Plan,
        facts: &'a Facts,
        path: String,
        inputs: Val,
    ) -> Self {
        let edges = flow.all_edges();
        let losers = losers(flow, &edges);
        Self {
            flow,
            plan,
            facts,
            path,
            inputs,
            out: Prediction { compensates: flow.compensates, ..Prediction::default() },
            edges,
            losers,
            ways: BTreeMap::new(),
            turns: BTreeMap::new(),
            fails_surely: false,
            waits: false,
            may_wait: false,
            perhaps: BTreeSet::new(),
            certain: true,
            ends: BTreeMap::new(),
        }
    }

    /// Walks the whole run.
    pub(super) fn run(mut self) -> Prediction {
        self.frame(None, &Scope::default(), true, None);
        self.out.unhandled.append(&mut self.perhaps);
        let statuses = &mut self.out.statuses;
        if !self.fails_surely {
            statuses.insert(if self.waits { Status::Waiting } else { Status::Completed });
        }
        if self.may_wait {
            statuses.insert(Status::Waiting);
        }
        if !self.out.unhandled.is_empty() {
            statuses.insert(Status::Failed);
        }
        self.out.output = self.output();
        self.out
    }

    fn output(&self) -> Option<serde_json::Value> {
        let is_end = |ix: &Ix| !self.edges.iter().any(|edge| edge.from == *ix);
        let ends: Vec<Ix> = (0..self.flow.nodes.len()).filter(is_end).collect();
        match ends.as_slice() {
            [single] => self.ends.get(single)?.known().cloned(),
            _ => None,
        }
    }

    /// Everything that lives in `scope`; `kind` is the loop node around it.
    fn frame(&mut self, kind: Option<Ix>, scope: &Scope, certain: bool, back: Option<&Val>) {
        let depth = scope.0.len();
        let mut ix = 0;
        while let Some(node) = self.flow.nodes.get(ix) {
            let inside = node.loops.len() >= depth
                && (depth == 0 || node.loops.get(depth - 1).copied() == kind);
            if !inside {
                ix += 1;
            } else if node.loops.len() == depth {
                self.node(ix, scope, certain, back);
                ix += 1;
            } else {
                let inner = node.loops[depth];
                self.loop_runs(inner, scope, certain, back.filter(|_| self.is_head(kind, ix)));
                ix = inner + 1;
            }
        }
    }

    fn is_head(&self, around: Option<Ix>, ix: Ix) -> bool {
        let Some(node) = around.and_then(|ix| self.flow.nodes.get(ix)) else { return false };
        matches!(node.kind, Kind::Loop { head, .. } if head == ix)
    }

    /// Every iteration of the loop that ends with node `end`; `back`: what an outer loop brings to
    /// a head that both share.
    fn loop_runs(&mut self, end: Ix, around: &Scope, certain: bool, back: Option<&Val>) {
        let node = &self.flow.nodes[end];
        let Kind::Loop { max_iterations, .. } = node.kind else { return };
        let id = InstanceId { node: node.id.as_str().into(), scope: around.clone() };
        let (mut certain, mut least) = (certain, 0);
        let mut back = back.cloned();
        for iteration in 1..=max_iterations {
            let scope = around.child(node.id.as_str().into(), iteration);
            self.frame(Some(end), &scope, certain, back.as_ref());
            least += u32::from(certain);
            let instance = InstanceId { node: node.id.as_str().into(), scope };
            let turn = self.turns.remove(&instance);
            self.out.iterations.insert(id.clone(), (least.max(1), iteration));
            let Some(turn) = turn.filter(|turn| turn.again && iteration < max_iterations) else {
                break;
            };
            certain = certain && !turn.leaves;
            back = Some(turn.value);
        }
    }

    /// One instance: how it is reached, what it comes to, and what its edges do.
    fn node(&mut self, ix: Ix, scope: &Scope, certain: bool, back: Option<&Val>) {
        let node = &self.flow.nodes[ix];
        let instance = InstanceId { node: node.id.as_str().into(), scope: scope.clone() };
        let kind = node.loops.last().copied();
        let arrival = match back {
            Some(value) if self.is_head(kind, ix) => Arrival::opened(value.clone()),
            Some(_) | None => self.arrival(ix, scope),
        };
        self.tolerates(ix, scope, &arrival, certain);
        // What a loser is about to do it may never do.
        self.certain = certain && !self.losers.contains(&ix);
        let mut results = Vec::new();
        if arrival.starts {
            results = self.run_node(node, &instance, arrival.input);
            self.waits |= results.is_empty() && self.certain;
            self.may_wait |= results.is_empty();
        }
        if arrival.skipped {
            results.push(Res::new(Outcome::DeadPath, Val::null()));
        }
        if arrival.unsatisfiable {
            results.push(Res::failed("join_unsatisfiable"));
        }
        let surely = certain && !results.is_empty();
        self.finish(ix, &instance, results, surely);
    }

    /// Settles which failures in front of a tolerant join are surely tolerated.
    fn tolerates(&mut self, ix: Ix, scope: &Scope, arrival: &Arrival, certain: bool) {
        let node = &self.flow.nodes[ix];
        let allowed = node.join.tolerate as usize;
        let most = arrival.failed;
        if allowed == 0 {
            return;
        }
        if most <= allowed {
            for edge in self.edges.iter().filter(|e| e.to == ix && e.on == On::Success) {
                let node = self.flow.nodes[edge.from].id.as_str().into();
                self.perhaps.remove(&InstanceId { node, scope: scope.clone() });
            }
        }
        // What is in front of a loser may be cancelled with it, before it fails.
        let loser = self.losers.contains(&ix);
        let too_many = self.rest_on(ix, scope) > allowed;
        self.fails_surely |= certain && node.join.mode == Mode::All && too_many && !loser;
    }

    /// How many failures rest on this join alone, at least. What has a way of its own to go may come
    /// after those that the join tolerates, and then needs no leave.
    fn rest_on(&self, ix: Ix, scope: &Scope) -> usize {
        let fails = |edge: usize| {
            let ways = self.ways.get(&(self.decided_in(edge, scope), edge));
            ways.is_some_and(|ways| ways.failed && !ways.dead && !ways.taken)
        };
        let led_on = |from: Ix| self.edges.iter().any(|e| e.from == from && e.on != On::Success);
        let into = self.edges.iter().enumerate().filter(|(_, edge)| edge.to == ix);
        into.filter(|(edge, e)| fails(*edge) && !led_on(e.from)).count()
    }

    fn arrival(&self, ix: Ix, scope: &Scope) -> Arrival {
        let node = &self.flow.nodes[ix];
        let incoming: Vec<usize> =
            (0..self.edges.len()).filter(|edge| self.edges[*edge].to == ix).collect();
        if incoming.is_empty() {
            return Arrival::opened(self.inputs.clone());
        }
        let mut counts = Counts { all: incoming.len(), ..Counts::default() };
        let mut live: Vec<(String, Val)> = Vec::new();
        let mut exact = true;
        for edge in incoming {
            let from = self.edges[edge].from;
            let key = (self.decided_in(edge, scope), edge);
            let Some(ways) = self.ways.get(&key).cloned() else {
                // Its source waits for ever, or never was.
                counts.undecided += 1;
                continue;
            };
            counts.add(&ways);
            exact &=
                usize::from(ways.taken) + usize::from(ways.dead) + usize::from(ways.failed) == 1;
            let flows = ways.taken || (ways.failed && node.join.tolerate > 0);
            let id = &self.flow.nodes[from].id;
            if flows && !live.iter().any(|(known, _)| known == id) {
                live.push((id.clone(), ways.value.unwrap_or(Val::Unknown)));
            }
        }
        let mut arrival = counts.arrival(node);
        arrival.failed = counts.most_failed;
        let early = node.join.mode != Mode::All && live.len() > 1;
        arrival.input = match live.as_slice() {
            _ if !exact && live.len() > 1 || early => Val::Unknown,
            [(_, single)] if !matches!(node.kind, Kind::Join) => single.clone(),
            _ => object(&live),
        };
        arrival
    }

    /// The scope in which `edge` is decided, seen from `scope` of its source or target.
    pub(super) fn decided_in(&self, edge: usize, scope: &Scope) -> Scope {
        let Edge { from, to, .. } = self.edges[edge];
        let (a, b) = (&self.flow.nodes[from].loops, &self.flow.nodes[to].loops);
        let common = a.iter().zip(b).take_while(|(a, b)| a == b).count();
        Scope(scope.0.iter().take(common).cloned().collect())
    }

    /// True where `edge` leaves a loop's body without passing its loop node.
    pub(super) fn is_route(&self, edge: usize) -> bool {
        let Edge { from, to, .. } = self.edges[edge];
        let (a, b) = (&self.flow.nodes[from].loops, &self.flow.nodes[to].loops);
        let common = a.iter().zip(b).take_while(|(a, b)| a == b).count();
        a.get(common).is_some_and(|outermost_left| *outermost_left != from)
    }

    /// Decides `on_error` and the edges of everything that the instance may come to.
    fn finish(&mut self, ix: Ix, instance: &InstanceId, results: Vec<Res>, certain: bool) {
        let node = &self.flow.nodes[ix];
        let is_loop = matches!(node.kind, Kind::Loop { .. });
        let results = if is_loop { self.turn(ix, instance, results) } else { results };
        let mut ends = Vec::new();
        for result in results {
            let truths = self.truths(ix, instance, &result);
            let may_err = truths.iter().any(|(_, truth)| truth.may_be(Truth::Error));
            let must_err = truths.iter().any(|(_, truth)| *truth == Truth::Error);
            if result.outcome == Outcome::Completed && may_err {
                ends.extend(self.settle(ix, instance, Res::failed("condition_error")));
            }
            if !(result.outcome == Outcome::Completed && must_err) {
                ends.extend(self.settle(ix, instance, result));
            }
        }
        self.out.instances.insert(instance.clone(), self.allowed(ix, &ends, certain));
        let unhandled = ends.iter().filter(|end| end.unhandled).count();
        let loser = self.losers.contains(&ix);
        if unhandled > 0 {
            let perhaps = ends.iter().any(|end| end.perhaps);
            let found = if perhaps { &mut self.perhaps } else { &mut self.out.unhandled };
            found.insert(instance.clone());
            self.fails_surely |= certain && unhandled == ends.len() && !loser && !perhaps;
        }
        for end in &ends {
            let value = if ends.len() == 1 { end.result.value.clone() } else { Val::Unknown };
            self.ends.insert(ix, value);
        }
        let goes_back = self.turns.get(instance).cloned();
        for edge in 0..self.edges.len() {
            if self.edges[edge].from == ix {
                self.decide(edge, instance, &ends, certain, goes_back.as_ref());
            }
        }
    }

    fn allowed(&self, ix: Ix, ends: &[End], certain: bool) -> Allowed {
        let node = &self.flow.nodes[ix];
        let mut outcomes: BTreeSet<Outcome> = ends.iter().map(|end| end.result.outcome).collect();
        if self.losers.contains(&ix) {
            outcomes.insert(Outcome::Cancelled);
        }
        let mut values =
            ends.iter().filter(|e| e.result.outcome == Outcome::Completed).map(|e| &e.result.value);
        let output = values.next().filter(|_| values.next().is_none());
        Allowed {
            outcomes,
            certain,
            output: output.and_then(|value| value.known().cloned()),
            executes: matches!(node.kind, Kind::Function { .. } | Kind::Http { .. })
                && node.pre.is_none(),
            compensates: node.compensate,
        }
    }

    /// One way in which an edge may be decided, added to what is known of it.
    fn decide(
        &mut self,
        edge: usize,
        instance: &InstanceId,
        ends: &[End],
        certain: bool,
        turn: Option<&Turn>,
    ) {
        let key = (self.decided_in(edge, &instance.scope), edge);
        let may_take = ends.iter().filter(|end| end.truth(edge).may_be(Truth::True));
        let values: Vec<&Val> = may_take.clone().map(|end| &end.result.value).collect();
        let taken = may_take.count() > 0;
        let surely = |end: &End| end.truth(edge) == Truth::True;
        let must =
            certain && !ends.is_empty() && ends.iter().all(surely) && !self.may_be_late(edge);
        let failed: Vec<&End> =
            ends.iter().filter(|end| end.result.is_failure() && !surely(end)).collect();
        let mut value = values.first().map(|value| (*value).clone());
        for other in values.iter().skip(1) {
            value = value.map(|value| value.or(other));
        }
        let value = value.or_else(|| failed.first().map(|end| end.result.value.clone()));
        if self.is_route(edge) {
            // Decided once for all iterations: dead only if none takes it.
            let known = self.ways.entry(key).or_insert(Ways { dead: true, ..Ways::default() });
            let first = !known.taken;
            known.value = if first { value } else { Some(Val::Unknown) };
            known.taken |= taken;
            known.dead &= !must;
            return;
        }
        if turn.is_some_and(|turn| !turn.leaves) || ends.is_empty() {
            return;
        }
        let dead = ends.iter().any(|end| !end.result.is_failure() && !surely(end));
        let known = self.ways.entry(key).or_default();
        known.value = match known.value.take() {
            Some(before) => value.map(|value| value.or(&before)),
            None => value,
        };
        known.taken |= taken;
        known.dead |= dead;
        known.failed |= !failed.is_empty();
    }

    /// What a failure comes to once its edges and `on_error` are looked at.
    fn settle(&mut self, ix: Ix, instance: &InstanceId, result: Res) -> Vec<End> {
        let node = &self.flow.nodes[ix];
        let mut truths = self.truths(ix, instance, &result);
        if truths.iter().any(|(_, truth)| *truth == Truth::Error) {
            truths.clear();
        }
        let end = End { result, truths, unhandled: false, perhaps: false };
        if !end.result.is_failure() {
            return vec![end];
        }
        let certain =
            |(edge, truth): &(usize, Truth)| *truth == Truth::True && !self.may_be_late(*edge);
        if end.truths.iter().any(certain) || self.route_taken(ix, instance) {
            return vec![end];
        }
        let maybe = end.truths.iter().any(|(_, truth)| truth.may_be(Truth::True));
        let mut ends = if maybe { vec![end.clone()] } else { Vec::new() };
        let nowhere = End { truths: Vec::new(), ..end };
        match node.on_error {
            OnError::Skip => {
                let passed = Res::new(Outcome::PassedOver, Val::null());
                ends.extend(self.settle(ix, instance, passed));
            }
            OnError::Park if !nowhere.result.by_hand => {
                // Attempts are gone: what a person may grant, the attempts have used.
                let decided = self.parked(instance, 1, false);
                ends.extend(self.settle(ix, instance, decided));
            }
            OnError::Park | OnError::Fail | OnError::Route(_) => {
                let perhaps = self.tolerated(ix);
                ends.push(End { unhandled: true, perhaps, ..nowhere });
            }
        }
        ends
    }

    /// True if a join behind the node tolerates failures; how many, its own arrival shows.
    fn tolerated(&self, ix: Ix) -> bool {
        self.edges.iter().any(|edge| {
            edge.from == ix && edge.on == On::Success && self.flow.nodes[edge.to].join.tolerate > 0
        })
    }
}

/// A result with what its edges do.
#[derive(Debug, Clone)]
struct End {
    result: Res,
    truths: Vec<(usize, Truth)>,
    unhandled: bool,
    /// A join may tolerate it.
    perhaps: bool,
}

impl End {
    fn truth(&self, edge: usize) -> Truth {
        let found = self.truths.iter().find(|(known, _)| *known == edge);
        found.map_or(Truth::False, |(_, truth)| *truth)
    }
}
