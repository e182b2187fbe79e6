//! Which edges follow a result, and where a loop goes next.

use aob_engine::InstanceId;

use super::prediction::Outcome;
use super::steps::Res;
use super::value::{Truth, Val, evaluate};
use super::walk::{Turn, Walk};
use crate::generator::{Ix, Kind, Mode, Node, On};

impl Walk<'_> {
    /// True if a failure surely takes an edge.
    pub(super) fn has_way(&self, node: &Node, instance: &InstanceId, result: &Res) -> bool {
        let Some(ix) = self.flow.nodes.iter().position(|other| other.id == node.id) else {
            return false;
        };
        let taken = self.follow(ix, result);
        let routed = self.route_taken(ix, instance);
        routed || taken.iter().any(|(_, truth)| *truth == Truth::True)
    }

    /// True if another iteration surely took a route out for this node.
    pub(super) fn route_taken(&self, ix: Ix, instance: &InstanceId) -> bool {
        (0..self.edges.len()).any(|edge| {
            self.edges[edge].from == ix
                && self.is_route(edge)
                && self
                    .ways
                    .get(&(self.decided_in(edge, &instance.scope), edge))
                    .is_some_and(|ways| ways.taken && !ways.dead)
        })
    }

    pub(super) fn truths(
        &self,
        ix: Ix,
        instance: &InstanceId,
        result: &Res,
    ) -> Vec<(usize, Truth)> {
        let is_loop = matches!(self.flow.nodes[ix].kind, Kind::Loop { .. });
        if is_loop && result.outcome == Outcome::Completed {
            self.loop_edges(ix, instance, &result.value)
        } else {
            self.follow(ix, result)
        }
    }

    /// The edges that follow `result`, with what their guards give. An error among them is the
    /// guard's; then nothing is taken.
    pub(super) fn follow(&self, ix: Ix, result: &Res) -> Vec<(usize, Truth)> {
        let has = |on: On| self.edges.iter().any(|edge| edge.from == ix && edge.on == on);
        let node = &self.flow.nodes[ix];
        match result.outcome {
            Outcome::Completed if matches!(node.kind, Kind::Hitl { .. }) => {
                self.guards(ix, &[On::Approved, On::Success, On::Always], &result.value)
            }
            Outcome::Completed | Outcome::PassedOver => {
                self.guards(ix, &[On::Success, On::Always], &result.value)
            }
            Outcome::TimedOut if has(On::Timeout) => {
                let first = self.guards(ix, &[On::Timeout, On::Always], &result.value);
                let surely = |(edge, truth): &(usize, Truth)| {
                    self.edges[*edge].on == On::Timeout && *truth == Truth::True
                };
                if first.iter().any(surely) {
                    return first;
                }
                self.guards(ix, &[On::Failure, On::Always], &result.value)
            }
            Outcome::Rejected if has(On::Rejected) => {
                self.guards(ix, &[On::Rejected, On::Always], &result.value)
            }
            Outcome::Failed | Outcome::TimedOut | Outcome::Rejected => {
                self.guards(ix, &[On::Failure, On::Always], &result.value)
            }
            Outcome::DeadPath | Outcome::Cancelled | Outcome::Open => Vec::new(),
        }
    }

    fn guards(&self, ix: Ix, on: &[On], value: &Val) -> Vec<(usize, Truth)> {
        let eligible = |edge: &usize| {
            let edge = &self.edges[*edge];
            edge.from == ix && on.contains(&edge.on)
        };
        let exclusive =
            matches!(self.flow.nodes[ix].kind, Kind::Conditional) && on.contains(&On::Success);
        let mut order: Vec<usize> = (0..self.edges.len()).filter(eligible).collect();
        if exclusive {
            order.sort_by_key(|edge| self.edges[*edge].guard.is_none());
        }
        let mut truths = Vec::new();
        let mut open = true;
        for edge in order {
            let guard = self.edges[edge].guard.as_ref();
            let truth = guard.map_or(Truth::True, |guard| evaluate(guard, value, &self.inputs));
            if !open {
                truths.push((edge, Truth::False));
                continue;
            }
            let maybe_before =
                exclusive && truths.iter().any(|(_, truth)| *truth == Truth::Unknown);
            let truth = if maybe_before && truth == Truth::True { Truth::Unknown } else { truth };
            let certainly = guard.is_none() || truth == Truth::True;
            open = !(exclusive && certainly && truth.may_be(Truth::True));
            truths.push((edge, truth));
        }
        truths
    }

    /// True where `edge` leads out of a loop that may have ended, and so decided it, before its
    /// source: a join in the body fires early.
    pub(super) fn may_be_late(&self, edge: usize) -> bool {
        let around = self.flow.nodes[self.edges[edge].from].loops.last();
        let inside = |node: &&Node| around.is_some_and(|around| node.loops.contains(around));
        self.is_route(edge)
            && self.flow.nodes.iter().filter(inside).any(|node| node.join.mode != Mode::All)
    }

    /// What a loop node may do next.
    pub(super) fn turn(&mut self, ix: Ix, instance: &InstanceId, results: Vec<Res>) -> Vec<Res> {
        let Kind::Loop { condition, max_iterations, timeout_to, .. } = &self.flow.nodes[ix].kind
        else {
            return results;
        };
        let iteration = instance.scope.0.last().map_or(1, |step| step.index);
        let last = iteration >= *max_iterations;
        let mut turn = Turn { again: false, leaves: false, value: Val::Unknown };
        let mut after = Vec::new();
        for result in results {
            if result.outcome != Outcome::Completed {
                turn.leaves = true;
                after.push(result);
                continue;
            }
            let truth = evaluate(condition, &result.value, &self.inputs);
            turn.value = result.value.clone();
            turn.again |= truth.may_be(Truth::True) && !last;
            let exhausted = truth.may_be(Truth::True) && last;
            if truth.may_be(Truth::Error) {
                turn.leaves = true;
                after.push(Res::failed("condition_error"));
            }
            if exhausted && timeout_to.is_none() {
                turn.leaves = true;
                after.push(Res::failed("max_iterations"));
            }
            turn.leaves |= truth.may_be(Truth::False) || (exhausted && timeout_to.is_some());
            let completes =
                truth.may_be(Truth::False) || turn.again || (exhausted && timeout_to.is_some());
            if completes {
                after.push(result);
            }
        }
        self.turns.insert(instance.clone(), turn);
        after
    }

    /// The edges that a loop takes when it completes without going back.
    fn loop_edges(&self, ix: Ix, instance: &InstanceId, value: &Val) -> Vec<(usize, Truth)> {
        let Kind::Loop { condition, max_iterations, break_to, .. } = &self.flow.nodes[ix].kind
        else {
            return Vec::new();
        };
        let iteration = instance.scope.0.last().map_or(1, |step| step.index);
        let truth = evaluate(condition, value, &self.inputs);
        let done = if break_to.is_some() { On::Break } else { On::Success };
        let mut truths = Vec::new();
        if truth.may_be(Truth::False) {
            truths.extend(self.guards(ix, &[done, On::Always], value));
        }
        if truth.may_be(Truth::True) && iteration >= *max_iterations {
            truths.extend(self.guards(ix, &[On::Timeout, On::Always], value));
        }
        if truth == Truth::Unknown {
            for (_, truth) in &mut truths {
                *truth = Truth::Unknown;
            }
        }
        truths
    }
}
