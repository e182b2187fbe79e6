//! The database file: reopening, migrations, what other programs see in it.

use std::path::Path;

use aob_store::conformance::fixtures::{COMMITTED, Chain, HOME, T0};
use aob_store::conformance::{Subject, block_on};
use aob_store::sqlite::{OpenError, migrate, open_writer, schema};
use aob_store::{
    AppendOutcome, ConflictKind, Head, ManualClock, SqliteConfig, SqliteStore, StoreError,
    verify_chain,
};
use rusqlite::Connection;

fn subject(directory: &Path) -> Subject {
    let clock = ManualClock::at(T0);
    let store = std::sync::Arc::new(crate::sqlite::open(directory, &clock));
    Subject { store, clock, keep: Box::new(()) }
}

fn other_program(directory: &Path) -> Connection {
    open_writer(&SqliteConfig::new(directory.join("aob.db"))).unwrap()
}

fn refusal(directory: &Path) -> OpenError {
    let config = SqliteConfig::new(directory.join("aob.db"));
    SqliteStore::open(&config, ManualClock::at(T0).clock()).unwrap_err()
}

/// Every object of the schema as SQLite keeps it.
fn objects(connection: &Connection) -> Vec<(String, Option<String>)> {
    let mut statement = connection
        .prepare("select name, sql from sqlite_schema where name <> 'migrations' order by name")
        .unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_store_goes_on_where_it_was_closed() {
    let directory = tempfile::tempdir().unwrap();
    let mut chain = Chain::new(1);
    for _ in 0..3 {
        let t = subject(directory.path());
        block_on(t.commit(chain.append_run("running"))).unwrap();
    }
    let t = subject(directory.path());
    let segments = block_on(t.segments(&chain)).unwrap();
    assert_eq!(verify_chain(chain.stream, Head::EMPTY, &segments), Ok(chain.head));
    assert_eq!(block_on(t.store.run(HOME, chain.stream)).unwrap(), Some(chain.run("running")));
}

/// The next start need not read a long log; a short one is left where it is.
#[test]
fn a_long_log_is_emptied_at_the_end() {
    for (appends, left) in [(1, false), (300, true)] {
        let directory = tempfile::tempdir().unwrap();
        let t = subject(directory.path());
        let mut chain = Chain::new(1);
        let text = format!("[\"{}\"]", "x".repeat(20_000));
        let segments = (0..appends).map(|_| chain.segment_of(&text, 1)).collect();
        block_on(t.commit(chain.append_of(segments))).unwrap();
        drop(t);
        let log = std::fs::metadata(directory.path().join("aob.db-wal")).unwrap();
        assert_eq!(log.len() == 0, left, "{appends} appends");
        let t = subject(directory.path());
        assert_eq!(block_on(t.head(chain.stream)).unwrap(), chain.head);
    }
}

#[test]
fn commits_are_synced() {
    let directory = tempfile::tempdir().unwrap();
    let connection = other_program(directory.path());
    let full: i64 = connection.query_row("pragma synchronous", [], |row| row.get(0)).unwrap();
    let mode: String = connection.query_row("pragma journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!((full, mode.as_str()), (2, "wal"));
}

#[test]
fn migrations_may_run_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut connection = other_program(directory.path());
    let before = objects(&connection);
    migrate(&mut connection).unwrap();
    assert_eq!(objects(&connection), before);
}

#[test]
fn the_published_schema_is_the_migrated_one() {
    let directory = tempfile::tempdir().unwrap();
    let plain = Connection::open_in_memory().unwrap();
    plain.execute_batch(&schema()).unwrap();
    assert_eq!(objects(&plain), objects(&other_program(directory.path())));
}

#[test]
fn a_newer_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let insert = "insert into migrations select max(number) + 1, 'later', x'00' from migrations";
    other_program(directory.path()).execute(insert, []).unwrap();
    let error = refusal(directory.path());
    assert!(matches!(error, OpenError::Newer { found, known } if found == known + 1), "{error}");
}

#[test]
fn a_file_of_another_history_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let edit = "update migrations set sha256 = x'00' where number = 3";
    other_program(directory.path()).execute(edit, []).unwrap();
    let error = refusal(directory.path());
    assert!(matches!(error, OpenError::Edited { number: 3 }), "{error}");
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("aob.db"), "not a database, whatever its name").unwrap();
    assert!(matches!(refusal(directory.path()), OpenError::Sqlite(_)));
}

#[test]
fn a_directory_that_does_not_exist_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    assert!(matches!(refusal(&directory.path().join("absent")), OpenError::Sqlite(_)));
}

/// The writer remembers heads; what another connection wrote is not missed.
#[test]
fn a_foreign_commit_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let t = subject(directory.path());
    let mut chain = Chain::new(1);
    block_on(t.commit(chain.append())).unwrap();
    let foreign = other_program(directory.path());
    assert_eq!(foreign.execute("delete from segments", []).unwrap(), 1);
    let outcome = block_on(t.append(chain.append())).unwrap();
    assert_eq!(outcome, AppendOutcome::Conflict(ConflictKind::Head));
    assert_eq!(block_on(t.append(Chain::new(2).append())).unwrap(), COMMITTED);
}

#[test]
fn a_row_that_does_not_decode_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let t = subject(directory.path());
    let mut chain = Chain::new(1);
    block_on(t.commit(chain.append())).unwrap();
    let foreign = other_program(directory.path());
    foreign.execute("update segments set hash = x'0102'", []).unwrap();
    let error = block_on(t.segments(&chain)).unwrap_err();
    let StoreError::Inconsistent { table, column, key, .. } = error else {
        panic!("{error}");
    };
    assert_eq!((table, column, key.as_str()), ("segments", "hash", "1"));
}

#[test]
fn a_view_shows_one_row_per_event() {
    let directory = tempfile::tempdir().unwrap();
    let t = subject(directory.path());
    let mut chain = Chain::new(1);
    let texts = [r#"[{"a":"x\u0000y"},{"b":2}]"#, "[3]"];
    let segments = texts.iter().zip([2, 1]).map(|(text, count)| chain.segment_of(text, count));
    let segments = segments.collect();
    block_on(t.commit(chain.append_of(segments))).unwrap();
    let connection = other_program(directory.path());
    let mut statement = connection.prepare("select ordinal, seq, event from events").unwrap();
    let rows = statement.query_map([], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, rusqlite::types::Value>(2)?))
    });
    let rows: Vec<_> = rows.unwrap().collect::<Result<_, _>>().unwrap();
    let text = |text: &str| rusqlite::types::Value::Text(text.to_owned());
    let expected = [
        (1, 1, text(r#"{"a":"x\u0000y"}"#)),
        (1, 2, text(r#"{"b":2}"#)),
        (2, 3, rusqlite::types::Value::Integer(3)),
    ];
    assert_eq!(rows, expected);
}

/// A run of a million events is read in pages, whatever its length.
#[test]
fn a_million_events_are_read_in_pages() {
    const SEGMENTS: u64 = 1_000;
    const PAGE: u32 = 16;
    let directory = tempfile::tempdir().unwrap();
    let t = subject(directory.path());
    let mut chain = Chain::new(1);
    let events = format!("[{}]", vec!["{}"; 1_000].join(","));
    block_on(async {
        for _ in 0..SEGMENTS / 100 {
            let segments = (0..100).map(|_| chain.segment_of(&events, 1_000)).collect();
            t.commit(chain.append_of(segments)).await.unwrap();
        }
        let mut head = Head::EMPTY;
        while head.ordinal < SEGMENTS {
            let page =
                t.store.segments_after(HOME, chain.stream, head.ordinal, PAGE).await.unwrap();
            assert!(!page.is_empty() && page.len() <= 16);
            head = verify_chain(chain.stream, head, &page).unwrap();
        }
        assert_eq!((head, head.seq), (chain.head, 1_000_000));
        let last = t.store.segments_after_seq(HOME, chain.stream, 999_999, PAGE).await.unwrap();
        assert_eq!(last.len(), 1);
    });
}
