//! Runners: the real drivers of topics and long polls, executing what the plan says.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aob_api::jobs::{
    FailureMessage, HeartbeatRequest, HeartbeatResponse, JobMessage, LEASE_MS, LeaseRequest,
    LeaseResponse, LeaseStanding, OutcomeMessage, PayloadMessage, ResultMessage,
    ResultPatchMessage, ResultRequest, ResultResponse,
};
use aob_coordinator::{ResolvedDispatch, SubmitError, run_of, store_workspace};
use aob_engine::{Blob, Effect, Event, JobType, RunId, Timestamp, effects};
use aob_ir::Digest;
use aob_runner::{
    ApiError, ApiPayloads, Attempt, CasPayloads, Clock, Driver, DriverConfig, DriverDeps, Executor,
    LeaseTimes, MapSecrets, Outcome, Payloads, PollConfig, Poller, ReadyJob, RunnerApi,
    StoreClaims, Worker, WorkerDeps,
};
use aob_store::{LeaseKey, LeaseState, Leases as _, PoolClaim, Renewal, RenewalOutcome};
use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::bus::SimBus;
use crate::cas::SimCas;
use crate::counts::Count;
use crate::gate::Gate;
use crate::generator::{AttemptEnd, PLANNED_MESSAGE};
use crate::site::{Live, Site};
use crate::store::SimStore;

/// Functions that are served by long poll.
const POOL_FUNCTIONS: [&str; 4] = ["charge", "score", "acme/enrich", "undo"];

/// One runner process: it serves topics, and the functions of the default pool.
pub(crate) async fn run(site: &Arc<Site>, gate: &Arc<Gate>, bus: SimBus, name: &str) {
    let clock: Arc<dyn Clock> = Arc::new(GateClock(Arc::clone(gate)));
    let executor: Arc<dyn Executor> =
        Arc::new(Scripted { site: Arc::clone(site), gate: Arc::clone(gate) });
    let worker = |name: &str, payloads: Arc<dyn Payloads>| {
        let deps = WorkerDeps {
            executor: Arc::clone(&executor),
            payloads,
            secrets: Arc::new(MapSecrets::default()),
            clock: Arc::clone(&clock),
        };
        Worker::new(name.into(), deps, Duration::from_secs(10))
    };
    let times = LeaseTimes::default();
    let store = Arc::new(SimStore::new(gate));
    let deps = DriverDeps {
        bus: Arc::new(bus),
        claims: Arc::new(StoreClaims::new(store, Arc::clone(&clock), times.lease)),
        clock: Arc::clone(&clock),
        worker: worker(name, Arc::new(CasPayloads(Arc::new(SimCas::new(gate))))),
    };
    let driver = Driver::new(DriverConfig::new(name), deps);
    let api: Arc<dyn RunnerApi> =
        Arc::new(SimApi { site: Arc::clone(site), gate: Arc::clone(gate) });
    let poll_name = format!("{name}p");
    let polls = PollConfig::new(&poll_name, "default", POOL_FUNCTIONS.map(Arc::from));
    let payloads = Arc::new(ApiPayloads(Arc::clone(&api)));
    let poller = Poller::new(polls, api, worker(&poll_name, payloads));
    let never = CancellationToken::new();
    let (driven, polled) = tokio::join!(driver.run(never.clone()), poller.run(never));
    gate.world.tell(|| format!("{name} ends: {driven:?}, {polled:?}"));
}

#[derive(Debug)]
struct GateClock(Arc<Gate>);

impl Clock for GateClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.now_ms())
    }
}

/// Executes what the plan says, and dies where the weather says.
struct Scripted {
    site: Arc<Site>,
    gate: Arc<Gate>,
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripted").field("runner", &self.gate.name).finish_non_exhaustive()
    }
}

#[async_trait]
impl Executor for Scripted {
    async fn execute(&self, job: &ReadyJob<'_>, attempt: &Attempt) -> Outcome {
        let (world, message) = (&self.site.world, job.message);
        let key = message.key();
        let Some((root, path)) = world.ledger.lock().executes(world, message) else {
            return FailureMessage::permanent("unknown_run", "it is not durable").into();
        };
        let plan = &self.site.scenarios[root].plan;
        let http = message.job_type == JobType::Http;
        let planned = plan.attempt(&path, &key.instance.to_string(), key.attempt, http);
        if world.hits(Count::RunnerCrashBefore) {
            self.gate.kill();
        }
        self.gate.alive().await;
        if planned.ends == AttemptEnd::Hangs {
            world.fault(Count::AttemptHangs);
            attempt.cancel_token().cancelled().await;
            return Outcome::Interrupted;
        }
        tokio::select! {
            biased;
            () = attempt.cancel_token().cancelled() => return Outcome::Cancelled,
            () = sleep(Duration::from_millis(planned.takes_ms)) => {}
        }
        world.ledger.lock().executed(world, message);
        if world.hits(Count::RunnerCrashAfter) {
            self.gate.kill();
        }
        self.gate.alive().await;
        match planned.ends {
            AttemptEnd::Succeeds(value) => {
                self.propose(message, &value).await;
                Outcome::completed(&value)
            }
            AttemptEnd::Fails { code, retryable: true } => {
                FailureMessage::transient(code, PLANNED_MESSAGE).into()
            }
            AttemptEnd::Fails { code, retryable: false } => {
                FailureMessage::permanent(code, PLANNED_MESSAGE).into()
            }
            AttemptEnd::Hangs => Outcome::Interrupted,
        }
    }
}

impl Scripted {
    /// Answers with changes of the graph, without waiting for its turn; the usual answer follows.
    async fn propose(&self, job: &JobMessage, value: &Value) {
        let world = &self.site.world;
        if !world.hits(Count::ResultPatch) {
            return;
        }
        let suffix = format!("r{}", world.draw(|dice| dice.within(0..=999_999)));
        let Some(change) = self.site.change(job.run, &suffix) else { return };
        let Some(server) = self.site.any() else { return };
        let output = PayloadMessage::of(&Blob::of(value.clone()));
        let operations = Blob::of(change.operations);
        let patch = ResultPatchMessage {
            operations: PayloadMessage::of(&operations),
            base: Some(change.base),
            description: change.manner.name().into(),
        };
        if patch.operations.text().is_none() || output.text().is_none() {
            return;
        }
        let answer = job.answer("storm".into(), OutcomeMessage::Completed { output });
        let answer = ResultMessage { patches: vec![patch], ..answer };
        tokio::select! {
            biased;
            () = server.gate.dead.cancelled() => {}
            _ = server.coordinator.results.submit(answer) => {}
        }
    }
}

/// The runner protocol, served by whichever coordinator lives.
struct SimApi {
    site: Arc<Site>,
    gate: Arc<Gate>,
}

impl fmt::Debug for SimApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimApi").field("runner", &self.gate.name).finish_non_exhaustive()
    }
}

fn unavailable(problem: impl fmt::Display) -> ApiError {
    ApiError::Unavailable { problem: problem.to_string(), retry_after_ms: None }
}

impl SimApi {
    /// Sends a request to some server, which may die under it.
    async fn ask<T>(
        &self,
        work: impl AsyncFnOnce(&Live) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        self.gate.alive().await;
        self.gate.wait().await;
        let Some(server) = self.site.any() else { return Err(unavailable("nobody answers")) };
        let answer = tokio::select! {
            biased;
            () = server.gate.dead.cancelled() => Err(unavailable("the connection broke")),
            answer = work(&server) => answer,
        };
        self.gate.alive().await;
        if self.site.world.hits(Count::PublishAnswerLost) {
            return Err(unavailable("the connection broke"));
        }
        answer
    }
}

impl Live {
    /// The jobs of leases that were claimed.
    async fn jobs(&self, leases: Vec<LeaseState>) -> Vec<JobMessage> {
        let mut jobs = Vec::with_capacity(leases.len());
        for lease in leases {
            // One whose job cannot be read now runs out, and is claimed again later.
            jobs.extend(self.job(&lease).await);
        }
        jobs
    }

    async fn job(&self, lease: &LeaseState) -> Option<JobMessage> {
        let run: RunId = run_of(lease.row.key.run);
        let workspace = aob_coordinator::engine_workspace(lease.workspace);
        let reader = &self.coordinator.reader;
        let texts = reader.event_texts(workspace, run, lease.row.seq - 1, 1).await.ok()?;
        let (_, text) = texts.first()?;
        let event: Event = serde_json::from_str(text.get()).ok()?;
        let dispatch = effects(&[event]).into_iter().find_map(|effect| {
            if let Effect::Dispatch(dispatch) = effect { Some(*dispatch) } else { None }
        })?;
        let resolved = ResolvedDispatch { dispatch, config: None, input: None };
        self.coordinator.performer.job(workspace, run, &resolved).await.ok()
    }
}

#[async_trait]
impl RunnerApi for SimApi {
    async fn lease(&self, request: LeaseRequest) -> Result<LeaseResponse, ApiError> {
        let workspace = store_workspace(self.site.workspace);
        self.ask(async |server: &Live| {
            let work = server.coordinator.pool_work.notified();
            let claim = || {
                let now_ms = server.gate.now_ms();
                PoolClaim {
                    workspace,
                    pool: request.pool.to_string(),
                    names: request.names.iter().map(ToString::to_string).collect(),
                    holder: request.runner.to_string(),
                    limit: request.limit,
                    now_ms,
                    until_ms: now_ms + i64::try_from(LEASE_MS).unwrap_or(i64::MAX),
                }
            };
            let mut leases = server.store.lease_claim_pool(&claim()).await.map_err(unavailable)?;
            if leases.is_empty() {
                let wait = Duration::from_millis(request.wait_ms);
                let _ = timeout(wait, work).await;
                leases = server.store.lease_claim_pool(&claim()).await.map_err(unavailable)?;
            }
            let jobs = server.jobs(leases).await;
            Ok(LeaseResponse { jobs, lease_ms: LEASE_MS, heartbeat_ms: 5_000 })
        })
        .await
    }

    async fn renew(&self, request: HeartbeatRequest) -> Result<HeartbeatResponse, ApiError> {
        self.ask(async |server: &Live| {
            let now_ms = server.gate.now_ms();
            let renewals: Vec<Renewal> = request
                .leases
                .iter()
                .map(|item| Renewal {
                    key: LeaseKey {
                        run: aob_coordinator::stream(item.run),
                        instance: item.instance.to_string(),
                        attempt: item.attempt,
                    },
                    holder: request.runner.to_string(),
                    now_ms,
                    until_ms: now_ms + i64::try_from(LEASE_MS).unwrap_or(i64::MAX),
                    progress: item.progress.as_ref().map(|text| text.0.get().to_owned()),
                })
                .collect();
            let outcomes = server.store.lease_renew(&renewals).await.map_err(unavailable)?;
            let states = outcomes.into_iter().map(|outcome| match outcome {
                RenewalOutcome::Held => LeaseStanding::Held,
                RenewalOutcome::Cancelling => LeaseStanding::Cancelling,
                RenewalOutcome::Lost => LeaseStanding::Lost,
            });
            Ok(HeartbeatResponse { states: states.collect() })
        })
        .await
    }

    async fn result(&self, request: ResultRequest) -> Result<ResultResponse, ApiError> {
        self.ask(async |server: &Live| {
            match server.coordinator.results.submit(request.result.clone()).await {
                Ok(outcome) => {
                    if !outcome.changed {
                        self.site.world.counts.add(Count::DuplicateResult);
                    }
                    self.site.is_settled(&request.result, "the server said so");
                    Ok(ResultResponse { accepted: outcome.changed })
                }
                Err(SubmitError::Unavailable(problem)) => Err(unavailable(problem)),
                Err(error @ SubmitError::Overloaded) => Err(unavailable(error)),
                Err(error) => Err(ApiError::Refused { status: 409, problem: error.to_string() }),
            }
        })
        .await
    }

    async fn value(&self, digest: Digest) -> Result<Bytes, ApiError> {
        let reader = |server: &Live| server.coordinator.reader.clone();
        self.ask(async |server: &Live| {
            let blob = reader(server).stored(self.site.workspace, digest).await;
            blob.map(|blob| Bytes::copy_from_slice(blob.text().as_bytes())).map_err(unavailable)
        })
        .await
    }

    async fn store_value(&self, _digest: Digest, bytes: Bytes) -> Result<(), ApiError> {
        self.ask(async |server: &Live| {
            let text = String::from_utf8(bytes.to_vec()).map_err(unavailable)?;
            let blob = Blob::parse(text).map_err(unavailable)?;
            let put = server.coordinator.reader.put(vec![(self.site.workspace, blob)]).await;
            put.map_err(unavailable)
        })
        .await
    }
}
