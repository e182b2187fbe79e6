//! API keys.

use std::fmt;
use std::str::FromStr;

use aob_engine::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a key may do: each role is a fixed set of permissions.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything in the workspace, API keys included.
    Admin,
    /// Reads; works on behalf of a run.
    Agent,
    /// Reads; decides approvals.
    Approver,
    /// Reads and verifies; changes nothing.
    Auditor,
    /// Writes workflows, starts and steers runs.
    Developer,
    /// Starts, steers and repairs runs.
    Operator,
    /// Executes jobs.
    Runner,
}

impl Role {
    /// Every role.
    pub const ALL: &'static [Self] = &[
        Self::Admin,
        Self::Agent,
        Self::Approver,
        Self::Auditor,
        Self::Developer,
        Self::Operator,
        Self::Runner,
    ];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Agent => "agent",
            Self::Approver => "approver",
            Self::Auditor => "auditor",
            Self::Developer => "developer",
            Self::Operator => "operator",
            Self::Runner => "runner",
        }
    }

    /// The role of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.as_str() == name)
    }
}

/// No role has this name: the message lists those that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownRole;

impl fmt::Display for UnknownRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
        write!(f, "roles are: {}", known.join(", "))
    }
}

impl std::error::Error for UnknownRole {}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(name: &str) -> Result<Self, UnknownRole> {
        Self::of_name(name).ok_or(UnknownRole)
    }
}

/// `POST /v1/keys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateKey {
    /// Whose key it is: the log names its user `user:<name>` (of runners, `runner:<name>`).
    /// 1 to 64 of `a-z A-Z 0-9 . _ @ -`.
    #[schema(example = "ada@example.com")]
    pub name: String,
    /// What it may do; at least one.
    pub roles: Vec<Role>,
    /// Groups that its user belongs to: `approvers` of a `hitl` node name them as roles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Milliseconds until it expires; absent: it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_ms: Option<u64>,
}

/// A new key: the only answer that ever shows its token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreatedKey {
    /// What it is.
    #[serde(flatten)]
    pub key: KeyView,
    /// Send it as `Authorization: Bearer <token>`. The server keeps only its hash.
    pub token: String,
}

/// A key without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyView {
    /// Its public part.
    pub key_id: String,
    /// Whose it is.
    pub name: String,
    /// What it may do.
    pub roles: Vec<Role>,
    /// Groups that its user belongs to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// Revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<Timestamp>,
}
