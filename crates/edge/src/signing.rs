//! What services sign, with keys of the workspace from the store: every replica has the same ones,
//! and nothing is to be configured.

use std::num::NonZeroUsize;
use std::sync::Arc;

use aob_engine::WorkspaceId;
use aob_store::{SigningKey, Store};
use hmac::{Hmac, KeyInit as _, Mac as _};
use lru::LruCache;
use parking_lot::Mutex;
use sha2::Sha256;

use crate::{Entropy, Refusal};

/// Keys kept in memory.
const KEYS_MAX: NonZeroUsize = NonZeroUsize::new(1_024).unwrap();

/// Knows the keys with which workspaces sign, one for each purpose. They never change.
pub struct Signer {
    store: Arc<dyn Store>,
    entropy: Entropy,
    purpose: &'static str,
    known: Mutex<LruCache<WorkspaceId, SigningKey>>,
}

impl Signer {
    /// Signs what is for `purpose`; keys are in `store`, and new ones from `entropy`.
    pub fn new(store: Arc<dyn Store>, entropy: Entropy, purpose: &'static str) -> Self {
        Self { store, entropy, purpose, known: Mutex::new(LruCache::new(KEYS_MAX)) }
    }

    /// The key of a workspace, made where there is none yet.
    ///
    /// # Errors
    /// If storage does not answer.
    pub async fn key(&self, workspace: WorkspaceId) -> Result<SigningKey, Refusal> {
        if let Some(key) = self.key_known(workspace).await? {
            return Ok(key);
        }
        let mut fresh = SigningKey([0; 32]);
        (self.entropy)(&mut fresh.0);
        let tenant = aob_store::WorkspaceId(workspace.0);
        let key = self.store.signing_key(tenant, self.purpose, fresh).await?;
        self.known.lock().put(workspace, key);
        Ok(key)
    }

    /// The same, if there is one: for who brings a signature that may be anything.
    ///
    /// # Errors
    /// If storage does not answer.
    pub async fn key_known(&self, workspace: WorkspaceId) -> Result<Option<SigningKey>, Refusal> {
        if let Some(key) = self.known.lock().get(&workspace) {
            return Ok(Some(*key));
        }
        let tenant = aob_store::WorkspaceId(workspace.0);
        let key = self.store.signing_key_known(tenant, self.purpose).await?;
        if let Some(key) = key {
            self.known.lock().put(workspace, key);
        }
        Ok(key)
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("purpose", &self.purpose).finish_non_exhaustive()
    }
}

/// HMAC-SHA256 (RFC 2104) of `fields`, told apart by what they are for and where each ends.
fn mac(key: &SigningKey, what_for: &str, fields: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = Hmac::new_from_slice(&key.0).expect("HMAC takes keys of any length");
    for field in [what_for.as_bytes()].iter().chain(fields) {
        mac.update(&(field.len() as u64).to_be_bytes());
        mac.update(field);
    }
    mac
}

/// The signature of `fields` as text, 64 hexadecimal digits. `what_for` keeps apart what is signed with
/// the same key for different ends.
pub fn sign(key: &SigningKey, what_for: &str, fields: &[&[u8]]) -> String {
    hex::encode(mac(key, what_for, fields).finalize().into_bytes())
}

/// Whether `signature` is that of `fields`; takes the same time whatever it is.
pub fn is_signed(key: &SigningKey, what_for: &str, fields: &[&[u8]], signature: &str) -> bool {
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
