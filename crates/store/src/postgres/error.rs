//! What goes wrong between Postgres and the port.

use sqlx::postgres::{PgDatabaseError, PgSeverity};
use thiserror::Error;

use aob_points::{Point, reach};

use crate::{StoreError, StoreResult};

/// Why a store could not be opened or brought up to date.
#[derive(Debug, Error)]
pub enum PostgresError {
    /// An address that is not one.
    #[error("the address of the database is not valid")]
    Address(#[source] sqlx::Error),
    /// The server refused, or cannot be reached.
    #[error("the database does not answer as it should")]
    Sqlx(#[from] sqlx::Error),
    /// The database went through migrations of a newer program.
    #[error("the database is at migration {found}, this program knows {known}")]
    Newer {
        /// Last migration of the database.
        found: u32,
        /// Last migration of this program.
        known: u32,
    },
    /// The database lacks migrations; who owns it brings it up to date first.
    #[error("the database is at migration {found}, this program needs {known}: migrate it")]
    Older {
        /// Last migration of the database.
        found: u32,
        /// Last migration of this program.
        known: u32,
    },
    /// A migration that the database went through is not the one that this program carries.
    #[error("migration {number} was applied with other content than this program's")]
    Edited {
        /// Which.
        number: u32,
    },
    /// The role would not be held by the wall between workspaces, or lacks its rights.
    #[error("role {role}: {problem}")]
    Role {
        /// Whom the connection authenticates as.
        role: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A table is open to every role that may read it.
    #[error("table {table} has no row-level security in force")]
    Open {
        /// Which.
        table: String,
    },
    /// A copy that lags behind cannot be decided on.
    #[error("the server is a replica; the store needs the primary")]
    Replica,
}

/// A statement that failed, or a row that does not decode.
#[derive(Debug)]
pub(super) enum Failure {
    /// The link died: what was sent may have happened or not.
    Link(String),
    /// Nothing happened, because somebody else was faster; it may be tried again at once.
    Race(String),
    /// Nothing happened.
    Refused(StoreError),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        let text = error.to_string();
        let Some(answer) =
            error.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>())
        else {
            // What fails before anything is sent leaves the link as it was; it is not worth a case.
            return Self::Link(text);
        };
        if matches!(answer.severity(), PgSeverity::Fatal | PgSeverity::Panic) {
            return Self::Link(text);
        }
        match answer.code() {
            SERIALIZATION_FAILURE | DEADLOCK => Self::Race(text),
            _ => Self::Refused(StoreError::Unavailable(text)),
        }
    }
}

const SERIALIZATION_FAILURE: &str = "40001";
const DEADLOCK: &str = "40P01";

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Link(text) | Failure::Race(text) => Self::Unavailable(text),
            Failure::Refused(error) => error,
        }
    }
}

/// Passes a point of the store; where it strikes, the database does not answer.
pub(super) async fn struck(point: Point) -> StoreResult<()> {
    reach(point).await.map_err(|struck| StoreError::Unavailable(struck.to_string()))
}
