//! How a value lies in Redis: what is read is proven to be what was put under that key.
//!
//! ```text
//! format (1) | seq, big-endian (8) | check (16) | value
//! ```
//! The check is the beginning of SHA-256 over key, seq and value, so neither a damaged value nor
//! one that stands under a key of another is taken for it.

use bytes::{Bytes, BytesMut};
use sha2::{Digest, Sha256};

use crate::Cached;

/// The format that this program writes. Whatever has another one counts as lost.
pub(super) const FORMAT: u8 = 1;
const SEQ_BYTES: usize = 8;
const CHECK_BYTES: usize = 16;
const HEAD_BYTES: usize = 1 + SEQ_BYTES + CHECK_BYTES;

/// The bytes that stand for a value.
pub(super) fn encode(key: &[u8], seq: u64, value: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(HEAD_BYTES + value.len());
    frame.extend_from_slice(&[FORMAT]);
    frame.extend_from_slice(&seq.to_be_bytes());
    frame.extend_from_slice(&check(key, seq, value));
    frame.extend_from_slice(value);
    frame.freeze()
}

/// The value, or `None` where these are not the bytes that [`encode`] made for that key.
pub(super) fn decode(key: &[u8], frame: &Bytes) -> Option<Cached> {
    let head = frame.get(..HEAD_BYTES)?;
    let (format, head) = head.split_first()?;
    let (seq, checked) = head.split_first_chunk::<SEQ_BYTES>()?;
    let seq = u64::from_be_bytes(*seq);
    let value = frame.slice(HEAD_BYTES..);
    (*format == FORMAT && checked == check(key, seq, &value)).then_some(Cached { value, seq })
}

fn check(key: &[u8], seq: u64, value: &[u8]) -> [u8; CHECK_BYTES] {
    let hash = Sha256::new()
        .chain_update((key.len() as u64).to_be_bytes())
        .chain_update(key)
        .chain_update(seq.to_be_bytes())
        .chain_update(value)
        .finalize();
    let mut check = [0; CHECK_BYTES];
    check.copy_from_slice(&hash[..CHECK_BYTES]);
    check
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_encoded_is_decoded() {
        for (seq, value) in [(0, &b""[..]), (7, b"text"), (u64::MAX, &[0; 300])] {
            let frame = encode(b"key", seq, value);
            let expected = Cached { value: Bytes::copy_from_slice(value), seq };
            assert_eq!(decode(b"key", &frame), Some(expected));
        }
    }

    #[test]
    fn any_other_byte_is_noticed() {
        let frame = encode(b"key", 5, b"value");
        for at in 0..frame.len() {
            let mut changed = frame.to_vec();
            changed[at] ^= 1;
            assert_eq!(decode(b"key", &Bytes::from(changed)), None, "byte {at}");
        }
        for len in 0..frame.len() {
            assert_eq!(decode(b"key", &frame.slice(..len)), None, "{len} bytes");
        }
        assert_eq!(decode(b"key", &Bytes::from([&frame[..], b"!"].concat())), None);
    }

    #[test]
    fn a_value_of_another_key_is_noticed() {
        assert_eq!(decode(b"other", &encode(b"key", 5, b"value")), None);
    }
}
