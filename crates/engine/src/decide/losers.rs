//! Cancelling what lost a race: predecessors of a fired join and what only leads there.

use std::collections::BTreeSet;
use std::sync::Arc;

use aob_ir::{NodeIr, NodeIx};

use super::{Decider, Step};
use crate::event::{ApprovalDecided, ApprovalOutcome, CancelCause, NodeCancelled, NodeCancelling};
use crate::ids::{Actor, InstanceId, Scope};
use crate::state::{Doing, InstanceStatus};

impl<'a> Decider<'a> {
    /// Cancels the losers of the join that `id` just passed.
    pub(super) fn cancel_losers(&mut self, node: &'a NodeIr, id: &InstanceId) -> Step {
        let Some(join) = self.ir.node_ix(&node.id) else { return Ok(()) };
        for loser in self.losers(join) {
            let target = self.ir.node(loser);
            let instance = self.loser_id(target, id);
            let status = self.state.instance(&instance).map(|instance| instance.status);
            match status {
                Some(status) if status.is_terminal() => {}
                Some(_) => self.cancel_one(&instance)?,
                None => self.write_cancelled(&instance, CancelCause::Loser)?,
            }
        }
        Ok(())
    }

    /// Nodes all of whose ways lead to `join` (through one another), in document order.
    fn losers(&self, join: NodeIx) -> BTreeSet<NodeIx> {
        let mut losers = BTreeSet::new();
        let mut queue: Vec<NodeIx> = self.sources(join);
        while let Some(ix) = queue.pop() {
            let node = self.ir.node(ix);
            let same_scope = node.loops == self.ir.node(join).loops;
            let only_here = node.outgoing.iter().all(|&edge| {
                let to = self.ir.edge(edge).to;
                to == join || losers.contains(&to)
            });
            if ix != join && same_scope && only_here && losers.insert(ix) {
                queue.extend(self.sources(ix));
            }
        }
        losers
    }

    fn sources(&self, ix: NodeIx) -> Vec<NodeIx> {
        self.ir.node(ix).incoming.iter().map(|&edge| self.ir.edge(edge).from).collect()
    }

    fn loser_id(&self, node: &NodeIr, join: &InstanceId) -> InstanceId {
        InstanceId { node: Arc::clone(&node.id), scope: Scope(join.scope.0.clone()) }
    }

    /// Cancels one open instance: asks its runner or child to stop, or ends its wait.
    pub(super) fn cancel_one(&mut self, id: &InstanceId) -> Step {
        let Some(instance) = self.state.instance(id) else { return Ok(()) };
        let attempt = instance.attempt;
        let status = instance.status;
        match instance.doing.clone() {
            Doing::Job(job) if status == InstanceStatus::Scheduled => {
                if job.fence_at.is_none() {
                    let fence_at = Some(self.now.plus_ms(self.state.meta().cancel_grace_ms));
                    let instance = id.clone();
                    self.emit(NodeCancelling { instance, attempt, child: None, fence_at });
                }
                Ok(())
            }
            Doing::Child(wait) => {
                if !wait.cancelling {
                    let (instance, child) = (id.clone(), Some(wait.child));
                    self.emit(NodeCancelling { instance, attempt: 0, child, fence_at: None });
                }
                Ok(())
            }
            Doing::Map(map) => {
                self.write_cancelled(id, CancelCause::Loser)?;
                self.cancel_bodies(id, &map)
            }
            Doing::Approval { ticket } => {
                let outcome = ApprovalOutcome::Cancelled;
                self.emit(ApprovalDecided { ticket, outcome, by: Actor::system() });
                self.write_cancelled(id, CancelCause::Loser)
            }
            Doing::Job(_)
            | Doing::Nothing
            | Doing::Backoff { .. }
            | Doing::Timer { .. }
            | Doing::Signal { .. }
            | Doing::Unserved { .. }
            | Doing::Parked { .. } => self.write_cancelled(id, CancelCause::Loser),
        }
    }

    /// Ends an instance without result. Where the run goes on, its edges are dead.
    pub(super) fn write_cancelled(&mut self, id: &InstanceId, cause: CancelCause) -> Step {
        let Some(node) = self.find(id) else { return Ok(()) };
        let attempt = self.state.instance(id).map_or(0, |instance| instance.attempt);
        let decisions = if self.active() { self.decide_nowhere(node, id)? } else { Vec::new() };
        let undo_input = match cause {
            CancelCause::Fenced => self.undo_input(node, id),
            CancelCause::RunStopped => self.parked_undo(node, id),
            CancelCause::Acknowledged | CancelCause::Loser => None,
        };
        let (edges, more) = super::edges::split(decisions);
        self.bytes += super::edges::bytes(&edges);
        let targets = self.targets(node, id, &edges);
        let instance = id.clone();
        self.emit(NodeCancelled { instance, attempt, cause, undo_input, edges, more });
        if self.active() {
            self.ended(id, targets, more);
        }
        Ok(())
    }
}
