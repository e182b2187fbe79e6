//! The bus as one process sees it, with faults: the contract is *at least once, ordered per key*,
//! and nothing more than that is promised for jobs and results either.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use aob_api::jobs::ResultMessage;
use aob_bus::{
    Bus, CommitError, Consumer, DropGroupError, MemBus, Message, Outgoing, PublishError,
    SubscribeError, Topic, Unavailable,
};
use aob_coordinator::{EVENTS_TOPIC, RESULTS_TOPIC};
use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::sleep;

use crate::counts::Count;
use crate::gate::Gate;

/// Milliseconds by which a message may be late.
const LATE_MS_MAX: u64 = 90_000;

/// See the module.
#[derive(Clone)]
pub(crate) struct SimBus {
    gate: Arc<Gate>,
    inner: MemBus,
    members: Arc<Mutex<Vec<Weak<Member>>>>,
    /// Called with each result whose offset a coordinator commits.
    settled: Option<Settled>,
}

/// Judges a result that a coordinator says it has dealt with.
pub(crate) type Settled = Arc<dyn Fn(&ResultMessage) + Send + Sync>;

impl fmt::Debug for SimBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimBus").field("process", &self.gate.name).finish_non_exhaustive()
    }
}

fn unavailable() -> Unavailable {
    Unavailable::new("simulated")
}

impl SimBus {
    pub(crate) fn new(gate: &Arc<Gate>, inner: &MemBus, settled: Option<Settled>) -> Self {
        let (gate, inner) = (Arc::clone(gate), inner.clone());
        Self { gate, inner, members: Arc::default(), settled }
    }

    /// The group takes the process for dead: its partitions go to others.
    pub(crate) fn evict(&self) {
        for member in self.members.lock().iter().filter_map(Weak::upgrade) {
            member.inner.lock().take();
        }
    }

    /// What is left of a batch after the road; the rest is lost, late, or there twice.
    fn road(&self, batch: Vec<Outgoing>) -> Vec<Outgoing> {
        let world = &self.gate.world;
        let mut left = Vec::with_capacity(batch.len());
        for message in batch {
            let name = message.topic.as_str();
            if name == RESULTS_TOPIC {
                self.interfere(&message, &mut left);
            }
            // The log's events are what others rest on: they are late or twice, but never lost.
            let losable = name != EVENTS_TOPIC;
            if losable && world.hits(Count::MessageLost) {
                continue;
            }
            if losable && world.hits(Count::MessageDelayed) {
                self.later(message);
                continue;
            }
            if losable && world.hits(Count::MessageDuplicated) {
                self.later(message.clone());
            }
            left.push(message);
        }
        left
    }

    /// Puts something beside a result that no runner should send.
    fn interfere(&self, message: &Outgoing, left: &mut Vec<Outgoing>) {
        let world = &self.gate.world;
        if world.hits(Count::Garbage) {
            let texts: [&[u8]; 4] = [b"{", b"", b"\xff\xfe", b"{\"completed\": true}"];
            let payload = Bytes::from_static(texts[world.draw(|dice| dice.count(0..=3))]);
            left.push(Outgoing { payload, ..message.clone() });
        }
        if world.hits(Count::WrongAttempt)
            && let Ok(mut result) = serde_json::from_slice::<ResultMessage>(&message.payload)
        {
            // One that is over, or one that will never be: else it would become the right one.
            let over = result.attempt.saturating_sub(1);
            result.attempt = world.draw(|dice| dice.pick(&[over, 1_000]));
            if let Ok(payload) = serde_json::to_vec(&result) {
                left.push(Outgoing { payload: payload.into(), ..message.clone() });
            }
        }
    }

    fn later(&self, message: Outgoing) {
        let ms = self.gate.world.draw(|dice| dice.within(1..=LATE_MS_MAX));
        let bus = self.inner.clone();
        tokio::spawn(async move {
            sleep(Duration::from_millis(ms)).await;
            // The bus in memory refuses only what is malformed, which this was not.
            let _ = bus.publish(vec![message]).await;
        });
    }
}

#[async_trait]
impl Bus for SimBus {
    async fn publish(&self, mut batch: Vec<Outgoing>) -> Result<(), PublishError> {
        let world = &self.gate.world;
        // Storage and bus fail apart: an outage of the store is none of the bus.
        let _ = self.gate.enter().await;
        if world.hits(Count::PublishRefused) {
            return Err(unavailable().into());
        }
        let torn = batch.len() > 1 && world.hits(Count::PublishTorn);
        if torn {
            let kept = world.draw(|dice| dice.count(1..=batch.len() - 1));
            batch.truncate(kept);
        }
        let events = batch.iter().any(|message| message.topic.as_str() == EVENTS_TOPIC);
        world.tell(|| format!("{}: publishes {} messages", self.gate.name, batch.len()));
        let left = self.road(batch);
        self.inner.publish(left).await?;
        let crashes = world.counts.get(Count::CrashAfter);
        tokio::select! {
            biased;
            () = self.gate.leave() => {}
            // It never comes back from here: the select ends only to see that it died here.
            () = self.gate.dead.cancelled() => {
                if events && world.counts.get(Count::CrashAfter) > crashes {
                    world.counts.add(Count::PublishedThenCrash);
                }
                std::future::pending::<()>().await;
            }
        }
        if torn || world.hits(Count::PublishAnswerLost) {
            return Err(unavailable().into());
        }
        Ok(())
    }

    async fn subscribe(
        &self,
        topic: &Topic,
        group: &str,
    ) -> Result<Box<dyn Consumer>, SubscribeError> {
        self.gate.alive().await;
        let inner = self.inner.subscribe(topic, group).await?;
        let member = Arc::new(Member {
            topic: topic.clone(),
            group: group.to_owned(),
            inner: Mutex::new(Some(Arc::from(inner))),
            delivered: Mutex::default(),
        });
        self.members.lock().push(Arc::downgrade(&member));
        Ok(Box::new(SimConsumer { bus: self.clone(), member }))
    }

    async fn drop_group(&self, topic: &Topic, group: &str) -> Result<(), DropGroupError> {
        self.inner.drop_group(topic, group).await
    }
}

/// A membership, which the group can end.
struct Member {
    topic: Topic,
    group: String,
    inner: Mutex<Option<Arc<dyn Consumer>>>,
    /// Results that were delivered and are not committed.
    delivered: Mutex<BTreeMap<(u32, u64), Bytes>>,
}

struct SimConsumer {
    bus: SimBus,
    member: Arc<Member>,
}

impl fmt::Debug for SimConsumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimConsumer").field("topic", &self.member.topic).finish_non_exhaustive()
    }
}

impl SimConsumer {
    /// The membership, joined again where the group has ended it.
    async fn inner(&self) -> Result<Arc<dyn Consumer>, Unavailable> {
        if let Some(inner) = self.member.inner.lock().clone() {
            return Ok(inner);
        }
        let joined = self.bus.inner.subscribe(&self.member.topic, &self.member.group).await;
        let inner: Arc<dyn Consumer> = Arc::from(joined.map_err(|_| unavailable())?);
        *self.member.inner.lock() = Some(Arc::clone(&inner));
        Ok(inner)
    }
}

#[async_trait]
impl Consumer for SimConsumer {
    async fn recv_batch(&self, max: usize) -> Result<Vec<Message>, Unavailable> {
        let gate = &self.bus.gate;
        gate.alive().await;
        if gate.world.hits(Count::Rebalance) {
            self.member.inner.lock().take();
        }
        let inner = self.inner().await?;
        let messages = gate.living(inner.recv_batch(max)).await?;
        drop(inner);
        gate.alive().await;
        if self.bus.settled.is_some() {
            let mut delivered = self.member.delivered.lock();
            for message in &messages {
                let place = (message.partition, message.offset);
                delivered.insert(place, message.payload.clone());
            }
        }
        Ok(messages)
    }

    async fn commit(&self, partition: u32, offset: u64) -> Result<(), CommitError> {
        let gate = &self.bus.gate;
        gate.alive().await;
        if let Some(settled) = &self.bus.settled {
            let mut delivered = self.member.delivered.lock();
            let later = delivered.split_off(&(partition, offset + 1));
            let (mine, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
                std::mem::replace(&mut *delivered, later)
                    .into_iter()
                    .partition(|((at, _), _)| *at == partition);
            delivered.extend(others);
            drop(delivered);
            for payload in mine.into_values() {
                if let Ok(result) = serde_json::from_slice::<ResultMessage>(&payload) {
                    settled(&result);
                }
            }
        }
        if gate.world.hits(Count::CommitLost) {
            return Ok(());
        }
        let inner = self.member.inner.lock().clone();
        match inner {
            Some(inner) => inner.commit(partition, offset).await,
            None => Err(CommitError::NotAssigned { partition }),
        }
    }
}
