//! `hitl`: the approval pages of the production stack.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use aob_agents::{AgentTopics, JobTokens, PoolOffers};
use aob_coordinator::{Coordinator, Duties, Offers};
use aob_edge::{random_hex, system_entropy};
use aob_egress::{Allow, Policy};
use aob_hitl::{Config, Deps, bind};
use aob_notify::{MailServer, Mailer};
use aob_production::{Ports, Process, ServiceArgs, Settings, observe};
use axum::middleware::from_fn_with_state;
use clap::Parser;
use tokio_util::sync::CancellationToken;
use url::Url;

/// How long votes that were taken in may take to become durable at the end.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// Serves the approval pages.
#[derive(Debug, Parser)]
#[command(name = "hitl", version)]
struct Args {
    #[command(flatten)]
    service: ServiceArgs,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let Some(settings) = Args::parse().service.settings()? else { return Ok(ExitCode::SUCCESS) };
    Box::pin(work(&settings)).await
}

/// Serves until it is asked to stop, then finishes the votes that it has taken in.
async fn work(settings: &Settings) -> anyhow::Result<ExitCode> {
    let url = settings.get::<Url>("hitl.url")?;
    let process = Process::begin("hitl", env!("CARGO_PKG_VERSION"), settings).await?;
    let (ports, metrics) = (&process.ports, process.metrics.clone());
    // Requests may still vote while they are let end.
    let shutdown = CancellationToken::new();
    let coordinator = coordinator(ports, offers(settings, ports)?, &shutdown);
    let deps = Deps {
        store: ports.store.clone(),
        coordinator: coordinator.clone(),
        clock: ports.clock.as_port(),
        entropy: system_entropy(),
    };
    let notify_egress = notify_egress(settings)?;
    let mail = mailer(settings)?;
    let config = Config { url, notify_egress, mail, ..Config::new(settings.need("http.listen")?) };
    let bound = bind(config, deps).await.context("http.listen")?;
    tracing::info!(address = %bound.address(), "serving");
    let counted = |app: axum::Router| app.layer(from_fn_with_state(metrics, observe));
    bound.run_within(counted, process.stopping.clone()).await;
    shutdown.cancel();
    let ended = coordinator.stopped(STOP_LIMIT).await;
    process.end().await?;
    Ok(if ended { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What sends mail, if a server is named.
fn mailer(settings: &Settings) -> anyhow::Result<Option<Mailer>> {
    let server = settings.get::<MailServer>("smtp.url")?;
    let (from, password) = (settings.get("smtp.from")?, settings.get("smtp.password")?);
    let mailer = Mailer::of_settings(server, from, password);
    Ok(mailer.map_err(|error| settings.wrong("smtp.from", error))?)
}

/// What notifications may reach.
fn notify_egress(settings: &Settings) -> anyhow::Result<Policy> {
    let allow = settings.get::<String>("notify.allow")?.unwrap_or_default();
    let allow = Allow::private_list(&allow);
    let allow = allow.map_err(|error| settings.wrong("notify.allow", error))?;
    Ok(Policy { allow, ..Policy::default() })
}

/// What offers the jobs that votes lead to on the topics of their pools.
fn offers(settings: &Settings, ports: &Ports) -> anyhow::Result<Option<Arc<dyn Offers>>> {
    let topics = settings.get::<AgentTopics>("agents.topics")?.unwrap_or_default();
    let tokens = Arc::new(JobTokens::new(ports.store.clone(), system_entropy()));
    Ok(PoolOffers::on(&topics, ports.store.clone(), tokens))
}

/// A coordinator for the votes alone: it decides and performs what they lead to. Any number of
/// coordinators may work on one run, so this process needs no other that is up.
fn coordinator(
    ports: &Ports,
    offers: Option<Arc<dyn Offers>>,
    shutdown: &CancellationToken,
) -> Coordinator {
    let config = aob_coordinator::Config {
        duties: Duties { results: false, relay: false, timers: false, patches: false },
        process: random_hex::<8>(&system_entropy()).into(),
        offers,
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
