//! The feed under several committers: numbers are taken out of order and never skipped.

use std::sync::Arc;

use aob_store::conformance::fixtures::{COMMITTED, Chain, HOME, T0, stream};
use aob_store::{AppendBatch, FeedCursor, Log, ManualClock, Outbox, PostgresStore, StreamId};

use crate::server::{Database, execute, wait};

async fn commit(store: &PostgresStore, chain: &mut Chain) {
    let mut append = chain.append();
    append.rows.outbox = vec![chain.head.ordinal];
    let batch = AppendBatch { streams: vec![append], outbox_done: Vec::new() };
    assert_eq!(store.append(batch.into()).await.expect("an answer").len(), 1);
}

/// What the feed shows after a cursor, which moves on.
async fn read(store: &PostgresStore, cursor: &mut FeedCursor) -> Vec<StreamId> {
    let entries = store.feed_after(HOME, cursor, 1_000).await.expect("the feed");
    if let Some(last) = entries.last() {
        *cursor = last.cursor.clone();
    }
    entries.iter().map(|entry| entry.stream).collect()
}

/// One append is held open while others with later positions commit and are read; it is not lost to
/// readers once it commits, neither in the feed nor in the outbox.
#[test]
fn an_append_that_commits_late_is_not_skipped() {
    let database = Database::empty();
    let store = |_: u8| Arc::new(database.store(ManualClock::at(T0).clock()));
    let (slow, quick) = (store(0), store(1));
    wait(async {
        let mut late = Chain::new(1);
        commit(&slow, &mut late).await;
        let mut cursor = FeedCursor::default();
        assert_eq!(read(&quick, &mut cursor).await, [stream(1)]);
        // Somebody else is about to insert the outbox row that the append has to write.
        let mut owner = database.owner().await;
        let outbox = format!("insert into outbox values ('{}', 2, '{}', 0)", stream(1).0, HOME.0);
        execute(&mut owner, &format!("begin; {outbox}")).await;
        let held = {
            let (slow, mut late) = (Arc::clone(&slow), late.clone());
            tokio::spawn(async move { commit(&slow, &mut late).await })
        };
        let mut blocked = database.owner().await;
        let waits = "select count(*) from pg_locks where not granted";
        while crate::server::number(&mut blocked, waits).await == 0 {
            tokio::task::yield_now().await;
        }
        for n in 2..=100 {
            let mut chain = Chain::new(n);
            let batch = AppendBatch { streams: vec![chain.append()], outbox_done: Vec::new() };
            assert_eq!(quick.append(batch.into()).await.expect("an answer"), [COMMITTED]);
        }
        assert_eq!(read(&quick, &mut cursor).await.len(), 99, "none waits for the open one");
        assert!(!held.is_finished());
        execute(&mut owner, "rollback").await;
        held.await.expect("it commits");
        assert_eq!(read(&quick, &mut cursor).await, [stream(1)], "late, and not lost");
        assert!(read(&quick, &mut cursor).await.is_empty());
        assert_eq!(quick.outbox_due(i64::MAX, 10).await.expect("the outbox").len(), 2);
    });
}

/// A transaction that somebody leaves open for long, with a number of its own, holds nobody up.
#[test]
fn a_long_transaction_holds_nobody_up() {
    let database = Database::empty();
    let store = database.store(ManualClock::at(T0).clock());
    wait(async {
        let mut stuck = database.owner().await;
        execute(&mut stuck, "begin; select pg_current_xact_id(); select count(*) from runs").await;
        let mut cursor = FeedCursor::default();
        let mut chain = Chain::new(1);
        for _ in 0..20 {
            commit(&store, &mut chain).await;
            assert_eq!(read(&store, &mut cursor).await, [stream(1)], "at once");
        }
        execute(&mut stuck, "rollback").await;
    });
}
