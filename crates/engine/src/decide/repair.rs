//! Going on with an instance whose node a person repaired: the next attempt is made from the document
//! that holds.

use aob_ir::{NodeIr, NodeKind};

use super::resolve::Evaluated;
use super::{Decider, Step, reject};
use crate::command::RejectionCode;
use crate::event::{Job, RetryGranted};
use crate::ids::{InstanceId, idempotency_key};
use crate::state::{JobState, JoinEntry};
use crate::value::Payload;

impl<'a> Decider<'a> {
    /// The job of the next attempt. Its generation, and with it the idempotency key, rises where it
    /// asks for something else than the attempts before.
    pub(super) fn repaired_job(
        &mut self,
        node: &'a NodeIr,
        id: &InstanceId,
        job: &JobState,
        generation: u32,
    ) -> Step<Evaluated<(u32, Job)>> {
        let (NodeKind::Function { config, .. }
        | NodeKind::Http { config }
        | NodeKind::Agent { config, .. }) = &node.kind
        else {
            return Ok(Ok((generation, job.to_job())));
        };
        let input = Payload::by_ref(job.input);
        let (config, secrets) = match self.rendered(config, id, &input)? {
            Ok(rendered) => rendered,
            Err(failure) => return Ok(Err(failure)),
        };
        let mut again = self.job(node, id, (config, secrets), &input);
        let same = again.config.digest == job.config.digest
            && again.secrets == job.secrets
            && again.name == job.name;
        let generation = generation + u32::from(!same);
        again.idempotency_key = idempotency_key(self.state.meta().run, id, generation);
        if same {
            again.config = Payload::by_ref(job.config);
        }
        Ok(Ok((generation, again)))
    }

    /// Starts an instance that parked before its first attempt.
    pub(super) fn open_repaired(&mut self, node: &'a NodeIr, id: &InstanceId) -> Step {
        if self.state.head.paused {
            let text = "nothing starts while the run is paused".to_owned();
            return Err(reject(RejectionCode::NotRetryable, text, Some("resume the run first")));
        }
        let Some(input) = self.input_again(node, id)? else {
            let text = format!("what `{id}` got is not remembered");
            let hint = "skip it, fail it, or say what it returned (`aob run succeed`)";
            return Err(reject(RejectionCode::NotRetryable, text, Some(hint)));
        };
        let by = self.request.actor.clone();
        let attempts_max = node.retry.max_attempts;
        self.emit(RetryGranted { instance: id.clone(), attempts_max, by });
        self.open(node, id, input)
    }

    /// What an instance got when it started; `None`: the head of a loop that has gone round.
    fn input_again(&mut self, node: &'a NodeIr, id: &InstanceId) -> Step<Option<Payload>> {
        if let Some((map, index)) = self.map_of(id) {
            return self.item_again(&map, index);
        }
        let heads = self.ir.loops.iter().filter(|known| self.ir.node(known.head).id == node.id);
        let again = heads.filter_map(|known| {
            let depth = self.ir.node(known.node).loops.len();
            id.scope.0.get(depth.checked_sub(1)?)
        });
        if again.into_iter().any(|step| step.index > 1) {
            return Ok(None);
        }
        if node.incoming.is_empty() {
            return Ok(Some(Payload::by_ref(self.state.meta().inputs)));
        }
        self.input_of(node, id, &JoinEntry::default()).map(Some)
    }

    fn item_again(&mut self, map: &InstanceId, index: u32) -> Step<Option<Payload>> {
        let Some(instance) = self.state.instance(map) else { return Ok(None) };
        let crate::state::Doing::Map(map) = &instance.doing else { return Ok(None) };
        let items = self.load(map.items)?;
        let item = items.value().get(index as usize).cloned().unwrap_or_default();
        Ok(Some(self.payload_of(item)))
    }
}
