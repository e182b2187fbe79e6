//! Read models: runs, tickets, idempotency keys.

use async_trait::async_trait;
use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

use super::SqliteStore;
use super::error::{Failure, answer};
use super::rows::{Columns, DigestColumn, collect, first, idempotency};
use super::sql;
use crate::{
    IdempotencyRow, RunFilter, RunRow, StoreError, StoreResult, StreamId, TicketRow, TimeMs, Views,
    WorkspaceId,
};

/// The columns of a [`RunRow`], in the order of [`run_row`].
const RUN: &str = "run, status, name, tag, digest, parent, labels, created_ms, updated_ms,
    finished_ms, seq, error, output";

/// The columns of a [`TicketRow`], in the order of [`ticket_row`].
const TICKET: &str = "ticket, run, instance, status, message, subject_hash, detail, created_ms,
    expires_ms, decided_ms";

/// The state of most runs: lists of others have an index of their own.
const COMMON_STATUS: &str = "completed";

#[async_trait]
impl Views for SqliteStore {
    async fn run(&self, workspace: WorkspaceId, run: StreamId) -> StoreResult<Option<RunRow>> {
        self.readers
            .read(move |connection| {
                let mut statement = connection.prepare_cached(&format!(
                    "select {RUN} from runs
                    where tenant = (select no from tenants where workspace = ?1) and run = ?2"
                ))?;
                first(statement.query(params![workspace, run])?, "runs", run_row)
            })
            .await
    }

    async fn runs(&self, workspace: WorkspaceId, filter: &RunFilter) -> StoreResult<Vec<RunRow>> {
        let filter = filter.clone();
        self.readers.read(move |connection| runs(connection, workspace, &filter)).await
    }

    async fn ticket(&self, workspace: WorkspaceId, ticket: &str) -> StoreResult<Option<TicketRow>> {
        let ticket = ticket.to_owned();
        self.readers.read(move |connection| one_ticket(connection, workspace, &ticket)).await
    }

    async fn tickets(
        &self,
        workspace: WorkspaceId,
        status: Option<&str>,
        run: Option<StreamId>,
        after: Option<&str>,
        limit: u32,
    ) -> StoreResult<Vec<TicketRow>> {
        let status = status.map(str::to_owned);
        let after = after.map(str::to_owned);
        self.readers
            .read(move |connection| {
                let after = match after {
                    None => None,
                    Some(ticket) => match one_ticket(connection, workspace, &ticket)? {
                        Some(row) => Some((row.created_ms, row.ticket)),
                        None => return Err(StoreError::Cursor(ticket).into()),
                    },
                };
                tickets(connection, workspace, (status, run), after, limit)
            })
            .await
    }

    async fn idempotency(
        &self,
        workspace: WorkspaceId,
        endpoint: &str,
        key: &str,
    ) -> StoreResult<Option<IdempotencyRow>> {
        let (endpoint, key) = (endpoint.to_owned(), key.to_owned());
        self.readers
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "select body_hash, status, response from idempotency
                    where tenant = (select no from tenants where workspace = ?1)
                    and endpoint = ?2 and key = ?3",
                )?;
                let rows = statement.query(params![workspace, endpoint, key])?;
                first(rows, "idempotency", idempotency)
            })
            .await
    }

    async fn idempotency_expire(&self, now_ms: TimeMs) -> StoreResult<u64> {
        let work = move |session: &mut super::session::Session<'_>| {
            Ok(session.statement(sql::KEY_EXPIRE)?.execute([now_ms])? as u64)
        };
        answer(self.writer.write(0, work).await)
    }
}

/// Conditions of a query and their parameters, numbered in the order in which they are added.
struct Query {
    text: String,
    parameters: Vec<Value>,
}

impl Query {
    fn new(text: String, workspace: WorkspaceId) -> Self {
        Self { text, parameters: vec![Value::Blob(workspace.0.as_bytes().to_vec())] }
    }

    /// Adds `condition`, whose `?` stands for `value`.
    fn and(&mut self, condition: &str, value: Option<Value>) {
        let Some(value) = value else { return };
        self.parameters.push(value);
        let numbered = condition.replace('?', &format!("?{}", self.parameters.len()));
        self.text.push_str(" and ");
        self.text.push_str(&numbered);
    }

    /// Adds the keyset condition that `columns` come after `values`.
    fn and_after(&mut self, columns: &str, values: [Value; 2]) {
        self.parameters.extend(values);
        let last = self.parameters.len();
        self.text.push_str(&format!(" and {columns} > (?{}, ?{last})", last - 1));
    }

    fn limit(&mut self, limit: u32) {
        self.parameters.push(Value::Integer(i64::from(limit)));
        self.text.push_str(&format!(" limit ?{}", self.parameters.len()));
    }
}

fn blob(id: StreamId) -> Value {
    Value::Blob(id.0.as_bytes().to_vec())
}

/// Reads row by row and stops at the limit; labels are compared here, whatever their names hold.
fn runs(
    connection: &Connection,
    workspace: WorkspaceId,
    filter: &RunFilter,
) -> Result<Vec<RunRow>, Failure> {
    if filter.limit == 0 {
        return Ok(Vec::new());
    }
    let query = run_query(workspace, filter)?;
    let mut statement = connection.prepare_cached(&query.text)?;
    let mut rows = statement.query(params_from_iter(query.parameters))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let run = run_row(&mut Columns::of(row, "runs"))?;
        if filter.labels.iter().all(|(name, value)| run.labels.get(name) == Some(value)) {
            found.push(run);
        }
        if found.len() as u64 == u64::from(filter.limit) {
            break;
        }
    }
    Ok(found)
}

fn run_query(workspace: WorkspaceId, filter: &RunFilter) -> Result<Query, Failure> {
    let common = filter.statuses.is_empty() || filter.statuses.iter().any(|s| s == COMMON_STATUS);
    let index = match (common, filter.parent) {
        (_, Some(_)) => "indexed by runs_by_parent",
        (false, None) => "indexed by runs_uncompleted",
        (true, None) => "",
    };
    let text = format!(
        "select {RUN} from runs {index}
        where tenant = (select no from tenants where workspace = ?1)"
    );
    let mut query = Query::new(text, workspace);
    if !common {
        query.text.push_str(" and status <> 'completed'");
    }
    if !filter.statuses.is_empty() {
        let statuses = serde_json::to_string(&filter.statuses);
        let statuses = statuses.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let in_list = "status in (select value from json_each(?))";
        query.and(in_list, Some(Value::Text(statuses)));
    }
    query.and("tag = ?", filter.tag.clone().map(Value::Text));
    query.and("digest = ?", filter.digest.as_deref().map(|text| DigestColumn::new(text).into()));
    query.and("parent = ?", filter.parent.map(blob));
    query.and("run < ?", filter.before.map(blob));
    query.text.push_str(" order by run desc");
    Ok(query)
}

/// Decodes [`RUN`].
fn run_row(columns: &mut Columns<'_>) -> Result<RunRow, Failure> {
    Ok(RunRow {
        run: columns.stream("run")?,
        status: columns.take("status")?,
        name: columns.take("name")?,
        tag: columns.take("tag")?,
        digest: columns.digest("digest")?,
        parent: columns.maybe_stream("parent")?,
        labels: columns.labels("labels")?,
        created_ms: columns.take("created_ms")?,
        updated_ms: columns.take("updated_ms")?,
        finished_ms: columns.take("finished_ms")?,
        seq: columns.count("seq")?,
        error: columns.take("error")?,
        output: columns.take("output")?,
    })
}

fn one_ticket(
    connection: &Connection,
    workspace: WorkspaceId,
    ticket: &str,
) -> Result<Option<TicketRow>, Failure> {
    let mut statement = connection.prepare_cached(&format!(
        "select {TICKET} from tickets
        where tenant = (select no from tenants where workspace = ?1) and ticket = ?2"
    ))?;
    first(statement.query(params![workspace, ticket])?, "tickets", ticket_row)
}

fn tickets(
    connection: &Connection,
    workspace: WorkspaceId,
    (status, run): (Option<String>, Option<StreamId>),
    after: Option<(TimeMs, String)>,
    limit: u32,
) -> Result<Vec<TicketRow>, Failure> {
    let text = format!(
        "select {TICKET} from tickets
        where tenant = (select no from tenants where workspace = ?1)"
    );
    let mut query = Query::new(text, workspace);
    query.and("status = ?", status.map(Value::Text));
    query.and("run = ?", run.map(blob));
    if let Some((created_ms, ticket)) = after {
        query.and_after("(created_ms, ticket)", [Value::Integer(created_ms), Value::Text(ticket)]);
    }
    query.text.push_str(" order by created_ms, ticket");
    query.limit(limit);
    let mut statement = connection.prepare_cached(&query.text)?;
    collect(statement.query(params_from_iter(query.parameters))?, "tickets", ticket_row)
}

/// Decodes [`TICKET`].
fn ticket_row(columns: &mut Columns<'_>) -> Result<TicketRow, Failure> {
    Ok(TicketRow {
        ticket: columns.take("ticket")?,
        run: columns.stream("run")?,
        instance: columns.take("instance")?,
        status: columns.take("status")?,
        message: columns.take("message")?,
        subject_hash: columns.take("subject_hash")?,
        detail: columns.take("detail")?,
        created_ms: columns.take("created_ms")?,
        expires_ms: columns.take("expires_ms")?,
        decided_ms: columns.take("decided_ms")?,
    })
}
