//! Plays a workflow from start to end: the real engine and the real runner, with everything
//! between them kept in a map. Time stands still while jobs run and jumps to the next timer after.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aob_api::jobs::{JobMessage, OutcomeMessage, PayloadMessage, ResultMessage};
use aob_cas::{BlobDigest, Cas, MemCas, Namespace};
use aob_egress::{Client, ClientConfig, Policy};
use aob_engine::{
    Actor, AttemptOutcome, AttemptResult, Blob, CastVote, Command, CommandId, Decision, Effect,
    Event, EventKind, InstanceId, Request, RunId, RunState, StartRun, TicketId, Timestamp, Vote,
    WorkspaceId, advance, effects,
};
use aob_ir::{Digest, Ir};
use aob_runner::{Attempt, Builtins, CasPayloads, Clock, HttpExecutor, MapSecrets, StopCause};
use aob_runner::{Worker, WorkerDeps};
use serde_json::Value;
use tokio::task::JoinSet;

const WORKSPACE: WorkspaceId = WorkspaceId(uuid::Uuid::from_u128(7));

#[derive(Debug)]
struct StillClock;

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }
}

/// A run with its log.
pub(super) struct Play {
    ir: Arc<Ir>,
    state: RunState,
    pub(super) events: Vec<Event>,
    blobs: BTreeMap<Digest, Arc<Blob>>,
    cas: Arc<MemCas>,
    worker: Worker,
    jobs: JoinSet<Option<ResultMessage>>,
    running: BTreeMap<(InstanceId, u32), Arc<Attempt>>,
    /// What the approvers say, in the order of the tickets.
    votes: Vec<Vote>,
    tickets: Vec<TicketId>,
    now: Timestamp,
    commands: u64,
}

impl Play {
    /// Runs `ir` to its end; requests may go to `base` only.
    pub(super) async fn run(ir: Arc<Ir>, base: &str, inputs: Value, votes: Vec<Vote>) -> Self {
        let cas = Arc::new(MemCas::default());
        let client = Client::new(ClientConfig::new(Policy::only(base.parse().unwrap())));
        let clock = Arc::new(StillClock);
        let deps = WorkerDeps {
            executor: Arc::new(Builtins::new(HttpExecutor::new(Arc::new(client), clock.clone()))),
            payloads: Arc::new(CasPayloads(cas.clone())),
            secrets: Arc::new(MapSecrets::default()),
            clock,
        };
        let mut play = Self {
            ir,
            state: RunState::default(),
            events: vec![],
            blobs: BTreeMap::new(),
            cas,
            worker: Worker::new("r1".into(), deps, Duration::from_secs(1)),
            jobs: JoinSet::new(),
            running: BTreeMap::new(),
            votes: votes.into_iter().rev().collect(),
            tickets: vec![],
            now: Timestamp(1_700_000_000_000),
            commands: 0,
        };
        let inputs = Blob::of(inputs);
        play.keep(&inputs);
        play.send(Command::Start(Box::new(StartRun {
            run: RunId(uuid::Uuid::from_u128(1)),
            workspace: WORKSPACE,
            tag: None,
            inputs,
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
        })));
        play.finish().await;
        play
    }

    /// The run's output.
    pub(super) fn output(&self) -> Value {
        let output = self.state.output().expect("it has an output");
        (**self.blobs[&output.digest].value()).clone()
    }

    /// `completed`, `failed`, ...
    pub(super) fn status(&self) -> &'static str {
        self.state.status().as_str()
    }

    /// Ids of the instances that completed, in the order in which they did.
    pub(super) fn completed(&self) -> Vec<String> {
        let completed = self.events.iter().filter_map(|event| {
            let EventKind::NodeCompleted(data) = &event.kind else { return None };
            Some(data.instance.to_string())
        });
        completed.collect()
    }

    async fn finish(&mut self) {
        for _ in 0..10_000 {
            if self.state.is_terminal() {
                return;
            }
            if let Some(finished) = self.jobs.join_next().await {
                if let Some(result) = finished.unwrap() {
                    self.result(result).await;
                }
            } else if let Some(ticket) = self.tickets.pop() {
                let vote = self.votes.pop().expect("somebody decides");
                let data = CastVote {
                    ticket,
                    vote,
                    reason: None,
                    data: None,
                    edits: Default::default(),
                    subject_hash: None,
                    roles: vec![],
                };
                self.send(Command::Vote(data));
            } else {
                let due = self.state.due(self.now).expect("something to wait for");
                self.now = self.now.max(due);
                self.send(Command::Tick { leases: vec![] });
            }
        }
        panic!("the run does not end: {:?}", self.events.last());
    }

    async fn result(&mut self, result: ResultMessage) {
        self.running.remove(&(result.instance.clone(), result.attempt));
        let outcome = match result.outcome {
            OutcomeMessage::Completed { output } => {
                let output = self.load(output).await;
                self.keep(&output);
                AttemptOutcome::Completed { output }
            }
            OutcomeMessage::Failed { failure } => AttemptOutcome::Failed(failure.into()),
            OutcomeMessage::Cancelled {} => AttemptOutcome::Cancelled,
        };
        let ResultMessage { instance, attempt, started_at, .. } = result;
        let result = AttemptResult {
            instance,
            attempt,
            outcome,
            started_at,
            usage: None,
            patches: Vec::new(),
        };
        self.send(Command::Result(result));
    }

    async fn load(&self, message: PayloadMessage) -> Arc<Blob> {
        match message {
            PayloadMessage::Inline(text) => Blob::new(text),
            PayloadMessage::Stored { digest, .. } => {
                let namespace = Namespace(*WORKSPACE.0.as_bytes());
                let bytes = self.cas.get(namespace, BlobDigest::from(digest.0)).await.unwrap();
                Blob::parse(String::from_utf8(bytes.to_vec()).unwrap()).unwrap()
            }
        }
    }

    fn keep(&mut self, blob: &Arc<Blob>) {
        self.blobs.insert(blob.digest(), blob.clone());
    }

    fn send(&mut self, command: Command) {
        self.commands += 1;
        let id = CommandId(format!("c{}", self.commands).into());
        let request = Request { id, actor: Actor("user:ada".into()), command };
        match advance(&mut self.state, &self.ir, &request, &self.blobs, self.now) {
            Decision::Append { events, blobs, .. } => {
                blobs.iter().for_each(|blob| self.keep(blob));
                for event in &events {
                    self.keep_inline(&serde_json::to_value(event).unwrap());
                }
                let owed = effects(&events);
                self.note_tickets(&events);
                self.events.extend(events);
                owed.into_iter().for_each(|effect| self.perform(effect));
            }
            Decision::NoChange(_) => {}
            refused @ (Decision::Rejected(_) | Decision::Need(_) | Decision::NeedDocuments(_)) => {
                panic!("{refused:?}")
            }
        }
    }

    /// Values that stand in events are at hand from then on.
    fn keep_inline(&mut self, json: &Value) {
        match json {
            Value::Object(fields) => {
                if let (Some(_), Some(value)) = (fields.get("digest"), fields.get("value")) {
                    self.keep(&Blob::of(value.clone()));
                }
                fields.values().for_each(|value| self.keep_inline(value));
            }
            Value::Array(items) => items.iter().for_each(|item| self.keep_inline(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn note_tickets(&mut self, events: &[Event]) {
        for event in events {
            if let EventKind::ApprovalRequested(data) = &event.kind {
                self.tickets.insert(0, data.ticket.clone());
            }
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Dispatch(dispatch) => {
                let job = &dispatch.job;
                let text = |digest: Digest| {
                    let text = self.blobs[&digest].text().to_owned();
                    PayloadMessage::Inline(serde_json::value::RawValue::from_string(text).unwrap())
                };
                let message = JobMessage {
                    workspace: WORKSPACE,
                    run: RunId(uuid::Uuid::from_u128(1)),
                    instance: dispatch.instance.clone(),
                    attempt: dispatch.attempt,
                    job_type: job.job_type,
                    name: job.name.clone(),
                    config: text(job.config.digest),
                    secrets: job.secrets.clone(),
                    input: text(job.input.digest),
                    effect: job.effect,
                    pool: job.pool.clone(),
                    priority: job.priority,
                    idempotency_key: job.idempotency_key.clone(),
                    leased: job.leased,
                    metered: job.metered,
                    timeout_ms: job.timeout_ms,
                    idle_timeout_ms: job.idle_timeout_ms,
                    queue_deadline: None,
                    token: None,
                };
                let attempt = Attempt::granted_now(message.key(), "r1".into());
                let key = (message.instance.clone(), message.attempt);
                self.running.insert(key, attempt.clone());
                let worker = self.worker.clone();
                self.jobs.spawn(async move { worker.work(&message, &attempt).await });
            }
            Effect::CancelAttempt(cancel) => {
                if let Some(attempt) = self.running.get(&(cancel.instance, cancel.attempt)) {
                    attempt.stop(StopCause::Cancelling);
                }
            }
            Effect::Continue { after } => self.send(Command::Continue { after }),
            Effect::Notify(_) | Effect::Publish(_) => {}
            other @ (Effect::StartChild(_)
            | Effect::CancelChild(_)
            | Effect::DeliverToParent(_)) => {
                panic!("no example has child runs: {other:?}")
            }
        }
    }
}
