//! Signed URLs: whoever has one can deliver one signal's name to one run, and nothing else.

pub(crate) mod deliver;
pub(crate) mod show;

use aob_engine::RunId;
use aob_store::SigningKey;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// What the workspace's key signs here.
pub(crate) const PURPOSE: &str = "webhooks";

/// HMAC-SHA256 (RFC 2104) over what a URL allows.
fn mac(key: &SigningKey, run: RunId, signal: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::new_from_slice(&key.0).expect("HMAC takes keys of any length");
    mac.update(b"aob.webhook.1");
    mac.update(run.0.as_bytes());
    mac.update(signal.as_bytes());
    mac
}
