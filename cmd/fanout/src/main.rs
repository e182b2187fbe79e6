//! `fanout`: streams over one data directory.
//!
//! The embedded bus lives in the process of the orchestrator, so this one hears of events by looking
//! at the end of the log four times a second. `aob dev` serves the same streams beside the API.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use aob_bus::{MemBus, Topic, TopicConfig};
use aob_edge::system_entropy;
use aob_fanout::{Config, Deps, bind};
use aob_store::{Clock, SqliteConfig, SqliteStore};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How often the end of the log is looked at.
const POLL_EVERY: Duration = Duration::from_millis(250);

/// Streams events of one data directory.
#[derive(Debug, Parser)]
#[command(name = "fanout", version)]
struct Args {
    /// Where everything is kept.
    #[arg(long, env = "AOB_DATA", value_name = "DIR")]
    data: PathBuf,
    /// Where to listen.
    #[arg(long, env = "AOB_LISTEN", default_value = "127.0.0.1:8081", value_name = "ADDRESS")]
    listen: SocketAddr,
}

#[expect(clippy::disallowed_methods, reason = "the one clock of this process")]
fn clock() -> Clock {
    Arc::new(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    })
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let filter = tracing_subscriber::EnvFilter::builder()
        .with_default_directive(tracing_subscriber::filter::LevelFilter::INFO.into())
        .from_env_lossy();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let clock = clock();
    let database = SqliteConfig::new(args.data.join("aob.db"));
    let store = SqliteStore::open(&database, Arc::clone(&clock)).context("no database")?;
    let topic = TopicConfig::with_partitions(NonZeroU32::MIN);
    let bus = MemBus::new([(Topic::new("workflow.events"), topic)]);
    let entropy = system_entropy();
    let deps = Deps { store: Arc::new(store), bus: Arc::new(bus), clock, entropy };
    let config = Config { poll_every: Some(POLL_EVERY), ..Config::new(args.listen) };
    let bound = bind(config, deps).await?;
    tracing::info!(address = %bound.address(), "serving");
    let shutdown = CancellationToken::new();
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let asked = shutdown.clone();
    let stopping = async move {
        tokio::select! { _ = interrupt.recv() => {} _ = terminate.recv() => {} }
        asked.cancel();
    };
    tokio::join!(bound.run(shutdown), stopping);
    Ok(())
}
