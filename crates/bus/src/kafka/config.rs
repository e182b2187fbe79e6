//! Where the brokers are, and how they are talked to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use rdkafka::ClientConfig;

use crate::{DEAD, Topic};

/// Messages in flight of a process.
pub(super) const IN_FLIGHT_MAX: usize = 65_536;

/// Settings of a [`KafkaBus`](super::KafkaBus).
#[derive(Clone)]
pub struct KafkaConfig {
    /// `host:port`, separated by commas.
    pub brokers: String,
    /// What this client is called at the brokers (`aob`).
    pub client: String,
    /// Topics whose messages may wait for others, compressed with them (`workflow.events`); those
    /// of dead letters always may.
    pub bulk: BTreeSet<Topic>,
    /// A message that is not acknowledged by then has failed (30,000).
    pub delivery_timeout_ms: u32,
    /// A member that is silent for so long loses its partitions (10,000).
    pub session_timeout_ms: u32,
    /// How often members show that they live, and learn that others came or went (1,000).
    pub heartbeat_ms: u32,
    /// How long a new member waits for its share of the partitions, where others may have all of
    /// them (5,000).
    pub settle_ms: u64,
    /// Settings of librdkafka that this program does not know: `security.protocol` and the like.
    pub extra: BTreeMap<String, String>,
}

impl KafkaConfig {
    /// The defaults, at these brokers.
    pub fn new(brokers: &str) -> Self {
        Self {
            brokers: brokers.to_owned(),
            client: "aob".to_owned(),
            bulk: BTreeSet::from([Topic::new("workflow.events")]),
            delivery_timeout_ms: 30_000,
            session_timeout_ms: 10_000,
            heartbeat_ms: 1_000,
            settle_ms: 5_000,
            extra: BTreeMap::new(),
        }
    }

    /// The lane of a topic's messages.
    pub(super) fn lane(&self, topic: &Topic) -> Lane {
        let bulk = self.bulk.contains(topic) || topic.as_str().ends_with(DEAD);
        if bulk { Lane::Bulk } else { Lane::Latency }
    }

    fn base(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        // First, so that nothing that matters here can be changed by it.
        for (name, value) in &self.extra {
            config.set(name, value);
        }
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", &self.client)
            .set("socket.keepalive.enable", "true")
            .set("socket.nagle.disable", "true")
            .set("socket.timeout.ms", "15000")
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "1000");
        config
    }

    pub(super) fn admin(&self) -> ClientConfig {
        self.base()
    }

    pub(super) fn producer(&self, lane: Lane) -> ClientConfig {
        let mut config = self.base();
        // Where a message is given up, those behind it are as well: a key's order has no holes.
        config
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("enable.gapless.guarantee", "true")
            .set("message.timeout.ms", self.delivery_timeout_ms.to_string())
            .set("queue.buffering.max.messages", (2 * IN_FLIGHT_MAX).to_string());
        match lane {
            Lane::Latency => config.set("linger.ms", "0").set("compression.type", "none"),
            Lane::Bulk => config.set("linger.ms", "5").set("compression.type", "lz4"),
        };
        config
    }

    pub(super) fn consumer(&self, lane: Lane, group: &str) -> ClientConfig {
        let mut config = self.base();
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("allow.auto.create.topics", "false")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", self.session_timeout_ms.to_string())
            .set("heartbeat.interval.ms", self.heartbeat_ms.to_string())
            .set("enable.partition.eof", "false")
            .set("topic.metadata.refresh.interval.ms", "30000");
        match lane {
            Lane::Latency => config
                .set("fetch.min.bytes", "1")
                .set("fetch.wait.max.ms", "100")
                .set("fetch.queue.backoff.ms", "5")
                .set("fetch.error.backoff.ms", "50")
                .set("queued.max.messages.kbytes", "16384"),
            Lane::Bulk => config
                .set("fetch.min.bytes", "65536")
                .set("fetch.wait.max.ms", "50")
                .set("fetch.error.backoff.ms", "100")
                .set("queued.max.messages.kbytes", "65536"),
        };
        config
    }
}

impl fmt::Debug for KafkaConfig {
    /// Other settings may hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaConfig")
            .field("brokers", &self.brokers)
            .field("client", &self.client)
            .field("bulk", &self.bulk)
            .field("delivery_timeout_ms", &self.delivery_timeout_ms)
            .field("session_timeout_ms", &self.session_timeout_ms)
            .field("heartbeat_ms", &self.heartbeat_ms)
            .field("settle_ms", &self.settle_ms)
            .finish_non_exhaustive()
    }
}

/// What matters for messages of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lane {
    /// Each is waited for: jobs, results.
    Latency,
    /// There are many: domain events.
    Bulk,
}
