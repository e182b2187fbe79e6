//! `orchestrator`: the API, coordinators, relay and timers on the production stack, all in one
//! process or each in processes of its own.

use std::io::Write as _;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use aob_agents::{AgentTopics, JobTokens, PoolOffers, Results};
use aob_api::Role as KeyRole;
use aob_coordinator::{Coordinator, Duties};
use aob_edge::{random_hex, system_entropy};
use aob_egress::Allow;
use aob_notify::MailServer;
use aob_optimizer::PublicKey;
use aob_orchestrator::{Bootstrap, Config, Deps, bind, bootstrap, has_no_keys};
use aob_production::{CommonArgs, Ports, Process, Settings, observe, topics, write_logs};
use axum::middleware::from_fn_with_state;
use clap::{Parser, Subcommand, ValueEnum};

/// How long coordinators may take to bring what they hold to an end.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// Serves the API, decides, relays and keeps time.
#[derive(Debug, Parser)]
#[command(name = "orchestrator", version)]
struct Args {
    #[command(flatten)]
    common: CommonArgs,
    /// What this process does; others may do the same.
    #[arg(
        long,
        env = "AOB_ROLES",
        value_name = "ROLES",
        value_delimiter = ',',
        default_value = "api,coordinator,relay,timers,patches"
    )]
    roles: Vec<Role>,
    /// Where to listen; as `--set http.listen=ADDRESS`.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    #[command(subcommand)]
    command: Option<Asked>,
}

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Role {
    /// Answers requests.
    Api,
    /// Takes results in.
    Coordinator,
    /// Performs what a crash left.
    Relay,
    /// Looks for timers that are due.
    Timers,
    /// Makes versions of the patches of workflows.
    Patches,
}

/// What to do instead of serving.
#[derive(Debug, Subcommand)]
enum Asked {
    /// Print the settings in effect, with their sources and without secrets.
    Config,
    /// Bring the database up to date, as its owner.
    Migrate,
    /// Work on topics.
    #[command(subcommand)]
    Topics(Topics),
    /// Work on API keys.
    #[command(subcommand)]
    Keys(Keys),
}

#[derive(Debug, Subcommand)]
enum Topics {
    /// Make the topics that are not there.
    Create,
}

#[derive(Debug, Subcommand)]
enum Keys {
    /// Make an API key and print it: the only time that it is shown. It needs no key, because who
    /// has the database may do everything.
    Create {
        /// Its workspace, made where there is none.
        #[arg(long, value_name = "NAME", default_value = "default")]
        workspace: String,
        /// Whose it is: logs name its user `user:NAME`.
        #[arg(long, value_name = "NAME")]
        name: String,
        /// What it may do; may be repeated.
        #[arg(long = "role", value_name = "ROLE", required = true)]
        roles: Vec<KeyRole>,
        /// Write the key to this file, which only its owner may read, instead of printing it.
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let mut args = Args::parse();
    if let Some(listen) = args.listen {
        args.common.set.push(format!("http.listen={listen}"));
    }
    let settings = args.common.settings()?;
    if let Some(Asked::Config) = args.command {
        write!(std::io::stdout(), "{settings}")?;
        return Ok(ExitCode::SUCCESS);
    }
    match args.command {
        None => Box::pin(work(&settings, &args.roles)).await,
        Some(asked) => {
            write_logs();
            Box::pin(prepare(&settings, asked)).await.map(|()| ExitCode::SUCCESS)
        }
    }
}

async fn prepare(settings: &Settings, asked: Asked) -> anyhow::Result<()> {
    match asked {
        Asked::Config => {}
        Asked::Migrate => {
            let owner: String = settings.need("database.owner_url")?;
            aob_store::postgres::migrate(&owner).await.context("the database is not migrated")?;
        }
        Asked::Topics(Topics::Create) => {
            let pools = agent_topics(settings)?.all();
            let more: Vec<_> = pools.into_iter().flat_map(|own| [own.jobs, own.results]).collect();
            let made = Ports::bus(settings)?.create_topics(&topics(settings, &more)?).await?;
            for topic in made {
                writeln!(std::io::stdout(), "{topic}")?;
            }
        }
        Asked::Keys(Keys::Create { workspace, name, roles, to }) => {
            let ports = Ports::open(settings).await?;
            let now_ms = ports.clock.now_ms();
            let new = Bootstrap { workspace: &workspace, name: &name, roles: &roles, now_ms };
            let token = bootstrap(&*ports.store, &system_entropy(), new).await?;
            show(&token, to)?;
        }
    }
    Ok(())
}

fn show(token: &str, to: Option<PathBuf>) -> anyhow::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let Some(path) = to else { return Ok(writeln!(std::io::stdout(), "{token}")?) };
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path)?;
    Ok(file.write_all(token.as_bytes())?)
}

/// Pools whose jobs are offered on topics as well.
fn agent_topics(settings: &Settings) -> anyhow::Result<AgentTopics> {
    Ok(settings.get::<AgentTopics>("agents.topics")?.unwrap_or_default())
}

/// What a process of these roles is configured with.
fn config(settings: &Settings, roles: &[Role]) -> anyhow::Result<Config> {
    let mut config = Config::new(settings.need("http.listen")?);
    let day = Duration::from_secs(24 * 60 * 60);
    config.retention = settings.get::<u32>("retention.days")?.map(|days| day.saturating_mul(days));
    let keys = settings.get::<String>("optimizer.keys")?.unwrap_or_default();
    let keys = keys.split(',').map(str::trim).filter(|key| !key.is_empty());
    let keys: Result<_, _> = keys.map(str::parse::<PublicKey>).collect();
    config.optimizer_keys = keys.context("optimizer.keys")?;
    config.agent_topics = agent_topics(settings)?;
    let allow = settings.get::<String>("notify.allow")?.unwrap_or_default();
    let allow = Allow::private_list(&allow);
    config.notify_egress.allow = allow.map_err(|error| settings.wrong("notify.allow", error))?;
    config.notify_mail = settings.get::<MailServer>("smtp.url")?.is_some();
    config.coordinator.shards = settings.need::<NonZeroUsize>("coordinator.shards")?;
    config.coordinator.duties = Duties {
        results: roles.contains(&Role::Coordinator),
        relay: roles.contains(&Role::Relay),
        timers: roles.contains(&Role::Timers),
        patches: roles.contains(&Role::Patches),
    };
    Ok(config)
}

/// Works until it is asked to stop, then brings to an end what it has begun.
async fn work(settings: &Settings, roles: &[Role]) -> anyhow::Result<ExitCode> {
    if roles.is_empty() {
        bail!("--roles: a process without roles does nothing");
    }
    let config = config(settings, roles)?;
    let process = Process::begin("orchestrator", env!("CARGO_PKG_VERSION"), settings).await?;
    let ended = if roles.contains(&Role::Api) {
        answer(config, &process).await?
    } else {
        decide(&config, &process).await
    };
    process.end().await?;
    Ok(if ended { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Serves the API. False: what was begun did not end in time, and is finished by another process.
async fn answer(config: Config, process: &Process) -> anyhow::Result<bool> {
    let (ports, metrics) = (&process.ports, process.metrics.clone());
    if has_no_keys(&*ports.store).await? {
        tracing::warn!(
            "there is no API key yet, so nobody can ask for anything; type: \
             orchestrator keys create --name NAME --role admin"
        );
    }
    let deps = Deps {
        store: ports.store.clone(),
        cas: ports.cas.clone(),
        cache: ports.cache(),
        bus: Arc::new(ports.bus.clone()),
        clock: ports.clock.as_port(),
        entropy: system_entropy(),
    };
    let bound = bind(config, deps).await.context("http.listen")?;
    tracing::info!(address = %bound.address(), "serving");
    let counted = |app: axum::Router| app.layer(from_fn_with_state(metrics, observe));
    Ok(bound.run_within(counted, process.stopping.clone()).await)
}

/// Does the duties of a process that answers nobody.
async fn decide(config: &Config, process: &Process) -> bool {
    let (ports, stopping) = (&process.ports, &process.stopping);
    let mut settings = config.coordinator.clone();
    settings.process = random_hex::<8>(&system_entropy()).into();
    let topics = config.agent_topics.clone();
    let tokens = Arc::new(JobTokens::new(ports.store.clone(), system_entropy()));
    settings.offers = PoolOffers::on(&topics, ports.store.clone(), Arc::clone(&tokens));
    let deps = aob_coordinator::Deps {
        store: ports.store.clone(),
        cas: ports.cas.clone(),
        cache: ports.cache(),
        bus: Arc::new(ports.bus.clone()),
        clock: ports.clock.as_port(),
    };
    let coordinator = Coordinator::start(&settings, deps, stopping);
    let results = Results {
        topics,
        bus: Arc::new(ports.bus.clone()),
        store: ports.store.clone(),
        tokens,
        results: coordinator.results.clone(),
        clock: ports.clock.as_port(),
    };
    tracing::info!("working");
    if config.coordinator.duties.results {
        results.run(stopping.clone()).await;
    }
    stopping.cancelled().await;
    coordinator.stopped(STOP_LIMIT).await
}
