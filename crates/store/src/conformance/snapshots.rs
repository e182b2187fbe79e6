//! Which snapshot of a stream exists.

use super::Subject;
use super::fixtures::{Chain, HOME, stream};
use crate::{SnapshotRow, StoreResult};

fn snapshot(ordinal: u64, format: u32) -> SnapshotRow {
    let digest = format!("sha256:{ordinal}-{format}");
    SnapshotRow { stream: stream(1), ordinal, format, digest }
}

/// All columns come back.
pub async fn a_snapshot_is_read_back(t: &Subject) -> StoreResult<()> {
    t.commit(Chain::new(1).append()).await?;
    assert_eq!(t.store.snapshot(HOME, stream(1)).await?, None);
    t.store.snapshot_put(HOME, &snapshot(5, 1)).await?;
    assert_eq!(t.store.snapshot(HOME, stream(1)).await?, Some(snapshot(5, 1)));
    assert_eq!(t.store.snapshot(HOME, stream(2)).await?, None);
    Ok(())
}

/// One of a later ordinal, or of the same in another format.
pub async fn a_newer_snapshot_replaces(t: &Subject) -> StoreResult<()> {
    for row in [snapshot(5, 1), snapshot(5, 2), snapshot(9, 1)] {
        t.store.snapshot_put(HOME, &row).await?;
        assert_eq!(t.store.snapshot(HOME, stream(1)).await?, Some(row));
    }
    Ok(())
}

/// A slow writer does not take the state back.
pub async fn an_older_snapshot_does_not(t: &Subject) -> StoreResult<()> {
    t.store.snapshot_put(HOME, &snapshot(9, 1)).await?;
    t.store.snapshot_put(HOME, &snapshot(5, 1)).await?;
    assert_eq!(t.store.snapshot(HOME, stream(1)).await?, Some(snapshot(9, 1)));
    Ok(())
}
