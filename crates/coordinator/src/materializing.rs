//! Materialization workers: decide the pending patches of workflows, tag by tag, in batches.
//!
//! ```text
//!   POST patches -> row `pending` (durable) -> patch.created --+--> [take a tag] -> documents, then
//!                                              sweep of rows --+     versions and decisions at once
//! ```
//!
//! A pending row is the promise; the message only makes it quick. A batch is decided on where the
//! tag stands and written on that revision, versions and decisions in one commit, so a worker that
//! dies leaves its batch pending, and of two that meet one starts over.

mod batch;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aob_api::{ErrorCode, Problem};
use aob_bus::{Bus, Consumer, Outgoing, SubscribeError, Topic};
use aob_engine::Timestamp;
use aob_ir::{Digest, Ir};
use aob_materializer::Patch;
use aob_store::tagging::{NewVersion, enter};
use aob_store::{
    Clock, PatchRow, PatchSettled, PatchStatus, Store, StoreResult, TagRow, TagWritten,
    VersionKind, WorkspaceId,
};
use aob_validator::{Author, Rules};
use futures::StreamExt;
use futures::stream;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use self::batch::Batch;
use crate::patching::{PatchRefusal, Plan, Proposed, refused};
use crate::workflows::documents_of;
use crate::{WorkflowError, Workflows, engine_workspace};

/// Where accepted patches are announced.
pub const PATCHES_TOPIC: &str = "patch.created";
/// Consumer group of the workers.
const GROUP: &str = "materializers";
/// Patches of one tag that are decided at once.
const BATCH: u32 = 64;
/// Messages taken at once.
const MESSAGES_MAX: usize = 256;
/// Tags worked on at once by one process.
const TAGS_AT_ONCE: usize = 8;
/// Rows younger than this are announced, and whoever hears it takes them.
const AGE_MS: i64 = 2_000;
/// How often rows that nobody takes are looked for.
const SWEEP_PERIOD: Duration = Duration::from_secs(1);
/// How long a worker waits that cannot hear.
const RETRY: Duration = Duration::from_secs(1);
/// How often a batch is decided again because the tag moved meanwhile.
const TRIES: u32 = 64;

/// Says that a tag has a pending patch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchCreated {
    /// The workspace.
    pub workspace: uuid::Uuid,
    /// The workflow's tag.
    pub workflow: String,
    /// The patch.
    pub patch: String,
    /// When it was accepted.
    pub at: Timestamp,
}

impl PatchCreated {
    /// The message that says so; those of one workflow stay in order.
    pub fn outgoing(&self) -> Outgoing {
        let mut hash = Sha256::new();
        hash.update(self.workspace.as_bytes());
        hash.update(&self.workflow);
        let mut key = [0; 16];
        key.copy_from_slice(&hash.finalize()[..16]);
        let payload = serde_json::to_vec(self).unwrap_or_default().into();
        Outgoing { topic: Topic::new(PATCHES_TOPIC), key, headers: Vec::new(), payload }
    }
}

/// See the module.
#[derive(Clone)]
pub struct Materializer {
    store: Arc<dyn Store>,
    workflows: Arc<Workflows>,
    clock: Clock,
    rules: Arc<Rules>,
    /// Signalled when patches were decided in this process.
    pub decided: Arc<Notify>,
}

impl std::fmt::Debug for Materializer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Materializer").field("store", &self.store).finish_non_exhaustive()
    }
}

impl Materializer {
    /// Decides on these ports; nothing starts.
    pub fn new(
        store: Arc<dyn Store>,
        workflows: Arc<Workflows>,
        clock: Clock,
        rules: Arc<Rules>,
    ) -> Self {
        Self { store, workflows, clock, rules, decided: Arc::new(Notify::new()) }
    }

    /// Works until `shutdown`.
    pub async fn run(self, bus: Arc<dyn Bus>, shutdown: CancellationToken) {
        let sweeping = self.clone().sweep_on(shutdown.clone());
        let hearing = self.hear(bus, shutdown);
        futures::join!(sweeping, hearing);
    }

    /// Looks for rows that nobody takes, at first for all of them: what a crash left.
    async fn sweep_on(self, shutdown: CancellationToken) {
        self.sweep(i64::MAX).await;
        let mut period = tokio::time::interval(SWEEP_PERIOD);
        period.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                _ = period.tick() => {}
            }
            self.sweep((self.clock)() - AGE_MS).await;
        }
    }

    /// Decides the patches that have been pending since before `older_than_ms`.
    async fn sweep(&self, older_than_ms: i64) {
        let mut after = None;
        loop {
            let found = self.store.tags_pending(older_than_ms, after.as_ref(), BATCH).await;
            let tags = match found {
                Ok(tags) => tags,
                Err(error) => {
                    tracing::warn!(%error, "pending patches cannot be looked for");
                    return;
                }
            };
            let Some(last) = tags.last().cloned() else { return };
            after = Some(last);
            self.take_all(tags).await;
        }
    }

    async fn hear(self, bus: Arc<dyn Bus>, shutdown: CancellationToken) {
        let Some(consumer) = subscribe(&*bus, &shutdown).await else { return };
        loop {
            let messages = tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                messages = consumer.recv_batch(MESSAGES_MAX) => messages,
            };
            let messages = match messages {
                Ok(messages) => messages,
                Err(error) => {
                    tracing::warn!(%error, "new patches cannot be heard of");
                    tokio::time::sleep(RETRY).await;
                    continue;
                }
            };
            let tags: BTreeSet<(WorkspaceId, String)> = messages
                .iter()
                .filter_map(|message| serde_json::from_slice(&message.payload).ok())
                .map(|PatchCreated { workspace, workflow, .. }| (WorkspaceId(workspace), workflow))
                .collect();
            self.take_all(tags).await;
            for message in &messages {
                // What is delivered again finds nothing pending.
                if let Err(error) = consumer.commit(message.partition, message.offset).await {
                    tracing::debug!(%error, "a message about a patch will be heard again");
                }
            }
        }
    }

    async fn take_all(&self, tags: impl IntoIterator<Item = (WorkspaceId, String)>) {
        let taking = stream::iter(tags).for_each_concurrent(TAGS_AT_ONCE, async |(owner, tag)| {
            if let Err(error) = self.take(owner, &tag).await {
                tracing::warn!(%error, tag, "patches stay pending");
            }
        });
        taking.await;
    }

    /// Decides all pending patches of a tag.
    ///
    /// # Errors
    /// If the store does not answer, or a document cannot be had; they stay pending then.
    pub async fn take(&self, workspace: WorkspaceId, tag: &str) -> Result<(), WorkflowError> {
        for _ in 0..TRIES {
            let pending = self.store.patches_pending(workspace, tag, BATCH).await?;
            if pending.is_empty() {
                return Ok(());
            }
            let row = self.store.tag(workspace, tag).await?;
            let row = row.ok_or_else(|| WorkflowError::UnknownTag(tag.to_owned()))?;
            if self.decide(workspace, &row, pending).await? {
                self.decided.notify_waiters();
            }
        }
        Ok(())
    }

    /// Decides patches on where their tag stands; false: it moved meanwhile, and they stay pending.
    async fn decide(
        &self,
        workspace: WorkspaceId,
        row: &TagRow,
        pending: Vec<PatchRow>,
    ) -> Result<bool, WorkflowError> {
        let tag = row.current.tag.as_str();
        let now_ms = (self.clock)();
        let current = digest(&row.current.digest, tag)?;
        let mut base = self.workflows.ir(engine_workspace(workspace), current).await?;
        let mut depth = self.depth(workspace, &row.current.digest).await?.unwrap_or(0);
        let mut batch = Batch::default();
        let mut at = row.current.version;
        let mut tip = row.tip;
        for patch in pending {
            if let Some(rejected) = unexpected(&patch, at) {
                batch.settled.push(PatchSettled {
                    id: patch.id,
                    status: rejected,
                    decided_ms: now_ms,
                });
                continue;
            }
            let status = match self.plan(workspace, &base, &patch).await {
                Ok(plan) if plan.validated.ir.digest == base.digest => {
                    PatchStatus::Applied { version: at, digest: base.digest.to_string() }
                }
                Ok(plan) => {
                    // A document that is stored already stays as it is stored.
                    let result = plan.validated.ir.digest.to_string();
                    depth = match self.depth(workspace, &result).await? {
                        Some(depth) => batch.meet(&plan, depth),
                        None => batch.keep(&plan, depth),
                    };
                    tip += 1;
                    at = tip;
                    batch.new.push(version(&patch, plan.validated.ir.digest));
                    base = plan.validated.ir;
                    PatchStatus::Applied { version: at, digest: base.digest.to_string() }
                }
                Err(refusal) => PatchStatus::Rejected { problem: told(refusal)? },
            };
            batch.settled.push(PatchSettled { id: patch.id, status, decided_ms: now_ms });
        }
        Ok(self.write(workspace, row, batch, now_ms).await?)
    }

    async fn plan(
        &self,
        workspace: WorkspaceId,
        base: &Arc<Ir>,
        row: &PatchRow,
    ) -> Result<Plan, PatchRefusal> {
        let author = author(&row.origin);
        let patch = Patch::parse(&row.operations, self.rules.budget_of(&author));
        let patch = patch.map_err(PatchRefusal::Malformed)?;
        let against = digest(&row.base, &row.tag)?;
        let proposed = Proposed { patch: &patch, against, author: &author, rules: &self.rules };
        self.workflows.plan_patch(engine_workspace(workspace), base, proposed).await
    }

    /// How many patches lie between a document and the one below it that is stored whole; `None`:
    /// it is not stored.
    async fn depth(&self, workspace: WorkspaceId, digest: &str) -> StoreResult<Option<usize>> {
        let stored = self.store.document(workspace, digest).await?;
        Ok(stored.map(|stored| stored.patches.len()))
    }

    /// Makes sure that what was stored as patches can be read. Where others stored one of the
    /// documents meanwhile, as a patch of their own, a chain may have become too long.
    async fn check_chains(
        &self,
        workspace: WorkspaceId,
        batch: &Batch,
        now_ms: i64,
    ) -> StoreResult<()> {
        let parents: BTreeSet<&str> =
            batch.patched.iter().map(|patched| patched.parent.as_str()).collect();
        let ends = batch.patched.iter().filter(|one| !parents.contains(one.digest.as_str()));
        for end in ends {
            let read = self.store.document(workspace, &end.digest).await;
            if !matches!(read, Ok(Some(_))) {
                tracing::warn!(digest = end.digest, "a chain of patches is stored whole");
                let whole: Vec<(String, String)> =
                    batch.irs.iter().flat_map(|ir| documents_of(ir)).collect();
                return self.store.documents_put(workspace, &whole, now_ms).await;
            }
        }
        Ok(())
    }

    /// Documents first: what nothing names does no harm.
    async fn write(
        &self,
        workspace: WorkspaceId,
        row: &TagRow,
        batch: Batch,
        now_ms: i64,
    ) -> StoreResult<bool> {
        if !batch.whole.is_empty() {
            self.store.documents_put(workspace, &batch.whole, now_ms).await?;
        }
        if !batch.patched.is_empty() {
            self.store.documents_put_patched(workspace, &batch.patched, now_ms).await?;
            self.check_chains(workspace, &batch, now_ms).await?;
        }
        let Batch { new, settled, irs, .. } = batch;
        let mut planned = enter(&row.current.tag, Some(row), new, now_ms);
        planned.write.settled = settled;
        let written = self.store.tag_write(workspace, &planned.write).await?;
        for ir in irs {
            self.workflows.remember(engine_workspace(workspace), &ir);
        }
        Ok(written == TagWritten::Done)
    }
}

fn version(patch: &PatchRow, digest: Digest) -> NewVersion {
    NewVersion {
        digest: digest.to_string(),
        kind: VersionKind::Patched,
        source: Some(patch.id.clone()),
        description: patch.description.clone(),
        actor: patch.author.clone(),
    }
}

/// The rejection of a patch that asks for another version than the tag is at, be it because of the
/// patches that were decided before it.
fn unexpected(patch: &PatchRow, at: u64) -> Option<PatchStatus> {
    patch.expected.filter(|expected| *expected != at)?;
    let problem = Problem::wrong_version(&patch.tag, at);
    Some(PatchStatus::Rejected { problem: serde_json::to_string(&problem).unwrap_or_default() })
}

/// Why a patch is rejected, as JSON.
fn told(refusal: PatchRefusal) -> Result<String, WorkflowError> {
    let problem = match (refused(&refusal), refusal) {
        (Some(problem), _) => problem,
        // It may go another time.
        (None, PatchRefusal::Workflow(error @ WorkflowError::Store(_))) => return Err(error),
        // It never will, and must not hold up those that come after it.
        (None, other) => Problem::new(ErrorCode::PatchRefused, other.to_string())
            .with_hint("make the patch against the document that holds"),
    };
    Ok(serde_json::to_string(&problem).unwrap_or_default())
}

fn digest(text: &str, tag: &str) -> Result<Digest, WorkflowError> {
    text.parse().map_err(|_| WorkflowError::UnknownTag(tag.to_owned()))
}

/// The author that a row's origin stands for.
fn author(origin: &str) -> Author {
    match origin {
        "agent" => Author::Agent { node: None },
        "optimizer" => Author::Optimizer,
        _ => Author::Person,
    }
}

/// Joins the group, however long that takes; `None`: it cannot be joined, or shut down. The sweep
/// finds all patches even so.
async fn subscribe(bus: &dyn Bus, shutdown: &CancellationToken) -> Option<Box<dyn Consumer>> {
    let topic = Topic::new(PATCHES_TOPIC);
    loop {
        match bus.subscribe(&topic, GROUP).await {
            Ok(consumer) => return Some(consumer),
            Err(SubscribeError::Unavailable(error)) => {
                tracing::warn!(%error, "new patches cannot be heard of yet");
            }
            Err(error @ SubscribeError::UnknownTopic { .. }) => {
                tracing::error!(%error, "new patches cannot be heard of");
                return None;
            }
        }
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return None,
            () = tokio::time::sleep(RETRY) => {}
        }
    }
}
