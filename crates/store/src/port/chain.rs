//! The hash chain over the segments of a stream, and its verification.

use thiserror::Error;

use super::{Hash, Head, Segment, StreamId, TimeMs};

/// `sha256("aob.segment.1", stream, ordinal, at_ms, prev_hash, events)`, every field preceded by its
/// length as eight big-endian bytes; integers are eight big-endian bytes.
pub fn segment_hash(
    stream: StreamId,
    ordinal: u64,
    at_ms: TimeMs,
    prev_hash: &Hash,
    events: &str,
) -> Hash {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    let mut field = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    field(b"aob.segment.1");
    field(stream.0.as_bytes());
    field(&ordinal.to_be_bytes());
    field(&at_ms.to_be_bytes());
    field(prev_hash);
    field(events.as_bytes());
    hash.finalize().into()
}

/// The first ordinal of a list of segments, each of which names the one before it as its
/// predecessor; `None`: it is empty, or not such a list.
pub(crate) fn first_of_chain(segments: &[Segment]) -> Option<u64> {
    let linked = |pair: &[Segment]| {
        pair[1].ordinal.checked_sub(1) == Some(pair[0].ordinal) && pair[1].prev_hash == pair[0].hash
    };
    let first = segments.first()?;
    segments.windows(2).all(linked).then_some(first.ordinal)
}

/// The first segment of a stream that does not follow from the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("segment {ordinal} breaks the chain: {problem}")]
pub struct BrokenChain {
    /// The ordinal at which the chain breaks.
    pub ordinal: u64,
    /// How.
    pub problem: ChainProblem,
}

/// How a segment breaks the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ChainProblem {
    /// The segment that should stand here is missing.
    #[error("found ordinal {found} in its place")]
    Ordinal {
        /// The ordinal that stands in its place.
        found: u64,
    },
    /// Its seqs do not continue those before, or it holds no event.
    #[error("its events are {first_seq}..={last_seq}, the ones before end at {previous}")]
    Seq {
        /// Seq of its first event.
        first_seq: u64,
        /// Seq of its last event.
        last_seq: u64,
        /// Seq of the last event before it.
        previous: u64,
    },
    /// It names another predecessor.
    #[error("it does not name the hash of the segment before")]
    PrevHash,
    /// Its bytes are not those that were hashed.
    #[error("its content does not have the hash that it states")]
    Hash,
}

/// Checks that `segments` continue `stream` from `from` ([`Head::EMPTY`] for the first page) and
/// answers the head after them, from which the next page continues.
///
/// # Errors
/// The first segment that does not follow, and how.
pub fn verify_chain(
    stream: StreamId,
    from: Head,
    segments: &[Segment],
) -> Result<Head, BrokenChain> {
    segments.iter().try_fold(from, |head, segment| follow(stream, head, segment))
}

fn follow(stream: StreamId, head: Head, segment: &Segment) -> Result<Head, BrokenChain> {
    let ordinal = head.ordinal.saturating_add(1);
    let broken = |problem| Err(BrokenChain { ordinal, problem });
    if segment.ordinal != ordinal {
        return broken(ChainProblem::Ordinal { found: segment.ordinal });
    }
    let (first_seq, last_seq) = (segment.first_seq, segment.last_seq);
    if first_seq != head.seq.saturating_add(1) || last_seq < first_seq {
        return broken(ChainProblem::Seq { first_seq, last_seq, previous: head.seq });
    }
    if segment.prev_hash != head.hash {
        return broken(ChainProblem::PrevHash);
    }
    let hash = segment_hash(stream, ordinal, segment.at_ms, &segment.prev_hash, &segment.events);
    if segment.hash != hash {
        return broken(ChainProblem::Hash);
    }
    Ok(Head { ordinal, seq: last_seq, hash })
}
