//! Secrets: where they come from, how they get into a job's configuration, and how they are kept
//! out of everything that leaves the runner.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use aob_engine::WorkspaceId;
use aob_ir::{SecretPart, SecretSlot};
use async_trait::async_trait;
use serde_json::Value;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::redact::Redactor;

/// A secret's value with the hosts that may see it. Never printed; wiped when dropped.
#[derive(Clone)]
pub struct Secret {
    value: Zeroizing<String>,
    hosts: Arc<[String]>,
}

impl Secret {
    /// A secret that may go anywhere a job sends it.
    pub fn new(value: impl Into<String>) -> Self {
        Self { value: Zeroizing::new(value.into()), hosts: Arc::default() }
    }

    /// The same secret for `http` jobs to these hosts only (exact names, lower case).
    #[must_use]
    pub fn only_for(self, hosts: impl IntoIterator<Item = String>) -> Self {
        Self { hosts: hosts.into_iter().collect(), ..self }
    }

    /// The value itself.
    pub fn expose(&self) -> &str {
        &self.value
    }

    /// True where a request to `host` may carry it; `None`: it goes to a program.
    pub fn allows(&self, host: Option<&str>) -> bool {
        self.hosts.is_empty() || host.is_some_and(|host| self.hosts.iter().any(|h| h == host))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The place that holds secrets did not answer.
#[derive(Debug, Error)]
#[error("secrets are unavailable: {0}")]
pub struct SecretsUnavailable(pub String);

/// Where secrets come from.
#[async_trait]
pub trait Secrets: fmt::Debug + Send + Sync {
    /// The secret called `name` of a workspace; `None`: there is none.
    ///
    /// # Errors
    /// If the place that holds them does not answer; trying again may help.
    async fn get(
        &self,
        workspace: WorkspaceId,
        name: &str,
    ) -> Result<Option<Secret>, SecretsUnavailable>;
}

/// Secrets given by configuration.
#[derive(Debug, Default)]
pub struct MapSecrets {
    secrets: BTreeMap<(Option<WorkspaceId>, String), Secret>,
}

impl MapSecrets {
    /// Adds a secret, for one workspace or for all.
    #[must_use]
    pub fn with(mut self, workspace: Option<WorkspaceId>, name: &str, secret: Secret) -> Self {
        self.secrets.insert((workspace, name.to_owned()), secret);
        self
    }
}

#[async_trait]
impl Secrets for MapSecrets {
    async fn get(
        &self,
        workspace: WorkspaceId,
        name: &str,
    ) -> Result<Option<Secret>, SecretsUnavailable> {
        let own = self.secrets.get(&(Some(workspace), name.to_owned()));
        Ok(own.or_else(|| self.secrets.get(&(None, name.to_owned()))).cloned())
    }
}

/// Why a configuration could not be completed.
#[derive(Debug, Error)]
pub enum FillError {
    /// Nobody gave the runner this secret.
    #[error("this runner has no secret named `{name}`")]
    Missing {
        /// Its name.
        name: Arc<str>,
    },
    /// The secret is bound to other hosts.
    #[error("the secret `{name}` may not be sent there")]
    Refused {
        /// Its name.
        name: Arc<str>,
    },
    /// The slot leads nowhere.
    #[error("there is no value at `{pointer}` to put a secret into")]
    NoSuchSlot {
        /// Its pointer.
        pointer: Arc<str>,
    },
    /// Try again.
    #[error(transparent)]
    Unavailable(#[from] SecretsUnavailable),
}

/// Puts secrets into `config`, and returns what keeps them out of everything else.
///
/// # Errors
/// See [`FillError`]; `config` is then not to be used.
pub(crate) async fn fill(
    secrets: &dyn Secrets,
    workspace: WorkspaceId,
    host: Option<&str>,
    slots: &[SecretSlot],
    config: &mut Value,
) -> Result<Redactor, FillError> {
    let mut redactor = Redactor::default();
    for slot in slots {
        let mut text = Zeroizing::new(String::new());
        for part in &slot.parts {
            match part {
                SecretPart::Text(literal) => text.push_str(literal),
                SecretPart::Secret(name) => {
                    let secret = secrets.get(workspace, name).await?;
                    let secret = secret.ok_or_else(|| FillError::Missing { name: name.clone() })?;
                    if !secret.allows(host) {
                        return Err(FillError::Refused { name: name.clone() });
                    }
                    redactor.hide(name, secret.expose());
                    text.push_str(secret.expose());
                }
            }
        }
        let place = config
            .pointer_mut(&slot.pointer)
            .ok_or_else(|| FillError::NoSuchSlot { pointer: slot.pointer.clone() })?;
        *place = Value::String(text.to_string());
    }
    Ok(redactor)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn slot(pointer: &str, parts: &[(&str, bool)]) -> SecretSlot {
        let part = |(text, secret): &(&str, bool)| match secret {
            true => SecretPart::Secret((*text).into()),
            false => SecretPart::Text((*text).into()),
        };
        SecretSlot { pointer: pointer.into(), parts: parts.iter().map(part).collect() }
    }

    fn workspace(n: u128) -> WorkspaceId {
        WorkspaceId(uuid::Uuid::from_u128(n))
    }

    fn secrets() -> MapSecrets {
        MapSecrets::default()
            .with(None, "token", Secret::new("for-all"))
            .with(Some(workspace(7)), "token", Secret::new("for-seven"))
            .with(None, "crm", Secret::new("crm-key").only_for(["crm.example.org".to_owned()]))
    }

    #[tokio::test]
    async fn slots_are_filled_with_the_workspaces_own_secret_first() {
        for (who, expected) in [(1, "Bearer for-all!"), (7, "Bearer for-seven!")] {
            let mut config = json!({"headers": {"a": null}});
            let slots = [slot("/headers/a", &[("Bearer ", false), ("token", true), ("!", false)])];
            fill(&secrets(), workspace(who), None, &slots, &mut config).await.unwrap();
            assert_eq!(config, json!({"headers": {"a": expected}}));
        }
    }

    #[tokio::test]
    async fn a_secret_bound_to_hosts_goes_nowhere_else() {
        for (host, allowed) in [
            (Some("crm.example.org"), true),
            (Some("evil-crm.example.org"), false),
            (Some("crm.example.org.evil.org"), false),
            (None, false),
        ] {
            let mut config = json!({"k": null});
            let slots = [slot("/k", &[("crm", true)])];
            let filled = fill(&secrets(), workspace(1), host, &slots, &mut config).await;
            assert_eq!(filled.is_ok(), allowed, "{host:?}");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_filled_says_which() {
        let mut config = json!({"k": null});
        let missing = [slot("/k", &[("nope", true)])];
        let error = fill(&secrets(), workspace(1), None, &missing, &mut config).await.unwrap_err();
        assert_eq!(error.to_string(), "this runner has no secret named `nope`");
        let nowhere = [slot("/x/y", &[("token", true)])];
        let error = fill(&secrets(), workspace(1), None, &nowhere, &mut config).await.unwrap_err();
        assert!(matches!(error, FillError::NoSuchSlot { .. }));
    }

    #[test]
    fn debug_shows_nothing() {
        assert!(!format!("{:?}", secrets()).contains("for-all"));
    }
}
