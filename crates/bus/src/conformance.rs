//! The suite that every adapter of [`Bus`] must pass:
//! `bus_conformance!(#[tokio::test] harness)`, with a paused clock where the adapter allows it.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use tokio::time::timeout;

use crate::{
    Bus, CommitError, Consumer, DropGroupError, Header, Key, MAX_MESSAGE_BYTES, Message, Outgoing,
    PublishError, SubscribeError, Topic, partition_of,
};

/// The adapter under test with two empty topics of the same number of partitions, at least two.
pub trait Harness: Send + Sync {
    /// The adapter.
    fn bus(&self) -> &dyn Bus;

    /// The topics.
    fn topics(&self) -> [Topic; 2];

    /// Partitions of each.
    fn partitions(&self) -> NonZeroU32;

    /// Random programs of the case of that name: fewer where members take their time to join.
    fn programs(&self) -> usize {
        50
    }
}

/// Expands to one test per case, each under the attribute given. The expression makes a fresh
/// [`Harness`](conformance::Harness).
#[macro_export]
macro_rules! bus_conformance {
    (#[$test:meta] $harness:expr) => {
        $crate::bus_conformance!(@cases #[$test] $harness;
            delivers_what_was_published,
            keys_keep_their_partition_and_order,
            every_group_sees_every_message,
            a_receiver_waits_for_the_first_message,
            a_dropped_member_hands_its_messages_on,
            committed_messages_do_not_come_back,
            commits_never_go_back,
            members_share_the_partitions,
            a_lost_partition_cannot_be_committed,
            bad_batches_publish_nothing,
            groups_are_dropped_only_without_members,
            dropping_a_receive_loses_nothing,
            random_programs_lose_nothing_and_keep_order,
        );
    };
    (@cases #[$test:meta] $harness:expr; $($case:ident,)*) => {
        $(
            #[$test]
            async fn $case() {
                $crate::conformance::$case(&$harness).await;
            }
        )*
    };
}

/// After so long without a message, none is coming.
const QUIET: Duration = Duration::from_secs(2);

/// After so long, an expected message is missing.
const PATIENCE: Duration = Duration::from_secs(60);

fn key_of(n: u64) -> Key {
    (u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)).to_be_bytes()
}

/// A message whose payload is a number.
fn numbered(topic: &Topic, key: u64, number: u64) -> Outgoing {
    let payload = Bytes::copy_from_slice(&number.to_be_bytes());
    Outgoing { topic: topic.clone(), key: key_of(key), headers: Vec::new(), payload }
}

fn number(message: &Message) -> u64 {
    u64::from_be_bytes(message.payload[..].try_into().expect("payload of eight bytes"))
}

async fn publish(harness: &dyn Harness, batch: Vec<Outgoing>) {
    harness.bus().publish(batch).await.expect("publish succeeds");
}

async fn join(harness: &dyn Harness, group: &str) -> Box<dyn Consumer> {
    harness.bus().subscribe(&harness.topics()[0], group).await.expect("subscribe succeeds")
}

/// Receives until there are so many.
async fn receive(consumer: &dyn Consumer, count: usize) -> Vec<Message> {
    let mut seen = Vec::new();
    while seen.len() < count {
        let batch = timeout(PATIENCE, consumer.recv_batch(count - seen.len())).await;
        let batch = batch.expect("a message is missing").expect("receive succeeds");
        assert!(!batch.is_empty(), "a receive returns at least one message");
        seen.extend(batch);
    }
    assert_eq!(seen.len(), count, "a receive returns at most what was asked for");
    seen
}

async fn expect_quiet(consumer: &dyn Consumer) {
    let more = timeout(QUIET, consumer.recv_batch(1)).await;
    assert!(more.is_err(), "an unexpected message: {more:?}");
}

async fn commit_all(consumer: &dyn Consumer, messages: &[Message]) {
    for message in messages {
        consumer.commit(message.partition, message.offset).await.expect("commit succeeds");
    }
}

/// Topic, key, headers in order, and payload come as published, an empty payload included.
pub async fn delivers_what_was_published(harness: &dyn Harness) {
    let [topic, other] = harness.topics();
    let header = |name: &'static str| Header { name: name.into(), value: Bytes::from(name) };
    let sent = Outgoing {
        headers: vec![header("b"), header("a"), header("b")],
        payload: Bytes::new(),
        ..numbered(&topic, 1, 0)
    };
    let elsewhere = numbered(&other, 1, 7);
    publish(harness, vec![elsewhere.clone(), sent.clone()]).await;
    let consumer = join(harness, "g").await;
    let [got] = &receive(&*consumer, 1).await[..] else { panic!("one message") };
    assert_eq!((&got.topic, got.key), (&topic, sent.key));
    assert_eq!((&got.headers, &got.payload), (&sent.headers, &sent.payload));
    expect_quiet(&*consumer).await;
    let there = harness.bus().subscribe(&other, "g").await.expect("subscribe succeeds");
    assert_eq!(receive(&*there, 1).await[0].payload, elsewhere.payload);
}

/// The partition is murmur2 of the key; offsets rise; one key's messages stay in order.
pub async fn keys_keep_their_partition_and_order(harness: &dyn Harness) {
    let consumer = join(harness, "g").await;
    for batch in 0..10 {
        let messages = (0..30).map(|n| numbered(&harness.topics()[0], n % 7, batch * 30 + n));
        publish(harness, messages.collect()).await;
    }
    let mut last_offset = BTreeMap::new();
    let mut last_number = BTreeMap::new();
    for message in receive(&*consumer, 300).await {
        assert_eq!(message.partition, partition_of(&message.key, harness.partitions()));
        let before = last_offset.insert(message.partition, message.offset);
        assert!(before < Some(message.offset));
        let before = last_number.insert(message.key, number(&message));
        assert!(before < Some(number(&message)));
    }
    assert!(last_offset.len() > 1, "the keys of this test reach several partitions");
}

/// Groups are independent; a new one begins with what is kept for the others.
pub async fn every_group_sees_every_message(harness: &dyn Harness) {
    let early = join(harness, "early").await;
    let batch = (0..50).map(|n| numbered(&harness.topics()[0], n, n)).collect();
    publish(harness, batch).await;
    let late = join(harness, "late").await;
    for consumer in [&early, &late] {
        let seen: BTreeSet<_> = receive(&**consumer, 50).await.iter().map(number).collect();
        assert_eq!(seen, (0..50).collect());
    }
}

/// A receive that is waiting gets a message published later.
pub async fn a_receiver_waits_for_the_first_message(harness: &dyn Harness) {
    let consumer = join(harness, "g").await;
    let late = async {
        expect_quiet(&*join(harness, "another").await).await;
        publish(harness, vec![numbered(&harness.topics()[0], 1, 42)]).await;
    };
    let (seen, ()) = tokio::join!(receive(&*consumer, 1), late);
    assert_eq!(number(&seen[0]), 42);
}

/// What a member took and did not commit goes to the group's next member, in order.
pub async fn a_dropped_member_hands_its_messages_on(harness: &dyn Harness) {
    let batch = (0..20).map(|n| numbered(&harness.topics()[0], 1, n)).collect();
    let first = join(harness, "g").await;
    publish(harness, batch).await;
    let seen = receive(&*first, 15).await;
    commit_all(&*first, &seen[..5]).await;
    drop(first);
    let second = join(harness, "g").await;
    let numbers: Vec<_> = receive(&*second, 15).await.iter().map(number).collect();
    assert_eq!(numbers, (5..20).collect::<Vec<_>>());
}

/// A member that returns after committing everything finds nothing.
pub async fn committed_messages_do_not_come_back(harness: &dyn Harness) {
    let keeper = join(harness, "keeper").await;
    for round in 0..3 {
        let consumer = join(harness, "g").await;
        let batch = (0..10).map(|n| numbered(&harness.topics()[0], n, round * 10 + n)).collect();
        publish(harness, batch).await;
        let seen = receive(&*consumer, 10).await;
        assert!(seen.iter().all(|message| number(message) / 10 == round));
        commit_all(&*consumer, &seen).await;
    }
    expect_quiet(&*join(harness, "g").await).await;
    drop(keeper);
}

/// A lower offset after a higher one changes nothing.
pub async fn commits_never_go_back(harness: &dyn Harness) {
    let keeper = join(harness, "keeper").await;
    let consumer = join(harness, "g").await;
    let batch = (0..5).map(|n| numbered(&harness.topics()[0], 1, n)).collect();
    publish(harness, batch).await;
    let seen = receive(&*consumer, 5).await;
    commit_all(&*consumer, &[seen[3].clone(), seen[0].clone()]).await;
    drop(consumer);
    let again = receive(&*join(harness, "g").await, 1).await;
    assert_eq!(number(&again[0]), 4);
    drop(keeper);
}

/// Two members get disjoint partitions and together everything.
pub async fn members_share_the_partitions(harness: &dyn Harness) {
    let members = [join(harness, "g").await, join(harness, "g").await];
    let batch = (0..200).map(|n| numbered(&harness.topics()[0], n, n)).collect();
    publish(harness, batch).await;
    let mut numbers = BTreeSet::new();
    let mut owners = BTreeMap::new();
    for (at, member) in members.iter().enumerate() {
        while let Ok(batch) = timeout(QUIET, member.recv_batch(1_000)).await {
            for message in batch.expect("receive succeeds") {
                assert_eq!(*owners.entry(message.partition).or_insert(at), at);
                numbers.insert(number(&message));
            }
        }
    }
    assert_eq!(numbers, (0..200).collect());
    assert_eq!(owners.values().collect::<BTreeSet<_>>().len(), 2, "both members work");
}

/// A member whose partition has moved is told so, and the new owner gets the messages.
pub async fn a_lost_partition_cannot_be_committed(harness: &dyn Harness) {
    let first = join(harness, "g").await;
    let batch: Vec<_> = (0..100).map(|n| numbered(&harness.topics()[0], n, n)).collect();
    publish(harness, batch).await;
    let seen = receive(&*first, 100).await;
    let second = join(harness, "g").await;
    let moved = receive(&*second, 1).await[0].partition;
    let mine = seen.iter().rfind(|message| message.partition == moved).expect("it was seen");
    let refused = first.commit(moved, mine.offset).await;
    assert!(matches!(refused, Err(CommitError::NotAssigned { partition }) if partition == moved));
    let kept = seen.iter().rfind(|message| message.partition != moved).expect("others were seen");
    if let Err(error) = first.commit(kept.partition, kept.offset).await {
        // The partition may have moved as well, but not to nowhere.
        assert!(matches!(error, CommitError::NotAssigned { .. }), "{error}");
    }
}

/// An unknown topic or an oversized message refuses the whole batch.
pub async fn bad_batches_publish_nothing(harness: &dyn Harness) {
    let [topic, _] = harness.topics();
    let consumer = join(harness, "g").await;
    let unknown = Topic::new("there-is-no-such-topic");
    let good = numbered(&topic, 1, 1);
    let batch = vec![good.clone(), numbered(&unknown, 1, 2)];
    let refused = harness.bus().publish(batch).await;
    assert!(matches!(refused, Err(PublishError::UnknownTopic { topic }) if topic == unknown));
    let payload = Bytes::from(vec![0; MAX_MESSAGE_BYTES + 1]);
    let batch = vec![good.clone(), Outgoing { payload, ..good.clone() }];
    let refused = harness.bus().publish(batch).await;
    assert!(matches!(refused, Err(PublishError::TooLarge { .. })), "{refused:?}");
    let refused = harness.bus().subscribe(&unknown, "g").await;
    assert!(matches!(refused, Err(SubscribeError::UnknownTopic { .. })), "{refused:?}");
    publish(harness, Vec::new()).await;
    expect_quiet(&*consumer).await;
    let payload = Bytes::from(vec![0; MAX_MESSAGE_BYTES]);
    publish(harness, vec![Outgoing { payload, ..good }]).await;
    assert_eq!(receive(&*consumer, 1).await[0].payload.len(), MAX_MESSAGE_BYTES);
}

/// A group with a member is busy; without, it is forgotten together with its offsets.
pub async fn groups_are_dropped_only_without_members(harness: &dyn Harness) {
    let [topic, _] = harness.topics();
    let keeper = join(harness, "keeper").await;
    let member = join(harness, "g").await;
    publish(harness, vec![numbered(&topic, 1, 1)]).await;
    let seen = receive(&*member, 1).await;
    commit_all(&*member, &seen).await;
    let refused = harness.bus().drop_group(&topic, "g").await;
    assert!(matches!(refused, Err(DropGroupError::Busy { .. })), "{refused:?}");
    drop(member);
    for _ in 0..2 {
        harness.bus().drop_group(&topic, "g").await.expect("drop_group succeeds");
    }
    assert_eq!(receive(&*join(harness, "g").await, 1).await[0].payload, seen[0].payload);
    drop(keeper);
}

/// A receive that is given up, waiting or not yet polled, takes nothing with it.
pub async fn dropping_a_receive_loses_nothing(harness: &dyn Harness) {
    let consumer = join(harness, "g").await;
    for n in 0..20 {
        assert!(timeout(Duration::from_millis(1), consumer.recv_batch(5)).await.is_err());
        publish(harness, vec![numbered(&harness.topics()[0], n, n)]).await;
        drop(consumer.recv_batch(5));
        let seen = receive(&*consumer, 1).await;
        assert_eq!(number(&seen[0]), n);
        commit_all(&*consumer, &seen).await;
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// Publishes so many messages of random keys.
    Publish(Vec<u8>),
    /// A new member of one of two groups.
    Join(bool),
    /// The member at this index (modulo their number) goes without a word.
    Leave(usize),
    /// It receives at most so many, and commits that many percent of them, if it is let.
    Work(usize, usize, u8),
}

fn programs() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => prop::collection::vec(0..12_u8, 0..30).prop_map(Step::Publish),
        1 => any::<bool>().prop_map(Step::Join),
        1 => (0..8_usize).prop_map(Step::Leave),
        6 => (0..8_usize, 0..40_usize, 0..=100_u8).prop_map(|(m, n, c)| Step::Work(m, n, c)),
    ];
    prop::collection::vec(step, 1..80)
}

/// What one group has been through, per partition.
#[derive(Debug, Default)]
struct Seen {
    /// Number by offset.
    messages: BTreeMap<(u32, u64), u64>,
    last: BTreeMap<u32, u64>,
    committed: BTreeMap<u32, u64>,
}

impl Seen {
    /// A delivery repeats what is not committed, or is the next message: nothing is left out.
    fn deliver(&mut self, message: &Message) {
        let Message { partition, offset, .. } = message;
        let n = number(message);
        assert!(self.committed.get(partition) < Some(offset), "committed, yet delivered");
        let before = self.messages.insert((*partition, *offset), n);
        assert!(before.is_none_or(|before| before == n), "another message at the same offset");
        let last = self.last.entry(*partition).or_insert(*offset);
        if before.is_none() {
            assert!(*offset >= *last, "offset {offset} was passed over");
            *last = *offset;
        }
    }

    fn commit(&mut self, message: &Message) {
        let committed = self.committed.entry(message.partition).or_default();
        *committed = (*committed).max(message.offset);
    }

    /// Every number, once, and those of one key in the order of their offsets.
    fn check(&self, published: &[u8]) {
        let numbers: BTreeSet<_> = self.messages.values().copied().collect();
        assert_eq!(numbers.len(), self.messages.len(), "one message at two offsets");
        assert_eq!(numbers, (0..published.len() as u64).collect(), "messages are missing");
        let mut last = BTreeMap::new();
        for ((partition, _), n) in &self.messages {
            let key = usize::try_from(*n).ok().and_then(|n| published.get(n));
            let before = last.insert((partition, key), n);
            assert!(before < Some(n), "the messages of a key are out of order");
        }
    }
}

const GROUPS: [&str; 2] = ["even", "odd"];

/// A program's world: members come and go, messages are committed or not.
struct Program<'a> {
    harness: &'a dyn Harness,
    published: Vec<u8>,
    members: Vec<(usize, Box<dyn Consumer>)>,
    seen: [Seen; 2],
}

impl Program<'_> {
    async fn step(&mut self, step: &Step) {
        match step {
            Step::Publish(keys) => {
                let first = self.published.len() as u64;
                let topic = &self.harness.topics()[0];
                let messages = keys.iter().zip(first..);
                let batch = messages.map(|(key, n)| numbered(topic, u64::from(*key), n)).collect();
                publish(self.harness, batch).await;
                self.published.extend(keys);
            }
            Step::Join(odd) => {
                let group = usize::from(*odd);
                self.members.push((group, join(self.harness, GROUPS[group]).await));
            }
            Step::Leave(at) if !self.members.is_empty() => {
                drop(self.members.remove(at % self.members.len()));
            }
            Step::Work(at, max, percent) if !self.members.is_empty() => {
                let (group, member) = &self.members[at % self.members.len()];
                let tick = Duration::from_millis(20);
                let Ok(batch) = timeout(tick, member.recv_batch(*max)).await else { return };
                let batch = batch.expect("receive succeeds");
                assert!(batch.len() <= (*max).max(1));
                batch.iter().for_each(|message| self.seen[*group].deliver(message));
                let done = batch.len() * usize::from(*percent) / 100;
                for message in &batch[..done] {
                    match member.commit(message.partition, message.offset).await {
                        Ok(()) => self.seen[*group].commit(message),
                        Err(CommitError::NotAssigned { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            }
            Step::Leave(_) | Step::Work(..) => {}
        }
    }

    /// A last member per group receives and commits all that is left.
    async fn finish(mut self) {
        self.members.clear();
        for (seen, group) in self.seen.iter_mut().zip(GROUPS) {
            let member = join(self.harness, group).await;
            while let Ok(batch) = timeout(QUIET, member.recv_batch(64)).await {
                for message in batch.expect("receive succeeds") {
                    seen.deliver(&message);
                    member.commit(message.partition, message.offset).await.expect("own partition");
                    seen.commit(&message);
                }
            }
            seen.check(&self.published);
        }
    }
}

/// Publishing, receiving, committing, joining and leaving in any order: each group sees every
/// message, none twice after its commit, and those of a key in order.
pub async fn random_programs_lose_nothing_and_keep_order(harness: &dyn Harness) {
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    // Both groups exist before the first message, or it would be kept for neither.
    for group in GROUPS {
        drop(join(harness, group).await);
    }
    let mut program = Program {
        harness,
        published: Vec::new(),
        members: Vec::new(),
        seen: [Seen::default(), Seen::default()],
    };
    for _ in 0..harness.programs() {
        let steps = programs().new_tree(&mut runner).expect("no filters").current();
        for step in &steps {
            program.step(step).await;
        }
    }
    program.finish().await;
}
