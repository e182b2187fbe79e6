//! Who asks.

use std::sync::Arc;

use aob_api::{ErrorCode, Problem, Role};
use aob_engine::{Actor, WorkspaceId};
use aob_store::ApiKeyRow;
use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::{Permission, Refusal};

/// Marks a role of a stored key that is a group of people and grants nothing.
const GROUP: &str = "group:";

/// Whoever sent an authenticated request. It cannot be made outside of authentication, so who
/// holds one may ask for what is in [`Caller::workspace`], and for nothing else.
#[derive(Debug, Clone)]
pub struct Caller {
    workspace: WorkspaceId,
    key_id: Arc<str>,
    name: Arc<str>,
    roles: Arc<[Role]>,
    groups: Arc<[Arc<str>]>,
}

impl Caller {
    /// Whoever holds this key.
    pub(crate) fn of(row: &ApiKeyRow) -> Self {
        let groups = row.roles.iter().filter_map(|role| role.strip_prefix(GROUP));
        Self {
            workspace: WorkspaceId(row.workspace.0),
            key_id: row.key_id.as_str().into(),
            name: row.name.as_str().into(),
            roles: row.roles.iter().filter_map(|role| Role::of_name(role)).collect(),
            groups: groups.map(Arc::from).collect(),
        }
    }

    /// A key's roles and groups as the store keeps them.
    pub fn stored_roles(roles: &[Role], groups: &[String]) -> Vec<String> {
        let roles = roles.iter().map(|role| role.as_str().to_owned());
        roles.chain(groups.iter().map(|group| format!("{GROUP}{group}"))).collect()
    }

    /// The roles and groups of a stored key.
    pub fn roles_and_groups(row: &ApiKeyRow) -> (Vec<Role>, Vec<String>) {
        let caller = Self::of(row);
        let groups = caller.groups.iter().map(|group| group.to_string());
        (caller.roles.to_vec(), groups.collect())
    }

    /// The only workspace that it may see.
    pub fn workspace(&self) -> WorkspaceId {
        self.workspace
    }

    /// Its API key.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Its user's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// True for the key of an agent: what it sends is bounded more tightly.
    pub fn is_agent(&self) -> bool {
        *self.roles == [Role::Agent]
    }

    /// How the log names it. A key that has no roles but those of programs is a program's.
    pub fn actor(&self) -> Actor {
        let of_program = |role: &Role| matches!(role, Role::Agent | Role::Runner);
        let kind = match &*self.roles {
            roles if roles.is_empty() || !roles.iter().all(of_program) => "user",
            roles if roles.contains(&Role::Agent) => "agent",
            _ => "runner",
        };
        Actor(format!("{kind}:{}", self.name).into())
    }

    /// True where one of its roles includes `permission`.
    pub fn may(&self, permission: Permission) -> bool {
        self.roles.iter().any(|role| permission.is_granted_to(*role))
    }

    /// Refuses where none of its roles includes `permission`.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`].
    pub fn require(&self, permission: Permission) -> Result<(), Refusal> {
        if self.may(permission) {
            return Ok(());
        }
        let roles: Vec<&str> = self.roles.iter().map(|role| role.as_str()).collect();
        let needed = Role::ALL.iter().filter(|role| permission.is_granted_to(**role));
        let needed: Vec<&str> = needed.map(|role| role.as_str()).collect();
        let detail = format!(
            "this needs `{permission}`, and the API key of `{}` has the roles {}",
            self.name,
            if roles.is_empty() { "(none)".to_owned() } else { roles.join(", ") },
        );
        let hint = format!("use a key with one of the roles {}", needed.join(", "));
        Err(Problem::new(ErrorCode::Forbidden, detail).with_hint(hint).into())
    }

    /// The words that `approvers` of a ticket may name it by: its roles and groups. An admin
    /// counts as everything that decides.
    pub fn approver_roles(&self) -> Vec<Arc<str>> {
        let mut words: Vec<Arc<str>> =
            self.roles.iter().map(|role| Arc::from(role.as_str())).collect();
        if self.roles.contains(&Role::Admin) {
            let implied = [Role::Approver, Role::Auditor, Role::Developer, Role::Operator];
            words.extend(implied.iter().map(|role| Arc::from(role.as_str())));
        }
        words.extend(self.groups.iter().cloned());
        words.sort_unstable();
        words.dedup();
        words
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            tracing::error!(path = parts.uri.path(), "an endpoint asks who asks, behind no gate");
            Refusal::internal()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(roles: &[&str]) -> Caller {
        Caller::of(&ApiKeyRow {
            key_id: "k".to_owned(),
            secret_hash: [0; 32],
            workspace: aob_store::WorkspaceId(uuid::Uuid::nil()),
            name: "ada".to_owned(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            created_ms: 0,
            expires_ms: None,
            revoked_ms: None,
        })
    }

    #[test]
    fn the_log_names_people_runners_and_agents_apart() {
        assert_eq!(&*caller(&["operator", "approver"]).actor().0, "user:ada");
        assert_eq!(&*caller(&["runner"]).actor().0, "runner:ada");
        assert_eq!(&*caller(&["agent"]).actor().0, "agent:ada");
        assert_eq!(&*caller(&["runner", "agent"]).actor().0, "agent:ada");
        assert_eq!(&*caller(&["agent", "group:admin"]).actor().0, "agent:ada");
        assert_eq!(&*caller(&["group:admin"]).actor().0, "user:ada");
        assert_eq!(&*caller(&["runner", "approver"]).actor().0, "user:ada");
    }

    #[test]
    fn groups_and_unknown_roles_grant_nothing() {
        let caller = caller(&["group:admin", "owner"]);
        assert!(Permission::ALL.iter().all(|permission| !caller.may(*permission)));
        assert_eq!(caller.approver_roles(), [Arc::<str>::from("admin")]);
    }

    #[test]
    fn roles_and_groups_survive_storage() {
        let stored = Caller::stored_roles(&[Role::Approver], &["finance".to_owned()]);
        assert_eq!(stored, ["approver", "group:finance"]);
        let caller = caller(&["approver", "group:finance"]);
        assert_eq!(caller.approver_roles(), ["approver".into(), Arc::<str>::from("finance")]);
    }
}
