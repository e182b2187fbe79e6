//! The user's side of a member.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use tokio::sync::{Mutex, mpsc};

use super::assignment::Commit;
use super::member::{Fetched, Shared};
use super::{KafkaBus, Leaving};
use crate::{CommitError, Consumer, Key, Message, Topic, Unavailable};

/// A member of a group on Kafka, or a listener outside all groups.
#[derive(Debug)]
pub(super) struct KafkaConsumer {
    pub(super) bus: KafkaBus,
    pub(super) topic: Topic,
    pub(super) shared: Arc<Shared>,
    pub(super) inbox: Mutex<Inbox>,
    /// A listener keeps no place.
    pub(super) keeps_place: bool,
    pub(super) leaving: Leaving,
}

/// Messages on their way to the user.
#[derive(Debug)]
pub(super) struct Inbox {
    fetched: mpsc::Receiver<Fetched>,
    held: VecDeque<Fetched>,
}

impl Inbox {
    pub(super) fn new(fetched: mpsc::Receiver<Fetched>) -> Mutex<Self> {
        Mutex::new(Self { fetched, held: VecDeque::new() })
    }
}

/// The thread of the member has ended, which only a defect explains.
#[derive(Debug, thiserror::Error)]
#[error("the consumer has ended")]
struct Ended;

/// What stands at the front of an inbox.
enum Front {
    Nothing,
    /// A message that has a key as ours do.
    Good(Message),
    /// Nobody can read it.
    Dead(Fetched),
}

impl KafkaConsumer {
    fn next(&self, held: &mut VecDeque<Fetched>) -> Front {
        let mut assignment = self.shared.assignment.lock();
        while let Some(first) = held.pop_front() {
            if assignment.epoch(first.partition) != Some(first.epoch) {
                continue;
            }
            let Ok(key) = Key::try_from(first.key.as_slice()) else { return Front::Dead(first) };
            assignment.deliver(first.partition, first.epoch, first.offset);
            return Front::Good(Message {
                topic: self.topic.clone(),
                partition: first.partition,
                offset: first.offset,
                key,
                headers: first.headers,
                payload: first.payload,
            });
        }
        Front::Nothing
    }

    /// Puts the first message, which nobody can read, to the dead letters. It stays the first until
    /// it is there.
    async fn bury(&self, held: &mut VecDeque<Fetched>) -> Result<(), Unavailable> {
        let Some(dead) = held.front() else { return Ok(()) };
        let (partition, offset) = (dead.partition, dead.offset);
        self.bus.bury(&self.topic, dead, "the key is not 16 bytes long").await?;
        held.pop_front();
        let commit = self.shared.assignment.lock().bury(partition, offset);
        if let Some(Commit::Upto(epoch, offset)) = commit
            && self.keeps_place
            && let Err(error) = self.shared.commit(partition, epoch, offset).await
        {
            tracing::debug!(%error, "a dead letter may be written again");
        }
        Ok(())
    }
}

#[async_trait]
impl Consumer for KafkaConsumer {
    async fn recv_batch(&self, max: usize) -> Result<Vec<Message>, Unavailable> {
        let max = max.max(1);
        let mut inbox = self.inbox.lock().await;
        let Inbox { fetched, held } = &mut *inbox;
        let mut messages = Vec::new();
        loop {
            if held.is_empty() {
                let mut arrived = Vec::new();
                if fetched.recv_many(&mut arrived, max).await == 0 {
                    return Err(Unavailable::new(Ended));
                }
                held.extend(arrived);
                if self.shared.paused.load(Ordering::SeqCst) {
                    self.shared.wake();
                }
            }
            // From here on nothing waits before the messages are returned.
            while messages.len() < max {
                match self.next(held) {
                    Front::Nothing => break,
                    Front::Good(message) => messages.push(message),
                    Front::Dead(dead) => {
                        held.push_front(dead);
                        break;
                    }
                }
            }
            if !messages.is_empty() {
                return Ok(messages);
            }
            self.bury(held).await?;
        }
    }

    async fn commit(&self, partition: u32, offset: u64) -> Result<(), CommitError> {
        let commit = self.shared.assignment.lock().commit(partition, offset)?;
        match commit {
            Commit::Upto(epoch, offset) if self.keeps_place => {
                self.shared.commit(partition, epoch, offset).await
            }
            Commit::Upto(..) | Commit::Done => Ok(()),
        }
    }
}

impl Drop for KafkaConsumer {
    fn drop(&mut self) {
        self.bus.inner.leaving.lock().push(self.leaving.clone());
        self.shared.close();
    }
}
