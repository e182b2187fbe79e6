//! A workspace's feed: what was committed, in the order of commit.

use super::Subject;
use super::fixtures::{AWAY, Chain, HOME};
use crate::{FeedCursor, FeedEntry, StoreError, StoreResult, StreamId};

async fn after(t: &Subject, cursor: &FeedCursor, limit: u32) -> StoreResult<Vec<FeedEntry>> {
    t.store.feed_after(HOME, cursor, limit).await
}

async fn all(t: &Subject) -> StoreResult<Vec<FeedEntry>> {
    after(t, &FeedCursor::default(), 1_000).await
}

fn names(entries: &[FeedEntry]) -> Vec<(StreamId, u64)> {
    entries.iter().map(|entry| (entry.stream, entry.segment.ordinal)).collect()
}

/// Nothing, and an end from which what comes is found.
pub async fn a_feed_starts_empty(t: &Subject) -> StoreResult<()> {
    assert_eq!(all(t).await?, Vec::new());
    let end = t.store.feed_end(HOME).await?;
    t.commit(Chain::new(1).append()).await?;
    assert_eq!(after(t, &end, 10).await?.len(), 1);
    Ok(())
}

/// Every segment once, those of a run in their order; between runs there is none.
pub async fn a_feed_is_gapless_per_run(t: &Subject) -> StoreResult<()> {
    let (mut one, mut two, mut far) = (Chain::new(1), Chain::new(2), Chain::new(3).of(AWAY));
    t.commit(two.append()).await?;
    t.commit(far.append()).await?;
    t.append_all(vec![one.append(), two.append()]).await?;
    let segments = vec![one.segment(1), one.segment(1)];
    t.commit(one.append_of(segments)).await?;
    let entries = all(t).await?;
    assert_eq!(entries.len(), 5);
    for chain in [&one, &two] {
        let of_run = entries.iter().filter(|entry| entry.stream == chain.stream);
        let segments: Vec<_> = of_run.map(|entry| entry.segment.clone()).collect();
        assert_eq!(segments, t.segments(chain).await?);
    }
    Ok(())
}

/// From any entry the rest follows, in pages of any size.
pub async fn a_feed_resumes_after_each_entry(t: &Subject) -> StoreResult<()> {
    let mut chains = [Chain::new(1), Chain::new(2), Chain::new(3)];
    for round in 0..4 {
        let batch = chains[round % 3..].iter_mut().map(Chain::append).collect();
        t.append_all(batch).await?;
    }
    let entries = all(t).await?;
    assert_eq!(entries.len(), 9);
    for (index, entry) in entries.iter().enumerate() {
        assert_eq!(after(t, &entry.cursor, 100).await?, entries[index + 1..]);
        let few: Vec<_> = entries[index + 1..].iter().take(2).cloned().collect();
        assert_eq!(after(t, &entry.cursor, 2).await?, few);
    }
    Ok(())
}

/// The end is after what is committed and before what is not.
pub async fn a_feed_ends_now(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    t.commit(chain.append()).await?;
    let end = t.store.feed_end(HOME).await?;
    assert_eq!(after(t, &end, 10).await?, Vec::new());
    t.commit(Chain::new(2).of(AWAY).append()).await?;
    t.commit(chain.append()).await?;
    assert_eq!(names(&after(t, &end, 10).await?), [(chain.stream, 2)]);
    Ok(())
}

/// A reader that stands at an entry of a deleted run misses nothing that comes later.
pub async fn a_feed_outlives_its_last_entry(t: &Subject) -> StoreResult<()> {
    let (mut one, mut two) = (Chain::new(1), Chain::new(2));
    t.commit(one.append()).await?;
    t.commit(two.append_run("completed")).await?;
    let end = t.store.feed_end(HOME).await?;
    assert!(t.store.run_delete(HOME, two.stream).await?);
    assert_eq!(after(t, &end, 10).await?, Vec::new());
    t.commit(one.append()).await?;
    assert_eq!(names(&after(t, &end, 10).await?), [(one.stream, 2)]);
    assert_eq!(names(&all(t).await?), [(one.stream, 1), (one.stream, 2)]);
    let end = t.store.feed_end(HOME).await?;
    assert_eq!(after(t, &end, 10).await?, Vec::new());
    Ok(())
}

/// A cursor that no feed gave out is not silently the beginning.
pub async fn a_bad_cursor_is_an_error(t: &Subject) -> StoreResult<()> {
    t.commit(Chain::new(1).append()).await?;
    for text in ["x", "-1", " 1", "1e3", "99999999999999999999999"] {
        let answer = after(t, &FeedCursor(text.to_owned()), 10).await;
        assert!(matches!(answer, Err(StoreError::Cursor(_))), "{text}: {answer:?}");
    }
    Ok(())
}

/// An append that is repeated after an unknown commit is one entry.
pub async fn the_same_bytes_appear_once(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    let append = chain.append();
    t.commit(append.clone()).await?;
    t.commit(append).await?;
    t.commit(chain.append()).await?;
    assert_eq!(names(&all(t).await?), [(chain.stream, 1), (chain.stream, 2)]);
    Ok(())
}
