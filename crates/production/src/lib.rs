//! What every process of the production stack does the same way: settings, ports over Postgres,
//! Kafka, Redis and S3, the database's clock, health and metrics, and the end.
//!
//! ```text
//! defaults < file < environment < flags --> Settings --> Ports --> the service
//!                                              |           |
//!                                    printed, masked     Admin: /healthz /readyz /metrics
//! ```
//! Only programs use it: libraries of services know ports, never what is behind them.
#![warn(missing_docs)]

#[cfg(feature = "adapters")]
mod admin;
mod args;
#[cfg(feature = "adapters")]
mod clock;
#[cfg(feature = "adapters")]
mod metrics;
#[cfg(feature = "adapters")]
mod ports;
#[cfg(feature = "adapters")]
mod process;
mod settings;
#[cfg(feature = "adapters")]
mod topics;

#[cfg(feature = "adapters")]
pub use admin::Admin;
pub use args::CommonArgs;
#[cfg(feature = "adapters")]
pub use clock::DatabaseClock;
#[cfg(feature = "adapters")]
pub use metrics::{Metrics, observe};
#[cfg(feature = "adapters")]
pub use ports::{OpenError, Ports};
#[cfg(feature = "adapters")]
pub use process::{Process, ProcessError, ServiceArgs, ServiceCommand, write_logs};
pub use settings::{Key, Settings, SettingsError, Shown, Source};
#[cfg(feature = "adapters")]
pub use topics::topics;
