//! The store in Postgres: one connection appends, a few others read and keep house.
//!
//! ```text
//! append ---> committer: one connection, one statement per group of batches   as aob_log
//! sweeps, relay, claims ---> a few connections, all workspaces                as aob_log
//! reads for a caller ---> a few connections, one workspace per transaction    as aob_api
//! ```
//!
//! What was acknowledged is synced (`synchronous_commit = on`). Row-level security is the second wall
//! between workspaces; the first is that every statement names its own.

mod append;
mod catalog;
mod config;
mod error;
mod identity;
mod leases;
mod log;
mod machinery;
mod migrate;
mod modules;
mod notifications;
mod patches;
mod pool;
mod roles;
mod rows;
mod run_logs;
mod sql;
mod tags;
mod upkeep;
mod views;

use std::fmt;

use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgConnection};

use self::append::Committer;
pub use self::config::PostgresConfig;
pub use self::error::PostgresError;
pub use self::migrate::migrate;
use self::pool::Pool;
use crate::Clock;

/// The production store. Dropping it finishes the appends that were accepted, and closes its
/// connections.
pub struct PostgresStore {
    committer: Committer,
    log: Pool,
    api: Pool,
    /// Instead of the database's clock.
    clock: Option<Clock>,
}

impl PostgresStore {
    /// Connects to a database that was migrated. Its tasks run on the runtime that this is called in,
    /// whoever calls the store later. `clock` stands in for the database's clock, where it is given.
    ///
    /// # Errors
    /// Where the database cannot be reached, is not migrated, or where a role would not be held by
    /// row-level security.
    pub async fn connect(
        config: &PostgresConfig,
        clock: Option<Clock>,
    ) -> Result<Self, PostgresError> {
        let (log, api) = (config.log_options()?, config.api_options()?);
        check(&log, roles::LOG).await?;
        check(&api, roles::API).await?;
        let patience = config.patience();
        Ok(Self {
            committer: Committer::start(log.clone(), patience),
            log: Pool::new(log, config.log_connections, patience),
            api: Pool::new(api, config.api_connections, patience),
            clock,
        })
    }
}

async fn check(options: &PgConnectOptions, expected: roles::Expected) -> Result<(), PostgresError> {
    let mut connection = PgConnection::connect_with(options).await?;
    migrate::check(&mut connection).await?;
    roles::check(&mut connection, expected).await?;
    connection.close().await?;
    Ok(())
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}
