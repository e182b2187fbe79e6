//! Compensation: what completed is undone, last first, one after the other.

use std::sync::Arc;

use aob_bugs::{Bug, seeded};
use aob_ir::{NodeIr, OnFailure};

use super::{Decider, Step};
use crate::event::ParkReason;
use crate::ids::InstanceId;
use crate::state::Doing;
use crate::value::{Payload, PayloadRef};

impl<'a> Decider<'a> {
    /// Opens the next compensation; true while there is one to wait for.
    pub(super) fn compensate_next(&mut self) -> Step<bool> {
        if self.ir.on_failure != OnFailure::Compensate {
            return Ok(false);
        }
        let undo = &self.state.undo;
        let last = if seeded(Bug::CompensationForward) { undo.first() } else { undo.last() };
        let Some((_, undo)) = last else { return Ok(false) };
        let undo = undo.clone();
        let original = self.state.id_of(&undo.key);
        let id = InstanceId {
            node: Arc::from(format!("{}.compensate", original.node)),
            scope: original.scope,
        };
        let Some(node) = self.find(&id) else { return Ok(false) };
        let members: Vec<(Arc<str>, Option<PayloadRef>)> =
            vec![("input".into(), Some(undo.input)), ("output".into(), undo.output)];
        let input = self.object_of(&members)?;
        self.open(node, &id, input)?;
        Ok(true)
    }

    /// The input that a later compensation of this instance needs; `None` where it declares none.
    pub(super) fn undo_input(&self, node: &'a NodeIr, id: &InstanceId) -> Option<Payload> {
        node.compensate.as_ref()?;
        let instance = self.state.instance(id)?;
        match &instance.doing {
            Doing::Job(job) | Doing::Backoff { job, .. } | Doing::Parked { job: Some(job), .. } => {
                Some(Payload::by_ref(job.input))
            }
            Doing::Nothing
            | Doing::Timer { .. }
            | Doing::Signal { .. }
            | Doing::Approval { .. }
            | Doing::Child(_)
            | Doing::Map(_)
            | Doing::Unserved { .. }
            | Doing::Parked { job: None, .. } => None,
        }
    }

    /// An instance parked because its outcome is unknown counts as possibly done.
    pub(super) fn parked_undo(&self, node: &'a NodeIr, id: &InstanceId) -> Option<Payload> {
        let instance = self.state.instance(id)?;
        let Doing::Parked { reason: ParkReason::OutcomeUnknown, .. } = instance.doing else {
            return None;
        };
        self.undo_input(node, id)
    }
}
