//! Whom the store runs as: roles that the wall between workspaces holds.

use sqlx::Row;
use sqlx::postgres::PgConnection;

use super::error::PostgresError;

/// What a connection's role must be, and must not be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected {
    /// The group that grants its rights.
    member_of: &'static str,
    /// The group that would let it through the wall.
    not_of: Option<&'static str>,
}

/// Committer, relay, timers: all workspaces, and no more of the catalog than they need.
pub(super) const LOG: Expected = Expected { member_of: "aob_log", not_of: None };

/// Everything that serves a caller: one workspace at a time.
pub(super) const API: Expected = Expected { member_of: "aob_api", not_of: Some("aob_log") };

/// The tables of the store: those of the schema that holds the log.
macro_rules! tables {
    () => {
        "pg_class c where c.relkind in ('r', 'p') and c.relname <> 'migrations'
        and c.relnamespace = (select relnamespace from pg_class where oid = 'segments'::regclass)"
    };
}

/// `$1`: the group that it must be of; `$2`: the one that it must not be of.
const FACTS: &str = concat!(
    "select r.rolname::text as role, r.rolsuper as superuser, r.rolbypassrls as bypasses,
        exists (select from ",
    tables!(),
    " and pg_has_role(r.oid, c.relowner, 'member')) as owns,
        not pg_has_role(r.oid, $1, 'member') as stranger,
        coalesce(pg_has_role(r.oid, $2, 'member'), false) as through,
        pg_is_in_recovery() as replica
    from pg_roles r where r.rolname = current_user"
);

const OPEN_TABLE: &str = concat!(
    "select c.relname::text from ",
    tables!(),
    " and not (c.relrowsecurity and c.relforcerowsecurity) order by 1 limit 1"
);

/// Refuses a role that policies do not bind: a superuser, one that bypasses them, an owner (who could
/// switch them off). Refuses a table that has none in force, and a replica.
pub(super) async fn check(
    connection: &mut PgConnection,
    expected: Expected,
) -> Result<(), PostgresError> {
    let facts = sqlx::query(FACTS).bind(expected.member_of).bind(expected.not_of);
    let facts = facts.fetch_one(&mut *connection).await?;
    for (fact, problem) in [
        ("superuser", "it is a superuser, whom row-level security does not bind"),
        ("bypasses", "it bypasses row-level security"),
        ("owns", "it owns tables of the store, or is a member of a role that does"),
        ("stranger", "it is not a member of the role that has the rights of this connection"),
        ("through", "it is a member of the role that sees all workspaces"),
    ] {
        if facts.try_get(fact)? {
            return Err(PostgresError::Role { role: facts.try_get("role")?, problem });
        }
    }
    if facts.try_get("replica")? {
        return Err(PostgresError::Replica);
    }
    match sqlx::query(OPEN_TABLE).fetch_optional(connection).await? {
        None => Ok(()),
        Some(open) => Err(PostgresError::Open { table: open.try_get(0)? }),
    }
}
