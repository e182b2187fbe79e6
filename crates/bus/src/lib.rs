//! The bus: topics with partitions and consumer groups, as a port and its adapters: in process, and
//! on Kafka (feature `kafka`).
//!
//! Messages of one key stay in order, every group sees every message at least once, and the offset
//! is committed by the consumer after its effect. What a group has not committed is delivered again
//! to whoever owns the partition next.
#![warn(missing_docs)]

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod dead;
#[cfg(feature = "kafka")]
pub mod kafka;
mod mem;
mod partition;
mod port;

pub use dead::{DEAD, dead_letter, dead_topic};
pub use mem::{Limits, MemBus, TopicConfig};
pub use partition::partition_of;
pub use port::{
    Bus, CommitError, Consumer, DropGroupError, Header, Key, MAX_MESSAGE_BYTES, Message, Outgoing,
    PublishError, SubscribeError, Topic, Unavailable,
};
