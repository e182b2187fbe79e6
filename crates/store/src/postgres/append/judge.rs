//! Why a stream was not appended, read after the fact.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::postgres::{PgArguments, PgConnection, PgRow, Postgres};
use sqlx::query::Query;

use super::super::error::Failure;
use super::super::rows::{Columns, idempotency, int, text};
use super::super::sql;
use super::plan::Candidate;
use crate::{
    AppendOutcome, ConflictKind, Hash, IdempotencyRow, Segment, StreamAppend, StreamId, WorkspaceId,
};

/// A stream of a round that was not inserted.
#[derive(Debug)]
pub(super) struct Loser<'a> {
    pub(super) candidate: Candidate<'a>,
    /// Who held its dedup key as the statement began.
    pub(super) holder: Option<StreamId>,
}

/// What the database holds where the losers wanted to write.
struct Facts {
    stored: BTreeMap<(StreamId, i64), (WorkspaceId, Hash)>,
    keys: BTreeMap<(WorkspaceId, String, String), IdempotencyRow>,
    older: BTreeSet<StreamId>,
}

/// The outcome of each loser; `None` where nothing is in its way (any more).
pub(super) async fn outcomes(
    connection: &mut PgConnection,
    losers: &[Loser<'_>],
) -> Result<Vec<Option<AppendOutcome>>, Failure> {
    let facts = Facts {
        stored: stored(connection, losers).await?,
        keys: keys(connection, losers).await?,
        older: older(connection, losers).await?,
    };
    Ok(losers.iter().map(|loser| facts.outcome(loser)).collect())
}

impl Facts {
    /// These very segments may have been written before. Else a new stream is stopped by its keys
    /// first, an existing one by its head.
    fn outcome(&self, loser: &Loser<'_>) -> Option<AppendOutcome> {
        let Candidate { append, first, .. } = loser.candidate;
        if append.segments.iter().all(|segment| self.holds(append, segment)) {
            let older_outbox = self.older.contains(&append.stream);
            return Some(AppendOutcome::Committed { older_outbox });
        }
        let head = || (!self.follows(append, first)).then_some(ConflictKind::Head);
        let conflict = if loser.candidate.is_new() {
            let dedup = || loser.holder.map(ConflictKind::Dedup);
            self.rival(append).or_else(dedup).or_else(head)
        } else {
            head().or_else(|| self.rival(append))
        };
        conflict.map(AppendOutcome::Conflict)
    }

    fn holds(&self, append: &StreamAppend, segment: &Segment) -> bool {
        self.stored.get(&(append.stream, int(segment.ordinal)))
            == Some(&(append.workspace, segment.hash))
    }

    /// Whether the append continues the head.
    fn follows(&self, append: &StreamAppend, first: u64) -> bool {
        let prev_hash = append.segments[0].prev_hash;
        let at = |ordinal| self.stored.get(&(append.stream, int(ordinal)));
        let previous = match first.checked_sub(1) {
            None => false,
            Some(0) => prev_hash == Hash::default(),
            Some(previous) => at(previous) == Some(&(append.workspace, prev_hash)),
        };
        previous && at(first).is_none()
    }

    fn rival(&self, append: &StreamAppend) -> Option<ConflictKind> {
        append.keys.iter().find_map(|key| {
            let name = (append.workspace, key.endpoint.clone(), key.key.clone());
            self.keys.get(&name).cloned().map(ConflictKind::Key)
        })
    }
}

async fn rows(
    connection: &mut PgConnection,
    query: Query<'_, Postgres, PgArguments>,
) -> Result<Vec<PgRow>, Failure> {
    Ok(query.fetch_all(connection).await?)
}

async fn stored(
    connection: &mut PgConnection,
    losers: &[Loser<'_>],
) -> Result<BTreeMap<(StreamId, i64), (WorkspaceId, Hash)>, Failure> {
    let mut wanted = Vec::new();
    for Loser { candidate: Candidate { append, first, .. }, .. } in losers {
        let ordinals = append.segments.iter().map(|segment| segment.ordinal);
        let ordinals = ordinals.chain(first.checked_sub(1));
        wanted.extend(ordinals.map(|ordinal| (append.stream.0, int(ordinal))));
    }
    let (streams, ordinals): (Vec<_>, Vec<_>) = wanted.into_iter().unzip();
    let query = sqlx::query(sql::STORED).bind(streams).bind(ordinals);
    let found = rows(connection, query).await?;
    found
        .iter()
        .map(|row| {
            let columns = &mut Columns::of(row, "segments");
            let place = (columns.stream("stream")?, columns.take("ordinal")?);
            Ok((place, (columns.workspace("workspace")?, columns.hash("hash")?)))
        })
        .collect()
}

async fn keys(
    connection: &mut PgConnection,
    losers: &[Loser<'_>],
) -> Result<BTreeMap<(WorkspaceId, String, String), IdempotencyRow>, Failure> {
    let mut wanted = (Vec::new(), Vec::new(), Vec::new());
    for Loser { candidate: Candidate { append, .. }, .. } in losers {
        for key in &append.keys {
            wanted.0.push(append.workspace.0);
            wanted.1.push(text(&key.endpoint));
            wanted.2.push(text(&key.key));
        }
    }
    if wanted.0.is_empty() {
        return Ok(BTreeMap::new());
    }
    let query = sqlx::query(sql::KEYS).bind(wanted.0).bind(wanted.1).bind(wanted.2);
    let found = rows(connection, query).await?;
    found
        .iter()
        .map(|row| {
            let columns = &mut Columns::of(row, "idempotency");
            let workspace = columns.workspace("workspace")?;
            let name = (workspace, columns.text("endpoint")?, columns.text("key")?);
            Ok((name, idempotency(columns)?))
        })
        .collect()
}

async fn older(
    connection: &mut PgConnection,
    losers: &[Loser<'_>],
) -> Result<BTreeSet<StreamId>, Failure> {
    let candidates = losers.iter().map(|loser| loser.candidate);
    let wanted = candidates.map(|one| (one.append.stream.0, int(one.first)));
    let (streams, ordinals): (Vec<_>, Vec<_>) = wanted.unzip();
    let query = sqlx::query(sql::OLDER).bind(streams).bind(ordinals);
    let found = rows(connection, query).await?;
    found.iter().map(|row| Columns::of(row, "outbox").stream("stream")).collect()
}
