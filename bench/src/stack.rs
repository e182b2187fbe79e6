//! The embedded stack without API: coordinator over SQLite, files and the in-process bus.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, anyhow};
use aob_bus::{MemBus, Topic, TopicConfig};
use aob_cache::NullCache;
use aob_cas::FileCas;
use aob_coordinator::{Config, Coordinator, Deps, Submission};
use aob_engine::{Actor, Blob, Command, CommandId, Request, RunId, StartRun, WorkspaceId};
use aob_ir::Ir;
use aob_store::{SqliteConfig, SqliteStore, Store, Views as _};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::machine::now_ms;

/// The tenant of every run here.
pub(crate) const WORKSPACE: WorkspaceId = WorkspaceId(Uuid::from_u128(0xb));

/// A running stack in a scratch folder.
#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) coordinator: Coordinator,
    store: Arc<SqliteStore>,
    shutdown: CancellationToken,
    _folder: tempfile::TempDir,
}

impl Stack {
    /// Starts it on the current runtime.
    pub(crate) fn start() -> Result<Self> {
        let folder = tempfile::tempdir_in(".")?;
        let clock: aob_store::Clock = Arc::new(now_ms);
        let config = SqliteConfig::new(folder.path().join("aob.db"));
        let store = Arc::new(SqliteStore::open(&config, Arc::clone(&clock))?);
        let partitions = TopicConfig::with_partitions(NonZeroU32::MIN);
        let topics = [
            "node.jobs.high",
            "node.jobs.medium",
            "node.jobs.low",
            "node.results",
            "workflow.events",
            "patch.created",
        ];
        let deps = Deps {
            store: Arc::clone(&store) as Arc<dyn Store>,
            cas: Arc::new(FileCas::open(folder.path().join("cas"))?),
            cache: Arc::new(NullCache),
            bus: Arc::new(MemBus::new(topics.map(|name| (Topic::new(name), partitions)))),
            clock,
        };
        let shutdown = CancellationToken::new();
        let coordinator = Coordinator::start(&Config::default(), deps, &shutdown);
        Ok(Self { coordinator, store, shutdown, _folder: folder })
    }

    /// The status of a run, from its row.
    pub(crate) async fn status(&self, run: RunId) -> Result<String> {
        let workspace = aob_store::WorkspaceId(WORKSPACE.0);
        let row = self.store.run(workspace, aob_store::StreamId(run.0)).await?;
        Ok(row.map(|row| row.status).unwrap_or_default())
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// Compiles a document.
pub(crate) fn compile(document: &Value) -> Result<Arc<Ir>> {
    let compiled = aob_ir::compile(document).map_err(|diagnostics| anyhow!("{diagnostics}"))?;
    Ok(compiled.ir)
}

/// A start with a fresh id.
pub(crate) fn start(ir: &Arc<Ir>, inputs: &Arc<Blob>) -> Submission<()> {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let mut random = [0; 10];
    random[2..].copy_from_slice(&number.to_be_bytes());
    let millis = u64::try_from(now_ms()).unwrap_or(0);
    let run = RunId(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid());
    let start = StartRun {
        run,
        workspace: WORKSPACE,
        tag: None,
        inputs: Arc::clone(inputs),
        parent: None,
        depth: 0,
        labels: std::collections::BTreeMap::new(),
        priority: None,
        fidelity: aob_engine::Fidelity::Fast,
        limits: None,
        budget: None,
        cancel_grace_ms: 30_000,
        children: std::collections::BTreeMap::new(),
        cancelled: false,
    };
    submission(run, Some(Arc::clone(ir)), Command::Start(Box::new(start)))
}

/// A command to a run.
pub(crate) fn submission(run: RunId, ir: Option<Arc<Ir>>, command: Command) -> Submission<()> {
    let request = Request {
        id: CommandId(format!("bench:{run}").into()),
        actor: Actor("user:bench".into()),
        command,
    };
    Submission { workspace: WORKSPACE, run, request, key: None, dedup: None, ir, token: () }
}
