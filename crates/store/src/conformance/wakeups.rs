//! Wake-ups: a lower bound of each stream's earliest timer.

use super::Subject;
use super::fixtures::{Chain, HOME, T0};
use crate::{StoreResult, StreamAppend, TimeMs, Wakeup, WakeupMove};

fn due(chain: &mut Chain, due_ms: TimeMs, now_ms: TimeMs) -> StreamAppend {
    let mut append = chain.append();
    append.rows.wakeup_due = Some(due_ms);
    append.rows.now_ms = now_ms;
    append
}

fn row(chain: &Chain, due_ms: TimeMs, ordinal: u64) -> Wakeup {
    Wakeup { stream: chain.stream, workspace: HOME, due_ms, ordinal }
}

fn to(read: Wakeup, to: Option<TimeMs>) -> WakeupMove {
    WakeupMove { read, at_seq: None, to }
}

async fn all(t: &Subject) -> StoreResult<Vec<Wakeup>> {
    t.store.wakeups_due(TimeMs::MAX, 100).await
}

/// A row is due at its time, not before.
pub async fn a_wakeup_is_due_at_its_time(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    assert_eq!(t.store.wakeups_next().await?, None);
    t.commit(due(&mut chain, T0 + 100, T0)).await?;
    assert_eq!(t.store.wakeups_next().await?, Some(T0 + 100));
    assert_eq!(t.store.wakeups_due(T0 + 99, 10).await?, Vec::new());
    assert_eq!(t.store.wakeups_due(T0 + 100, 10).await?, vec![row(&chain, T0 + 100, 1)]);
    Ok(())
}

/// A nearer timer replaces the bound.
pub async fn an_earlier_one_replaces(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    t.commit(due(&mut chain, T0 + 100, T0)).await?;
    t.commit(due(&mut chain, T0 + 99, T0)).await?;
    assert_eq!(all(t).await?, vec![row(&chain, T0 + 99, 2)]);
    Ok(())
}

/// A further timer leaves it: it is only a bound.
pub async fn a_later_one_does_not(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    t.commit(due(&mut chain, T0 + 100, T0)).await?;
    t.commit(due(&mut chain, T0 + 101, T0 + 99)).await?;
    assert_eq!(all(t).await?, vec![row(&chain, T0 + 100, 1)]);
    Ok(())
}

/// The same time keeps the ordinal that wrote it first.
pub async fn an_equal_one_does_not(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    t.commit(due(&mut chain, T0 + 100, T0)).await?;
    t.commit(due(&mut chain, T0 + 100, T0)).await?;
    assert_eq!(all(t).await?, vec![row(&chain, T0 + 100, 1)]);
    Ok(())
}

/// A bound that is past by the writer's clock is replaced by a later one.
pub async fn a_past_one_is_replaced(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    t.commit(due(&mut chain, T0 + 100, T0)).await?;
    t.commit(due(&mut chain, T0 + 500, T0 + 100)).await?;
    assert_eq!(all(t).await?, vec![row(&chain, T0 + 500, 2)]);
    Ok(())
}

/// An append without timers deletes nothing: that is for the sweep.
pub async fn no_timer_leaves_it_alone(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    t.commit(due(&mut chain, T0 + 100, T0)).await?;
    let mut append = chain.append();
    append.rows.now_ms = T0 + 1_000;
    t.commit(append).await?;
    assert_eq!(all(t).await?, vec![row(&chain, T0 + 100, 1)]);
    Ok(())
}

/// A run that is over is not woken, whatever its last append said.
pub async fn a_terminal_run_has_none(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    t.commit(due(&mut chain, T0 + 100, T0)).await?;
    let mut last = chain.append_run("completed");
    last.rows.wakeup_due = Some(T0 + 50);
    t.commit(last).await?;
    assert_eq!(all(t).await?, Vec::new());
    let mut born_over = Chain::new(2).append_run("cancelled");
    born_over.rows.wakeup_due = Some(T0 + 50);
    t.commit(born_over).await?;
    assert_eq!(t.store.wakeups_next().await?, None);
    Ok(())
}

/// Of several segments the last one wrote it.
pub async fn the_last_ordinal_is_recorded(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    let segments = (0..3).map(|_| chain.segment(1)).collect();
    let mut append = chain.append_of(segments);
    append.rows.wakeup_due = Some(T0 + 7);
    t.commit(append).await?;
    assert_eq!(all(t).await?, vec![row(&chain, T0 + 7, 3)]);
    Ok(())
}

/// The earliest come first, and a sweep takes as many as it asked for.
pub async fn due_ones_are_ordered_and_limited(t: &Subject) -> StoreResult<()> {
    let times = [30, 10, 20, 10];
    let mut chains: Vec<Chain> = (1..=4).map(Chain::new).collect();
    let appends = chains.iter_mut().zip(times).map(|(chain, at)| due(chain, T0 + at, T0));
    let appends = appends.collect();
    t.append_all(appends).await?;
    let rows = |order: &[(usize, i64)]| -> Vec<Wakeup> {
        order.iter().map(|(index, at)| row(&chains[*index], T0 + at, 1)).collect()
    };
    assert_eq!(all(t).await?, rows(&[(1, 10), (3, 10), (2, 20), (0, 30)]));
    assert_eq!(t.store.wakeups_due(T0 + 25, 2).await?, rows(&[(1, 10), (3, 10)]));
    assert_eq!(t.store.wakeups_next().await?, Some(T0 + 10));
    Ok(())
}

/// A tick that had nothing to do moves the row, unless an append has written it since.
pub async fn a_sweep_moves_only_what_it_read(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    t.commit(due(&mut chain, T0 + 100, T0)).await?;
    let read = row(&chain, T0 + 100, 1);
    t.store.wakeups_move(&[to(read, Some(T0 + 300))]).await?;
    assert_eq!(all(t).await?, vec![row(&chain, T0 + 300, 1)]);
    t.store.wakeups_move(&[to(read, Some(T0 + 900))]).await?;
    assert_eq!(all(t).await?, vec![row(&chain, T0 + 300, 1)]);
    let other_ordinal = row(&chain, T0 + 300, 2);
    t.store.wakeups_move(&[to(other_ordinal, Some(T0 + 900))]).await?;
    assert_eq!(all(t).await?, vec![row(&chain, T0 + 300, 1)]);
    Ok(())
}

/// What the log of the tick said is moot once the log has gone on, though the append left the row
/// alone: it took it for early enough.
pub async fn a_sweep_moves_nothing_once_the_log_has_gone_on(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    t.commit(due(&mut chain, T0 + 100, T0)).await?;
    let (read, then) = (row(&chain, T0 + 100, 1), Some(chain.head.seq));
    t.commit(due(&mut chain, T0 + 200, T0)).await?;
    let now = Some(chain.head.seq);
    assert_eq!(all(t).await?, vec![read]);
    for to in [None, Some(T0 + 900)] {
        t.store.wakeups_move(&[WakeupMove { read, at_seq: then, to }]).await?;
        assert_eq!(all(t).await?, vec![read]);
    }
    t.store.wakeups_move(&[WakeupMove { read, at_seq: now, to: Some(T0 + 200) }]).await?;
    assert_eq!(all(t).await?, vec![row(&chain, T0 + 200, 1)]);
    let read = row(&chain, T0 + 200, 1);
    t.store.wakeups_move(&[WakeupMove { read, at_seq: now, to: None }]).await?;
    assert_eq!(all(t).await?, Vec::new());
    Ok(())
}

/// It deletes on the same terms.
pub async fn a_sweep_deletes_only_what_it_read(t: &Subject) -> StoreResult<()> {
    let (mut one, mut two) = (Chain::new(1), Chain::new(2));
    t.append_all(vec![due(&mut one, T0 + 100, T0), due(&mut two, T0 + 100, T0)]).await?;
    let moves = [row(&one, T0 + 100, 1), row(&two, T0 + 100, 1)].map(|read| to(read, None));
    t.commit(due(&mut two, T0 + 50, T0)).await?;
    t.store.wakeups_move(&moves).await?;
    assert_eq!(all(t).await?, vec![row(&two, T0 + 50, 2)]);
    Ok(())
}
