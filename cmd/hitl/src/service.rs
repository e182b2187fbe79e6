//! Composing the pages into a service.

use std::net::SocketAddr;
use std::sync::Arc;

use aob_answers::Reads;
use aob_coordinator::Coordinator;
use aob_edge::{
    Authenticator, BindError, Entropy, Refusal, ServeLimits, Shell, Signer, Socket, serve,
};
use aob_egress::{Client, ClientConfig, Policy};
use aob_engine::{Timestamp, WorkspaceId};
use aob_notify::{Mailer, Notifier};
use aob_store::{Clock, Store};
use axum::Router;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::app::{App, Parts, Site};
use crate::pages::{self, Link};
use crate::sessions::Sessions;

/// What the workspace's key signs here: sessions, forms and links.
const PURPOSE: &str = "pages";

/// Settings of the pages.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where they are served; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where people find them, if that is not the socket's own address: behind a proxy that ends
    /// TLS, say. With `https`, cookies never travel without it.
    pub url: Option<Url>,
    /// What notifications may reach.
    pub notify_egress: Policy,
    /// What sends mail, if anything does.
    pub mail: Option<Mailer>,
    /// Bounds of their connections.
    pub serve: ServeLimits,
}

impl Config {
    /// The defaults, on this address.
    pub fn new(listen: SocketAddr) -> Self {
        let notify_egress = Policy::default();
        Self { listen, url: None, notify_egress, mail: None, serve: ServeLimits::default() }
    }
}

/// What the pages work with.
#[derive(Clone)]
pub struct Deps {
    /// Tickets, logs, and the API keys that people sign in with.
    pub store: Arc<dyn Store>,
    /// Where votes go: this process's own, with or without duties, or one that it has anyway.
    pub coordinator: Coordinator,
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

/// The pages, without a socket. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Hitl {
    pub(crate) app: App,
}

impl Hitl {
    /// Pages that people find at `url`, or at `address`.
    pub fn new(deps: Deps, url: Option<&Url>, address: SocketAddr) -> Self {
        let Deps { store, coordinator, clock, entropy } = deps;
        let site = Site::new(url, address);
        let app = App::new(Parts {
            reads: Reads::new(Arc::clone(&store), &coordinator),
            coordinator,
            authenticator: Arc::new(Authenticator::new(Arc::clone(&store), Arc::clone(&clock))),
            shell: Shell::new(&entropy),
            clock,
            signer: Signer::new(store, Arc::clone(&entropy), PURPOSE),
            entropy,
            sessions: Sessions::new(site.secure),
            site,
        });
        Self { app }
    }

    /// The pages.
    pub fn router(&self) -> Router {
        pages::router(self.app.clone())
    }

    /// Who tells people of tickets, with links to these pages. Any number of them may run.
    pub fn notifier(&self, http: Client, mail: Option<Mailer>) -> Notifier {
        Notifier::new(aob_notify::Deps {
            store: Arc::clone(&self.app.reads.store),
            http,
            clock: Arc::clone(&self.app.clock),
            briefs: Arc::new(self.clone()),
            mail,
        })
    }

    /// The address of a ticket's page.
    pub fn page(&self, ticket: &str) -> String {
        self.app.site.ticket(ticket)
    }

    /// A link to the page for messages: it says which ticket is meant, until a time, and lets nobody
    /// in.
    ///
    /// # Errors
    /// If storage does not answer.
    pub async fn link(
        &self,
        workspace: WorkspaceId,
        ticket: &str,
        until: Timestamp,
    ) -> Result<String, Refusal> {
        let key = self.app.signer.key(workspace).await?;
        let link = Link { workspace, ticket: ticket.to_owned(), until_ms: until.0 };
        Ok(format!("{}/l/{}", self.app.site.origin, link.write(&key)))
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

    /// Serves, and tells people of tickets, until `shutdown`; requests that are being answered are let end.
    pub async fn run(self, shutdown: CancellationToken) {
        self.run_within(|app| app, shutdown).await;
    }

    /// The same, within layers that every request passes.
    pub async fn run_within(
        self,
        around: impl FnOnce(Router) -> Router,
        shutdown: CancellationToken,
    ) {
        let hitl = Hitl::new(self.deps, self.config.url.as_ref(), self.socket.address);
        let app = around(hitl.router());
        let http = Client::new(ClientConfig::new(self.config.notify_egress));
        tokio::join!(
            serve(self.socket.listener, app, &self.config.serve, &shutdown),
            hitl.notifier(http, self.config.mail).run(shutdown.clone()),
        );
    }
}
