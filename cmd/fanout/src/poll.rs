//! News without a bus: a look at the end of each workspace's feed now and then.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aob_edge::RunWatch;
use aob_store::{FeedCursor, Store, StoreResult, WorkspaceId};
use tokio_util::sync::CancellationToken;

/// Looks after which everybody is told to look anyway: log lines do not move the feed.
const LOOKS: u32 = 8;

/// Looks `every` so often, and tells those who wait where something has happened, until `shutdown`.
pub(crate) async fn run(
    store: Arc<dyn Store>,
    watch: RunWatch,
    every: Option<Duration>,
    shutdown: CancellationToken,
) {
    let Some(every) = every else { return };
    let mut period = tokio::time::interval(every);
    period.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut ends, mut looks) = (BTreeMap::new(), 0_u32);
    loop {
        tokio::select! {
            _ = period.tick() => {}
            () = shutdown.cancelled() => return,
        }
        if watch.is_idle() {
            continue;
        }
        looks = (looks + 1) % LOOKS;
        match moved(&*store, &mut ends).await {
            Ok(moved) if moved || looks == 0 => watch.notify_all(),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "news of runs come late"),
        }
    }
}

/// True where a feed has grown since the last look.
async fn moved(
    store: &dyn Store,
    ends: &mut BTreeMap<WorkspaceId, FeedCursor>,
) -> StoreResult<bool> {
    let mut moved = false;
    for row in store.workspaces().await? {
        let end = store.feed_end(row.workspace).await?;
        moved |= ends.get(&row.workspace) != Some(&end);
        ends.insert(row.workspace, end);
    }
    Ok(moved)
}
