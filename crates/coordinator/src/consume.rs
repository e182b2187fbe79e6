//! Consuming a topic of results: batches, offsets behind the effect, dead letters.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aob_bugs::{Bug, seeded};
use aob_bus::{Bus, Consumer, Message, PublishError, SubscribeError, Topic, dead_letter};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// First and longest wait before something is tried again.
pub(crate) const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// How often something is tried before it is given up: about five minutes.
pub(crate) const TRIES_MAX: u32 = 300;
/// Consumer group of the coordinators.
const GROUP: &str = "coordinators";

/// A topic, consumed in the name of all coordinators.
#[derive(Debug)]
pub struct Consumption {
    bus: Arc<dyn Bus>,
    topic: Topic,
    consumer: Box<dyn Consumer>,
}

impl Consumption {
    /// Joins the group, however long that takes; `None`: it cannot be joined, or shut down.
    pub async fn join(
        bus: Arc<dyn Bus>,
        topic: Topic,
        shutdown: &CancellationToken,
    ) -> Option<Self> {
        loop {
            match bus.subscribe(&topic, GROUP).await {
                Ok(consumer) => return Some(Self { bus, topic, consumer }),
                Err(SubscribeError::Unavailable(error)) => {
                    tracing::warn!(%error, %topic, "results cannot be consumed yet");
                }
                Err(error @ SubscribeError::UnknownTopic { .. }) => {
                    tracing::error!(%error, "results cannot be consumed");
                    return None;
                }
            }
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return None,
                () = sleep(RETRY.1) => {}
            }
        }
    }

    /// The topic.
    pub fn topic(&self) -> &Topic {
        &self.topic
    }

    /// The next messages, at most `max`; `None`: shut down.
    pub async fn next(&self, max: usize, shutdown: &CancellationToken) -> Option<Vec<Message>> {
        loop {
            let messages = tokio::select! {
                biased;
                () = shutdown.cancelled() => return None,
                messages = self.consumer.recv_batch(max) => messages,
            };
            match messages {
                Ok(messages) => {
                    if seeded(Bug::OffsetTooEarly) {
                        self.commit(&places(&messages)).await;
                    }
                    return Some(messages);
                }
                Err(error) => {
                    tracing::warn!(%error, topic = %self.topic, "results cannot be received");
                    sleep(RETRY.0).await;
                }
            }
        }
    }

    /// Commits the highest place of each partition, once everything up to it is dealt with. What is
    /// not committed is delivered again.
    pub async fn commit(&self, places: &[(u32, u64)]) {
        let mut highest = BTreeMap::new();
        for (partition, offset) in places {
            let known = highest.entry(*partition).or_insert(*offset);
            *known = (*known).max(*offset);
        }
        for (partition, offset) in highest {
            if let Err(error) = self.consumer.commit(partition, offset).await {
                tracing::debug!(%error, "results will be delivered again");
            }
        }
    }

    /// Puts a message that is of no use where somebody may look at it.
    pub async fn bury(&self, message: &Message, reason: &str) {
        let Message { topic, partition, offset, .. } = message;
        tracing::warn!(reason, %topic, partition, offset, "a result cannot be read");
        let mut wait = RETRY.0;
        for _ in 0..TRIES_MAX {
            match self.bus.publish(vec![dead_letter(message, reason)]).await {
                Ok(()) => return,
                Err(PublishError::Unavailable(error)) => {
                    tracing::debug!(%error, "a dead letter waits");
                }
                Err(
                    error @ (PublishError::UnknownTopic { .. } | PublishError::TooLarge { .. }),
                ) => {
                    tracing::debug!(%error, "a dead letter is dropped");
                    return;
                }
            }
            sleep(wait).await;
            wait = (wait * 2).min(RETRY.1);
        }
        tracing::error!(partition, offset, "a dead letter could not be written and is given up");
    }
}

/// Partition and offset of each message.
pub fn places(messages: &[Message]) -> Vec<(u32, u64)> {
    messages.iter().map(|message| (message.partition, message.offset)).collect()
}
