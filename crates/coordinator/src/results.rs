//! Results of runners: from the topic, or from the runner protocol, to the run they belong to.

use std::sync::Arc;

use aob_api::jobs::{OutcomeMessage, PayloadMessage, ResultMessage, ResultPatchMessage};
use aob_bus::{Bus, Message, Topic};
use aob_engine::{
    Actor, AttemptOutcome, AttemptResult, Blob, Command, CommandId, RawValueEq, Request,
    ResultPatch, WorkspaceId,
};
use aob_points::{Point, pass, reach};
use futures::StreamExt;
use futures::stream;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::consume::{Consumption, RETRY, TRIES_MAX, places};
use crate::performer::RESULTS_TOPIC;
use crate::reader::Reader;
use crate::{Handle, ReadError, Reply, Submission, SubmitError};

/// Results taken at once.
const RESULTS_MAX: usize = 512;
/// Patches of one result that are read: one more than a result may carry, so that the refusal of
/// the rest is on record.
const PATCHES_MAX: usize = 17;

/// Takes results in.
#[derive(Debug, Clone)]
pub struct Results {
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) reader: Reader,
    pub(crate) handle: Handle,
}

impl Results {
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let (bus, topic) = (Arc::clone(&self.bus), Topic::new(RESULTS_TOPIC));
        let Some(topic) = Consumption::join(bus, topic, &shutdown).await else { return };
        while let Some(messages) = topic.next(RESULTS_MAX, &shutdown).await {
            let places = places(&messages);
            pass(Point::ResultsTaken).await;
            let taking = stream::iter(messages).for_each_concurrent(RESULTS_MAX, async |message| {
                self.take(&topic, &message).await;
            });
            tokio::select! {
                biased;
                // What is not dealt with is delivered to another process.
                () = shutdown.cancelled() => return,
                () = taking => {}
            }
            if reach(Point::ResultsApplied).await.is_ok() {
                topic.commit(&places).await;
            }
            pass(Point::ResultsCommitted).await;
        }
    }

    /// Takes one message in: returns when it is dealt with, so that its offset can be committed.
    /// What cannot be read goes to the dead letters: its attempt's loss shows by redispatch or
    /// lease.
    async fn take(&self, topic: &Consumption, message: &Message) {
        match serde_json::from_slice::<ResultMessage>(&message.payload) {
            Ok(message) => self.insist(message).await,
            Err(error) => topic.bury(message, &error.to_string()).await,
        }
    }

    /// Submits a runner's answer until it is durable or refused. What stays unavailable for long is
    /// given up, or one damaged run would hold up all others that come the same way.
    pub async fn insist(&self, message: ResultMessage) {
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
