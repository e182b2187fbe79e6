//! API keys.

pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod revoke;

use aob_api::KeyView;
use aob_edge::Caller;
use aob_engine::Timestamp;
use aob_store::ApiKeyRow;

/// A key without its secret.
pub(crate) fn view(row: ApiKeyRow) -> KeyView {
    let (roles, groups) = Caller::roles_and_groups(&row);
    KeyView {
        key_id: row.key_id,
        name: row.name,
        roles,
        groups,
        created_at: Timestamp(row.created_ms),
        expires_at: row.expires_ms.map(Timestamp),
        revoked_at: row.revoked_ms.map(Timestamp),
    }
}
