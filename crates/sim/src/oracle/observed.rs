//! What a run has come to, read from its log and those of its children.

use std::collections::{BTreeMap, BTreeSet};

use aob_engine::{Event, EventKind, FailureOutcome, InstanceId, Payload, RunId, SkipCause};
use serde_json::Value;

use super::Facts;
use super::prediction::{Outcome, Status};

/// One instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// How it ended.
    pub outcome: Outcome,
    /// Its output, where its event carries it.
    pub output: Option<Value>,
    /// A person said so.
    pub by_hand: bool,
}

/// One run.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// How it ended; [`Status::Waiting`]: not yet.
    pub status: Status,
    /// Its output, where its event carries it.
    pub output: Option<Value>,
    /// Its instances.
    pub instances: BTreeMap<InstanceId, Seen>,
    /// The instance for which it failed.
    pub failed_at: Option<InstanceId>,
    /// Instances that were handed out at least once.
    pub attempted: BTreeSet<InstanceId>,
    /// Child runs by the instance that opened them.
    pub children: BTreeMap<InstanceId, Observed>,
}

impl Observed {
    /// Reads the log of the run at `path` and, through `child`, those of its children; adds what it
    /// tells about the world to `facts`.
    pub fn read<'l>(
        log: &[Event],
        path: &str,
        child: &dyn Fn(RunId) -> Option<&'l [Event]>,
        facts: &mut Facts,
    ) -> Self {
        let mut seen = Self {
            status: Status::Waiting,
            output: None,
            instances: BTreeMap::new(),
            failed_at: None,
            attempted: BTreeSet::new(),
            children: BTreeMap::new(),
        };
        for event in log {
            facts.learn(path, event);
            seen.event(event);
            if let EventKind::ChildStarted(data) = &event.kind
                && let Some(log) = child(data.child)
            {
                let path = format!("{path}>{}", data.instance);
                let below = Self::read(log, &path, child, facts);
                seen.children.insert(data.instance.clone(), below);
            }
        }
        seen
    }

    fn event(&mut self, event: &Event) {
        if let EventKind::NodeCompleted(e) = &event.kind {
            self.ends(&e.instance, Outcome::Completed, Some(&e.output), e.by.is_some());
        } else if let EventKind::NodeFailed(e) = &event.kind {
            let outcome = match e.outcome {
                FailureOutcome::Failed => Outcome::Failed,
                FailureOutcome::TimedOut => Outcome::TimedOut,
                FailureOutcome::Rejected => Outcome::Rejected,
            };
            self.ends(&e.instance, outcome, None, false);
        } else if let EventKind::NodeSkipped(e) = &event.kind {
            let dead = e.cause == SkipCause::DeadPath;
            let outcome = if dead { Outcome::DeadPath } else { Outcome::PassedOver };
            self.ends(&e.instance, outcome, None, e.by.is_some());
        } else if let EventKind::NodeCancelled(e) = &event.kind {
            self.ends(&e.instance, Outcome::Cancelled, None, false);
        } else if let EventKind::NodeScheduled(e) = &event.kind {
            self.attempted.insert(e.instance.clone());
            self.opens(&e.instance);
        } else if let EventKind::RunCompleted(e) = &event.kind {
            self.status = Status::Completed;
            self.output = inline(&e.output);
        } else if let EventKind::RunFailed(e) = &event.kind {
            self.status = Status::Failed;
            self.failed_at.clone_from(&e.source);
        } else if let EventKind::RunCancelled(_) = &event.kind {
            self.status = Status::Cancelled;
        } else if let Some(instance) = opened(&event.kind) {
            self.opens(instance);
        }
    }

    fn opens(&mut self, instance: &InstanceId) {
        let open = Seen { outcome: Outcome::Open, output: None, by_hand: false };
        self.instances.entry(instance.clone()).or_insert(open);
    }

    fn ends(&mut self, id: &InstanceId, outcome: Outcome, output: Option<&Payload>, by_hand: bool) {
        let seen = Seen { outcome, output: output.and_then(inline), by_hand };
        self.instances.insert(id.clone(), seen);
    }
}

/// The instance that begins to wait with this event.
fn opened(kind: &EventKind) -> Option<&InstanceId> {
    if let EventKind::TimerStarted(e) = kind {
        Some(&e.instance)
    } else if let EventKind::SignalAwaited(e) = kind {
        Some(&e.instance)
    } else if let EventKind::ApprovalRequested(e) = kind {
        e.instance.as_ref()
    } else if let EventKind::ChildStarted(e) = kind {
        Some(&e.instance)
    } else if let EventKind::MapExpanded(e) = kind {
        Some(&e.instance)
    } else if let EventKind::NodeWaiting(e) = kind {
        Some(&e.instance)
    } else if let EventKind::NodeParked(e) = kind {
        Some(&e.instance)
    } else {
        None
    }
}

fn inline(payload: &Payload) -> Option<Value> {
    payload.inline().map(|blob| Value::clone(blob.value()))
}
