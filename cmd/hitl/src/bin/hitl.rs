//! `hitl`: the approval pages of the production stack.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use aob_coordinator::{Coordinator, Duties};
use aob_edge::system_entropy;
use aob_hitl::{Config, Deps, bind};
use aob_production::{Admin, CommonArgs, Metrics, Ports, Settings, stop_when_asked, write_logs};
use clap::{Parser, Subcommand};
use tokio_util::sync::CancellationToken;
use url::Url;

/// How long votes that were taken in may take to become durable at the end.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// Serves the approval pages.
#[derive(Debug, Parser)]
#[command(name = "hitl", version)]
struct Args {
    #[command(flatten)]
    common: CommonArgs,
    #[command(subcommand)]
    command: Option<Asked>,
}

/// What to do instead of serving.
#[derive(Debug, Subcommand)]
enum Asked {
    /// Print the settings in effect, with their sources and without secrets.
    Config,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let settings = args.common.settings()?;
    if let Some(Asked::Config) = args.command {
        write!(std::io::stdout(), "{settings}")?;
        return Ok(ExitCode::SUCCESS);
    }
    write_logs();
    Box::pin(work(&settings)).await
}

/// Serves until it is asked to stop, then finishes the votes that it has taken in.
async fn work(settings: &Settings) -> anyhow::Result<ExitCode> {
    let url = settings.get::<Url>("hitl.url")?;
    let ports = Ports::open(settings).await?;
    let stopping = stop_when_asked()?;
    let closing = CancellationToken::new();
    let metrics = Metrics::new("hitl", env!("CARGO_PKG_VERSION"));
    let admin = Admin { ports: ports.clone(), metrics, stopping: stopping.clone() };
    let admin = tokio::spawn(admin.serve(settings.need("admin.listen")?, closing.clone()));
    let following = ports.clock.clone().follow(ports.store.clone(), closing.clone());
    let following = tokio::spawn(following);
    // Requests may still vote while they are let end.
    let shutdown = CancellationToken::new();
    let coordinator = coordinator(&ports, &shutdown);
    let deps = Deps {
        store: ports.store.clone(),
        coordinator: coordinator.clone(),
        clock: ports.clock.as_port(),
        entropy: system_entropy(),
    };
    let config = Config { url, ..Config::new(settings.need("http.listen")?) };
    let bound = bind(config, deps).await.context("http.listen")?;
    tracing::info!(address = %bound.address(), "serving");
    bound.run(stopping).await;
    shutdown.cancel();
    let ended = coordinator.stopped(STOP_LIMIT).await;
    ports.bus.settled().await;
    closing.cancel();
    following.await?;
    admin.await?.context("admin.listen")?;
    Ok(if ended { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A coordinator for the votes alone: it decides and performs what they lead to. Any number of
/// coordinators may work on one run, so this process needs no other that is up.
fn coordinator(ports: &Ports, shutdown: &CancellationToken) -> Coordinator {
    let mut process = [0_u8; 8];
    system_entropy()(&mut process);
    let config = aob_coordinator::Config {
        duties: Duties { results: false, relay: false, timers: false, patches: false },
        process: format!("{:016x}", u64::from_be_bytes(process)).into(),
        ..aob_coordinator::Config::default()
    };
    let deps = aob_coordinator::Deps {
        store: ports.store.clone(),
        cas: ports.cas.clone(),
        cache: ports.cache(),
        bus: Arc::new(ports.bus.clone()),
        clock: ports.clock.as_port(),
    };
    Coordinator::start(&config, deps, shutdown)
}
