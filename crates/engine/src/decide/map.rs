//! Maps: one expansion, body instances as `max_parallel` allows, a list in item order.

use std::sync::Arc;

use aob_bugs::{Bug, seeded};
use aob_ir::{MapIr, NodeIr};
use serde_json::Value;

use super::resolve::Evaluated;
use super::{Decider, Step, Work};
use crate::event::{FailureOutcome, MapExpanded};
use crate::ids::InstanceId;
use crate::state::{Doing, InstanceStatus, Key, MapState};
use crate::value::Payload;

impl<'a> Decider<'a> {
    pub(super) fn open_map(
        &mut self,
        node: &'a NodeIr,
        id: &InstanceId,
        map: &'a MapIr,
        input: &Payload,
    ) -> Step<Evaluated<()>> {
        let items = match self.render_list(&map.items, id, input)? {
            Ok(items) => items,
            Err(failure) => return Ok(Err(failure)),
        };
        let count = items.len();
        let Ok(count_u32) = u32::try_from(count) else {
            let text = format!("{count} items are too many");
            return Ok(Err(super::pump::failure("limit_exceeded", text)));
        };
        let limits = self.state.meta().limits;
        if self.state.head.opened.saturating_add(count as u64) > limits.max_instances {
            let text = format!("{count} items would exceed `limits.max_instances`");
            return Ok(Err(super::pump::failure("limit_exceeded", text)));
        }
        let items = self.payload_of(Value::Array(items));
        self.emit(MapExpanded {
            instance: id.clone(),
            items,
            count: count_u32,
            max_parallel: map.max_parallel.max(1),
            tolerated: super::pump::tolerated(map.tolerate, count),
            body: Arc::clone(&map.body.id),
            expires_at: self.expiry(node),
        });
        self.work.push_back(Work::Map(id.clone()));
        Ok(Ok(()))
    }

    fn map_state(&self, id: &InstanceId) -> Option<MapState> {
        let instance = self.state.instance(id)?;
        if instance.status != InstanceStatus::Waiting {
            return None;
        }
        if let Doing::Map(map) = &instance.doing { Some((**map).clone()) } else { None }
    }

    /// Opens body instances while there is room, or ends the map.
    pub(super) fn open_bodies(&mut self, id: &InstanceId) -> Step {
        let Some(node) = self.find(id) else { return Ok(()) };
        let aob_ir::NodeKind::Map(map) = &node.kind else { return Ok(()) };
        while let Some(state) = self.map_state(id) {
            if state.failed > state.tolerated {
                return self.fail_map(node, id, &state);
            }
            if state.done() == state.count {
                return self.complete_map(node, id, &state);
            }
            let too_wide = seeded(Bug::MapTooWide) && state.next < state.count;
            if !(state.wants_more() || too_wide) {
                return Ok(());
            }
            if self.full() {
                self.work.push_front(Work::Map(id.clone()));
                return Ok(());
            }
            self.open_body(&map.body, id, &state)?;
            if !self.active() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn open_body(&mut self, body: &'a NodeIr, id: &InstanceId, state: &MapState) -> Step {
        let scope = id.scope.child(Arc::clone(&id.node), state.next);
        let instance = InstanceId { node: Arc::clone(&body.id), scope };
        let items = self.load(state.items)?;
        let item = items.value().get(state.next as usize).cloned().unwrap_or(Value::Null);
        let input = self.payload_of(item);
        self.open(body, &instance, input)
    }

    fn fail_map(&mut self, node: &'a NodeIr, id: &InstanceId, state: &MapState) -> Step {
        let text = format!(
            "{} of {} items failed; `tolerate` allows {}",
            state.failed, state.count, state.tolerated
        );
        let failure = super::pump::failure("map_failed", text);
        self.fail_instance(node, id, 0, FailureOutcome::Failed, failure)?;
        self.cancel_bodies(id, state)
    }

    /// Asks what is open of a map's body to stop: nobody waits for it any more.
    pub(super) fn cancel_bodies(&mut self, id: &InstanceId, state: &MapState) -> Step {
        if !self.active() {
            return Ok(()); // The run is being stopped, which reaches them too.
        }
        let body = self.state.names.name(state.body);
        for index in 0..state.next {
            let scope = id.scope.child(Arc::clone(&id.node), index);
            let instance = InstanceId { node: Arc::clone(&body), scope };
            let open = self.state.instance(&instance).is_some_and(|i| !i.status.is_terminal());
            if open {
                self.cancel_one(&instance)?;
            }
        }
        Ok(())
    }

    fn complete_map(&mut self, node: &'a NodeIr, id: &InstanceId, state: &MapState) -> Step {
        let Some(map_key) = self.state.key(id) else { return Ok(()) };
        let mut outputs = Vec::with_capacity(state.count as usize);
        for index in 0..state.count {
            let mut scope = map_key.scope.clone();
            scope.push((map_key.node, index));
            let instance = self.state.instances.get(&Key { scope, node: state.body });
            outputs.push(instance.and_then(|instance| instance.output));
        }
        let refs: Vec<_> = outputs.iter().flatten().copied().collect();
        self.require(&refs)?;
        let mut text = String::from("[");
        for (position, output) in outputs.iter().enumerate() {
            if position > 0 {
                text.push(',');
            }
            match output {
                Some(output) => text.push_str(self.load(*output)?.text()),
                None => text.push_str("null"),
            }
        }
        text.push(']');
        let output = self.payload(&super::graph::blob_of_text(text));
        self.complete(node, id, 0, output)
    }
}
