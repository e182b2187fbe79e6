//! Leases of attempts.

use async_trait::async_trait;
use rusqlite::params;

use super::SqliteStore;
use super::error::{Failure, answer};
use super::rows::{Columns, collect, first};
use super::session::Session;
use crate::{
    Claim, LeaseKey, LeaseRow, LeaseState, Leases, PoolClaim, Renewal, RenewalOutcome, StoreResult,
    StreamId, TimeMs,
};

/// The columns of a [`LeaseState`], in the order of [`state`].
macro_rules! lease_columns {
    () => {
        "l.run, l.instance, l.attempt, l.pool, l.name, l.priority, l.seq, l.by_topic,
        l.scheduled_ms, t.workspace, l.holder, l.granted_ms, l.until_ms, l.progress_ms, l.progress,
        l.cancelling"
    };
}

const CLAIM: &str = "update leases
    set holder = ?4, granted_ms = ifnull(granted_ms, ?5), until_ms = ?6
    where run = ?1 and instance = ?2 and attempt = ?3 and (holder is null or holder = ?4)";

const OPEN: &str = "select priority, scheduled_ms, run, instance, attempt from leases
    where tenant = ?1 and pool = ?2 and name = ?3 and holder is null and by_topic = 0
    order by priority, scheduled_ms, run, instance, attempt limit ?4";

const ONE: &str = concat!(
    "select ",
    lease_columns!(),
    " from leases l cross join tenants t on t.no = l.tenant
    where l.run = ?1 and l.instance = ?2 and l.attempt = ?3"
);

const OF_RUN: &str = concat!(
    "select ",
    lease_columns!(),
    " from leases l cross join tenants t on t.no = l.tenant
    where l.run = ?1 order by l.instance, l.attempt"
);

const RENEW: &str = "update leases
    set until_ms = ?5, progress = ifnull(?6, progress),
        progress_ms = case when ?6 is null then progress_ms else ?7 end
    where run = ?1 and instance = ?2 and attempt = ?3 and holder = ?4
    returning cancelling";

const CANCEL: &str =
    "update leases set cancelling = 1 where run = ?1 and instance = ?2 and attempt = ?3";

const EXPIRE: &str = "update leases set until_ms = min(ifnull(until_ms, ?2), ?2)
    where instr(holder, ?1) = 1
    returning run";

#[async_trait]
impl Leases for SqliteStore {
    async fn lease_claim(&self, claims: &[Claim]) -> StoreResult<Vec<bool>> {
        let claims = claims.to_vec();
        let work = move |session: &mut Session<'_>| {
            claims.iter().map(|claimed| claim(session, claimed)).collect()
        };
        answer(self.writer.write(0, work).await)
    }

    async fn lease_claim_pool(&self, claim: &PoolClaim) -> StoreResult<Vec<LeaseState>> {
        let claim = claim.clone();
        answer(self.writer.write(0, move |session| claim_pool(session, &claim)).await)
    }

    async fn lease_renew(&self, renewals: &[Renewal]) -> StoreResult<Vec<RenewalOutcome>> {
        let renewals = renewals.to_vec();
        let work = move |session: &mut Session<'_>| {
            renewals.iter().map(|renewal| renew(session, renewal)).collect()
        };
        answer(self.writer.write(0, work).await)
    }

    async fn lease_cancel(&self, keys: &[LeaseKey]) -> StoreResult<()> {
        let keys = keys.to_vec();
        let work = move |session: &mut Session<'_>| {
            for key in &keys {
                session.statement(CANCEL)?.execute(params![key.run, key.instance, key.attempt])?;
            }
            Ok(())
        };
        answer(self.writer.write(0, work).await)
    }

    async fn leases_of(&self, run: StreamId) -> StoreResult<Vec<LeaseState>> {
        self.readers
            .read(move |connection| {
                let mut statement = connection.prepare_cached(OF_RUN)?;
                collect(statement.query([run])?, "leases", state)
            })
            .await
    }

    async fn lease_expire(
        &self,
        holder_prefix: &str,
        now_ms: TimeMs,
    ) -> StoreResult<Vec<StreamId>> {
        let prefix = holder_prefix.to_owned();
        let work = move |session: &mut Session<'_>| {
            let mut statement = session.statement(EXPIRE)?;
            let rows = statement.query(params![prefix, now_ms])?;
            let mut runs = collect(rows, "leases", |columns| columns.stream("run"))?;
            runs.sort();
            runs.dedup();
            Ok(runs)
        };
        answer(self.writer.write(0, work).await)
    }
}

fn claim(session: &mut Session<'_>, claim: &Claim) -> Result<bool, Failure> {
    let Claim { key, holder, now_ms, until_ms } = claim;
    let mut statement = session.statement(CLAIM)?;
    let claimed =
        statement.execute(params![key.run, key.instance, key.attempt, holder, now_ms, until_ms])?;
    Ok(claimed == 1)
}

/// The names are read one after the other, each in the order of the index, and merged here: what
/// nobody serves is not looked at.
fn claim_pool(session: &mut Session<'_>, wanted: &PoolClaim) -> Result<Vec<LeaseState>, Failure> {
    let Some(tenant) = session.known_tenant(wanted.workspace)? else { return Ok(Vec::new()) };
    let mut open = Vec::new();
    let mut names: Vec<&String> = wanted.names.iter().collect();
    names.sort();
    names.dedup();
    for name in names {
        let mut statement = session.statement(OPEN)?;
        let rows = statement.query(params![tenant, wanted.pool, name, wanted.limit])?;
        open.extend(collect(rows, "leases", |columns| {
            let order: (u8, TimeMs) = (columns.count("priority")?, columns.take("scheduled_ms")?);
            Ok((order, key(columns)?))
        })?);
    }
    open.sort();
    open.truncate(usize::try_from(wanted.limit).unwrap_or(usize::MAX));
    let mut claimed = Vec::with_capacity(open.len());
    for (_, key) in open {
        let PoolClaim { holder, now_ms, until_ms, .. } = wanted;
        let mut one = session.statement(ONE)?;
        let found = params![key.run, key.instance, key.attempt];
        let taken = Claim {
            key: key.clone(),
            holder: holder.clone(),
            now_ms: *now_ms,
            until_ms: *until_ms,
        };
        if claim(session, &taken)? {
            claimed.extend(first(one.query(found)?, "leases", state)?);
        }
    }
    Ok(claimed)
}

fn renew(session: &mut Session<'_>, renewal: &Renewal) -> Result<RenewalOutcome, Failure> {
    let Renewal { key, holder, now_ms, until_ms, progress } = renewal;
    let mut statement = session.statement(RENEW)?;
    let rows = statement.query(params![
        key.run,
        key.instance,
        key.attempt,
        holder,
        until_ms,
        progress,
        now_ms
    ])?;
    let renewed = collect(rows, "leases", |columns| columns.take::<bool>("cancelling"))?;
    Ok(match renewed.first() {
        None => RenewalOutcome::Lost,
        Some(true) => RenewalOutcome::Cancelling,
        Some(false) => RenewalOutcome::Held,
    })
}

fn key(columns: &mut Columns<'_>) -> Result<LeaseKey, Failure> {
    Ok(LeaseKey {
        run: columns.stream("run")?,
        instance: columns.take("instance")?,
        attempt: columns.count("attempt")?,
    })
}

/// Decodes the columns of a lease.
fn state(columns: &mut Columns<'_>) -> Result<LeaseState, Failure> {
    Ok(LeaseState {
        row: LeaseRow {
            key: key(columns)?,
            pool: columns.take("pool")?,
            name: columns.take("name")?,
            priority: columns.count("priority")?,
            seq: columns.count("seq")?,
            by_topic: columns.take("by_topic")?,
            scheduled_ms: columns.take("scheduled_ms")?,
        },
        workspace: columns.workspace("workspace")?,
        holder: columns.take("holder")?,
        granted_ms: columns.take("granted_ms")?,
        until_ms: columns.take("until_ms")?,
        progress_ms: columns.take("progress_ms")?,
        progress: columns.take("progress")?,
        cancelling: columns.take("cancelling")?,
    })
}
