//! The runner protocol over HTTPS: lease by long poll, heartbeat, result.

use std::sync::Arc;

use aob_engine::{InstanceId, RunId};
use aob_ir::Digest;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::SpendView;

use super::{AttemptKey, JobMessage, RawText, ResultMessage, number};

/// Milliseconds that a lease holds without a heartbeat.
pub const LEASE_MS: u64 = 15_000;
/// Milliseconds between heartbeats.
pub const HEARTBEAT_MS: u64 = 5_000;
/// Upper bound of `wait_ms` of a long poll; a longer wish is shortened.
pub const LEASE_WAIT_MS_MAX: u64 = 30_000;
/// Jobs that one long poll can ask for.
pub const LEASE_LIMIT_MAX: u32 = 256;
/// Lines in one [`LogChunk`].
pub const LOG_LINES_MAX: usize = 200;
/// Bytes of one log line; what is longer is cut.
pub const LOG_LINE_BYTES_MAX: usize = 8 * 1024;

/// `POST /v1/runners/lease`: asks for jobs and waits for them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LeaseRequest {
    /// The runner's name, unique among those alive; leases are held in this name.
    #[schema(value_type = String)]
    pub runner: Arc<str>,
    /// Its pool.
    #[schema(value_type = String)]
    pub pool: Arc<str>,
    /// The functions it serves.
    #[schema(value_type = Vec<String>)]
    pub names: Vec<Arc<str>>,
    /// At most this many jobs.
    pub limit: u32,
    /// Milliseconds to wait for the first job; 0: answer at once.
    #[serde(default, deserialize_with = "number::plain")]
    pub wait_ms: u64,
}

/// Answer to [`LeaseRequest`]: jobs whose leases the runner holds from the moment of the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LeaseResponse {
    /// Empty where nothing came within `wait_ms`.
    #[serde(default)]
    pub jobs: Vec<JobMessage>,
    /// Milliseconds that the leases hold without a heartbeat.
    #[serde(default = "lease_ms", deserialize_with = "number::plain")]
    pub lease_ms: u64,
    /// Milliseconds between heartbeats that the server wishes.
    #[serde(default = "heartbeat_ms", deserialize_with = "number::plain")]
    pub heartbeat_ms: u64,
}

/// `POST /v1/runners/claim`: asks for the leases of jobs that came on a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClaimRequest {
    /// The runner's name, unique among those alive; leases are held in this name.
    #[schema(value_type = String)]
    pub runner: Arc<str>,
    /// Its pool.
    #[schema(value_type = String)]
    pub pool: Arc<str>,
    /// What it was offered.
    pub offers: Vec<OfferItem>,
}

/// A job that came on a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Offer)]
pub struct OfferItem {
    /// The header `aob-offer` of its message.
    #[schema(value_type = String)]
    pub offer: Arc<str>,
    /// Digest of the message's value, as the runner received it.
    #[schema(value_type = String)]
    pub digest: Digest,
}

/// Answer to [`ClaimRequest`], in the order of its offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClaimResponse {
    /// One for each offer.
    pub claims: Vec<ClaimAnswer>,
    /// Milliseconds that the leases hold without a heartbeat.
    #[serde(default = "lease_ms", deserialize_with = "number::plain")]
    pub lease_ms: u64,
    /// Milliseconds between heartbeats that the server wishes.
    #[serde(default = "heartbeat_ms", deserialize_with = "number::plain")]
    pub heartbeat_ms: u64,
}

/// What became of a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Claim)]
pub struct ClaimAnswer {
    /// Whether the job may be executed.
    pub standing: ClaimStanding,
    /// The token of a job that was granted, for its heartbeats and its result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub token: Option<Arc<str>>,
}

/// Whether a job that was offered may be executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClaimStanding {
    /// The runner holds its lease from the moment of the answer, and works.
    Granted,
    /// Another runner has it, or the attempt is over: pass over it.
    Taken,
    /// The message is not ours, or not as we wrote it, or for another pool: do not act on it.
    Invalid,
}

/// `POST /v1/runners/heartbeat`: renews many leases at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HeartbeatRequest {
    /// Who holds them.
    #[schema(value_type = String)]
    pub runner: Arc<str>,
    /// Which.
    pub leases: Vec<HeartbeatItem>,
}

/// One lease of a heartbeat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HeartbeatItem {
    /// The run.
    #[schema(value_type = String, format = "uuid")]
    pub run: RunId,
    /// The instance.
    #[schema(value_type = String)]
    pub instance: InstanceId,
    /// The attempt.
    pub attempt: u32,
    /// The token of its job. Without it, or with another's, the whole heartbeat is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub token: Option<Arc<str>>,
    /// Progress since the last heartbeat, any JSON; absent: none, and the idle timeout counts on.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present_text")]
    #[schema(value_type = Option<Object>)]
    pub progress: Option<RawText>,
    /// Log lines since the last heartbeat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logs: Option<LogChunk>,
}

impl HeartbeatItem {
    /// The attempt whose lease it is.
    pub fn key(&self) -> AttemptKey {
        AttemptKey { run: self.run, instance: self.instance.clone(), attempt: self.attempt }
    }
}

/// Consecutive log lines of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogChunk {
    /// Number of the first line, from 0, counting lines that were dropped: a gap shows them.
    #[serde(default, deserialize_with = "number::plain")]
    pub first: u64,
    /// The lines, without line ends.
    pub lines: Vec<String>,
}

/// Answer to [`HeartbeatRequest`], in the order of its leases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeartbeatResponse {
    /// One for each lease asked about.
    pub states: Vec<LeaseStanding>,
}

/// How a lease stands after a heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeaseStanding {
    /// Renewed.
    Held,
    /// Renewed; stop, and answer `cancelled`.
    Cancelling,
    /// Not held any more: stop, and do not answer.
    Lost,
}

/// `POST /v1/runners/result`: the answer to a leased job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ResultRequest {
    /// What came out.
    pub result: ResultMessage,
    /// The last log lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logs: Option<LogChunk>,
    /// The token of the job, here or in the header `Aob-Job-Token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub token: Option<Arc<str>>,
}

/// Answer to [`ResultRequest`], after the result is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResultResponse {
    /// False: the attempt is over, and the result changes nothing.
    pub accepted: bool,
}

/// `POST /v1/runners/reserve`: before a call of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReserveRequest {
    /// Its name, unique within the attempt: 1 to 128 bytes. The same again is a repetition.
    #[schema(value_type = String, example = "call-1")]
    pub reservation: Arc<str>,
    /// At most what the call will use.
    pub amounts: SpendView,
}

/// Answer to [`ReserveRequest`], after it is durable: the call may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReserveResponse {
    /// False: no budget bounds the attempt, so nothing is set aside, and nothing is to be settled.
    pub reserved: bool,
}

/// `POST /v1/runners/settle`: after the call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SettleRequest {
    /// The reservation's name.
    #[schema(value_type = String, example = "call-1")]
    pub reservation: Arc<str>,
    /// What the call used.
    pub used: SpendView,
}

/// Answer to [`SettleRequest`], after it is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SettleResponse {
    /// False: it was settled before, or the attempt is over and was charged in full.
    pub accepted: bool,
}

fn lease_ms() -> u64 {
    LEASE_MS
}

fn heartbeat_ms() -> u64 {
    HEARTBEAT_MS
}

/// Reads a key that may hold `null`: absent is `None`, null is `Some(null)`.
fn present_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<RawText>, D::Error> {
    RawText::deserialize(deserializer).map(Some)
}
