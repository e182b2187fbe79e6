//! Row-level security: what the two roles see and may, and whom the store refuses to run as.

use aob_store::conformance::fixtures::{AWAY, COMMITTED, Chain, HOME, T0};
use aob_store::postgres::PostgresError;
use aob_store::{AppendBatch, Log, ManualClock, PostgresConfig, PostgresStore};
use sqlx::AssertSqlSafe;

use crate::server::{Database, connect, execute, number, wait};

/// Tables and the view that hold rows of workspaces.
const WALLED: [&str; 18] = [
    "segments",
    "events",
    "outbox",
    "wakeups",
    "leases",
    "runs",
    "dedup",
    "tickets",
    "idempotency",
    "documents",
    "document_patches",
    "tags",
    "tag_heads",
    "tag_moves",
    "workflow_patches",
    "workspaces",
    "api_keys",
    "snapshots",
];

/// A run with rows in most tables, in each of two workspaces.
fn filled() -> Database {
    let database = Database::empty();
    let store = database.store(ManualClock::at(T0).clock());
    wait(async {
        for (n, workspace) in [(1, HOME), (2, AWAY)] {
            let mut chain = Chain::new(n).of(workspace);
            let mut append = chain.append_run("running");
            append.keys = vec![aob_store::conformance::fixtures::key("k", 1)];
            append.dedup = Some(String::from("daily"));
            append.rows.outbox = vec![1];
            append.rows.wakeup_due = Some(T0 + 5);
            append.rows.leases_put = vec![chain.lease("a", 1)];
            append.rows.tickets = vec![chain.ticket("t1", "pending")];
            let batch = AppendBatch { streams: vec![append], outbox_done: Vec::new() };
            assert_eq!(store.append(batch.into()).await.expect("an answer"), [COMMITTED]);
        }
    });
    database
}

#[test]
fn a_caller_sees_its_own_workspace_and_without_one_nothing() {
    let database = filled();
    wait(async {
        let mut api = connect(&database.api_url()).await;
        for table in ["segments", "events", "runs", "tickets", "idempotency"] {
            let count = format!("select count(*) from {table}");
            assert_eq!(number(&mut api, &count).await, 0, "{table} without a workspace");
            for workspace in [HOME, AWAY] {
                execute(&mut api, &format!("begin; set local aob.workspace = '{}'", workspace.0))
                    .await;
                let own = format!("{count} where workspace = '{}'", workspace.0);
                let (own, all) = (number(&mut api, &own).await, number(&mut api, &count).await);
                execute(&mut api, "commit").await;
                assert!(own > 0 && own == all, "{table}: {own} of {all}");
            }
            assert_eq!(number(&mut api, &count).await, 0, "{table} after the transaction");
        }
    });
}

#[test]
fn a_caller_writes_into_its_own_workspace_only() {
    let database = filled();
    wait(async {
        let mut api = connect(&database.api_url()).await;
        execute(&mut api, &format!("set aob.workspace = '{}'", HOME.0)).await;
        let foreign = format!("insert into documents values ('{}', 'd', '{{}}', 0)", AWAY.0);
        let refused = sqlx::raw_sql(AssertSqlSafe(foreign)).execute(&mut api).await;
        let refused = refused.expect_err("a row of another workspace").to_string();
        assert!(refused.contains("row-level security"), "{refused}");
        for machinery in ["outbox", "wakeups", "leases", "dedup", "segments_0"] {
            let read = format!("select count(*) from {machinery}");
            let denied = sqlx::raw_sql(AssertSqlSafe(read)).execute(&mut api).await;
            assert!(denied.is_err(), "{machinery} is none of a caller's business");
        }
        let append = sqlx::raw_sql("delete from segments").execute(&mut api).await;
        assert!(append.is_err(), "callers do not touch the log");
    });
}

/// The owner too is held, and the machinery sees all.
#[test]
fn policies_are_in_force_for_everybody() {
    let database = filled();
    wait(async {
        let mut owner = database.owner().await;
        for table in WALLED.iter().filter(|table| **table != "events") {
            let held = format!(
                "select count(*) from pg_class where oid = '{table}'::regclass
                and relrowsecurity and relforcerowsecurity"
            );
            assert_eq!(number(&mut owner, &held).await, 1, "{table}");
        }
        let mut log = connect(&database.log_url()).await;
        for table in ["segments", "events", "outbox", "wakeups", "leases", "runs", "dedup"] {
            let count = format!("select count(distinct workspace) from {table}");
            assert_eq!(number(&mut log, &count).await, 2, "{table}");
        }
    });
}

/// The events of a segment are rows, as they were written.
#[test]
fn a_view_shows_one_row_per_event() {
    let database = Database::empty();
    let store = database.store(ManualClock::at(T0).clock());
    wait(async {
        let mut chain = Chain::new(1);
        let segments =
            vec![chain.segment_of(r#"[{"a":"x\u0000y"}, 1.0]"#, 2), chain.segment_of("[[]]", 1)];
        let batch =
            AppendBatch { streams: vec![chain.append_of(segments)], outbox_done: Vec::new() };
        assert_eq!(store.append(batch.into()).await.expect("an answer"), [COMMITTED]);
        let mut log = connect(&database.log_url()).await;
        let all = "select seq, event::text from events order by seq";
        let rows: Vec<(i64, String)> =
            sqlx::query_as(all).fetch_all(&mut log).await.expect("events");
        let expected = [(1, r#"{"a":"x\u0000y"}"#), (2, "1.0"), (3, "[]")];
        assert_eq!(rows, expected.map(|(seq, event)| (seq, event.to_owned())));
    });
}

#[test]
fn the_store_refuses_roles_that_the_wall_does_not_hold() {
    let database = Database::empty();
    wait(async {
        let mut owner = database.owner().await;
        let (log, api, admin) = (database.log_url(), database.api_url(), database.owner_url());
        let suffix = std::process::id();
        let login = String::from("login password 'of-the-tests'");
        for (name, options) in [
            ("bypass", format!("{login} bypassrls in role aob_log")),
            ("stranger", login.clone()),
            ("both", format!("{login} in role aob_log, aob_api")),
            ("owner", format!("{login} in role aob_log")),
        ] {
            execute(&mut owner, &format!("create role test_{name}_{suffix} {options}")).await;
        }
        execute(&mut owner, &format!("alter table tags owner to test_owner_{suffix}")).await;
        let role = |name: &str| log.replace("aob_log", &format!("test_{name}_{suffix}"));
        for (log, api, problem) in [
            (admin.clone(), api.clone(), "superuser"),
            (log.clone(), admin, "superuser"),
            (role("bypass"), api.clone(), "bypasses"),
            (role("stranger"), api.clone(), "not a member"),
            (role("owner"), api.clone(), "owns"),
            (log.clone(), role("both"), "sees all workspaces"),
            (api.clone(), api, "not a member"),
        ] {
            let refused = PostgresStore::connect(&PostgresConfig::new(&log, &api), None).await;
            let told = refused.map(drop).expect_err(problem).to_string();
            assert!(told.contains(problem), "{problem}: {told}");
        }
        execute(&mut owner, "alter table tags owner to current_user").await;
        execute(&mut owner, "alter table tags no force row level security").await;
        let refused = PostgresStore::connect(&database.config(), None).await.map(drop);
        assert!(matches!(refused, Err(PostgresError::Open { table }) if table == "tags"));
        execute(&mut owner, "alter table tags force row level security").await;
        for name in ["bypass", "stranger", "both", "owner"] {
            execute(&mut owner, &format!("drop role test_{name}_{suffix}")).await;
        }
    });
}
