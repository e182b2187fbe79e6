//! Drives the pure engine through generated scenarios, for the tests of oracle and checker: no
//! store, no bus, one command at a time, in an order that the seed draws.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aob_engine::{
    Actor, AttemptOutcome, AttemptResult, Blob, ChildEnd, ChildOutcome, ChildSource, Command,
    CommandId, Decision, Effect, Event, EventKind, Failure, InstanceId, LeaseView, ParentLink,
    Payload, Place, Request, RunId, RunState, StartRun, Timestamp, WorkspaceId, advance, apply,
    effects,
};
use aob_ir::{Digest, Ir};

use super::lookup::{child_of, collect, node_of};
use crate::generator::{Ask, AttemptEnd, Dice, Flow, Kind, PLANNED_MESSAGE, Scenario};

/// Commands after which a scenario counts as running away.
const STEPS_MAX: u64 = 60_000;

/// A run of the family.
pub(super) struct Run<'s> {
    pub(super) path: String,
    pub(super) log: Vec<Event>,
    pub(super) flow: &'s Flow,
    pub(super) state: RunState,
    ir: Arc<Ir>,
    pub(super) parks: BTreeMap<InstanceId, u32>,
    pub(super) grants: BTreeMap<(InstanceId, u32), Grant>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Grant {
    at: Timestamp,
    /// Until when its lease is renewed.
    alive_until: Timestamp,
}

#[derive(Debug, Clone)]
enum Todo {
    Command(RunId, Box<Command>, &'static str),
    Tick(RunId),
    StartChild(ParentLink, RunId, Box<ChildSource>, bool),
    CancelChild(ParentLink, RunId),
}

/// The world of one scenario.
pub(super) struct World<'s> {
    pub(super) scenario: &'s Scenario,
    pub(super) dice: Dice,
    now: i64,
    pub(super) root: RunId,
    pub(super) runs: BTreeMap<RunId, Run<'s>>,
    pub(super) executed: BTreeMap<(String, InstanceId), u64>,
    /// Compiled workflows of all runs.
    pub(super) irs: BTreeMap<Digest, Arc<Ir>>,
    blobs: BTreeMap<Digest, Arc<Blob>>,
    queue: BTreeMap<(i64, u64), Todo>,
    commands: u64,
    asked: usize,
    pub(super) signalled: BTreeSet<(RunId, InstanceId)>,
    /// The next tick of each run; others in the queue are out of date.
    wakes: BTreeMap<RunId, i64>,
}

const WORKSPACE: WorkspaceId = WorkspaceId(uuid::Uuid::from_u128(7));

impl<'s> World<'s> {
    /// A world in which the root run has been asked for.
    pub(super) fn new(scenario: &'s Scenario, schedule: u64) -> Self {
        let root = RunId(uuid::Uuid::from_u128(
            0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(scenario.seed),
        ));
        Self {
            scenario,
            dice: Dice::of(schedule, &["schedule", &scenario.seed.to_string()]),
            now: 1_700_000_000_000,
            root,
            runs: BTreeMap::new(),
            executed: BTreeMap::new(),
            irs: BTreeMap::new(),
            blobs: BTreeMap::new(),
            queue: BTreeMap::new(),
            commands: 0,
            asked: 0,
            signalled: BTreeSet::new(),
            wakes: BTreeMap::new(),
        }
    }

    /// Runs everything until nothing is left to happen.
    pub(super) fn run(&mut self) -> Result<(), String> {
        let scenario = self.scenario;
        let inputs = Blob::of(scenario.inputs.clone());
        self.start(self.root, &scenario.flow, inputs, None, false)?;
        while let Some(((at, _), todo)) = self.queue.pop_first() {
            if self.commands > STEPS_MAX {
                return Err("it runs away".to_owned());
            }
            self.now = self.now.max(at);
            match todo {
                Todo::Command(run, command, actor) => self.command(run, *command, actor)?,
                Todo::Tick(run) if self.wakes.get(&run) == Some(&at) => {
                    self.wakes.remove(&run);
                    self.tick(run)?;
                }
                Todo::Tick(_) => {}
                Todo::StartChild(parent, run, source, cancelled) => {
                    if !self.runs.contains_key(&run) {
                        self.start_child(parent, run, &source, cancelled)?;
                    }
                }
                Todo::CancelChild(parent, run) => self.cancel_child(parent, run)?,
            }
        }
        Ok(())
    }

    /// A tick at `due`, or a little later, unless one comes before.
    fn wake(&mut self, id: RunId, due: Timestamp) {
        let at = due.0.max(self.now + 1) + i64::try_from(self.dice.within(0..=20)).unwrap_or(0);
        if self.wakes.get(&id).is_none_or(|next| at < *next) {
            self.wakes.insert(id, at);
            let tie = self.dice.within(0..=u64::MAX);
            self.queue.insert((at, tie), Todo::Tick(id));
        }
    }

    fn later(&mut self, after_ms: u64, todo: Todo) {
        let tie = self.dice.within(0..=u64::MAX);
        let due = self.now + i64::try_from(after_ms).unwrap_or(i64::MAX / 4);
        self.queue.insert((due, tie), todo);
    }

    pub(super) fn send(
        &mut self,
        after_ms: u64,
        run: RunId,
        command: Command,
        actor: &'static str,
    ) {
        self.later(after_ms, Todo::Command(run, Box::new(command), actor));
    }

    fn start(
        &mut self,
        id: RunId,
        flow: &'s Flow,
        inputs: Arc<Blob>,
        parent: Option<(String, ParentLink)>,
        cancelled: bool,
    ) -> Result<(), String> {
        let path = parent.as_ref().map_or_else(String::new, |(path, _)| path.clone());
        let compiled = aob_ir::compile(&flow.to_document()).map_err(|e| e.to_string())?;
        self.irs.insert(compiled.ir.digest, Arc::clone(&compiled.ir));
        let depth = u32::try_from(path.matches('>').count()).unwrap_or(0);
        let run = Run {
            path,
            log: Vec::new(),
            flow,
            state: RunState::default(),
            ir: compiled.ir,
            parks: BTreeMap::new(),
            grants: BTreeMap::new(),
        };
        self.runs.insert(id, run);
        let start = StartRun {
            run: id,
            workspace: WORKSPACE,
            tag: None,
            inputs,
            parent: parent.map(|(_, link)| link),
            depth,
            labels: BTreeMap::new(),
            priority: None,
            fidelity: aob_engine::Fidelity::Fast,
            limits: None,
            budget: None,
            cancel_grace_ms: 30_000,
            children: BTreeMap::new(),
            cancelled,
        };
        self.command(id, Command::Start(Box::new(start)), "user:alice")
    }

    fn start_child(
        &mut self,
        parent: ParentLink,
        run: RunId,
        source: &ChildSource,
        cancelled: bool,
    ) -> Result<(), String> {
        let above = &self.runs[&parent.run];
        let path = format!("{}>{}", above.path, parent.instance);
        let flow = child_of(above.flow, &parent.instance).ok_or("no such child")?;
        let inputs = self.blob(&source.inputs)?;
        self.start(run, flow, inputs, Some((path, parent)), cancelled)
    }

    fn cancel_child(&mut self, parent: ParentLink, run: RunId) -> Result<(), String> {
        if self.runs.contains_key(&run) {
            return self.command(run, Command::Cancel { reason: None }, "system");
        }
        let state = &self.runs[&parent.run].state;
        let Some(source) = aob_engine::child_source(state, &parent.instance) else {
            return Ok(());
        };
        self.start_child(parent, run, &source, true)
    }

    fn blob(&self, payload: &Payload) -> Result<Arc<Blob>, String> {
        if let Place::Here(blob) = &payload.place {
            return Ok(Arc::clone(blob));
        }
        self.blobs.get(&payload.digest).cloned().ok_or_else(|| "a payload is lost".to_owned())
    }

    fn tick(&mut self, id: RunId) -> Result<(), String> {
        let now = self.now;
        let run = &self.runs[&id];
        let mut leases = Vec::new();
        for (instance, attempt, leased) in run.state.outstanding() {
            if !leased {
                continue;
            }
            let grant = run.grants.get(&(instance.clone(), attempt)).filter(|g| g.at.0 <= now);
            leases.push(LeaseView {
                instance,
                attempt,
                granted_at: grant.map(|grant| grant.at),
                until: grant.map(|grant| Timestamp(grant.alive_until.0.min(now) + 15_000)),
                progress_at: None,
            });
        }
        self.command(id, Command::Tick { leases }, "system")
    }

    /// Decides one command, and sees to what follows from it.
    fn command(&mut self, id: RunId, command: Command, actor: &'static str) -> Result<(), String> {
        self.commands += 1;
        let request = Request {
            id: CommandId(format!("c{}", self.commands).into()),
            actor: Actor(actor.into()),
            command,
        };
        let now = Timestamp(self.now);
        let mut at_hand = BTreeMap::new();
        if self.dice.percent(70) {
            at_hand.clone_from(&self.blobs);
        }
        let run = self.runs.get_mut(&id).ok_or("no such run")?;
        let (events, blobs, ir) = loop {
            match advance(&mut run.state, &run.ir, &request, &at_hand, now) {
                Decision::Append { events, blobs, ir } => break (events, blobs, ir),
                Decision::NoChange(aob_engine::NoChange::NotDue { next: Some(next) }) => {
                    self.wake(id, next);
                    return Ok(());
                }
                Decision::NoChange(_) => return Ok(()),
                Decision::Rejected(rejection) => return self.rejected(id, &request, &rejection),
                Decision::Need(refs) => {
                    let before = at_hand.len();
                    for reference in refs {
                        let blob = self.blobs.get(&reference.digest).ok_or("a payload is lost")?;
                        at_hand.insert(reference.digest, Arc::clone(blob));
                    }
                    if at_hand.len() == before {
                        return Err("the engine asks for what it has".to_owned());
                    }
                }
                Decision::NeedDocuments(_) => return Err("nobody names documents".to_owned()),
            }
        };
        if let Some(ir) = ir {
            run.ir = ir;
        }
        for blob in blobs {
            self.blobs.insert(blob.digest(), blob);
        }
        self.follow(id, &request, events)
    }

    fn rejected(
        &mut self,
        id: RunId,
        request: &Request,
        rejection: &aob_engine::Rejection,
    ) -> Result<(), String> {
        let is_over = self.runs[&id].state.status().is_terminal()
            || self.runs[&id].state.status() == aob_engine::RunStatus::Cancelling;
        let parallel = matches!(
            request.command,
            Command::Vote(_)
                | Command::Retry { .. }
                | Command::Skip { .. }
                | Command::Fail { .. }
                | Command::Succeed { .. }
        );
        if is_over || parallel || matches!(request.command, Command::Resume | Command::Pause { .. })
        {
            return Ok(());
        }
        Err(format!("{:?} is refused: {rejection:?}", request.command))
    }

    /// Appends, and owes the world what the events say.
    fn follow(&mut self, id: RunId, request: &Request, events: Vec<Event>) -> Result<(), String> {
        for event in &events {
            self.remember(event);
        }
        let run = self.runs.get_mut(&id).ok_or("no such run")?;
        run.log.extend(events.iter().cloned());
        if run.state.is_terminal() {
            folds_alike(run)?;
        }
        let due = run.state.due(Timestamp(self.now));
        for effect in effects(&events) {
            self.owe(id, effect);
        }
        for event in &events {
            self.react(id, event);
        }
        if let Some(due) = due {
            self.wake(id, due);
        }
        if let Command::Result(_) = &request.command
            && self.dice.percent(5)
        {
            let again = request.command.clone();
            let after_ms = self.dice.within(0..=2_000);
            self.send(after_ms, id, again, "runner:r1");
        }
        self.asks(id);
        Ok(())
    }

    fn remember(&mut self, event: &Event) {
        let text = serde_json::to_value(event).unwrap_or_default();
        collect(&text, &mut self.blobs);
    }

    /// Commands of the plan that are due.
    fn asks(&mut self, id: RunId) {
        if id != self.root {
            return;
        }
        let log = &self.runs[&id].log;
        let len = log.len() as u64;
        let opened = log.iter().any(|event| matches!(event.kind, EventKind::ChildStarted(_)));
        while let Some(planned) = self.scenario.plan.commands.get(self.asked).copied() {
            if !planned.when.is_now(len, opened) {
                return;
            }
            self.asked += 1;
            match planned.ask {
                Ask::Cancel => self.send(0, id, Command::Cancel { reason: None }, "user:alice"),
                Ask::Pause { for_ms } => {
                    self.send(0, id, Command::Pause { reason: None }, "user:alice");
                    self.send(for_ms + 1, id, Command::Resume, "user:alice");
                }
            }
        }
    }

    fn owe(&mut self, id: RunId, effect: Effect) {
        let delay_ms = self.dice.pick(&[0, 0, 1, 5, 200]);
        match effect {
            Effect::Dispatch(dispatch) => {
                self.dispatch(id, &dispatch.instance, dispatch.attempt, true);
            }
            Effect::CancelAttempt(cancel) => {
                // Some runners stop when asked, some finish what they do, some never answer.
                if self.dice.percent(50) {
                    let result = AttemptResult {
                        instance: cancel.instance,
                        attempt: cancel.attempt,
                        outcome: AttemptOutcome::Cancelled,
                        started_at: None,
                        usage: None,
                        patches: Vec::new(),
                    };
                    self.send(delay_ms, id, Command::Result(result), "runner:r1");
                }
            }
            Effect::StartChild(start) => {
                let parent = ParentLink { run: id, instance: start.instance };
                if let Some(source) = start.from {
                    let todo = Todo::StartChild(parent, start.child, Box::new(source), false);
                    self.later(delay_ms, todo);
                }
            }
            Effect::CancelChild(cancel) => {
                let parent = ParentLink { run: id, instance: cancel.instance };
                self.later(delay_ms, Todo::CancelChild(parent, cancel.child));
            }
            Effect::DeliverToParent(deliver) => {
                let outcome = match deliver.end {
                    ChildEnd::Completed(output) => match self.blobs.get(&output.digest) {
                        Some(output) => ChildOutcome::Completed { output: Arc::clone(output) },
                        None => return,
                    },
                    ChildEnd::Failed(failure) => ChildOutcome::Failed(failure),
                    ChildEnd::Cancelled => ChildOutcome::Cancelled,
                };
                let (instance, spent) = (deliver.parent.instance, deliver.spent);
                let command = Command::ChildResult { instance, child: id, outcome, spent };
                self.send(delay_ms, deliver.parent.run, command, "system");
            }
            Effect::Continue { after } => {
                self.send(delay_ms, id, Command::Continue { after }, "system");
            }
            Effect::Notify(_) | Effect::Publish(_) => {}
        }
    }

    /// Hands an attempt to the planned runner.
    pub(super) fn dispatch(&mut self, id: RunId, instance: &InstanceId, attempt: u32, first: bool) {
        let run = &self.runs[&id];
        let Some((node, undo)) = node_of(run.flow, instance) else { return };
        if matches!(node.kind, Kind::Agent) && !undo {
            return;
        }
        let http = matches!(node.kind, Kind::Http { .. }) && !undo;
        let path = run.path.clone();
        let plan = self.scenario.plan.attempt(&path, &instance.to_string(), attempt, http);
        let wait_ms = self.dice.pick(&[0, 3, 50]);
        let hangs = plan.ends == AttemptEnd::Hangs && first;
        let alive_ms = if hangs && self.dice.percent(50) { 0 } else { 86_400_000 };
        let at = Timestamp(self.now).plus_ms(wait_ms);
        let grant = Grant { at, alive_until: at.plus_ms(alive_ms) };
        if let Some(run) = self.runs.get_mut(&id) {
            run.grants.insert((instance.clone(), attempt), grant);
        }
        if hangs && self.dice.percent(60) {
            return;
        }
        *self.executed.entry((path, instance.clone())).or_default() += 1;
        let outcome = match plan.again {
            AttemptEnd::Succeeds(value) => AttemptOutcome::Completed { output: Blob::of(value) },
            AttemptEnd::Hangs => return,
            AttemptEnd::Fails { code, retryable } => AttemptOutcome::Failed(Failure {
                code: code.into(),
                message: PLANNED_MESSAGE.into(),
                retryable,
                lost: false,
                retry_after_ms: None,
                details: None,
            }),
        };
        let result = AttemptResult {
            instance: instance.clone(),
            attempt,
            outcome,
            started_at: Some(at),
            usage: None,
            patches: Vec::new(),
        };
        // A runner that hangs may still answer, long after it was given up.
        let late_ms = if hangs { 400_000 } else { 0 };
        self.send(wait_ms + plan.takes_ms + late_ms, id, Command::Result(result), "runner:r1");
    }
}

/// The log folds to the state that deciding left behind.
fn folds_alike(run: &Run<'_>) -> Result<(), String> {
    let mut folded = RunState::default();
    for event in &run.log {
        apply(&mut folded, event);
    }
    if folded.to_snapshot() == run.state.to_snapshot() {
        Ok(())
    } else {
        Err("the log folds to another state than deciding left".to_owned())
    }
}
