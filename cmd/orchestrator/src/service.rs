//! Composing the API and its coordinators into one service.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aob_agents::{AgentTopics, JobTokens, PoolOffers, Results as AgentResults};
use aob_answers::Reads;
use aob_bus::Bus;
use aob_cache::Cache;
use aob_cas::Cas;
use aob_coordinator::{Coordinator, EVENTS_TOPIC};
use aob_edge::{
    Authenticator, BindError, Entropy, RunWatch, ServeLimits, Shell, Signer, Socket, random_hex,
    serve,
};
use aob_egress::Policy;
use aob_optimizer::PublicKey;
use aob_store::{Clock, Store};
use axum::Router;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::{Api, Parts};
use crate::endpoints::webhooks;
use crate::idempotency::InFlight;
use crate::modules::Modules;
use crate::pools::Pools;
use crate::rates::{RateLimits, Rates};
use crate::{janitor, routes};

/// How long coordinators may take to bring what they hold to an end.
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// Logs verified at once.
const VERIFYING_MAX: usize = 2;

/// Settings of an orchestrator.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Its coordinators; `process` is drawn anew at each start.
    pub coordinator: aob_coordinator::Config,
    /// How fast workspaces may start runs; `None`: without limit.
    pub rate_limits: Option<RateLimits>,
    /// Milliseconds between cancel and fence of new runs.
    pub cancel_grace_ms: u64,
    /// How long runs are kept once they are over; `None`: for ever. With a run go its events, its
    /// approvals and its log lines; stored values and workflows stay.
    pub retention: Option<Duration>,
    /// Public keys (ed25519) of those who may sign modules of the optimizer.
    pub optimizer_keys: BTreeSet<PublicKey>,
    /// Pools whose jobs are offered on topics as well.
    pub agent_topics: AgentTopics,
    /// What notifications may reach: who sends them judges by the same.
    pub notify_egress: Policy,
    /// Whether who sends notifications can send mail.
    pub notify_mail: bool,
    /// Bounds of its connections.
    pub serve: ServeLimits,
}

impl Config {
    /// The defaults, on this address: no rate limits, 30 s between cancel and fence.
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            coordinator: aob_coordinator::Config::default(),
            rate_limits: None,
            cancel_grace_ms: 30_000,
            retention: None,
            optimizer_keys: BTreeSet::new(),
            agent_topics: AgentTopics::default(),
            notify_egress: Policy::default(),
            notify_mail: false,
            serve: ServeLimits::default(),
        }
    }
}

/// The ports of an orchestrator.
#[derive(Clone)]
pub struct Deps {
    /// The log and what derives from it.
    pub store: Arc<dyn Store>,
    /// Payloads.
    pub cas: Arc<dyn Cas>,
    /// What was read before; nothing rests on it.
    pub cache: Arc<dyn Cache>,
    /// Jobs, results, events.
    pub bus: Arc<dyn Bus>,
    /// The database's clock.
    pub clock: Clock,
    /// Fresh ids and secrets.
    pub entropy: Entropy,
}

impl std::fmt::Debug for Deps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deps").field("store", &self.store).finish_non_exhaustive()
    }
}

/// An orchestrator at work, without a socket: what a process that serves more than the API mounts.
#[derive(Debug, Clone)]
pub struct Orchestrator {
    /// Its coordinators.
    pub coordinator: Coordinator,
    /// Recognises API keys.
    pub authenticator: Arc<Authenticator>,
    /// Hears of runs.
    pub watch: RunWatch,
    /// What surrounds its requests.
    pub shell: Shell,
    api: Api,
    tasks: TaskTracker,
}

impl Orchestrator {
    /// Starts all tasks on the current runtime. They end after `shutdown`.
    pub fn start(config: &Config, deps: Deps, shutdown: &CancellationToken) -> Self {
        let Deps { store, cas, cache, bus, clock, entropy } = deps;
        let tokens = Arc::new(JobTokens::new(Arc::clone(&store), Arc::clone(&entropy)));
        let topics = config.agent_topics.clone();
        let settings = aob_coordinator::Config {
            process: random_hex::<8>(&entropy).into(),
            offers: PoolOffers::on(&topics, Arc::clone(&store), Arc::clone(&tokens)),
            ..config.coordinator.clone()
        };
        let coordinator = Coordinator::start(
            &settings,
            aob_coordinator::Deps {
                store: Arc::clone(&store),
                cas: Arc::clone(&cas),
                cache,
                bus: Arc::clone(&bus),
                clock: Arc::clone(&clock),
            },
            shutdown,
        );
        let authenticator = Arc::new(Authenticator::new(Arc::clone(&store), Arc::clone(&clock)));
        let (watch, shell) = (RunWatch::default(), Shell::new(&entropy));
        let tasks = TaskTracker::new();
        let signer = |purpose| Signer::new(Arc::clone(&store), Arc::clone(&entropy), purpose);
        let (webhooks, notifications) = (signer(webhooks::PURPOSE), signer(aob_notify::PURPOSE));
        let api = Api::new(Parts {
            coordinator: coordinator.clone(),
            reads: Reads::new(Arc::clone(&store), &coordinator),
            bus: Arc::clone(&bus),
            store: Arc::clone(&store),
            cas,
            clock: Arc::clone(&clock),
            entropy,
            authenticator: Arc::clone(&authenticator),
            watch: watch.clone(),
            shell: shell.clone(),
            rates: Rates::new(config.rate_limits),
            tokens: Arc::clone(&tokens),
            pools: Pools::default(),
            in_flight: InFlight::default(),
            cancel_grace_ms: config.cancel_grace_ms,
            modules: Modules::new(config.optimizer_keys.clone()),
            notifications,
            egress: config.notify_egress.clone(),
            sends_mail: config.notify_mail,
            webhooks,
            verifying: Arc::new(Semaphore::new(VERIFYING_MAX)),
            shutdown: shutdown.clone(),
        });
        if config.coordinator.duties.results {
            let results = agent_results(topics, tokens, &api);
            tasks.spawn(results.run(shutdown.clone()));
        }
        // Every process has to hear everything, so every process is a group of its own.
        let group = format!("watch-{}", api.random_hex());
        let (follower, until) = (watch.clone(), shutdown.clone());
        tasks.spawn(async move { follower.follow(bus, EVENTS_TOPIC, &group, until).await });
        tasks.spawn(janitor::run(store, clock, config.retention, shutdown.clone()));
        tasks.close();
        Self { coordinator, authenticator, watch, shell, api, tasks }
    }

    /// The routes of the API.
    pub fn router(&self) -> Router {
        routes::router(self.api.clone())
    }

    /// Waits until every task has ended; false where that takes too long.
    pub async fn stopped(&self) -> bool {
        let coordinators = self.coordinator.stopped(STOP_LIMIT).await;
        coordinators && tokio::time::timeout(STOP_LIMIT, self.tasks.wait()).await.is_ok()
    }
}

/// What takes results of jobs of pools in.
fn agent_results(topics: AgentTopics, tokens: Arc<JobTokens>, api: &Parts) -> AgentResults {
    AgentResults {
        topics,
        bus: Arc::clone(&api.bus),
        store: Arc::clone(&api.store),
        tokens,
        results: api.coordinator.results.clone(),
        clock: Arc::clone(&api.clock),
    }
}

/// A socket that is reserved and does not answer yet.
#[derive(Debug)]
pub struct Bound {
    config: Config,
    deps: Deps,
    socket: Socket,
}

/// Reserves the socket. Nothing starts.
///
/// # Errors
/// If the address cannot be had.
pub async fn bind(config: Config, deps: Deps) -> Result<Bound, BindError> {
    let socket = Socket::reserve(config.listen).await?;
    Ok(Bound { config, deps, socket })
}

impl Bound {
    /// Where it will answer.
    pub fn address(&self) -> SocketAddr {
        self.socket.address
    }

    /// Serves until `shutdown`, then lets requests end, then coordinators. False where these did
    /// not end in time; what they had not finished is finished at the next start.
    pub async fn run(self, shutdown: CancellationToken) -> bool {
        self.run_within(|app| app, shutdown).await
    }

    /// The same, within layers that every request passes.
    pub async fn run_within(
        self,
        around: impl FnOnce(Router) -> Router,
        shutdown: CancellationToken,
    ) -> bool {
        // Requests may still submit commands while they are let end.
        let work = CancellationToken::new();
        let orchestrator = Orchestrator::start(&self.config, self.deps, &work);
        let app = around(orchestrator.router());
        serve(self.socket.listener, app, &self.config.serve, &shutdown).await;
        work.cancel();
        orchestrator.stopped().await
    }
}
