//! People and senders of signals, for the driver of the tests: what they do once the log says that
//! somebody waits for them.

use std::sync::Arc;

use aob_engine::{
    Blob, CastVote, Command, Effect, Event, EventKind, InstanceId, RunId, Vote, owed_for,
};

use super::drive::World;
use super::lookup::node_of;
use crate::generator::ParkedDecision;

impl World<'_> {
    /// People, senders of signals, and redispatch react to what the log says.
    pub(super) fn react(&mut self, id: RunId, event: &Event) {
        let (path, flow) = (self.runs[&id].path.clone(), self.runs[&id].flow);
        if let EventKind::AttemptRedispatched(e) = &event.kind {
            let state = &self.runs[&id].state;
            if let Some(Effect::Dispatch(again)) = owed_for(state, &e.instance) {
                let leased = again.job.leased;
                let granted = self.runs[&id].grants.contains_key(&(e.instance.clone(), e.attempt));
                if !(leased && granted) {
                    self.dispatch(id, &e.instance, e.attempt, false);
                }
            }
        } else if let EventKind::SignalAwaited(e) = &event.kind {
            let Some((node, _)) = node_of(flow, &e.instance) else { return };
            let fresh = self.signalled.insert((id, e.instance.clone()));
            if let Some((after_ms, payload)) =
                self.scenario.plan.signal(&path, node).filter(|_| fresh)
            {
                let signal = format!("{id}-{}", e.instance).into();
                let (name, payload) = (Arc::clone(&e.name), Blob::of(payload));
                let command = Command::Signal { name, signal, payload };
                self.send(after_ms, id, command, "user:bob");
            }
        } else if let EventKind::ApprovalRequested(e) = &event.kind {
            let Some(instance) = &e.instance else { return };
            let Some((node, _)) = node_of(flow, instance) else { return };
            for vote in self.scenario.plan.votes(&path, &instance.to_string(), node) {
                let cast = CastVote {
                    ticket: e.ticket.clone(),
                    vote: if vote.approves { Vote::Approve } else { Vote::Reject },
                    reason: None,
                    data: None,
                    edits: Default::default(),
                    subject_hash: Some(e.subject_hash),
                    roles: Vec::new(),
                };
                let actor = match vote.user {
                    "alice" => "user:alice",
                    "bob" => "user:bob",
                    _ => "user:carol",
                };
                self.send(vote.after_ms, id, Command::Vote(cast), actor);
            }
        } else if let EventKind::NodeParked(e) = &event.kind {
            self.decide_parked(id, &path, &e.instance, e.attempt > 0);
        }
    }

    fn decide_parked(&mut self, id: RunId, path: &str, instance: &InstanceId, is_job: bool) {
        let Some(run) = self.runs.get_mut(&id) else { return };
        let nth = run.parks.entry(instance.clone()).or_default();
        *nth += 1;
        let nth = *nth;
        let instance = instance.clone();
        let decision = self.scenario.plan.parked(path, &instance.to_string(), nth, is_job);
        let command = match decision {
            ParkedDecision::Retry => Command::Retry { instance },
            ParkedDecision::Skip => Command::Skip { instance },
            ParkedDecision::Fail => Command::Fail { instance, message: "given up".into() },
            ParkedDecision::Succeed(value) => {
                Command::Succeed { instance, output: Blob::of(value) }
            }
        };
        let after_ms = self.dice.within(0..=60_000);
        self.send(after_ms, id, command, "user:alice");
    }
}
