//! Which partition a key belongs to, by the function that Kafka's Java client uses.

use std::num::NonZeroU32;

const SEED: u32 = 0x9747_b28c;
const MULTIPLIER: u32 = 0x5bd1_e995;

/// The partition of a key. All producers of a topic must agree on it, or the messages of one key
/// lose their order: Java, Python and librdkafka's `murmur2` partitioner give the same.
pub fn partition_of(key: &[u8], partitions: NonZeroU32) -> u32 {
    (murmur2(key) & 0x7fff_ffff) % partitions
}

/// Murmur2 with Kafka's seed.
fn murmur2(data: &[u8]) -> u32 {
    // The algorithm takes the length modulo 2^32.
    let mut hash = SEED ^ data.len() as u32;
    let (words, tail) = data.as_chunks::<4>();
    for word in words {
        let mut mixed = u32::from_le_bytes(*word).wrapping_mul(MULTIPLIER);
        mixed ^= mixed >> 24;
        hash = hash.wrapping_mul(MULTIPLIER) ^ mixed.wrapping_mul(MULTIPLIER);
    }
    if !tail.is_empty() {
        for (at, byte) in tail.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * at);
        }
        hash = hash.wrapping_mul(MULTIPLIER);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MULTIPLIER);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From Apache Kafka's `UtilsTest.testMurmur2` (signed there).
    const JAVA: [(&[u8], i32); 6] = [
        (b"21", -973_932_308),
        (b"foobar", -790_332_482),
        (b"a-little-bit-long-string", -985_981_536),
        (b"a-little-bit-longer-string", -1_486_304_829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        (b"abc", 479_470_107),
    ];

    /// From librdkafka's `unittest_murmur2`.
    const LIBRDKAFKA: [(&[u8], u32); 8] = [
        (b"kafka", 0xd067_cf64),
        (b"giberish123456789", 0x8f55_2b0c),
        (b"1234", 0x9fc9_7b14),
        (b"234", 0xe7c0_09ca),
        (b"34", 0x8739_30da),
        (b"4", 0x5a4b_5ca1),
        (b"PreAmbleWillBeRemoved,ThePrePartThatIs", 0x7842_4f1c),
        (b"", 0x106e_08d9),
    ];

    #[test]
    fn hashes_like_the_java_client() {
        for (key, expected) in JAVA {
            assert_eq!(murmur2(key).cast_signed(), expected, "{key:?}");
        }
    }

    #[test]
    fn hashes_like_librdkafka() {
        for (key, expected) in LIBRDKAFKA {
            assert_eq!(murmur2(key), expected, "{key:?}");
        }
    }

    #[test]
    fn the_sign_is_dropped_before_the_remainder() {
        // -973932308 & 0x7fffffff = 1173551340
        for (partitions, expected) in [(1, 0), (2, 0), (7, 1_173_551_340 % 7), (12, 0), (100, 40)] {
            let partitions = NonZeroU32::new(partitions).unwrap();
            assert_eq!(partition_of(b"21", partitions), expected, "{partitions}");
        }
    }
}
