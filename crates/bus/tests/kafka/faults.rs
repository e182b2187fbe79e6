//! What only brokers do: topics, dead letters, users that are slow, links that end, lanes.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use aob_bus::kafka::{KafkaBus, KafkaConfig, TopicError, TopicSpec};
use aob_bus::{Bus, Consumer, Message, Outgoing, PublishError, Topic, dead_topic};
use bytes::Bytes;
use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use tokio::time::timeout;

use crate::broker::{brokers, bus, config, create, fresh_topic, spec};

/// After so long, an expected message is missing.
const PATIENCE: Duration = Duration::from_secs(60);

fn message(topic: &Topic, key: u8, text: impl Into<Bytes>) -> Outgoing {
    Outgoing { topic: topic.clone(), key: [key; 16], headers: Vec::new(), payload: text.into() }
}

async fn receive(consumer: &dyn Consumer, count: usize) -> Vec<Message> {
    let mut messages = Vec::new();
    while messages.len() < count {
        let batch = timeout(PATIENCE, consumer.recv_batch(count - messages.len())).await;
        messages.extend(batch.expect("a message is missing").expect("receive succeeds"));
    }
    messages
}

fn texts(messages: &[Message]) -> Vec<&[u8]> {
    messages.iter().map(|message| &message.payload[..]).collect()
}

async fn with_topic() -> (KafkaBus, Topic) {
    let (bus, topic) = (bus(config()), fresh_topic());
    create(&bus, std::slice::from_ref(&topic)).await;
    (bus, topic)
}

#[tokio::test]
async fn topics_are_made_once_and_never_change_their_partitions() {
    let (bus, topic) = with_topic().await;
    let again = bus.create_topics(&[spec(&topic)]).await.expect("it is there");
    assert_eq!(again, []);
    let more = TopicSpec { partitions: NonZeroU32::new(9).expect("not 0"), ..spec(&topic) };
    let refused = bus.create_topics(&[more]).await;
    assert!(matches!(refused, Err(TopicError::Partitions { .. })), "{refused:?}");
    let odd = TopicSpec { replicas: 99, ..spec(&fresh_topic()) };
    let refused = bus.create_topics(&[odd]).await;
    assert!(matches!(refused, Err(TopicError::Refused { .. })), "{refused:?}");
    bus.check().await.expect("the broker answers");
}

/// A producer that knows nothing of our keys.
fn publish_as_a_stranger(topic: &Topic, key: &[u8], text: &str) {
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", brokers()).create().expect("a producer");
    let record = BaseRecord::to(topic.as_str()).partition(0).key(key).payload(text);
    producer.send(record).map_err(|(error, _)| error).expect("it is sent");
    producer.flush(PATIENCE).expect("it is acknowledged");
}

#[tokio::test]
async fn what_has_no_key_of_ours_goes_to_the_dead_letters_and_holds_nobody_up() {
    let (bus, topic) = with_topic().await;
    let dead = dead_topic(&topic);
    create(&bus, std::slice::from_ref(&dead)).await;
    for n in 0..3 {
        publish_as_a_stranger(&topic, b"short", &format!("dead {n}"));
    }
    // Of all keys, this one goes to partition 0 as well.
    let key = (0..=u8::MAX)
        .find(|key| aob_bus::partition_of(&[*key; 16], crate::broker::PARTITIONS) == 0);
    let key = key.expect("some key does");
    bus.publish(vec![message(&topic, key, "good")]).await.expect("publish succeeds");
    let consumer = bus.subscribe(&topic, "g").await.expect("subscribe succeeds");
    let good = receive(&*consumer, 1).await;
    assert_eq!(texts(&good), [b"good"]);
    consumer.commit(good[0].partition, good[0].offset).await.expect("commit succeeds");
    drop(consumer);
    // Nobody reads them a second time, and dead letters have strange keys: a stranger reads them.
    drop(bus.subscribe(&topic, "g").await.expect("subscribe succeeds"));
    let letters = tokio::task::spawn_blocking(move || read_as_a_stranger(&dead, 3)).await;
    let letters = letters.expect("they are read");
    assert_eq!(letters, ["dead 0", "dead 1", "dead 2"].map(str::to_owned));
}

/// All messages of a topic, which are so many.
fn read_as_a_stranger(topic: &Topic, count: usize) -> Vec<String> {
    use rdkafka::Message as _;
    use rdkafka::consumer::{BaseConsumer, Consumer as _};
    use rdkafka::message::Headers as _;
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers())
        .set("group.id", format!("stranger-{topic}"))
        .set("auto.offset.reset", "earliest")
        .set("enable.partition.eof", "true")
        .create()
        .expect("a consumer");
    consumer.subscribe(&[topic.as_str()]).expect("it subscribes");
    let (mut found, mut ended) = (Vec::new(), BTreeSet::new());
    for _ in 0..1_000 {
        if ended.len() == 4 && found.len() >= count {
            return found;
        }
        // Events of the library's own are nothing to its user.
        let Some(polled) = consumer.poll(Duration::from_millis(100)) else { continue };
        match polled {
            Ok(message) => {
                let headers = message.headers().expect("headers");
                let reason = headers.iter().find(|header| header.key == "aob-dead-reason");
                assert!(reason.is_some_and(|reason| reason.value.is_some()));
                let text = message.payload().expect("a payload");
                found.push(String::from_utf8(text.to_vec()).expect("text"));
            }
            Err(rdkafka::error::KafkaError::PartitionEOF(partition)) => {
                ended.insert(partition);
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("only {found:?}");
}

#[tokio::test]
async fn a_listener_hears_what_comes_and_nothing_of_before() {
    let (bus, topic) = with_topic().await;
    bus.publish(vec![message(&topic, 1, "before")]).await.expect("publish succeeds");
    let listeners = [
        bus.listen(&topic, "one").await.expect("listen succeeds"),
        bus.listen(&topic, "two").await.expect("listen succeeds"),
    ];
    let batch = (0..20).map(|key| message(&topic, key, "after")).collect();
    bus.publish(batch).await.expect("publish succeeds");
    for listener in &listeners {
        let heard = receive(&**listener, 20).await;
        assert!(heard.iter().all(|message| &message.payload[..] == b"after"));
        let last = heard.last().expect("20");
        listener.commit(last.partition, last.offset).await.expect("there is nothing to keep");
    }
    bus.drop_group(&topic, "one").await.expect("there is no such group");
}

/// More than fits between the member and its user, taken slowly.
#[tokio::test]
async fn a_slow_user_gets_everything_in_order_and_keeps_its_partitions() {
    let (bus, topic) = with_topic().await;
    let count = 12_000_u32;
    for chunk in 0..12 {
        let numbers = chunk * 1_000_u32..(chunk + 1) * 1_000;
        let batch = numbers.map(|n| message(&topic, 7, n.to_be_bytes().to_vec())).collect();
        bus.publish(batch).await.expect("publish succeeds");
    }
    let consumer = bus.subscribe(&topic, "g").await.expect("subscribe succeeds");
    let first = receive(&*consumer, 1).await;
    // It takes nothing while the rest arrives; the member goes on living.
    let other = bus.subscribe(&topic, "g").await.expect("subscribe succeeds");
    drop(other);
    bus.settled().await;
    let mut expected = u32::from_be_bytes(first[0].payload[..].try_into().expect("a number"));
    assert_eq!(expected, 0);
    while expected + 1 < count {
        for message in receive(&*consumer, 1).await {
            let number = u32::from_be_bytes(message.payload[..].try_into().expect("a number"));
            // A partition that came back starts behind the last commit.
            assert!(number <= expected + 1, "{number} after {expected}");
            expected = expected.max(number);
        }
    }
}

/// Both lanes carry a batch; the messages of a key stay in order.
#[tokio::test]
async fn a_batch_over_both_lanes_arrives_whole() {
    let (quick, bulky) = (fresh_topic(), fresh_topic());
    let config = KafkaConfig { bulk: BTreeSet::from([bulky.clone()]), ..config() };
    let bus = bus(config);
    create(&bus, &[quick.clone(), bulky.clone()]).await;
    let batch: Vec<_> = (0..400_u32)
        .map(|n| message(if n % 2 == 0 { &quick } else { &bulky }, 3, n.to_be_bytes().to_vec()))
        .collect();
    bus.publish(batch).await.expect("publish succeeds");
    for (topic, rest) in [(&quick, 0), (&bulky, 1)] {
        let consumer = bus.subscribe(topic, "g").await.expect("subscribe succeeds");
        let numbers: Vec<u32> = receive(&*consumer, 200)
            .await
            .iter()
            .map(|message| u32::from_be_bytes(message.payload[..].try_into().expect("a number")))
            .collect();
        assert_eq!(numbers, (0..400).filter(|n| n % 2 == rest).collect::<Vec<_>>());
    }
}

/// After silence, one message comes at once: no wake-up was lost.
#[tokio::test]
async fn the_first_message_after_silence_is_not_late() {
    let (bus, topic) = with_topic().await;
    let consumer = bus.subscribe(&topic, "g").await.expect("subscribe succeeds");
    for n in 0..20_u32 {
        assert!(timeout(Duration::from_millis(150), consumer.recv_batch(1)).await.is_err());
        bus.publish(vec![message(&topic, 1, n.to_be_bytes().to_vec())]).await.expect("published");
        let got = timeout(Duration::from_secs(5), consumer.recv_batch(1)).await;
        let got = got.expect("it is late").expect("receive succeeds");
        assert_eq!(&got[0].payload[..], n.to_be_bytes());
        consumer.commit(got[0].partition, got[0].offset).await.expect("commit succeeds");
    }
}

#[tokio::test]
async fn nobody_there_is_unavailable_and_not_an_unknown_topic() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let nobody = listener.local_addr().expect("an address").to_string();
    drop(listener);
    let bus = bus(KafkaConfig { delivery_timeout_ms: 1_000, ..KafkaConfig::new(&nobody) });
    let topic = fresh_topic();
    let refused = bus.publish(vec![message(&topic, 1, "x")]).await;
    assert!(matches!(refused, Err(PublishError::Unavailable(_))), "{refused:?}");
    assert!(bus.check().await.is_err());
}

/// An idempotent producer that had to give a message up refuses everything afterwards.
#[tokio::test]
async fn a_producer_that_failed_for_good_is_made_anew() {
    let cluster = MockCluster::new(1).expect("a cluster");
    let topic = fresh_topic();
    cluster.create_topic(topic.as_str(), 4, 1).expect("a topic");
    let brokers = cluster.bootstrap_servers();
    // Long enough for the first message on a machine that has much to do.
    let bus = bus(KafkaConfig { delivery_timeout_ms: 4_000, ..KafkaConfig::new(&brokers) });
    let publish = async |text: &'static str| bus.publish(vec![message(&topic, 1, text)]).await;
    publish("before").await.expect("publish succeeds");
    cluster.broker_down(1).expect("it is down");
    for _ in 0..2 {
        let failed = publish("lost").await;
        assert!(matches!(failed, Err(PublishError::Unavailable(_))), "{failed:?}");
    }
    cluster.broker_up(1).expect("it is up");
    timeout(PATIENCE, async { while publish("after").await.is_err() {} }).await.expect("anew");
    let consumer = bus.subscribe(&topic, "g").await.expect("subscribe succeeds");
    let messages = receive(&*consumer, 2).await;
    assert_eq!(texts(&messages)[0], b"before");
    assert_eq!(texts(&messages)[1], b"after");
}
