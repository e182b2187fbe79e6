//! Whether a run's log is what it claims to be.

use std::collections::BTreeMap;

use aob_engine::RunId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /v1/runs/{id}/verify`: the log checked from its first byte to its last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Verification {
    /// The run.
    #[schema(value_type = String, format = "uuid")]
    pub run: RunId,
    /// True: the chain is whole and no invariant is broken.
    pub ok: bool,
    /// Events checked.
    pub events: u64,
    /// Segments checked.
    pub segments: u64,
    /// Hash of the last segment, in hex: it vouches for everything before.
    pub head_hash: String,
    /// Where the hash chain breaks, and how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken_chain: Option<String>,
    /// Broken invariants, in log order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<ViolationView>,
    /// Violations beyond those listed.
    #[serde(default)]
    pub suppressed: u64,
    /// False: the workflow is not at hand, so the rules that need its graph were not checked.
    pub graph_checked: bool,
    /// How often each kind of event was seen.
    #[serde(default)]
    pub counters: BTreeMap<String, u64>,
}

/// One broken invariant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ViolationView {
    /// Its id.
    #[schema(example = "I-18")]
    pub invariant: String,
    /// The event at which it shows.
    pub seq: u64,
    /// What was expected and what was found.
    pub message: String,
}
