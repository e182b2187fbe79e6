//! The first API key of a database: made by whoever may write to its directory.

use aob_api::Role;
use aob_edge::{Entropy, new_run_id};
use aob_engine::WorkspaceId;
use aob_store::{Store, StoreResult, TimeMs, WorkspaceRow};

use crate::keys::{KeyError, NewKey, create_key};

/// What a key is made for.
#[derive(Debug, Clone)]
pub struct Bootstrap<'a> {
    /// Name of its workspace, which is made where there is none.
    pub workspace: &'a str,
    /// Whose key it is.
    pub name: &'a str,
    /// What it may do.
    pub roles: &'a [Role],
    /// Now.
    pub now_ms: TimeMs,
}

/// Makes a key without a key. The token in the answer exists nowhere else.
///
/// # Errors
/// See [`KeyError`].
pub async fn bootstrap(
    store: &dyn Store,
    entropy: &Entropy,
    new: Bootstrap<'_>,
) -> Result<String, KeyError> {
    let known = store.workspaces().await?;
    let workspace = match known.iter().find(|row| row.name == new.workspace) {
        Some(row) => row.workspace,
        None => {
            // A fresh id of the same kind as those of runs.
            let id = new_run_id(entropy, new.now_ms);
            let workspace = aob_store::WorkspaceId(id.0);
            let name = new.workspace.to_owned();
            let row = WorkspaceRow { workspace, name, created_ms: new.now_ms };
            store.workspace_put(&row).await?.workspace
        }
    };
    let Bootstrap { name, roles, now_ms, .. } = new;
    let workspace = WorkspaceId(workspace.0);
    let key = NewKey { workspace, name, roles, groups: &[], expires_ms: None, now_ms };
    create_key(store, entropy, key).await.map(|(_, token)| token)
}

/// True where no key holds, so that nobody can ask for anything.
///
/// # Errors
/// If the store does not answer.
pub async fn has_no_keys(store: &dyn Store) -> StoreResult<bool> {
    for row in store.workspaces().await? {
        if store.keys(row.workspace).await?.iter().any(|key| key.revoked_ms.is_none()) {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use aob_edge::{Authenticator, system_entropy};
    use aob_store::{ManualClock, MemStore};
    use http::{HeaderMap, HeaderValue, header};

    use super::*;

    #[tokio::test]
    async fn the_first_key_makes_its_workspace_and_the_second_finds_it() {
        let clock = ManualClock::at(1_000);
        let store = std::sync::Arc::new(MemStore::new(clock.clock()));
        let entropy = system_entropy();
        assert!(has_no_keys(&*store).await.unwrap());
        let mut tokens = Vec::new();
        for name in ["ada", "bob"] {
            let roles = &[Role::Admin];
            let new = Bootstrap { workspace: "acme", name, roles, now_ms: 1_000 };
            tokens.push(bootstrap(&*store, &entropy, new).await.unwrap());
        }
        assert!(!has_no_keys(&*store).await.unwrap());
        let authenticator = Authenticator::new(store, clock.clock());
        let mut workspaces = Vec::new();
        for token in tokens {
            let mut headers = HeaderMap::new();
            let value = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
            headers.insert(header::AUTHORIZATION, value);
            workspaces.push(authenticator.authenticate(&headers, None).await.unwrap().workspace());
        }
        assert_eq!(workspaces[0], workspaces[1]);
        let new = Bootstrap { workspace: "acme", name: "a b", roles: &[Role::Admin], now_ms: 1 };
        let store = MemStore::new(clock.clock());
        assert!(bootstrap(&store, &entropy, new).await.is_err(), "names stand in logs");
    }
}
