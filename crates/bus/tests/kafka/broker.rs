//! The tests' broker, with topics of their own for every case.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

use aob_bus::Topic;
use aob_bus::kafka::{KafkaBus, KafkaConfig, TopicSpec};

/// Where the tests' broker is; made by `scripts/services`.
const VARIABLE: &str = "AOB_TEST_KAFKA_BROKERS";

/// Partitions of the tests' topics.
pub(crate) const PARTITIONS: NonZeroU32 = NonZeroU32::new(4).unwrap();

#[expect(clippy::disallowed_methods, reason = "the tests' configuration is one variable")]
pub(crate) fn brokers() -> String {
    std::env::var(VARIABLE).unwrap_or_else(|_| {
        panic!("{VARIABLE} is not set: run `scripts/services run kafka -- cargo test ...`")
    })
}

/// Settings under which members notice each other soon.
pub(crate) fn config() -> KafkaConfig {
    KafkaConfig { heartbeat_ms: 100, settle_ms: 3_000, ..KafkaConfig::new(&brokers()) }
}

pub(crate) fn bus(config: KafkaConfig) -> KafkaBus {
    KafkaBus::new(config).expect("the settings are valid")
}

/// A name that no other case uses.
pub(crate) fn fresh_topic() -> Topic {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    Topic::new(&format!("test-{}-{n}", std::process::id()))
}

pub(crate) fn spec(topic: &Topic) -> TopicSpec {
    let (topic, settings) = (topic.clone(), BTreeMap::new());
    TopicSpec { topic, partitions: PARTITIONS, replicas: 1, settings }
}

/// Makes topics.
pub(crate) async fn create(bus: &KafkaBus, topics: &[Topic]) {
    let specs: Vec<_> = topics.iter().map(spec).collect();
    bus.create_topics(&specs).await.expect("topics are made");
}
