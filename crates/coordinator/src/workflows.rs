//! Compiled workflows by digest, tags, and what sub-workflow tags mean.

mod chain;
mod trial;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use aob_cache::{Cache, CacheKey};
use aob_engine::{Blob, WorkspaceId};
use aob_ir::{Diagnostics, Digest, Ir};
use aob_store::{Store, StoreError};
use lru::LruCache;
use parking_lot::Mutex;
use serde_json::Value;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::store_workspace;

/// The kind of cached documents, with the version of their encoding.
const DOCUMENT: &str = "document:1";
/// How long documents are kept in the cache: 24 hours.
const DOCUMENT_TTL_MS: u64 = 24 * 60 * 60 * 1_000;

/// How deep sub-workflows may name each other.
const CHILD_DEPTH_MAX: usize = 32;

/// How a client names a workflow.
#[derive(Debug, Clone)]
pub enum WorkflowRef {
    /// The latest version of a tag, or one of its versions.
    Tag {
        /// The tag.
        tag: String,
        /// `None`: the latest.
        version: Option<u64>,
    },
    /// A stored document.
    Digest(Digest),
    /// A document given inline.
    Document(Box<Value>),
}

/// A workflow ready to start.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// Compiled.
    pub ir: Arc<Ir>,
    /// The tag it came from.
    pub tag: Option<Arc<str>>,
    /// The version of the tag, and why it is this one.
    pub version: Option<ChosenVersion>,
    /// Meaning of every sub-workflow tag, transitively.
    pub children: BTreeMap<Arc<str>, Digest>,
}

/// Which version of a tag a run is started with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChosenVersion {
    /// The version.
    pub version: u64,
    /// How it was chosen.
    pub choice: Choice,
}

/// How the version of a tag was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The tag is there, and no other version is on trial; or the version was asked for.
    Named,
    /// Another version is on trial, and the run did not fall to its share.
    Control,
    /// The version is on trial, and the run fell to its share.
    Trial,
}

/// Why a workflow cannot be had.
#[derive(Debug, Error)]
pub enum WorkflowError {
    /// There is no such tag or version.
    #[error("there is no workflow `{0}`")]
    UnknownTag(String),
    /// There is no such document.
    #[error("there is no workflow with digest {0}")]
    UnknownDigest(Digest),
    /// The document is not valid.
    #[error("the workflow is not valid")]
    Invalid(Diagnostics),
    /// Sub-workflows name each other in a circle.
    #[error("sub-workflows form a circle: {0}")]
    Cycle(String),
    /// A sub-workflow does not exist.
    #[error("sub-workflow `{0}` does not exist")]
    UnknownChild(Arc<str>),
    /// What is stored under the digest is not what the digest says.
    #[error("the document {0} cannot be read")]
    Unreadable(Digest),
    /// Storage.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Workflows of all workspaces.
#[derive(Debug)]
pub struct Workflows {
    store: Arc<dyn Store>,
    cache: Arc<dyn Cache>,
    compiled: Mutex<LruCache<(WorkspaceId, Digest), Arc<Ir>>>,
}

/// A compiled workflow's documents by digest: its own and those of inline sub-workflows.
pub(crate) fn documents_of(ir: &Ir) -> Vec<(String, String)> {
    let own = (ir.digest.to_string(), ir.canonical.to_string());
    let inline = ir.inline_children.iter();
    let inline = inline.map(|(digest, text)| (digest.to_string(), text.to_string()));
    std::iter::once(own).chain(inline).collect()
}

impl Workflows {
    /// Reads from `store`, keeping `capacity` compiled workflows in memory and documents in
    /// `cache`, which other processes may share.
    pub fn new(store: Arc<dyn Store>, cache: Arc<dyn Cache>, capacity: NonZeroUsize) -> Self {
        Self { store, cache, compiled: Mutex::new(LruCache::new(capacity)) }
    }

    /// The compiled workflow with this digest.
    ///
    /// # Errors
    /// If the workspace does not have it.
    pub async fn ir(
        &self,
        workspace: WorkspaceId,
        digest: Digest,
    ) -> Result<Arc<Ir>, WorkflowError> {
        if let Some(ir) = self.compiled.lock().get(&(workspace, digest)) {
            return Ok(Arc::clone(ir));
        }
        let key = CacheKey { workspace: *workspace.0.as_bytes(), kind: DOCUMENT, id: &digest.0 };
        if let Some(ir) = self.cached(key, digest).await {
            self.remember(workspace, &ir);
            return Ok(ir);
        }
        let stored = self.store.document(store_workspace(workspace), &digest.to_string()).await?;
        let stored = stored.ok_or(WorkflowError::UnknownDigest(digest))?;
        let text = chain::text(stored, digest).map_err(|error| {
            tracing::error!(%digest, error, "a stored document cannot be materialized");
            WorkflowError::Unreadable(digest)
        })?;
        let compiled = aob_ir::compile_text(&text).map_err(WorkflowError::Invalid)?;
        self.cache.put(key, text.into(), DOCUMENT_TTL_MS).await;
        self.remember(workspace, &compiled.ir);
        Ok(compiled.ir)
    }

    /// What the cache has, if it is the document of that digest and no other.
    async fn cached(&self, key: CacheKey<'_>, digest: Digest) -> Option<Arc<Ir>> {
        let cached = self.cache.get(key).await?;
        let text = std::str::from_utf8(&cached.value).ok()?;
        let ir = aob_ir::compile_text(text).ok()?.ir;
        (ir.digest == digest).then_some(ir)
    }

    pub(crate) fn remember(&self, workspace: WorkspaceId, ir: &Arc<Ir>) {
        self.compiled.lock().put((workspace, ir.digest), Arc::clone(ir));
    }

    /// Documents as blobs of their canonical text, in the order given.
    ///
    /// # Errors
    /// As [`Workflows::ir`].
    pub async fn documents(
        &self,
        workspace: WorkspaceId,
        digests: &[Digest],
    ) -> Result<Vec<Arc<Blob>>, WorkflowError> {
        let mut documents = Vec::with_capacity(digests.len());
        for digest in digests {
            let text = self.ir(workspace, *digest).await?.canonical.to_string();
            let raw = RawValue::from_string(text);
            documents.push(Blob::new(raw.map_err(|_| WorkflowError::UnknownDigest(*digest))?));
        }
        Ok(documents)
    }

    /// Stores a compiled workflow's documents: its own and those of inline sub-workflows.
    ///
    /// # Errors
    /// If storage does not answer.
    pub async fn store(
        &self,
        workspace: WorkspaceId,
        ir: &Arc<Ir>,
        now_ms: i64,
    ) -> Result<(), WorkflowError> {
        if self.compiled.lock().contains(&(workspace, ir.digest)) {
            return Ok(());
        }
        let documents = documents_of(ir);
        self.store.documents_put(store_workspace(workspace), &documents, now_ms).await?;
        self.remember(workspace, ir);
        Ok(())
    }

    /// Resolves what a client names: compiled, stored, and with the meaning of its tags.
    ///
    /// # Errors
    /// See [`WorkflowError`].
    pub async fn resolve(
        &self,
        workspace: WorkspaceId,
        reference: &WorkflowRef,
        now_ms: i64,
    ) -> Result<Resolved, WorkflowError> {
        self.resolve_for(workspace, reference, None, now_ms).await
    }

    /// The same, for a run that may fall to the version on trial: `key` decides, always the same for
    /// the same trial.
    ///
    /// # Errors
    /// See [`WorkflowError`].
    pub async fn resolve_for(
        &self,
        workspace: WorkspaceId,
        reference: &WorkflowRef,
        key: Option<&str>,
        now_ms: i64,
    ) -> Result<Resolved, WorkflowError> {
        let (ir, tag, version) = match reference {
            WorkflowRef::Tag { tag, version } => {
                let (digest, chosen) = self.chosen(workspace, tag, *version, key).await?;
                let ir = self.ir(workspace, digest).await?;
                (ir, Some(tag.as_str().into()), Some(chosen))
            }
            WorkflowRef::Digest(digest) => (self.ir(workspace, *digest).await?, None, None),
            WorkflowRef::Document(document) => {
                let ir = aob_ir::compile(document).map_err(WorkflowError::Invalid)?.ir;
                self.store(workspace, &ir, now_ms).await?;
                (ir, None, None)
            }
        };
        let children = self.children(workspace, &ir).await?;
        Ok(Resolved { ir, tag, version, children })
    }

    /// The digest of what a client names; a document is compiled and not stored.
    ///
    /// # Errors
    /// See [`WorkflowError`].
    pub async fn digest(
        &self,
        workspace: WorkspaceId,
        reference: &WorkflowRef,
    ) -> Result<Digest, WorkflowError> {
        match reference {
            WorkflowRef::Tag { tag, version } => {
                Ok(self.chosen(workspace, tag, *version, None).await?.0)
            }
            WorkflowRef::Digest(digest) => Ok(self.ir(workspace, *digest).await?.digest),
            WorkflowRef::Document(document) => {
                Ok(aob_ir::compile(document).map_err(WorkflowError::Invalid)?.ir.digest)
            }
        }
    }

    /// The version of a tag that holds for a run with this key.
    async fn chosen(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        version: Option<u64>,
        key: Option<&str>,
    ) -> Result<(Digest, ChosenVersion), WorkflowError> {
        let unknown = || WorkflowError::UnknownTag(tag.to_owned());
        let tenant = store_workspace(workspace);
        let (row, choice) = match version {
            Some(version) => {
                let named = self.store.tag_version(tenant, tag, version).await?;
                (named.ok_or_else(unknown)?, Choice::Named)
            }
            None => {
                let row = self.store.tag(tenant, tag).await?.ok_or_else(unknown)?;
                match row.canary.zip(key) {
                    None => (row.current, Choice::Named),
                    Some((canary, key)) if trial::falls_to(tag, canary, key) => {
                        let tried = self.store.tag_version(tenant, tag, canary.version).await?;
                        (tried.ok_or_else(unknown)?, Choice::Trial)
                    }
                    Some(_) => (row.current, Choice::Control),
                }
            }
        };
        let digest = row.digest.parse().map_err(|_| unknown())?;
        Ok((digest, ChosenVersion { version: row.version, choice }))
    }

    async fn tagged(
        &self,
        workspace: WorkspaceId,
        tag: &str,
    ) -> Result<Option<Arc<Ir>>, WorkflowError> {
        match self.chosen(workspace, tag, None, None).await {
            Ok((digest, _)) => self.ir(workspace, digest).await.map(Some),
            Err(WorkflowError::UnknownTag(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What the tags of sub-workflows mean now, transitively.
    ///
    /// # Errors
    /// If one does not exist, or they form a circle.
    pub async fn children(
        &self,
        workspace: WorkspaceId,
        ir: &Arc<Ir>,
    ) -> Result<BTreeMap<Arc<str>, Digest>, WorkflowError> {
        let mut meaning = BTreeMap::new();
        let mut pending: Vec<(Vec<Arc<str>>, Arc<Ir>)> = vec![(Vec::new(), Arc::clone(ir))];
        while let Some((path, ir)) = pending.pop() {
            for digest in ir.inline_children.keys() {
                let inline = self.ir(workspace, *digest).await?;
                if path.len() < CHILD_DEPTH_MAX && !inline.child_tags.is_empty() {
                    pending.push((path.clone(), inline));
                }
            }
            for tag in &ir.child_tags {
                let mut path = path.clone();
                let circular = path.contains(tag);
                path.push(Arc::clone(tag));
                if circular || path.len() > CHILD_DEPTH_MAX {
                    return Err(WorkflowError::Cycle(path.join(" -> ")));
                }
                let child = self.tagged(workspace, tag).await?;
                let child = child.ok_or_else(|| WorkflowError::UnknownChild(Arc::clone(tag)))?;
                meaning.insert(Arc::clone(tag), child.digest);
                pending.push((path, child));
            }
        }
        Ok(meaning)
    }
}
