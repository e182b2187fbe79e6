//! The runner as a service beside a bus: what it is configured with and what it is made of.

use std::sync::Arc;
use std::time::Duration;

use aob_bus::{Bus, SubscribeError};
use aob_cas::Cas;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::builtins::Builtins;
use crate::clock::Clock;
use crate::driver::{Driver, DriverConfig, DriverDeps, JoinedDriver};
use crate::http::{HttpExecutor, HttpPort};
use crate::leases::{Claims, LeaseTimes};
use crate::payloads::CasPayloads;
use crate::secrets::Secrets;
use crate::worker::{Worker, WorkerDeps};

/// What the runner is configured with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Its name. No other process has it or has had it: leases are held in it.
    pub name: String,
    /// Jobs at once.
    #[serde(default = "concurrency")]
    pub concurrency: usize,
    /// Milliseconds from a claim or heartbeat to the end of a lease.
    #[serde(default = "lease_ms")]
    pub lease_ms: u64,
    /// Milliseconds between heartbeats.
    #[serde(default = "heartbeat_ms")]
    pub heartbeat_ms: u64,
    /// Milliseconds that running jobs may go on after a shutdown was asked for.
    #[serde(default = "drain_ms")]
    pub drain_ms: u64,
    /// Milliseconds that a job may take to stop when told to.
    #[serde(default = "stop_grace_ms")]
    pub stop_grace_ms: u64,
}

fn concurrency() -> usize {
    512
}

fn lease_ms() -> u64 {
    aob_api::jobs::LEASE_MS
}

fn heartbeat_ms() -> u64 {
    aob_api::jobs::HEARTBEAT_MS
}

fn drain_ms() -> u64 {
    30_000
}

fn stop_grace_ms() -> u64 {
    10_000
}

impl Config {
    /// The defaults, for a runner of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            concurrency: concurrency(),
            lease_ms: lease_ms(),
            heartbeat_ms: heartbeat_ms(),
            drain_ms: drain_ms(),
            stop_grace_ms: stop_grace_ms(),
        }
    }
}

/// What the runner is made of.
#[derive(Debug, Clone)]
pub struct Deps {
    /// Jobs and results.
    pub bus: Arc<dyn Bus>,
    /// Leases.
    pub claims: Arc<dyn Claims>,
    /// Long values.
    pub cas: Arc<dyn Cas>,
    /// Where `http` jobs go out.
    pub http: Arc<dyn HttpPort>,
    /// Secrets.
    pub secrets: Arc<dyn Secrets>,
    /// The database's clock.
    pub clock: Arc<dyn Clock>,
}

/// A configuration that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// Nobody could tell its leases from another's.
    #[error("a runner needs a name, without `#`")]
    Name,
    /// It would take no jobs.
    #[error("`concurrency` must be at least 1")]
    Concurrency,
    /// One late heartbeat would lose all leases.
    #[error(
        "`heartbeat_ms` ({heartbeat_ms}) must be positive and at most half of `lease_ms` ({lease_ms})"
    )]
    Heartbeat {
        /// As given.
        heartbeat_ms: u64,
        /// As given.
        lease_ms: u64,
    },
}

/// A runner that is ready to run.
#[derive(Debug)]
pub struct Service {
    driver: Driver,
}

/// Checks the configuration and puts the parts together. Starts nothing.
///
/// # Errors
/// See [`ConfigError`].
pub fn bind(config: Config, deps: Deps) -> Result<Service, ConfigError> {
    let Config { name, concurrency, lease_ms, heartbeat_ms, drain_ms, stop_grace_ms } = config;
    if name.is_empty() || name.contains('#') {
        return Err(ConfigError::Name);
    }
    if concurrency == 0 {
        return Err(ConfigError::Concurrency);
    }
    if heartbeat_ms == 0 || heartbeat_ms > lease_ms / 2 {
        return Err(ConfigError::Heartbeat { heartbeat_ms, lease_ms });
    }
    let Deps { bus, claims, cas, http, secrets, clock } = deps;
    let runner: Arc<str> = name.into();
    let stop_grace = Duration::from_millis(stop_grace_ms);
    let worker_deps = WorkerDeps {
        executor: Arc::new(Builtins::new(HttpExecutor::new(http, Arc::clone(&clock)))),
        payloads: Arc::new(CasPayloads(cas)),
        secrets,
        clock: Arc::clone(&clock),
    };
    let worker = Worker::new(Arc::clone(&runner), worker_deps, stop_grace);
    let leases = LeaseTimes {
        lease: Duration::from_millis(lease_ms),
        heartbeat: Duration::from_millis(heartbeat_ms),
    };
    let config = DriverConfig {
        concurrency,
        leases,
        drain: Duration::from_millis(drain_ms),
        stop_grace,
        ..DriverConfig::new(&runner)
    };
    Ok(Service { driver: Driver::new(config, DriverDeps { bus, claims, clock, worker }) })
}

/// A runner that has joined the group of runners.
#[derive(Debug)]
pub struct JoinedService {
    driver: JoinedDriver,
}

impl JoinedService {
    /// Works until `shutdown`, then drains. Dropping the future ends everything at once, as a crash
    /// would.
    pub async fn run(self, shutdown: CancellationToken) {
        self.driver.run(shutdown).await;
    }
}

impl Service {
    /// Joins the group of runners: call it before anything publishes jobs, because a topic without
    /// groups keeps only its last messages.
    ///
    /// # Errors
    /// If the topics do not exist or the bus cannot be reached.
    pub async fn join(self) -> Result<JoinedService, SubscribeError> {
        Ok(JoinedService { driver: self.driver.join().await? })
    }

    /// Works until `shutdown`, then drains. Dropping the future ends everything at once, as a crash
    /// would.
    ///
    /// # Errors
    /// If the topics do not exist or the bus cannot be reached at the start.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), SubscribeError> {
        self.driver.run(shutdown).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_that_cannot_work_is_refused() {
        use crate::testing::{FakePort, StillClock};
        let good = Config::new("r1");
        for (config, error) in [
            (good.clone(), None),
            (Config { heartbeat_ms: 7_500, ..good.clone() }, None),
            (Config { name: String::new(), ..good.clone() }, Some(ConfigError::Name)),
            (Config { name: "r#1".to_owned(), ..good.clone() }, Some(ConfigError::Name)),
            (Config { concurrency: 0, ..good.clone() }, Some(ConfigError::Concurrency)),
            (
                Config { heartbeat_ms: 7_501, ..good.clone() },
                Some(ConfigError::Heartbeat { heartbeat_ms: 7_501, lease_ms: 15_000 }),
            ),
            (
                Config { heartbeat_ms: 0, ..good.clone() },
                Some(ConfigError::Heartbeat { heartbeat_ms: 0, lease_ms: 15_000 }),
            ),
        ] {
            let clock = Arc::new(StillClock);
            let store = Arc::new(aob_store::MemStore::new(Arc::new(|| 0)));
            let deps = Deps {
                bus: Arc::new(aob_bus::MemBus::new([])),
                claims: Arc::new(crate::claims::StoreClaims::new(
                    store,
                    clock.clone(),
                    Duration::ZERO,
                )),
                cas: Arc::new(aob_cas::MemCas::default()),
                http: FakePort::answering([]),
                secrets: Arc::new(crate::secrets::MapSecrets::default()),
                clock,
            };
            assert_eq!(bind(config.clone(), deps).err(), error, "{config:?}");
        }
    }

    #[test]
    fn only_the_name_has_to_be_given() {
        let config: Config = serde_json::from_str(r#"{"name": "r1"}"#).unwrap();
        assert_eq!(config, Config::new("r1"));
        assert!(serde_json::from_str::<Config>(r#"{"name": "r1", "concurency": 1}"#).is_err());
    }
}
