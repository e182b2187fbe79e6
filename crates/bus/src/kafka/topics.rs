//! Making topics.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use rdkafka::admin::{AdminOptions, NewTopic, TopicReplication};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use thiserror::Error;

use super::KafkaBus;
use crate::{Topic, Unavailable};

/// A topic to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSpec {
    /// Its name.
    pub topic: Topic,
    /// Its partitions, for good: with another number, keys would go elsewhere.
    pub partitions: NonZeroU32,
    /// Copies of each partition.
    pub replicas: u16,
    /// Settings such as `retention.ms`.
    pub settings: BTreeMap<String, String>,
}

/// Why topics are not as they should be.
#[derive(Debug, Error)]
pub enum TopicError {
    /// A topic is there with another number of partitions. Messages of one key would lose their
    /// order: drain it, and make another one.
    #[error("topic {topic} has {found} partitions, not {wanted}; their number cannot change")]
    Partitions {
        /// Its name.
        topic: Topic,
        /// As it is.
        found: NonZeroU32,
        /// As it should be.
        wanted: NonZeroU32,
    },
    /// The brokers refused.
    #[error("topic {topic} cannot be made: {reason}")]
    Refused {
        /// Its name.
        topic: Topic,
        /// What they say.
        reason: String,
    },
    /// The brokers cannot be reached.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl KafkaBus {
    /// Makes the topics that are not there. Returns those that were made.
    ///
    /// # Errors
    /// See [`TopicError`]; some may be made all the same.
    pub async fn create_topics(&self, specs: &[TopicSpec]) -> Result<Vec<Topic>, TopicError> {
        let mut missing = Vec::new();
        for spec in specs {
            match self.partitions(&spec.topic).await? {
                None => missing.push(spec),
                Some(found) => same(spec, found)?,
            }
        }
        let new = missing.iter().map(|spec| {
            let partitions = i32::try_from(spec.partitions.get()).unwrap_or(i32::MAX);
            let replication = TopicReplication::Fixed(i32::from(spec.replicas));
            let topic = NewTopic::new(spec.topic.as_str(), partitions, replication);
            spec.settings.iter().fold(topic, |topic, (name, value)| topic.set(name, value))
        });
        let new: Vec<NewTopic<'_>> = new.collect();
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let admin = self.admin().map_err(Unavailable::new)?;
        let answers = admin.create_topics(&new, &AdminOptions::new()).await;
        let mut made = Vec::new();
        for answer in answers.map_err(Unavailable::new)? {
            match answer {
                Ok(name) => made.push(Topic::new(&name)),
                // Somebody else made it meanwhile.
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((name, code)) => {
                    let (topic, reason) = (Topic::new(&name), code.to_string());
                    return Err(TopicError::Refused { topic, reason });
                }
            }
        }
        self.until_known(&missing).await?;
        Ok(made)
    }

    /// Waits until the brokers know new topics, which they do a moment after making them.
    async fn until_known(&self, specs: &[&TopicSpec]) -> Result<(), TopicError> {
        for spec in specs {
            let mut tries = 0;
            loop {
                if let Some(found) = self.partitions(&spec.topic).await? {
                    same(spec, found)?;
                    break;
                }
                tries += 1;
                if tries > 100 {
                    let code = RDKafkaErrorCode::UnknownTopicOrPartition;
                    return Err(Unavailable::new(KafkaError::MetadataFetch(code)).into());
                }
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
        Ok(())
    }
}

fn same(spec: &TopicSpec, found: NonZeroU32) -> Result<(), TopicError> {
    let TopicSpec { topic, partitions: wanted, .. } = spec;
    if found == *wanted {
        return Ok(());
    }
    Err(TopicError::Partitions { topic: topic.clone(), found, wanted: *wanted })
}
