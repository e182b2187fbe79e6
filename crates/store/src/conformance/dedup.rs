//! Dedup keys: held by a run until it is over.

use super::Subject;
use super::fixtures::{COMMITTED, Chain, HOME, key};
use crate::{AppendOutcome, ConflictKind, Head, StoreResult, StreamAppend, StreamId};

fn held(by: StreamId) -> AppendOutcome {
    AppendOutcome::Conflict(ConflictKind::Dedup(by))
}

fn start(chain: &mut Chain, status: &str, dedup: &str) -> StreamAppend {
    StreamAppend { dedup: Some(dedup.to_owned()), ..chain.append_run(status) }
}

/// A second run with the key is told which run holds it.
pub async fn a_held_key_names_its_run(t: &Subject) -> StoreResult<()> {
    let (mut one, mut two) = (Chain::new(1), Chain::new(2));
    t.commit(start(&mut one, "running", "daily")).await?;
    assert_eq!(t.append(start(&mut two, "running", "daily")).await?, held(one.stream));
    assert_eq!(t.head(two.stream).await?, Head::EMPTY);
    assert_eq!(t.append(start(&mut Chain::new(3), "running", "hourly")).await?, COMMITTED);
    Ok(())
}

/// When the run is over the key is free, for the batches after the one that ended it.
pub async fn a_terminal_run_releases_its_key(t: &Subject) -> StoreResult<()> {
    let mut one = Chain::new(1);
    t.commit(start(&mut one, "running", "daily")).await?;
    let batch = vec![one.append_run("failed"), start(&mut Chain::new(2), "running", "daily")];
    assert_eq!(t.append_all(batch).await?, vec![COMMITTED, held(one.stream)]);
    assert_eq!(t.append(start(&mut Chain::new(2), "running", "daily")).await?, COMMITTED);
    assert_eq!(
        t.append(start(&mut Chain::new(3), "queued", "daily")).await?,
        held(Chain::new(2).stream)
    );
    Ok(())
}

/// A run that goes on keeps its key.
pub async fn a_step_keeps_the_key(t: &Subject) -> StoreResult<()> {
    let mut one = Chain::new(1);
    t.commit(start(&mut one, "running", "daily")).await?;
    t.commit(one.append_run("waiting")).await?;
    t.commit(one.append()).await?;
    assert_eq!(t.append(start(&mut Chain::new(2), "running", "daily")).await?, held(one.stream));
    Ok(())
}

/// A run that starts and ends in one append never holds its key, but needs it free.
pub async fn a_run_born_terminal_holds_nothing(t: &Subject) -> StoreResult<()> {
    t.commit(start(&mut Chain::new(1), "completed", "daily")).await?;
    let mut two = Chain::new(2);
    t.commit(start(&mut two, "running", "daily")).await?;
    assert_eq!(t.append(start(&mut Chain::new(3), "completed", "daily")).await?, held(two.stream));
    Ok(())
}

/// Two starts of one batch with one key: the first has it.
pub async fn the_first_of_a_batch_holds_the_key(t: &Subject) -> StoreResult<()> {
    let (mut one, mut two) = (Chain::new(2), Chain::new(1));
    let batch = vec![start(&mut one, "queued", "daily"), start(&mut two, "queued", "daily")];
    assert_eq!(t.append_all(batch).await?, vec![COMMITTED, held(one.stream)]);
    let (mut over, mut next) = (Chain::new(3), Chain::new(4));
    let batch = vec![start(&mut over, "completed", "weekly"), start(&mut next, "queued", "weekly")];
    assert_eq!(t.append_all(batch).await?, vec![COMMITTED, COMMITTED]);
    Ok(())
}

/// The key belongs to the start; later appends that name one are not judged by it.
pub async fn an_existing_stream_ignores_the_key(t: &Subject) -> StoreResult<()> {
    let (mut one, mut two) = (Chain::new(1), Chain::new(2));
    t.commit(start(&mut one, "running", "daily")).await?;
    t.commit(two.append()).await?;
    assert_eq!(t.append(start(&mut two, "running", "daily")).await?, COMMITTED);
    assert_eq!(t.append(start(&mut two, "running", "hourly")).await?, COMMITTED);
    assert_eq!(t.append(start(&mut Chain::new(3), "running", "hourly")).await?, COMMITTED);
    Ok(())
}

/// A repeated request is told its answer, not that its own run is in the way.
pub async fn idempotency_is_judged_before_dedup(t: &Subject) -> StoreResult<()> {
    let mut first = start(&mut Chain::new(1), "running", "daily");
    first.keys = vec![key("k", 1)];
    t.commit(first).await?;
    let mut second = start(&mut Chain::new(2), "running", "daily");
    second.keys = vec![key("k", 1)];
    let outcome = t.append(second).await?;
    assert!(matches!(outcome, AppendOutcome::Conflict(ConflictKind::Key(_))), "{outcome:?}");
    Ok(())
}

/// A start under an id that is taken is told who holds the key.
pub async fn dedup_is_judged_before_the_head(t: &Subject) -> StoreResult<()> {
    let mut one = Chain::new(1);
    t.commit(start(&mut one, "running", "daily")).await?;
    let mut again = Chain::new(1);
    again.at_ms += 1;
    assert_eq!(t.append(start(&mut again, "running", "daily")).await?, held(one.stream));
    Ok(())
}

/// After an unknown commit the key is found held, by ourselves.
pub async fn the_same_bytes_are_not_stopped_by_their_own_dedup(t: &Subject) -> StoreResult<()> {
    let first = start(&mut Chain::new(1), "running", "daily");
    t.commit(first.clone()).await?;
    assert_eq!(t.append(first).await?, COMMITTED);
    Ok(())
}

/// A start that conflicts takes no key.
pub async fn a_conflict_holds_nothing(t: &Subject) -> StoreResult<()> {
    t.commit(Chain::new(1).append()).await?;
    let mut again = Chain::new(1);
    again.at_ms += 1;
    let outcome = t.append(start(&mut again, "running", "daily")).await?;
    assert_eq!(outcome, AppendOutcome::Conflict(ConflictKind::Head));
    assert_eq!(t.append(start(&mut Chain::new(2), "running", "daily")).await?, COMMITTED);
    assert_eq!(t.store.run(HOME, Chain::new(1).stream).await?, None);
    Ok(())
}
