//! What only this adapter promises: bounds, backpressure, and no background work.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::*;
use crate::Header;
use crate::conformance::Harness;

const TICK: Duration = Duration::from_millis(1);

#[derive(Debug)]
struct Fixture {
    bus: MemBus,
}

impl Fixture {
    fn new() -> Self {
        Self::with_limits(TopicConfig::with_partitions(NonZeroU32::new(4).unwrap()))
    }

    fn with_limits(config: TopicConfig) -> Self {
        Self { bus: MemBus::new(["a", "b"].map(|name| (Topic::new(name), config))) }
    }

    async fn consumer(&self, group: &str) -> Box<dyn Consumer> {
        self.bus.subscribe(&"a".into(), group).await.unwrap()
    }

    fn kept(&self) -> u64 {
        self.bus.shared.state.lock().topics[0].logs.iter().map(|log| log.end() - log.start()).sum()
    }
}

impl Harness for Fixture {
    fn bus(&self) -> &dyn Bus {
        &self.bus
    }

    fn topics(&self) -> [Topic; 2] {
        ["a".into(), "b".into()]
    }

    fn partitions(&self) -> NonZeroU32 {
        NonZeroU32::new(4).unwrap()
    }
}

crate::bus_conformance!(
    #[tokio::test(start_paused = true)]
    Fixture::new()
);

/// One partition, at most three messages behind, a tail of two.
fn tiny() -> Fixture {
    let lag = Limits { messages: 3, bytes: usize::MAX };
    let tail = Limits { messages: 2, bytes: usize::MAX };
    Fixture::with_limits(TopicConfig { partitions: NonZeroU32::MIN, lag, tail })
}

fn to_a(payload: &'static str) -> Outgoing {
    Outgoing {
        topic: "a".into(),
        key: [0; 16],
        headers: Vec::new(),
        payload: Bytes::from_static(payload.as_bytes()),
    }
}

async fn payloads(consumer: &dyn Consumer) -> Vec<Bytes> {
    let batch = timeout(TICK, consumer.recv_batch(100)).await;
    batch.map_or(Vec::new(), |batch| batch.unwrap().into_iter().map(|m| m.payload).collect())
}

#[tokio::test(start_paused = true)]
async fn a_topic_without_groups_keeps_a_bounded_tail() {
    let fixture = tiny();
    for payload in ["1", "2", "3", "4", "5"] {
        fixture.bus.publish(vec![to_a(payload)]).await.unwrap();
    }
    assert_eq!(payloads(&*fixture.consumer("late").await).await, ["4", "5"]);
}

#[tokio::test(start_paused = true)]
async fn publishing_waits_for_the_slowest_group() {
    let fixture = tiny();
    let (slow, fast) = (fixture.consumer("slow").await, fixture.consumer("fast").await);
    fixture.bus.publish(vec![to_a("1"), to_a("2"), to_a("3")]).await.unwrap();
    assert_eq!(payloads(&*fast).await.len(), 3);
    fast.commit(0, 2).await.unwrap();

    let mut blocked = Box::pin(fixture.bus.publish(vec![to_a("4"), to_a("5")]));
    assert!(timeout(TICK, &mut blocked).await.is_err());
    let elsewhere = Outgoing { topic: "b".into(), ..to_a("x") };
    timeout(TICK, fixture.bus.publish(vec![elsewhere])).await.unwrap().unwrap();

    assert_eq!(payloads(&*slow).await, ["1", "2", "3"]);
    assert!(timeout(TICK, &mut blocked).await.is_err());
    slow.commit(0, 0).await.unwrap();
    timeout(TICK, blocked).await.unwrap().unwrap();
    assert_eq!(payloads(&*slow).await, ["4", "5"]);
    assert_eq!(payloads(&*fast).await, ["4", "5"]);
}

#[tokio::test(start_paused = true)]
async fn bytes_bound_the_lag_as_well() {
    let lag = Limits { messages: usize::MAX, bytes: 1_900 };
    let config = TopicConfig { lag, ..TopicConfig::with_partitions(NonZeroU32::MIN) };
    let fixture = Fixture::with_limits(config);
    let _group = fixture.consumer("g").await;
    let value = Bytes::from(vec![0; 1_900]);
    let large = Outgoing { headers: vec![Header { name: "h".into(), value }], ..to_a("") };
    fixture.bus.publish(vec![large]).await.unwrap();
    assert!(timeout(TICK, fixture.bus.publish(vec![to_a("")])).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_blocked_publish_that_is_dropped_publishes_nothing() {
    let fixture = tiny();
    let group = fixture.consumer("g").await;
    fixture.bus.publish(vec![to_a("1"), to_a("2"), to_a("3")]).await.unwrap();
    assert!(timeout(TICK, fixture.bus.publish(vec![to_a("lost")])).await.is_err());
    assert_eq!(payloads(&*group).await, ["1", "2", "3"]);
    group.commit(0, 2).await.unwrap();
    assert!(payloads(&*group).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn dropping_an_abandoned_group_unblocks_publishing() {
    let fixture = tiny();
    drop(fixture.consumer("abandoned").await);
    fixture.bus.publish(vec![to_a("1"), to_a("2"), to_a("3")]).await.unwrap();
    let mut blocked = Box::pin(fixture.bus.publish(vec![to_a("4")]));
    assert!(timeout(TICK, &mut blocked).await.is_err());
    fixture.bus.drop_group(&"a".into(), "abandoned").await.unwrap();
    timeout(TICK, blocked).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_every_group_committed_is_not_kept() {
    let fixture = Fixture::new();
    let groups = [fixture.consumer("g").await, fixture.consumer("h").await];
    let batch = (0..100_u8).map(|n| Outgoing { key: [n; 16], ..to_a("x") }).collect();
    fixture.bus.publish(batch).await.unwrap();
    for (group, kept) in groups.iter().zip([100, 0]) {
        for message in group.recv_batch(1_000).await.unwrap() {
            group.commit(message.partition, message.offset).await.unwrap();
        }
        assert_eq!(fixture.kept(), kept);
    }
}

#[tokio::test(start_paused = true)]
async fn no_partition_starves_behind_a_busy_one() {
    let fixture = Fixture::new();
    let consumer = fixture.consumer("g").await;
    let busy = |count: u8| (0..count).map(|_| to_a("busy")).collect::<Vec<_>>();
    fixture.bus.publish(busy(50)).await.unwrap();
    let other = (1..=255_u8)
        .map(|n| Outgoing { key: [n; 16], ..to_a("rare") })
        .find(|m| {
            let partition = |key: &[u8]| partition_of(key, NonZeroU32::new(4).unwrap());
            partition(&m.key) != partition(&[0; 16])
        })
        .unwrap();
    fixture.bus.publish(vec![other]).await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..2 {
        seen.extend(consumer.recv_batch(10).await.unwrap());
        fixture.bus.publish(busy(20)).await.unwrap();
    }
    assert!(seen.iter().any(|message| message.payload == "rare"));
}

#[tokio::test(start_paused = true)]
async fn two_receivers_on_one_member_share_the_messages() {
    let fixture = tiny();
    let consumer = fixture.consumer("g").await;
    let both = async { tokio::join!(consumer.recv_batch(1), consumer.recv_batch(1)) };
    let publish = fixture.bus.publish(vec![to_a("1"), to_a("2")]);
    let ((first, second), published) = tokio::join!(both, publish);
    published.unwrap();
    let mut seen = [first.unwrap(), second.unwrap()].concat();
    seen.sort_by_key(|message| message.offset);
    assert_eq!(seen.iter().map(|m| &m.payload[..]).collect::<Vec<_>>(), [b"1", b"2"]);
}

#[tokio::test(start_paused = true)]
async fn the_backlog_is_that_of_the_slowest_group() {
    let fixture = Fixture::new();
    let topic = Topic::new("a");
    assert_eq!(fixture.bus.backlog(&topic), 0);
    assert_eq!(fixture.bus.backlog(&"nowhere".into()), 0);
    let (fast, slow) = (fixture.consumer("fast").await, fixture.consumer("slow").await);
    fixture.bus.publish(vec![to_a("1"), to_a("2")]).await.unwrap();
    assert_eq!(fixture.bus.backlog(&topic), 2);
    for consumer in [&fast, &slow] {
        let batch = consumer.recv_batch(2).await.unwrap();
        // Delivered is not dealt with.
        assert_eq!(fixture.bus.backlog(&topic), 2);
        consumer.commit(batch[0].partition, batch[1].offset).await.unwrap();
    }
    assert_eq!(fixture.bus.backlog(&topic), 0);
}
