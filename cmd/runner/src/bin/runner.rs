//! `runner`: executes what every runner can, `echo`, `sleep`, `fail` and `http`, from the topics of
//! the production stack. Functions of pools are served with `aob runner`, by long poll.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use aob_egress::{Allow, Client, ClientConfig, Policy};
use aob_engine::Timestamp;
use aob_production::{
    Admin, CommonArgs, DatabaseClock, Metrics, Ports, Settings, stop_when_asked, write_logs,
};
use aob_runner::{Clock, Config, Deps, MapSecrets, Secret, StoreClaims, bind};
use clap::{Parser, Subcommand};
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use tokio_util::sync::CancellationToken;

/// Executes jobs from the topics.
#[derive(Debug, Parser)]
#[command(name = "runner", version)]
struct Args {
    #[command(flatten)]
    common: CommonArgs,
    /// A secret that jobs may use, read from FILE. Can be given several times.
    #[arg(long = "secret", value_name = "NAME=FILE")]
    secrets: Vec<String>,
    #[command(subcommand)]
    command: Option<Asked>,
}

/// What to do instead of working.
#[derive(Debug, Subcommand)]
enum Asked {
    /// Print the settings in effect, with their sources and without secrets.
    Config,
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
    let settings = args.common.settings()?;
    if let Some(Asked::Config) = args.command {
        write!(std::io::stdout(), "{settings}")?;
        return Ok(ExitCode::SUCCESS);
    }
    write_logs();
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
    let allow = allow.split(',').filter(|part| !part.trim().is_empty());
    let origin = |part: &str| match part.trim() {
        origin if origin.contains("://") => origin.parse::<Allow>(),
        address => format!("http://{address}").parse(),
    };
    let allow: Result<Vec<Allow>, _> = allow.map(|part| origin(part).map(Allow::private)).collect();
    let allow = allow.map_err(|error| settings.wrong("runner.allow", error))?;
    Ok(Policy { allow, ..Policy::default() })
}

/// Works until it is asked to stop, then lets running jobs end.
async fn work(settings: &Settings, secrets: MapSecrets) -> anyhow::Result<ExitCode> {
    let policy = policy(settings)?;
    let concurrency = settings.need("runner.concurrency")?;
    let ports = Ports::open(settings).await?;
    let stopping = stop_when_asked()?;
    let closing = CancellationToken::new();
    let metrics = Metrics::new("runner", env!("CARGO_PKG_VERSION"));
    let admin = Admin { ports: ports.clone(), metrics, stopping: stopping.clone() };
    let admin = tokio::spawn(admin.serve(settings.need("admin.listen")?, closing.clone()));
    let following = ports.clock.clone().follow(ports.store.clone(), closing.clone());
    let following = tokio::spawn(following);
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
    let worked = bind(config, deps)?.run(stopping).await;
    ports.bus.settled().await;
    closing.cancel();
    following.await?;
    admin.await?.context("admin.listen")?;
    worked.context("kafka: jobs cannot be consumed")?;
    Ok(ExitCode::SUCCESS)
}

/// A name that no other process has or had, on whatever machine: leases are held in it.
fn name() -> anyhow::Result<String> {
    let (a, b) = (OsRng.try_next_u64(), OsRng.try_next_u64());
    Ok(format!("runner-{:016x}{:016x}", a?, b?))
}
