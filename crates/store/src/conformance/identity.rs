//! Workspaces and API keys.

use super::Subject;
use super::fixtures::{AWAY, HOME, T0};
use crate::{ApiKeyRow, SigningKey, StoreResult, WorkspaceId, WorkspaceRow};

fn workspace(workspace: WorkspaceId, name: &str) -> WorkspaceRow {
    WorkspaceRow { workspace, name: name.to_owned(), created_ms: T0 }
}

fn key(key_id: &str) -> ApiKeyRow {
    ApiKeyRow {
        key_id: key_id.to_owned(),
        secret_hash: [5; 32],
        workspace: HOME,
        name: String::from("ci"),
        roles: vec![String::from("developer"), String::from("approver")],
        created_ms: T0,
        expires_ms: Some(T0 + 1),
        revoked_ms: None,
    }
}

/// The same name is the same workspace, whatever id the second caller drew.
pub async fn a_workspace_is_made_once(t: &Subject) -> StoreResult<()> {
    let first = workspace(HOME, "default");
    assert_eq!(t.store.workspace_put(&first).await?, first);
    let second = WorkspaceRow { created_ms: T0 + 9, ..workspace(AWAY, "default") };
    assert_eq!(t.store.workspace_put(&second).await?, first);
    assert_eq!(t.store.workspaces().await?, vec![first]);
    Ok(())
}

/// An id that is taken keeps its name; a name that is taken counts more than the id.
pub async fn a_workspace_id_is_used_once(t: &Subject) -> StoreResult<()> {
    let (home, away) = (workspace(HOME, "home"), workspace(AWAY, "away"));
    t.store.workspace_put(&home).await?;
    assert_eq!(t.store.workspace_put(&workspace(HOME, "renamed")).await?, home);
    t.store.workspace_put(&away).await?;
    assert_eq!(t.store.workspace_put(&workspace(HOME, "away")).await?, away);
    Ok(())
}

/// All of them, by id.
pub async fn workspaces_are_listed(t: &Subject) -> StoreResult<()> {
    assert_eq!(t.store.workspaces().await?, Vec::new());
    let (home, away) = (workspace(HOME, "z"), workspace(AWAY, "a"));
    t.store.workspace_put(&away).await?;
    t.store.workspace_put(&home).await?;
    assert_eq!(t.store.workspaces().await?, vec![home, away]);
    Ok(())
}

/// All columns come back, without a workspace at hand.
pub async fn a_key_is_found_by_its_public_part(t: &Subject) -> StoreResult<()> {
    let bare = ApiKeyRow { roles: Vec::new(), expires_ms: None, ..key("k2") };
    t.store.key_put(&key("k1")).await?;
    t.store.key_put(&bare).await?;
    assert_eq!(t.store.key("k1").await?, Some(key("k1")));
    assert_eq!(t.store.key("k2").await?, Some(bare));
    assert_eq!(t.store.key("k").await?, None);
    Ok(())
}

/// Nobody takes over a key by drawing its id.
pub async fn a_key_is_never_overwritten(t: &Subject) -> StoreResult<()> {
    t.store.key_put(&key("k1")).await?;
    t.store.key_put(&ApiKeyRow { workspace: AWAY, secret_hash: [6; 32], ..key("k1") }).await?;
    assert_eq!(t.store.key("k1").await?, Some(key("k1")));
    Ok(())
}

/// Those of a workspace, by id, revoked ones too.
pub async fn keys_are_listed(t: &Subject) -> StoreResult<()> {
    let revoked = ApiKeyRow { revoked_ms: Some(T0), ..key("k1") };
    for row in [key("k2"), revoked.clone(), ApiKeyRow { workspace: AWAY, ..key("k3") }] {
        t.store.key_put(&row).await?;
    }
    assert_eq!(t.store.keys(HOME).await?, vec![revoked, key("k2")]);
    Ok(())
}

/// The first revocation counts.
pub async fn a_key_is_revoked_once(t: &Subject) -> StoreResult<()> {
    t.store.key_put(&key("k1")).await?;
    assert!(t.store.key_revoke(HOME, "k1", T0 + 3).await?);
    assert!(t.store.key_revoke(HOME, "k1", T0 + 9).await?);
    assert!(!t.store.key_revoke(HOME, "k2", T0 + 9).await?);
    let expected = ApiKeyRow { revoked_ms: Some(T0 + 3), ..key("k1") };
    assert_eq!(t.store.key("k1").await?, Some(expected));
    Ok(())
}

/// The first one to ask makes the key, and everybody after gets the same.
pub async fn a_signing_key_is_made_once(t: &Subject) -> StoreResult<()> {
    let (first, second) = (SigningKey([1; 32]), SigningKey([2; 32]));
    assert_eq!(t.store.signing_key(HOME, "webhooks", first).await?, first);
    assert_eq!(t.store.signing_key(HOME, "webhooks", second).await?, first);
    Ok(())
}

/// Looking for a key makes none, and finds what was made, for this workspace and purpose alone.
pub async fn a_signing_key_is_not_made_by_looking(t: &Subject) -> StoreResult<()> {
    let key = SigningKey([1; 32]);
    assert_eq!(t.store.signing_key_known(HOME, "webhooks").await?, None);
    assert_eq!(t.store.signing_key(HOME, "webhooks", key).await?, key);
    assert_eq!(t.store.signing_key_known(HOME, "webhooks").await?, Some(key));
    assert_eq!(t.store.signing_key_known(HOME, "links").await?, None);
    assert_eq!(t.store.signing_key_known(AWAY, "webhooks").await?, None);
    Ok(())
}

/// Neither another workspace nor another purpose shares it.
pub async fn signing_keys_are_apart(t: &Subject) -> StoreResult<()> {
    let [first, second, third] = [1, 2, 3].map(|byte| SigningKey([byte; 32]));
    assert_eq!(t.store.signing_key(HOME, "webhooks", first).await?, first);
    assert_eq!(t.store.signing_key(AWAY, "webhooks", second).await?, second);
    assert_eq!(t.store.signing_key(HOME, "links", third).await?, third);
    assert_eq!(t.store.signing_key(HOME, "webhooks", third).await?, first);
    Ok(())
}
