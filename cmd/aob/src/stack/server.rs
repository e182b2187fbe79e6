//! The API, its streams and the approval pages over a data directory. Nothing listens until [`Server::serve`].

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use aob_cache::NullCache;
use aob_edge::{ServeLimits, system_entropy};
use aob_egress::{Client, ClientConfig, Policy};
use aob_fanout::{Fanout, StreamLimits};
use aob_hitl::Hitl;
use aob_notify::Mailer;
use aob_orchestrator::{Config, Deps, Orchestrator};
use aob_store::{Leases, StoreError, StreamId};
use aob_validator::Rules;
use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::runner::{self, Runner};
use super::{Adapters, Options, key};
use crate::client::Api;
use crate::clock;
use crate::exit::Exit;
use crate::failure::Failure;

/// Everything, in one process. Dropping it stops nothing: [`Server::stop`] does.
pub(crate) struct Server {
    orchestrator: Orchestrator,
    router: Router,
    pages: aob_hitl::Deps,
    runner: Runner,
    /// What notifications go through.
    notify: (Client, Option<Mailer>),
    token: String,
    /// Runs whose attempts were on runners of earlier processes.
    orphans: Vec<StreamId>,
    /// Streams end with it, and nobody is served any more.
    closing: CancellationToken,
    shutdown: CancellationToken,
}

impl Server {
    /// Starts it on the current runtime, over the directory that the adapters are open in. Streams
    /// end with `closing`; everything else goes on until it is stopped.
    pub(crate) async fn start(
        adapters: Adapters,
        dir: &Path,
        options: Options,
        closing: CancellationToken,
    ) -> Result<Self, Failure> {
        let entropy = system_entropy();
        let token = key::ensure(dir, &adapters.store, &entropy).await?;
        let shutdown = CancellationToken::new();
        // Before anybody here takes a job in such a name.
        let orphans = adapters.store.lease_expire(runner::NAMES, clock::now().0).await;
        let orphans = orphans.map_err(|error| left(&error))?;
        let deps = Deps {
            store: adapters.store.clone(),
            cas: adapters.cas.clone(),
            // Files of this machine are as near as a cache would be.
            cache: Arc::new(NullCache),
            bus: adapters.bus.clone(),
            clock: Arc::clone(&adapters.clock),
            entropy: Arc::clone(&entropy),
        };
        // The address is of no use to a part that has no socket.
        let mut config = Config::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        config.retention = options.retention;
        config.optimizer_keys = options.optimizer_keys.iter().copied().collect();
        config.coordinator.rules = Arc::new(rules(&options));
        config.notify_egress = Policy { allow: options.allow.clone(), ..Policy::default() };
        let http = Client::new(ClientConfig::new(config.notify_egress.clone()));
        config.notify_mail = options.mail.is_some();
        let notify = (http, options.mail.clone());
        let runner = Runner::start(&adapters, options)?;
        let orchestrator = Orchestrator::start(&config, deps, &shutdown);
        let pages = aob_hitl::Deps {
            store: adapters.store.clone(),
            coordinator: orchestrator.coordinator.clone(),
            clock: Arc::clone(&adapters.clock),
            entropy,
        };
        let streams = Fanout::new(
            adapters.store.clone(),
            Arc::clone(&orchestrator.authenticator),
            orchestrator.watch.clone(),
            orchestrator.shell.clone(),
            StreamLimits::default(),
            closing.clone(),
        );
        let router = aob_fanout::beside(orchestrator.router(), aob_fanout::router(streams));
        Ok(Self { orchestrator, router, pages, runner, notify, token, orphans, closing, shutdown })
    }

    /// Takes over what earlier processes on this directory left: their runners' leases end, and
    /// jobs that were handed out are handed out again.
    pub(crate) async fn take_over(&self) -> Result<(), Failure> {
        let coordinator = &self.orchestrator.coordinator;
        coordinator.look_at(&self.orphans).await;
        let count = coordinator.recover().await.map_err(|error| left(&error))?;
        if count > 0 {
            tracing::info!(count, "jobs that were handed out before are handed out again");
        }
        Ok(())
    }

    /// Its API, without a socket.
    pub(crate) fn api(&self) -> Api {
        Api::local(self.router.clone(), self.token.clone())
    }

    /// A key that may do everything in its workspace.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Serves the API and the pages until it is closing, then lets running jobs end, and stops.
    pub(crate) async fn serve(self, api: TcpListener, pages: (TcpListener, SocketAddr)) {
        let limits = ServeLimits::default();
        let (listener, address) = pages;
        let pages = Hitl::new(self.pages.clone(), None, address);
        let notifier = pages.notifier(self.notify.0.clone(), self.notify.1.clone());
        tokio::join!(
            aob_edge::serve(api, self.router.clone(), &limits, &self.closing),
            aob_edge::serve(listener, pages.router(), &limits, &self.closing),
            notifier.run(self.closing.clone()),
        );
        self.stop().await;
    }

    /// Stops: first the runner, then everything else. What was acknowledged is durable.
    pub(crate) async fn stop(self) {
        self.closing.cancel();
        self.runner.stop().await;
        self.shutdown.cancel();
        if !self.orchestrator.stopped().await {
            tracing::warn!("something that was not acknowledged is not durable yet");
        }
    }
}

/// What patches are judged by: the defaults, and the origins that the person who started this opened.
fn rules(options: &Options) -> Rules {
    let open_origins = options.allow.iter().map(|allow| allow.origin().into()).collect();
    Rules { open_origins, ..Rules::default() }
}

fn left(error: &StoreError) -> Failure {
    let message = format!("what the last process left cannot be taken over: {error}");
    Failure::new(Exit::Failed, "store", message, "check the disk, then start again")
}
