//! Composing the fan-out into a service.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aob_bus::Bus;
use aob_edge::{
    Authenticator, BindError, Caller, Entropy, Refusal, RunWatch, ServeLimits, Shell, Socket,
    random_hex, serve,
};
use aob_store::{Clock, Store};
use axum::Router;
use tokio_util::sync::CancellationToken;

use crate::places::{Places, StreamLimits};
use crate::{poll, routes};

/// Silence on a stream; it is also how often the log is looked at where no news come.
pub(crate) const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);
/// How often the API key of an open stream is looked at.
pub(crate) const RECHECK_EVERY: Duration = Duration::from_secs(60);
/// Topic of domain events.
const EVENTS_TOPIC: &str = "workflow.events";

/// The streams, without a socket: what a process that serves more mounts. Cheap to clone.
#[derive(Clone)]
pub struct Fanout {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) watch: RunWatch,
    pub(crate) shell: Shell,
    pub(crate) places: Places,
    pub(crate) shutdown: CancellationToken,
}

impl std::fmt::Debug for Fanout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fanout").field("store", &self.store).finish_non_exhaustive()
    }
}

impl Fanout {
    /// Streams from `store`, woken by `watch`, which somebody else feeds. They end with `shutdown`.
    pub fn new(
        store: Arc<dyn Store>,
        authenticator: Arc<Authenticator>,
        watch: RunWatch,
        shell: Shell,
        limits: StreamLimits,
        shutdown: CancellationToken,
    ) -> Self {
        Self { store, authenticator, watch, shell, places: Places::new(limits), shutdown }
    }

    /// The caller of an open stream, if its key still holds and may still read.
    pub(crate) async fn recheck(&self, caller: &Caller) -> Result<Caller, Refusal> {
        let caller = self.authenticator.recheck(caller).await?;
        caller.require(aob_edge::Permission::RunsRead)?;
        Ok(caller)
    }
}

/// Settings of a fan-out service.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How many streams may be open.
    pub streams: StreamLimits,
    /// How often the log is looked at besides what the bus says: for a bus that does not reach this
    /// process. `None`: the bus says everything.
    pub poll_every: Option<Duration>,
    /// Bounds of its connections.
    pub serve: ServeLimits,
}

impl Config {
    /// The defaults, on this address.
    pub fn new(listen: SocketAddr) -> Self {
        let (streams, serve) = (StreamLimits::default(), ServeLimits::default());
        Self { listen, streams, poll_every: None, serve }
    }
}

/// The ports of a fan-out service.
#[derive(Clone)]
pub struct Deps {
    /// The log, and the API keys.
    pub store: Arc<dyn Store>,
    /// Events.
    pub bus: Arc<dyn Bus>,
    /// The database's clock.
    pub clock: Clock,
    /// Fresh ids.
    pub entropy: Entropy,
}

impl std::fmt::Debug for Deps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deps").field("store", &self.store).finish_non_exhaustive()
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

    /// Serves until `shutdown`. Streams end with it; their clients resume elsewhere.
    pub async fn run(self, shutdown: CancellationToken) {
        self.run_within(|app| app, shutdown).await;
    }

    /// The same, within layers that every request passes.
    pub async fn run_within(
        self,
        around: impl FnOnce(Router) -> Router,
        shutdown: CancellationToken,
    ) {
        let Deps { store, bus, clock, entropy } = self.deps;
        let authenticator = Arc::new(Authenticator::new(Arc::clone(&store), clock));
        let (watch, shell) = (RunWatch::default(), Shell::new(&entropy));
        let streams = self.config.streams;
        let fanout =
            Fanout::new(store, authenticator, watch.clone(), shell, streams, shutdown.clone());
        // Every process has to hear everything, so every process is a group of its own.
        let group = format!("fanout-{}", random_hex::<16>(&entropy));
        let polling = poll::run(
            Arc::clone(&fanout.store),
            watch.clone(),
            self.config.poll_every,
            shutdown.clone(),
        );
        let following = watch.follow(bus, EVENTS_TOPIC, &group, shutdown.clone());
        let app = around(routes::router(fanout));
        let serving = serve(self.socket.listener, app, &self.config.serve, &shutdown);
        tokio::join!(following, polling, serving);
    }
}
