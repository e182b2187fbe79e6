//! Endpoints and deliveries.

use async_trait::async_trait;
use rusqlite::params;

use super::SqliteStore;
use super::error::{Failure, answer};
use super::rows::{Columns, collect, first};
use super::session::Session;
use crate::{
    DeliveryClaim, DeliveryFilter, DeliveryMove, DeliveryRow, EndpointRow, Notifications,
    StoreError, StoreResult, TimeMs, WorkspaceId,
};

/// The columns of an [`EndpointRow`], in the order of [`endpoint_row`].
macro_rules! endpoint_columns {
    () => {
        "id, name, kind, target, events, approvers, disabled, actor, created_ms"
    };
}

/// The columns of a [`DeliveryRow`], in the order of [`delivery_row`].
macro_rules! delivery_columns {
    () => {
        "id, endpoint, ticket, run, event, facts, at_ms, status, due_ms, attempts, error, settled_ms"
    };
}

const ENDPOINT_PUT: &str = concat!(
    "insert into notify_endpoints (workspace, ",
    endpoint_columns!(),
    ") values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) on conflict do nothing"
);

const ENDPOINTS: &str = concat!(
    "select ",
    endpoint_columns!(),
    " from notify_endpoints where workspace = ?1 and (?2 is null or id > ?2)
    order by id limit ?3"
);

const ENDPOINT: &str = concat!(
    "select ",
    endpoint_columns!(),
    " from notify_endpoints where workspace = ?1 and id = ?2"
);

const ENDPOINT_DISABLE: &str = concat!(
    "update notify_endpoints set disabled = ?3 where workspace = ?1 and id = ?2 returning ",
    endpoint_columns!()
);

const ENDPOINT_REMOVE: &str = "delete from notify_endpoints where workspace = ?1 and id = ?2";

const PUT: &str = concat!(
    "insert into notify_deliveries (workspace, ",
    delivery_columns!(),
    ") values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) on conflict do nothing"
);

const PAGE: &str = concat!(
    "select ",
    delivery_columns!(),
    " from notify_deliveries where workspace = ?1 and (?2 is null or endpoint = ?2)
    and (?3 is null or ticket = ?3) and (?4 is null or run = ?4)
    and (?5 is null or status = ?5) and (?6 is null or (at_ms, id) < (?6, ?7))
    order by at_ms desc, id desc limit ?8"
);

const NEXT: &str = "select min(due_ms) from notify_deliveries where status = 'pending'";

const DUE: &str = "select workspace, id from (
        select workspace, id, due_ms,
            row_number() over (partition by endpoint order by due_ms, id) as place
        from notify_deliveries where status = 'pending' and due_ms <= ?1
        and endpoint not in (select value from json_each(?2))
    ) where place <= ?3 order by due_ms, id limit ?4";

const TAKE: &str = concat!(
    "update notify_deliveries set due_ms = ?3, attempts = attempts + 1
    where workspace = ?1 and id = ?2 returning ",
    delivery_columns!()
);

const MOVE: &str = "update notify_deliveries
    set status = ?4, due_ms = ifnull(?5, due_ms), error = ?6, settled_ms = ?7
    where workspace = ?1 and id = ?2 and attempts = ?3 and status = 'pending'";

const EXPIRE: &str = "delete from notify_deliveries where settled_ms < ?1";

const ENDPOINTS_TABLE: &str = "notify_endpoints";
const TABLE: &str = "notify_deliveries";

#[async_trait]
impl Notifications for SqliteStore {
    async fn endpoint_put(&self, workspace: WorkspaceId, row: &EndpointRow) -> StoreResult<()> {
        let row = row.clone();
        let (events, approvers) = (json(&row.events)?, json(&row.approvers)?);
        let work = move |session: &mut Session<'_>| {
            session.statement(ENDPOINT_PUT)?.execute(params![
                workspace,
                row.id,
                row.name,
                row.kind,
                row.target,
                events,
                approvers,
                row.disabled,
                row.actor,
                row.created_ms,
            ])?;
            Ok(())
        };
        answer(self.writer.write(0, work).await)
    }

    async fn endpoints(
        &self,
        workspace: WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> StoreResult<Vec<EndpointRow>> {
        let after = after.map(str::to_owned);
        self.readers
            .read(move |connection| {
                let mut statement = connection.prepare_cached(ENDPOINTS)?;
                let rows = statement.query(params![workspace, after, limit])?;
                collect(rows, ENDPOINTS_TABLE, endpoint_row)
            })
            .await
    }

    async fn endpoint(&self, workspace: WorkspaceId, id: &str) -> StoreResult<Option<EndpointRow>> {
        let id = id.to_owned();
        self.readers
            .read(move |connection| {
                let mut statement = connection.prepare_cached(ENDPOINT)?;
                first(statement.query(params![workspace, id])?, ENDPOINTS_TABLE, endpoint_row)
            })
            .await
    }

    async fn endpoint_disable(
        &self,
        workspace: WorkspaceId,
        id: &str,
        why: Option<&str>,
    ) -> StoreResult<Option<EndpointRow>> {
        let (id, why) = (id.to_owned(), why.map(str::to_owned));
        let work = move |session: &mut Session<'_>| {
            let mut statement = session.statement(ENDPOINT_DISABLE)?;
            let rows = statement.query(params![workspace, id, why])?;
            first(rows, ENDPOINTS_TABLE, endpoint_row)
        };
        answer(self.writer.write(0, work).await)
    }

    async fn endpoint_remove(&self, workspace: WorkspaceId, id: &str) -> StoreResult<bool> {
        let id = id.to_owned();
        let work = move |session: &mut Session<'_>| {
            Ok(session.statement(ENDPOINT_REMOVE)?.execute(params![workspace, id])? > 0)
        };
        answer(self.writer.write(0, work).await)
    }

    async fn deliveries_put(
        &self,
        workspace: WorkspaceId,
        rows: &[DeliveryRow],
    ) -> StoreResult<()> {
        let rows = rows.to_vec();
        let work = move |session: &mut Session<'_>| {
            rows.iter().try_for_each(|row| put(session, workspace, row))
        };
        answer(self.writer.write(0, work).await)
    }

    async fn deliveries(
        &self,
        workspace: WorkspaceId,
        filter: &DeliveryFilter,
    ) -> StoreResult<Vec<DeliveryRow>> {
        let DeliveryFilter { endpoint, ticket, run, status, before, limit } = filter.clone();
        let (before_ms, before_id) = before.unzip();
        self.readers
            .read(move |connection| {
                let mut statement = connection.prepare_cached(PAGE)?;
                let rows = statement.query(params![
                    workspace, endpoint, ticket, run, status, before_ms, before_id, limit
                ])?;
                collect(rows, TABLE, delivery_row)
            })
            .await
    }

    async fn deliveries_next(&self) -> StoreResult<Option<TimeMs>> {
        self.readers
            .read(move |connection| {
                let mut statement = connection.prepare_cached(NEXT)?;
                let due = first(statement.query([])?, TABLE, |columns| columns.take("due_ms"))?;
                Ok(due.flatten())
            })
            .await
    }

    async fn deliveries_claim(
        &self,
        claim: &DeliveryClaim,
    ) -> StoreResult<Vec<(WorkspaceId, DeliveryRow)>> {
        let claim = claim.clone();
        let except = json(&claim.except)?;
        let work = move |session: &mut Session<'_>| take(session, &claim, &except);
        answer(self.writer.write(0, work).await)
    }

    async fn delivery_move(
        &self,
        workspace: WorkspaceId,
        (id, attempt): (&str, u32),
        to: &DeliveryMove,
    ) -> StoreResult<bool> {
        let id = id.to_owned();
        let (status, due_ms, error, settled_ms) = match to.clone() {
            DeliveryMove::Again { due_ms, error } => ("pending", Some(due_ms), Some(error), None),
            DeliveryMove::Settled { status, at_ms, error } => (status, None, error, Some(at_ms)),
        };
        let work = move |session: &mut Session<'_>| {
            let changes = params![workspace, id, attempt, status, due_ms, error, settled_ms];
            Ok(session.statement(MOVE)?.execute(changes)? > 0)
        };
        answer(self.writer.write(0, work).await)
    }

    async fn deliveries_expire(&self, before_ms: TimeMs) -> StoreResult<u64> {
        let work = move |session: &mut Session<'_>| {
            Ok(session.statement(EXPIRE)?.execute(params![before_ms])? as u64)
        };
        answer(self.writer.write(0, work).await)
    }
}

fn json(texts: &[String]) -> StoreResult<String> {
    serde_json::to_string(texts).map_err(|error| StoreError::Unavailable(error.to_string()))
}

fn put(
    session: &mut Session<'_>,
    workspace: WorkspaceId,
    row: &DeliveryRow,
) -> Result<(), Failure> {
    session.statement(PUT)?.execute(params![
        workspace,
        row.id,
        row.endpoint,
        row.ticket,
        row.run,
        row.event,
        row.facts,
        row.at_ms,
        row.status,
        row.due_ms,
        row.attempts,
        row.error,
        row.settled_ms,
    ])?;
    Ok(())
}

/// There is one writer, so nobody takes them between the look and the change.
fn take(
    session: &mut Session<'_>,
    claim: &DeliveryClaim,
    except: &str,
) -> Result<Vec<(WorkspaceId, DeliveryRow)>, Failure> {
    let DeliveryClaim { now_ms, until_ms, per_endpoint, limit, .. } = claim;
    let mut statement = session.statement(DUE)?;
    let rows = statement.query(params![now_ms, except, per_endpoint, limit])?;
    let due: Vec<(WorkspaceId, String)> =
        collect(rows, TABLE, |columns| Ok((columns.workspace("workspace")?, columns.take("id")?)))?;
    drop(statement);
    let mut taken = Vec::with_capacity(due.len());
    for (workspace, id) in due {
        let mut statement = session.statement(TAKE)?;
        let rows = statement.query(params![workspace, id, until_ms])?;
        taken.extend(first(rows, TABLE, delivery_row)?.map(|row| (workspace, row)));
    }
    Ok(taken)
}

fn endpoint_row(columns: &mut Columns<'_>) -> Result<EndpointRow, Failure> {
    Ok(EndpointRow {
        id: columns.take("id")?,
        name: columns.take("name")?,
        kind: columns.take("kind")?,
        target: columns.take("target")?,
        events: columns.json("events")?,
        approvers: columns.json("approvers")?,
        disabled: columns.take("disabled")?,
        actor: columns.take("actor")?,
        created_ms: columns.take("created_ms")?,
    })
}

fn delivery_row(columns: &mut Columns<'_>) -> Result<DeliveryRow, Failure> {
    Ok(DeliveryRow {
        id: columns.take("id")?,
        endpoint: columns.take("endpoint")?,
        ticket: columns.take("ticket")?,
        run: columns.stream("run")?,
        event: columns.take("event")?,
        facts: columns.take("facts")?,
        at_ms: columns.take("at_ms")?,
        status: columns.take("status")?,
        due_ms: columns.take("due_ms")?,
        attempts: columns.count("attempts")?,
        error: columns.take("error")?,
        settled_ms: columns.take("settled_ms")?,
    })
}
