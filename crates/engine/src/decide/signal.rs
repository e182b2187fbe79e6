//! `Signal`: buffered first-in first-out per name, each consumed once.

use std::sync::Arc;

use aob_ir::NodeIr;

use super::inline::Extras;
use super::{Decider, Step, Stop, reject};
use crate::command::{NoChange, RejectionCode};
use crate::event::SignalReceived;
use crate::ids::InstanceId;
use crate::state::Doing;
use crate::value::{Blob, Payload};

/// Signals of one name that may wait.
const SIGNALS_BUFFERED_MAX: usize = 1_000;

impl<'a> Decider<'a> {
    pub(super) fn signal(
        &mut self,
        name: &Arc<str>,
        signal: &Arc<str>,
        payload: &Arc<Blob>,
    ) -> Step {
        self.require_active()?;
        if self.state.signal_ids.iter().any(|(_, known)| known == signal) {
            return Err(Stop::NoChange(NoChange::Repeated));
        }
        if self.buffered(name).count() >= SIGNALS_BUFFERED_MAX {
            let text = format!("{SIGNALS_BUFFERED_MAX} signals `{name}` wait already");
            let hint = "nothing consumes them; `aob run explain` shows what the run waits for";
            return Err(reject(RejectionCode::SignalBufferFull, text, Some(hint)));
        }
        let payload = self.payload(payload);
        let actor = self.request.actor.clone();
        let (name_, signal) = (Arc::clone(name), Arc::clone(signal));
        self.emit(SignalReceived { name: name_, signal, payload, actor });
        let Some(id) = self.waiting_for(name) else { return Ok(()) };
        let Some(node) = self.find(&id) else { return Ok(()) };
        self.consume_signal(node, &id, name)
    }

    /// Signals of this name that nobody has consumed, oldest first.
    fn buffered(&self, name: &str) -> impl Iterator<Item = (&Arc<str>, Payload)> {
        let name = self.state.names.get(name);
        let range = name.map(|name| self.state.signals.range((name, 0)..=(name, u64::MAX)));
        let rows = range.into_iter().flatten();
        rows.map(|(_, (id, payload))| (id, Payload::by_ref(*payload)))
    }

    /// The instance that has waited longest for a signal of this name.
    fn waiting_for(&self, name: &str) -> Option<InstanceId> {
        let waits = self.state.open.iter().filter_map(|(key, ())| {
            let instance = self.state.instances.get(key)?;
            let Doing::Signal { name: awaited, .. } = &instance.doing else { return None };
            (**awaited == *name).then_some((instance.since, key))
        });
        waits.min().map(|(_, key)| self.state.id_of(key))
    }

    /// Completes a waiting instance with the oldest buffered signal, if there is one.
    pub(super) fn consume_signal(&mut self, node: &'a NodeIr, id: &InstanceId, name: &str) -> Step {
        let oldest =
            self.buffered(name).next().map(|(signal, payload)| (Arc::clone(signal), payload));
        let Some((signal, payload)) = oldest else { return Ok(()) };
        let extras = Extras { signal: Some(signal), ..Extras::default() };
        self.complete_extra(node, id, 0, payload, extras)
    }
}
