//! The database's schema: forward-only migrations, embedded, safe to run by many processes at once.

use sha2::{Digest, Sha256};
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Row};

use super::error::PostgresError;

/// One file of `migrations/postgres`; its number is its place from 1.
struct Migration {
    name: &'static str,
    sql: &'static str,
}

macro_rules! migrations {
    ($($name:literal),* $(,)?) => {
        &[$(Migration {
            name: $name,
            sql: include_str!(concat!("../../../../migrations/postgres/", $name, ".sql")),
        }),*]
    };
}

/// In the order of application; files are added at the end and never edited.
const MIGRATIONS: &[Migration] = migrations![
    "0001_roles",
    "0002_segments",
    "0003_events",
    "0004_outbox",
    "0005_wakeups",
    "0006_leases",
    "0007_runs",
    "0008_dedup",
    "0009_tickets",
    "0010_idempotency",
    "0011_catalog",
    "0012_identity",
    "0013_snapshots",
    "0014_append",
    "0015_row_level_security",
    "0016_grants",
    "0017_run_logs",
    "0018_signing_keys",
    "0019_head_seq",
    "0020_documents_of_appends",
    "0021_versions",
    "0022_optimizer_modules",
    "0023_patch_expected",
    "0024_notifications",
];

/// Whoever migrates holds this advisory lock of the database.
const LOCK: i64 = 0x616f_622d_6d69_6772;

const TABLE: &str = "create table migrations (
        number integer primary key,
        name text not null,
        sha256 bytea not null,
        applied_at timestamptz not null default now()
    );
    grant select on migrations to public;";

/// Brings the database at `url` up to date, each migration in a transaction of its own, one process
/// after the other. Running it again changes nothing. The role of `url` owns what is made; it is none
/// of those that a store runs as.
///
/// # Errors
/// [`PostgresError::Newer`] or [`PostgresError::Edited`] where the database went through other
/// migrations than these; nothing is changed then.
pub async fn migrate(url: &str) -> Result<(), PostgresError> {
    let options = url.parse().map_err(PostgresError::Address)?;
    let mut connection = PgConnection::connect_with(&options).await?;
    // Held by the session: it ends with it, whatever happens here.
    sqlx::query("select pg_advisory_lock($1)").bind(LOCK).execute(&mut connection).await?;
    let done = applied(&mut connection).await?;
    if done.is_none() {
        sqlx::raw_sql(TABLE).execute(&mut connection).await?;
    }
    for (index, migration) in MIGRATIONS.iter().enumerate().skip(done.unwrap_or(0)) {
        apply(&mut connection, index, migration).await?;
    }
    connection.close().await?;
    Ok(())
}

async fn apply(
    connection: &mut PgConnection,
    index: usize,
    migration: &Migration,
) -> Result<(), PostgresError> {
    let mut transaction = connection.begin().await?;
    sqlx::raw_sql(migration.sql).execute(&mut *transaction).await?;
    sqlx::query("insert into migrations (number, name, sha256) values ($1, $2, $3)")
        .bind(i32::try_from(number(index)).unwrap_or(i32::MAX))
        .bind(migration.name)
        .bind(digest(migration))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

/// Checks that the database went through all of [`MIGRATIONS`]. It may have gone through more: a
/// newer program runs beside this one.
pub(super) async fn check(connection: &mut PgConnection) -> Result<(), PostgresError> {
    let found = match applied(connection).await {
        Ok(found) => found.unwrap_or(0),
        Err(PostgresError::Newer { .. }) => return Ok(()),
        Err(error) => return Err(error),
    };
    if found < MIGRATIONS.len() {
        return Err(PostgresError::Older { found: number(found) - 1, known: known() });
    }
    Ok(())
}

/// How many of [`MIGRATIONS`] the database went through; `None`: it was never migrated.
async fn applied(connection: &mut PgConnection) -> Result<Option<usize>, PostgresError> {
    let exists = "select to_regclass('migrations') is not null";
    let exists: bool = sqlx::query(exists).fetch_one(&mut *connection).await?.try_get(0)?;
    if !exists {
        return Ok(None);
    }
    let all = "select number, sha256 from migrations order by number";
    let rows = sqlx::query(all).fetch_all(connection).await?;
    for (index, row) in rows.iter().enumerate() {
        let found: i32 = row.try_get(0)?;
        let found = u32::try_from(found).unwrap_or_default();
        let Some(migration) = MIGRATIONS.get(index) else {
            return Err(PostgresError::Newer { found, known: known() });
        };
        if found != number(index) || row.try_get::<&[u8], _>(1)? != digest(migration) {
            return Err(PostgresError::Edited { number: found });
        }
    }
    Ok(Some(rows.len()))
}

fn known() -> u32 {
    number(MIGRATIONS.len()) - 1
}

fn number(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

fn digest(migration: &Migration) -> [u8; 32] {
    Sha256::digest(migration.sql).into()
}
