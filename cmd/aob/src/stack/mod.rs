//! What works in this process: the embedded adapters over a data directory, a coordinator, and a
//! runner for what every runner can execute.

mod adapters;

use std::sync::Arc;
use std::time::Duration;

use aob_coordinator::Coordinator;
use aob_egress::{Allow, Client, ClientConfig, Policy};
use aob_runner::{MapSecrets, StoreClaims};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use self::adapters::Adapters;
use crate::commands::{WallClock, with_sources};
use crate::exit::Exit;
use crate::failure::Failure;

/// What the names of runners in this process begin with: leases in such names are nobody's once
/// the process is gone.
const RUNNERS: &str = "local-";
/// How long what was taken in may take to become durable at the end.
const SETTLE: Duration = Duration::from_secs(10);

/// What a stack is started with.
#[derive(Debug, Default)]
pub(crate) struct Options {
    /// Private addresses that `http` nodes may call.
    pub(crate) allow: Vec<Allow>,
    /// Secrets that nodes may use.
    pub(crate) secrets: MapSecrets,
}

/// A coordinator and a runner at work. Dropping it stops nothing: [`Stack::stop`] does.
pub(crate) struct Stack {
    pub(crate) adapters: Adapters,
    pub(crate) coordinator: Coordinator,
    runner: TaskTracker,
    stop_runner: CancellationToken,
    stop: CancellationToken,
}

impl Stack {
    /// Starts it on the current runtime.
    pub(crate) fn start(adapters: Adapters, options: Options) -> Result<Self, Failure> {
        let (stop, stop_runner) = (CancellationToken::new(), CancellationToken::new());
        let deps = aob_coordinator::Deps {
            store: adapters.store.clone(),
            cas: adapters.cas.clone(),
            bus: adapters.bus.clone(),
            clock: Arc::clone(&adapters.clock),
        };
        let service = bound_runner(&adapters, options)?;
        let coordinator = Coordinator::start(&aob_coordinator::Config::default(), deps, &stop);
        let runner = TaskTracker::new();
        let stopping = stop_runner.clone();
        runner.spawn(async move {
            if let Err(error) = service.run(stopping).await {
                tracing::error!(%error, "no jobs are taken");
            }
        });
        runner.close();
        Ok(Self { adapters, coordinator, runner, stop_runner, stop })
    }

    /// Stops: first the runner, then everything else. What was acknowledged is durable.
    pub(crate) async fn stop(self) {
        self.stop_runner.cancel();
        self.runner.wait().await;
        self.stop.cancel();
        if !self.coordinator.stopped(SETTLE).await {
            tracing::warn!("something that was not acknowledged is not durable yet");
        }
    }
}

/// The runner of this process, which takes what every runner can execute.
fn bound_runner(adapters: &Adapters, options: Options) -> Result<aob_runner::Service, Failure> {
    let clock: Arc<dyn aob_runner::Clock> = Arc::new(WallClock);
    let name = format!("{RUNNERS}{}-{}", std::process::id(), clock.now().0);
    let config = aob_runner::Config::new(name);
    let policy = Policy { allow: options.allow, ..Policy::default() };
    let lease = Duration::from_millis(config.lease_ms);
    let claims = StoreClaims::new(adapters.store.clone(), Arc::clone(&clock), lease);
    let deps = aob_runner::Deps {
        bus: adapters.bus.clone(),
        claims: Arc::new(claims),
        cas: adapters.cas.clone(),
        http: Arc::new(Client::new(ClientConfig::new(policy))),
        secrets: Arc::new(options.secrets),
        clock,
    };
    aob_runner::bind(config, deps).map_err(|error| {
        let message = format!("the runner cannot start: {}", with_sources(&error));
        Failure::new(Exit::Failed, "runner", message, "report this as a bug")
    })
}
