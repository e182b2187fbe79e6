//! The runner: takes jobs from topics or by long poll, executes them, and answers.
//!
//! ```text
//! node.jobs.{high,medium,low} ── Driver ──┐                      ┌── Builtins: echo sleep fail http
//!                                         ├── Worker ── Executor ┤
//! POST /v1/runners/lease ─────── Poller ──┘                      └── Programs: --exec NAME=CMD
//! ```
//!
//! Driver and poller claim, renew and answer; the worker loads values, puts secrets in and takes
//! them out; the executor does the work and knows nothing of any of that. Nothing executes on the
//! path that polls.
#![warn(missing_docs)]

mod api;
mod attempt;
mod backoff;
mod builtins;
mod claims;
pub mod cli;
mod clock;
mod drain;
mod driver;
mod egress;
mod exec;
mod execute;
mod http;
mod leases;
mod payloads;
mod poll;
mod redact;
mod secrets;
mod service;
mod supervise;
mod worker;

pub use api::{ApiError, ApiLeases, ApiPayloads, HttpsApi, RunnerApi};
pub use attempt::{Attempt, StopCause, TooManyPatches};
pub use backoff::Backoff;
pub use builtins::Builtins;
pub use claims::StoreClaims;
pub use clock::Clock;
pub use driver::{Driver, DriverConfig, DriverDeps, JoinedDriver};
pub use exec::{OUTPUT_BYTES_MAX, Programs};
pub use execute::{Executor, Outcome, ReadyJob};
pub use http::{
    HttpExecutor, HttpPort, OutgoingRequest, OutgoingResponse, RESPONSE_BYTES_DEFAULT,
    RESPONSE_BYTES_MAX, SendError,
};
pub use leases::{Beat, Claims, Heartbeats, Hold, LeaseKeeper, LeaseTimes, LeasesUnavailable};
pub use payloads::{CasPayloads, PayloadError, Payloads};
pub use poll::{PollConfig, PollError, Poller};
pub use redact::Redactor;
pub use secrets::{FillError, MapSecrets, Secret, Secrets, SecretsUnavailable};
pub use service::{Config, ConfigError, Deps, JoinedService, Service, bind};
pub use worker::{Worker, WorkerDeps};

#[cfg(test)]
mod testing;
