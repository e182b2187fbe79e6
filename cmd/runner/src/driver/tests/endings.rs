//! How a driver ends: killed, shut down, or with a bus that does not answer.

use std::sync::Arc;
use std::time::Duration;

use aob_api::jobs::{JobMessage, OutcomeMessage, PayloadMessage};
use aob_bus::{
    Bus, Consumer, DropGroupError, MemBus, Outgoing, PublishError, SubscribeError, Topic,
    Unavailable,
};
use aob_ir::EffectClass;
use async_trait::async_trait;
use parking_lot::Mutex;
use serde_json::json;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{MEDIUM, Table, World, builtins, completed, job, nap};
use crate::attempt::Attempt;
use crate::execute::{Executor, Outcome, ReadyJob};

/// A driver that dies leaves what it had not answered to the next one, except what it had claimed.
#[tokio::test(start_paused = true)]
async fn what_a_dead_runner_left_undone_is_delivered_again() {
    let world = World::new(Table::default()).await;
    for (run, leased, ms) in [(1, false, 10), (2, false, 5_000), (3, false, 10), (4, true, 5_000)] {
        world.send(MEDIUM, &nap(run, leased, ms)).await;
    }
    let run = world.driver(builtins(), 8).run(CancellationToken::new());
    tokio::select! {
        ran = run => panic!("{ran:?}"),
        () = async { world.results(2).await; sleep(Duration::from_secs(1)).await } => {}
    }
    assert_eq!(world.undone(MEDIUM).await, [2, 3, 4], "behind the first that is not answered");
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_drains() {
    let world = World::new(Table::default()).await;
    world.send(MEDIUM, &nap(1, false, 20_000)).await;
    world.send(MEDIUM, &nap(2, true, 3_600_000)).await;
    world.work(3, sleep(Duration::from_secs(1))).await;
    assert_eq!(world.started.elapsed().as_secs(), 31, "the drain takes its 30 s");
    assert_eq!(world.result().await, (1, completed(json!({"slept_ms": 20_000}))));
    let (run, outcome) = world.result().await;
    let failure = &outcome["failed"]["failure"];
    assert_eq!((run, &failure["code"]), (2, &json!("runner_stopped")));
    assert_eq!(failure["retryable"], true);
    assert_eq!(world.undone(MEDIUM).await, [] as [u128; 0]);
}

/// Ignores every request to stop.
#[derive(Debug)]
struct Deaf;

#[async_trait]
impl Executor for Deaf {
    async fn execute(&self, _: &ReadyJob<'_>, _: &Attempt) -> Outcome {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_does_not_stop_is_answered_for() {
    let world = World::new(Table::default()).await;
    let effect = EffectClass::Irreversible;
    let deaf = JobMessage { effect, ..job(1, true, "deaf", json!(null)) };
    world.send(MEDIUM, &deaf).await;
    let shutdown = CancellationToken::new();
    let run = world.driver(Arc::new(Deaf), 3).run(shutdown.clone());
    let stop = async {
        sleep(Duration::from_secs(1)).await;
        shutdown.cancel();
    };
    let (ran, ()) = tokio::join!(run, stop);
    ran.unwrap();
    let failure = world.result().await.1["failed"]["failure"].clone();
    assert_eq!((&failure["code"], &failure["lost"]), (&json!("runner_stopped"), &json!(true)));
    assert_eq!(world.started.elapsed().as_secs(), 41, "30 s to drain and 10 s to stop");
}

/// A bus whose results cannot be published for a while, or ever.
#[derive(Debug)]
struct Clogged {
    bus: MemBus,
    failures: Mutex<u32>,
}

#[async_trait]
impl Bus for Clogged {
    async fn publish(&self, batch: Vec<Outgoing>) -> Result<(), PublishError> {
        let failing = {
            let mut failures = self.failures.lock();
            *failures = failures.saturating_sub(1);
            *failures > 0
        };
        if failing {
            return Err(Unavailable::new("down").into());
        }
        self.bus.publish(batch).await
    }

    async fn subscribe(
        &self,
        topic: &Topic,
        group: &str,
    ) -> Result<Box<dyn Consumer>, SubscribeError> {
        self.bus.subscribe(topic, group).await
    }

    async fn drop_group(&self, topic: &Topic, group: &str) -> Result<(), DropGroupError> {
        self.bus.drop_group(topic, group).await
    }
}

#[tokio::test(start_paused = true)]
async fn results_are_published_until_the_bus_takes_them() {
    let mut world = World::new(Table::default()).await;
    world.port = Arc::new(Clogged { bus: world.bus.clone(), failures: Mutex::new(6) });
    world.send(MEDIUM, &job(1, false, "echo", json!(1))).await;
    assert_eq!(world.work(8, world.result()).await, (1, completed(json!(1))));
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_never_comes_back_does_not_hold_a_shutdown_up() {
    let mut world = World::new(Table::default()).await;
    world.port = Arc::new(Clogged { bus: world.bus.clone(), failures: Mutex::new(u32::MAX) });
    for run in 0..5 {
        world.send(MEDIUM, &job(run, false, "echo", json!(run))).await;
    }
    world.work(2, sleep(Duration::from_secs(1))).await;
    assert!(world.started.elapsed() < Duration::from_secs(60), "{:?}", world.started.elapsed());
    assert_eq!(world.undone(MEDIUM).await, [0, 1, 2, 3, 4], "nothing was acknowledged");
}

#[tokio::test(start_paused = true)]
async fn long_failures_are_cut_to_fit_a_message() {
    let world = World::new(Table::default()).await;
    let text = "é".repeat(100_000);
    let mut long = job(1, false, "fail", json!(null));
    let config = json!({"name": "fail", "args": {"message": text, "code": text}});
    long.config = PayloadMessage::Inline(aob_api::jobs::RawText::of(&config).0);
    world.send(MEDIUM, &long).await;
    let (_, outcome) = world.work(8, world.result()).await;
    let outcome: OutcomeMessage = serde_json::from_value(outcome).unwrap();
    let OutcomeMessage::Failed { failure } = outcome else { panic!("{outcome:?}") };
    assert!(failure.message.len() <= 4_096 && failure.message.starts_with('é'));
    assert!(failure.code.len() <= 128);
}

#[tokio::test(start_paused = true)]
async fn missing_topics_are_an_error_at_the_start() {
    let mut world = World::new(Table::default()).await;
    world.port = Arc::new(MemBus::new([]));
    let ran = world.driver(builtins(), 1).run(CancellationToken::new()).await;
    assert!(matches!(ran, Err(SubscribeError::UnknownTopic { .. })));
}
