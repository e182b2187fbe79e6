//! The append: a group of batches on the committer's connection.

mod bind;
mod committer;
mod judge;
mod plan;

use sqlx::postgres::PgConnection;

use self::bind::Beside;
pub(super) use self::committer::Committer;
use self::judge::Loser;
use self::plan::{Candidate, Names, Plan};
use super::error::Failure;
use super::pool::command;
use super::rows::Columns;
use super::sql;
use crate::{AppendBatch, AppendOutcome, OutboxKey};

/// How often a stream that lost to nobody in sight is tried again.
const TRIES: u32 = 20;

/// A connection and the number under which it commits.
#[derive(Debug)]
struct Link {
    connection: PgConnection,
    committer: i16,
}

impl Link {
    /// Appends batches that share no name in one commit; one outcome per stream, in order.
    async fn append(&mut self, batches: &[&AppendBatch]) -> Result<Vec<AppendOutcome>, Failure> {
        let mut plan = Plan::new(batches);
        let done: Vec<OutboxKey> =
            batches.iter().flat_map(|batch| &batch.outbox_done).copied().collect();
        if plan.rounds.len() <= 1 {
            let round = plan.rounds.pop().unwrap_or_default();
            if !(round.is_empty() && done.is_empty()) {
                self.round(round, &done, Release::WithEach, &mut plan.outcomes).await?;
            }
        } else {
            command(&mut self.connection, String::from("begin")).await?;
            if let Err(failure) = self.rounds(&mut plan, &done).await {
                command(&mut self.connection, String::from("rollback")).await?;
                return Err(failure);
            }
            command(&mut self.connection, String::from("commit")).await?;
        }
        // Each stream was judged, or the round has failed.
        Ok(plan.outcomes.into_iter().map(|one| one.unwrap_or(AppendOutcome::Unknown)).collect())
    }

    /// Several statements in one transaction. What a batch releases is free once it is over.
    async fn rounds(&mut self, plan: &mut Plan<'_>, done: &[OutboxKey]) -> Result<(), Failure> {
        let mut done = done;
        let mut over = Vec::new();
        for round in std::mem::take(&mut plan.rounds) {
            let ending = round.iter().filter(|one| one.ends() && !one.is_new());
            let ending: Vec<_> = ending.map(|one| (one.place, one.append.stream.0)).collect();
            self.round(round, done, Release::AtTheEnd, &mut plan.outcomes).await?;
            let committed = |(place, _): &(usize, _)| {
                matches!(plan.outcomes[*place], Some(AppendOutcome::Committed { .. }))
            };
            over.extend(ending.into_iter().filter(committed).map(|(_, stream)| stream));
            done = &[];
        }
        sqlx::query(sql::DEDUP_RELEASE).bind(over).execute(&mut self.connection).await?;
        Ok(())
    }

    /// One statement; what lost to a rival that is no longer to be seen is tried again.
    async fn round(
        &mut self,
        round: Vec<Candidate<'_>>,
        done: &[OutboxKey],
        release: Release,
        outcomes: &mut [Option<AppendOutcome>],
    ) -> Result<(), Failure> {
        let mut round = round;
        let mut done = done;
        for _ in 0..TRIES {
            let losers = self.statement(&round, done, release, outcomes).await?;
            if losers.is_empty() {
                return Ok(());
            }
            let judged = judge::outcomes(&mut self.connection, &losers).await?;
            round.clear();
            for (loser, outcome) in losers.into_iter().zip(judged) {
                match outcome {
                    Some(outcome) => outcomes[loser.candidate.place] = Some(outcome),
                    None => round.push(loser.candidate),
                }
            }
            if round.is_empty() {
                return Ok(());
            }
            done = &[];
        }
        Err(Failure::Race(String::from("an append lost every race")))
    }

    async fn statement<'a>(
        &mut self,
        round: &[Candidate<'a>],
        done: &[OutboxKey],
        release: Release,
        outcomes: &mut [Option<AppendOutcome>],
    ) -> Result<Vec<Loser<'a>>, Failure> {
        let release = matches!(release, Release::WithEach);
        let beside = Beside { done, committer: self.committer, release };
        let rows = bind::statement(round, beside)?.fetch_all(&mut self.connection).await?;
        let by_stream: std::collections::BTreeMap<_, _> =
            round.iter().map(|candidate| (candidate.append.stream, candidate)).collect();
        let mut losers = Vec::new();
        for row in &rows {
            let columns = &mut Columns::of(row, "segments");
            let stream = columns.stream("stream")?;
            let Some(candidate) = by_stream.get(&stream) else {
                return Err(columns.problem("stream", "nobody appended to it"));
            };
            let inserted: bool = columns.take("inserted")?;
            let older_outbox = columns.take("older_outbox")?;
            let holder = columns.maybe_stream("holder")?;
            if inserted {
                let committed = AppendOutcome::Committed { older_outbox };
                outcomes[candidate.place] = Some(committed);
            } else {
                losers.push(Loser { candidate: **candidate, holder });
            }
        }
        Ok(losers)
    }
}

/// When runs that are over let go of their dedup keys.
#[derive(Debug, Clone, Copy)]
enum Release {
    /// With their own statement.
    WithEach,
    /// Once all rounds are written.
    AtTheEnd,
}
