//! Connections for everything but appends: a few, opened when needed, used by one task at a time.
//!
//! ```text
//! caller --> task of its own: [ place; connection; work; put back | close ] --> answer
//! ```
//!
//! The task goes on to its end when its caller goes away, so no connection is ever left in the middle
//! of a transaction; one that did not end its work cleanly is closed, never put back. A peer that
//! does not answer in time is given up, with whatever else is idle; nothing waits for it to close.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgRow, Postgres};
use sqlx::{AssertSqlSafe, Connection, query::Query};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, Semaphore};

use super::error::Failure;
use super::rows::{Columns, Decode};
use crate::{StoreError, StoreResult, WorkspaceId};

/// A statement with its parameters.
pub(super) type Statement = Query<'static, Postgres, PgArguments>;

/// How often a write that lost a race is tried again.
const TRIES: u32 = 20;

/// Connections of one role.
#[derive(Debug, Clone)]
pub(super) struct Pool(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: PgConnectOptions,
    patience: Duration,
    places: Semaphore,
    idle: Mutex<Vec<PgConnection>>,
    runtime: Handle,
}

impl Pool {
    /// At most `size` connections, none of them opened yet. Tasks run where this is called;
    /// `patience` is how long one of them may take.
    pub(super) fn new(options: PgConnectOptions, size: usize, patience: Duration) -> Self {
        Self(Arc::new(Inner {
            options,
            patience,
            places: Semaphore::new(size.max(1)),
            idle: Mutex::new(Vec::new()),
            runtime: Handle::current(),
        }))
    }

    /// Reads over all workspaces.
    pub(super) async fn read<T>(
        &self,
        statement: impl Fn() -> Statement,
        table: &'static str,
        decode: Decode<T>,
    ) -> StoreResult<Vec<T>> {
        let rows = self.fetch(Scope::All, statement, Again::Always).await?;
        decoded(&rows, table, decode)
    }

    /// Writes over all workspaces in one statement.
    pub(super) async fn write<T>(
        &self,
        statement: impl Fn() -> Statement,
        table: &'static str,
        decode: Decode<T>,
    ) -> StoreResult<Vec<T>> {
        let rows = self.fetch(Scope::All, statement, Again::AfterRace).await?;
        decoded(&rows, table, decode)
    }

    /// Reads, or writes what may be written twice, in a transaction that sees one workspace only.
    pub(super) async fn within<T>(
        &self,
        workspace: WorkspaceId,
        statement: impl Fn() -> Statement,
        table: &'static str,
        decode: Decode<T>,
    ) -> StoreResult<Vec<T>> {
        let rows = self.fetch(Scope::Workspace(workspace), statement, Again::Always).await?;
        decoded(&rows, table, decode)
    }

    /// Writes what a second time would not know its first, in a transaction that sees one workspace
    /// only. Where the link dies it may be written or not.
    pub(super) async fn once_within<T>(
        &self,
        workspace: WorkspaceId,
        statement: impl Fn() -> Statement,
        table: &'static str,
        decode: Decode<T>,
    ) -> StoreResult<Vec<T>> {
        let rows = self.fetch(Scope::Workspace(workspace), statement, Again::AfterRace).await?;
        decoded(&rows, table, decode)
    }

    async fn fetch(
        &self,
        scope: Scope,
        statement: impl Fn() -> Statement,
        again: Again,
    ) -> Result<Vec<PgRow>, Failure> {
        let mut tries = 1;
        loop {
            let (inner, statement) = (Arc::clone(&self.0), statement());
            let task = self.0.runtime.spawn(async move { inner.perform(scope, statement).await });
            let fetched = task.await;
            let fetched = fetched.unwrap_or_else(|error| Err(Failure::Link(error.to_string())));
            tries += 1;
            match (&fetched, again) {
                (Err(Failure::Race(_)), _) if tries <= TRIES => {}
                // A connection that died while it lay idle; a fresh one is worth one more try.
                (Err(Failure::Link(_)), Again::Always) if tries <= 2 => {}
                (Ok(_) | Err(_), Again::Always | Again::AfterRace) => return fetched,
            }
        }
    }
}

/// What a statement sees.
#[derive(Debug, Clone, Copy)]
enum Scope {
    All,
    Workspace(WorkspaceId),
}

/// When a statement is tried again.
#[derive(Debug, Clone, Copy)]
enum Again {
    /// Whatever became of it the first time, a second time does no harm.
    Always,
    /// Only where it is known to have done nothing.
    AfterRace,
}

fn decoded<T>(rows: &[PgRow], table: &'static str, decode: Decode<T>) -> StoreResult<Vec<T>> {
    let rows = rows.iter().map(|row| decode(&mut Columns::of(row, table)));
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

async fn fetch_within(
    workspace: WorkspaceId,
    statement: Statement,
    connection: &mut PgConnection,
) -> Result<Vec<PgRow>, Failure> {
    // The id is printed by its type: nothing of a caller's gets into the text.
    command(connection, format!("begin; set local aob.workspace = '{}'", workspace.0)).await?;
    match statement.fetch_all(&mut *connection).await {
        Ok(rows) => {
            command(connection, String::from("commit")).await?;
            Ok(rows)
        }
        Err(error) => {
            command(connection, String::from("rollback")).await?;
            Err(error.into())
        }
    }
}

/// Begins or ends a transaction. Where that fails, the connection is in a state that nobody knows.
pub(super) async fn command(connection: &mut PgConnection, text: String) -> Result<(), Failure> {
    let done = sqlx::raw_sql(AssertSqlSafe(text)).execute(connection).await;
    done.map(|_| ()).map_err(|error| Failure::Link(error.to_string()))
}

impl Inner {
    async fn perform(&self, scope: Scope, statement: Statement) -> Result<Vec<PgRow>, Failure> {
        let place = tokio::time::timeout(self.patience, self.places.acquire()).await;
        let place = place.map_err(|_| Failure::Link(String::from("no connection became free")))?;
        let _place = place.map_err(|error| Failure::Link(error.to_string()))?;
        let mut connection = self.connection().await?;
        let work = async {
            match scope {
                Scope::All => Ok(statement.fetch_all(&mut connection).await?),
                Scope::Workspace(id) => fetch_within(id, statement, &mut connection).await,
            }
        };
        let done = tokio::time::timeout(self.patience, work).await;
        let done = done.unwrap_or_else(|_| Err(Failure::Link(String::from("no answer in time"))));
        match done {
            Err(Failure::Link(_)) => self.idle.lock().await.clear(),
            Ok(_) | Err(Failure::Race(_) | Failure::Refused(_)) => {
                self.idle.lock().await.push(connection);
            }
        }
        done
    }

    async fn connection(&self) -> Result<PgConnection, Failure> {
        if let Some(idle) = self.idle.lock().await.pop() {
            return Ok(idle);
        }
        connect(&self.options, self.patience).await
    }
}

/// Opens a connection, or gives up.
pub(super) async fn connect(
    options: &PgConnectOptions,
    patience: Duration,
) -> Result<PgConnection, Failure> {
    let opened = tokio::time::timeout(patience, PgConnection::connect_with(options)).await;
    let opened = opened.map_err(|_| Failure::Link(String::from("no connection in time")))?;
    opened.map_err(|error| Failure::Link(error.to_string()))
}
