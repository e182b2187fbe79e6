//! A run that a script of bytes drives: every decision is checked against the fold, and what is
//! cancelled at last must end.

use std::collections::BTreeMap;
use std::sync::Arc;

use aob_engine::{
    Actor, Around, AttemptOutcome, AttemptResult, Blob, CastVote, ChildOutcome, Command, CommandId,
    Decision, Effect, Event, EventKind, Failure, InstanceId, LeaseView, NoChange, Request, RunId,
    RunState, StartRun, TicketId, Timestamp, Vote, WorkspaceId, advance, apply, decide, explain,
    owed,
};
use aob_ir::{Digest, Ir};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::dice::Dice;
use crate::targets::look_at;

/// Commands that a script gives at most.
const SCRIPT_STEPS_MAX: usize = 120;
/// Rounds of answering everything after the script, and again after the cancel.
const ROUNDS_MAX: usize = 60;
/// A run with more events than this is let go.
const EVENTS_MAX: usize = 6_000;
/// Answers in a round.
const ANSWERS_MAX: usize = 40;
/// Decisions up to this many events are made twice and folded apart.
const TWICE_MAX: usize = 600;

/// A run and its log.
#[derive(Debug)]
pub struct Driven {
    ir: Arc<Ir>,
    /// What is true.
    pub state: RunState,
    /// What happened.
    pub events: Vec<Event>,
    now: Timestamp,
    blobs: BTreeMap<Digest, Arc<Blob>>,
    commands: u32,
    parked: Vec<InstanceId>,
    tickets: Vec<TicketId>,
    signals: Vec<Arc<str>>,
    last_result: Option<AttemptResult>,
}

/// Starts a run of `ir`, lets `script` do its worst, answers everything that is asked, and cancels
/// what is still there.
///
/// # Panics
/// Where a decision and its fold differ, where something waits without a reason, where a run that is
/// cancelled and answered does not end, and where its log breaks an invariant.
pub fn drive(ir: &Arc<Ir>, inputs: Value, script: &[u8]) -> Driven {
    let mut run = Driven {
        ir: Arc::clone(ir),
        state: RunState::default(),
        events: Vec::new(),
        now: Timestamp(1_700_000_000_000),
        blobs: BTreeMap::new(),
        commands: 0,
        parked: Vec::new(),
        tickets: Vec::new(),
        signals: vec!["go".into()],
        last_result: None,
    };
    run.send(Command::Start(Box::new(start(inputs))));
    if !run.state.exists() {
        return run;
    }
    let mut dice = Dice::scripted(script);
    for _ in 0..script.len().min(SCRIPT_STEPS_MAX) {
        run.step(&mut dice);
    }
    run.send(Command::Resume);
    run.settle(&mut dice);
    run.send(Command::Cancel { reason: None });
    run.settle(&mut dice);
    run.judge();
    run
}

fn start(inputs: Value) -> StartRun {
    StartRun {
        run: RunId(Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0001)),
        workspace: WorkspaceId(Uuid::from_u128(1)),
        tag: None,
        inputs: Blob::of(inputs),
        parent: None,
        depth: 0,
        labels: BTreeMap::new(),
        priority: None,
        fidelity: aob_engine::Fidelity::Fast,
        limits: None,
        budget: None,
        cancel_grace_ms: 30_000,
        children: BTreeMap::new(),
        cancelled: false,
    }
}

impl Driven {
    fn over(&self) -> bool {
        self.state.is_terminal() || self.events.len() > EVENTS_MAX
    }

    /// Sends a command, and what it leaves to be continued.
    fn send(&mut self, command: Command) {
        self.send_one(command);
        while let Some(last) = self.events.last()
            && self.events.len() <= EVENTS_MAX
            && matches!(last.kind, EventKind::Continued(_))
        {
            self.send_one(Command::Continue { after: last.seq });
        }
    }

    fn send_one(&mut self, command: Command) {
        self.commands += 1;
        let id = match &command {
            Command::Result(result) => CommandId::of_result(&result.instance, result.attempt),
            Command::Start(_)
            | Command::Vote(_)
            | Command::Signal { .. }
            | Command::Cancel { .. }
            | Command::Pause { .. }
            | Command::Resume
            | Command::Retry { .. }
            | Command::Skip { .. }
            | Command::Fail { .. }
            | Command::Succeed { .. }
            | Command::ChildResult { .. }
            | Command::ReserveBudget(_)
            | Command::SettleBudget(_)
            | Command::RaiseBudget(_)
            | Command::Tick { .. }
            | Command::Continue { .. }
            | Command::Patch(_)
            | Command::RevertPatch(_)
            | Command::WithdrawPatch { .. } => CommandId(format!("c{}", self.commands).into()),
        };
        let request = Request { id, actor: Actor("user:ada".into()), command };
        let before = (self.events.len() <= TWICE_MAX).then(|| self.state.clone());
        let decision = advance(&mut self.state, &self.ir, &request, &self.blobs, self.now);
        match decision {
            Decision::Append { events, blobs, ir } => {
                if let Some(ir) = ir {
                    self.ir = ir;
                }
                assert!(!events.is_empty(), "an append has events");
                if let Some(before) = before {
                    self.compare(before, &request, &events);
                }
                for blob in blobs {
                    self.blobs.insert(blob.digest(), blob);
                }
                self.learn(&events);
                self.events.extend(events);
            }
            Decision::Need(refs) => panic!("payloads that nobody wrote: {refs:?}"),
            Decision::NeedDocuments(digests) => panic!("nobody named documents: {digests:?}"),
            Decision::NoChange(_) | Decision::Rejected(_) => {
                if let Some(before) = before {
                    assert!(self.state == before, "what appends nothing changes nothing");
                }
            }
        }
    }

    /// The same decision again, and the fold of what it wrote, give the same.
    fn compare(&self, before: RunState, request: &Request, events: &[Event]) {
        let again = decide(&before, &self.ir, request, &self.blobs, self.now);
        let Decision::Append { events: again, .. } = again else {
            panic!("the second decision appends too");
        };
        assert!(again == events, "deciding twice gives the same events");
        let mut folded = before;
        for event in events {
            let text = serde_json::to_string(event).expect("events serialize");
            let read: Event = serde_json::from_str(&text).expect("events read back");
            assert_eq!(read, *event, "{text}");
            apply(&mut folded, &read);
        }
        assert!(folded == self.state, "the fold gives what the decision made");
        let bytes = folded.to_snapshot();
        let restored = RunState::from_snapshot(&bytes).expect("snapshots read back");
        assert!(restored.to_snapshot() == bytes, "snapshots are stable");
    }

    fn learn(&mut self, events: &[Event]) {
        for event in events {
            event.kind.payloads(&mut |payload| {
                if let Some(blob) = payload.inline() {
                    self.blobs.insert(blob.digest(), Arc::clone(blob));
                }
            });
            if let EventKind::NodeParked(data) = &event.kind {
                self.parked.push(data.instance.clone());
            } else if let EventKind::ApprovalRequested(data) = &event.kind {
                self.tickets.push(data.ticket.clone());
            } else if let EventKind::SignalAwaited(data) = &event.kind {
                self.signals.push(Arc::clone(&data.name));
            }
        }
    }

    /// One command of the script.
    fn step(&mut self, dice: &mut Dice<'_>) {
        if self.over() {
            return;
        }
        match dice.below(16) {
            0..=5 => {
                if let Some(command) = self.answer(dice) {
                    self.send(command);
                }
            }
            6 | 7 => self.tick(dice.roll() % 100_000, dice),
            8 => self.tick(40_000_000, dice),
            9 => self.send(Command::Pause { reason: None }),
            10 => self.send(Command::Resume),
            11 => self.repair(dice),
            12 => self.vote(dice),
            13 => self.signal(dice),
            14 => {
                if let Some(mut result) = self.last_result.clone() {
                    result.attempt = result.attempt.saturating_add_signed(dice.below(3) as i32 - 1);
                    self.send(Command::Result(result));
                }
            }
            _ => {
                if dice.below(8) == 0 {
                    self.send(Command::Cancel { reason: None });
                }
            }
        }
    }

    /// An answer to something that is owed.
    fn answer(&mut self, dice: &mut Dice<'_>) -> Option<Command> {
        let owed = owed(&self.state);
        let effect = dice.pick(&owed)?;
        Some(match effect {
            Effect::Dispatch(job) => self.result(job.instance.clone(), job.attempt, outcome(dice)),
            Effect::CancelAttempt(cancel) => {
                let outcome =
                    if dice.below(3) == 0 { outcome(dice) } else { AttemptOutcome::Cancelled };
                self.result(cancel.instance.clone(), cancel.attempt, outcome)
            }
            Effect::StartChild(child) | Effect::CancelChild(child) => Command::ChildResult {
                instance: child.instance.clone(),
                child: child.child,
                outcome: match outcome(dice) {
                    AttemptOutcome::Completed { output } => ChildOutcome::Completed { output },
                    AttemptOutcome::Failed(failure) => ChildOutcome::Failed(failure),
                    AttemptOutcome::Cancelled => ChildOutcome::Cancelled,
                },
                spent: None,
            },
            Effect::Continue { after } => Command::Continue { after: *after },
            Effect::DeliverToParent(_) | Effect::Notify(_) | Effect::Publish(_) => return None,
        })
    }

    fn result(&mut self, instance: InstanceId, attempt: u32, outcome: AttemptOutcome) -> Command {
        let result = AttemptResult {
            instance,
            attempt,
            outcome,
            started_at: None,
            usage: None,
            patches: Vec::new(),
        };
        self.last_result = Some(result.clone());
        Command::Result(result)
    }

    fn tick(&mut self, ms: u64, dice: &mut Dice<'_>) {
        self.now = self.now.plus_ms(ms);
        let held = dice.below(2) == 0;
        let outstanding = self.state.outstanding();
        let leased = outstanding.into_iter().filter(|(.., leased)| *leased);
        let leases = leased.map(|(instance, attempt, _)| LeaseView {
            instance,
            attempt,
            granted_at: held.then_some(self.now),
            until: held.then(|| self.now.plus_ms(30_000)),
            progress_at: held.then_some(self.now),
        });
        let leases = leases.collect();
        self.send(Command::Tick { leases });
    }

    /// What an operator does with something parked.
    fn repair(&mut self, dice: &mut Dice<'_>) {
        let Some(instance) = dice.pick(&self.parked).cloned() else { return };
        self.send(match dice.below(4) {
            0 => Command::Retry { instance },
            1 => Command::Skip { instance },
            2 => Command::Fail { instance, message: "given up".into() },
            _ => Command::Succeed { instance, output: Blob::of(value(dice)) },
        });
    }

    fn vote(&mut self, dice: &mut Dice<'_>) {
        let Some(ticket) = dice.pick(&self.tickets).cloned() else { return };
        self.send(Command::Vote(CastVote {
            ticket,
            vote: if dice.below(3) == 0 { Vote::Reject } else { Vote::Approve },
            reason: Some("because".into()),
            data: (dice.below(2) == 0).then(|| Blob::of(value(dice))),
            edits: edits(dice),
            subject_hash: None,
            roles: vec!["approver".into()],
        }));
    }

    fn signal(&mut self, dice: &mut Dice<'_>) {
        let Some(name) = dice.pick(&self.signals).cloned() else { return };
        let signal = format!("s{}", self.commands).into();
        let payload = Blob::of(value(dice));
        self.send(Command::Signal { name, signal, payload });
    }

    /// Answers everything, round after round, with time passing in between.
    fn settle(&mut self, dice: &mut Dice<'_>) {
        for round in 0..ROUNDS_MAX {
            if self.over() {
                return;
            }
            look_at(&self.state, Some(&self.ir));
            let idle = owed(&self.state).is_empty() && self.state.exists();
            let waits = || explain(&self.state, Some(&self.ir), &Around::default());
            assert!(!idle || !waits().is_empty(), "it waits and cannot say for what");
            for _ in 0..ANSWERS_MAX {
                let Some(command) = self.answer(dice) else { break };
                self.send(command);
            }
            self.repair(dice);
            self.vote(dice);
            if round % 8 == 7 {
                self.signal(dice);
            }
            self.tick(60_000 << (round % 12), dice);
        }
    }

    /// At the end: over, and in order.
    fn judge(&self) {
        if self.events.len() > EVENTS_MAX {
            return;
        }
        let waits = explain(&self.state, Some(&self.ir), &Around::default());
        let last = self.events.iter().rev().take(12).map(|event| event.kind.name());
        let last: Vec<&str> = last.collect();
        assert!(
            self.state.is_terminal(),
            "cancelled and answered, but not over: {waits:?} {last:?}"
        );
        let digest = self.ir.digest;
        let known = |wanted: &Digest| (*wanted == digest).then(|| Arc::clone(&self.ir));
        let report = aob_checker::check(&self.events, &known);
        assert!(report.is_clean(), "{:?}", report.violations);
        let tick = Request {
            id: CommandId("after".into()),
            actor: Actor::system(),
            command: Command::Tick { leases: Vec::new() },
        };
        let decision = decide(&self.state, &self.ir, &tick, &self.blobs, self.now);
        let quiet = matches!(decision, Decision::NoChange(NoChange::NotDue { next: None }));
        assert!(quiet, "nothing is due after the end: {decision:?}");
    }
}

/// What a runner may say.
fn outcome(dice: &mut Dice<'_>) -> AttemptOutcome {
    let retry_after_ms = match dice.below(6) {
        0 => Some(u64::MAX),
        1 => Some(5_000),
        _ => None,
    };
    let failure = |retryable, lost| {
        AttemptOutcome::Failed(Failure {
            code: if lost { "lease_expired".into() } else { "broken".into() },
            message: "it broke".into(),
            retryable,
            lost,
            retry_after_ms,
            details: None,
        })
    };
    match dice.below(12) {
        0 => failure(true, false),
        1 => failure(false, false),
        2 => failure(true, true),
        3 => AttemptOutcome::Cancelled,
        _ => AttemptOutcome::Completed { output: Blob::of(value(dice)) },
    }
}

/// What a node may return.
/// What an approver changes: mostly nothing.
fn edits(dice: &mut Dice<'_>) -> BTreeMap<Arc<str>, Value> {
    const PLACES: [&str; 7] =
        ["", "/", "/n", "/a/b", "/nodes/a/config/args", "/nodes/0/id", "/edges/a->b/condition"];
    let count = if dice.below(4) == 0 { dice.below(4) } else { 0 };
    (0..count).filter_map(|_| Some((Arc::from(*dice.pick(&PLACES)?), value(dice)))).collect()
}

fn value(dice: &mut Dice<'_>) -> Value {
    match dice.below(14) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(1.5),
        4 => json!("text"),
        5 => json!([]),
        6 => json!([1, "two", null, {"three": 3}]),
        7 => json!((0..dice.below(60)).collect::<Vec<_>>()),
        8 => json!({"status": 200, "body": {"ok": true, "score": 700, "done": true}}),
        9 => json!("x".repeat(20_000)),
        10 => json!({"a": {"b": {"c": [[[[1]]]]}}}),
        11 => json!(u64::MAX),
        12 => json!({}),
        _ => json!(dice.below(10)),
    }
}
