//! The schema: brought up to date once, whoever comes first, and never over foreign history.

use aob_store::PostgresStore;
use aob_store::postgres::{PostgresError, migrate};

use crate::server::{Database, admin_url, connect, execute, number, wait};

/// A database that nothing was done to.
async fn blank(name: &str) -> String {
    let name = format!("blank_{name}_{}", std::process::id());
    execute(&mut connect(&admin_url()).await, &format!("create database {name}")).await;
    let admin = admin_url();
    let (server, _) = admin.rsplit_once('/').expect("a database");
    format!("{server}/{name}")
}

#[test]
fn many_processes_migrate_at_once() {
    wait(async {
        let url = blank("many").await;
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let url = url.clone();
                tokio::spawn(async move { migrate(&url).await })
            })
            .collect();
        for task in tasks {
            task.await.expect("no panic").expect("it is migrated");
        }
        let mut owner = connect(&url).await;
        let gaps = "select count(*) - max(number) from migrations";
        assert_eq!(number(&mut owner, gaps).await, 0);
    });
}

#[test]
fn foreign_history_is_refused() {
    wait(async {
        let url = blank("foreign").await;
        migrate(&url).await.expect("it is migrated");
        let mut owner = connect(&url).await;
        execute(&mut owner, "insert into migrations values (1000, '1000_later', '')").await;
        assert!(matches!(migrate(&url).await, Err(PostgresError::Newer { found: 1000, .. })));
        execute(&mut owner, "delete from migrations where number = 1000").await;
        execute(&mut owner, "update migrations set sha256 = '' where number = 3").await;
        assert!(matches!(migrate(&url).await, Err(PostgresError::Edited { number: 3 })));
    });
}

/// A store runs on a database that a newer program migrated, and not on one that lacks migrations.
#[test]
fn old_and_new_programs_run_side_by_side() {
    let database = Database::empty();
    wait(async {
        let mut owner = database.owner().await;
        execute(&mut owner, "insert into migrations values (1000, '1000_later', '')").await;
        let newer = PostgresStore::connect(&database.config(), None).await;
        execute(&mut owner, "delete from migrations where number = 1000").await;
        newer.expect("a newer schema serves an older program");
        let text = "with last as (delete from migrations where number =
            (select max(number) from migrations) returning *) insert into kept select * from last";
        execute(&mut owner, &format!("create table kept (like migrations); {text}")).await;
        let older = PostgresStore::connect(&database.config(), None).await.map(drop);
        execute(&mut owner, "insert into migrations select * from kept; drop table kept").await;
        assert!(matches!(older, Err(PostgresError::Older { .. })), "{older:?}");
    });
}
