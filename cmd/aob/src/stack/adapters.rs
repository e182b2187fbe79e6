//! The embedded adapters over one data directory.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use aob_bus::{MemBus, Topic, TopicConfig};
use aob_cas::FileCas;
use aob_coordinator::{EVENTS_TOPIC, PATCHES_TOPIC, RESULTS_TOPIC, job_topic};
use aob_ir::Priority;
use aob_store::{Clock, SqliteConfig, SqliteStore};

use crate::clock;
use crate::commands::with_sources;
use crate::exit::Exit;
use crate::failure::Failure;

/// Partitions of a topic: as many consumers as this process has use for.
const PARTITIONS: NonZeroU32 = NonZeroU32::new(4).unwrap();

/// SQLite, files, and what lives in memory.
#[derive(Clone)]
pub(crate) struct Adapters {
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) cas: Arc<FileCas>,
    pub(crate) bus: Arc<MemBus>,
    pub(crate) clock: Clock,
}

impl Adapters {
    /// Opens what is in `dir`, creating what is missing.
    pub(crate) fn open(dir: &Path) -> Result<Self, Failure> {
        let clock: Clock = Arc::new(|| clock::now().0);
        let failed = |what: &str, error: &dyn std::error::Error| {
            let message =
                format!("{what} in {} cannot be opened: {}", dir.display(), with_sources(error));
            let todo = "check the directory, or name another one with --data";
            Failure::new(Exit::Failed, "data_dir", message, todo)
        };
        let config = SqliteConfig::new(dir.join("aob.db"));
        let store = SqliteStore::open(&config, Arc::clone(&clock));
        let store = Arc::new(store.map_err(|error| failed("the database", &error))?);
        let cas = FileCas::open(dir.join("blobs"));
        let cas = Arc::new(cas.map_err(|error| failed("the blobs", &error))?);
        Ok(Self { store, cas, bus: Arc::new(MemBus::new(topics())), clock })
    }
}

/// All topics of this process.
fn topics() -> impl Iterator<Item = (Topic, TopicConfig)> {
    let jobs = [Priority::High, Priority::Medium, Priority::Low].map(job_topic);
    let others = [RESULTS_TOPIC, EVENTS_TOPIC, PATCHES_TOPIC].map(Topic::new);
    let config = TopicConfig::with_partitions(PARTITIONS);
    jobs.into_iter().chain(others).map(move |topic| (topic, config))
}
