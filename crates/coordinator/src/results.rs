//! Results of runners: from the topic, or from the runner protocol, to the run they belong to.

use std::sync::Arc;

use aob_api::jobs::{OutcomeMessage, PayloadMessage, ResultMessage};
use aob_bus::{Bus, Consumer, Topic};
use aob_engine::{
    Actor, AttemptOutcome, AttemptResult, Blob, Command, CommandId, RawValueEq, Request,
    WorkspaceId,
};
use futures::StreamExt;
use futures::stream;
use tokio_util::sync::CancellationToken;

use crate::performer::RESULTS_TOPIC;
use crate::reader::Reader;
use crate::{Handle, ReadError, Reply, Submission};

/// Results taken at once.
const RESULTS_MAX: usize = 512;
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
        let topic = Topic::new(RESULTS_TOPIC);
        let consumer = match self.bus.subscribe(&topic, GROUP).await {
            Ok(consumer) => consumer,
            Err(error) => {
                tracing::error!(%error, "results cannot be consumed");
                return;
            }
        };
        loop {
            let messages = tokio::select! {
                messages = consumer.recv_batch(RESULTS_MAX) => messages,
                () = shutdown.cancelled() => return,
            };
            let Ok(messages) = messages else { return };
            let places: Vec<(u32, u64)> =
                messages.iter().map(|m| (m.partition, m.offset)).collect();
            stream::iter(messages)
                .for_each_concurrent(RESULTS_MAX, async |message| {
                    self.take(&message.payload).await;
                })
                .await;
            commit(&*consumer, &places).await;
        }
    }

    /// Takes one message in. What cannot be read is dropped: its attempt's loss shows by
    /// redispatch or lease.
    async fn take(&self, payload: &[u8]) {
        match serde_json::from_slice::<ResultMessage>(payload) {
            Ok(message) => {
                let key = message.key();
                if let Err(error) = self.submit(message).await {
                    tracing::warn!(%error, attempt = %key, "a result was not taken in");
                }
            }
            Err(error) => tracing::warn!(%error, "a result cannot be read"),
        }
    }

    /// Submits a runner's answer and waits until its outcome is durable.
    ///
    /// # Errors
    /// See [`crate::SubmitError`].
    pub async fn submit(&self, message: ResultMessage) -> Reply {
        let workspace = message.workspace;
        let outcome = match message.outcome {
            OutcomeMessage::Completed { output } => {
                let output = self.blob(workspace, output).await;
                let output = output.map_err(|e| crate::SubmitError::Unavailable(e.to_string()))?;
                AttemptOutcome::Completed { output }
            }
            OutcomeMessage::Failed { failure } => AttemptOutcome::Failed(failure.into()),
            OutcomeMessage::Cancelled {} => AttemptOutcome::Cancelled,
        };
        let id = format!("result:{}:{}", message.instance, message.attempt);
        let result = AttemptResult {
            instance: message.instance,
            attempt: message.attempt,
            outcome,
            started_at: message.started_at,
            usage: message.usage.map(|usage| Arc::new(RawValueEq(usage.0))),
        };
        let request = Request {
            id: CommandId(id.into()),
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
