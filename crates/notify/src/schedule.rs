//! When a message that did not arrive is tried again.

use aob_store::TimeMs;
use sha2::{Digest, Sha256};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// The waits between tries: together a little more than a day.
const WAITS_MS: [i64; 11] = [
    5 * SECOND,
    30 * SECOND,
    2 * MINUTE,
    5 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    4 * HOUR,
    6 * HOUR,
    10 * HOUR,
];

/// So often a message is tried before it is given up.
pub const TRIES_MAX: u32 = WAITS_MS.len() as u32 + 1;

/// A receiver may ask to be left alone for so long.
const ASKED_MS_MAX: i64 = 24 * HOUR;

/// When the try after the `attempt`-th is due; `None`: it is given up. Waits vary by a tenth, by the
/// message's id, so that what failed together does not come back together. A receiver that says how
/// long to wait is not asked earlier.
pub fn next_try(id: &str, attempt: u32, now_ms: TimeMs, asked_ms: Option<u64>) -> Option<TimeMs> {
    let place = usize::try_from(attempt.max(1) - 1).unwrap_or(usize::MAX);
    let wait = *WAITS_MS.get(place)?;
    let wait = wait - wait / 10 + jitter(id, attempt, wait / 5);
    let asked = asked_ms.map_or(0, |ms| i64::try_from(ms).unwrap_or(ASKED_MS_MAX));
    Some(now_ms.saturating_add(wait.max(asked.min(ASKED_MS_MAX))))
}

/// Something from 0 to `most`, the same for the same try.
fn jitter(id: &str, attempt: u32, most: i64) -> i64 {
    let digest: [u8; 32] =
        Sha256::new().chain_update(id).chain_update(attempt.to_be_bytes()).finalize().into();
    let drawn = i64::from(u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]));
    drawn * most / i64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_message_is_tried_for_about_a_day() {
        let (mut now, mut tries) = (0, 1);
        while let Some(due) = next_try("msg_1", tries, now, None) {
            assert!(due > now);
            (now, tries) = (due, tries + 1);
        }
        assert_eq!(tries, TRIES_MAX);
        assert!((21 * HOUR..=28 * HOUR).contains(&now), "{now}");
    }

    #[test]
    fn a_receiver_says_how_long_to_wait() {
        let first = next_try("msg_1", 1, 0, None);
        assert_eq!(next_try("msg_1", 1, 0, Some(60_000)), Some(60_000));
        assert_eq!(next_try("msg_1", 1, 0, Some(1)), first);
        assert_eq!(next_try("msg_1", 1, 0, Some(u64::MAX)), Some(24 * HOUR));
        assert_eq!(next_try("msg_1", TRIES_MAX, 0, Some(1)), None);
        assert_eq!(next_try("msg_1", u32::MAX, i64::MAX, None), None);
        assert_eq!(next_try("msg_1", 1, i64::MAX, None), Some(i64::MAX));
    }

    proptest! {
        #[test]
        fn waits_vary_by_a_tenth(id in ".{0,20}", attempt in 1..TRIES_MAX) {
            let wait = WAITS_MS[attempt as usize - 1];
            let due = next_try(&id, attempt, 0, None).unwrap();
            prop_assert!(due >= wait - wait / 10 && due <= wait + wait / 10);
            prop_assert_eq!(due, next_try(&id, attempt, 0, None).unwrap());
        }
    }
}
