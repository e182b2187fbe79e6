//! Endpoints and deliveries.

use async_trait::async_trait;

use super::PostgresStore;
use super::error::Failure;
use super::rows::{Columns, json, text};
use crate::{
    DeliveryClaim, DeliveryFilter, DeliveryMove, DeliveryRow, EndpointRow, Notifications,
    StoreResult, TimeMs, WorkspaceId,
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
        "d.id, d.endpoint, d.ticket, d.run, d.event, d.facts, d.at_ms, d.status, d.due_ms,
        d.attempts, d.error, d.settled_ms"
    };
}

const ENDPOINT_PUT: &str = concat!(
    "insert into notify_endpoints (workspace, ",
    endpoint_columns!(),
    ") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing"
);

const ENDPOINTS: &str = concat!(
    "select ",
    endpoint_columns!(),
    " from notify_endpoints where workspace = $1 and ($2::text is null or id > $2)
    order by id limit $3"
);

const ENDPOINT: &str = concat!(
    "select ",
    endpoint_columns!(),
    " from notify_endpoints where workspace = $1 and id = $2"
);

const ENDPOINT_DISABLE: &str = concat!(
    "update notify_endpoints set disabled = $3 where workspace = $1 and id = $2 returning ",
    endpoint_columns!()
);

const ENDPOINT_REMOVE: &str =
    "delete from notify_endpoints where workspace = $1 and id = $2 returning id";

const PUT: &str = "insert into notify_deliveries (workspace, id, endpoint, ticket, run, event,
        facts, at_ms, status, due_ms, attempts, error, settled_ms)
    select $1, t.* from unnest($2::text[], $3::text[], $4::text[], $5::uuid[], $6::text[],
        $7::text[], $8::bigint[], $9::text[], $10::bigint[], $11::bigint[], $12::text[],
        $13::bigint[]) as t
    on conflict do nothing";

const PAGE: &str = concat!(
    "select ",
    delivery_columns!(),
    " from notify_deliveries d where d.workspace = $1 and ($2::text is null or d.endpoint = $2)
    and ($3::text is null or d.ticket = $3) and ($4::uuid is null or d.run = $4)
    and ($5::text is null or d.status = $5)
    and ($6::bigint is null or (d.at_ms, d.id) < ($6, $7::text))
    order by d.at_ms desc, d.id desc limit $8"
);

const NEXT: &str = "select due_ms from notify_deliveries where status = 'pending'
    order by due_ms limit 1";

/// What a rival is about to take is passed over.
const CLAIM: &str = concat!(
    "with ranked as materialized (
        select workspace, id,
            row_number() over (partition by endpoint order by due_ms, id) as place
        from notify_deliveries where status = 'pending' and due_ms <= $1
        and not (endpoint = any($2::text[]))
    ),
    chosen as materialized (
        select d.workspace, d.id, d.due_ms from notify_deliveries d
        join ranked r on r.workspace = d.workspace and r.id = d.id
        where r.place <= $3 and d.status = 'pending' and d.due_ms <= $1
        order by d.due_ms, d.id limit $4 for update of d skip locked
    )
    update notify_deliveries d set due_ms = $5, attempts = d.attempts + 1 from chosen c
    where d.workspace = c.workspace and d.id = c.id
    returning d.workspace, c.due_ms, ",
    delivery_columns!()
);

const MOVE: &str = "update notify_deliveries
    set status = $4, due_ms = coalesce($5, due_ms), error = $6, settled_ms = $7
    where workspace = $1 and id = $2 and attempts = $3 and status = 'pending' returning id";

const EXPIRE: &str = "delete from notify_deliveries where settled_ms < $1 returning id";

const ENDPOINTS_TABLE: &str = "notify_endpoints";
const TABLE: &str = "notify_deliveries";

#[async_trait]
impl Notifications for PostgresStore {
    async fn endpoint_put(&self, workspace: WorkspaceId, row: &EndpointRow) -> StoreResult<()> {
        let (events, approvers) = (json(&row.events)?, json(&row.approvers)?);
        let put = || {
            sqlx::query(ENDPOINT_PUT)
                .bind(workspace.0)
                .bind(text(&row.id).into_owned())
                .bind(text(&row.name).into_owned())
                .bind(text(&row.kind).into_owned())
                .bind(text(&row.target).into_owned())
                .bind(events.clone())
                .bind(approvers.clone())
                .bind(row.disabled.as_deref().map(|why| text(why).into_owned()))
                .bind(text(&row.actor).into_owned())
                .bind(row.created_ms)
        };
        self.api.within(workspace, put, ENDPOINTS_TABLE, |_| Ok(())).await.map(drop)
    }

    async fn endpoints(
        &self,
        workspace: WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> StoreResult<Vec<EndpointRow>> {
        let query = || {
            let query = sqlx::query(ENDPOINTS).bind(workspace.0);
            query.bind(after.map(|after| text(after).into_owned())).bind(i64::from(limit))
        };
        self.api.within(workspace, query, ENDPOINTS_TABLE, endpoint_row).await
    }

    async fn endpoint(&self, workspace: WorkspaceId, id: &str) -> StoreResult<Option<EndpointRow>> {
        let query = || sqlx::query(ENDPOINT).bind(workspace.0).bind(text(id).into_owned());
        let rows = self.api.within(workspace, query, ENDPOINTS_TABLE, endpoint_row).await?;
        Ok(rows.into_iter().next())
    }

    async fn endpoint_disable(
        &self,
        workspace: WorkspaceId,
        id: &str,
        why: Option<&str>,
    ) -> StoreResult<Option<EndpointRow>> {
        let query = || {
            let query = sqlx::query(ENDPOINT_DISABLE).bind(workspace.0);
            query.bind(text(id).into_owned()).bind(why.map(|why| text(why).into_owned()))
        };
        let rows = self.api.within(workspace, query, ENDPOINTS_TABLE, endpoint_row).await?;
        Ok(rows.into_iter().next())
    }

    async fn endpoint_remove(&self, workspace: WorkspaceId, id: &str) -> StoreResult<bool> {
        let query = || sqlx::query(ENDPOINT_REMOVE).bind(workspace.0).bind(text(id).into_owned());
        let gone = self.api.once_within(workspace, query, ENDPOINTS_TABLE, |_| Ok(())).await?;
        Ok(!gone.is_empty())
    }

    async fn deliveries_put(
        &self,
        workspace: WorkspaceId,
        rows: &[DeliveryRow],
    ) -> StoreResult<()> {
        let texts = |value: fn(&DeliveryRow) -> &String| -> Vec<String> {
            rows.iter().map(|row| text(value(row)).into_owned()).collect()
        };
        let errors = || rows.iter().map(|row| row.error.as_deref().map(|it| text(it).into_owned()));
        let put = || {
            sqlx::query(PUT)
                .bind(workspace.0)
                .bind(texts(|row| &row.id))
                .bind(texts(|row| &row.endpoint))
                .bind(texts(|row| &row.ticket))
                .bind(rows.iter().map(|row| row.run.0).collect::<Vec<_>>())
                .bind(texts(|row| &row.event))
                .bind(texts(|row| &row.facts))
                .bind(rows.iter().map(|row| row.at_ms).collect::<Vec<_>>())
                .bind(texts(|row| &row.status))
                .bind(rows.iter().map(|row| row.due_ms).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| i64::from(row.attempts)).collect::<Vec<_>>())
                .bind(errors().collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.settled_ms).collect::<Vec<_>>())
        };
        self.api.within(workspace, put, TABLE, |_| Ok(())).await.map(drop)
    }

    async fn deliveries(
        &self,
        workspace: WorkspaceId,
        filter: &DeliveryFilter,
    ) -> StoreResult<Vec<DeliveryRow>> {
        let given = |asked: &Option<String>| asked.as_deref().map(|it| text(it).into_owned());
        let (before_ms, before_id) = filter.before.clone().unzip();
        let query = || {
            sqlx::query(PAGE)
                .bind(workspace.0)
                .bind(given(&filter.endpoint))
                .bind(given(&filter.ticket))
                .bind(filter.run.map(|run| run.0))
                .bind(given(&filter.status))
                .bind(before_ms)
                .bind(given(&before_id))
                .bind(i64::from(filter.limit))
        };
        self.api.within(workspace, query, TABLE, delivery_row).await
    }

    async fn deliveries_next(&self) -> StoreResult<Option<TimeMs>> {
        let due = |columns: &mut Columns<'_>| columns.take("due_ms");
        Ok(self.log.read(|| sqlx::query(NEXT), TABLE, due).await?.first().copied())
    }

    async fn deliveries_claim(
        &self,
        claim: &DeliveryClaim,
    ) -> StoreResult<Vec<(WorkspaceId, DeliveryRow)>> {
        let take = || {
            sqlx::query(CLAIM)
                .bind(claim.now_ms)
                .bind(claim.except.iter().map(|id| text(id).into_owned()).collect::<Vec<_>>())
                .bind(i64::from(claim.per_endpoint))
                .bind(i64::from(claim.limit))
                .bind(claim.until_ms)
        };
        let taken = self.log.write(take, TABLE, |columns| {
            let (workspace, due_ms) = (columns.workspace("workspace")?, columns.take("due_ms")?);
            Ok((due_ms, workspace, delivery_row(columns)?))
        });
        let mut taken: Vec<(TimeMs, WorkspaceId, DeliveryRow)> = taken.await?;
        taken.sort_by(|(one, _, a), (other, _, b)| (one, &a.id).cmp(&(other, &b.id)));
        Ok(taken.into_iter().map(|(_, workspace, row)| (workspace, row)).collect())
    }

    async fn delivery_move(
        &self,
        workspace: WorkspaceId,
        (id, attempt): (&str, u32),
        to: &DeliveryMove,
    ) -> StoreResult<bool> {
        let (status, due_ms, error, settled_ms) = match to {
            DeliveryMove::Again { due_ms, error } => ("pending", Some(*due_ms), Some(error), None),
            DeliveryMove::Settled { status, at_ms, error } => {
                (*status, None, error.as_ref(), Some(*at_ms))
            }
        };
        let change = || {
            sqlx::query(MOVE)
                .bind(workspace.0)
                .bind(text(id).into_owned())
                .bind(i64::from(attempt))
                .bind(status)
                .bind(due_ms)
                .bind(error.map(|error| text(error).into_owned()))
                .bind(settled_ms)
        };
        Ok(!self.log.write(change, TABLE, |_| Ok(())).await?.is_empty())
    }

    async fn deliveries_expire(&self, before_ms: TimeMs) -> StoreResult<u64> {
        let delete = || sqlx::query(EXPIRE).bind(before_ms);
        Ok(self.log.write(delete, TABLE, |_| Ok(())).await?.len() as u64)
    }
}

fn endpoint_row(columns: &mut Columns<'_>) -> Result<EndpointRow, Failure> {
    Ok(EndpointRow {
        id: columns.text("id")?,
        name: columns.text("name")?,
        kind: columns.text("kind")?,
        target: columns.text("target")?,
        events: columns.json("events")?,
        approvers: columns.json("approvers")?,
        disabled: columns.maybe_text("disabled")?,
        actor: columns.text("actor")?,
        created_ms: columns.take("created_ms")?,
    })
}

fn delivery_row(columns: &mut Columns<'_>) -> Result<DeliveryRow, Failure> {
    Ok(DeliveryRow {
        id: columns.text("id")?,
        endpoint: columns.text("endpoint")?,
        ticket: columns.text("ticket")?,
        run: columns.stream("run")?,
        event: columns.text("event")?,
        facts: columns.text("facts")?,
        at_ms: columns.take("at_ms")?,
        status: columns.text("status")?,
        due_ms: columns.take("due_ms")?,
        attempts: columns.count("attempts")?,
        error: columns.maybe_text("error")?,
        settled_ms: columns.take("settled_ms")?,
    })
}
