//! Links that die: in the middle of a commit, while idle, and with callers that go away.

use std::sync::Arc;
use std::time::Duration;

use aob_store::conformance::fixtures::{COMMITTED, Chain, HOME, T0};
use aob_store::{
    AppendBatch, AppendOutcome, Head, Log, ManualClock, Outbox, PostgresConfig, PostgresStore,
    Views, verify_chain,
};

use crate::proxy::Proxy;
use crate::server::{Database, execute, number, wait};

fn batch(streams: Vec<aob_store::StreamAppend>) -> Arc<AppendBatch> {
    AppendBatch { streams, outbox_done: Vec::new() }.into()
}

/// A store whose every byte goes through a proxy.
async fn through_proxy(database: &Database) -> (Proxy, PostgresStore) {
    through_proxy_with(database.config()).await
}

/// The same, with these settings.
async fn through_proxy_with(direct: PostgresConfig) -> (Proxy, PostgresStore) {
    let host = |url: &str| {
        let (_, rest) = url.rsplit_once('@').expect("a user");
        rest.split_once('/').expect("a database").0.to_owned()
    };
    let server = host(&direct.log_url);
    let proxy = Proxy::start(server.clone()).await;
    let over = |url: &str| url.replace(&server, &proxy.address());
    let (log_url, api_url) = (over(&direct.log_url), over(&direct.api_url));
    let config = PostgresConfig { log_url, api_url, ..direct };
    let clock = ManualClock::at(T0).clock();
    let store = PostgresStore::connect(&config, Some(clock)).await.expect("the store opens");
    (proxy, store)
}

/// Each second answer to a commit is lost: the outcome is unknown, the identical bytes are appended
/// again, and nothing is lost or doubled.
#[test]
fn a_lost_answer_is_unknown_and_the_same_bytes_settle_it() {
    let database = Database::empty();
    wait(async {
        let (proxy, store) = through_proxy(&database).await;
        let mut chain = Chain::new(1);
        let mut unknown = 0;
        for round in 0..20 {
            let append = batch(vec![chain.append_run("running")]);
            if round % 2 == 1 {
                proxy.lose_next_answer();
            }
            let outcome = store.append(Arc::clone(&append)).await.expect("an answer");
            if round % 2 == 1 {
                proxy.lost().await;
                assert_eq!(outcome, [AppendOutcome::Unknown], "round {round}");
                unknown += 1;
                let again = store.append(append).await.expect("an answer");
                assert_eq!(again, [COMMITTED], "round {round}");
            } else {
                assert_eq!(outcome, [COMMITTED], "round {round}");
            }
        }
        assert_eq!(unknown, 10);
        let segments = store.segments_after(HOME, chain.stream, 0, 100).await.expect("segments");
        assert_eq!(verify_chain(chain.stream, Head::EMPTY, &segments), Ok(chain.head));
    });
}

/// A peer that is silently dead costs a wait, not a connection: whoever asks gives up in time, and
/// with one connection of each kind the store goes on as soon as somebody answers again.
#[test]
fn a_peer_that_falls_silent_costs_no_connection() {
    let database = Database::empty();
    let mut config = database.config();
    (config.log_connections, config.api_connections) = (1, 1);
    config.statement_timeout_ms = 100;
    wait(async {
        let (proxy, store) = through_proxy_with(config).await;
        let mut chain = Chain::new(1);
        let first = store.append(batch(vec![chain.append_run("running")])).await;
        assert_eq!(first.expect("an answer"), [COMMITTED]);
        assert!(store.run(HOME, chain.stream).await.expect("a run").is_some());
        proxy.fall_silent();
        let append = batch(vec![chain.append_run("running")]);
        let (outcome, read, looked) = tokio::join!(
            store.append(Arc::clone(&append)),
            store.run(HOME, chain.stream),
            store.outbox_due(i64::MAX, 10),
        );
        assert_eq!(outcome.expect("an answer"), [AppendOutcome::Unknown]);
        assert!(read.is_err() && looked.is_err());
        proxy.heal();
        let again = store.append(append).await.expect("an answer");
        assert_eq!(again, [COMMITTED]);
        let run = store.run(HOME, chain.stream).await.expect("an answer").expect("a run");
        assert_eq!(run.seq, chain.head.seq);
        store.outbox_due(i64::MAX, 10).await.expect("the outbox");
    });
}

/// All backends are terminated between calls: reads go on, the append after it is at worst unknown,
/// and the one after that commits.
#[test]
fn terminated_backends_are_replaced() {
    let database = Database::empty();
    let store = database.store(ManualClock::at(T0).clock());
    wait(async {
        let mut owner = database.owner().await;
        let mut chain = Chain::new(1);
        for _ in 0..5 {
            let append = batch(vec![chain.append_run("running")]);
            let mut outcome = store.append(Arc::clone(&append)).await.expect("an answer");
            if outcome == [AppendOutcome::Unknown] {
                outcome = store.append(append).await.expect("an answer");
            }
            assert_eq!(outcome, [COMMITTED]);
            assert_eq!(store.heads(&[chain.stream]).await.expect("heads"), [chain.head]);
            assert!(store.run(HOME, chain.stream).await.expect("a run").is_some());
            let terminated = "select count(pg_terminate_backend(pid)) from pg_stat_activity
                where datname = current_database() and pid <> pg_backend_pid()";
            assert!(number(&mut owner, terminated).await >= 3, "committer, log, api");
        }
    });
}

/// Callers that go away at any point leave no transaction open and no connection lost: a store with
/// one connection each goes on, and what it writes is there for others.
#[test]
fn callers_that_go_away_leave_nothing_open() {
    let database = Database::empty();
    let mut config = database.config();
    (config.log_connections, config.api_connections) = (1, 1);
    let clock = ManualClock::at(T0).clock();
    let store = wait(PostgresStore::connect(&config, Some(clock))).expect("the store opens");
    wait(async {
        let mut chain = Chain::new(1);
        let first = store.append(batch(vec![chain.append_run("running")])).await;
        assert_eq!(first.expect("an answer"), [COMMITTED]);
        let documents = |n: u32| [(format!("digest{n}"), String::from("{}"))];
        for n in 0..1_000 {
            let documents = documents(n);
            let call = aob_store::Catalog::documents_put(&store, HOME, &documents, T0);
            // Dropped after some microseconds, wherever it is by then.
            let patience = Duration::from_micros(u64::from(n % 50) * 40);
            drop(tokio::time::timeout(patience, call).await);
        }
        let last = documents(1_000);
        let put = aob_store::Catalog::documents_put(&store, HOME, &last, T0).await;
        put.expect("the one connection is whole");
        let mut owner = database.owner().await;
        execute(&mut owner, "set aob.workspace = ''").await;
        let seen = "select count(*) from documents where digest = 'digest1000'";
        assert_eq!(number(&mut owner, seen).await, 1, "written, and visible to others");
        let open = "select count(*) from pg_stat_activity where datname = current_database()
            and state like 'idle in transaction%'";
        assert_eq!(number(&mut owner, open).await, 0);
        assert_eq!(store.heads(&[chain.stream]).await.expect("heads"), [chain.head]);
    });
}
