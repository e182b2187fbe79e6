//! Tags: where they stand, how they move, and who moved them.

use aob_engine::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{RawText, WorkflowVersion};

/// Where a tag stands. `version` is the `ETag`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TagView {
    /// The version that the tag means.
    #[serde(flatten)]
    pub current: WorkflowVersion,
    /// The version that was made last. Where the tag is at an earlier one, a redo leads towards it.
    pub tip: u64,
    /// A version that gets a share of the new runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<CanaryView>,
}

/// A version that gets a share of the new runs of its tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CanaryView {
    /// The version.
    pub version: u64,
    /// Of a hundred runs, how many.
    #[schema(minimum = 1, maximum = 100)]
    pub percent: u32,
}

/// `POST /v1/tags/{tag}/move`: where the tag should point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"to": 2, "description": "version 3 mails twice"}))]
pub struct MoveTag {
    /// A version of the tag (`2`), a digest (`"sha256:..."`), another tag (`"onboarding"`) or a
    /// version of one (`"onboarding@3"`).
    #[schema(value_type = serde_json::Value, example = 2)]
    pub to: RawText,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A body with nothing in it: `{}`, or none at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// `POST /v1/tags/{tag}/canary`: the version to try, or none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"canary": {"version": 4, "percent": 10}}))]
pub struct SetCanary {
    /// The version and its share; null or absent: the trial ends.
    #[serde(default)]
    pub canary: Option<CanaryView>,
}

/// A move of a tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TagMoveView {
    /// Number of the move, from 1.
    pub revision: u64,
    /// What it was: `created patched moved` (a version was made), `undone redone` (the tag went back
    /// and forth between versions), `canary` (a trial began, changed or ended).
    #[schema(example = "undone")]
    pub kind: String,
    /// The version before; 0: there was no tag.
    pub from: u64,
    /// The version after.
    pub to: u64,
    /// The trial after the move.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<CanaryView>,
    /// Who.
    #[schema(example = "user:ada")]
    pub actor: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}
