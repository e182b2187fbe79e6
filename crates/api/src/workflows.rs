//! Workflow documents, tags and versions.

use aob_engine::Timestamp;
use aob_ir::{Digest, Tier};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ProblemItem, RawText};

/// A version of a tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkflowVersion {
    /// The tag.
    #[schema(example = "onboarding")]
    pub tag: String,
    /// From 1; also the `ETag`.
    pub version: u64,
    /// Its document.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// How it came about: `created` (a document was stored), `patched`, `moved` (the tag was pointed
    /// at a document that existed).
    #[serde(default)]
    #[schema(example = "patched")]
    pub kind: String,
    /// The version that it follows; absent: it is the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predecessor: Option<u64>,
    /// Where its document comes from: the patch's id, or what the tag was pointed at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What whoever made it said about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The version that took its place after an undo, so that no redo comes here any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped_by: Option<u64>,
    /// Who made it.
    #[schema(example = "user:ada")]
    pub actor: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// `POST /v1/workflows?tag=...`, whose body is the document: 201; 200 where `unchanged`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CreatedWorkflow {
    /// The version that the tag is at.
    #[serde(flatten)]
    pub version: WorkflowVersion,
    /// True: the tag stood at this document before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unchanged: bool,
    /// What a person should know all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<ProblemItem>,
}

/// `GET /v1/workflows/{tag}`: a document, by tag or digest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WorkflowView {
    /// The version, where it was named by tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<WorkflowVersion>,
    /// The document's digest.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// `metadata.name`.
    pub name: String,
    /// What it consists of.
    pub shape: WorkflowShape,
    /// The document, canonical.
    pub document: RawText,
}

/// What a workflow consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkflowShape {
    /// Nodes.
    pub nodes: u64,
    /// Edges.
    pub edges: u64,
    /// Agent nodes.
    pub agents: u32,
    /// Tier of its rate limit: `simple standard heavy`.
    #[schema(value_type = String, example = "simple")]
    pub tier: Tier,
}

/// `POST /v1/workflows/validate`: a document that is valid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ValidWorkflow {
    /// Always true; a document that is not valid is answered with 422 `invalid_workflow`.
    pub valid: bool,
    /// Its digest.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// `metadata.name`.
    pub name: String,
    /// What it consists of.
    pub shape: WorkflowShape,
    /// What a person should know all the same.
    pub warnings: Vec<ProblemItem>,
}
