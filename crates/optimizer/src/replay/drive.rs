//! The engine driven by hand: one command after another, in virtual time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aob_engine::{
    Actor, AttemptOutcome, AttemptResult, Blob, CastVote, ChildOutcome, ChildSource, ChildStarted,
    Command, CommandId, Decision, Dispatch, EdgeDecision, Effect, Event, EventKind, Failure,
    Fidelity, InstanceId, NoChange, Payload, Place, RejectionCode, Request, RunId, RunState,
    RunStatus, StartRun, Timestamp, WorkspaceId, advance, effects,
};
use aob_ir::{Digest, Ir, compile_text};
use serde_json::Value;
use uuid::Uuid;

use super::world::{Answer, Counts, Fate, JobView, Performed, Ran, ReplayError, Setup, World};

/// Commands after which a replay counts as running away.
const COMMANDS_MAX: u64 = 500_000;
/// Depth of child runs that are performed too.
const DEPTH_MAX: u32 = 16;

/// Performs a run of `ir` in `world`. `blobs` are payloads that its events do not carry.
///
/// # Errors
/// See [`ReplayError`].
pub fn perform(
    ir: &Arc<Ir>,
    setup: &Setup,
    world: &mut dyn World,
    blobs: &BTreeMap<Digest, Arc<Blob>>,
) -> Result<Ran, ReplayError> {
    let mut driver = Driver {
        ir: Arc::clone(ir),
        setup,
        world,
        state: RunState::default(),
        blobs: blobs.clone(),
        at_hand: BTreeMap::new(),
        queue: BTreeMap::new(),
        now: setup.at.0,
        quiet_until: 0,
        commands: 0,
        ties: 0,
        performed: Vec::new(),
        counts: Counts::default(),
        log: Vec::new(),
    };
    driver.run()
}

struct Driver<'a> {
    ir: Arc<Ir>,
    setup: &'a Setup,
    world: &'a mut dyn World,
    state: RunState,
    blobs: BTreeMap<Digest, Arc<Blob>>,
    at_hand: BTreeMap<Digest, Arc<Blob>>,
    queue: BTreeMap<(i64, u64), (Actor, Command)>,
    now: i64,
    /// Before this time a tick finds nothing due, unless something happens.
    quiet_until: i64,
    commands: u64,
    ties: u64,
    performed: Vec<Performed>,
    counts: Counts,
    log: Vec<Event>,
}

impl Driver<'_> {
    fn run(&mut self) -> Result<Ran, ReplayError> {
        self.start()?;
        while !self.state.is_terminal() {
            let queued = self.queue.first_key_value().map(|((at, _), _)| self.now.max(*at));
            let due = self.state.due(Timestamp(self.now)).map(|due| due.0.max(self.quiet_until));
            let due = due.filter(|due| *due < i64::MAX);
            let ticks = due.filter(|due| queued.is_none_or(|at| *due < at));
            if let Some(due) = ticks {
                self.now = self.now.max(due);
                self.command(Actor::system(), Command::Tick { leases: Vec::new() })?;
            } else if let Some(((at, _), (actor, command))) = self.queue.pop_first() {
                self.now = self.now.max(at);
                self.command(actor, command)?;
            } else {
                break; // It waits for somebody who does not come.
            }
        }
        let output = match self.state.output() {
            Some(reference) => Some(self.value_of(&Payload::by_ref(reference))?),
            None => None,
        };
        let elapsed = self.now.saturating_sub(self.setup.at.0);
        let elapsed_ms = u64::try_from(elapsed).unwrap_or_default();
        Ok(Ran {
            status: self.state.status(),
            output: output.filter(|_| self.state.status() == RunStatus::Completed),
            error: self.state.error(),
            performed: std::mem::take(&mut self.performed),
            counts: Counts { elapsed_ms, ..self.counts },
            log: std::mem::take(&mut self.log),
        })
    }

    fn start(&mut self) -> Result<(), ReplayError> {
        let setup = self.setup;
        let inputs = Blob::of(setup.inputs.clone());
        self.blobs.insert(inputs.digest(), Arc::clone(&inputs));
        let start = StartRun {
            run: setup.run,
            workspace: WorkspaceId(setup.run.0),
            tag: setup.tag.clone(),
            inputs,
            parent: None,
            depth: setup.depth,
            labels: setup.labels.clone(),
            priority: None,
            fidelity: Fidelity::Fast,
            limits: None,
            budget: None,
            cancel_grace_ms: 30_000,
            children: setup.children.clone(),
            cancelled: false,
        };
        self.command(Actor::system(), Command::Start(Box::new(start)))
    }

    fn later(&mut self, after_ms: u64, actor: Actor, command: Command) {
        self.ties += 1;
        let at = self.now.saturating_add(i64::try_from(after_ms).unwrap_or(i64::MAX));
        self.queue.insert((at, self.ties), (actor, command));
    }

    /// Decides one command, and sees to what follows from it.
    fn command(&mut self, actor: Actor, command: Command) -> Result<(), ReplayError> {
        self.commands += 1;
        if self.commands > COMMANDS_MAX {
            return Err(ReplayError::RunsAway);
        }
        let id = CommandId(format!("replay-{}", self.commands).into());
        let request = Request { id, actor, command };
        loop {
            let now = Timestamp(self.now);
            match advance(&mut self.state, &self.ir, &request, &self.at_hand, now) {
                Decision::Append { events, blobs, ir } => {
                    if let Some(ir) = ir {
                        self.ir = ir;
                    }
                    self.blobs.extend(blobs.into_iter().map(|blob| (blob.digest(), blob)));
                    self.quiet_until = 0;
                    self.follow(&events)?;
                    self.log.extend(events);
                    return Ok(());
                }
                Decision::NoChange(NoChange::NotDue { next }) => {
                    self.quiet_until = next.map_or(i64::MAX, |next| next.0.max(self.now + 1));
                    return Ok(());
                }
                Decision::NoChange(_) => return Ok(()),
                Decision::Rejected(rejection) => {
                    // The run went on meanwhile, and nobody waits for this any more.
                    let late = [
                        RejectionCode::RunTerminal,
                        RejectionCode::RunCancelling,
                        RejectionCode::AlreadyDecided,
                        RejectionCode::NotParked,
                    ];
                    if late.contains(&rejection.code) {
                        return Ok(());
                    }
                    return Err(ReplayError::Refused(rejection.message));
                }
                Decision::NeedDocuments(digests) => {
                    let digest = digests.first().copied();
                    return Err(digest.map_or(ReplayError::RunsAway, ReplayError::Payload));
                }
                Decision::Need(refs) => {
                    let wanted: BTreeSet<Digest> =
                        refs.iter().map(|reference| reference.digest).collect();
                    for digest in wanted {
                        let blob = self.blobs.get(&digest).ok_or(ReplayError::Payload(digest))?;
                        if self.at_hand.insert(digest, Arc::clone(blob)).is_some() {
                            // It was given, and is asked for again: it would be for ever.
                            return Err(ReplayError::Payload(digest));
                        }
                    }
                }
            }
        }
    }

    fn follow(&mut self, events: &[Event]) -> Result<(), ReplayError> {
        for event in events {
            let blobs = &mut self.blobs;
            event.kind.payloads(&mut |payload| {
                if let Place::Here(blob) = &payload.place {
                    blobs.insert(blob.digest(), Arc::clone(blob));
                }
            });
            count(&event.kind, &mut self.counts);
        }
        for effect in effects(events) {
            match effect {
                Effect::Dispatch(dispatch) => self.dispatch(&dispatch)?,
                Effect::Continue { after } => {
                    self.later(0, Actor::system(), Command::Continue { after });
                }
                Effect::CancelAttempt(cancel) => {
                    let (instance, attempt) = (cancel.instance, cancel.attempt);
                    self.answer(0, instance, attempt, AttemptOutcome::Cancelled);
                }
                // Children end at once, and nobody waits for this run.
                Effect::StartChild(_)
                | Effect::CancelChild(_)
                | Effect::DeliverToParent(_)
                | Effect::Notify(_)
                | Effect::Publish(_) => {}
            }
        }
        for event in events {
            self.react(&event.kind)?;
        }
        Ok(())
    }

    fn react(&mut self, kind: &EventKind) -> Result<(), ReplayError> {
        if let EventKind::ApprovalRequested(ticket) = kind {
            for answer in self.world.votes(ticket) {
                let Answer { by, roles, vote, reason, data } = answer;
                let (ticket, data) = (ticket.ticket.clone(), data.map(Blob::of));
                let vote = CastVote {
                    ticket,
                    vote,
                    reason,
                    data,
                    edits: BTreeMap::new(),
                    subject_hash: None,
                    roles,
                };
                self.later(0, by, Command::Vote(vote));
            }
        } else if let EventKind::SignalAwaited(wait) = kind {
            if let Some(value) = self.world.signal(&wait.instance, &wait.name) {
                let (name, signal) = (Arc::clone(&wait.name), wait.instance.to_string().into());
                let payload = Blob::of(value);
                self.later(0, Actor::system(), Command::Signal { name, signal, payload });
            }
        } else if let EventKind::NodeParked(parked) = kind {
            if let Some(command) = self.world.parked(&parked.instance) {
                self.later(0, Actor::system(), command);
            }
        } else if let EventKind::ChildStarted(child) = kind {
            return self.child(child);
        }
        Ok(())
    }

    fn dispatch(&mut self, dispatch: &Dispatch) -> Result<(), ReplayError> {
        let config = self.value_of(&dispatch.job.config)?;
        let input = self.value_of(&dispatch.job.input)?;
        let view = JobView {
            instance: &dispatch.instance,
            attempt: dispatch.attempt,
            job: &dispatch.job,
            config: &config,
            input: &input,
        };
        let after_ms = self.world.takes_ms(&view);
        let (outcome, output) = match self.world.attempt(&view) {
            Fate::Completed(value) => {
                (AttemptOutcome::Completed { output: Blob::of(value.clone()) }, Some(value))
            }
            Fate::Failed(failure) => (AttemptOutcome::Failed(failure), None),
            Fate::Unknown => {
                let what = format!("attempt {} with this configuration", dispatch.attempt);
                let instance = dispatch.instance.to_string();
                return Err(ReplayError::Unknown { instance, what });
            }
        };
        self.counts.jobs += 1;
        self.performed.push(Performed {
            instance: dispatch.instance.clone(),
            attempt: dispatch.attempt,
            effect: dispatch.job.effect,
            idempotency_key: Arc::clone(&dispatch.job.idempotency_key),
            name: Arc::clone(&dispatch.job.name),
            config,
            output,
        });
        self.answer(after_ms, dispatch.instance.clone(), dispatch.attempt, outcome);
        Ok(())
    }

    fn answer(&mut self, after_ms: u64, id: InstanceId, attempt: u32, outcome: AttemptOutcome) {
        let result = AttemptResult {
            instance: id,
            attempt,
            outcome,
            started_at: None,
            usage: None,
            patches: Vec::new(),
        };
        self.later(after_ms, Actor::system(), Command::Result(result));
    }

    /// What a child run gives: as the world says, or as it comes out when it is performed too.
    fn child(&mut self, child: &ChildStarted) -> Result<(), ReplayError> {
        let inputs = self.value_of(&child.inputs)?;
        let outcome = match self.world.child(&child.instance, &inputs) {
            Some(Fate::Completed(value)) => ChildOutcome::Completed { output: Blob::of(value) },
            Some(Fate::Failed(failure)) => ChildOutcome::Failed(failure),
            Some(Fate::Unknown) => {
                let instance = child.instance.to_string();
                let what = "its child run".to_owned();
                return Err(ReplayError::Unknown { instance, what });
            }
            None => {
                let source = ChildSource {
                    digest: child.digest,
                    tag: child.tag.clone(),
                    inputs: child.inputs.clone(),
                    budget: child.budget,
                };
                self.nested(child, &source, inputs)?
            }
        };
        let (instance, child) = (child.instance.clone(), child.child);
        let command = Command::ChildResult { instance, child, outcome, spent: None };
        self.later(0, Actor::system(), command);
        Ok(())
    }

    fn nested(
        &mut self,
        child: &ChildStarted,
        source: &ChildSource,
        inputs: Value,
    ) -> Result<ChildOutcome, ReplayError> {
        let unknown = || ReplayError::Child(child.instance.to_string());
        let text = self.ir.inline_children.get(&source.digest).ok_or_else(unknown)?;
        let compiled = compile_text(text).map_err(|_| unknown())?;
        if self.setup.depth >= DEPTH_MAX {
            return Err(ReplayError::RunsAway);
        }
        // The id says when the child started, and keys of effects are made of it; so that the same
        // is the same although it happens sooner, it says when this run did.
        let mut id = child.child.0.into_bytes();
        for (byte, own) in id.iter_mut().zip(&self.setup.run.0.as_bytes()[..6]) {
            *byte = *own;
        }
        let setup = Setup {
            run: RunId(Uuid::from_bytes(id)),
            at: Timestamp(self.now),
            tag: source.tag.clone(),
            inputs,
            labels: BTreeMap::new(),
            depth: self.setup.depth + 1,
            children: self.setup.children.clone(),
        };
        let ran = perform(&compiled.ir, &setup, self.world, &self.blobs)?;
        self.counts.jobs += ran.counts.jobs;
        self.counts.instances += ran.counts.instances;
        self.counts.edges += ran.counts.edges;
        self.performed.extend(ran.performed);
        Ok(match (ran.output, ran.error) {
            (Some(output), _) => ChildOutcome::Completed { output: Blob::of(output) },
            (None, Some((code, message))) => ChildOutcome::Failed(Failure {
                code,
                message,
                retryable: false,
                lost: false,
                retry_after_ms: None,
                details: None,
            }),
            (None, None) => return Err(unknown()),
        })
    }

    fn value_of(&self, payload: &Payload) -> Result<Value, ReplayError> {
        let blob = match &payload.place {
            Place::Here(blob) => Some(blob),
            Place::Event(_) | Place::Cas => self.blobs.get(&payload.digest),
        };
        let blob = blob.ok_or(ReplayError::Payload(payload.digest))?;
        Ok(Value::clone(blob.value()))
    }
}

fn count(kind: &EventKind, counts: &mut Counts) {
    let mut ended = |edges: &[EdgeDecision]| {
        counts.instances += 1;
        counts.edges += edges.len() as u64;
    };
    if let EventKind::NodeCompleted(data) = kind {
        ended(&data.edges);
    } else if let EventKind::NodeSkipped(data) = kind {
        ended(&data.edges);
    } else if let EventKind::NodeFailed(data) = kind {
        ended(&data.edges);
    } else if let EventKind::NodeCancelled(data) = kind {
        ended(&data.edges);
    } else if let EventKind::EdgesDecided(data) = kind {
        counts.edges += data.edges.len() as u64;
    }
}
