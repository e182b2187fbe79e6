//! Leases of attempts.

use std::collections::{BTreeMap, BTreeSet};

use aob_points::Point;
use async_trait::async_trait;

use super::PostgresStore;
use super::error::{Failure, struck};
use super::pool::Statement;
use super::rows::{Columns, text, texts};
use crate::{
    Claim, LeaseKey, LeaseRow, LeaseState, Leases, PoolClaim, Renewal, RenewalOutcome, StoreResult,
    StreamId, TimeMs,
};

/// The columns of a [`LeaseState`], in the order of [`state`].
macro_rules! lease_columns {
    () => {
        "l.run, l.instance, l.attempt, l.pool, l.name, l.priority, l.seq, l.by_topic,
        l.scheduled_ms, l.workspace, l.holder, l.granted_ms, l.until_ms, l.progress_ms, l.progress,
        l.cancelling"
    };
}

/// A rival's claim that is about to commit is waited for, and the row judged again as it left it.
const CLAIM: &str = "update leases l
    set holder = t.holder, granted_ms = coalesce(l.granted_ms, t.now_ms), until_ms = t.until_ms
    from unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[])
        as t (run, instance, attempt, holder, now_ms, until_ms)
    where l.run = t.run and l.instance = t.instance and l.attempt = t.attempt
    and (l.holder is null or l.holder = t.holder)
    returning l.run, l.instance, l.attempt";

/// Each name is read in the order of the index; what another poll is about to take is passed over.
const CLAIM_POOL: &str = concat!(
    "with open as materialized (
        select c.* from unnest($3::text[]) as n (name)
        cross join lateral (
            select run, instance, attempt, priority, scheduled_ms from leases
            where workspace = $1 and pool = $2 and name = n.name and claimable
            order by priority, scheduled_ms, run, instance, attempt limit $4
            for update skip locked
        ) c
        order by priority, scheduled_ms, run, instance, attempt limit $4
    )
    update leases l
    set holder = $5, granted_ms = coalesce(l.granted_ms, $6), until_ms = $7
    from open o
    where l.run = o.run and l.instance = o.instance and l.attempt = o.attempt
    returning ",
    lease_columns!()
);

const RENEW: &str = "update leases l
    set until_ms = t.until_ms, progress = coalesce(t.progress, l.progress),
        progress_ms = case when t.progress is null then l.progress_ms else t.now_ms end
    from unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[],
        $7::text[]) as t (run, instance, attempt, holder, now_ms, until_ms, progress)
    where l.run = t.run and l.instance = t.instance and l.attempt = t.attempt
    and l.holder = t.holder
    returning l.run, l.instance, l.attempt, l.cancelling";

const CANCEL: &str = "update leases l set cancelling = true
    from unnest($1::uuid[], $2::text[], $3::bigint[]) as t (run, instance, attempt)
    where l.run = t.run and l.instance = t.instance and l.attempt = t.attempt";

const OF_RUN: &str = concat!(
    "select ",
    lease_columns!(),
    " from leases l where l.run = $1 order by l.instance, l.attempt"
);

const EXPIRE: &str = "with expired as (
        update leases set until_ms = least(until_ms, $2)
        where starts_with(holder, $1) returning run
    )
    select distinct run from expired order by run";

#[async_trait]
impl Leases for PostgresStore {
    async fn lease_claim(&self, claims: &[Claim]) -> StoreResult<Vec<bool>> {
        struck(Point::ClaimBefore).await?;
        let mut answers = vec![false; claims.len()];
        for round in rounds(claims, |claim| &claim.key) {
            let claimed: BTreeSet<LeaseKey> =
                self.log.write(|| claim(&round), "leases", key).await?.into_iter().collect();
            for (place, claim) in round {
                answers[place] = claimed.contains(&claim.key);
            }
        }
        struck(Point::ClaimAfter).await?;
        Ok(answers)
    }

    async fn lease_claim_pool(&self, claim: &PoolClaim) -> StoreResult<Vec<LeaseState>> {
        let names: BTreeSet<&String> = claim.names.iter().collect();
        let statement = || {
            sqlx::query(CLAIM_POOL)
                .bind(claim.workspace.0)
                .bind(text(&claim.pool))
                .bind(texts(names.iter().copied()))
                .bind(i64::from(claim.limit))
                .bind(text(&claim.holder))
                .bind(claim.now_ms)
                .bind(claim.until_ms)
        };
        let mut claimed = self.log.write(statement, "leases", state).await?;
        claimed.sort_by(|one, other| order(one).cmp(&order(other)));
        Ok(claimed)
    }

    async fn lease_renew(&self, renewals: &[Renewal]) -> StoreResult<Vec<RenewalOutcome>> {
        let mut answers = vec![RenewalOutcome::Lost; renewals.len()];
        for round in rounds(renewals, |renewal| &renewal.key) {
            let renewed = self.log.write(|| renew(&round), "leases", renewal).await?;
            let renewed: BTreeMap<LeaseKey, RenewalOutcome> = renewed.into_iter().collect();
            for (place, renewal) in round {
                let outcome = renewed.get(&renewal.key).copied();
                answers[place] = outcome.unwrap_or(RenewalOutcome::Lost);
            }
        }
        Ok(answers)
    }

    async fn lease_cancel(&self, keys: &[LeaseKey]) -> StoreResult<()> {
        for round in rounds(keys, |key| key) {
            let cancel = || bind_keys(sqlx::query(CANCEL), &round, |key| key);
            self.log.write(cancel, "leases", |_| Ok(())).await?;
        }
        Ok(())
    }

    async fn leases_of(&self, run: StreamId) -> StoreResult<Vec<LeaseState>> {
        self.log.read(|| sqlx::query(OF_RUN).bind(run.0), "leases", state).await
    }

    async fn lease_expire(
        &self,
        holder_prefix: &str,
        now_ms: TimeMs,
    ) -> StoreResult<Vec<StreamId>> {
        let expire = || sqlx::query(EXPIRE).bind(text(holder_prefix)).bind(now_ms);
        self.log.write(expire, "leases", |columns| columns.stream("run")).await
    }
}

/// Rows with their places in a call, none of them twice.
type Round<'a, T> = Vec<(usize, &'a T)>;

/// Takes a call apart so that each statement names a lease once, in the order of the table's key.
fn rounds<'a, T>(all: &'a [T], key: impl Fn(&'a T) -> &'a LeaseKey) -> Vec<Round<'a, T>> {
    let mut rounds: Vec<BTreeMap<&LeaseKey, (usize, &'a T)>> = Vec::new();
    for (place, one) in all.iter().enumerate() {
        let name = key(one);
        match rounds.iter_mut().find(|round| !round.contains_key(name)) {
            Some(round) => drop(round.insert(name, (place, one))),
            None => rounds.push(BTreeMap::from([(name, (place, one))])),
        }
    }
    rounds.into_iter().map(|round| round.into_values().collect()).collect()
}

fn bind_keys<'a, T>(
    query: Statement,
    round: &Round<'a, T>,
    key: impl Fn(&'a T) -> &'a LeaseKey,
) -> Statement {
    query
        .bind(round.iter().map(|(_, one)| key(one).run.0).collect::<Vec<_>>())
        .bind(round.iter().map(|(_, one)| text(&key(one).instance)).collect::<Vec<_>>())
        .bind(round.iter().map(|(_, one)| i64::from(key(one).attempt)).collect::<Vec<_>>())
}

fn claim(round: &Round<'_, Claim>) -> Statement {
    bind_keys(sqlx::query(CLAIM), round, |claim| &claim.key)
        .bind(round.iter().map(|(_, claim)| text(&claim.holder)).collect::<Vec<_>>())
        .bind(round.iter().map(|(_, claim)| claim.now_ms).collect::<Vec<_>>())
        .bind(round.iter().map(|(_, claim)| claim.until_ms).collect::<Vec<_>>())
}

fn renew(round: &Round<'_, Renewal>) -> Statement {
    let progress = |renewal: &Renewal| renewal.progress.as_deref().map(|it| text(it).into_owned());
    bind_keys(sqlx::query(RENEW), round, |renewal| &renewal.key)
        .bind(round.iter().map(|(_, renewal)| text(&renewal.holder)).collect::<Vec<_>>())
        .bind(round.iter().map(|(_, renewal)| renewal.now_ms).collect::<Vec<_>>())
        .bind(round.iter().map(|(_, renewal)| renewal.until_ms).collect::<Vec<_>>())
        .bind(round.iter().map(|(_, renewal)| progress(renewal)).collect::<Vec<_>>())
}

/// High priority first, oldest first, then by key.
fn order(state: &LeaseState) -> (u8, TimeMs, &LeaseKey) {
    (state.row.priority, state.row.scheduled_ms, &state.row.key)
}

fn key(columns: &mut Columns<'_>) -> Result<LeaseKey, Failure> {
    Ok(LeaseKey {
        run: columns.stream("run")?,
        instance: columns.text("instance")?,
        attempt: columns.count("attempt")?,
    })
}

fn renewal(columns: &mut Columns<'_>) -> Result<(LeaseKey, RenewalOutcome), Failure> {
    let key = key(columns)?;
    let cancelling: bool = columns.take("cancelling")?;
    Ok((key, if cancelling { RenewalOutcome::Cancelling } else { RenewalOutcome::Held }))
}

/// Decodes [`lease_columns`].
fn state(columns: &mut Columns<'_>) -> Result<LeaseState, Failure> {
    let key = key(columns)?;
    let pool = columns.text("pool")?;
    let name = columns.text("name")?;
    let priority: i16 = columns.take("priority")?;
    let priority =
        u8::try_from(priority).map_err(|_| columns.problem("priority", "it is out of range"))?;
    Ok(LeaseState {
        row: LeaseRow {
            key,
            pool,
            name,
            priority,
            seq: columns.count("seq")?,
            by_topic: columns.take("by_topic")?,
            scheduled_ms: columns.take("scheduled_ms")?,
        },
        workspace: columns.workspace("workspace")?,
        holder: columns.maybe_text("holder")?,
        granted_ms: columns.take("granted_ms")?,
        until_ms: columns.take("until_ms")?,
        progress_ms: columns.take("progress_ms")?,
        progress: columns.maybe_text("progress")?,
        cancelling: columns.take("cancelling")?,
    })
}
