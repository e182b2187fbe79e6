//! Signed URLs: whoever has one can deliver one signal's name to one run, and nothing else.

pub(crate) mod deliver;
pub(crate) mod show;

use aob_coordinator::store_workspace;
use aob_edge::Refusal;
use aob_engine::{RunId, WorkspaceId};
use aob_store::SigningKey;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::api::Parts;

/// What the workspace's key signs here.
const PURPOSE: &str = "webhooks";

impl Parts {
    /// The key that signs the URLs of a workspace, made where there is none yet.
    async fn webhook_key(&self, workspace: WorkspaceId) -> Result<SigningKey, Refusal> {
        let mut fresh = SigningKey([0; 32]);
        (self.entropy)(&mut fresh.0);
        Ok(self.store.signing_key(store_workspace(workspace), PURPOSE, fresh).await?)
    }

    /// The same key, if any URL of the workspace was ever signed.
    async fn webhook_key_known(
        &self,
        workspace: WorkspaceId,
    ) -> Result<Option<SigningKey>, Refusal> {
        Ok(self.store.signing_key_known(store_workspace(workspace), PURPOSE).await?)
    }
}

/// HMAC-SHA256 (RFC 2104) over what a URL allows.
fn mac(key: &SigningKey, run: RunId, signal: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::new_from_slice(&key.0).expect("HMAC takes keys of any length");
    mac.update(b"aob.webhook.1");
    mac.update(run.0.as_bytes());
    mac.update(signal.as_bytes());
    mac
}
