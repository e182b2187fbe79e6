//! Ways to change a good log.

use aob_engine::{EdgeDecision, Event, EventKind, InstanceId, Place};
use serde_json::{Value, json};

use super::build::{Log, payload};

impl Log {
    /// Position of the `nth` event (from 0) of this kind.
    pub(super) fn find(&self, kind: &str, nth: usize) -> usize {
        let fits =
            |name: &str| name == kind || (kind == "timer_or_schedule" && name == "node_scheduled");
        let mut found = self.events.iter().enumerate().filter(|(_, e)| fits(e.kind.name()));
        found.nth(nth).unwrap_or_else(|| panic!("log `{}` has no {kind} {nth}", self.name)).0
    }

    pub(super) fn renumber(&mut self) {
        for (position, event) in self.events.iter_mut().enumerate() {
            let seq = event.seq;
            event.seq = position as u64 + 1;
            if let EventKind::RunCompleted(data) = &mut event.kind
                && let Place::Event(at) = &mut data.output.place
                && *at + 1 == seq
            {
                *at = position as u64;
            }
        }
    }

    pub(super) fn insert(&mut self, at: usize, event: Event) {
        let command = self.events[at.min(self.events.len() - 1)].command.clone();
        self.events.insert(at, Event { command, ..event });
        self.renumber();
    }

    pub(super) fn repeat(&mut self, kind: &str, nth: usize) {
        let at = self.find(kind, nth);
        let event = self.events[at].clone();
        self.events.insert(at, event);
    }

    pub(super) fn repeat_renumbered(&mut self, kind: &str, nth: usize) {
        self.repeat(kind, nth);
        self.renumber();
    }

    pub(super) fn remove(&mut self, kind: &str, nth: usize) {
        let at = self.find(kind, nth);
        self.events.remove(at);
        self.renumber();
    }

    pub(super) fn move_to_end(&mut self, kind: &str, nth: usize) {
        let at = self.find(kind, nth);
        let event = self.events.remove(at);
        self.events.push(event);
        self.renumber();
    }

    /// Moves an event by `by` positions towards the beginning.
    pub(super) fn move_before(&mut self, kind: &str, nth: usize, by: usize) {
        let at = self.find(kind, nth);
        let (time, command) = (self.events[at - by].at, self.events[at - by].command.clone());
        let mut event = self.events.remove(at);
        event.at = time;
        event.command = command;
        self.events.insert(at - by, event);
        self.renumber();
    }

    pub(super) fn edit(&mut self, kind: &str, nth: usize, change: impl FnOnce(&mut EventKind)) {
        let at = self.find(kind, nth);
        let before = self.events[at].clone();
        change(&mut self.events[at].kind);
        assert_ne!(before, self.events[at], "the mutation changes nothing");
    }

    /// Changes the decision of the edge with this id.
    pub(super) fn edge(&mut self, id: &str, change: impl Fn(&mut EdgeDecision)) {
        for event in &mut self.events {
            let mut edges = edges_of(&mut event.kind).into_iter().flatten();
            if let Some(edge) = edges.find(|edge| *edge.id == *id) {
                change(edge);
                return;
            }
        }
        panic!("log `{}` decides no edge `{id}`", self.name);
    }

    pub(super) fn drop_edge(&mut self, id: &str) {
        for event in &mut self.events {
            if let Some(edges) = edges_of(&mut event.kind) {
                edges.retain(|edge| *edge.id != *id);
            }
        }
    }

    pub(super) fn output(&mut self, kind: &str, nth: usize, value: &Value) {
        let output = serde_json::from_str(&payload(value).to_string()).unwrap();
        self.edit(kind, nth, |kind| {
            if let EventKind::NodeCompleted(data) = kind {
                data.output = output;
            }
        });
    }

    pub(super) fn run_output(&mut self, value: &Value) {
        let output = serde_json::from_str(&payload(value).to_string()).unwrap();
        self.edit("run_completed", 0, |kind| {
            if let EventKind::RunCompleted(data) = kind {
                data.output = output;
            }
        });
    }

    pub(super) fn rename(&mut self, kind: &str, nth: usize, to: &str) {
        let to: InstanceId = to.parse().unwrap();
        self.edit(kind, nth, |kind| {
            if let Some(instance) = instance_of(kind) {
                *instance = to;
            }
        });
    }

    pub(super) fn swap_instances(&mut self, a: &str, b: &str) {
        for event in &mut self.events {
            if let Some(instance) = instance_of(&mut event.kind) {
                if *instance.node == *a {
                    instance.node = b.into();
                } else if *instance.node == *b {
                    instance.node = a.into();
                }
            }
        }
    }

    /// The log without anything of this instance.
    pub(super) fn without(&mut self, id: &str) {
        self.events.retain_mut(|e| instance_of(&mut e.kind).is_none_or(|i| *i.node != *id));
        self.renumber();
    }

    /// The log without the completion of this instance's first attempt being undoable.
    pub(super) fn without_instance_end(&mut self, id: &str) {
        for event in &mut self.events {
            if let EventKind::NodeCompleted(data) = &mut event.kind
                && *data.instance.node == *id
            {
                data.undo_input = None;
            }
        }
    }

    /// Gives the log a workflow with more agents than the run may have.
    pub(super) fn agents(&mut self) {
        let agent = json!({"id": "g", "type": "agent", "config": {"task": "t"}});
        self.ir = aob_ir::compile(&json!({"nodes": [agent]})).unwrap().ir;
        let digest = self.ir.digest;
        self.edit("run_created", 0, |kind| {
            if let EventKind::RunCreated(data) = kind {
                data.agents = 0;
                data.digest = digest;
            }
        });
    }
}

fn edges_of(kind: &mut EventKind) -> Option<&mut Vec<EdgeDecision>> {
    if let EventKind::NodeCompleted(data) = kind {
        Some(&mut data.edges)
    } else if let EventKind::NodeSkipped(data) = kind {
        Some(&mut data.edges)
    } else if let EventKind::EdgesDecided(data) = kind {
        Some(&mut data.edges)
    } else {
        None
    }
}

fn instance_of(kind: &mut EventKind) -> Option<&mut InstanceId> {
    if let EventKind::NodeCompleted(data) = kind {
        Some(&mut data.instance)
    } else if let EventKind::NodeScheduled(data) = kind {
        Some(&mut data.instance)
    } else if let EventKind::NodeStarted(data) = kind {
        Some(&mut data.instance)
    } else {
        None
    }
}
