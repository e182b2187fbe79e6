//! `orchestrator`: the API and its coordinators over the embedded adapters.
//!
//! Everything lives in one directory (`--data`), and topics live in the process: jobs reach runners
//! that join by long poll. `aob dev` composes the same library with runners and streams.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use aob_bus::{MemBus, Topic, TopicConfig};
use aob_cas::FileCas;
use aob_coordinator::{EVENTS_TOPIC, RESULTS_TOPIC, job_topic};
use aob_edge::system_entropy;
use aob_ir::Priority;
use aob_orchestrator::{Config, Deps, bind};
use aob_store::{Clock, SqliteConfig, SqliteStore};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Partitions of each topic in the process.
const PARTITIONS: NonZeroU32 = NonZeroU32::new(8).unwrap();

/// Serves the API over one data directory.
#[derive(Debug, Parser)]
#[command(name = "orchestrator", version)]
struct Args {
    /// Where everything is kept.
    #[arg(long, env = "AOB_DATA", value_name = "DIR")]
    data: PathBuf,
    /// Where to listen.
    #[arg(long, env = "AOB_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: SocketAddr,
}

#[expect(clippy::disallowed_methods, reason = "the one clock of this process")]
fn clock() -> Clock {
    Arc::new(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    })
}

fn deps(data: &std::path::Path) -> anyhow::Result<Deps> {
    std::fs::create_dir_all(data).context("the data directory cannot be made")?;
    let clock = clock();
    let config = SqliteConfig::new(data.join("aob.db"));
    let store = SqliteStore::open(&config, Arc::clone(&clock)).context("no database")?;
    let cas = FileCas::open(data.join("cas")).context("no blob store")?;
    let jobs = [Priority::High, Priority::Medium, Priority::Low].map(job_topic);
    let others = [Topic::new(RESULTS_TOPIC), Topic::new(EVENTS_TOPIC)];
    let topics = jobs.into_iter().chain(others);
    let bus = MemBus::new(topics.map(|topic| (topic, TopicConfig::with_partitions(PARTITIONS))));
    let entropy = system_entropy();
    Ok(Deps { store: Arc::new(store), cas: Arc::new(cas), bus: Arc::new(bus), clock, entropy })
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let filter = tracing_subscriber::EnvFilter::from_default_env();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let bound = bind(Config::new(args.listen), deps(&args.data)?).await?;
    tracing::info!(address = %bound.address(), "serving");
    let shutdown = CancellationToken::new();
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let asked = shutdown.clone();
    let stopping = async move {
        tokio::select! { _ = interrupt.recv() => {} _ = terminate.recv() => {} }
        asked.cancel();
    };
    let (ended, ()) = tokio::join!(bound.run(shutdown), stopping);
    Ok(if ended { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
