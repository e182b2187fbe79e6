//! Where messages go that nobody can read.

use bytes::Bytes;

use crate::{Header, Message, Outgoing, Topic};

/// Ends the name of a topic of dead letters.
pub const DEAD: &str = ".dead";

/// The topic for what nobody can read of this one.
pub fn dead_topic(topic: &Topic) -> Topic {
    Topic::new(&format!("{topic}{DEAD}"))
}

/// A message that cannot be read, for the topic of dead letters: as it came, with headers that say
/// where it was and why it is dead.
pub fn dead_letter(message: &Message, reason: &str) -> Outgoing {
    let mut headers = message.headers.clone();
    headers.extend(dead_headers(&message.topic, message.partition, message.offset, reason));
    Outgoing {
        topic: dead_topic(&message.topic),
        key: message.key,
        headers,
        payload: message.payload.clone(),
    }
}

/// What a dead letter says about itself.
pub(crate) fn dead_headers(
    topic: &Topic,
    partition: u32,
    offset: u64,
    reason: &str,
) -> [Header; 4] {
    let header =
        |name: &'static str, value: String| Header { name: name.into(), value: Bytes::from(value) };
    [
        header("aob-dead-topic", topic.to_string()),
        header("aob-dead-partition", partition.to_string()),
        header("aob-dead-offset", offset.to_string()),
        header("aob-dead-reason", reason.chars().take(1_000).collect()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_letter_says_where_it_was_and_why() {
        let kept = Header { name: "trace".into(), value: Bytes::from_static(b"1") };
        let message = Message {
            topic: "node.results".into(),
            partition: 3,
            offset: 42,
            key: [7; 16],
            headers: vec![kept.clone()],
            payload: Bytes::from_static(b"not json"),
        };
        let letter = dead_letter(&message, "expected value");
        assert_eq!(letter.topic.as_str(), "node.results.dead");
        assert_eq!((letter.key, letter.payload), (message.key, message.payload));
        assert_eq!(letter.headers[0], kept);
        let said = letter.headers[1..].iter();
        let said: Vec<(&str, &[u8])> = said.map(|h| (&*h.name, &h.value[..])).collect();
        let expected: [(&str, &[u8]); 4] = [
            ("aob-dead-topic", b"node.results"),
            ("aob-dead-partition", b"3"),
            ("aob-dead-offset", b"42"),
            ("aob-dead-reason", b"expected value"),
        ];
        assert_eq!(said, expected);
    }
}
