//! What goes wrong between SQLite and the port.

use thiserror::Error;

use crate::{StoreError, StoreResult};

/// Why a database file could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// SQLite refused.
    #[error("the database could not be opened")]
    Sqlite(#[from] rusqlite::Error),
    /// A thread could not be started.
    #[error("a thread of the store could not be started")]
    Thread(#[from] std::io::Error),
    /// The file was written by a newer program.
    #[error("the database is at migration {found}, this program knows {known}")]
    Newer {
        /// Last migration in the file.
        found: u32,
        /// Last migration of this program.
        known: u32,
    },
    /// A migration that the file went through is not the one that this program carries.
    #[error("migration {number} was applied with other content than this program's")]
    Edited {
        /// Which.
        number: u32,
    },
}

/// A statement that failed, or a row that does not decode.
#[derive(Debug)]
pub(super) enum Failure {
    Sqlite(rusqlite::Error),
    Store(StoreError),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Sqlite(error) => Self::Unavailable(error.to_string()),
            Failure::Store(error) => error,
        }
    }
}

/// What became of a job of the writer that did not commit.
#[derive(Debug)]
pub(super) enum WriteError {
    /// Nothing was written.
    Refused(StoreError),
    /// The commit failed, or the writer died: it may be written or not.
    Unknown(String),
}

impl From<WriteError> for StoreError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Refused(error) => error,
            WriteError::Unknown(problem) => Self::Unavailable(problem),
        }
    }
}

/// Turns the answer of a job into the port's.
pub(super) fn answer<T>(result: Result<T, WriteError>) -> StoreResult<T> {
    result.map_err(StoreError::from)
}
