//! `runner`: executes what every runner can, `echo`, `sleep`, `fail` and `http`, from the topics of
//! the production stack. Functions of pools are served with `aob runner`, by long poll.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use aob_egress::{Allow, Client, ClientConfig, Policy};
use aob_engine::Timestamp;
use aob_production::{DatabaseClock, Process, ServiceArgs, Settings};
use aob_runner::{Clock, Config, Deps, MapSecrets, Secret, StoreClaims, bind};
use clap::Parser;
use rand::TryRngCore as _;
use rand::rngs::OsRng;

/// Executes jobs from the topics.
#[derive(Debug, Parser)]
#[command(name = "runner", version)]
struct Args {
    #[command(flatten)]
    service: ServiceArgs,
    /// A secret that jobs may use, read from FILE. Can be given several times.
    #[arg(long = "secret", value_name = "NAME=FILE")]
    secrets: Vec<String>,
}

#[derive(Debug)]
struct PortClock(DatabaseClock);

impl Clock for PortClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.now_ms())
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let Some(settings) = args.service.settings()? else { return Ok(ExitCode::SUCCESS) };
    Box::pin(work(&settings, secrets(&args.secrets)?)).await
}

fn secrets(named: &[String]) -> anyhow::Result<MapSecrets> {
    let mut secrets = MapSecrets::default();
    for pair in named {
        let (name, path) = pair.split_once('=').context("--secret is of the form NAME=FILE")?;
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("the secret `{name}` cannot be read from {path}"))?;
        secrets = secrets.with(None, name, Secret::new(text.trim_end()));
    }
    Ok(secrets)
}

fn policy(settings: &Settings) -> anyhow::Result<Policy> {
    let allow = settings.get::<String>("runner.allow")?.unwrap_or_default();
    let allow = Allow::private_list(&allow);
    let allow = allow.map_err(|error| settings.wrong("runner.allow", error))?;
    Ok(Policy { allow, ..Policy::default() })
}

/// Works until it is asked to stop, then lets running jobs end.
async fn work(settings: &Settings, secrets: MapSecrets) -> anyhow::Result<ExitCode> {
    let policy = policy(settings)?;
    let concurrency = settings.need("runner.concurrency")?;
    let process = Process::begin("runner", env!("CARGO_PKG_VERSION"), settings).await?;
    let ports = &process.ports;
    let clock: Arc<dyn Clock> = Arc::new(PortClock(ports.clock.clone()));
    let config = Config { concurrency, ..Config::new(name()?) };
    let lease = Duration::from_millis(config.lease_ms);
    let claims = StoreClaims::new(ports.store.clone(), Arc::clone(&clock), lease);
    let deps = Deps {
        bus: Arc::new(ports.bus.clone()),
        claims: Arc::new(claims),
        cas: ports.cas.clone(),
        http: Arc::new(Client::new(ClientConfig::new(policy))),
        secrets: Arc::new(secrets),
        clock,
    };
    tracing::info!(runner = config.name, "working");
    let worked = bind(config, deps)?.run(process.stopping.clone()).await;
    process.end().await?;
    worked.context("kafka: jobs cannot be consumed")?;
    Ok(ExitCode::SUCCESS)
}

/// A name that no other process has or had, on whatever machine: leases are held in it.
fn name() -> anyhow::Result<String> {
    let (a, b) = (OsRng.try_next_u64(), OsRng.try_next_u64());
    Ok(format!("runner-{:016x}{:016x}", a?, b?))
}
