//! Edges of an instance that has ended: those that did not fit its event, and those that a patch
//! added since. Each is decided once, as if it had been there.

use aob_ir::{EdgeIx, EdgeOn, NodeIr, NodeKind};

use super::edges::Ending;
use super::resolve::Seen;
use super::{Decider, Step};
use crate::event::{EdgeDecision, EdgeState, FailureOutcome};
use crate::ids::InstanceId;
use crate::state::{Instance, InstanceStatus};
use crate::value::{Blob, Payload};

impl<'a> Decider<'a> {
    /// The edges still undecided of an instance that has ended, as its end decides them.
    pub(super) fn undecided_edges(
        &self,
        node: &'a NodeIr,
        id: &InstanceId,
    ) -> Step<Vec<EdgeDecision>> {
        let Some(instance) = self.state.instance(id) else { return Ok(Vec::new()) };
        let ending = ending(node, instance);
        let null = Payload::new(&Blob::of(serde_json::Value::Null));
        let output = instance.output.map_or(null, Payload::by_ref);
        let open: Vec<EdgeIx> = node
            .outgoing
            .iter()
            .copied()
            .filter(|&ix| !self.is_decided(self.ir.edge(ix), id))
            .collect();
        let taken = self.later_taken(node, id, ending, &open, &output)?;
        let mut decisions = Vec::with_capacity(open.len());
        for ix in open {
            let is = if taken.contains(&ix) { EdgeState::Taken } else { ending.dead() };
            if is == EdgeState::Taken || !self.is_route(node, self.ir.edge(ix)) {
                decisions.push(self.decision(ix, id, is));
            }
        }
        if let NodeKind::Loop { loop_ix } = node.kind {
            self.close_routes(loop_ix, id, &mut decisions);
        }
        Ok(decisions)
    }

    /// Which of the open edges lead on. A guard that cannot be evaluated does not hold: its source
    /// cannot fail any more.
    fn later_taken(
        &self,
        node: &'a NodeIr,
        id: &InstanceId,
        ending: Ending,
        open: &[EdgeIx],
        output: &Payload,
    ) -> Step<Vec<EdgeIx>> {
        let follows = self.follows(node, id, ending, open, output)?;
        let eligible = |ix: &EdgeIx| follows.contains(&self.ir.edge(*ix).on);
        let mut candidates: Vec<EdgeIx> = open.iter().copied().filter(eligible).collect();
        let exclusive =
            matches!(node.kind, NodeKind::Conditional) && follows.contains(&EdgeOn::Success);
        if exclusive {
            if node.outgoing.iter().any(|&ix| eligible(&ix) && self.is_taken(ix, id)) {
                return Ok(Vec::new());
            }
            // *Else* is tried last; the sort is stable.
            candidates.sort_by_key(|&ix| self.ir.edge(ix).condition.is_none());
        }
        let mut taken = Vec::new();
        for ix in candidates {
            if self.leads_on(ix, id, output)? {
                taken.push(ix);
                if exclusive {
                    break;
                }
            }
        }
        Ok(taken)
    }

    fn leads_on(&self, ix: EdgeIx, id: &InstanceId, output: &Payload) -> Step<bool> {
        let Some(guard) = &self.ir.edge(ix).condition else { return Ok(true) };
        let seen = Seen { output: Some(output), ..Seen::default() };
        Ok(self.holds(guard, id, seen)?.unwrap_or(false))
    }

    fn is_taken(&self, ix: EdgeIx, id: &InstanceId) -> bool {
        let key = self.state.edge_key(self.ir.edge(ix), &id.scope);
        let entry = key.and_then(|key| self.state.edges.get(&key));
        entry.is_some_and(|entry| entry.is == EdgeState::Taken)
    }

    /// The outcomes that lead on from such an end.
    fn follows(
        &self,
        node: &'a NodeIr,
        id: &InstanceId,
        ending: Ending,
        open: &[EdgeIx],
        output: &Payload,
    ) -> Step<&'static [EdgeOn]> {
        let has = |on: EdgeOn| node.outgoing.iter().any(|&ix| self.ir.edge(ix).on == on);
        let took = |on: EdgeOn| {
            node.outgoing.iter().any(|&ix| self.ir.edge(ix).on == on && self.is_taken(ix, id))
        };
        let first = match ending {
            Ending::Nowhere => return Ok(&[]),
            Ending::Success => return Ok(&[EdgeOn::Success, EdgeOn::Always]),
            Ending::Approved => {
                return Ok(&[EdgeOn::Approved, EdgeOn::Success, EdgeOn::Always]);
            }
            Ending::LoopExhausted | Ending::LoopDone if took(EdgeOn::Timeout) => {
                return Ok(&[EdgeOn::Timeout, EdgeOn::Always]);
            }
            Ending::LoopExhausted | Ending::LoopDone if has(EdgeOn::Break) => {
                return Ok(&[EdgeOn::Break, EdgeOn::Always]);
            }
            Ending::LoopExhausted | Ending::LoopDone => {
                return Ok(&[EdgeOn::Success, EdgeOn::Always]);
            }
            Ending::Failed(FailureOutcome::Failed) => {
                return Ok(&[EdgeOn::Failure, EdgeOn::Always]);
            }
            Ending::Failed(FailureOutcome::TimedOut) => EdgeOn::Timeout,
            Ending::Failed(FailureOutcome::Rejected) => EdgeOn::Rejected,
        };
        let mut wins = took(first);
        // What was decided with the end stays: where a failure edge leads on, no other comes first.
        let settled = took(EdgeOn::Failure);
        for &ix in open.iter().filter(|&&ix| self.ir.edge(ix).on == first) {
            wins = wins || !settled && self.leads_on(ix, id, output)?;
        }
        Ok(match (wins, first) {
            (false, _) => &[EdgeOn::Failure, EdgeOn::Always],
            (true, EdgeOn::Timeout) => &[EdgeOn::Timeout, EdgeOn::Always],
            (true, _) => &[EdgeOn::Rejected, EdgeOn::Always],
        })
    }
}

/// How an instance ended, for its edges.
fn ending(node: &NodeIr, instance: &Instance) -> Ending {
    match (instance.status, instance.outcome) {
        (InstanceStatus::Failed, Some(outcome)) => Ending::Failed(outcome),
        (InstanceStatus::Completed, _) if matches!(node.kind, NodeKind::Hitl { .. }) => {
            Ending::Approved
        }
        (InstanceStatus::Completed, _) if matches!(node.kind, NodeKind::Loop { .. }) => {
            Ending::LoopDone
        }
        (InstanceStatus::Completed | InstanceStatus::Skipped, _) if instance.output.is_some() => {
            Ending::Success
        }
        (
            InstanceStatus::Scheduled
            | InstanceStatus::Waiting
            | InstanceStatus::Retrying
            | InstanceStatus::Parked
            | InstanceStatus::Completed
            | InstanceStatus::Failed
            | InstanceStatus::Skipped
            | InstanceStatus::Cancelled
            | InstanceStatus::Compensated,
            _,
        ) => Ending::Nowhere,
    }
}
