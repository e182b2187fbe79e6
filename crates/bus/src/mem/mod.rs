//! The embedded adapter: everything in memory, nothing runs in the background.
//!
//! ```text
//! publish -> log of a partition -> cursor of a group -> member that owns the partition
//!              start: the least committed offset of all groups, or a bounded tail without any
//! ```
//! One lock guards it all. What happens under it is a few moves per message; nobody awaits with it.

mod group;
mod log;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::Notify;

use self::group::{Group, MemberId};
use self::log::Log;
use crate::{
    Bus, CommitError, Consumer, DropGroupError, MAX_MESSAGE_BYTES, Message, Outgoing, PublishError,
    SubscribeError, Topic, Unavailable, partition_of,
};

/// How much a partition keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Messages.
    pub messages: usize,
    /// Bytes of their payloads and headers, and of the window's own rows.
    pub bytes: usize,
}

/// What a topic is set up with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicConfig {
    /// Number of partitions, for good.
    pub partitions: NonZeroU32,
    /// Where the slowest group lags by so much in a partition, publishing to it waits. A batch is
    /// accepted whole, so the last one may exceed the limit.
    pub lag: Limits,
    /// What a topic keeps while it has no groups.
    pub tail: Limits,
}

impl TopicConfig {
    /// A topic with this many partitions and the default limits: a lag of 65,536 messages or
    /// 64 MiB per partition, a tail of 1,024 messages or 1 MiB.
    pub const fn with_partitions(partitions: NonZeroU32) -> Self {
        Self {
            partitions,
            lag: Limits { messages: 65_536, bytes: 64 << 20 },
            tail: Limits { messages: 1_024, bytes: 1 << 20 },
        }
    }
}

/// The bus in process. Clones are the same bus.
#[derive(Debug, Clone)]
pub struct MemBus {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Where each topic is in the state, and its number of partitions.
    index: BTreeMap<Topic, (usize, NonZeroU32)>,
    state: Mutex<State>,
    /// Notified when a partition has shrunk or a group has gone.
    space: Notify,
}

#[derive(Debug)]
struct State {
    topics: Vec<TopicState>,
    next_member: MemberId,
}

#[derive(Debug)]
struct TopicState {
    config: TopicConfig,
    logs: Vec<Log>,
    groups: BTreeMap<String, Group>,
}

/// Topic and partition that a message goes to.
type Route = (usize, usize);

impl MemBus {
    /// A bus with these topics.
    pub fn new(topics: impl IntoIterator<Item = (Topic, TopicConfig)>) -> Self {
        let configs: BTreeMap<Topic, TopicConfig> = topics.into_iter().collect();
        let topics = configs.values().map(|config| TopicState::new(*config)).collect();
        let places = configs.into_iter().zip(0..);
        let index = places.map(|((topic, config), at)| (topic, (at, config.partitions))).collect();
        let shared = Shared {
            index,
            state: Mutex::new(State { topics, next_member: 1 }),
            space: Notify::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Messages that the slowest group of a topic has not committed yet; 0 where there is no such
    /// topic. What is not committed when the process ends is lost, so whoever ends it in order
    /// waits for 0 first.
    pub fn backlog(&self, topic: &Topic) -> u64 {
        let Some((at, _)) = self.shared.index.get(topic).copied() else { return 0 };
        let state = self.shared.state.lock();
        let TopicState { logs, groups, .. } = &state.topics[at];
        let lag = |group: &Group| {
            let cursors = logs.iter().zip(&group.cursors);
            cursors.map(|(log, cursor)| log.end().saturating_sub(cursor.committed)).sum()
        };
        groups.values().map(lag).max().unwrap_or(0)
    }
}

#[async_trait]
impl Bus for MemBus {
    async fn publish(&self, batch: Vec<Outgoing>) -> Result<(), PublishError> {
        let shared = &*self.shared;
        let mut routes = shared.routes(&batch)?;
        loop {
            let mut space = pin!(shared.space.notified());
            // Before the look at the logs, so that space made in between is not missed.
            space.as_mut().enable();
            {
                let mut state = shared.state.lock();
                if state.has_room(&routes) {
                    state.push(batch, &mut routes);
                    return Ok(());
                }
            }
            space.await;
        }
    }

    async fn subscribe(
        &self,
        topic: &Topic,
        group: &str,
    ) -> Result<Box<dyn Consumer>, SubscribeError> {
        let Some((at, _)) = self.shared.index.get(topic).copied() else {
            return Err(SubscribeError::UnknownTopic { topic: topic.clone() });
        };
        let wake = Arc::new(Notify::new());
        let mut state = self.shared.state.lock();
        let id = state.next_member;
        state.next_member += 1;
        let TopicState { logs, groups, .. } = &mut state.topics[at];
        groups
            .entry(group.to_owned())
            .or_insert_with(|| Group::starting_at(logs.iter().map(Log::start)))
            .join(id, Arc::clone(&wake));
        Ok(Box::new(MemConsumer {
            shared: Arc::clone(&self.shared),
            topic: topic.clone(),
            at,
            group: group.to_owned(),
            id,
            wake,
        }))
    }

    async fn drop_group(&self, topic: &Topic, group: &str) -> Result<(), DropGroupError> {
        let Some((at, _)) = self.shared.index.get(topic) else { return Ok(()) };
        let mut state = self.shared.state.lock();
        let found = &mut state.topics[*at];
        if found.groups.get(group).is_some_and(Group::has_members) {
            return Err(DropGroupError::Busy { topic: topic.clone(), group: group.to_owned() });
        }
        found.groups.remove(group);
        for partition in 0..found.logs.len() {
            found.retain(partition);
        }
        self.shared.space.notify_waiters();
        Ok(())
    }
}

impl Shared {
    /// Where each message of a batch goes, or why none of them may.
    fn routes(&self, batch: &[Outgoing]) -> Result<Vec<Route>, PublishError> {
        let route = |message: &Outgoing| {
            let topic = &message.topic;
            let size_bytes = message.size_bytes();
            if size_bytes > MAX_MESSAGE_BYTES {
                return Err(PublishError::TooLarge { topic: topic.clone(), size_bytes });
            }
            match self.index.get(topic) {
                Some((at, partitions)) => {
                    Ok((*at, partition_of(&message.key, *partitions) as usize))
                }
                None => Err(PublishError::UnknownTopic { topic: topic.clone() }),
            }
        };
        batch.iter().map(route).collect()
    }
}

impl State {
    fn has_room(&self, routes: &[Route]) -> bool {
        routes.iter().all(|(topic, partition)| self.topics[*topic].has_room(*partition))
    }

    fn push(&mut self, batch: Vec<Outgoing>, routes: &mut Vec<Route>) {
        for (message, (topic, partition)) in batch.into_iter().zip(routes.iter()) {
            self.topics[*topic].logs[*partition].push(message);
        }
        routes.sort_unstable();
        routes.dedup();
        for (topic, partition) in routes {
            self.topics[*topic].published_to(*partition);
        }
    }
}

impl TopicState {
    fn new(config: TopicConfig) -> Self {
        let logs = (0..config.partitions.get()).map(|_| Log::default()).collect();
        Self { config, logs, groups: BTreeMap::new() }
    }

    fn has_room(&self, partition: usize) -> bool {
        self.groups.is_empty() || !self.logs[partition].is_full(self.config.lag)
    }

    /// Wakes who waits for the partition, or bounds it where nobody does.
    fn published_to(&mut self, partition: usize) {
        if self.groups.is_empty() {
            self.logs[partition].keep_tail(self.config.tail);
        }
        for group in self.groups.values() {
            group.wake_owner(partition);
        }
    }

    /// Drops what no group needs. True where that made room.
    fn retain(&mut self, partition: usize) -> bool {
        let committed = self.groups.values().map(|group| group.cursors[partition].committed);
        match committed.min() {
            Some(committed) => self.logs[partition].drop_before(committed),
            None => {
                self.logs[partition].keep_tail(self.config.tail);
                true
            }
        }
    }
}

/// A member of a group of a [`MemBus`].
#[derive(Debug)]
struct MemConsumer {
    shared: Arc<Shared>,
    topic: Topic,
    at: usize,
    group: String,
    id: MemberId,
    wake: Arc<Notify>,
}

impl MemConsumer {
    /// Takes what there is, at most `max`.
    fn take(&self, max: usize) -> Vec<Message> {
        let mut state = self.shared.state.lock();
        let TopicState { logs, groups, .. } = &mut state.topics[self.at];
        let Some(group) = groups.get_mut(&self.group) else { return Vec::new() };
        let taken = group.take(self.id, logs, max);
        let mut messages = Vec::new();
        for (partition, offsets) in taken {
            let entries = logs[partition].range(offsets);
            messages.extend(entries.map(|(offset, entry)| Message {
                topic: self.topic.clone(),
                partition: partition as u32,
                offset,
                key: entry.key,
                headers: entry.headers.clone(),
                payload: entry.payload.clone(),
            }));
        }
        messages
    }
}

#[async_trait]
impl Consumer for MemConsumer {
    async fn recv_batch(&self, max: usize) -> Result<Vec<Message>, Unavailable> {
        loop {
            let taken = self.take(max.max(1));
            if !taken.is_empty() {
                return Ok(taken);
            }
            // A wake-up between the look and the wait is kept as a permit.
            self.wake.notified().await;
        }
    }

    async fn commit(&self, partition: u32, offset: u64) -> Result<(), CommitError> {
        let mut state = self.shared.state.lock();
        let topic = &mut state.topics[self.at];
        let Some(group) = topic.groups.get_mut(&self.group) else {
            return Err(CommitError::NotAssigned { partition });
        };
        group.commit(self.id, partition, offset)?;
        if topic.retain(partition as usize) {
            self.shared.space.notify_waiters();
        }
        Ok(())
    }
}

impl Drop for MemConsumer {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        if let Some(group) = state.topics[self.at].groups.get_mut(&self.group) {
            group.leave(self.id);
        }
    }
}

#[cfg(test)]
mod tests;
