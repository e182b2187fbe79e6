//! The runner of this process, which takes what every runner can execute.

use std::sync::Arc;
use std::time::Duration;

use aob_bus::{MemBus, Topic};
use aob_coordinator::RESULTS_TOPIC;
use aob_egress::{Allow, Client, ClientConfig, Policy};
use aob_notify::Mailer;
use aob_optimizer::PublicKey;
use aob_runner::{Clock, Config, Deps, MapSecrets, Service, StoreClaims};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Adapters, SETTLE};
use crate::commands::{WallClock, with_sources};
use crate::exit::Exit;
use crate::failure::Failure;

/// What the names of runners in such processes begin with: leases in such names are nobody's once
/// the process is gone.
pub(super) const NAMES: &str = "local-";

/// The wait between two looks at the results that are not taken in yet.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// What it may use.
#[derive(Debug, Default)]
pub(crate) struct Options {
    /// Private addresses that `http` nodes may call.
    pub(crate) allow: Vec<Allow>,
    /// Secrets that nodes may use.
    pub(crate) secrets: MapSecrets,
    /// How long runs are kept once they are over; `None`: for ever.
    pub(crate) retention: Option<std::time::Duration>,
    /// Keys of those who may sign modules of the optimizer.
    pub(crate) optimizer_keys: Vec<PublicKey>,
    /// What sends mail, if anything does.
    pub(crate) mail: Option<Mailer>,
}

/// A runner at work.
pub(super) struct Runner {
    bus: Arc<MemBus>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

impl Runner {
    /// Starts it on the current runtime.
    pub(super) fn start(adapters: &Adapters, options: Options) -> Result<Self, Failure> {
        let service = service(adapters, options)?;
        let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let until = shutdown.clone();
        tasks.spawn(async move {
            if let Err(error) = service.run(until).await {
                tracing::error!(%error, "no jobs are taken");
            }
        });
        tasks.close();
        Ok(Self { bus: Arc::clone(&adapters.bus), tasks, shutdown })
    }

    /// Lets running jobs end, for a while, and returns when their results are in the log: the bus
    /// dies with this process, and what it still held would be unknown to the next.
    pub(super) async fn stop(self) {
        self.shutdown.cancel();
        self.tasks.wait().await;
        let results = Topic::new(RESULTS_TOPIC);
        let taken_in = async {
            while self.bus.backlog(&results) > 0 {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        if tokio::time::timeout(SETTLE, taken_in).await.is_err() {
            tracing::warn!("results of jobs are lost; their runs notice at the next start");
        }
    }
}

fn service(adapters: &Adapters, options: Options) -> Result<Service, Failure> {
    let clock: Arc<dyn Clock> = Arc::new(WallClock);
    let config = Config::new(format!("{NAMES}{}-{}", std::process::id(), clock.now().0));
    let policy = Policy { allow: options.allow, ..Policy::default() };
    let lease = Duration::from_millis(config.lease_ms);
    let claims = StoreClaims::new(adapters.store.clone(), Arc::clone(&clock), lease);
    let deps = Deps {
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
