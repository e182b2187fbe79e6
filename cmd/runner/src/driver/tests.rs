//! The bus driver against the in-process bus and the store's reference model, on the runtime's
//! paused clock.

mod endings;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use aob_api::jobs::{AttemptKey, JobMessage, LeaseStanding, ResultMessage};
use aob_bus::{Bus, Consumer, MemBus, Outgoing, Topic, TopicConfig};
use aob_engine::{RunId, Timestamp};
use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Driver, DriverConfig, DriverDeps};
use crate::builtins::Builtins;
use crate::execute::Executor;
use crate::http::HttpExecutor;
use crate::leases::{Beat, Claims, Heartbeats, LeasesUnavailable};
use crate::secrets::MapSecrets;
use crate::testing::{FakePort, StillClock, function, worker};

const HIGH: &str = "node.jobs.high";
const MEDIUM: &str = "node.jobs.medium";
const LOW: &str = "node.jobs.low";

fn mem_bus() -> MemBus {
    let one = TopicConfig::with_partitions(NonZeroU32::MIN);
    let dead = "node.jobs.medium.dead";
    MemBus::new([HIGH, MEDIUM, LOW, dead, "node.results"].map(|topic| (Topic::new(topic), one)))
}

/// Leases in memory: who may hold what, and what happened.
#[derive(Debug, Default)]
struct Table {
    held: Mutex<Vec<(AttemptKey, String)>>,
    claims: Mutex<Vec<usize>>,
    beats: Mutex<Vec<usize>>,
    standing: Mutex<Option<LeaseStanding>>,
    claims_fail: Mutex<u32>,
    taken: Vec<AttemptKey>,
}

#[async_trait]
impl Heartbeats for Table {
    async fn heartbeat(&self, beats: Vec<Beat>) -> Result<Vec<LeaseStanding>, LeasesUnavailable> {
        self.beats.lock().push(beats.len());
        let held = self.held.lock();
        for beat in &beats {
            assert!(held.contains(&(beat.item.key(), beat.holder.to_string())), "{beat:?}");
        }
        let standing = self.standing.lock().unwrap_or(LeaseStanding::Held);
        Ok(vec![standing; beats.len()])
    }
}

#[async_trait]
impl Claims for Table {
    async fn claim(
        &self,
        holder: &str,
        attempts: &[AttemptKey],
    ) -> Result<Vec<bool>, LeasesUnavailable> {
        let mut fail = self.claims_fail.lock();
        if *fail > 0 {
            *fail -= 1;
            return Err(LeasesUnavailable("down".to_owned()));
        }
        self.claims.lock().push(attempts.len());
        let mut held = self.held.lock();
        let granted = attempts.iter().map(|key| {
            let other = held.iter().any(|(k, h)| k == key && h != holder);
            let free = !other && !self.taken.contains(key);
            if free {
                held.push((key.clone(), holder.to_owned()));
            }
            free
        });
        Ok(granted.collect())
    }
}

struct World {
    bus: MemBus,
    port: Arc<dyn Bus>,
    table: Arc<Table>,
    results: Box<dyn Consumer>,
    started: Instant,
}

impl World {
    async fn new(table: Table) -> Self {
        let bus = mem_bus();
        let results = bus.subscribe(&Topic::new("node.results"), "test").await.unwrap();
        let port = Arc::new(bus.clone());
        Self { bus, port, table: Arc::new(table), results, started: Instant::now() }
    }

    async fn send(&self, topic: &str, job: &JobMessage) {
        self.send_bytes(topic, job, serde_json::to_vec(job).unwrap()).await;
    }

    async fn send_bytes(&self, topic: &str, job: &JobMessage, payload: Vec<u8>) {
        let message = Outgoing {
            topic: Topic::new(topic),
            key: *job.run.0.as_bytes(),
            headers: vec![],
            payload: Bytes::from(payload),
        };
        self.bus.publish(vec![message]).await.unwrap();
    }

    fn driver(&self, executor: Arc<dyn Executor>, concurrency: usize) -> Driver {
        let deps = DriverDeps {
            bus: self.port.clone(),
            claims: self.table.clone(),
            clock: Arc::new(StillClock),
            worker: worker(executor, MapSecrets::default()),
        };
        Driver::new(DriverConfig { concurrency, ..DriverConfig::new("r1") }, deps)
    }

    /// Runs a driver of the built-in functions until `until` is done; returns what that returned.
    async fn work<T>(&self, concurrency: usize, until: impl Future<Output = T>) -> T {
        let shutdown = CancellationToken::new();
        let run = self.driver(builtins(), concurrency).run(shutdown.clone());
        let until = async {
            let value = until.await;
            shutdown.cancel();
            value
        };
        let (ran, value) = tokio::join!(run, until);
        ran.unwrap();
        value
    }

    /// The next result, as `(run, outcome)`.
    async fn result(&self) -> (u128, Value) {
        let messages = self.results.recv_batch(1).await.unwrap();
        let result: ResultMessage = serde_json::from_slice(&messages[0].payload).unwrap();
        assert_eq!(messages[0].key, *result.run.0.as_bytes(), "keyed by run");
        assert_eq!(result.started_at, Some(Timestamp(784_111_770_000)));
        (result.run.0.as_u128(), serde_json::to_value(&result.outcome).unwrap())
    }

    async fn results(&self, count: usize) -> Vec<u128> {
        let mut runs = Vec::new();
        for _ in 0..count {
            runs.push(self.result().await.0);
        }
        runs
    }

    /// What a new member of the runners' group is sent.
    async fn undone(&self, topic: &str) -> Vec<u128> {
        let consumer = self.bus.subscribe(&Topic::new(topic), "runners").await.unwrap();
        let received = tokio::time::timeout(Duration::from_secs(1), consumer.recv_batch(100)).await;
        let messages = received.map(Result::unwrap).unwrap_or_default();
        messages.iter().map(|message| u128::from_be_bytes(message.key)).collect()
    }
}

fn builtins() -> Arc<dyn Executor> {
    let http = HttpExecutor::new(FakePort::answering([]), Arc::new(StillClock));
    Arc::new(Builtins::new(http))
}

fn job(run: u128, leased: bool, name: &str, args: Value) -> JobMessage {
    JobMessage { run: RunId(uuid::Uuid::from_u128(run)), leased, ..function(name, args) }
}

fn nap(run: u128, leased: bool, ms: u64) -> JobMessage {
    job(run, leased, "sleep", json!({ "ms": ms }))
}

fn completed(value: Value) -> Value {
    json!({"completed": {"output": {"value": value}}})
}

#[tokio::test(start_paused = true)]
async fn jobs_of_all_priorities_are_executed_and_answered() {
    let world = World::new(Table::default()).await;
    for (run, topic, leased) in [(1, HIGH, false), (2, MEDIUM, true), (3, LOW, false)] {
        world.send(topic, &job(run, leased, "echo", json!({ "n": run }))).await;
    }
    let mut results = world
        .work(8, async { vec![world.result().await, world.result().await, world.result().await] })
        .await;
    results.sort_by_key(|(run, _)| *run);
    let expected: Vec<_> = (1..=3).map(|n| (n, completed(json!({ "n": n })))).collect();
    assert_eq!(results, expected);
    for topic in [HIGH, MEDIUM, LOW] {
        assert_eq!(world.undone(topic).await, [] as [u128; 0], "{topic}");
    }
    assert_eq!(*world.table.claims.lock(), [1], "only what needs a lease is claimed");
}

#[tokio::test(start_paused = true)]
async fn high_goes_first_and_low_is_not_starved() {
    let world = World::new(Table::default()).await;
    for n in 0..200 {
        world.send(HIGH, &nap(n, false, 10)).await;
        world.send(MEDIUM, &nap(1_000 + n, false, 10)).await;
        world.send(LOW, &nap(2_000 + n, false, 10)).await;
    }
    let runs = world.work(1, world.results(210)).await;
    let count = |from: u128| runs.iter().filter(|run| (from..from + 1_000).contains(*run)).count();
    assert_eq!([count(0), count(1_000), count(2_000)], [160, 40, 10]);
    assert!(runs[0] < 1_000, "high goes first");
}

#[tokio::test(start_paused = true)]
async fn an_idle_lane_saves_nothing_up() {
    let world = World::new(Table::default()).await;
    for n in 0..300 {
        world.send(LOW, &nap(2_000 + n, false, 10)).await;
    }
    let script = async {
        world.results(100).await;
        for n in 0..100 {
            world.send(HIGH, &nap(n, false, 10)).await;
        }
        world.results(34).await
    };
    let runs = world.work(1, script).await;
    let low = runs.iter().filter(|run| **run >= 2_000).count();
    assert!((2..=4).contains(&low), "sixteen to one, from the start: {runs:?}");
}

#[tokio::test(start_paused = true)]
async fn no_more_jobs_run_at_once_than_there_are_slots() {
    let world = World::new(Table::default()).await;
    for n in 0..40 {
        world.send(MEDIUM, &nap(n, n % 2 == 0, 1_000)).await;
    }
    world.work(8, world.results(40)).await;
    assert_eq!(world.started.elapsed().as_secs(), 5, "five rounds of eight");
}

#[tokio::test(start_paused = true)]
async fn leases_are_claimed_together_and_what_is_refused_is_dropped() {
    let key = |run| job(run, true, "echo", json!(null)).key();
    let world = World::new(Table { taken: vec![key(3), key(5)], ..Table::default() }).await;
    for run in 0..8 {
        world.send(MEDIUM, &job(run, true, "echo", json!(run))).await;
    }
    let mut runs = world.work(64, world.results(6)).await;
    runs.sort_unstable();
    assert_eq!(runs, [0, 1, 2, 4, 6, 7]);
    assert_eq!(*world.table.claims.lock(), [8]);
    assert_eq!(world.undone(MEDIUM).await, [] as [u128; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_leased_job_that_comes_again_runs_once() {
    let world = World::new(Table::default()).await;
    for _ in 0..3 {
        world.send(MEDIUM, &job(1, true, "echo", json!(1))).await;
    }
    let script = async {
        world.result().await;
        // Its lease is still held: the result has not been applied yet.
        world.send(MEDIUM, &job(1, true, "echo", json!(1))).await;
        world.send(MEDIUM, &job(2, true, "echo", json!(2))).await;
        assert_eq!(world.result().await.0, 2);
        let more = tokio::time::timeout(Duration::from_secs(60), world.result()).await;
        assert!(more.is_err(), "{more:?}");
    };
    world.work(8, script).await;
    assert_eq!(world.undone(MEDIUM).await, [] as [u128; 0]);
}

#[tokio::test(start_paused = true)]
async fn claims_are_tried_until_the_store_is_back() {
    let world = World::new(Table { claims_fail: Mutex::new(5), ..Table::default() }).await;
    world.send(MEDIUM, &job(1, true, "echo", json!(1))).await;
    assert_eq!(world.work(8, world.result()).await, (1, completed(json!(1))));
}

#[tokio::test(start_paused = true)]
async fn leases_are_renewed_while_their_jobs_run() {
    let world = World::new(Table::default()).await;
    world.send(MEDIUM, &nap(1, true, 62_000)).await;
    world.send(MEDIUM, &nap(2, true, 62_000)).await;
    world.work(8, world.results(2)).await;
    assert_eq!(*world.table.beats.lock(), [2].repeat(12));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_job_answers_and_a_lost_one_does_not() {
    for (standing, expected) in
        [(LeaseStanding::Cancelling, Some(json!({"cancelled": {}}))), (LeaseStanding::Lost, None)]
    {
        let world = World::new(Table::default()).await;
        *world.table.standing.lock() = Some(standing);
        world.send(MEDIUM, &nap(1, true, 3_600_000)).await;
        let result = tokio::time::timeout(Duration::from_secs(60), world.result());
        let result = world.work(8, result).await;
        assert_eq!(result.ok().map(|(_, outcome)| outcome), expected, "{standing:?}");
        assert_eq!(world.undone(MEDIUM).await, [] as [u128; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn messages_that_cannot_be_read_or_come_too_late_are_passed_over() {
    let world = World::new(Table::default()).await;
    let late = JobMessage {
        queue_deadline: Some(Timestamp(784_111_769_999)),
        ..job(1, false, "echo", json!(null))
    };
    world.send(MEDIUM, &late).await;
    for bytes in [&b"not json"[..], b"{}", b"\xff", b""] {
        world.send_bytes(MEDIUM, &late, bytes.to_vec()).await;
    }
    let in_time = JobMessage {
        queue_deadline: Some(Timestamp(784_111_770_001)),
        ..job(2, false, "echo", json!(2))
    };
    world.send(MEDIUM, &in_time).await;
    assert_eq!(world.work(8, world.result()).await, (2, completed(json!(2))));
    assert_eq!(world.undone(MEDIUM).await, [] as [u128; 0]);
    let letters = world.undone("node.jobs.medium.dead").await;
    assert_eq!(letters, [1; 4], "what cannot be read is kept for somebody to look at");
}

/// A topic without groups keeps the last 1,024 messages; who has joined misses none.
#[tokio::test(start_paused = true)]
async fn jobs_published_between_joining_and_running_are_not_lost() {
    let world = World::new(Table::default()).await;
    let joined = world.driver(builtins(), 64).join().await.unwrap();
    for run in 0..2_000 {
        world.send(MEDIUM, &job(run, false, "echo", json!(run))).await;
    }
    let shutdown = CancellationToken::new();
    let script = async {
        let mut runs = world.results(2_000).await;
        shutdown.cancel();
        runs.sort_unstable();
        runs
    };
    let ((), runs) = tokio::join!(joined.run(shutdown.clone()), script);
    assert_eq!(runs, (0..2_000).collect::<Vec<u128>>());
}
