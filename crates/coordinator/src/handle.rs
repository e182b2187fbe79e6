//! The way in: commands from any task to the shard that their run belongs to.

use std::sync::Arc;

use aob_engine::RunId;
use aob_points::{Point, Struck, reach};
use tokio::sync::{mpsc, oneshot};

use crate::{Input, Reply, Submission, SubmitError};

/// Where an answer goes.
#[derive(Debug)]
pub enum Token {
    /// To a task that waits.
    Once(oneshot::Sender<Reply>),
    /// Nowhere.
    Nobody,
}

impl Token {
    pub(crate) fn answer(self, reply: Reply) {
        match self {
            // A client that has gone does not undo what is durable.
            Self::Once(sender) => drop(sender.send(reply)),
            Self::Nobody => {}
        }
    }
}

/// Commands that may wait in front of a shard.
pub(crate) const QUEUE_MAX: usize = 16_384;

/// Sends commands to coordinators. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    shards: Arc<[Shard]>,
}

/// The two ways into a shard: what the outside asks for waits while the shard is busy; what the
/// shard's own effects ask for does not, or the two would wait for each other.
#[derive(Debug, Clone)]
pub(crate) struct Shard {
    pub(crate) external: mpsc::Sender<Box<Submission<Token>>>,
    pub(crate) internal: mpsc::Sender<Input<Token>>,
}

impl Handle {
    pub(crate) fn new(shards: Vec<Shard>) -> Self {
        Self { shards: shards.into() }
    }

    /// Number of the shard that a run belongs to.
    pub(crate) fn shard_of(&self, run: RunId) -> usize {
        let bytes = run.0.as_bytes();
        let tail = u64::from_be_bytes([
            bytes[8], bytes[9], bytes[10], bytes[11], bytes[12], bytes[13], bytes[14], bytes[15],
        ]);
        usize::try_from(tail % self.shards.len().max(1) as u64).unwrap_or(0)
    }

    /// Submits a command and waits until its outcome is durable.
    ///
    /// # Errors
    /// See [`SubmitError`].
    pub async fn submit(&self, submission: Submission<()>) -> Reply {
        let (sender, receiver) = oneshot::channel();
        let shard = &self.shards[self.shard_of(submission.run)];
        let submission = Box::new(retoken(submission, Token::Once(sender)));
        if shard.external.send(submission).await.is_err() {
            return Err(stopped());
        }
        receiver.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// As [`Handle::submit`], refusing at once where too much waits.
    ///
    /// # Errors
    /// [`SubmitError::Overloaded`], and those of [`Handle::submit`].
    pub async fn try_submit(&self, submission: Submission<()>) -> Reply {
        let struck = |struck: Struck| SubmitError::Unavailable(struck.to_string());
        reach(Point::SubmitBefore).await.map_err(struck)?;
        let reply = self.try_hand_over(submission).await;
        reach(Point::SubmitAfter).await.map_err(struck)?;
        reply
    }

    async fn try_hand_over(&self, submission: Submission<()>) -> Reply {
        let (sender, receiver) = oneshot::channel();
        let shard = &self.shards[self.shard_of(submission.run)];
        let submission = Box::new(retoken(submission, Token::Once(sender)));
        match shard.external.try_send(submission) {
            Ok(()) => receiver.await.unwrap_or_else(|_| Err(stopped())),
            Err(mpsc::error::TrySendError::Full(_)) => Err(SubmitError::Overloaded),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(stopped()),
        }
    }

    /// Submits many commands and waits for all; answers in the order given.
    pub async fn submit_many(&self, submissions: Vec<Submission<()>>) -> Vec<Reply> {
        let mut receivers = Vec::with_capacity(submissions.len());
        for submission in submissions {
            let (sender, receiver) = oneshot::channel();
            let shard = &self.shards[self.shard_of(submission.run)];
            let submission = Box::new(retoken(submission, Token::Once(sender)));
            let sent = shard.external.send(submission).await.is_ok();
            receivers.push(sent.then_some(receiver));
        }
        let mut replies = Vec::with_capacity(receivers.len());
        for receiver in receivers {
            replies.push(match receiver {
                Some(receiver) => receiver.await.unwrap_or_else(|_| Err(stopped())),
                None => Err(stopped()),
            });
        }
        replies
    }

    /// Submits on behalf of the machinery itself (effects, timers, results).
    pub(crate) async fn submit_internal(&self, submission: Submission<()>) -> Reply {
        let (sender, receiver) = oneshot::channel();
        let shard = &self.shards[self.shard_of(submission.run)];
        let submission = Box::new(retoken(submission, Token::Once(sender)));
        if shard.internal.send(Input::Submit(submission)).await.is_err() {
            return Err(stopped());
        }
        receiver.await.unwrap_or_else(|_| Err(stopped()))
    }

    pub(crate) async fn performed(&self, key: aob_store::OutboxKey) {
        self.tell(key.stream, Input::Performed(key)).await;
    }

    pub(crate) async fn relayed(&self, key: aob_store::OutboxKey) {
        self.tell(key.stream, Input::Relayed(key)).await;
    }

    async fn tell(&self, stream: aob_store::StreamId, input: Input<Token>) {
        let shard = &self.shards[self.shard_of(crate::run_of(stream))];
        // A shard that has stopped leaves what comes to the relay.
        let _ = shard.internal.send(input).await;
    }
}

fn stopped() -> SubmitError {
    SubmitError::Unavailable("the coordinator is shutting down".to_owned())
}

fn retoken(submission: Submission<()>, token: Token) -> Submission<Token> {
    let Submission { workspace, run, request, key, dedup, ir, token: () } = submission;
    Submission { workspace, run, request, key, dedup, ir, token }
}
