//! Performing effects: jobs to runners, child runs, results to parents, events to the bus.

use std::collections::BTreeSet;
use std::sync::Arc;

use aob_api::jobs::JobMessage;
use aob_bugs::{Bug, seeded};
use aob_bus::{Bus, Outgoing, PublishError, Topic, Unavailable};
use aob_engine::{
    Actor, Blob, ChildEnd, ChildOutcome, Command, CommandId, DeliverToParent, Effect, Payload,
    Place, Request, RunId, Spent, StartChild, StartRun, WorkspaceId,
};
use aob_ir::Priority;
use aob_points::{Point, Struck, reach};
use aob_store::{LeaseKey, OutboxKey, Store};
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore, mpsc};

use crate::notices;
use crate::offers::{AGENT_JOBS_TOPIC, Offers};
use crate::reader::Reader;
use crate::workflows::Workflows;
use crate::{
    ChildContext, Handle, Performance, ReadError, ResolvedDispatch, Submission, SubmitError, stream,
};

/// Performances taken at once.
const PERFORM_MAX: usize = 256;
/// Submissions to other runs under way at the same time.
const SUBMISSIONS_AT_ONCE: usize = 1_024;

/// Outbox rows that this process is about to perform: the relay leaves them alone.
#[derive(Debug, Default)]
pub(crate) struct Held(Mutex<BTreeSet<OutboxKey>>);

impl Held {
    pub(crate) fn add(&self, key: OutboxKey) {
        self.0.lock().insert(key);
    }

    pub(crate) fn remove(&self, key: &OutboxKey) {
        self.0.lock().remove(key);
    }

    pub(crate) fn contains(&self, key: &OutboxKey) -> bool {
        self.0.lock().contains(key)
    }
}

/// Performs effects.
#[derive(Debug, Clone)]
pub struct Performer {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) reader: Reader,
    pub(crate) workflows: Arc<Workflows>,
    pub(crate) handle: Handle,
    pub(crate) held: Arc<Held>,
    pub(crate) pool_work: Arc<Notify>,
    pub(crate) submissions: Arc<Semaphore>,
    pub(crate) publish_events: bool,
    pub(crate) offers: Option<Arc<dyn Offers>>,
}

impl Performer {
    pub(crate) fn submissions() -> Arc<Semaphore> {
        Arc::new(Semaphore::new(SUBMISSIONS_AT_ONCE))
    }

    /// Performs what arrives, in order: messages in batches, commands to other runs beside them.
    pub(crate) async fn run(self, mut performances: mpsc::Receiver<Box<Performance>>) {
        let mut taken = Vec::with_capacity(PERFORM_MAX);
        while performances.recv_many(&mut taken, PERFORM_MAX).await > 0 {
            let batch = self.gather(&taken).await;
            if !batch.is_empty() && !self.publish(batch).await {
                taken.iter().for_each(|performance| performance.chain.break_off());
            }
            for performance in taken.drain(..) {
                if performance.chain.is_broken() {
                    self.held.remove(&performance.key);
                } else {
                    self.commands(performance).await;
                }
            }
        }
    }

    /// The messages of all performances whose chains hold.
    async fn gather(&self, taken: &[Box<Performance>]) -> Vec<Outgoing> {
        let mut batch = Vec::new();
        for performance in taken.iter().filter(|performance| !performance.chain.is_broken()) {
            let before = batch.len();
            if let Err(error) = self.messages(performance, &mut batch).await {
                tracing::warn!(%error, run = %performance.run, "effects wait for the relay");
                batch.truncate(before);
                performance.chain.break_off();
            }
        }
        batch
    }

    async fn publish(&self, batch: Vec<Outgoing>) -> bool {
        let struck = |struck: Struck| PublishError::from(Unavailable::new(struck));
        let publishing = async {
            reach(Point::PublishBefore).await.map_err(struck)?;
            self.send(batch).await?;
            reach(Point::PublishAfter).await.map_err(struck)
        };
        match publishing.await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, "messages wait for the relay");
                false
            }
        }
    }

    /// Publishes messages; a topic of jobs of pools that was never made is not worth waiting for,
    /// because long polls find these jobs too.
    pub(crate) async fn send(&self, batch: Vec<Outgoing>) -> Result<(), PublishError> {
        let (offers, others): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .partition(|message| message.topic.as_str().starts_with(AGENT_JOBS_TOPIC));
        if !others.is_empty() {
            self.bus.publish(others).await?;
        }
        if offers.is_empty() {
            return Ok(());
        }
        match self.bus.publish(offers).await {
            Err(error @ PublishError::UnknownTopic { .. }) => {
                tracing::error!(%error, "jobs of pools are found by long poll alone");
                Ok(())
            }
            sent => sent,
        }
    }

    /// The messages of a segment: its jobs, then its events.
    pub(crate) async fn messages(
        &self,
        performance: &Performance,
        batch: &mut Vec<Outgoing>,
    ) -> Result<(), ReadError> {
        let key = *performance.run.0.as_bytes();
        for resolved in &performance.dispatches {
            if !resolved.dispatch.job.builtin {
                self.pool_work.notify_waiters();
                batch.extend(self.offer(performance, resolved).await?);
                continue;
            }
            let job = self.job(performance.workspace, performance.run, resolved).await?;
            let topic = job_topic(resolved.dispatch.job.priority);
            let payload = serde_json::to_vec(&job).map_err(|error| ReadError(error.to_string()))?;
            batch.push(Outgoing { topic, key, headers: Vec::new(), payload: payload.into() });
        }
        if self.publish_events {
            let source = format!("/workspaces/{}/runs/{}", performance.workspace, performance.run);
            for text in performance.event_texts() {
                let payload = cloud_event(&source, performance.run, text);
                let topic = Topic::new(EVENTS_TOPIC);
                batch.push(Outgoing { topic, key, headers: Vec::new(), payload });
            }
        }
        Ok(())
    }

    /// A job of a pool as a message, where a topic carries those of its pool.
    async fn offer(
        &self,
        performance: &Performance,
        resolved: &ResolvedDispatch,
    ) -> Result<Option<Outgoing>, ReadError> {
        let Some(offers) = &self.offers else { return Ok(None) };
        let pool = &resolved.dispatch.job.pool;
        let Some(topic) = offers.topic(performance.workspace, pool).await? else {
            return Ok(None);
        };
        let job = self.job(performance.workspace, performance.run, resolved).await?;
        let payload = serde_json::to_vec(&job).map_err(|error| ReadError(error.to_string()))?;
        let headers = offers.headers(&job, &payload).await?;
        let key = *performance.run.0.as_bytes();
        Ok(Some(Outgoing { topic, key, headers, payload: payload.into() }))
    }

    /// A job as its runner gets it: payloads that stand in the log are read from it.
    pub async fn job(
        &self,
        workspace: WorkspaceId,
        run: RunId,
        resolved: &ResolvedDispatch,
    ) -> Result<JobMessage, ReadError> {
        let mut dispatch = resolved.dispatch.clone();
        let parts = [
            (&mut dispatch.job.config, &resolved.config),
            (&mut dispatch.job.input, &resolved.input),
        ];
        for (payload, at_hand) in parts {
            if let Place::Event(_) = payload.place {
                let blob = match at_hand {
                    Some(blob) => Arc::clone(blob),
                    None => self.reader.value(workspace, run, payload.reference(0)).await?,
                };
                *payload = Payload::new(&blob);
            }
        }
        JobMessage::new(workspace, run, &dispatch).map_err(|error| ReadError(error.to_string()))
    }

    /// Sends a segment's commands to other runs, and acknowledges the segment when all arrived.
    async fn commands(&self, performance: Box<Performance>) {
        let only_messages = performance.effects.iter().all(|e| matches!(e, Effect::Publish(_)));
        if only_messages {
            self.acknowledge(performance.key).await;
            return;
        }
        if seeded(Bug::AcknowledgedTooEarly) {
            self.acknowledge(performance.key).await;
        }
        let Ok(permit) = Arc::clone(&self.submissions).acquire_owned().await else { return };
        let performer = self.clone();
        tokio::spawn(async move {
            let struck = |struck: Struck| SubmitError::Unavailable(struck.to_string());
            let performing = async {
                reach(Point::EffectsBefore).await.map_err(struck)?;
                performer.effects(&performance).await?;
                reach(Point::EffectsAfter).await.map_err(struck)
            };
            let done = performing.await;
            drop(permit);
            match done {
                Ok(()) => performer.acknowledge(performance.key).await,
                Err(error) => {
                    tracing::warn!(%error, run = %performance.run, "effects wait for the relay");
                    performer.held.remove(&performance.key);
                }
            }
        });
    }

    async fn acknowledge(&self, key: OutboxKey) {
        self.handle.performed(key).await;
        self.held.remove(&key);
    }

    /// Performs the effects of a segment that are not messages.
    pub(crate) async fn effects(&self, performance: &Performance) -> Result<(), SubmitError> {
        let (workspace, run) = (performance.workspace, performance.run);
        let (mut cancels, mut news) = (Vec::new(), Vec::new());
        for effect in &performance.effects {
            match effect {
                Effect::CancelAttempt(cancel) => cancels.push(LeaseKey {
                    run: stream(run),
                    instance: cancel.instance.to_string(),
                    attempt: cancel.attempt,
                }),
                Effect::StartChild(start) => {
                    self.start_child(performance, start, false).await?;
                }
                Effect::CancelChild(start) => self.cancel_child(performance, start).await?,
                Effect::DeliverToParent(delivery) => self.deliver(workspace, run, delivery).await?,
                &Effect::Continue { after } => {
                    let id = format!("continue:{after}");
                    self.command(workspace, run, id, Command::Continue { after }).await?;
                }
                Effect::Notify(notify) => news.push(&**notify),
                Effect::Dispatch(_) | Effect::Publish(_) => {}
            }
        }
        if !news.is_empty() {
            let recorded = notices::record(&*self.store, (workspace, run), &news).await;
            recorded.map_err(|error| SubmitError::Unavailable(error.to_string()))?;
        }
        if !cancels.is_empty() {
            let cancelled = self.store.lease_cancel(&cancels).await;
            cancelled.map_err(|error| SubmitError::Unavailable(error.to_string()))?;
        }
        Ok(())
    }

    /// Submits a command of the machinery; a refusal is an answer too.
    async fn command(
        &self,
        workspace: WorkspaceId,
        run: RunId,
        id: String,
        command: Command,
    ) -> Result<(), SubmitError> {
        let request = Request { id: CommandId(id.into()), actor: Actor::system(), command };
        let submission =
            Submission { workspace, run, request, key: None, dedup: None, ir: None, token: () };
        match self.handle.submit_internal(submission).await {
            Ok(_) | Err(SubmitError::Rejected(_) | SubmitError::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Creates a child run; true where this call created it. A child that cannot be created
    /// fails its instance.
    async fn start_child(
        &self,
        performance: &Performance,
        start: &StartChild,
        cancelled: bool,
    ) -> Result<bool, SubmitError> {
        let (Some(from), Some(context)) = (&start.from, &performance.child) else {
            return Ok(false);
        };
        let (workspace, run) = (performance.workspace, performance.run);
        let unavailable =
            |error: &dyn std::fmt::Display| SubmitError::Unavailable(error.to_string());
        let ir = self.workflows.ir(workspace, from.digest).await.map_err(|e| unavailable(&e))?;
        let inputs = match &from.inputs.place {
            Place::Here(blob) => Arc::clone(blob),
            Place::Event(_) | Place::Cas => {
                let reference = from.inputs.reference(0);
                self.reader.value(workspace, run, reference).await.map_err(|e| unavailable(&e))?
            }
        };
        let request = Request {
            id: CommandId(format!("start:{}", start.child).into()),
            // Whoever may not approve what they started may not approve it in a child either.
            actor: context.started_by.clone(),
            command: Command::Start(Box::new(child_start(
                performance,
                start,
                context,
                inputs,
                cancelled,
            ))),
        };
        let submission = Submission {
            workspace,
            run: start.child,
            request,
            key: None,
            dedup: None,
            ir: Some(ir),
            token: (),
        };
        match self.handle.submit_internal(submission).await {
            Ok(outcome) => Ok(outcome.changed),
            Err(SubmitError::Rejected(rejection)) => {
                let failure = aob_engine::Failure {
                    code: "child_refused".into(),
                    message: rejection.message.into(),
                    retryable: false,
                    lost: false,
                    retry_after_ms: None,
                    details: None,
                };
                let outcome = ChildOutcome::Failed(failure);
                self.tell_parent(workspace, run, start, outcome).await?;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    async fn tell_parent(
        &self,
        workspace: WorkspaceId,
        parent: RunId,
        start: &StartChild,
        outcome: ChildOutcome,
    ) -> Result<(), SubmitError> {
        let (instance, child) = (start.instance.clone(), start.child);
        // It never ran.
        let spent = Some(Spent::default());
        let command = Command::ChildResult { instance, child, outcome, spent };
        self.command(workspace, parent, format!("child:{child}"), command).await
    }

    /// Cancels a child run; one that has not started is written as created-and-cancelled.
    async fn cancel_child(
        &self,
        performance: &Performance,
        start: &StartChild,
    ) -> Result<(), SubmitError> {
        loop {
            let reason = Some("the parent run was cancelled".into());
            let request = Request {
                id: CommandId(format!("cancel:{}", start.child).into()),
                actor: Actor::system(),
                command: Command::Cancel { reason },
            };
            let submission = Submission {
                workspace: performance.workspace,
                run: start.child,
                request,
                key: None,
                dedup: None,
                ir: None,
                token: (),
            };
            match self.handle.submit_internal(submission).await {
                Ok(_) | Err(SubmitError::Rejected(_)) => return Ok(()),
                Err(SubmitError::NotFound(_)) if start.from.is_none() => return Ok(()),
                Err(SubmitError::NotFound(_)) => {
                    if self.start_child(performance, start, true).await? {
                        return Ok(());
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn deliver(
        &self,
        workspace: WorkspaceId,
        child: RunId,
        delivery: &DeliverToParent,
    ) -> Result<(), SubmitError> {
        let outcome = match &delivery.end {
            ChildEnd::Completed(output) => {
                let output = self.reader.value(workspace, child, *output).await;
                let output = output.map_err(|e| SubmitError::Unavailable(e.to_string()))?;
                ChildOutcome::Completed { output }
            }
            ChildEnd::Failed(failure) => ChildOutcome::Failed(failure.clone()),
            ChildEnd::Cancelled => ChildOutcome::Cancelled,
        };
        let (instance, spent) = (delivery.parent.instance.clone(), delivery.spent);
        let command = Command::ChildResult { instance, child, outcome, spent };
        self.command(workspace, delivery.parent.run, format!("child:{child}"), command).await
    }
}

fn child_start(
    performance: &Performance,
    start: &StartChild,
    context: &ChildContext,
    inputs: Arc<Blob>,
    cancelled: bool,
) -> StartRun {
    StartRun {
        run: start.child,
        workspace: performance.workspace,
        tag: start.from.as_ref().and_then(|from| from.tag.clone()),
        inputs,
        parent: Some(aob_engine::ParentLink {
            run: performance.run,
            instance: start.instance.clone(),
        }),
        depth: context.depth + 1,
        labels: context.labels.clone(),
        priority: Some(context.priority),
        fidelity: context.fidelity,
        limits: None,
        budget: start.from.as_ref().and_then(|from| from.budget),
        cancel_grace_ms: context.cancel_grace_ms,
        children: context.children.clone(),
        cancelled,
    }
}

/// Topic of domain events.
pub const EVENTS_TOPIC: &str = "workflow.events";
/// Topic of results of built-in runners.
pub const RESULTS_TOPIC: &str = "node.results";

/// Topic of the jobs that every built-in runner executes.
pub fn job_topic(priority: Priority) -> Topic {
    Topic::new(match priority {
        Priority::High => "node.jobs.high",
        Priority::Medium => "node.jobs.medium",
        Priority::Low => "node.jobs.low",
    })
}

/// An event of the log, unchanged, in a CloudEvents 1.0 envelope (JSON format).
fn cloud_event(source: &str, run: RunId, text: &str) -> Bytes {
    let mut envelope = String::with_capacity(text.len() + 200);
    envelope.push_str("{\"specversion\":\"1.0\",\"type\":\"dev.aob.run.event.v1\",\"source\":\"");
    envelope.push_str(source);
    envelope.push_str("\",\"id\":\"");
    envelope.push_str(&run.to_string());
    envelope.push('/');
    envelope.push_str(seq_of(text));
    envelope.push_str("\",\"datacontenttype\":\"application/json\",\"data\":");
    envelope.push_str(text);
    envelope.push('}');
    envelope.into()
}

/// The digits of an event's `seq`, which its text begins with.
fn seq_of(text: &str) -> &str {
    let digits = text.strip_prefix("{\"seq\":").unwrap_or_default();
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    &digits[..end]
}
