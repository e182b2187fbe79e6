//! What API keys may do: a fixed set of permissions per role, nothing by default.

use aob_api::Role;

/// What an endpoint needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// Read tickets.
    ApprovalsRead,
    /// Decide tickets.
    ApprovalsDecide,
    /// Read stored values.
    ArtifactsRead,
    /// Store values.
    ArtifactsWrite,
    /// Lease and answer jobs.
    JobsExecute,
    /// Create, list and revoke API keys.
    KeysManage,
    /// Add modules of the optimizer, enable and disable them.
    ModulesManage,
    /// Add, test and remove who is told of tickets.
    NotificationsManage,
    /// Read who is told of tickets, and what was sent.
    NotificationsRead,
    /// Cancel, pause, resume and signal runs.
    RunsControl,
    /// Propose patches of runs, take them back, and withdraw them.
    RunsPatch,
    /// Read runs, their logs and everything derived from them.
    RunsRead,
    /// Decide what becomes of parked instances.
    RunsRepair,
    /// Start runs.
    RunsStart,
    /// Read documents, tags and versions; validate.
    WorkflowsRead,
    /// Create versions.
    WorkflowsWrite,
}

impl Permission {
    /// Every permission.
    pub const ALL: &'static [Self] = &[
        Self::ApprovalsRead,
        Self::ApprovalsDecide,
        Self::ArtifactsRead,
        Self::ArtifactsWrite,
        Self::JobsExecute,
        Self::KeysManage,
        Self::ModulesManage,
        Self::NotificationsManage,
        Self::NotificationsRead,
        Self::RunsControl,
        Self::RunsPatch,
        Self::RunsRead,
        Self::RunsRepair,
        Self::RunsStart,
        Self::WorkflowsRead,
        Self::WorkflowsWrite,
    ];

    /// The name for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ApprovalsRead => "approvals:read",
            Self::ApprovalsDecide => "approvals:decide",
            Self::ArtifactsRead => "artifacts:read",
            Self::ArtifactsWrite => "artifacts:write",
            Self::JobsExecute => "jobs:execute",
            Self::KeysManage => "keys:manage",
            Self::ModulesManage => "modules:manage",
            Self::NotificationsManage => "notifications:manage",
            Self::NotificationsRead => "notifications:read",
            Self::RunsControl => "runs:control",
            Self::RunsPatch => "runs:patch",
            Self::RunsRead => "runs:read",
            Self::RunsRepair => "runs:repair",
            Self::RunsStart => "runs:start",
            Self::WorkflowsRead => "workflows:read",
            Self::WorkflowsWrite => "workflows:write",
        }
    }

    /// True where `role` includes it.
    pub fn is_granted_to(self, role: Role) -> bool {
        match role {
            Role::Admin => true,
            Role::Agent => self.is_reading() || self == Self::RunsPatch,
            Role::Approver => {
                self.is_reading() || matches!(self, Self::ApprovalsDecide | Self::NotificationsRead)
            }
            Role::Auditor => self.is_reading() || self == Self::NotificationsRead,
            Role::Developer => match self {
                Self::ArtifactsWrite
                | Self::RunsControl
                | Self::RunsPatch
                | Self::RunsStart
                | Self::WorkflowsWrite => true,
                Self::ApprovalsDecide
                | Self::JobsExecute
                | Self::KeysManage
                | Self::ModulesManage
                | Self::NotificationsManage
                | Self::RunsRepair => false,
                Self::ApprovalsRead
                | Self::ArtifactsRead
                | Self::NotificationsRead
                | Self::RunsRead
                | Self::WorkflowsRead => true,
            },
            Role::Operator => match self {
                Self::ArtifactsWrite
                | Self::RunsControl
                | Self::RunsPatch
                | Self::RunsRepair
                | Self::RunsStart => true,
                Self::ApprovalsDecide
                | Self::JobsExecute
                | Self::KeysManage
                | Self::ModulesManage
                | Self::NotificationsManage
                | Self::WorkflowsWrite => false,
                Self::ApprovalsRead
                | Self::ArtifactsRead
                | Self::NotificationsRead
                | Self::RunsRead
                | Self::WorkflowsRead => true,
            },
            Role::Runner => match self {
                Self::ArtifactsRead | Self::ArtifactsWrite | Self::JobsExecute => true,
                Self::ApprovalsRead
                | Self::ApprovalsDecide
                | Self::KeysManage
                | Self::ModulesManage
                | Self::NotificationsManage
                | Self::NotificationsRead
                | Self::RunsControl
                | Self::RunsPatch
                | Self::RunsRead
                | Self::RunsRepair
                | Self::RunsStart
                | Self::WorkflowsRead
                | Self::WorkflowsWrite => false,
            },
        }
    }

    fn is_reading(self) -> bool {
        match self {
            Self::ApprovalsRead | Self::ArtifactsRead | Self::RunsRead | Self::WorkflowsRead => {
                true
            }
            Self::ApprovalsDecide
            | Self::ArtifactsWrite
            | Self::JobsExecute
            | Self::KeysManage
            | Self::ModulesManage
            | Self::NotificationsManage
            | Self::NotificationsRead
            | Self::RunsControl
            | Self::RunsPatch
            | Self::RunsRepair
            | Self::RunsStart
            | Self::WorkflowsWrite => false,
        }
    }
}

impl std::fmt::Display for Permission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use aob_api::Role;

    use super::Permission;

    #[test]
    fn the_matrix_is_what_the_documentation_says() {
        let rows = Permission::ALL.iter().map(|permission| {
            let roles = Role::ALL.iter().filter(|role| permission.is_granted_to(**role));
            let roles: Vec<&str> = roles.map(|role| role.as_str()).collect();
            format!("{permission}: {}", roles.join(" "))
        });
        let expected = [
            "approvals:read: admin agent approver auditor developer operator",
            "approvals:decide: admin approver",
            "artifacts:read: admin agent approver auditor developer operator runner",
            "artifacts:write: admin developer operator runner",
            "jobs:execute: admin runner",
            "keys:manage: admin",
            "modules:manage: admin",
            "notifications:manage: admin",
            "notifications:read: admin approver auditor developer operator",
            "runs:control: admin developer operator",
            "runs:patch: admin agent developer operator",
            "runs:read: admin agent approver auditor developer operator",
            "runs:repair: admin operator",
            "runs:start: admin developer operator",
            "workflows:read: admin agent approver auditor developer operator",
            "workflows:write: admin developer",
        ];
        assert_eq!(rows.collect::<Vec<_>>(), expected);
    }
}
