//! Results of jobs of pools that come on topics: checked as those that come over HTTPS.
//!
//! Runners write to these topics, so nothing in them is believed. What has no token of ours is
//! counted and dropped before the database is asked anything; one in so many is kept as a dead
//! letter, so that somebody can look at it, and a flood of them fills no other topic. What has one is
//! taken in batches, with a bounded number of results under way: who floods a topic delays who shares
//! it, and nobody else.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use aob_api::jobs::{AttemptKey, LEASE_MS, ResultMessage, ResultRequest};
use aob_bus::{Bus, Message, Topic};
use aob_coordinator::{Consumption, places, store_workspace, stream as stream_of};
use aob_engine::WorkspaceId;
use aob_store::{
    Clock, LeaseKey, NewLogChunk, Renewal, RenewalOutcome, Store, StoreError, WorkspaceId as Tenant,
};
use futures::future::join_all;
use futures::{StreamExt, stream};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{AgentTopics, Granted, JobTokens, chunk};

/// Results of one topic under way at once.
const BATCH_MAX: usize = 128;
/// Useless messages of a batch that are kept as dead letters.
const DEAD_MAX: usize = 4;
/// The wait before storage is asked again.
const AGAIN: Duration = Duration::from_millis(250);

/// Takes results in.
#[derive(Clone)]
pub struct Results {
    /// The topics.
    pub topics: AgentTopics,
    /// The bus.
    pub bus: Arc<dyn Bus>,
    /// Leases, and log lines.
    pub store: Arc<dyn Store>,
    /// Who may answer.
    pub tokens: Arc<JobTokens>,
    /// The way to the runs.
    pub results: aob_coordinator::Results,
    /// The database's clock.
    pub clock: Clock,
}

impl std::fmt::Debug for Results {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Results").field("topics", &self.topics).finish_non_exhaustive()
    }
}

/// A result whose token is right.
struct Shown {
    workspace: WorkspaceId,
    lease: LeaseKey,
    holder: String,
    request: ResultRequest,
}

/// What is to be done with it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Its runner holds the lease.
    Holds,
    /// The attempt is over: it changes nothing, and the log shows that it came.
    Over,
    /// Somebody else holds the lease.
    Refused,
}

impl Results {
    /// Takes results in from all topics, until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        let topics = self.topics.all().into_iter();
        let consuming = topics.map(|topics| self.consume(topics.results, &shutdown));
        join_all(consuming).await;
    }

    async fn consume(&self, topic: Topic, shutdown: &CancellationToken) {
        let bus = Arc::clone(&self.bus);
        let Some(topic) = Consumption::join(bus, topic, shutdown).await else { return };
        while let Some(messages) = topic.next(BATCH_MAX, shutdown).await {
            tokio::select! {
                biased;
                // What is not dealt with is delivered to another process.
                () = shutdown.cancelled() => return,
                () = self.take(&topic, &messages) => {}
            }
            topic.commit(&places(&messages)).await;
        }
    }

    /// Deals with a batch: returns when all of it is durable, or of no use.
    async fn take(&self, topic: &Consumption, messages: &[Message]) {
        let mut useless = Vec::new();
        let mut shown: BTreeMap<AttemptKey, Vec<Shown>> = BTreeMap::new();
        for message in messages {
            match self.read(message).await {
                Ok(result) => {
                    let of_attempt = shown.entry(result.request.result.key()).or_default();
                    if of_attempt.last().is_none_or(|last| last.request != result.request) {
                        of_attempt.push(result);
                    }
                }
                Err(reason) => useless.push((message, reason)),
            }
        }
        if !useless.is_empty() {
            let (dropped, topic) = (useless.len(), topic.topic());
            tracing::warn!(dropped, %topic, "messages are no results of jobs");
        }
        for (message, reason) in useless.into_iter().take(DEAD_MAX) {
            topic.bury(message, &reason).await;
        }
        // What came of one attempt more than once is dealt with in the order in which it came.
        while !shown.is_empty() {
            let round = shown.values_mut().map(|of_attempt| of_attempt.remove(0)).collect();
            shown.retain(|_, of_attempt| !of_attempt.is_empty());
            self.submit(round).await;
        }
    }

    /// Hands results in, one of an attempt each.
    async fn submit(&self, shown: Vec<Shown>) {
        let standings = until_answered(|| self.standings(&shown)).await;
        self.keep_lines(&shown, &standings).await;
        let taken = shown.into_iter().zip(standings);
        let taken = taken.filter(|(_, standing)| *standing != Standing::Refused);
        stream::iter(taken)
            .for_each_concurrent(BATCH_MAX, async |(result, _)| {
                self.results.insist(result.request.result).await;
            })
            .await;
    }

    /// The result of a message, if its token shows that its sender may answer.
    async fn read(&self, message: &Message) -> Result<Shown, String> {
        let request: ResultRequest =
            serde_json::from_slice(&message.payload).map_err(|error| error.to_string())?;
        let ResultMessage { workspace, runner, .. } = &request.result;
        let token = request.token.as_deref().ok_or("it has no token")?;
        let granted = until_answered(|| self.tokens.granted(*workspace, token)).await;
        let Some(Granted { job, key }) = granted else {
            return Err("its token is none of a job of its workspace".to_owned());
        };
        if job != request.result.key() {
            return Err(format!("its token is that of {job}"));
        }
        let holder = format!("{key}/{runner}");
        Ok(Shown { workspace: *workspace, lease: lease_key(&job), holder, request })
    }

    /// How each stands, in order. The leases of those that are still held are renewed, so that they
    /// do not run out on the way.
    async fn standings(&self, shown: &[Shown]) -> Result<Vec<Standing>, StoreError> {
        let now_ms = (self.clock)();
        let until_ms = now_ms.saturating_add(i64::try_from(LEASE_MS).unwrap_or(i64::MAX));
        let renewal = |result: &Shown| Renewal {
            key: result.lease.clone(),
            holder: result.holder.clone(),
            now_ms,
            until_ms,
            progress: None,
        };
        let renewals: Vec<Renewal> = shown.iter().map(renewal).collect();
        let outcomes = self.store.lease_renew(&renewals).await?;
        let mut standings = Vec::with_capacity(outcomes.len());
        for (result, outcome) in shown.iter().zip(outcomes) {
            standings.push(match outcome {
                RenewalOutcome::Held | RenewalOutcome::Cancelling => Standing::Holds,
                RenewalOutcome::Lost => {
                    let leases = self.store.leases_of(result.lease.run).await?;
                    let is_held = leases.iter().any(|lease| lease.row.key == result.lease);
                    if is_held { Standing::Refused } else { Standing::Over }
                }
            });
        }
        Ok(standings)
    }

    /// Keeps the last lines of those that hold their leases, before their results end the attempts.
    async fn keep_lines(&self, shown: &[Shown], standings: &[Standing]) {
        let now_ms = (self.clock)();
        let mut lines: BTreeMap<Tenant, Vec<NewLogChunk>> = BTreeMap::new();
        let holding = shown.iter().zip(standings);
        for (result, _) in holding.filter(|(_, standing)| **standing == Standing::Holds) {
            let kept = result.request.logs.clone();
            if let Some(kept) = kept.and_then(|logs| chunk(&result.lease, logs, now_ms)) {
                lines.entry(store_workspace(result.workspace)).or_default().push(kept);
            }
        }
        for (tenant, chunks) in lines {
            if let Err(error) = self.store.logs_put(tenant, &chunks).await {
                tracing::warn!(%error, "log lines are lost");
            }
        }
    }
}

fn lease_key(job: &AttemptKey) -> LeaseKey {
    LeaseKey { run: stream_of(job.run), instance: job.instance.to_string(), attempt: job.attempt }
}

/// Asks storage until it answers: a result is not lost because a database is away.
async fn until_answered<T, E: Debug, F>(mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, E>>,
{
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(error) => tracing::warn!(?error, "results wait for storage"),
        }
        sleep(AGAIN).await;
    }
}
