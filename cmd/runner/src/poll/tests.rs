//! The long-poll runner against a server in memory, on the runtime's paused clock.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use aob_api::jobs::{
    AttemptKey, HeartbeatRequest, HeartbeatResponse, JobMessage, LeaseRequest, LeaseResponse,
    LeaseStanding, OutcomeMessage, PayloadMessage, ResultRequest, ResultResponse,
};
use aob_engine::RunId;
use aob_ir::{Digest, EffectClass};
use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{PollConfig, PollError, Poller};
use crate::api::{ApiError, ApiPayloads, RunnerApi};
use crate::builtins::Builtins;
use crate::http::HttpExecutor;
use crate::secrets::MapSecrets;
use crate::testing::{FakePort, StillClock, function};
use crate::worker::{Worker, WorkerDeps};

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<JobMessage>,
    held: BTreeMap<AttemptKey, LeaseStanding>,
    held_max: usize,
    polls: Vec<(Duration, u32)>,
    results: Vec<(AttemptKey, OutcomeMessage)>,
    values: BTreeMap<Digest, Bytes>,
    /// Errors that come before anything else works, per route.
    errors: BTreeMap<&'static str, VecDeque<ApiError>>,
}

#[derive(Debug)]
struct Server {
    started: Instant,
    state: Mutex<State>,
    changed: Notify,
}

fn down() -> ApiError {
    ApiError::Unavailable { problem: "down".to_owned(), retry_after_ms: None }
}

impl Server {
    fn with(jobs: impl IntoIterator<Item = JobMessage>) -> Arc<Self> {
        let jobs = jobs.into_iter().enumerate().map(|(n, job)| JobMessage {
            run: RunId(uuid::Uuid::from_u128(n as u128)),
            leased: true,
            ..job
        });
        let state = State { queue: jobs.collect(), ..State::default() };
        Arc::new(Self { started: Instant::now(), state: Mutex::new(state), changed: Notify::new() })
    }

    fn failing(self: Arc<Self>, route: &'static str, errors: Vec<ApiError>) -> Arc<Self> {
        self.state.lock().errors.insert(route, errors.into());
        self
    }

    fn refuse(&self, route: &str) -> Result<(), ApiError> {
        let error = self.state.lock().errors.get_mut(route).and_then(VecDeque::pop_front);
        error.map_or(Ok(()), Err)
    }

    /// Waits until this many results are in.
    async fn results(&self, count: usize) {
        loop {
            let changed = self.changed.notified();
            if self.state.lock().results.len() >= count {
                return;
            }
            changed.await;
        }
    }

    fn outcomes(&self) -> Vec<Value> {
        let state = self.state.lock();
        state.results.iter().map(|(_, outcome)| serde_json::to_value(outcome).unwrap()).collect()
    }
}

#[async_trait]
impl RunnerApi for Server {
    async fn lease(&self, request: LeaseRequest) -> Result<LeaseResponse, ApiError> {
        {
            let mut state = self.state.lock();
            state.polls.push((self.started.elapsed(), request.limit));
        }
        self.refuse("lease")?;
        assert_eq!((&*request.runner, &*request.pool, &*request.names[0]), ("r1", "eu", "sleep"));
        let mut jobs = Vec::new();
        {
            let mut state = self.state.lock();
            while jobs.len() < request.limit as usize
                && let Some(job) = state.queue.pop_front()
            {
                state.held.insert(job.key(), LeaseStanding::Held);
                jobs.push(job);
            }
            state.held_max = state.held_max.max(state.held.len());
        }
        if jobs.is_empty() {
            sleep(Duration::from_millis(request.wait_ms)).await;
        }
        Ok(LeaseResponse { jobs, lease_ms: 15_000, heartbeat_ms: 5_000 })
    }

    async fn renew(&self, request: HeartbeatRequest) -> Result<HeartbeatResponse, ApiError> {
        self.refuse("heartbeat")?;
        let state = self.state.lock();
        let standing = |key| state.held.get(&key).copied().unwrap_or(LeaseStanding::Lost);
        let states = request.leases.iter().map(|item| standing(item.key())).collect();
        Ok(HeartbeatResponse { states })
    }

    async fn result(&self, request: ResultRequest) -> Result<ResultResponse, ApiError> {
        self.refuse("result")?;
        let key = request.result.key();
        let mut state = self.state.lock();
        let accepted = state.held.remove(&key).is_some();
        state.results.push((key, request.result.outcome));
        self.changed.notify_waiters();
        Ok(ResultResponse { accepted })
    }

    async fn value(&self, digest: Digest) -> Result<Bytes, ApiError> {
        self.refuse("value")?;
        let value = self.state.lock().values.get(&digest).cloned();
        value.ok_or(ApiError::Refused { status: 404, problem: "no such value".to_owned() })
    }

    async fn store_value(&self, digest: Digest, bytes: Bytes) -> Result<(), ApiError> {
        self.refuse("value")?;
        self.state.lock().values.insert(digest, bytes);
        Ok(())
    }
}

/// A runner of the built-in functions that works for `server`.
fn poller(server: &Arc<Server>, concurrency: u32) -> Poller {
    let api: Arc<dyn RunnerApi> = server.clone();
    let http = HttpExecutor::new(FakePort::answering([]), Arc::new(StillClock));
    let deps = WorkerDeps {
        executor: Arc::new(Builtins::new(http)),
        payloads: Arc::new(ApiPayloads(api.clone())),
        secrets: Arc::new(MapSecrets::default()),
        clock: Arc::new(StillClock),
    };
    let worker = Worker::new("r1".into(), deps, Duration::from_secs(10));
    let config = PollConfig { concurrency, ..PollConfig::new("r1", "eu", ["sleep".into()]) };
    Poller::new(config, api, worker)
}

/// Works until `until` is done, then shuts down and drains.
async fn work(
    server: &Arc<Server>,
    concurrency: u32,
    until: impl Future<Output = ()>,
) -> Result<(), PollError> {
    let shutdown = CancellationToken::new();
    let run = poller(server, concurrency).run(shutdown.clone());
    let stopper = async {
        until.await;
        shutdown.cancel();
    };
    tokio::join!(run, stopper).0
}

fn sleep_job(ms: u64) -> JobMessage {
    function("sleep", json!({ "ms": ms }))
}

#[tokio::test(start_paused = true)]
async fn jobs_are_executed_and_no_more_at_once_than_allowed() {
    let server = Server::with((0..20).map(|n| sleep_job(1_000 + n)));
    work(&server, 4, server.results(20)).await.unwrap();
    let state = server.state.lock();
    assert_eq!((state.results.len(), state.held.len(), state.held_max), (20, 0, 4));
    assert!(state.polls.iter().all(|(_, limit)| (1..=4).contains(limit)), "{:?}", state.polls);
    let elapsed = server.started.elapsed();
    assert!(elapsed < Duration::from_secs(6), "five rounds of a second: {elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_away_is_asked_less_and_less_until_it_is_back() {
    let server = Server::with([sleep_job(1)]);
    let asked = ApiError::Unavailable { problem: "busy".to_owned(), retry_after_ms: Some(30_000) };
    let server = server.failing("lease", (0..7).map(|_| down()).chain([asked]).collect());
    work(&server, 1, server.results(1)).await.unwrap();
    let at: Vec<Duration> = server.state.lock().polls.iter().map(|(at, _)| *at).take(9).collect();
    let gaps: Vec<u64> = at.windows(2).map(|w| (w[1] - w[0]).as_millis() as u64).collect();
    for (n, gap) in gaps[..7].iter().enumerate() {
        let whole = 100 << n;
        assert!((whole / 2..=whole).contains(gap), "{n}: {gap}");
    }
    assert_eq!(gaps[7], 30_000, "it asked for that");
}

#[tokio::test(start_paused = true)]
async fn a_runner_that_is_turned_away_says_so() {
    for error in [
        ApiError::Unauthorized("revoked".to_owned()),
        ApiError::Refused { status: 422, problem: "no such pool".to_owned() },
    ] {
        let server = Server::with([]).failing("lease", vec![error]);
        let run = poller(&server, 1).run(CancellationToken::new());
        let turned = tokio::time::timeout(Duration::from_secs(60), run).await;
        let turned = turned.expect("it ends by itself");
        assert!(turned.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn a_result_is_handed_in_until_the_server_takes_it() {
    let server = Server::with([sleep_job(10)]);
    let server = server.failing("result", (0..6).map(|_| down()).collect());
    work(&server, 1, server.results(1)).await.unwrap();
    assert_eq!(server.outcomes(), [json!({"completed": {"output": {"value": {"slept_ms": 10}}}})]);
}

#[tokio::test(start_paused = true)]
async fn a_result_that_is_refused_becomes_a_failure() {
    let refused = ApiError::Refused { status: 413, problem: "too large".to_owned() };
    let server = Server::with([sleep_job(10)]).failing("result", vec![refused]);
    work(&server, 1, server.results(1)).await.unwrap();
    assert_eq!(
        server.outcomes(),
        [json!({"failed": {"failure":
            {"code": "result_refused", "message": "too large", "retryable": false}}})]
    );
}

#[tokio::test(start_paused = true)]
async fn cancelling_and_losing_a_lease_reach_the_job() {
    let server = Server::with([sleep_job(3_600_000), sleep_job(3_600_000)]);
    let script = async {
        sleep(Duration::from_secs(1)).await;
        {
            let mut state = server.state.lock();
            let keys: Vec<_> = state.held.keys().cloned().collect();
            state.held.insert(keys[0].clone(), LeaseStanding::Cancelling);
            state.held.insert(keys[1].clone(), LeaseStanding::Lost);
        }
        server.results(1).await;
        assert_eq!(server.started.elapsed(), Duration::from_secs(5), "with the next heartbeat");
        sleep(Duration::from_secs(60)).await;
    };
    work(&server, 2, script).await.unwrap();
    assert_eq!(server.outcomes(), [json!({"cancelled": {}})], "a lost job is not answered");
}

#[tokio::test(start_paused = true)]
async fn a_runner_that_cannot_renew_stops_its_jobs() {
    let server = Server::with([sleep_job(3_600_000)]);
    let server = server.failing("heartbeat", (0..1_000).map(|_| down()).collect());
    let shutdown = CancellationToken::new();
    let poller = poller(&server, 1);
    let keeper = poller.keeper.clone();
    let script = async {
        sleep(Duration::from_secs(14)).await;
        assert_eq!(keeper.len(), 1);
        sleep(Duration::from_secs(2)).await;
        assert_eq!(keeper.len(), 0);
        shutdown.cancel();
    };
    let (ended, ()) = tokio::join!(poller.run(shutdown.clone()), script);
    ended.unwrap();
    assert!(server.outcomes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_lets_jobs_finish_and_stops_those_that_take_too_long() {
    let job = |ms, effect| JobMessage { effect, ..sleep_job(ms) };
    let server = Server::with([
        job(20_000, EffectClass::Idempotent),
        job(3_600_000, EffectClass::Idempotent),
        job(3_600_001, EffectClass::Irreversible),
        job(1, EffectClass::None),
    ]);
    // The last job waits for a slot and is never leased.
    work(&server, 3, sleep(Duration::from_secs(1))).await.unwrap();
    assert_eq!(server.started.elapsed().as_secs(), 31, "the drain takes its 30 s");
    let stopped = json!({"failed": {"failure": {
        "code": "runner_stopped", "message": "its runner was shut down", "retryable": true,
    }}});
    let slept = json!({"completed": {"output": {"value": {"slept_ms": 20_000}}}});
    assert_eq!(server.outcomes(), [slept, stopped.clone(), stopped]);
    assert_eq!(server.state.lock().queue.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn long_values_are_fetched_and_stored_with_the_server() {
    let long = Bytes::from(json!({"args": "x".repeat(20_000)}).to_string());
    let digest = Digest::of(&long);
    let mut job = function("echo", json!(null));
    job.config = PayloadMessage::Stored { digest, len: long.len() as u64 };
    let server = Server::with([job]).failing("value", vec![down(), down()]);
    server.state.lock().values.insert(digest, long);
    work(&server, 1, server.results(1)).await.unwrap();
    let output = Bytes::from(json!("x".repeat(20_000)).to_string());
    assert_eq!(
        server.outcomes(),
        [json!({"completed": {"output":
            {"digest": Digest::of(&output).to_string(), "len": output.len()}}})]
    );
    assert_eq!(server.state.lock().values.get(&Digest::of(&output)), Some(&output));
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_gone_or_wrong_fails_the_job_for_good() {
    for stored in [None, Some(Bytes::from_static(b"{}"))] {
        let digest = Digest::of(b"something else");
        let mut job = function("echo", json!(null));
        job.config = PayloadMessage::Stored { digest, len: 14 };
        let server = Server::with([job]);
        server.state.lock().values.extend(stored.map(|bytes| (digest, bytes)));
        work(&server, 1, server.results(1)).await.unwrap();
        let failure = &server.outcomes()[0]["failed"]["failure"];
        assert_eq!(
            (&failure["code"], &failure["retryable"]),
            (&json!("value_missing"), &json!(false))
        );
    }
}
