//! Several stores on one database: races have one winner, and end.

use std::sync::Arc;

use aob_store::conformance::fixtures::{Chain, HOME, T0, key};
use aob_store::{
    AppendBatch, AppendOutcome, Claim, ConflictKind, Head, LeaseKey, Leases, Log, ManualClock,
    PostgresStore, StreamAppend, verify_chain,
};

use crate::server::{Database, execute, number, wait};

fn stores(database: &Database, count: usize) -> Vec<Arc<PostgresStore>> {
    let store = |_| Arc::new(database.store(ManualClock::at(T0).clock()));
    (0..count).map(store).collect()
}

fn batch(streams: Vec<StreamAppend>) -> Arc<AppendBatch> {
    AppendBatch { streams, outbox_done: Vec::new() }.into()
}

/// Rival starts with one idempotency key: one run exists, all others are told its answer, and no key
/// is left that names a run which does not exist.
#[test]
fn rivals_for_a_key_have_one_winner() {
    let database = Database::empty();
    let stores = stores(&database, 3);
    wait(async {
        for round in 0..20_u64 {
            let contender = |n: u64| {
                let mut chain = Chain::new(round * 10 + n + 1);
                let mut append = chain.append_run("running");
                append.keys = vec![key(&format!("key{round}"), u8::try_from(n).unwrap_or(0))];
                append.dedup = Some(format!("dedup{round}"));
                batch(vec![append])
            };
            let tasks: Vec<_> = stores
                .iter()
                .zip(0..)
                .map(|(store, n)| {
                    let (store, batch) = (Arc::clone(store), contender(n));
                    tokio::spawn(async move { store.append(batch).await.expect("an answer") })
                })
                .collect();
            let mut won = 0;
            for task in tasks {
                match &task.await.expect("no panic")[..] {
                    [AppendOutcome::Committed { .. }] => won += 1,
                    [AppendOutcome::Conflict(ConflictKind::Key(_))] => {}
                    other => panic!("round {round}: {other:?}"),
                }
            }
            assert_eq!(won, 1, "round {round}");
        }
        let mut owner = database.owner().await;
        let orphans = "select count(*) from idempotency i
            where not exists (select from segments s where s.stream = i.stream)";
        assert_eq!(number(&mut owner, orphans).await, 0);
        assert_eq!(number(&mut owner, "select count(*) from runs").await, 20);
        assert_eq!(number(&mut owner, "select count(*) from dedup").await, 20);
    });
}

/// Committers that touch the same runs in opposite order, with heartbeats and claims among them:
/// every batch gets an answer, and every chain holds.
#[test]
fn opposite_orders_do_not_stop_each_other() {
    const STREAMS: u64 = 40;
    let database = Database::empty();
    let stores = stores(&database, 2);
    wait(async {
        let writers: Vec<_> = stores
            .iter()
            .zip([false, true])
            .map(|(store, backwards)| {
                let store = Arc::clone(store);
                tokio::spawn(async move {
                    let mut committed = 0;
                    for _ in 0..25 {
                        committed += one_round(&store, STREAMS, backwards).await;
                    }
                    committed
                })
            })
            .collect();
        let mut committed = 0;
        for writer in writers {
            committed += writer.await.expect("no panic");
        }
        let mut heads = 0;
        for n in 1..=STREAMS {
            let stream = Chain::new(n).stream;
            let segments = stores[0].segments_after(HOME, stream, 0, 1_000).await.expect("a chain");
            heads += verify_chain(stream, Head::EMPTY, &segments).expect("it holds").ordinal;
        }
        assert_eq!(heads, committed, "what was acknowledged, and nothing else");
        assert!(committed > STREAMS * 20, "{committed}");
    });
}

/// Reads all heads, appends to all streams in one batch, claims their leases; answers how many
/// streams were committed.
async fn one_round(store: &PostgresStore, streams: u64, backwards: bool) -> u64 {
    let mut chains: Vec<Chain> = (1..=streams).map(Chain::new).collect();
    if backwards {
        chains.reverse();
    }
    let ids: Vec<_> = chains.iter().map(|chain| chain.stream).collect();
    let heads = store.heads(&ids).await.expect("heads");
    let mut appends = Vec::new();
    let mut claims = Vec::new();
    for (chain, head) in chains.iter_mut().zip(heads) {
        chain.head = head;
        chain.at_ms += i64::from(backwards);
        let ended = LeaseKey {
            run: chain.stream,
            instance: String::from("a"),
            attempt: u32::try_from(head.ordinal).unwrap_or(0),
        };
        let mut append = chain.append_run("running");
        let begun = chain.lease("a", u32::try_from(chain.head.ordinal).unwrap_or(0));
        claims.push(Claim {
            key: begun.key.clone(),
            holder: format!("holder{backwards}"),
            now_ms: T0,
            until_ms: T0 + 1,
        });
        append.rows.leases_put = vec![begun];
        append.rows.leases_drop = vec![ended];
        append.rows.wakeup_due = Some(T0 + 10);
        appends.push(append);
    }
    let outcomes = store.append(batch(appends)).await.expect("an answer");
    store.lease_claim(&claims).await.expect("an answer");
    let committed = |outcome: &&AppendOutcome| matches!(outcome, AppendOutcome::Committed { .. });
    outcomes.iter().filter(committed).count() as u64
}

/// An append without conflicts is one statement, whatever it writes.
#[test]
fn a_batch_is_one_statement() {
    let database = Database::empty();
    let store = database.store(ManualClock::at(T0).clock());
    wait(async {
        let mut owner = database.owner().await;
        execute(&mut owner, "create extension if not exists pg_stat_statements").await;
        let mut chains: Vec<Chain> = (1..=50).map(Chain::new).collect();
        let mut append = || {
            let appends = chains.iter_mut().map(|chain| {
                let mut append = chain.append_run("running");
                append.rows.outbox = vec![chain.head.ordinal];
                append.rows.wakeup_due = Some(T0 + 5);
                append
            });
            batch(appends.collect())
        };
        // The first one opens the connection.
        store.append(append()).await.expect("an answer");
        let calls = "select coalesce(sum(calls), 0)::bigint from pg_stat_statements s
            join pg_roles r on r.oid = s.userid
            where r.rolname = 'aob_log'
            and dbid = (select oid from pg_database where datname = current_database())";
        let before = number(&mut owner, calls).await;
        for _ in 0..10 {
            store.append(append()).await.expect("an answer");
        }
        assert_eq!(number(&mut owner, calls).await - before, 10);
    });
}

/// The step of a run writes no index: its row is updated in place.
#[test]
fn a_step_touches_no_index() {
    let database = Database::fresh();
    let store = database.store(ManualClock::at(T0).clock());
    wait(async {
        let mut chain = Chain::new(1);
        for status in ["queued", "running", "waiting", "running", "waiting", "running"] {
            let append = batch(vec![chain.append_run(status)]);
            store.append(append).await.expect("an answer");
        }
        drop(store);
        let mut owner = database.owner().await;
        let counted = |column: &str| {
            format!("select {column} from pg_stat_user_tables where relname = 'runs'")
        };
        // Statistics arrive when the committer's session has ended.
        while number(&mut owner, &counted("n_tup_upd")).await < 5 {
            tokio::task::yield_now().await;
        }
        assert_eq!(number(&mut owner, &counted("n_tup_upd")).await, 5);
        assert_eq!(number(&mut owner, &counted("n_tup_hot_upd")).await, 5);
    });
}
