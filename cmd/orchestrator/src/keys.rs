//! Making API keys.

use aob_api::Role;
use aob_edge::{Caller, Entropy, MintedToken, mint_token};
use aob_engine::WorkspaceId;
use aob_store::{ApiKeyRow, Store, StoreError, TimeMs};
use thiserror::Error;

/// Characters of a name.
const NAME_LEN_MAX: usize = 64;

/// A key to make.
#[derive(Debug, Clone)]
pub struct NewKey<'a> {
    /// Its tenant.
    pub workspace: WorkspaceId,
    /// Whose it is: the log names its user `user:<name>`.
    pub name: &'a str,
    /// What it may do.
    pub roles: &'a [Role],
    /// Groups that its user belongs to.
    pub groups: &'a [String],
    /// When it ends.
    pub expires_ms: Option<TimeMs>,
    /// Now.
    pub now_ms: TimeMs,
}

/// Why a key was not made.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The name cannot stand in a log.
    #[error("a name has 1 to 64 of `a-z A-Z 0-9 . _ @ -`, and `{0}` has not")]
    Name(String),
    /// A key that may do nothing.
    #[error("a key needs at least one role")]
    NoRole,
    /// Storage.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes a key and stores it. The token in the answer exists nowhere else.
///
/// # Errors
/// See [`KeyError`].
pub async fn create_key(
    store: &dyn Store,
    entropy: &Entropy,
    new: NewKey<'_>,
) -> Result<(ApiKeyRow, String), KeyError> {
    let bad_name = [new.name].into_iter().chain(new.groups.iter().map(String::as_str));
    if let Some(name) = bad_name.into_iter().find(|name| !is_name(name)) {
        return Err(KeyError::Name(name.to_owned()));
    }
    if new.roles.is_empty() {
        return Err(KeyError::NoRole);
    }
    let MintedToken { key_id, token, secret_hash } = mint_token(entropy);
    let row = ApiKeyRow {
        key_id,
        secret_hash,
        workspace: aob_coordinator::store_workspace(new.workspace),
        name: new.name.to_owned(),
        roles: Caller::stored_roles(new.roles, new.groups),
        created_ms: new.now_ms,
        expires_ms: new.expires_ms,
        revoked_ms: None,
    };
    store.key_put(&row).await?;
    Ok((row, token))
}

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '@' | '-');
    !name.is_empty() && name.len() <= NAME_LEN_MAX && name.chars().all(plain)
}
