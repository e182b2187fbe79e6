//! Which runners have asked for work lately: what `explain` says of a job that nobody takes.

use std::collections::BTreeMap;

use aob_engine::{PoolView, Timestamp, WorkspaceId};
use parking_lot::Mutex;

/// Functions remembered; beyond, the one seen longest ago is forgotten.
const SEEN_MAX: usize = 10_000;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Pools(Mutex<BTreeMap<(WorkspaceId, String, String), Timestamp>>);

impl Pools {
    /// A runner of `pool` asks for these functions.
    pub(crate) fn seen<'a>(
        &self,
        workspace: WorkspaceId,
        pool: &str,
        names: impl Iterator<Item = &'a str>,
        now: Timestamp,
    ) {
        let mut seen = self.0.lock();
        for name in names {
            seen.insert((workspace, pool.to_owned(), name.to_owned()), now);
        }
        while seen.len() > SEEN_MAX {
            let oldest = seen.iter().min_by_key(|(_, at)| **at).map(|(key, _)| key.clone());
            let Some(oldest) = oldest else { return };
            seen.remove(&oldest);
        }
    }

    /// What runners of `workspace` have asked for.
    pub(crate) fn of(&self, workspace: WorkspaceId) -> Vec<PoolView> {
        let seen = self.0.lock();
        let own = seen.iter().filter(|((of, ..), _)| *of == workspace);
        own.map(|((_, pool, name), at)| PoolView {
            pool: pool.clone(),
            name: name.clone(),
            seen_at: *at,
        })
        .collect()
    }
}
