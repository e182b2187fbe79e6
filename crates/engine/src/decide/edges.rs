//! Deciding the outgoing edges of a finished instance: each once, taken or dead.

use std::sync::Arc;

use aob_ir::{EdgeIr, EdgeIx, EdgeList, EdgeOn, NodeIr, NodeKind};

use super::resolve::{Evaluated, Seen};
use super::{Decider, Step, Work};
use crate::event::{EdgeDecision, EdgeState, FailureOutcome};
use crate::ids::InstanceId;
use crate::value::Payload;

/// Edge decisions in one event at most.
const EDGES_PER_EVENT_MAX: usize = 500;

/// What an instance's end means to its edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Completed, or skipped with its success edges evaluated.
    Success,
    /// A `hitl` node was approved.
    Approved,
    /// Failed after retries.
    Failed(FailureOutcome),
    /// A loop whose condition is false.
    LoopDone,
    /// A loop that reached `max_iterations` and has a way on.
    LoopExhausted,
    /// It goes nowhere: a dead path, or cancelled as a loser.
    Nowhere,
}

impl Ending {
    /// How `node` ends where it completes.
    pub(super) fn of_success(node: &NodeIr) -> Self {
        if matches!(node.kind, NodeKind::Hitl { .. }) { Self::Approved } else { Self::Success }
    }

    pub(super) fn dead(self) -> EdgeState {
        match self {
            Self::Failed(_) => EdgeState::Failed,
            Self::Success
            | Self::Approved
            | Self::LoopDone
            | Self::LoopExhausted
            | Self::Nowhere => EdgeState::Dead,
        }
    }
}

impl<'a> Decider<'a> {
    /// Decides every edge of `id` that is not decided yet.
    pub(super) fn decide_edges(
        &self,
        node: &'a NodeIr,
        id: &InstanceId,
        ending: Ending,
        output: &Payload,
    ) -> Step<Evaluated<Vec<EdgeDecision>>> {
        let taken = match ending {
            Ending::Nowhere => Ok(EdgeList::new()),
            Ending::Failed(outcome) => self.failure_edges(node, id, outcome, output)?,
            Ending::LoopDone => {
                let breaks = node.outgoing.iter().any(|&ix| self.ir.edge(ix).on == EdgeOn::Break);
                let on = if breaks { EdgeOn::Break } else { EdgeOn::Success };
                self.taken(node, id, &[on, EdgeOn::Always], output)?
            }
            Ending::LoopExhausted => {
                self.taken(node, id, &[EdgeOn::Timeout, EdgeOn::Always], output)?
            }
            Ending::Success => self.taken(node, id, &[EdgeOn::Success, EdgeOn::Always], output)?,
            Ending::Approved => {
                let follows = [EdgeOn::Approved, EdgeOn::Success, EdgeOn::Always];
                self.taken(node, id, &follows, output)?
            }
        };
        let taken = match taken {
            Ok(taken) => taken,
            Err(failure) => return Ok(Err(failure)),
        };
        let mut taken = taken.into_iter().peekable();
        // Only an instance that has ended before may have edges decided in its own scope.
        let ended = self.state.instance(id).is_some_and(|instance| instance.status.is_terminal());
        let mut decisions = Vec::with_capacity(node.outgoing.len());
        for &ix in &node.outgoing {
            let is = match taken.next_if(|&taken| taken == ix) {
                Some(_) => EdgeState::Taken,
                None => ending.dead(),
            };
            let edge = self.ir.edge(ix);
            if is != EdgeState::Taken && self.is_route(node, edge) {
                continue; // Decided when the loop around it ends.
            }
            let shared = edge.common_loops as usize != id.scope.0.len();
            if !((ended || shared) && self.is_decided(edge, id)) {
                decisions.push(self.decision(ix, id, is));
            }
        }
        if let NodeKind::Loop { loop_ix } = node.kind {
            self.close_routes(loop_ix, id, &mut decisions);
        }
        Ok(Ok(decisions))
    }

    /// The edges that a failure takes: `timeout` before `failure`, `rejected` before `failure`.
    fn failure_edges(
        &self,
        node: &'a NodeIr,
        id: &InstanceId,
        outcome: FailureOutcome,
        output: &Payload,
    ) -> Step<Evaluated<EdgeList>> {
        let first = match outcome {
            FailureOutcome::TimedOut => Some(EdgeOn::Timeout),
            FailureOutcome::Rejected => Some(EdgeOn::Rejected),
            FailureOutcome::Failed => None,
        };
        if let Some(on) = first {
            match self.taken(node, id, &[on], output)? {
                Ok(taken) if taken.is_empty() => {}
                Ok(_) => return self.taken(node, id, &[on, EdgeOn::Always], output),
                Err(failure) => return Ok(Err(failure)),
            }
        }
        self.taken(node, id, &[EdgeOn::Failure, EdgeOn::Always], output)
    }

    /// Edges that follow one of `on` and whose guard holds; of a `conditional` the first only,
    /// *else* tried last. In the order of the edges.
    fn taken(
        &self,
        node: &'a NodeIr,
        id: &InstanceId,
        on: &[EdgeOn],
        output: &Payload,
    ) -> Step<Evaluated<EdgeList>> {
        let exclusive = matches!(node.kind, NodeKind::Conditional) && on.contains(&EdgeOn::Success);
        let eligible = |guarded: bool| {
            let edges = node.outgoing.iter().copied();
            edges.filter(move |&ix| self.ir.edge(ix).condition.is_some() == guarded)
        };
        let else_last: EdgeList;
        let in_order = if exclusive {
            else_last = eligible(true).chain(eligible(false)).collect();
            &else_last
        } else {
            &node.outgoing
        };
        let mut taken = EdgeList::with_capacity(in_order.len());
        for &ix in in_order {
            let edge = self.ir.edge(ix);
            if !on.contains(&edge.on) {
                continue;
            }
            let holds = match &edge.condition {
                Some(guard) => {
                    let seen = Seen { output: Some(output), ..Seen::default() };
                    match self.holds(guard, id, seen)? {
                        Ok(holds) => holds,
                        Err(mut failure) => {
                            let text = format!("edge `{}`: {}", edge.id, failure.message);
                            failure.message = text.into();
                            return Ok(Err(failure));
                        }
                    }
                }
                None => true,
            };
            if holds {
                taken.push(ix);
                if exclusive {
                    break;
                }
            }
        }
        Ok(Ok(taken))
    }

    /// True for a failure route out of a loop's body: decided once for the scope outside.
    pub(super) fn is_route(&self, node: &NodeIr, edge: &EdgeIr) -> bool {
        let Some(&outermost_left) = node.loops.get(edge.common_loops as usize) else {
            return false;
        };
        self.ir.loop_at(outermost_left).node != edge.from
    }

    pub(super) fn is_decided(&self, edge: &EdgeIr, source: &InstanceId) -> bool {
        self.state.edge_key(edge, &source.scope).is_some_and(|key| self.state.edges.contains(&key))
    }

    /// What the edges that `source` has just decided lead to.
    pub(super) fn targets(
        &self,
        node: &NodeIr,
        source: &InstanceId,
        decisions: &[EdgeDecision],
    ) -> Vec<Work> {
        // Decisions come in the order of the edges, so the search goes on where it found the last.
        let mut outgoing = node.outgoing.iter().copied();
        let mut ix_of = |decision: &EdgeDecision| {
            let own = outgoing.find(|&ix| Arc::ptr_eq(&self.ir.edge(ix).id, &decision.id));
            own.map(|ix| self.ir.edge(ix).to).or_else(|| self.ir.node_ix(&decision.to))
        };
        let target = |decision: &EdgeDecision| {
            let kept = source.scope.0.len().saturating_sub(decision.leaves as usize);
            let mut scope = source.scope.cut(kept);
            for entered in &decision.enters {
                scope = scope.child(Arc::clone(entered), 1);
            }
            let id = InstanceId { node: Arc::clone(&decision.to), scope };
            Some(Work::Target(ix_of(decision)?, id))
        };
        decisions.iter().filter_map(target).collect()
    }

    pub(super) fn decision(&self, ix: EdgeIx, source: &InstanceId, is: EdgeState) -> EdgeDecision {
        let edge = self.ir.edge(ix);
        let common = edge.common_loops as usize;
        let target = self.ir.node(edge.to);
        let entered = target.loops.iter().skip(common);
        EdgeDecision {
            id: Arc::clone(&edge.id),
            to: Arc::clone(&target.id),
            is,
            leaves: u32::try_from(source.scope.0.len().saturating_sub(common)).unwrap_or(0),
            enters: entered.map(|&ix| self.loop_name(ix)).collect(),
        }
    }

    pub(super) fn loop_name(&self, ix: aob_ir::LoopIx) -> Arc<str> {
        Arc::clone(&self.ir.node(self.ir.loop_at(ix).node).id)
    }

    /// Where a loop ends, the routes out of its body that nothing took are dead.
    pub(super) fn close_routes(
        &self,
        loop_ix: aob_ir::LoopIx,
        id: &InstanceId,
        decisions: &mut Vec<EdgeDecision>,
    ) {
        for &ix in &self.ir.loop_at(loop_ix).routes {
            let edge = self.ir.edge(ix);
            let source = self.ir.node(edge.from);
            let ends_here = source.loops.get(edge.common_loops as usize) == Some(&loop_ix);
            let known = decisions.iter().any(|decision| decision.id == edge.id);
            if ends_here && !known && !self.is_decided(edge, id) {
                decisions.push(self.decision(ix, id, EdgeState::Dead));
            }
        }
    }
}

/// As many decisions as one event holds; true where some are left.
pub(super) fn split(mut decisions: Vec<EdgeDecision>) -> (Vec<EdgeDecision>, bool) {
    let more = decisions.len() > EDGES_PER_EVENT_MAX;
    decisions.truncate(EDGES_PER_EVENT_MAX);
    (decisions, more)
}

/// Bytes that decisions take in the log, about.
pub(super) fn bytes(decisions: &[EdgeDecision]) -> usize {
    decisions.iter().map(|decision| 40 + decision.id.len() + decision.to.len()).sum()
}
