//! Where the database is, and how much of it the store takes.

use std::fmt;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

use super::error::PostgresError;

/// How long the client waits beyond the time after which the server gives a statement up.
const GRACE: Duration = Duration::from_secs(5);

/// Settings of a [`PostgresStore`](super::PostgresStore).
#[derive(Clone)]
pub struct PostgresConfig {
    /// `postgres://user:password@host/database`, the user being a member of `aob_log`. Not a pooler
    /// that shares sessions: the committer holds an advisory lock.
    pub log_url: String,
    /// The same database, the user being a member of `aob_api` and not of `aob_log`.
    pub api_url: String,
    /// Connections of sweeps, relay and claims, besides the committer's (4).
    pub log_connections: usize,
    /// Connections of reads for callers (8).
    pub api_connections: usize,
    /// A statement that takes longer is given up (10,000).
    pub statement_timeout_ms: u32,
}

impl PostgresConfig {
    /// The defaults.
    pub fn new(log_url: &str, api_url: &str) -> Self {
        Self {
            log_url: log_url.to_owned(),
            api_url: api_url.to_owned(),
            log_connections: 4,
            api_connections: 8,
            statement_timeout_ms: 10_000,
        }
    }

    /// How long a statement may go without an answer until its link counts as dead.
    pub(super) fn patience(&self) -> Duration {
        Duration::from_millis(u64::from(self.statement_timeout_ms)) + GRACE
    }

    pub(super) fn log_options(&self) -> Result<PgConnectOptions, PostgresError> {
        self.options(&self.log_url)
    }

    pub(super) fn api_options(&self) -> Result<PgConnectOptions, PostgresError> {
        self.options(&self.api_url)
    }

    fn options(&self, url: &str) -> Result<PgConnectOptions, PostgresError> {
        let options: PgConnectOptions = url.parse().map_err(PostgresError::Address)?;
        let timeout_ms = self.statement_timeout_ms.to_string();
        // A client that died holds nothing for longer than this: locks, numbers, the horizon of
        // vacuum.
        let settings = [
            ("statement_timeout", timeout_ms.as_str()),
            ("lock_timeout", timeout_ms.as_str()),
            ("idle_in_transaction_session_timeout", timeout_ms.as_str()),
            ("tcp_user_timeout", timeout_ms.as_str()),
            ("tcp_keepalives_idle", "10"),
            ("tcp_keepalives_interval", "5"),
            ("tcp_keepalives_count", "3"),
            ("client_connection_check_interval", "2000"),
        ];
        Ok(options.application_name("aob").options(settings))
    }
}

impl fmt::Debug for PostgresConfig {
    /// Addresses hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresConfig")
            .field("log_connections", &self.log_connections)
            .field("api_connections", &self.api_connections)
            .field("statement_timeout_ms", &self.statement_timeout_ms)
            .finish_non_exhaustive()
    }
}
