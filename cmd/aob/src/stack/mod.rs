//! What works in this process, over a data directory: the embedded adapters, a coordinator, a
//! runner for what every runner can execute, and, as a server, the API in front of them.

mod adapters;
mod key;
mod runner;
pub(crate) mod secrets;
mod server;

use std::sync::Arc;
use std::time::Duration;

use aob_cache::NullCache;
use aob_coordinator::Coordinator;
use tokio_util::sync::CancellationToken;

pub(crate) use self::adapters::Adapters;
pub(crate) use self::key::workspace;
pub(crate) use self::runner::Options;
use self::runner::Runner;
pub(crate) use self::server::Server;
use crate::failure::Failure;

/// How long what was taken in may take to become durable at the end.
const SETTLE: Duration = Duration::from_secs(10);

/// A coordinator and a runner at work, without API. Dropping it stops nothing: [`Stack::stop`] does.
pub(crate) struct Stack {
    pub(crate) adapters: Adapters,
    pub(crate) coordinator: Coordinator,
    runner: Runner,
    shutdown: CancellationToken,
}

impl Stack {
    /// Starts it on the current runtime.
    pub(crate) fn start(adapters: Adapters, options: Options) -> Result<Self, Failure> {
        let shutdown = CancellationToken::new();
        let deps = aob_coordinator::Deps {
            store: adapters.store.clone(),
            cas: adapters.cas.clone(),
            cache: Arc::new(NullCache),
            bus: adapters.bus.clone(),
            clock: Arc::clone(&adapters.clock),
        };
        let runner = Runner::start(&adapters, options)?;
        let coordinator = Coordinator::start(&aob_coordinator::Config::default(), deps, &shutdown);
        Ok(Self { adapters, coordinator, runner, shutdown })
    }

    /// Stops: first the runner, then everything else. What was acknowledged is durable.
    pub(crate) async fn stop(self) {
        self.runner.stop().await;
        self.shutdown.cancel();
        if !self.coordinator.stopped(SETTLE).await {
            tracing::warn!("something that was not acknowledged is not durable yet");
        }
    }
}
