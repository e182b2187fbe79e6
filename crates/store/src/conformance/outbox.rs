//! The outbox: effects that are owed until each is acknowledged.

use super::Subject;
use super::fixtures::{COMMITTED, Chain, HOME, T0};
use crate::{AppendBatch, AppendOutcome, OutboxKey, StoreResult, StreamAppend};

const OLDER: AppendOutcome = AppendOutcome::Committed { older_outbox: true };

fn owing(chain: &mut Chain) -> StreamAppend {
    let mut append = chain.append();
    append.rows.outbox = vec![chain.head.ordinal];
    append
}

fn name(chain: &Chain, ordinal: u64) -> OutboxKey {
    OutboxKey { stream: chain.stream, ordinal }
}

async fn all(t: &Subject) -> StoreResult<Vec<OutboxKey>> {
    let rows = t.store.outbox_due(i64::MAX, 100).await?;
    assert!(rows.iter().all(|(workspace, _)| *workspace == HOME));
    Ok(rows.into_iter().map(|(_, key)| key).collect())
}

/// Only segments that owe something have a row.
pub async fn a_row_stands_for_each_named_segment(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    let segments = (0..4).map(|_| chain.segment(1)).collect();
    let mut append = chain.append_of(segments);
    append.rows.outbox = vec![4, 2];
    t.commit(append).await?;
    assert_eq!(all(t).await?, vec![name(&chain, 2), name(&chain, 4)]);
    Ok(())
}

/// The relay takes rows whose segment is old enough: its own process had its chance.
pub async fn rows_wait_for_their_age(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    t.commit(owing(&mut chain)).await?;
    chain.at_ms += 50;
    t.commit(owing(&mut chain)).await?;
    assert_eq!(t.store.outbox_due(T0, 10).await?, Vec::new());
    let first = vec![(HOME, name(&chain, 1))];
    assert_eq!(t.store.outbox_due(T0 + 1, 10).await?, first);
    assert_eq!(t.store.outbox_due(T0 + 50, 10).await?, first);
    assert_eq!(t.store.outbox_due(T0 + 51, 10).await?.len(), 2);
    Ok(())
}

/// The rows of a stream come together, in order.
pub async fn rows_are_ordered_by_stream_and_limited(t: &Subject) -> StoreResult<()> {
    let (mut one, mut two) = (Chain::new(1), Chain::new(2));
    for _ in 0..2 {
        t.append_all(vec![owing(&mut two), owing(&mut one)]).await?;
    }
    let expected = [name(&one, 1), name(&one, 2), name(&two, 1), name(&two, 2)];
    assert_eq!(all(t).await?, expected);
    let some = t.store.outbox_due(i64::MAX, 3).await?;
    assert_eq!(some, expected[..3].iter().map(|key| (HOME, *key)).collect::<Vec<_>>());
    Ok(())
}

/// Acknowledgements ride in the next append of any stream, whatever becomes of that.
pub async fn done_rows_go_with_the_next_append(t: &Subject) -> StoreResult<()> {
    let (mut one, mut two) = (Chain::new(1), Chain::new(2));
    t.append_all(vec![owing(&mut one), owing(&mut two)]).await?;
    let mut stale = two.clone();
    stale.head.hash = [1; 32];
    let outbox_done = vec![name(&one, 1), name(&two, 7)];
    let batch = AppendBatch { streams: vec![stale.append()], outbox_done };
    assert_eq!(t.store.append(batch.into()).await?.len(), 1);
    assert_eq!(all(t).await?, vec![name(&two, 1)]);
    let batch = AppendBatch { streams: Vec::new(), outbox_done: vec![name(&two, 1)] };
    assert_eq!(t.store.append(batch.into()).await?, Vec::new());
    assert_eq!(all(t).await?, Vec::new());
    Ok(())
}

/// They may go alone.
pub async fn done_rows_go_alone(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    t.commit(owing(&mut chain)).await?;
    t.store.outbox_delete(&[name(&chain, 1), name(&chain, 2)]).await?;
    t.store.outbox_delete(&[]).await?;
    assert_eq!(all(t).await?, Vec::new());
    Ok(())
}

/// A writer learns that effects of earlier segments are still owed.
pub async fn older_rows_are_reported(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    assert_eq!(t.append(owing(&mut chain)).await?, COMMITTED);
    let second = owing(&mut chain);
    assert_eq!(t.append(second.clone()).await?, OLDER);
    assert_eq!(t.append(second).await?, OLDER);
    assert_eq!(t.append(chain.append()).await?, OLDER);
    t.store.outbox_delete(&[name(&chain, 1), name(&chain, 2)]).await?;
    assert_eq!(t.append(chain.append()).await?, COMMITTED);
    Ok(())
}

/// Rows of the same append are not older than itself, nor are those of other streams.
pub async fn own_rows_are_not_older(t: &Subject) -> StoreResult<()> {
    let (mut one, mut two) = (Chain::new(1), Chain::new(2));
    t.append_all(vec![one.append(), owing(&mut two)]).await?;
    let segments = vec![one.segment(1), one.segment(1)];
    let mut append = one.append_of(segments);
    append.rows.outbox = vec![2, 3];
    assert_eq!(t.append(append).await?, COMMITTED);
    Ok(())
}

/// What the batch itself acknowledges is not owed any more.
pub async fn done_rows_are_not_older(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    t.commit(owing(&mut chain)).await?;
    let outbox_done = vec![name(&chain, 1)];
    let batch = AppendBatch { streams: vec![owing(&mut chain)], outbox_done };
    assert_eq!(t.store.append(batch.into()).await?, vec![COMMITTED]);
    assert_eq!(all(t).await?, vec![name(&chain, 2)]);
    Ok(())
}

/// An append speaks for its own segments only.
pub async fn ordinals_of_others_are_ignored(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    let mut append = chain.append();
    append.rows.outbox = vec![0, 2, 9];
    t.commit(append).await?;
    assert_eq!(all(t).await?, Vec::new());
    Ok(())
}
