//! `fanout`: streams of the production stack, woken by its topic of domain events.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use aob_edge::system_entropy;
use aob_fanout::{Config, Deps, bind};
use aob_production::{Admin, CommonArgs, Metrics, Ports, Settings, stop_when_asked, write_logs};
use clap::{Parser, Subcommand};
use tokio_util::sync::CancellationToken;

/// Streams events of runs.
#[derive(Debug, Parser)]
#[command(name = "fanout", version)]
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

/// Serves until it is asked to stop. Streams end then; their clients resume elsewhere.
async fn work(settings: &Settings) -> anyhow::Result<ExitCode> {
    let ports = Ports::open(settings).await?;
    let stopping = stop_when_asked()?;
    let closing = CancellationToken::new();
    let metrics = Metrics::new("fanout", env!("CARGO_PKG_VERSION"));
    let admin = Admin { ports: ports.clone(), metrics, stopping: stopping.clone() };
    let admin = tokio::spawn(admin.serve(settings.need("admin.listen")?, closing.clone()));
    let following = ports.clock.clone().follow(ports.store.clone(), closing.clone());
    let following = tokio::spawn(following);
    let deps = Deps {
        store: ports.store.clone(),
        bus: Arc::new(ports.bus.clone()),
        clock: ports.clock.as_port(),
        entropy: system_entropy(),
    };
    let bound = bind(Config::new(settings.need("http.listen")?), deps).await;
    let bound = bound.context("http.listen")?;
    tracing::info!(address = %bound.address(), "serving");
    bound.run(stopping).await;
    ports.bus.settled().await;
    closing.cancel();
    following.await?;
    admin.await?.context("admin.listen")?;
    Ok(ExitCode::SUCCESS)
}
