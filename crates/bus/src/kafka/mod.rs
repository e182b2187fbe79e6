//! The production adapter: topics of Kafka.
//!
//! A group of a topic is a Kafka group of its own, so that members of one topic coming and going
//! do not move the partitions of another. Every message goes to the partition that
//! [`partition_of`] says, never to one that a client library chooses. The true place of a consumer
//! is in the database with its effects; offsets in Kafka say from where to repeat.

mod assignment;
mod config;
mod consumer;
mod member;
mod producer;
mod topics;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header as KafkaHeader, OwnedHeaders};
use thiserror::Error;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

pub use self::config::KafkaConfig;
use self::config::{IN_FLIGHT_MAX, Lane};
use self::consumer::{Inbox, KafkaConsumer};
use self::member::{FETCHED_MAX, Fetched, Member, Shared, Start};
use self::producer::{Producer, Record};
pub use self::topics::{TopicError, TopicSpec};
use crate::dead::dead_headers;
use crate::{
    Bus, Consumer, DropGroupError, Header, MAX_MESSAGE_BYTES, Outgoing, PublishError,
    SubscribeError, Topic, Unavailable, dead_topic, partition_of,
};

/// How long a question about topics may take.
const ASK_TIMEOUT: Duration = Duration::from_secs(10);

type Admin = AdminClient<DefaultClientContext>;

/// A bus on Kafka brokers. Clones are the same bus.
#[derive(Clone)]
pub struct KafkaBus {
    inner: Arc<Inner>,
}

struct Inner {
    config: KafkaConfig,
    latency: Producer,
    bulk: Producer,
    admin: OnceLock<Arc<Admin>>,
    /// Known topics. Their partitions never change.
    partitions: Mutex<BTreeMap<Topic, NonZeroU32>>,
    /// Messages that may be in flight.
    permits: Semaphore,
    /// Members of this process that were dropped, and may not have left their groups yet.
    leaving: Mutex<Vec<Leaving>>,
}

/// The settings describe no client.
#[derive(Debug, Error)]
#[error("the settings of the Kafka client are not valid")]
pub struct ConfigError(#[source] KafkaError);

impl std::fmt::Debug for KafkaBus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaBus").field("config", &self.inner.config).finish_non_exhaustive()
    }
}

impl KafkaBus {
    /// A bus at these brokers, which need not be there yet.
    ///
    /// # Errors
    /// If the settings are not valid.
    pub fn new(config: KafkaConfig) -> Result<Self, ConfigError> {
        let bus = Self {
            inner: Arc::new(Inner {
                latency: Producer::new(config.producer(Lane::Latency)),
                bulk: Producer::new(config.producer(Lane::Bulk)),
                admin: OnceLock::new(),
                partitions: Mutex::default(),
                permits: Semaphore::new(IN_FLIGHT_MAX),
                leaving: Mutex::default(),
                config,
            }),
        };
        bus.admin().map_err(ConfigError)?;
        Ok(bus)
    }

    /// Fine where the brokers answer.
    ///
    /// # Errors
    /// If they do not.
    pub async fn check(&self) -> Result<(), Unavailable> {
        self.topics().await.map(drop)
    }

    /// Waits until the members of this process that were dropped have left their groups, so that
    /// others need not wait for them to time out.
    pub async fn settled(&self) {
        self.until_left(|_| true).await;
    }

    fn admin(&self) -> Result<Arc<Admin>, KafkaError> {
        if let Some(admin) = self.inner.admin.get() {
            return Ok(Arc::clone(admin));
        }
        let admin = Arc::new(self.inner.config.admin().create::<Admin>()?);
        Ok(Arc::clone(self.inner.admin.get_or_init(|| admin)))
    }

    /// All topics with their partitions. Asking for all of them makes none, whatever the brokers
    /// are set to.
    async fn topics(&self) -> Result<BTreeMap<Topic, NonZeroU32>, Unavailable> {
        let admin = self.admin().map_err(Unavailable::new)?;
        let asked = tokio::task::spawn_blocking(move || {
            let metadata = admin.inner().fetch_metadata(None, ASK_TIMEOUT)?;
            let topics = metadata.topics().iter().filter_map(|topic| {
                let count = u32::try_from(topic.partitions().len()).ok()?;
                Some((Topic::new(topic.name()), NonZeroU32::new(count)?))
            });
            Ok::<_, KafkaError>(topics.collect())
        });
        let answer = asked.await.map_err(Unavailable::new)?;
        answer.map_err(Unavailable::new)
    }

    /// The partitions of a topic; `None`: there is no such topic.
    async fn partitions(&self, topic: &Topic) -> Result<Option<NonZeroU32>, Unavailable> {
        if let Some(count) = self.inner.partitions.lock().get(topic) {
            return Ok(Some(*count));
        }
        let found = self.topics().await?;
        let count = found.get(topic).copied();
        if let Some(count) = count {
            self.inner.partitions.lock().insert(topic.clone(), count);
        }
        Ok(count)
    }

    fn producer(&self, topic: &Topic) -> &Producer {
        match self.inner.config.lane(topic) {
            Lane::Latency => &self.inner.latency,
            Lane::Bulk => &self.inner.bulk,
        }
    }

    /// Writes what nobody can read to the dead letters of its topic, if that has any.
    async fn bury(&self, topic: &Topic, dead: &Fetched, reason: &str) -> Result<(), Unavailable> {
        let Fetched { partition, offset, .. } = *dead;
        let to = dead_topic(topic);
        let Some(partitions) = self.partitions(&to).await? else {
            tracing::error!(%topic, partition, offset, reason, "a message is lost: no topic {to}");
            return Ok(());
        };
        tracing::warn!(%topic, partition, offset, reason, "a message goes to the dead letters");
        let about = dead_headers(topic, partition, offset, reason);
        let record = Record {
            topic: to.as_str(),
            partition: partition_of(&dead.key, partitions),
            key: &dead.key,
            payload: &dead.payload,
            headers: headers(dead.headers.iter().chain(&about)),
        };
        self.producer(&to).send(std::iter::once(record)).await
    }

    /// Starts a member of a group, or a listener.
    async fn start(
        &self,
        topic: &Topic,
        group: String,
        start: Start,
    ) -> Result<KafkaConsumer, Unavailable> {
        let (fetched, inbox) = mpsc::channel(FETCHED_MAX);
        let shared = Arc::new(Shared::default());
        let keeps_place = matches!(start, Start::Group);
        let lane = self.inner.config.lane(topic);
        let member = Member {
            config: self.inner.config.consumer(lane, &group),
            topic: topic.clone(),
            start,
            shared: Arc::clone(&shared),
            fetched,
        };
        // Made before the thread, so that it is closed if this future is dropped.
        let (presence, end) = watch::channel(());
        let consumer = KafkaConsumer {
            bus: self.clone(),
            topic: topic.clone(),
            shared,
            inbox: Inbox::new(inbox),
            keeps_place,
            leaving: Leaving { group, end },
        };
        let (ready, begun) = oneshot::channel();
        let thread = std::thread::Builder::new().name("kafka-member".to_owned());
        let body = move || {
            member.run(ready);
            drop(presence);
        };
        thread.spawn(body).map_err(Unavailable::new)?;
        match begun.await {
            Ok(Ok(())) => Ok(consumer),
            Ok(Err(error)) => Err(Unavailable::new(error)),
            Err(error) => Err(Unavailable::new(error)),
        }
    }

    /// Asks for a group to be deleted. Which broker coordinates it, and whether that one has read
    /// its groups, is settled a moment after a broker came or a first group was named: the answers
    /// that say so are no verdict, and the question is put again.
    async fn delete_group(&self, name: &str) -> Result<Result<(), RDKafkaErrorCode>, Unavailable> {
        let admin = self.admin().map_err(Unavailable::new)?;
        let mut tries = 0;
        loop {
            let answers = admin.delete_groups(&[name], &AdminOptions::new()).await;
            let answer = answers.map_err(Unavailable::new)?.pop();
            match answer {
                Some(Err((_, code))) if is_unsettled(code) && tries < 100 => {
                    tries += 1;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Some(Err((_, code))) => return Ok(Err(code)),
                Some(Ok(_)) | None => return Ok(Ok(())),
            }
        }
    }

    /// Waits until those members of this process that were dropped have left their groups.
    async fn until_left(&self, concerns: impl Fn(&str) -> bool) {
        let leaving: Vec<_> = {
            let mut leaving = self.inner.leaving.lock();
            leaving.retain(|member| !member.has_left());
            leaving.iter().filter(|member| concerns(&member.group)).cloned().collect()
        };
        for mut member in leaving {
            // Nothing is ever said; it ends with the thread.
            while member.end.changed().await.is_ok() {}
        }
    }
}

/// The brokers do not know yet who coordinates a group.
fn is_unsettled(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode::{CoordinatorLoadInProgress, CoordinatorNotAvailable, NotCoordinator};
    matches!(code, CoordinatorLoadInProgress | CoordinatorNotAvailable | NotCoordinator)
}

/// A member that was dropped and whose thread may still be at work.
#[derive(Debug, Clone)]
struct Leaving {
    group: String,
    /// Closed when the thread has ended.
    end: watch::Receiver<()>,
}

impl Leaving {
    fn has_left(&self) -> bool {
        self.end.has_changed().is_err()
    }
}

/// The Kafka group of a topic's group.
fn kafka_group(topic: &Topic, group: &str) -> String {
    format!("{group}@{topic}")
}

fn headers<'a>(headers: impl Iterator<Item = &'a Header>) -> Option<OwnedHeaders> {
    let add = |list: Option<OwnedHeaders>, header: &Header| {
        let list = list.unwrap_or_default();
        Some(list.insert(KafkaHeader { key: &header.name, value: Some(&header.value[..]) }))
    };
    headers.fold(None, add)
}

#[async_trait]
impl Bus for KafkaBus {
    async fn publish(&self, batch: Vec<Outgoing>) -> Result<(), PublishError> {
        let mut routes = Vec::with_capacity(batch.len());
        for message in &batch {
            let topic = &message.topic;
            let size_bytes = message.size_bytes();
            if size_bytes > MAX_MESSAGE_BYTES {
                return Err(PublishError::TooLarge { topic: topic.clone(), size_bytes });
            }
            let Some(partitions) = self.partitions(topic).await? else {
                return Err(PublishError::UnknownTopic { topic: topic.clone() });
            };
            routes.push((partition_of(&message.key, partitions), self.inner.config.lane(topic)));
        }
        let permits = u32::try_from(batch.len().min(IN_FLIGHT_MAX)).unwrap_or(u32::MAX);
        let _permits = self.inner.permits.acquire_many(permits).await.map_err(Unavailable::new)?;
        for (lane, producer) in
            [(Lane::Latency, &self.inner.latency), (Lane::Bulk, &self.inner.bulk)]
        {
            let records: Vec<_> = batch
                .iter()
                .zip(&routes)
                .filter(|(_, route)| route.1 == lane)
                .map(|(message, (partition, _))| Record {
                    topic: message.topic.as_str(),
                    partition: *partition,
                    key: &message.key,
                    payload: &message.payload,
                    headers: headers(message.headers.iter()),
                })
                .collect();
            producer.send(records.into_iter()).await?;
        }
        Ok(())
    }

    async fn subscribe(
        &self,
        topic: &Topic,
        group: &str,
    ) -> Result<Box<dyn Consumer>, SubscribeError> {
        if self.partitions(topic).await?.is_none() {
            return Err(SubscribeError::UnknownTopic { topic: topic.clone() });
        }
        let group = kafka_group(topic, group);
        self.until_left(|leaving| leaving == group).await;
        let consumer = self.start(topic, group, Start::Group).await?;
        // Where there are more members than partitions, none may be left for this one.
        let settle = Duration::from_millis(self.inner.config.settle_ms);
        drop(tokio::time::timeout(settle, consumer.shared.assigned.notified()).await);
        Ok(Box::new(consumer))
    }

    async fn listen(
        &self,
        topic: &Topic,
        group: &str,
    ) -> Result<Box<dyn Consumer>, SubscribeError> {
        let Some(partitions) = self.partitions(topic).await? else {
            return Err(SubscribeError::UnknownTopic { topic: topic.clone() });
        };
        let start = Start::Ends(partitions.get());
        Ok(Box::new(self.start(topic, kafka_group(topic, group), start).await?))
    }

    async fn drop_group(&self, topic: &Topic, group: &str) -> Result<(), DropGroupError> {
        let name = kafka_group(topic, group);
        self.until_left(|leaving| leaving == name).await;
        match self.delete_group(&name).await? {
            Ok(()) | Err(RDKafkaErrorCode::GroupIdNotFound) => Ok(()),
            Err(RDKafkaErrorCode::NonEmptyGroup) => {
                let (topic, group) = (topic.clone(), group.to_owned());
                Err(DropGroupError::Busy { topic, group })
            }
            Err(code) => Err(Unavailable::new(KafkaError::AdminOp(code)).into()),
        }
    }
}
