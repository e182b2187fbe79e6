//! The port: what the product needs of a message bus.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use thiserror::Error;

/// What orders messages: those of one key are delivered in the order published. A run's id.
pub type Key = [u8; 16];

/// The largest message, payload and headers together: 900 KiB, which stays below a broker's default
/// with room for its framing. What may grow larger travels as a digest.
pub const MAX_MESSAGE_BYTES: usize = 900 * 1024;

/// A topic's name. Cloning it is cheap.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(Arc<str>);

impl Topic {
    /// Names a topic.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Topic {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// A header of a message. Names may repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Its value.
    pub value: Bytes,
}

/// A message to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Where to.
    pub topic: Topic,
    /// Decides its partition, by [`partition_of`](crate::partition_of).
    pub key: Key,
    /// Usually none.
    pub headers: Vec<Header>,
    /// The message itself.
    pub payload: Bytes,
}

impl Outgoing {
    /// Bytes that count towards [`MAX_MESSAGE_BYTES`].
    pub fn size_bytes(&self) -> usize {
        let headers: usize =
            self.headers.iter().map(|header| header.name.len() + header.value.len()).sum();
        self.payload.len() + headers
    }
}

/// A message delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where from.
    pub topic: Topic,
    /// Its partition.
    pub partition: u32,
    /// Its place in the partition: rising, from any start, possibly with gaps.
    pub offset: u64,
    /// As published.
    pub key: Key,
    /// As published.
    pub headers: Vec<Header>,
    /// As published.
    pub payload: Bytes,
}

/// The bus could not be reached or refused to work. Trying again may help.
#[derive(Debug, Error)]
#[error("the bus is unavailable")]
pub struct Unavailable(#[source] Box<dyn StdError + Send + Sync>);

impl Unavailable {
    /// Wraps what the adapter's backend said.
    pub fn new(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

/// Why a batch is not acknowledged.
#[derive(Debug, Error)]
pub enum PublishError {
    /// A message names a topic that does not exist; nothing was published.
    #[error("there is no topic {topic}")]
    UnknownTopic {
        /// Its name.
        topic: Topic,
    },
    /// A message exceeds [`MAX_MESSAGE_BYTES`]; nothing was published.
    #[error("a message of {size_bytes} bytes to {topic} exceeds the limit of {MAX_MESSAGE_BYTES}")]
    TooLarge {
        /// Where to.
        topic: Topic,
        /// Its size.
        size_bytes: usize,
    },
    /// The backend failed: any part of the batch may be published. Publish all of it again.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why a consumer was not made.
#[derive(Debug, Error)]
pub enum SubscribeError {
    /// There is no such topic.
    #[error("there is no topic {topic}")]
    UnknownTopic {
        /// Its name.
        topic: Topic,
    },
    /// The backend failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why an offset was not committed. What it stood for is delivered again.
#[derive(Debug, Error)]
pub enum CommitError {
    /// The partition belongs to another member of the group by now, or does not exist.
    #[error("partition {partition} is not assigned to this consumer")]
    NotAssigned {
        /// The partition.
        partition: u32,
    },
    /// No message of that offset has been delivered to the group.
    #[error("offset {offset} of partition {partition} has not been delivered")]
    NotDelivered {
        /// The partition.
        partition: u32,
        /// The offset.
        offset: u64,
    },
    /// The backend failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why a group was not dropped.
#[derive(Debug, Error)]
pub enum DropGroupError {
    /// It has members.
    #[error("the group {group} of {topic} still has members")]
    Busy {
        /// The topic.
        topic: Topic,
        /// The group.
        group: String,
    },
    /// The backend failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Topics, each with a number of partitions fixed when it was set up.
#[async_trait]
pub trait Bus: fmt::Debug + Send + Sync {
    /// Publishes messages, to one topic or several. When it returns, all are accepted; those of one
    /// key are in the order of the batch. It waits while a group of a topic lags too far behind, so
    /// who both consumes and publishes must go on consuming meanwhile. Dropping the future leaves
    /// open what was published.
    async fn publish(&self, batch: Vec<Outgoing>) -> Result<(), PublishError>;

    /// Joins a consumer group of a topic. A group that did not exist begins with the oldest message
    /// kept. The partitions are spread over the members as these come and go.
    async fn subscribe(
        &self,
        topic: &Topic,
        group: &str,
    ) -> Result<Box<dyn Consumer>, SubscribeError>;

    /// Hears what is published from now on, all of it, for who keeps no place: nobody else gets
    /// less by it. `group` is the caller's own name; it may begin with older messages, and what is
    /// committed lets go of them. Drop the group afterwards.
    async fn listen(
        &self,
        topic: &Topic,
        group: &str,
    ) -> Result<Box<dyn Consumer>, SubscribeError> {
        self.subscribe(topic, group).await
    }

    /// Forgets a group without members and its offsets, or does nothing where there is none.
    /// A group that is not dropped keeps its messages, even if nobody ever comes back for them.
    async fn drop_group(&self, topic: &Topic, group: &str) -> Result<(), DropGroupError>;
}

/// A member of a consumer group. Dropping it leaves the group; what it did not commit is delivered
/// to the others from each partition's committed offset on.
///
/// A member can lose a partition when another one joins, and can get it back later: then offsets
/// start again behind the last commit, below some that it has seen.
#[async_trait]
pub trait Consumer: fmt::Debug + Send + Sync {
    /// Waits for messages and returns between one and `max` (0 counts as 1) of them, those of a
    /// partition in order. It does not wait for more than there are. Dropping the future loses
    /// nothing.
    async fn recv_batch(&self, max: usize) -> Result<Vec<Message>, Unavailable>;

    /// Declares all messages of a partition up to and including this offset as dealt with. They are
    /// not delivered to the group again. Committing less than before changes nothing.
    async fn commit(&self, partition: u32, offset: u64) -> Result<(), CommitError>;
}
