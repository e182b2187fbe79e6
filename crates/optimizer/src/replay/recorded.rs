//! A recorded run as a world: what its jobs gave then, they give again.

use std::collections::BTreeMap;
use std::sync::Arc;

use aob_engine::{
    ApprovalOutcome, ApprovalRequested, Blob, Command, Event, EventKind, InstanceId, JobType,
    Payload, Place, RunStatus, SkipCause, TicketId, Timestamp,
};
use aob_ir::{Digest, canonical_json};
use serde_json::{Map, Value, json};

use super::world::{Answer, Fate, JobView, ReplayError, Setup, World};

/// How an attempt ended, and how a child run did.
type Ends = Vec<Fate>;

/// A run that was recorded.
#[derive(Debug)]
pub struct RecordedRun {
    pub(crate) setup: Setup,
    /// The document that it followed when it started.
    pub digest: Digest,
    /// How it ended.
    pub status: RunStatus,
    /// Its graph was changed while it ran.
    pub patched: bool,
    pub(crate) output: Option<Value>,
    pub(crate) blobs: BTreeMap<Digest, Arc<Blob>>,
    /// Attempts of instances that asked something, in order.
    attempts: BTreeMap<(InstanceId, String), Ends>,
    /// Attempts of jobs that only read, by what they ask.
    asked: BTreeMap<String, Ends>,
    children: BTreeMap<InstanceId, Fate>,
    votes: BTreeMap<TicketId, Vec<Answer>>,
    expired: Vec<TicketId>,
    signals: BTreeMap<InstanceId, Value>,
    parked: BTreeMap<InstanceId, Vec<Command>>,
}

impl RecordedRun {
    /// Reads a run's log. `blobs` holds the payloads that its events do not carry.
    ///
    /// # Errors
    /// If it is not the whole log of a run that is over, or a payload is not at hand.
    pub fn of(events: &[Event], blobs: BTreeMap<Digest, Arc<Blob>>) -> Result<Self, ReplayError> {
        let incomplete = |what: &str| ReplayError::Refused(what.to_owned());
        let Some(EventKind::RunCreated(created)) = events.first().map(|event| &event.kind) else {
            return Err(incomplete("a log starts with the creation of its run"));
        };
        let mut recorder = Recorder { blobs, jobs: BTreeMap::new() };
        for event in events {
            recorder.keep(event);
        }
        let setup = Setup {
            run: created.run,
            at: events.first().map_or(Timestamp(0), |event| event.at),
            tag: created.tag.clone(),
            inputs: recorder.value(&created.inputs)?,
            labels: created.labels.clone(),
            depth: created.depth,
            children: created.children.clone(),
        };
        let mut run = Self {
            setup,
            digest: created.digest,
            status: RunStatus::Running,
            patched: false,
            output: None,
            blobs: BTreeMap::new(),
            attempts: BTreeMap::new(),
            asked: BTreeMap::new(),
            children: BTreeMap::new(),
            votes: BTreeMap::new(),
            expired: Vec::new(),
            signals: BTreeMap::new(),
            parked: BTreeMap::new(),
        };
        for event in events {
            run.read(event, &mut recorder)?;
        }
        if !run.status.is_terminal() {
            return Err(incomplete("the run is not over"));
        }
        run.blobs = recorder.blobs;
        Ok(run)
    }

    fn read(&mut self, event: &Event, recorder: &mut Recorder) -> Result<(), ReplayError> {
        let kind = &event.kind;
        if let EventKind::NodeScheduled(data) = kind {
            let config = recorder.value(&data.job.config)?;
            let input = recorder.value(&data.job.input)?;
            let key = asks(data.job.job_type, &data.job.name, &config, &input);
            recorder.jobs.insert(data.instance.clone(), key);
        } else if let EventKind::NodeCompleted(data) = kind {
            let output = recorder.value(&data.output)?;
            self.completed(data, output, recorder);
        } else if let EventKind::RetryScheduled(data) = kind {
            self.ended(&data.instance, Fate::Failed(data.failure.clone()), recorder);
        } else if let EventKind::NodeFailed(data) = kind {
            self.ended(&data.instance, Fate::Failed(data.failure.clone()), recorder);
        } else if let EventKind::NodeSkipped(data) = kind {
            if let Some(failure) = &data.failure {
                self.ended(&data.instance, Fate::Failed(failure.clone()), recorder);
            }
            if data.cause == SkipCause::ByHand {
                let command = Command::Skip { instance: data.instance.clone() };
                self.parked.entry(data.instance.clone()).or_default().push(command);
            }
        } else if let EventKind::NodeParked(data) = kind {
            if let Some(failure) = &data.failure {
                self.ended(&data.instance, Fate::Failed(failure.clone()), recorder);
            }
        } else if let EventKind::RetryGranted(data) = kind {
            let command = Command::Retry { instance: data.instance.clone() };
            self.parked.entry(data.instance.clone()).or_default().push(command);
        } else if let EventKind::ApprovalVoted(data) = kind {
            let data_value = data.data.as_ref().map(|data| recorder.value(data)).transpose()?;
            let answer = Answer {
                by: data.by.clone(),
                roles: Vec::new(),
                vote: data.vote,
                reason: data.reason.clone(),
                data: data_value,
            };
            self.votes.entry(data.ticket.clone()).or_default().push(answer);
        } else if let EventKind::ApprovalDecided(data) = kind {
            if data.outcome == ApprovalOutcome::Expired {
                self.expired.push(data.ticket.clone());
            }
        } else {
            return self.read_end(kind, recorder);
        }
        Ok(())
    }

    fn read_end(&mut self, kind: &EventKind, recorder: &Recorder) -> Result<(), ReplayError> {
        if let EventKind::PatchApplied(_) = kind {
            self.patched = true;
        } else if let EventKind::RunCompleted(data) = kind {
            self.status = RunStatus::Completed;
            self.output = Some(recorder.value(&data.output)?);
        } else if let EventKind::RunFailed(_) = kind {
            self.status = RunStatus::Failed;
        } else if let EventKind::RunCancelled(_) = kind {
            self.status = RunStatus::Cancelled;
        } else if let EventKind::ChildStarted(data) = kind {
            self.children.insert(data.instance.clone(), Fate::Unknown);
        } else if let EventKind::SignalAwaited(data) = kind {
            self.signals.insert(data.instance.clone(), Value::Null);
        }
        Ok(())
    }

    fn completed(&mut self, data: &aob_engine::NodeCompleted, output: Value, recorder: &Recorder) {
        if data.by.is_some() {
            let output = Blob::of(output.clone());
            let command = Command::Succeed { instance: data.instance.clone(), output };
            self.parked.entry(data.instance.clone()).or_default().push(command);
        } else if data.signal.is_some() {
            self.signals.insert(data.instance.clone(), output.clone());
        } else if let Some(fate) = self.children.get_mut(&data.instance) {
            *fate = Fate::Completed(output.clone());
        } else if data.attempt > 0 {
            self.ended(&data.instance, Fate::Completed(output), recorder);
        }
    }

    fn ended(&mut self, instance: &InstanceId, fate: Fate, recorder: &Recorder) {
        if let Some(child) = self.children.get_mut(instance) {
            *child = fate;
            return;
        }
        let Some(key) = recorder.jobs.get(instance) else { return };
        let asked = (instance.clone(), key.clone());
        self.attempts.entry(asked).or_default().push(fate.clone());
        self.asked.entry(key.clone()).or_default().push(fate);
    }
}

/// What a job asks, as a text: who, and with what. Its input belongs to it where its executor is
/// given it.
fn asks(job_type: JobType, name: &str, config: &Value, input: &Value) -> String {
    let question = match job_type {
        JobType::Http => json!(["http", config]),
        JobType::Function => json!(["function", name, config, input]),
        JobType::Agent => json!(["agent", name, config, input]),
    };
    canonical_json(&question).unwrap_or_default()
}

/// What is known of a log while it is read.
struct Recorder {
    blobs: BTreeMap<Digest, Arc<Blob>>,
    /// What the jobs of instances ask.
    jobs: BTreeMap<InstanceId, String>,
}

impl Recorder {
    fn keep(&mut self, event: &Event) {
        let blobs = &mut self.blobs;
        event.kind.payloads(&mut |payload| {
            if let Place::Here(blob) = &payload.place {
                blobs.insert(blob.digest(), Arc::clone(blob));
            }
        });
    }

    fn value(&self, payload: &Payload) -> Result<Value, ReplayError> {
        let blob = self.blobs.get(&payload.digest);
        let blob = blob.ok_or(ReplayError::Payload(payload.digest))?;
        Ok(Value::clone(blob.value()))
    }
}

/// The world of one replay of a recorded run.
pub(crate) struct Again<'r> {
    run: &'r RecordedRun,
    /// Attempts already answered, by instance.
    taken: BTreeMap<InstanceId, usize>,
    people: BTreeMap<InstanceId, usize>,
}

impl<'r> Again<'r> {
    pub(crate) fn of(run: &'r RecordedRun) -> Self {
        Self { run, taken: BTreeMap::new(), people: BTreeMap::new() }
    }

    /// What somebody got who asked the same, at the same attempt: the last one is what it came to.
    fn asked_before(&self, key: &str, attempt: usize) -> Fate {
        let ends = self.run.asked.get(key).map(Vec::as_slice).unwrap_or_default();
        let nth = ends.get(attempt.saturating_sub(1)).or(ends.last());
        nth.cloned().unwrap_or(Fate::Unknown)
    }

    /// A batch gives what its requests gave when they were alone, and fails as one of them did.
    fn batch(&self, parts: &[Value], attempt: usize) -> Fate {
        let mut output = Map::new();
        for part in parts {
            let mut config = part.clone();
            let id = config.as_object_mut().and_then(|config| config.remove("id"));
            let key = asks(JobType::Http, "http", &config, &Value::Null);
            match self.asked_before(&key, attempt) {
                Fate::Completed(value) => {
                    let id = id.as_ref().and_then(Value::as_str).unwrap_or_default();
                    output.insert(id.to_owned(), value);
                }
                failed @ (Fate::Failed(_) | Fate::Unknown) => return failed,
            }
        }
        Fate::Completed(Value::Object(output))
    }
}

impl World for Again<'_> {
    fn attempt(&mut self, view: &JobView<'_>) -> Fate {
        let taken = self.taken.entry(view.instance.clone()).or_default();
        *taken += 1;
        let nth = *taken;
        let key = asks(view.job.job_type, &view.job.name, view.config, view.input);
        let asked = (view.instance.clone(), key);
        let own = self.run.attempts.get(&asked).and_then(|ends| ends.get(nth - 1));
        if let Some(fate) = own {
            return fate.clone();
        }
        let (_, key) = asked;
        // Only what reads may be answered with what another node was answered.
        if view.job.effect != aob_ir::EffectClass::None {
            return Fate::Unknown;
        }
        match view.config.get("batch").and_then(Value::as_array) {
            Some(parts) if view.job.job_type == JobType::Http => self.batch(parts, nth),
            Some(_) | None => self.asked_before(&key, nth),
        }
    }

    fn child(&mut self, instance: &InstanceId, _inputs: &Value) -> Option<Fate> {
        self.run.children.get(instance).cloned()
    }

    fn votes(&mut self, ticket: &ApprovalRequested) -> Vec<Answer> {
        let mut answers = self.run.votes.get(&ticket.ticket).cloned().unwrap_or_default();
        let roles = ticket.approvers.iter().chain(ticket.escalations.iter().map(|step| &step.to));
        let roles: Vec<Arc<str>> = roles
            .filter_map(|approver| match approver {
                aob_engine::Approver::Role(role) => Some(Arc::clone(role)),
                aob_engine::Approver::User(_) => None,
            })
            .collect();
        for answer in &mut answers {
            // Who voted then was entitled to.
            answer.roles.clone_from(&roles);
        }
        if self.run.expired.contains(&ticket.ticket) { Vec::new() } else { answers }
    }

    fn signal(&mut self, instance: &InstanceId, _name: &str) -> Option<Value> {
        self.run.signals.get(instance).filter(|value| !value.is_null()).cloned()
    }

    fn parked(&mut self, instance: &InstanceId) -> Option<Command> {
        let nth = self.people.entry(instance.clone()).or_default();
        *nth += 1;
        self.run.parked.get(instance)?.get(*nth - 1).cloned()
    }
}
