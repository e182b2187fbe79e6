//! Which runs fall to the version on trial.

use aob_store::Canary;
use sha2::{Digest, Sha256};

/// True for `percent` of all keys, each of them for as long as the version is on trial with that
/// share or a greater one.
pub(super) fn falls_to(tag: &str, canary: Canary, key: &str) -> bool {
    let mut hash = Sha256::new();
    hash.update(b"aob.canary.1");
    hash.update(canary.version.to_be_bytes());
    for text in [tag, key] {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    let hash = hash.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    // Of 2^64 values the remainder favours none by more than one in 10^17.
    u64::from_be_bytes(first) % 100 < u64::from(canary.percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_met_and_grows_without_letting_go() {
        let keys: Vec<String> = (0..10_000).map(|n| format!("customer-{n}")).collect();
        let mut before: Vec<&String> = Vec::new();
        for percent in [0, 1, 10, 50, 100] {
            let canary = Canary { version: 7, percent };
            let fell: Vec<&String> =
                keys.iter().filter(|key| falls_to("kyc", canary, key)).collect();
            let wanted = percent as usize * 100;
            assert!(fell.len().abs_diff(wanted) <= 200, "{percent}%: {}", fell.len());
            assert!(before.iter().all(|key| fell.contains(key)), "{percent}%");
            before = fell;
        }
        let one = |tag, version| {
            let canary = Canary { version, percent: 50 };
            keys.iter().map(|key| falls_to(tag, canary, key)).collect::<Vec<_>>()
        };
        assert_ne!(one("kyc", 7), one("kyc", 8), "another trial meets others");
        assert_ne!(one("kyc", 7), one("onboarding", 7));
    }
}
