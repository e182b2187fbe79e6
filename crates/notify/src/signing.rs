//! Signatures of the Standard Webhooks specification (symmetric, `v1`).

use std::fmt;

use aob_store::SigningKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// What a secret begins with, so that scanners find one that leaked.
const PREFIX: &str = "whsec_";

/// What an endpoint's messages are signed with.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// The secret of an endpoint: made of the key of its workspace, and stored nowhere.
    pub fn of_endpoint(key: &SigningKey, endpoint: &str) -> Self {
        let mut mac = keyed(&key.0);
        mac.update(b"aob.endpoint.secret.1\0");
        mac.update(endpoint.as_bytes());
        Self(mac.finalize().into_bytes().to_vec())
    }

    /// A secret as receivers write it; `None`: it is none.
    pub fn read(text: &str) -> Option<Self> {
        STANDARD.decode(text.strip_prefix(PREFIX)?).ok().map(Self)
    }

    /// What whoever verifies is told, once.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }
}

impl fmt::Debug for Secret {
    /// Without its bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

/// The value of `webhook-signature`.
pub fn signature(secret: &Secret, id: &str, timestamp_s: i64, body: &[u8]) -> String {
    let mut mac = keyed(&secret.0);
    mac.update(id.as_bytes());
    mac.update(b".");
    mac.update(timestamp_s.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first is that of the reference libraries; the others were computed with OpenSSL.
    #[test]
    fn signatures_are_those_of_the_specification() {
        let cases = [
            (
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                &br#"{"test": 2432232314}"#[..],
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ),
            ("whsec_AAECAwQFBgcICQoLDA0ODw==", "msg_1", 0, b"", SIGNED_EMPTY),
            (
                "whsec_AAECAwQFBgcICQoLDA0ODw==",
                "msg_2",
                1_700_000_000,
                "{\"n\":\"ü\u{0}\"}".as_bytes(),
                SIGNED_TEXT,
            ),
        ];
        for (secret, id, at, body, expected) in cases {
            assert_eq!(signature(&Secret::read(secret).unwrap(), id, at, body), expected, "{id}");
        }
    }

    const SIGNED_EMPTY: &str = "v1,3QTsgpCXA7fLKqkthdReHBHxHb4U1h9hMRMPMpDnXZU=";
    const SIGNED_TEXT: &str = "v1,w71aHEtY5nmoECXHglPHBuk4klX7BMbZBwK7e4/Emrc=";

    #[test]
    fn endpoints_have_secrets_of_their_own() {
        let secret = Secret::of_endpoint(&SigningKey([1; 32]), "ep_a");
        assert_eq!(Secret::read(&secret.reveal()), Some(secret.clone()));
        assert_ne!(secret, Secret::of_endpoint(&SigningKey([1; 32]), "ep_b"));
        assert_ne!(secret, Secret::of_endpoint(&SigningKey([2; 32]), "ep_a"));
        assert!(!format!("{secret:?}").contains(&secret.reveal()[6..]));
        for text in ["", "whsec_?", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            assert_eq!(Secret::read(text), None, "{text}");
        }
    }
}
