//! The database's schema: forward-only migrations, embedded, safe to run again.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use sha2::{Digest, Sha256};

use super::error::OpenError;

/// One file of `migrations/sqlite`; its number is its place from 1.
struct Migration {
    name: &'static str,
    sql: &'static str,
}

macro_rules! migrations {
    ($($name:literal),* $(,)?) => {
        &[$(Migration {
            name: $name,
            sql: include_str!(concat!("../../../../migrations/sqlite/", $name, ".sql")),
        }),*]
    };
}

/// In the order of application; files are added at the end and never edited.
const MIGRATIONS: &[Migration] = migrations![
    "0001_tenants",
    "0002_segments",
    "0003_outbox",
    "0004_wakeups",
    "0005_leases",
    "0006_runs",
    "0007_dedup",
    "0008_tickets",
    "0009_idempotency",
    "0010_catalog",
    "0011_identity",
    "0012_snapshots",
    "0013_run_logs",
    "0014_signing_keys",
    "0015_versions",
    "0016_optimizer_modules",
    "0017_patch_expected",
    "0018_notifications",
];

const TABLE: &str = "create table if not exists migrations (
    number integer primary key,
    name text not null,
    sha256 blob not null
) strict";

/// The whole schema as SQL, for whoever wants the same tables without the store.
pub fn schema() -> String {
    MIGRATIONS.iter().map(|migration| migration.sql).collect()
}

/// Brings a database up to date. Running it again changes nothing.
///
/// # Errors
/// [`OpenError::Newer`] or [`OpenError::Edited`] where the file went through other migrations than
/// these; nothing is changed then.
pub fn migrate(connection: &mut Connection) -> Result<(), OpenError> {
    if applied(connection)? == MIGRATIONS.len() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(TABLE)?;
    let done = applied(&transaction)?;
    for (index, migration) in MIGRATIONS.iter().enumerate().skip(done) {
        transaction.execute_batch(migration.sql)?;
        transaction.execute(
            "insert into migrations (number, name, sha256) values (?1, ?2, ?3)",
            params![number(index), migration.name, digest(migration)],
        )?;
    }
    transaction.commit()?;
    Ok(())
}

/// How many of [`MIGRATIONS`] the file went through.
fn applied(connection: &Connection) -> Result<usize, OpenError> {
    let exists = "select 1 from sqlite_schema where type = 'table' and name = 'migrations'";
    if connection.query_row(exists, [], |_| Ok(())).optional()?.is_none() {
        return Ok(0);
    }
    let mut statement =
        connection.prepare("select number, sha256 from migrations order by number")?;
    let rows =
        statement.query_map([], |row| Ok((row.get::<_, u32>(0)?, row.get::<_, Vec<u8>>(1)?)))?;
    let rows: Vec<(u32, Vec<u8>)> = rows.collect::<Result<_, _>>()?;
    for (index, (found, stored)) in rows.iter().enumerate() {
        let Some(migration) = MIGRATIONS.get(index) else {
            return Err(OpenError::Newer { found: *found, known: number(MIGRATIONS.len() - 1) });
        };
        if *found != number(index) || stored[..] != digest(migration)[..] {
            return Err(OpenError::Edited { number: *found });
        }
    }
    Ok(rows.len())
}

fn number(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

fn digest(migration: &Migration) -> [u8; 32] {
    Sha256::digest(migration.sql).into()
}
