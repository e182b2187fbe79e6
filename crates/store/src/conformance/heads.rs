//! Reading streams: heads, pages, the clock.

use super::Subject;
use super::fixtures::{Chain, HOME, T0, stream};
use crate::{Head, StoreResult, verify_chain};

/// A stream that does not exist stands before its first segment.
pub async fn an_unknown_stream_is_empty(t: &Subject) -> StoreResult<()> {
    assert_eq!(t.head(stream(1)).await?, Head::EMPTY);
    assert_eq!(t.segments(&Chain::new(1)).await?, Vec::new());
    assert_eq!(t.store.segments_after_seq(HOME, stream(1), 0, 10).await?, Vec::new());
    assert_eq!(t.store.workspace_of(stream(1)).await?, None);
    Ok(())
}

/// One head per name, whatever the order, unknown and repeated names too.
pub async fn heads_stand_in_the_order_given(t: &Subject) -> StoreResult<()> {
    let (mut one, mut two) = (Chain::new(1), Chain::new(2));
    t.append_all(vec![one.append(), two.append()]).await?;
    t.commit(two.append()).await?;
    let names = [two.stream, stream(9), one.stream, two.stream];
    assert_eq!(t.store.heads(&names).await?, vec![two.head, Head::EMPTY, one.head, two.head]);
    assert_eq!(t.store.heads(&[]).await?, Vec::new());
    Ok(())
}

/// Machinery finds out whose stream it has.
pub async fn a_stream_knows_its_workspace(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    t.commit(chain.append()).await?;
    assert_eq!(t.store.workspace_of(chain.stream).await?, Some(HOME));
    Ok(())
}

/// Pages follow each other without gap or repetition, and end.
pub async fn segments_are_paged_by_ordinal(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    let segments: Vec<_> = (0..7).map(|n| chain.segment(n % 3 + 1)).collect();
    t.commit(chain.append_of(segments.clone())).await?;
    let mut found = Vec::new();
    loop {
        let after = found.len() as u64;
        let page = t.store.segments_after(HOME, chain.stream, after, 3).await?;
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 3);
        found.extend(page);
    }
    assert_eq!(found, segments);
    assert_eq!(t.store.segments_after(HOME, chain.stream, u64::MAX, 3).await?, Vec::new());
    Ok(())
}

/// Every seq finds the segments that hold events after it.
pub async fn segments_are_paged_by_seq(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    let segments: Vec<_> = (0..9).map(|n| chain.segment(n % 4 + 1)).collect();
    t.commit(chain.append_of(segments.clone())).await?;
    for seq in 0..=chain.head.seq + 2 {
        let expected: Vec<_> =
            segments.iter().filter(|segment| segment.last_seq > seq).take(2).cloned().collect();
        assert_eq!(t.store.segments_after_seq(HOME, chain.stream, seq, 2).await?, expected);
    }
    assert_eq!(t.store.segments_after_seq(HOME, chain.stream, u64::MAX, 2).await?, Vec::new());
    Ok(())
}

/// A reader that stopped in the middle of a segment gets that segment again.
pub async fn a_seq_inside_a_segment_finds_it(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    let segment = chain.segment(5);
    t.commit(chain.append_of(vec![segment.clone()])).await?;
    assert_eq!(t.store.segments_after_seq(HOME, chain.stream, 3, 10).await?, vec![segment]);
    assert_eq!(t.store.segments_after_seq(HOME, chain.stream, 5, 10).await?, Vec::new());
    Ok(())
}

/// A page of nothing is empty, not everything.
pub async fn limits_of_zero_are_empty(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    let mut append = chain.append_run("running");
    append.rows.outbox = vec![1];
    append.rows.wakeup_due = Some(T0);
    append.rows.tickets = vec![chain.ticket("t1", "pending")];
    t.commit(append).await?;
    let store = &t.store;
    assert!(store.segments_after(HOME, chain.stream, 0, 0).await?.is_empty());
    assert!(store.segments_after_seq(HOME, chain.stream, 0, 0).await?.is_empty());
    assert!(store.feed_after(HOME, &crate::FeedCursor::default(), 0).await?.is_empty());
    assert!(store.outbox_due(i64::MAX, 0).await?.is_empty());
    assert!(store.wakeups_due(i64::MAX, 0).await?.is_empty());
    assert!(store.tickets(HOME, None, None, None, 0).await?.is_empty());
    assert!(store.runs(HOME, &crate::RunFilter::default()).await?.is_empty());
    Ok(())
}

/// The store's time is the one that it was given.
pub async fn the_clock_is_the_composers(t: &Subject) -> StoreResult<()> {
    t.clock.set(T0 + 5);
    assert_eq!(t.store.now_ms().await?, T0 + 5);
    t.clock.advance(-10);
    assert_eq!(t.store.now_ms().await?, T0 - 5);
    Ok(())
}

/// What is read back chains, page by page; a changed byte does not.
pub async fn a_chain_verifies_page_by_page(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    let segments = (0..10).map(|_| chain.segment(3)).collect();
    t.commit(chain.append_of(segments)).await?;
    let mut head = Head::EMPTY;
    for _ in 0..4 {
        let page = t.store.segments_after(HOME, chain.stream, head.ordinal, 3).await?;
        let mut edited = page.clone();
        edited[0].events = edited[0].events.replace("seq", "sec");
        assert!(verify_chain(chain.stream, head, &edited).is_err());
        let verified = verify_chain(chain.stream, head, &page);
        head = verified.unwrap_or_else(|broken| panic!("{broken}"));
    }
    assert_eq!(head, chain.head);
    Ok(())
}
