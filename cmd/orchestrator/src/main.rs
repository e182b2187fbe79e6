//! `orchestrator`: the API and its coordinators over the embedded adapters.
//!
//! Everything lives in one directory (`--data`), and topics live in the process: jobs reach runners
//! that join by long poll. `aob dev` composes the same library with runners and streams. Keys are
//! made by keys, the first one by `orchestrator keys create`, which writes to the database.

use std::io::Write as _;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use aob_api::Role;
use aob_bus::{MemBus, Topic, TopicConfig};
use aob_cache::NullCache;
use aob_cas::FileCas;
use aob_coordinator::{EVENTS_TOPIC, PATCHES_TOPIC, RESULTS_TOPIC, job_topic};
use aob_edge::system_entropy;
use aob_ir::Priority;
use aob_optimizer::PublicKey;
use aob_orchestrator::{Bootstrap, Config, Deps, bind, bootstrap, has_no_keys};
use aob_store::{Clock, SqliteConfig, SqliteStore};
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Partitions of each topic in the process.
const PARTITIONS: NonZeroU32 = NonZeroU32::new(8).unwrap();

/// Serves the API over one data directory.
#[derive(Debug, Parser)]
#[command(name = "orchestrator", version)]
struct Args {
    /// Where everything is kept.
    #[arg(
        long,
        env = "AOB_DATA",
        value_name = "DIR",
        global = true,
        default_value = ".aob-server"
    )]
    data: PathBuf,
    /// Where to listen.
    #[arg(long, env = "AOB_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Delete runs that have been over for this many days; left out: keep them.
    #[arg(long, env = "AOB_RETENTION_DAYS", value_name = "DAYS")]
    retention_days: Option<u32>,
    /// Public ed25519 keys (64 hex digits each) of those who may sign modules of the optimizer.
    #[arg(
        long = "optimizer-key",
        env = "AOB_OPTIMIZER_KEYS",
        value_delimiter = ',',
        value_name = "HEX"
    )]
    optimizer_keys: Vec<PublicKey>,
    #[command(subcommand)]
    command: Option<Asked>,
}

/// What to do instead of serving.
#[derive(Debug, Subcommand)]
enum Asked {
    /// Work on API keys.
    #[command(subcommand)]
    Keys(Keys),
}

#[derive(Debug, Subcommand)]
enum Keys {
    /// Make an API key and print it: the only time that it is shown. It needs no key, because who
    /// may write to the data directory may do everything. The server may be running.
    Create {
        /// Its workspace, made where there is none.
        #[arg(long, value_name = "NAME", default_value = "default")]
        workspace: String,
        /// Whose it is: logs name its user `user:NAME`.
        #[arg(long, value_name = "NAME")]
        name: String,
        /// What it may do; may be repeated.
        #[arg(long = "role", value_name = "ROLE", required = true)]
        roles: Vec<Role>,
    },
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
    let others = [RESULTS_TOPIC, EVENTS_TOPIC, PATCHES_TOPIC].map(Topic::new);
    let topics = jobs.into_iter().chain(others);
    let bus = MemBus::new(topics.map(|topic| (topic, TopicConfig::with_partitions(PARTITIONS))));
    let entropy = system_entropy();
    let (store, cas, bus) = (Arc::new(store), Arc::new(cas), Arc::new(bus));
    Ok(Deps { store, cas, cache: Arc::new(NullCache), bus, clock, entropy })
}

async fn create_key(
    deps: &Deps,
    workspace: &str,
    name: &str,
    roles: &[Role],
) -> anyhow::Result<ExitCode> {
    let new = Bootstrap { workspace, name, roles, now_ms: (deps.clock)() };
    let token = bootstrap(&*deps.store, &deps.entropy, new).await?;
    writeln!(std::io::stdout(), "{token}")?;
    Ok(ExitCode::SUCCESS)
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let filter = tracing_subscriber::EnvFilter::builder()
        .with_default_directive(tracing_subscriber::filter::LevelFilter::INFO.into())
        .from_env_lossy();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let deps = deps(&args.data)?;
    if let Some(Asked::Keys(Keys::Create { workspace, name, roles })) = &args.command {
        return create_key(&deps, workspace, name, roles).await;
    }
    let mut config = Config::new(args.listen);
    let day = Duration::from_secs(24 * 60 * 60);
    config.retention = args.retention_days.map(|days| day.saturating_mul(days));
    config.optimizer_keys = args.optimizer_keys.into_iter().collect();
    let keyless = has_no_keys(&*deps.store).await?;
    let bound = bind(config, deps).await?;
    tracing::info!(address = %bound.address(), "serving");
    if keyless {
        let data = args.data.display();
        tracing::warn!(
            "there is no API key yet, so nobody can ask for anything; type: \
             orchestrator --data {data} keys create --name NAME --role admin"
        );
    }
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
