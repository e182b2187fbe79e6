//! `fanout`: streams of the production stack, woken by its topic of domain events.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use aob_edge::system_entropy;
use aob_fanout::{Config, Deps, bind};
use aob_production::{Process, ServiceArgs, Settings, observe};
use axum::middleware::from_fn_with_state;
use clap::Parser;

/// Streams events of runs.
#[derive(Debug, Parser)]
#[command(name = "fanout", version)]
struct Args {
    #[command(flatten)]
    service: ServiceArgs,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let Some(settings) = Args::parse().service.settings()? else { return Ok(ExitCode::SUCCESS) };
    Box::pin(work(&settings)).await
}

/// Serves until it is asked to stop. Streams end then; their clients resume elsewhere.
async fn work(settings: &Settings) -> anyhow::Result<ExitCode> {
    let process = Process::begin("fanout", env!("CARGO_PKG_VERSION"), settings).await?;
    let (ports, metrics) = (&process.ports, process.metrics.clone());
    let deps = Deps {
        store: ports.store.clone(),
        bus: Arc::new(ports.bus.clone()),
        clock: ports.clock.as_port(),
        entropy: system_entropy(),
    };
    let bound = bind(Config::new(settings.need("http.listen")?), deps).await;
    let bound = bound.context("http.listen")?;
    tracing::info!(address = %bound.address(), "serving");
    let counted = |app: axum::Router| app.layer(from_fn_with_state(metrics, observe));
    bound.run_within(counted, process.stopping.clone()).await;
    process.end().await?;
    Ok(ExitCode::SUCCESS)
}
