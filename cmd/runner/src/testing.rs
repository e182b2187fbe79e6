//! Builders and fakes for the tests of this crate.

use std::sync::Arc;
use std::time::Duration;

use aob_api::jobs::{AttemptKey, JobMessage, OutcomeMessage, PayloadMessage};
use aob_cas::MemCas;
use aob_engine::{Blob, InstanceId, JobType, RunId, Timestamp, WorkspaceId};
use aob_ir::{EffectClass, Priority};
use async_trait::async_trait;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::attempt::Attempt;
use crate::clock::Clock;
use crate::execute::Executor;
use crate::http::{HttpPort, OutgoingRequest, OutgoingResponse, SendError};
use crate::payloads::CasPayloads;
use crate::secrets::MapSecrets;
use crate::worker::{Worker, WorkerDeps};

/// A function job called `name` with these args.
pub(crate) fn function(name: &str, args: Value) -> JobMessage {
    job(JobType::Function, name, json!({ "name": name, "args": args }))
}

/// An `http` job.
pub(crate) fn http(effect: EffectClass, config: Value) -> JobMessage {
    JobMessage { effect, ..job(JobType::Http, "http", config) }
}

fn job(job_type: JobType, name: &str, config: Value) -> JobMessage {
    JobMessage {
        workspace: WorkspaceId(uuid::Uuid::from_u128(1)),
        run: RunId(uuid::Uuid::from_u128(2)),
        instance: InstanceId::top("node"),
        attempt: 1,
        job_type,
        name: name.into(),
        config: PayloadMessage::of(&Blob::of(config)),
        secrets: vec![],
        input: PayloadMessage::of(&Blob::of(json!("the input"))),
        effect: EffectClass::Idempotent,
        pool: "default".into(),
        priority: Priority::Medium,
        idempotency_key: "key-1".into(),
        leased: false,
        metered: false,
        timeout_ms: None,
        idle_timeout_ms: None,
        queue_deadline: None,
        token: None,
    }
}

/// The attempt of a job, granted now.
pub(crate) fn granted(job: &JobMessage) -> Arc<Attempt> {
    Attempt::granted_now(job.key(), "r1".into())
}

/// Another run's attempt.
pub(crate) fn key(run: u128) -> AttemptKey {
    let run = RunId(uuid::Uuid::from_u128(run));
    AttemptKey { run, instance: InstanceId::top("node"), attempt: 1 }
}

/// It is always the same second.
#[derive(Debug)]
pub(crate) struct StillClock;

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp(784_111_770_000)
    }
}

/// A worker around `executor`, with these secrets.
pub(crate) fn worker(executor: Arc<dyn Executor>, secrets: MapSecrets) -> Worker {
    let deps = WorkerDeps {
        executor,
        payloads: Arc::new(CasPayloads(Arc::new(MemCas::default()))),
        secrets: Arc::new(secrets),
        clock: Arc::new(StillClock),
    };
    Worker::new("r1".into(), deps, Duration::from_secs(10))
}

/// The outcome as JSON, for comparison.
pub(crate) fn outcome_json(outcome: &OutcomeMessage) -> Value {
    serde_json::to_value(outcome).unwrap()
}

/// Answers each request from a script, and remembers what was sent.
#[derive(Debug, Default)]
pub(crate) struct FakePort {
    answers: Mutex<Vec<Result<OutgoingResponse, SendError>>>,
    pub(crate) sent: Mutex<Vec<OutgoingRequest>>,
}

impl FakePort {
    /// Answers these, in order, and then hangs.
    pub(crate) fn answering(
        answers: impl IntoIterator<Item = Result<OutgoingResponse, SendError>>,
    ) -> Arc<Self> {
        let mut answers: Vec<_> = answers.into_iter().collect();
        answers.reverse();
        Arc::new(Self { answers: Mutex::new(answers), sent: Mutex::default() })
    }
}

#[async_trait]
impl HttpPort for FakePort {
    async fn send(&self, request: OutgoingRequest) -> Result<OutgoingResponse, SendError> {
        self.sent.lock().push(request);
        let answer = self.answers.lock().pop();
        match answer {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }
}
