//! Leases straight from the store, for runners that live beside it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aob_api::jobs::{AttemptKey, LeaseStanding};
use aob_store::{Claim, LeaseKey, Leases, Renewal, RenewalOutcome, StreamId, TimeMs};
use async_trait::async_trait;

use crate::clock::Clock;
use crate::leases::{Beat, Claims, Heartbeats, LeasesUnavailable};

/// Claims and renews rows of the store.
#[derive(Clone)]
pub struct StoreClaims {
    store: Arc<dyn Leases>,
    clock: Arc<dyn Clock>,
    lease: Duration,
}

impl StoreClaims {
    /// Leases of `store` that hold for `lease`. The clock is the database's.
    pub fn new(store: Arc<dyn Leases>, clock: Arc<dyn Clock>, lease: Duration) -> Self {
        Self { store, clock, lease }
    }

    fn now_and_until(&self) -> (TimeMs, TimeMs) {
        let now = self.clock.now();
        let lease_ms = u64::try_from(self.lease.as_millis()).unwrap_or(u64::MAX);
        (now.0, now.plus_ms(lease_ms).0)
    }
}

impl fmt::Debug for StoreClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreClaims").field("lease", &self.lease).finish_non_exhaustive()
    }
}

fn lease_key(key: &AttemptKey) -> LeaseKey {
    LeaseKey { run: StreamId(key.run.0), instance: key.instance.to_string(), attempt: key.attempt }
}

#[async_trait]
impl Heartbeats for StoreClaims {
    async fn heartbeat(&self, beats: Vec<Beat>) -> Result<Vec<LeaseStanding>, LeasesUnavailable> {
        let (now_ms, until_ms) = self.now_and_until();
        let renewals: Vec<Renewal> = beats
            .into_iter()
            .map(|Beat { holder, item }| Renewal {
                key: lease_key(&item.key()),
                holder: holder.to_string(),
                now_ms,
                until_ms,
                progress: item.progress.map(|progress| progress.0.get().to_owned()),
            })
            .collect();
        let outcomes = self.store.lease_renew(&renewals).await;
        let outcomes = outcomes.map_err(|error| LeasesUnavailable(error.to_string()))?;
        let standing = outcomes.into_iter().map(|outcome| match outcome {
            RenewalOutcome::Held => LeaseStanding::Held,
            RenewalOutcome::Cancelling => LeaseStanding::Cancelling,
            RenewalOutcome::Lost => LeaseStanding::Lost,
        });
        Ok(standing.collect())
    }
}

#[async_trait]
impl Claims for StoreClaims {
    async fn claim(
        &self,
        holder: &str,
        attempts: &[AttemptKey],
    ) -> Result<Vec<bool>, LeasesUnavailable> {
        let (now_ms, until_ms) = self.now_and_until();
        let claims: Vec<Claim> = attempts
            .iter()
            .map(|key| Claim { key: lease_key(key), holder: holder.to_owned(), now_ms, until_ms })
            .collect();
        let granted = self.store.lease_claim(&claims).await;
        granted.map_err(|error| LeasesUnavailable(error.to_string()))
    }
}

#[cfg(test)]
mod tests;
