//! Results of runners: from the topic, or from the runner protocol, to the run they belong to.

use std::sync::Arc;
use std::time::Duration;

use aob_api::jobs::{OutcomeMessage, PayloadMessage, ResultMessage, ResultPatchMessage};
use aob_bugs::{Bug, seeded};
use aob_bus::{Bus, Consumer, Message, PublishError, SubscribeError, Topic, dead_letter};
use aob_engine::{
    Actor, AttemptOutcome, AttemptResult, Blob, Command, CommandId, RawValueEq, Request,
    ResultPatch, WorkspaceId,
};
use futures::StreamExt;
use futures::stream;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::performer::RESULTS_TOPIC;
use crate::reader::Reader;
use crate::{Handle, ReadError, Reply, Submission, SubmitError};

/// Results taken at once.
const RESULTS_MAX: usize = 512;
/// First and longest wait before a result is submitted again.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// How often a result is submitted before it is given up: about five minutes.
const TRIES_MAX: u32 = 300;
/// Patches of one result that are read: one more than a result may carry, so that the refusal of
/// the rest is on record.
const PATCHES_MAX: usize = 17;
/// Consumer group of the coordinators.
const GROUP: &str = "coordinators";

/// Takes results in.
#[derive(Debug, Clone)]
pub struct Results {
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) reader: Reader,
    pub(crate) handle: Handle,
}

impl Results {
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let Some(consumer) = self.subscribe(&shutdown).await else { return };
        loop {
            let messages = tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                messages = consumer.recv_batch(RESULTS_MAX) => messages,
            };
            let messages = match messages {
                Ok(messages) => messages,
                Err(error) => {
                    tracing::warn!(%error, "results cannot be received");
                    sleep(RETRY.0).await;
                    continue;
                }
            };
            let places: Vec<(u32, u64)> =
                messages.iter().map(|m| (m.partition, m.offset)).collect();
            if seeded(Bug::OffsetTooEarly) {
                commit(&*consumer, &places).await;
            }
            let taking = stream::iter(messages).for_each_concurrent(RESULTS_MAX, async |message| {
                self.take(&message).await;
            });
            tokio::select! {
                biased;
                // What is not dealt with is delivered to another process.
                () = shutdown.cancelled() => return,
                () = taking => {}
            }
            commit(&*consumer, &places).await;
        }
    }

    /// Joins the group, however long that takes; `None`: it cannot be joined, or shut down.
    async fn subscribe(&self, shutdown: &CancellationToken) -> Option<Box<dyn Consumer>> {
        let topic = Topic::new(RESULTS_TOPIC);
        loop {
            match self.bus.subscribe(&topic, GROUP).await {
                Ok(consumer) => return Some(consumer),
                Err(SubscribeError::Unavailable(error)) => {
                    tracing::warn!(%error, "results cannot be consumed yet");
                }
                Err(error @ SubscribeError::UnknownTopic { .. }) => {
                    tracing::error!(%error, "results cannot be consumed");
                    return None;
                }
            }
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return None,
                () = sleep(RETRY.1) => {}
            }
        }
    }

    /// Takes one message in: returns when it is dealt with, so that its offset can be committed.
    /// What cannot be read goes to the dead letters: its attempt's loss shows by redispatch or
    /// lease. What stays unavailable for long is given up, or one damaged run would hold up all
    /// others of its partition.
    async fn take(&self, message: &Message) {
        let message = match serde_json::from_slice::<ResultMessage>(&message.payload) {
            Ok(message) => message,
            Err(error) => return self.bury(message, &error.to_string()).await,
        };
        let key = message.key();
        let mut wait = RETRY.0;
        for _ in 0..TRIES_MAX {
            match self.submit(message.clone()).await {
                Err(error @ (SubmitError::Unavailable(_) | SubmitError::Overloaded)) => {
                    tracing::debug!(%error, attempt = %key, "a result waits");
                }
                Ok(_) => return,
                Err(error) => {
                    tracing::debug!(%error, attempt = %key, "a result is refused");
                    return;
                }
            }
            sleep(wait).await;
            wait = (wait * 2).min(RETRY.1);
        }
        tracing::error!(attempt = %key, "a result could not be taken in and is given up");
    }

    /// Puts a message that cannot be read where somebody may look at it.
    async fn bury(&self, message: &Message, reason: &str) {
        let (partition, offset) = (message.partition, message.offset);
        tracing::warn!(reason, partition, offset, "a result cannot be read");
        let mut wait = RETRY.0;
        for _ in 0..TRIES_MAX {
            match self.bus.publish(vec![dead_letter(message, reason)]).await {
                Ok(()) => return,
                Err(PublishError::Unavailable(error)) => {
                    tracing::debug!(%error, "a dead letter waits");
                }
                Err(
                    error @ (PublishError::UnknownTopic { .. } | PublishError::TooLarge { .. }),
                ) => {
                    tracing::debug!(%error, "a dead letter is dropped");
                    return;
                }
            }
            sleep(wait).await;
            wait = (wait * 2).min(RETRY.1);
        }
        tracing::error!(partition, offset, "a dead letter could not be written and is given up");
    }

    /// Submits a runner's answer and waits until its outcome is durable.
    ///
    /// # Errors
    /// See [`SubmitError`].
    pub async fn submit(&self, message: ResultMessage) -> Reply {
        let workspace = message.workspace;
        let unavailable = |error: ReadError| SubmitError::Unavailable(error.to_string());
        let outcome = match message.outcome {
            OutcomeMessage::Completed { output } => {
                let output = self.blob(workspace, output).await.map_err(unavailable)?;
                AttemptOutcome::Completed { output }
            }
            OutcomeMessage::Failed { failure } => AttemptOutcome::Failed(failure.into()),
            OutcomeMessage::Cancelled {} => AttemptOutcome::Cancelled,
        };
        let mut patches = Vec::with_capacity(message.patches.len().min(PATCHES_MAX));
        for patch in message.patches.into_iter().take(PATCHES_MAX) {
            let operations = self.blob(workspace, patch.operations).await.map_err(unavailable)?;
            let ResultPatchMessage { base, description, .. } = patch;
            patches.push(ResultPatch { base, operations, description });
        }
        let id = CommandId::of_result(&message.instance, message.attempt);
        let result = AttemptResult {
            instance: message.instance,
            attempt: message.attempt,
            outcome,
            started_at: message.started_at,
            usage: message.usage.map(|usage| Arc::new(RawValueEq(usage.0))),
            patches,
        };
        let request = Request {
            id,
            actor: Actor(format!("runner:{}", message.runner).into()),
            command: Command::Result(result),
        };
        let submission = Submission {
            workspace,
            run: message.run,
            request,
            key: None,
            dedup: None,
            ir: None,
            token: (),
        };
        self.handle.submit_internal(submission).await
    }

    async fn blob(
        &self,
        workspace: WorkspaceId,
        payload: PayloadMessage,
    ) -> Result<Arc<Blob>, ReadError> {
        match payload {
            PayloadMessage::Inline(text) => Ok(Blob::new(text)),
            PayloadMessage::Stored { digest, .. } => self.reader.stored(workspace, digest).await,
        }
    }
}

/// Commits the highest offset of each partition, once everything up to it is dealt with.
async fn commit(consumer: &dyn Consumer, places: &[(u32, u64)]) {
    let mut highest = std::collections::BTreeMap::new();
    for (partition, offset) in places {
        let known = highest.entry(*partition).or_insert(*offset);
        *known = (*known).max(*offset);
    }
    for (partition, offset) in highest {
        if let Err(error) = consumer.commit(partition, offset).await {
            tracing::debug!(%error, "results will be delivered again");
        }
    }
}
