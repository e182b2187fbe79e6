//! `decide`: a command against a state gives events, or a refusal, or a wish for payloads.

mod aggregate;
mod approval;
mod budget;
mod child;
mod compensate;
mod control;
mod edges;
mod edits;
mod failure;
mod graph;
mod inline;
mod later;
mod looping;
mod losers;
mod map;
mod open;
mod patch;
mod pump;
mod repair;
mod resolve;
mod result;
mod signal;
mod start;
mod stop;
mod tick;

pub use patch::{PatchPlan, Planned, plan_patch};

use std::cell::OnceCell;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use aob_bugs::{Bug, seeded};
use aob_ir::{Digest, Ir, NodeIx};
use serde_json::Value;

use crate::apply::apply;
use crate::command::{Command, Decision, NoChange, Rejection, RejectionCode, Request};
use crate::event::{Continued, Event, EventKind};
use crate::ids::{InstanceId, RunKeys, Timestamp};
use crate::state::{Phase, RunState};
use crate::value::{Blob, Blobs, Payload, PayloadRef, Place};

/// Events in one segment at most.
pub const SEGMENT_EVENTS_MAX: usize = 1_000;
/// Bytes of one segment's events at most, about.
pub const SEGMENT_BYTES_MAX: usize = 1024 * 1024;
/// What a decision leaves free below [`SEGMENT_BYTES_MAX`] for one more event.
const EVENT_BYTES_RESERVE: usize = 128 * 1024;
/// Events that a decision leaves room for: that something starts, that it ends, and that the rest
/// is left to the next segment.
const EVENTS_RESERVE: usize = 3;
/// Most decisions give fewer events.
const EVENTS_ROOM: usize = 16;
/// Bytes of an event without payloads and edges, about.
const EVENT_BYTES: usize = 250;

/// Decides `request` against `state` and leaves `state` alone.
///
/// `ir` is that of the state's current digest (for `Start`: of the workflow to start).
pub fn decide(
    state: &RunState,
    ir: &Ir,
    request: &Request,
    blobs: &dyn Blobs,
    now: Timestamp,
) -> Decision {
    advance(&mut state.clone(), ir, request, blobs, now)
}

/// Decides `request` and, where that gives events, leaves `state` as they make it. In every other
/// case `state` is as it was.
pub fn advance(
    state: &mut RunState,
    ir: &Ir,
    request: &Request,
    blobs: &dyn Blobs,
    now: Timestamp,
) -> Decision {
    let now = if seeded(Bug::TimeGoesBack) { now } else { now.max(state.head.at) };
    let around = Surroundings { blobs, request, now };
    if patch::may_patch(state, request) {
        return patch::advance_patched(state, ir, &around);
    }
    state.begin();
    let room = Draft { events: Vec::with_capacity(EVENTS_ROOM), ..Draft::default() };
    let mut decider = Decider::of(state, ir, &around, room);
    let stop = match decider.run() {
        Ok(()) if decider.events.is_empty() => Stop::NoChange(NoChange::Repeated),
        Ok(()) => {
            let (events, blobs) = (decider.events, decider.new_blobs);
            state.keep();
            return Decision::Append { events, blobs, ir: None };
        }
        Err(stop) => stop,
    };
    state.undo();
    stop.into()
}

/// Why a decision ends before its events.
#[derive(Debug)]
enum Stop {
    Need(Vec<PayloadRef>),
    NeedDocuments(Vec<Digest>),
    Rejected(Rejection),
    NoChange(NoChange),
}

impl From<Stop> for Decision {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Need(refs) => Self::Need(refs),
            Stop::NeedDocuments(digests) => Self::NeedDocuments(digests),
            Stop::Rejected(rejection) => Self::Rejected(rejection),
            Stop::NoChange(why) => Self::NoChange(why),
        }
    }
}

type Step<T = ()> = Result<T, Stop>;

/// Something that may be able to go on.
#[derive(Debug)]
enum Work {
    /// A node without incoming edges.
    Entry(NodeIx, InstanceId),
    /// A target that an edge has reached.
    Target(NodeIx, InstanceId),
    /// A map that may open more of its body.
    Map(InstanceId),
    /// A finished instance with undecided edges.
    Route(InstanceId),
    /// Instances that a decision about a budget frees.
    Release,
}

/// One decision in the making: the state as the events so far make it, and what is left to do.
struct Decider<'a> {
    ir: &'a Ir,
    blobs: &'a dyn Blobs,
    request: &'a Request,
    now: Timestamp,
    state: &'a mut RunState,
    events: Vec<Event>,
    new_blobs: Vec<Arc<Blob>>,
    /// Values that this decision made or was given.
    fresh: BTreeMap<Digest, Arc<Blob>>,
    bytes: usize,
    work: VecDeque<Work>,
    /// Payloads that pieces of this work lack: the decision will be made again with them.
    missing: Vec<PayloadRef>,
    run_value: OnceCell<Arc<Value>>,
    keys: OnceCell<RunKeys>,
}

/// What a decision surrounds itself with.
#[derive(Clone, Copy)]
struct Surroundings<'a> {
    blobs: &'a dyn Blobs,
    request: &'a Request,
    now: Timestamp,
}

/// What a decision has written so far: what goes on to the next phase of one that changes the graph.
#[derive(Default)]
struct Draft {
    events: Vec<Event>,
    new_blobs: Vec<Arc<Blob>>,
    fresh: BTreeMap<Digest, Arc<Blob>>,
    bytes: usize,
}

impl<'a> Decider<'a> {
    fn of(state: &'a mut RunState, ir: &'a Ir, around: &Surroundings<'a>, draft: Draft) -> Self {
        let Draft { events, new_blobs, fresh, bytes } = draft;
        Self {
            ir,
            blobs: around.blobs,
            request: around.request,
            now: around.now,
            state,
            events,
            new_blobs,
            fresh,
            bytes,
            work: VecDeque::new(),
            missing: Vec::new(),
            run_value: OnceCell::new(),
            keys: OnceCell::new(),
        }
    }

    fn into_draft(self) -> Draft {
        let Self { events, new_blobs, fresh, bytes, .. } = self;
        Draft { events, new_blobs, fresh, bytes }
    }
}

impl Decider<'_> {
    fn run(&mut self) -> Step {
        let continued = self.state.head.continued;
        match &self.request.command {
            Command::Start(start) => self.start(start)?,
            Command::Result(result) => self.result(result)?,
            Command::Vote(vote) => self.vote(vote)?,
            Command::Signal { name, signal, payload } => self.signal(name, signal, payload)?,
            Command::Cancel { reason } => self.cancel(reason.clone())?,
            Command::Pause { reason } => self.pause(reason.clone())?,
            Command::Resume => self.resume()?,
            Command::Retry { instance } => self.retry_by_hand(instance)?,
            Command::Skip { instance } => self.skip_by_hand(instance)?,
            Command::Fail { instance, message } => self.fail_by_hand(instance, message)?,
            Command::Succeed { instance, output } => self.succeed_by_hand(instance, output)?,
            Command::ChildResult { instance, child, outcome, spent } => {
                self.child_result(instance, *child, outcome, *spent)?;
            }
            Command::ReserveBudget(asked) => self.reserve_budget(asked)?,
            Command::SettleBudget(settled) => self.settle_budget(settled)?,
            Command::RaiseBudget(raise) => self.raise_budget(raise)?,
            Command::Tick { leases } => self.tick(leases)?,
            Command::Continue { after } if continued && *after == self.state.head.seq => {}
            Command::Continue { .. } => return Err(Stop::NoChange(NoChange::Stale)),
            // Decided in two phases: `patch::may_patch`.
            Command::Patch(_) | Command::RevertPatch(_) | Command::WithdrawPatch { .. } => {}
        }
        if continued {
            self.gather_work();
        }
        self.pump()
    }

    /// Writes an event and makes it true.
    fn emit(&mut self, kind: impl Into<EventKind>) {
        let event = Event {
            seq: self.state.head.seq.saturating_add(1),
            at: self.now,
            command: self.request.id.clone(),
            kind: kind.into(),
        };
        self.bytes += EVENT_BYTES;
        apply(self.state, &event);
        self.events.push(event);
    }

    /// True where this segment is full; what is left is left to `Continue`.
    fn full(&self) -> bool {
        self.events.len() + EVENTS_RESERVE >= SEGMENT_EVENTS_MAX
            || self.bytes + EVENT_BYTES_RESERVE >= SEGMENT_BYTES_MAX
    }

    fn leave_rest(&mut self) {
        self.work.clear();
        self.emit(Continued {});
    }

    /// The payload of a value that this decision writes.
    fn payload(&mut self, blob: &Arc<Blob>) -> Payload {
        let payload = Payload::new(blob);
        match payload.place {
            Place::Here(_) => self.bytes += usize::try_from(payload.len).unwrap_or(usize::MAX),
            Place::Cas => self.new_blobs.push(Arc::clone(blob)),
            Place::Event(_) => {}
        }
        self.fresh.insert(blob.digest(), Arc::clone(blob));
        payload
    }

    fn payload_of(&mut self, value: Value) -> Payload {
        self.payload(&Blob::of(value))
    }

    fn load(&self, reference: PayloadRef) -> Step<Arc<Blob>> {
        self.at_hand(&reference.digest).ok_or_else(|| Stop::Need(vec![reference]))
    }

    fn at_hand(&self, digest: &Digest) -> Option<Arc<Blob>> {
        self.fresh.get(digest).cloned().or_else(|| self.blobs.get(digest))
    }

    /// The blob of a payload that stands in no event yet.
    fn load_payload(&self, payload: &Payload) -> Step<Arc<Blob>> {
        match &payload.place {
            Place::Here(blob) => Ok(Arc::clone(blob)),
            Place::Event(_) | Place::Cas => self.load(payload.reference(0)),
        }
    }

    fn active(&self) -> bool {
        self.state.head.phase == Phase::Active
    }

    fn stopping(&self) -> bool {
        match self.state.head.phase {
            Phase::Cancelling | Phase::Failing => true,
            Phase::Absent | Phase::Active | Phase::Completed | Phase::Failed | Phase::Cancelled => {
                false
            }
        }
    }

    /// Refuses what needs a run that goes on.
    fn require_live(&self) -> Step {
        live(self.state)
    }

    /// Refuses what needs a run that is not being stopped.
    fn require_active(&self) -> Step {
        active(self.state)
    }
}

fn live(state: &RunState) -> Step {
    if state.is_terminal() {
        let status = state.status().as_str();
        return Err(reject(
            RejectionCode::RunTerminal,
            format!("the run is over ({status})"),
            Some("start a new run, or fork this one"),
        ));
    }
    Ok(())
}

fn active(state: &RunState) -> Step {
    live(state)?;
    match state.head.phase {
        Phase::Cancelling | Phase::Failing => Err(reject(
            RejectionCode::RunCancelling,
            "the run is being cancelled".to_owned(),
            Some("`aob run explain` says what it still waits for"),
        )),
        Phase::Absent | Phase::Active | Phase::Completed | Phase::Failed | Phase::Cancelled => {
            Ok(())
        }
    }
}

fn reject(code: RejectionCode, message: String, hint: Option<&str>) -> Stop {
    let hint = hint.map(str::to_owned);
    Stop::Rejected(Rejection { code, message, hint, problems: Vec::new(), conflict: None })
}
