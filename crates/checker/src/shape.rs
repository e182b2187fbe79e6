//! The shape of the log (I-01, I-04 to I-07, D-17): order, time, commands, beginning and end.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use aob_engine::{CommandId, Event, EventKind, Timestamp};

use crate::rules::{Cx, D_17, I_01, I_04, I_05, I_06, I_07};

/// Events that a segment, and so one decision, holds at most (design section 5).
const SEGMENT_EVENTS_MAX: usize = 1_000;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    seq: u64,
    at: Option<Timestamp>,
    command: Option<CommandId>,
    /// Fingerprints of the commands before the current one.
    commands: BTreeSet<u128>,
    /// Events of the current command so far.
    events: usize,
    /// The current command's last event was `continued`.
    continued: bool,
    /// Where the run ended.
    ended: Option<u64>,
}

impl Shape {
    /// Checks `event` against what came before.
    pub(crate) fn see(&mut self, event: &Event, cx: &mut Cx<'_>) {
        let expected = self.seq.saturating_add(1);
        cx.require(event.seq == expected, I_01, || {
            format!("expected seq {expected}, found {}", event.seq)
        });
        self.seq = event.seq;
        if let Some(before) = self.at {
            let at = event.at;
            cx.require(at >= before, I_06, || format!("time went back from {before} to {at}"));
        }
        self.at = self.at.max(Some(event.at));
        self.commands(event, cx);
        self.ends(event, cx);
    }

    fn commands(&mut self, event: &Event, cx: &mut Cx<'_>) {
        cx.require(!event.command.0.is_empty(), I_07, || "the event names no command".to_owned());
        let same = self.command.as_ref() == Some(&event.command);
        cx.require(!(same && self.continued), D_17, || {
            format!("command `{}` goes on after `continued`", event.command)
        });
        self.continued = matches!(event.kind, EventKind::Continued(_));
        self.events = if same { self.events + 1 } else { 1 };
        cx.require(self.events <= SEGMENT_EVENTS_MAX, D_17, || {
            format!("command `{}` writes more than a segment holds", event.command)
        });
        if same {
            return;
        }
        let fresh = !self.commands.contains(&fingerprint(&event.command));
        cx.require(fresh, I_07, || format!("command `{}` caused a second commit", event.command));
        if let Some(before) = self.command.replace(event.command.clone()) {
            self.commands.insert(fingerprint(&before));
        }
    }

    fn ends(&mut self, event: &Event, cx: &mut Cx<'_>) {
        let name = event.kind.name();
        let is_created = matches!(event.kind, EventKind::RunCreated(_));
        cx.require(is_created == (self.seq == 1), I_04, || {
            format!("{name} at seq {}: the first event, and no other, is run_created", event.seq)
        });
        let is_end = matches!(
            event.kind,
            EventKind::RunCompleted(_) | EventKind::RunFailed(_) | EventKind::RunCancelled(_)
        );
        let may_follow =
            matches!(event.kind, EventKind::LateResultDiscarded(_) | EventKind::WarningRaised(_));
        if let Some(end) = self.ended {
            let rule = if is_end { I_05 } else { I_04 };
            cx.require(may_follow, rule, || format!("{name} after the run ended at seq {end}"));
        }
        if is_end {
            cx.require(!self.continued, D_17, || "the run ended in mid-decision".to_owned());
            self.ended.get_or_insert(event.seq);
        }
    }

    /// True once the run has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.is_some()
    }
}

/// 128 bits that stand for a command id, so that a million commands fit in memory.
fn fingerprint(command: &CommandId) -> u128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        command.hash(&mut hasher);
        u128::from(hasher.finish())
    };
    (half(0) << 64) | half(1)
}
