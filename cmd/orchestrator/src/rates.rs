//! How fast a workspace may start runs, by the tier of their workflow.

use std::collections::BTreeMap;

use aob_api::{ErrorCode, Problem};
use aob_edge::Refusal;
use aob_engine::WorkspaceId;
use aob_ir::Tier;
use aob_store::TimeMs;
use parking_lot::Mutex;

/// Milliseconds of a minute, the period of the limits.
const MINUTE_MS: u64 = 60_000;

/// Starts per minute and workspace, per tier. A minute's worth may come at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// Workflows without agents.
    pub simple: u32,
    /// With one or two.
    pub standard: u32,
    /// With three or more.
    pub heavy: u32,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self { simple: 100, standard: 20, heavy: 5 }
    }
}

impl RateLimits {
    fn of(self, tier: Tier) -> u32 {
        match tier {
            Tier::Simple => self.simple,
            Tier::Standard => self.standard,
            Tier::Heavy => self.heavy,
        }
    }
}

/// Token buckets of this process.
#[derive(Debug)]
pub(crate) struct Rates {
    limits: Option<RateLimits>,
    buckets: Mutex<BTreeMap<(WorkspaceId, Tier), Bucket>>,
}

/// A bucket counts in starts times the milliseconds of a minute, so that it needs no fractions.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    level: u64,
    filled_ms: TimeMs,
}

impl Rates {
    /// No limits where there are none.
    pub(crate) fn new(limits: Option<RateLimits>) -> Self {
        Self { limits, buckets: Mutex::default() }
    }

    /// Takes one start, or refuses and says when there is one.
    pub(crate) fn take(
        &self,
        workspace: WorkspaceId,
        tier: Tier,
        now_ms: TimeMs,
    ) -> Result<(), Refusal> {
        let Some(limits) = self.limits else { return Ok(()) };
        let rate = u64::from(limits.of(tier));
        let full = rate * MINUTE_MS;
        let mut buckets = self.buckets.lock();
        let fresh = Bucket { level: full, filled_ms: now_ms };
        let bucket = buckets.entry((workspace, tier)).or_insert(fresh);
        let passed = u64::try_from(now_ms.saturating_sub(bucket.filled_ms)).unwrap_or(0);
        bucket.level = full.min(bucket.level.saturating_add(passed.saturating_mul(rate)));
        bucket.filled_ms = bucket.filled_ms.max(now_ms);
        if let Some(left) = bucket.level.checked_sub(MINUTE_MS) {
            bucket.level = left;
            return Ok(());
        }
        let wait_ms = match rate {
            0 => MINUTE_MS,
            rate => (MINUTE_MS - bucket.level).div_ceil(rate),
        };
        Err(refused(tier, rate, wait_ms))
    }
}

fn refused(tier: Tier, rate: u64, wait_ms: u64) -> Refusal {
    let name = match tier {
        Tier::Simple => "simple (no agents)",
        Tier::Standard => "standard (one or two agents)",
        Tier::Heavy => "heavy (three or more agents)",
    };
    let detail = format!(
        "the workspace may start {rate} runs a minute of workflows of tier {name}, and has"
    );
    Problem::new(ErrorCode::RateLimited, detail)
        .with_hint(format!("wait {wait_ms} ms, then try again"))
        .with_retry_after_ms(wait_ms)
        .into()
}

#[cfg(test)]
mod tests {
    use aob_ir::Tier;
    use uuid::Uuid;

    use super::*;

    const ONE: WorkspaceId = WorkspaceId(Uuid::from_u128(1));
    const OTHER: WorkspaceId = WorkspaceId(Uuid::from_u128(2));

    #[test]
    fn a_bucket_holds_a_minute_and_fills_evenly() {
        let rates = Rates::new(Some(RateLimits { simple: 3, standard: 1, heavy: 0 }));
        for _ in 0..3 {
            rates.take(ONE, Tier::Simple, 1_000).unwrap();
        }
        let refusal = rates.take(ONE, Tier::Simple, 1_000).unwrap_err();
        assert_eq!((refusal.0.status, refusal.0.retry_after_ms), (429, Some(20_000)));
        assert_eq!(rates.take(ONE, Tier::Simple, 20_999).unwrap_err().0.retry_after_ms, Some(1));
        rates.take(ONE, Tier::Simple, 21_000).unwrap();
        assert!(rates.take(ONE, Tier::Simple, 21_000).is_err());
        // Time that goes backwards fills nothing, and a long pause fills no more than a minute.
        assert!(rates.take(ONE, Tier::Simple, 0).is_err());
        for _ in 0..3 {
            rates.take(ONE, Tier::Simple, 10_000_000).unwrap();
        }
        assert!(rates.take(ONE, Tier::Simple, 10_000_000).is_err());
    }

    #[test]
    fn workspaces_and_tiers_have_their_own() {
        let rates = Rates::new(Some(RateLimits { simple: 1, standard: 1, heavy: 0 }));
        rates.take(ONE, Tier::Simple, 0).unwrap();
        rates.take(ONE, Tier::Standard, 0).unwrap();
        rates.take(OTHER, Tier::Simple, 0).unwrap();
        assert!(rates.take(ONE, Tier::Simple, 0).is_err());
        assert!(rates.take(ONE, Tier::Heavy, 0).is_err());
        let off = Rates::new(None);
        assert!((0..1_000).all(|_| off.take(ONE, Tier::Heavy, 0).is_ok()));
    }
}
