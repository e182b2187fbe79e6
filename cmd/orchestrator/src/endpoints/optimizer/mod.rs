//! Modules of the optimizer that a workspace has.

pub(crate) mod add;
pub(crate) mod enable;
pub(crate) mod list;

use aob_api::ModuleView;
use aob_engine::Timestamp;
use aob_ir::Digest;
use aob_optimizer::Signature;
use aob_store::ModuleRow;

use crate::modules::Modules;

/// A module as it is shown. Whether it is trusted is judged now: keys come and go.
fn view(modules: &Modules, row: ModuleRow) -> ModuleView {
    let digest: Option<Digest> = row.digest.parse().ok();
    let signature = <[u8; 64]>::try_from(row.signature.as_slice()).ok().map(Signature);
    let signed_by = digest.zip(signature).and_then(|(digest, signature)| {
        modules.signer(&digest, &signature).map(|key| key.to_string())
    });
    ModuleView {
        digest: row.digest,
        passes: row.passes,
        bytes: row.bytes,
        enabled: row.enabled,
        signature: hex::encode(row.signature),
        signed_by,
        added_at: Timestamp(row.created_ms),
        added_by: row.actor,
    }
}
