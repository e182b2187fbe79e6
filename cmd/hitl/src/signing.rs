//! What the pages sign: sessions, forms and links, with the workspace's key from the store. Every
//! replica has the same one, and nothing is to be configured.

use std::num::NonZeroUsize;
use std::sync::Arc;

use aob_coordinator::store_workspace;
use aob_edge::{Entropy, Refusal};
use aob_engine::WorkspaceId;
use aob_store::{SigningKey, Store};
use hmac::{Hmac, KeyInit as _, Mac as _};
use lru::LruCache;
use parking_lot::Mutex;
use sha2::Sha256;

/// What the workspace's key signs here.
const PURPOSE: &str = "pages";
/// Keys kept in memory.
const KEYS_MAX: NonZeroUsize = NonZeroUsize::new(1_024).unwrap();

/// Knows the keys of workspaces, which never change.
pub(crate) struct Signer {
    store: Arc<dyn Store>,
    entropy: Entropy,
    known: Mutex<LruCache<WorkspaceId, SigningKey>>,
}

impl Signer {
    pub(crate) fn new(store: Arc<dyn Store>, entropy: Entropy) -> Self {
        Self { store, entropy, known: Mutex::new(LruCache::new(KEYS_MAX)) }
    }

    /// The key of a workspace, made where there is none yet.
    pub(crate) async fn key(&self, workspace: WorkspaceId) -> Result<SigningKey, Refusal> {
        if let Some(key) = self.known.lock().get(&workspace) {
            return Ok(*key);
        }
        let mut fresh = SigningKey([0; 32]);
        (self.entropy)(&mut fresh.0);
        let key = self.store.signing_key(store_workspace(workspace), PURPOSE, fresh).await?;
        self.known.lock().put(workspace, key);
        Ok(key)
    }

    /// The same, if there is one: for who brings a signature that may be anything.
    pub(crate) async fn key_known(
        &self,
        workspace: WorkspaceId,
    ) -> Result<Option<SigningKey>, Refusal> {
        if let Some(key) = self.known.lock().get(&workspace) {
            return Ok(Some(*key));
        }
        Ok(self.store.signing_key_known(store_workspace(workspace), PURPOSE).await?)
    }
}

/// HMAC-SHA256 (RFC 2104) of `fields`, told apart by what they are for and where each ends.
pub(crate) fn mac(key: &SigningKey, what_for: &str, fields: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = Hmac::new_from_slice(&key.0).expect("HMAC takes keys of any length");
    for field in [what_for.as_bytes()].iter().chain(fields) {
        mac.update(&(field.len() as u64).to_be_bytes());
        mac.update(field);
    }
    mac
}

/// The signature as text: 64 hexadecimal digits.
pub(crate) fn sign(key: &SigningKey, what_for: &str, fields: &[&[u8]]) -> String {
    hex::encode(mac(key, what_for, fields).finalize().into_bytes())
}

/// Whether `signature` is that of `fields`; takes the same time whatever it is.
pub(crate) fn is_signed(
    key: &SigningKey,
    what_for: &str,
    fields: &[&[u8]],
    signature: &str,
) -> bool {
    let Ok(signature) = hex::decode_to_array::<_, 32>(signature) else { return false };
    mac(key, what_for, fields).verify_slice(&signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_of_one_purpose_and_of_fields_as_they_are_cut() {
        let key = SigningKey([7; 32]);
        let signature = sign(&key, "a", &[b"xy", b"z"]);
        assert!(is_signed(&key, "a", &[b"xy", b"z"], &signature));
        let others: [(&SigningKey, &str, &[&[u8]]); 5] = [
            (&SigningKey([8; 32]), "a", &[b"xy", b"z"]),
            (&key, "b", &[b"xy", b"z"]),
            (&key, "a", &[b"x", b"yz"]),
            (&key, "a", &[b"xyz"]),
            (&key, "ax", &[b"y", b"z"]),
        ];
        for (key, what_for, fields) in others {
            assert!(!is_signed(key, what_for, fields, &signature), "{what_for} {fields:?}");
        }
        for text in ["", "00", &signature[1..], &signature.replace(&signature[..2], "zz")] {
            assert!(!is_signed(&key, "a", &[b"xy", b"z"], text), "{text}");
        }
    }
}
