//! Takes jobs from the three priorities: high first, and yet the others get their share.

use std::sync::Arc;

use aob_bus::{Bus, CommitError, Consumer, Message, SubscribeError, Topic, Unavailable};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::offsets::Offsets;

/// The topics, and how many messages of each are taken for one of the last while all have some.
const LANES: [(&str, u64); 3] =
    [("node.jobs.high", 16), ("node.jobs.medium", 4), ("node.jobs.low", 1)];
/// A number that all shares divide.
const STRIDE: u64 = 16;

/// One topic with its consumer.
#[derive(Debug)]
pub(super) struct Lane {
    consumer: Box<dyn Consumer>,
    offsets: Mutex<Offsets>,
    /// Notified when messages were settled.
    room: Notify,
}

/// A message that has to be settled. Dropped unsettled, it is delivered again to somebody.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) lane: Arc<Lane>,
    pub(super) partition: u32,
    pub(super) offset: u64,
}

impl Lane {
    async fn recv(&self, max: usize) -> Result<Vec<Message>, Unavailable> {
        loop {
            let room = self.room.notified();
            if self.offsets.lock().has_room() {
                break;
            }
            room.await;
        }
        self.consumer.recv_batch(max).await
    }

    /// Commits what can be, after these messages were dealt with.
    async fn settle(&self, messages: Vec<(u32, u64)>) {
        let commits = self.offsets.lock().settled(messages);
        self.room.notify_one();
        for (partition, offset) in commits {
            match self.consumer.commit(partition, offset).await {
                // Another member has the partition by now and sees these messages again.
                Ok(()) | Err(CommitError::NotAssigned { .. }) => {}
                Err(error @ (CommitError::NotDelivered { .. } | CommitError::Unavailable(_))) => {
                    tracing::warn!(%error, partition, offset, "an offset is not committed");
                }
            }
        }
    }
}

/// Settles messages of any lanes.
pub(super) async fn settle(tickets: impl IntoIterator<Item = Ticket>) {
    let mut tickets: Vec<Ticket> = tickets.into_iter().collect();
    while let Some(lane) = tickets.last().map(|ticket| Arc::clone(&ticket.lane)) {
        let own = tickets.extract_if(.., |ticket| Arc::ptr_eq(&ticket.lane, &lane));
        let messages = own.map(|ticket| (ticket.partition, ticket.offset)).collect();
        lane.settle(messages).await;
    }
}

/// The three lanes, and who has had how much.
#[derive(Debug)]
pub(super) struct Intake {
    lanes: Vec<Arc<Lane>>,
    /// Stride scheduling: what a lane has had, in units of its share. The least goes first.
    had: [u64; 3],
}

impl Intake {
    /// Joins `group` on all three topics.
    pub(super) async fn join(bus: &dyn Bus, group: &str) -> Result<Self, SubscribeError> {
        let mut lanes = Vec::with_capacity(LANES.len());
        for (topic, _) in LANES {
            let consumer = bus.subscribe(&Topic::new(topic), group).await?;
            lanes.push(Arc::new(Lane { consumer, offsets: Mutex::default(), room: Notify::new() }));
        }
        Ok(Self { lanes, had: [0; 3] })
    }

    /// Waits for messages, of one lane, at most `max`. Dropping the future loses nothing.
    pub(super) async fn next(&mut self, max: usize) -> Result<Vec<(Message, Ticket)>, Unavailable> {
        let mut order = [0, 1, 2];
        order.sort_by_key(|lane| (self.had[*lane], *lane));
        let [first, second, third] = order.map(|lane| self.lanes[lane].recv(max));
        let (place, messages) = tokio::select! {
            biased;
            messages = first => (0, messages?),
            messages = second => (1, messages?),
            messages = third => (2, messages?),
        };
        let lane = order[place];
        self.account(lane, &order[..place], messages.len());
        let lane = &self.lanes[lane];
        let mut offsets = lane.offsets.lock();
        let tickets = messages.into_iter().map(|message| {
            let (partition, offset) = (message.partition, message.offset);
            offsets.delivered(partition, offset);
            (message, Ticket { lane: Arc::clone(lane), partition, offset })
        });
        Ok(tickets.collect())
    }

    /// Books what a lane was given. Those that were asked before it had nothing: they do not save
    /// up the turns that they could not use.
    fn account(&mut self, lane: usize, idle: &[usize], count: usize) {
        let now = self.had[lane];
        for idle in idle {
            self.had[*idle] = self.had[*idle].max(now);
        }
        self.had[lane] += count as u64 * (STRIDE / LANES[lane].1);
        let least = self.had.into_iter().min().unwrap_or(0);
        self.had = self.had.map(|had| had - least);
    }
}
