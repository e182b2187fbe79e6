//! Read models: runs, tickets, idempotency keys.

use async_trait::async_trait;
use uuid::Uuid;

use super::PostgresStore;
use super::error::Failure;
use super::rows::{Columns, idempotency, text, texts};
use crate::{
    IdempotencyRow, RunFilter, RunRow, StoreError, StoreResult, StreamId, TicketRow, TimeMs, Views,
    WorkspaceId,
};

/// The columns of a [`RunRow`], in the order of [`run_row`].
macro_rules! run_columns {
    () => {
        "run, status, name, tag, digest, parent, labels, created_ms, updated_ms, finished_ms, seq,
        error, output"
    };
}

/// The columns of a [`TicketRow`], in the order of [`ticket_row`].
macro_rules! ticket_columns {
    () => {
        "ticket, run, instance, status, message, subject_hash, detail, created_ms, expires_ms,
        decided_ms"
    };
}

/// Runs of a workspace, newest first: `workspace, newest, statuses, tag, digest, limit`, and what the
/// text of `$more` needs.
macro_rules! runs {
    ($more:literal) => {
        concat!(
            "select ",
            run_columns!(),
            " from runs where workspace = $1 and run <= $2
            and (cardinality($3::text[]) = 0 or status = any($3))
            and ($4::text is null or tag = $4) and ($5::text is null or digest = $5) ",
            $more,
            " order by run desc limit $6"
        )
    };
}

const RUN: &str =
    concat!("select ", run_columns!(), " from runs where workspace = $1 and run = $2");
const RUNS: &str = runs!("");
const UNCOMPLETED: &str = runs!("and not completed");
const CHILDREN: &str = runs!("and parent = $7");

/// The state of most runs: lists of others have an index of their own.
const COMMON_STATUS: &str = "completed";

/// Where labels decide, rows are read in pages of at least this many.
const PAGE: u32 = 256;

const TICKET: &str =
    concat!("select ", ticket_columns!(), " from tickets where workspace = $1 and ticket = $2");

const TICKETS: &str = concat!(
    "select ",
    ticket_columns!(),
    " from tickets where workspace = $1
    and ($2::text is null or status = $2) and ($3::uuid is null or run = $3)
    and ($4::bigint is null or (created_ms, ticket) > ($4, $5))
    order by created_ms, ticket limit $6"
);

const KEY: &str = "select body_hash, status, response from idempotency
    where workspace = $1 and endpoint = $2 and key = $3";

const KEYS_EXPIRE: &str =
    "with gone as (delete from idempotency where expires_ms <= $1 returning 1)
    select count(*) from gone";

#[async_trait]
impl Views for PostgresStore {
    async fn run(&self, workspace: WorkspaceId, run: StreamId) -> StoreResult<Option<RunRow>> {
        let query = || sqlx::query(RUN).bind(workspace.0).bind(run.0);
        Ok(self.api.within(workspace, query, "runs", run_row).await?.into_iter().next())
    }

    /// Labels are compared here, page by page, whatever their names hold.
    async fn runs(&self, workspace: WorkspaceId, filter: &RunFilter) -> StoreResult<Vec<RunRow>> {
        let wanted = usize::try_from(filter.limit).unwrap_or(usize::MAX);
        let page = if filter.labels.is_empty() { filter.limit } else { filter.limit.max(PAGE) };
        let mut found = Vec::new();
        let mut before = filter.before;
        while found.len() < wanted {
            let Some(newest) = newest(before) else { break };
            let rows = self.run_page(workspace, filter, newest, page).await?;
            let more = rows.len() as u64 == u64::from(page);
            before = rows.last().map(|row| row.run);
            let labels = &filter.labels;
            let labelled = |row: &RunRow| {
                labels.iter().all(|(name, value)| row.labels.get(name) == Some(value))
            };
            found.extend(rows.into_iter().filter(labelled));
            if !more {
                break;
            }
        }
        found.truncate(wanted);
        Ok(found)
    }

    async fn ticket(&self, workspace: WorkspaceId, ticket: &str) -> StoreResult<Option<TicketRow>> {
        let query = || sqlx::query(TICKET).bind(workspace.0).bind(text(ticket));
        Ok(self.api.within(workspace, query, "tickets", ticket_row).await?.into_iter().next())
    }

    async fn tickets(
        &self,
        workspace: WorkspaceId,
        status: Option<&str>,
        run: Option<StreamId>,
        after: Option<&str>,
        limit: u32,
    ) -> StoreResult<Vec<TicketRow>> {
        let after: Option<(TimeMs, &str)> = match after {
            None => None,
            Some(ticket) => match self.ticket(workspace, ticket).await? {
                Some(row) => Some((row.created_ms, ticket)),
                None => return Err(StoreError::Cursor(ticket.to_owned())),
            },
        };
        let query = || {
            sqlx::query(TICKETS)
                .bind(workspace.0)
                .bind(status.map(text))
                .bind(run.map(|run| run.0))
                .bind(after.map(|(created_ms, _)| created_ms))
                .bind(after.map(|(_, ticket)| text(ticket)))
                .bind(i64::from(limit))
        };
        self.api.within(workspace, query, "tickets", ticket_row).await
    }

    async fn idempotency(
        &self,
        workspace: WorkspaceId,
        endpoint: &str,
        key: &str,
    ) -> StoreResult<Option<IdempotencyRow>> {
        let query = || sqlx::query(KEY).bind(workspace.0).bind(text(endpoint)).bind(text(key));
        let found = self.api.within(workspace, query, "idempotency", idempotency).await?;
        Ok(found.into_iter().next())
    }

    async fn idempotency_expire(&self, now_ms: TimeMs) -> StoreResult<u64> {
        let expire = || sqlx::query(KEYS_EXPIRE).bind(now_ms);
        let count = |columns: &mut Columns<'_>| columns.count("count");
        Ok(self.log.write(expire, "idempotency", count).await?.first().copied().unwrap_or(0))
    }
}

/// The greatest id that comes before the cursor; `None`: there is none.
fn newest(before: Option<StreamId>) -> Option<Uuid> {
    match before {
        None => Some(Uuid::max()),
        Some(before) => before.0.as_u128().checked_sub(1).map(Uuid::from_u128),
    }
}

impl PostgresStore {
    /// What a filter finds but for its labels.
    async fn run_page(
        &self,
        workspace: WorkspaceId,
        filter: &RunFilter,
        newest: Uuid,
        limit: u32,
    ) -> StoreResult<Vec<RunRow>> {
        let RunFilter { statuses, tag, digest, parent, .. } = filter;
        let common = statuses.is_empty() || statuses.iter().any(|status| status == COMMON_STATUS);
        let query = || {
            let query = sqlx::query(match (parent, common) {
                (Some(_), _) => CHILDREN,
                (None, false) => UNCOMPLETED,
                (None, true) => RUNS,
            });
            let query = query
                .bind(workspace.0)
                .bind(newest)
                .bind(texts(statuses))
                .bind(tag.as_deref().map(text))
                .bind(digest.as_deref().map(text))
                .bind(i64::from(limit));
            match parent {
                Some(parent) => query.bind(parent.0),
                None => query,
            }
        };
        self.api.within(workspace, query, "runs", run_row).await
    }
}

fn run_row(columns: &mut Columns<'_>) -> Result<RunRow, Failure> {
    Ok(RunRow {
        run: columns.stream("run")?,
        status: columns.text("status")?,
        name: columns.text("name")?,
        tag: columns.maybe_text("tag")?,
        digest: columns.text("digest")?,
        parent: columns.maybe_stream("parent")?,
        labels: columns.json("labels")?,
        created_ms: columns.take("created_ms")?,
        updated_ms: columns.take("updated_ms")?,
        finished_ms: columns.take("finished_ms")?,
        seq: columns.count("seq")?,
        error: columns.maybe_text("error")?,
        output: columns.maybe_text("output")?,
    })
}

fn ticket_row(columns: &mut Columns<'_>) -> Result<TicketRow, Failure> {
    Ok(TicketRow {
        ticket: columns.text("ticket")?,
        run: columns.stream("run")?,
        instance: columns.text("instance")?,
        status: columns.text("status")?,
        message: columns.text("message")?,
        subject_hash: columns.text("subject_hash")?,
        detail: columns.text("detail")?,
        created_ms: columns.take("created_ms")?,
        expires_ms: columns.take("expires_ms")?,
        decided_ms: columns.take("decided_ms")?,
    })
}
