//! The model's leases.

use super::model::{Model, page};
use crate::{Claim, LeaseKey, LeaseState, PoolClaim, Renewal, RenewalOutcome, StreamId, TimeMs};

impl Model {
    /// See [`Leases::lease_claim`](crate::Leases::lease_claim).
    pub fn lease_claim(&mut self, claims: &[Claim]) -> Vec<bool> {
        claims.iter().map(|claim| self.claim(claim).is_some()).collect()
    }

    fn claim(&mut self, claim: &Claim) -> Option<LeaseState> {
        let lease = self.leases.get_mut(&claim.key)?;
        if lease.holder.as_ref().is_some_and(|holder| *holder != claim.holder) {
            return None;
        }
        lease.holder = Some(claim.holder.clone());
        lease.granted_ms.get_or_insert(claim.now_ms);
        lease.until_ms = Some(claim.until_ms);
        Some(lease.clone())
    }

    /// See [`Leases::lease_claim_pool`](crate::Leases::lease_claim_pool).
    pub fn lease_claim_pool(&mut self, claim: &PoolClaim) -> Vec<LeaseState> {
        let serves = |lease: &&LeaseState| {
            lease.holder.is_none()
                && !lease.row.by_topic
                && lease.workspace == claim.workspace
                && lease.row.pool == claim.pool
                && claim.names.contains(&lease.row.name)
        };
        let mut found: Vec<_> = self
            .leases
            .values()
            .filter(serves)
            .map(|lease| (lease.row.priority, lease.row.scheduled_ms, lease.row.key.clone()))
            .collect();
        found.sort();
        let one = |key| Claim {
            key,
            holder: claim.holder.clone(),
            now_ms: claim.now_ms,
            until_ms: claim.until_ms,
        };
        let keys = found.into_iter().take(page(claim.limit)).map(|(_, _, key)| key);
        keys.filter_map(|key| self.claim(&one(key))).collect()
    }

    /// See [`Leases::lease_renew`](crate::Leases::lease_renew).
    pub fn lease_renew(&mut self, renewals: &[Renewal]) -> Vec<RenewalOutcome> {
        renewals.iter().map(|renewal| self.renew(renewal)).collect()
    }

    fn renew(&mut self, renewal: &Renewal) -> RenewalOutcome {
        let held = |lease: &&mut LeaseState| lease.holder.as_ref() == Some(&renewal.holder);
        let Some(lease) = self.leases.get_mut(&renewal.key).filter(held) else {
            return RenewalOutcome::Lost;
        };
        lease.until_ms = Some(renewal.until_ms);
        if renewal.progress.is_some() {
            lease.progress_ms = Some(renewal.now_ms);
            lease.progress.clone_from(&renewal.progress);
        }
        if lease.cancelling { RenewalOutcome::Cancelling } else { RenewalOutcome::Held }
    }

    /// See [`Leases::lease_cancel`](crate::Leases::lease_cancel).
    pub fn lease_cancel(&mut self, keys: &[LeaseKey]) {
        for key in keys {
            if let Some(lease) = self.leases.get_mut(key) {
                lease.cancelling = true;
            }
        }
    }

    /// See [`Leases::leases_of`](crate::Leases::leases_of).
    pub fn leases_of(&self, run: StreamId) -> Vec<LeaseState> {
        let first = LeaseKey { run, instance: String::new(), attempt: 0 };
        let of_run = self.leases.range(first..).take_while(|(key, _)| key.run == run);
        of_run.map(|(_, lease)| lease.clone()).collect()
    }

    /// See [`Leases::lease_expire`](crate::Leases::lease_expire).
    pub fn lease_expire(&mut self, holder_prefix: &str, now_ms: TimeMs) -> Vec<StreamId> {
        let mut runs = Vec::new();
        for lease in self.leases.values_mut() {
            if lease.holder.as_ref().is_some_and(|holder| holder.starts_with(holder_prefix)) {
                lease.until_ms = Some(lease.until_ms.map_or(now_ms, |until| until.min(now_ms)));
                runs.push(lease.row.key.run);
            }
        }
        runs.dedup();
        runs
    }
}
