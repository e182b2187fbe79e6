//! Retention: old runs are found and removed whole.

use super::Subject;
use super::fixtures::{COMMITTED, Chain, HOME, T0, stream};
use crate::{
    AppendOutcome, ConflictKind, FeedCursor, Head, NewLogChunk, RunFilter, SnapshotRow, StoreResult,
};

/// A run with a row of every kind.
async fn everything(t: &Subject, chain: &mut Chain) -> StoreResult<()> {
    let mut append = chain.append_run("waiting");
    let ticket = format!("t{}", chain.stream.0);
    append.rows.outbox = vec![1];
    append.rows.wakeup_due = Some(T0);
    append.rows.leases_put = vec![chain.lease("a", 1)];
    append.rows.tickets = vec![chain.ticket(&ticket, "pending")];
    append.dedup = Some(ticket);
    t.commit(append).await?;
    let digest = String::from("sha256:00");
    let row = SnapshotRow { stream: chain.stream, ordinal: 1, format: 1, digest };
    t.store.snapshot_put(HOME, &row).await?;
    let chunk = NewLogChunk {
        run: chain.stream,
        instance: "a".to_owned(),
        attempt: 1,
        first: 0,
        lines: 1,
        text: r#"["x"]"#.to_owned(),
        at_ms: T0,
    };
    t.store.logs_put(HOME, &[chunk]).await
}

/// How many rows of each kind the store shows.
async fn counts(t: &Subject, chain: &Chain) -> StoreResult<[usize; 9]> {
    let store = &t.store;
    let filter = RunFilter { limit: 100, ..RunFilter::default() };
    Ok([
        store.segments_after(HOME, chain.stream, 0, 100).await?.len(),
        store.feed_after(HOME, &FeedCursor::default(), 100).await?.len(),
        store.outbox_due(i64::MAX, 100).await?.len(),
        store.wakeups_due(i64::MAX, 100).await?.len(),
        store.leases_of(chain.stream).await?.len(),
        store.tickets(HOME, None, None, None, 100).await?.len(),
        store.runs(HOME, &filter).await?.len(),
        usize::from(store.snapshot(HOME, chain.stream).await?.is_some()),
        store.logs_after(HOME, chain.stream, 0, 100).await?.len(),
    ])
}

/// Runs that ended before the time, oldest first; those that go on are not among them.
pub async fn finished_runs_are_found(t: &Subject) -> StoreResult<()> {
    let ends = [Some(30), None, Some(10), Some(20), Some(5)];
    for (n, end) in (1..).zip(ends) {
        let mut chain = Chain::new(n);
        chain.at_ms = T0 + end.unwrap_or(0);
        let status = if end.is_some() { "completed" } else { "running" };
        t.commit(chain.append_run(status)).await?;
    }
    let found = t.store.runs_finished_before(HOME, T0 + 30, 100).await?;
    assert_eq!(found, [stream(3), stream(4), stream(5)]);
    let found = t.store.runs_finished_before(HOME, T0 + 31, 2).await?;
    assert_eq!(found, [stream(1), stream(3)]);
    assert!(t.store.runs_finished_before(HOME, T0 + 5, 100).await?.is_empty());
    Ok(())
}

/// Nothing of it is left, and its id may be used again.
pub async fn every_row_of_a_run_goes(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    everything(t, &mut chain).await?;
    assert_eq!(counts(t, &chain).await?, [1; 9]);
    assert!(t.store.run_delete(HOME, chain.stream).await?);
    assert_eq!(counts(t, &chain).await?, [0; 9]);
    assert_eq!(t.head(chain.stream).await?, Head::EMPTY);
    assert_eq!(t.store.workspace_of(chain.stream).await?, None);
    assert_eq!(t.store.run(HOME, chain.stream).await?, None);
    assert!(!t.store.run_delete(HOME, chain.stream).await?);
    assert_eq!(t.append(Chain::new(1).append()).await?, COMMITTED);
    Ok(())
}

/// Its neighbours lose nothing.
pub async fn other_runs_stay(t: &Subject) -> StoreResult<()> {
    let mut chains = [Chain::new(1), Chain::new(2), Chain::new(3)];
    for chain in &mut chains {
        everything(t, chain).await?;
    }
    assert!(t.store.run_delete(HOME, chains[1].stream).await?);
    for chain in [&chains[0], &chains[2]] {
        assert_eq!(counts(t, chain).await?, [1, 2, 2, 2, 1, 2, 2, 1, 1]);
        assert_eq!(t.head(chain.stream).await?, chain.head);
    }
    Ok(())
}

/// A run of many segments goes whole, though an adapter may take several transactions.
pub async fn a_long_run_goes_whole(t: &Subject) -> StoreResult<()> {
    let (mut long, mut other) = (Chain::new(1), Chain::new(2));
    for _ in 0..5 {
        let segments = (0..20).map(|_| long.segment(1)).collect();
        t.append_all(vec![long.append_of(segments), other.append()]).await?;
    }
    t.commit(long.append_run("completed")).await?;
    assert!(t.store.run_delete(HOME, long.stream).await?);
    assert_eq!(t.head(long.stream).await?, Head::EMPTY);
    assert_eq!(counts(t, &other).await?[..2], [5, 5]);
    t.commit(other.append()).await
}

/// What is not there is not deleted.
pub async fn an_unknown_run_is_not_deleted(t: &Subject) -> StoreResult<()> {
    assert!(!t.store.run_delete(HOME, stream(1)).await?);
    t.commit(Chain::new(1).append()).await?;
    assert!(!t.store.run_delete(HOME, stream(2)).await?);
    Ok(())
}

/// A run that is deleted while it holds a key gives it back.
pub async fn a_deleted_runs_dedup_key_is_free(t: &Subject) -> StoreResult<()> {
    let mut first = Chain::new(1).append_run("running");
    first.dedup = Some(String::from("daily"));
    t.commit(first).await?;
    assert!(t.store.run_delete(HOME, stream(1)).await?);
    let mut second = Chain::new(2).append_run("running");
    second.dedup = Some(String::from("daily"));
    assert_eq!(t.append(second).await?, COMMITTED);
    Ok(())
}

/// A writer that still knows the head has lost it.
pub async fn a_deleted_run_is_not_continued(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    t.commit(chain.append()).await?;
    assert!(t.store.run_delete(HOME, chain.stream).await?);
    let outcome = t.append(chain.append()).await?;
    assert_eq!(outcome, AppendOutcome::Conflict(ConflictKind::Head));
    assert_eq!(t.head(chain.stream).await?, Head::EMPTY);
    Ok(())
}
