//! Sealing events into segments of the log.

use std::ops::Range;

use aob_engine::{Event, SEGMENT_BYTES_MAX, SEGMENT_EVENTS_MAX};
use aob_store::{Head, Segment, StreamId, segment_hash};

/// A segment with the place of each event's text in it.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// The row of the log.
    pub segment: Segment,
    /// Where the text of each of its events stands in [`Segment::events`].
    pub texts: Vec<Range<usize>>,
}

/// Seals consecutive events into as few segments as the bounds allow, and moves `head` to their
/// end.
pub fn seal(stream: StreamId, head: &mut Head, events: &[Event]) -> Vec<Sealed> {
    let mut segments = Vec::with_capacity(1);
    let mut rest = events;
    while !rest.is_empty() {
        let mut text = Vec::with_capacity(rest.len().min(SEGMENT_EVENTS_MAX) * 320);
        let mut texts = Vec::with_capacity(rest.len().min(SEGMENT_EVENTS_MAX));
        text.push(b'[');
        for event in rest.iter().take(SEGMENT_EVENTS_MAX) {
            let before = text.len();
            if !texts.is_empty() {
                text.push(b',');
            }
            let start = text.len();
            // Writing to a vector cannot fail, and events hold nothing that JSON cannot.
            let _ = serde_json::to_writer(&mut text, event);
            if !texts.is_empty() && text.len() >= SEGMENT_BYTES_MAX {
                text.truncate(before);
                break;
            }
            texts.push(start..text.len());
        }
        text.push(b']');
        let text = String::from_utf8(text).expect("serde_json writes UTF-8");
        let (sealed, left) = rest.split_at(texts.len());
        segments.push(Sealed { segment: close(stream, head, sealed, text), texts });
        rest = left;
    }
    segments
}

fn close(stream: StreamId, head: &mut Head, sealed: &[Event], text: String) -> Segment {
    let (first_seq, last_seq) =
        (sealed.first().map_or(0, |e| e.seq), sealed.last().map_or(0, |e| e.seq));
    let at_ms = sealed.last().map_or(0, |event| event.at.0);
    let ordinal = head.ordinal + 1;
    let hash = segment_hash(stream, ordinal, at_ms, &head.hash, &text);
    let prev_hash = head.hash;
    *head = Head { ordinal, seq: last_seq, hash };
    Segment { ordinal, first_seq, last_seq, at_ms, events: text, prev_hash, hash }
}
