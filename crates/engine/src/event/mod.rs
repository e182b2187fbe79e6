//! What happened: the events of a run's log. Everything else is derived from them.
//!
//! Events carry the consequences of a decision (edges decided, skips with their cause, an
//! attempt's resolved config and deadlines), so folding them needs neither an IR nor a clock.

mod approval;
mod budget;
mod node;
mod patch;
mod run;

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::RawValue;

pub use approval::*;
pub use budget::*;
pub use node::*;
pub use patch::*;
pub use run::*;

use crate::ids::{CommandId, Timestamp};
use crate::value::Payload;

/// One entry of the log. JSON: `{"seq", "at", "command", "type", "data"}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Position in the run, from 1, without gaps.
    pub seq: u64,
    /// When it was decided, on the database's clock; never earlier than the event before.
    pub at: Timestamp,
    /// The command that caused it.
    pub command: CommandId,
    /// What happened.
    pub kind: EventKind,
}

/// Declares [`EventKind`] from one table: variant, wire name.
macro_rules! event_kinds {
    ($($(#[$doc:meta])* $variant:ident => $name:literal,)+) => {
        /// The kinds of events.
        #[derive(Debug, Clone, PartialEq)]
        pub enum EventKind {
            $($(#[$doc])* $variant($variant),)+
        }

        impl EventKind {
            /// Every kind's name on the wire, in the order of this list.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// The name on the wire (`type`).
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)+ }
            }

            fn serialize_data<M: serde::ser::SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
                match self { $(Self::$variant(data) => map.serialize_entry("data", data),)+ }
            }

            fn read<'de, D: Deserializer<'de>>(name: &str, data: D) -> Result<Self, D::Error> {
                match name {
                    $($name => $variant::deserialize(data).map(Self::$variant),)+
                    other => Err(de::Error::custom(format_args!("unknown event type `{other}`"))),
                }
            }
        }

        $(impl From<$variant> for EventKind {
            fn from(data: $variant) -> Self { Self::$variant(data) }
        })+
    };
}

event_kinds! {
    /// The run exists; always the first event.
    RunCreated => "run_created",
    /// Something that a person should know; changes nothing.
    WarningRaised => "warning_raised",
    /// An instance opens. Only in runs of full fidelity; changes nothing.
    NodeStarted => "node_started",
    /// An attempt was handed out for execution.
    NodeScheduled => "node_scheduled",
    /// The same attempt was sent again because nobody was seen to take it.
    AttemptRedispatched => "attempt_redispatched",
    /// An attempt failed and another will follow.
    RetryScheduled => "retry_scheduled",
    /// A durable timer runs.
    TimerStarted => "timer_started",
    /// A node waits for a signal.
    SignalAwaited => "signal_awaited",
    /// A human is asked.
    ApprovalRequested => "approval_requested",
    /// One approver voted; the quorum is not decided by this alone.
    ApprovalVoted => "approval_voted",
    /// The ticket went to the next in its chain.
    ApprovalEscalated => "approval_escalated",
    /// An approver changed what is to be approved: another ticket asks about that.
    ApprovalEdited => "approval_edited",
    /// The ticket is decided, once.
    ApprovalDecided => "approval_decided",
    /// A call of a model may be made: this much of the budgets is set aside for it.
    BudgetReserved => "budget_reserved",
    /// The call was made, and used this much.
    BudgetSettled => "budget_settled",
    /// Four fifths of a budget are spent or reserved.
    BudgetWarned => "budget_warned",
    /// A person allows more.
    BudgetRaised => "budget_raised",
    /// A child run is over: what it did not spend of what it was given is back.
    BudgetReturned => "budget_returned",
    /// A child run was opened.
    ChildStarted => "child_started",
    /// A map knows its items.
    MapExpanded => "map_expanded",
    /// A loop goes round again.
    LoopIterated => "loop_iterated",
    /// A node waits for something that this server does not serve.
    NodeWaiting => "node_waiting",
    /// Success.
    NodeCompleted => "node_completed",
    /// Failure after retries.
    NodeFailed => "node_failed",
    /// The node will not run.
    NodeSkipped => "node_skipped",
    /// The instance waits for a person.
    NodeParked => "node_parked",
    /// A person let a parked instance go on with more attempts.
    RetryGranted => "retry_granted",
    /// A runner or child was asked to stop.
    NodeCancelling => "node_cancelling",
    /// The instance is over without result.
    NodeCancelled => "node_cancelled",
    /// More edges of a finished instance.
    EdgesDecided => "edges_decided",
    /// A result that no longer counts.
    LateResultDiscarded => "late_result_discarded",
    /// A signal arrived.
    SignalReceived => "signal_received",
    /// Nothing starts from here on.
    RunPaused => "run_paused",
    /// Things start again.
    RunResumed => "run_resumed",
    /// Somebody wants to change the graph.
    PatchProposed => "patch_proposed",
    /// The patch is sound against the document that holds.
    PatchPlanned => "patch_planned",
    /// The graph is another one from here on.
    PatchApplied => "patch_applied",
    /// The patch will not be applied.
    PatchRejected => "patch_rejected",
    /// What an earlier patch did was taken back.
    PatchReverted => "patch_reverted",
    /// Somebody asked the run to stop.
    CancelRequested => "cancel_requested",
    /// An unhandled failure stops the run.
    RunFailing => "run_failing",
    /// There is more to decide than fits this segment.
    Continued => "continued",
    /// The end: everything is done.
    RunCompleted => "run_completed",
    /// The end: an unhandled failure.
    RunFailed => "run_failed",
    /// The end: cancelled.
    RunCancelled => "run_cancelled",
}

impl EventKind {
    /// Calls `see` for every payload of the event.
    pub fn payloads(&self, see: &mut dyn FnMut(&Payload)) {
        match self {
            Self::RunCreated(data) => see(&data.inputs),
            Self::NodeScheduled(data) => {
                see(&data.job.config);
                see(&data.job.input);
            }
            Self::NodeStarted(data) => see(&data.input),
            Self::TimerStarted(data) => see(&data.input),
            Self::ApprovalRequested(data) => {
                see(&data.subject);
                data.form.iter().for_each(see);
            }
            Self::ApprovalVoted(data) => data.data.iter().for_each(see),
            Self::ChildStarted(data) => see(&data.inputs),
            Self::MapExpanded(data) => see(&data.items),
            Self::LoopIterated(data) => see(&data.output),
            Self::NodeCompleted(data) => {
                see(&data.output);
                data.undo_input.iter().for_each(see);
            }
            Self::NodeFailed(data) => see(&data.output),
            Self::NodeSkipped(data) => data.output.iter().for_each(see),
            Self::NodeCancelled(data) => data.undo_input.iter().for_each(see),
            Self::SignalReceived(data) => see(&data.payload),
            Self::RunCompleted(data) => see(&data.output),
            Self::ApprovalEdited(data) => see(&data.edits),
            Self::PatchProposed(data) => see(&data.operations),
            Self::PatchPlanned(data) => see(&data.operations),
            Self::PatchApplied(data) => {
                see(&data.operations);
                see(&data.inverse);
            }
            Self::WarningRaised(_)
            | Self::AttemptRedispatched(_)
            | Self::RetryScheduled(_)
            | Self::SignalAwaited(_)
            | Self::ApprovalEscalated(_)
            | Self::ApprovalDecided(_)
            | Self::BudgetReserved(_)
            | Self::BudgetSettled(_)
            | Self::BudgetWarned(_)
            | Self::BudgetRaised(_)
            | Self::BudgetReturned(_)
            | Self::NodeWaiting(_)
            | Self::NodeParked(_)
            | Self::RetryGranted(_)
            | Self::NodeCancelling(_)
            | Self::EdgesDecided(_)
            | Self::LateResultDiscarded(_)
            | Self::RunPaused(_)
            | Self::RunResumed(_)
            | Self::PatchRejected(_)
            | Self::PatchReverted(_)
            | Self::CancelRequested(_)
            | Self::RunFailing(_)
            | Self::Continued(_)
            | Self::RunFailed(_)
            | Self::RunCancelled(_) => {}
        }
    }
}

/// A JSON text that compares by its text.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RawValueEq(pub Box<RawValue>);

impl PartialEq for RawValueEq {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(Some(5))?;
        map.serialize_entry("seq", &self.seq)?;
        map.serialize_entry("at", &self.at)?;
        map.serialize_entry("command", &self.command)?;
        map.serialize_entry("type", self.kind.name())?;
        self.kind.serialize_data(&mut map)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EventVisitor)
    }
}

/// Reads an event in one pass where `type` comes before `data`, as it is written.
struct EventVisitor;

impl<'de> de::Visitor<'de> for EventVisitor {
    type Value = Event;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Event, A::Error> {
        let (mut seq, mut at, mut command) = (None, None, None);
        let (mut name, mut kind, mut early) = (None, None, None);
        while let Some(field) = map.next_key()? {
            match field {
                Field::Seq => once("seq", &mut seq, map.next_value()?)?,
                Field::At => once("at", &mut at, map.next_value()?)?,
                Field::Command => once("command", &mut command, map.next_value()?)?,
                Field::Type => once("type", &mut name, map.next_value::<Name>()?)?,
                Field::Data => match &name {
                    Some(name) => once("data", &mut kind, map.next_value_seed(DataOf(name))?)?,
                    None => once("data", &mut early, map.next_value::<Box<RawValue>>()?)?,
                },
            }
        }
        let missing = de::Error::missing_field;
        let name = name.ok_or_else(|| missing("type"))?;
        let kind = match (kind, early) {
            (Some(kind), None) => kind,
            (None, Some(data)) => EventKind::read(&name.0, &*data).map_err(de::Error::custom)?,
            (None, None) => return Err(missing("data")),
            (Some(_), Some(_)) => return Err(de::Error::duplicate_field("data")),
        };
        Ok(Event {
            seq: seq.ok_or_else(|| missing("seq"))?,
            at: at.ok_or_else(|| missing("at"))?,
            command: command.ok_or_else(|| missing("command"))?,
            kind,
        })
    }
}

fn once<T, E: de::Error>(name: &'static str, slot: &mut Option<T>, value: T) -> Result<(), E> {
    match slot.replace(value) {
        Some(_) => Err(E::duplicate_field(name)),
        None => Ok(()),
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Field {
    Seq,
    At,
    Command,
    Type,
    Data,
}

/// The name of a kind: one of [`EventKind::NAMES`], or what stands in its place.
struct Name(Cow<'static, str>);

impl std::str::FromStr for Name {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = EventKind::NAMES.iter().find(|name| **name == text);
        Ok(Self(known.map_or_else(|| Cow::Owned(text.to_owned()), |name| Cow::Borrowed(*name))))
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        aob_ir::from_text(deserializer)
    }
}

/// Reads the `data` of an event of this name.
struct DataOf<'a>(&'a Name);

impl<'de> de::DeserializeSeed<'de> for DataOf<'_> {
    type Value = EventKind;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<EventKind, D::Error> {
        EventKind::read(&self.0.0, deserializer)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
pub(crate) fn is_zero(number: &u32) -> bool {
    *number == 0
}

pub(crate) fn str_is_empty(text: &std::sync::Arc<str>) -> bool {
    text.is_empty()
}
