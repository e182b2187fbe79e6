//! Tokens of API keys: `aob_<key id>_<secret>`.
//!
//! The id has 16 characters (80 bits) and is public; the secret has 43 (256 bits), so a plain hash
//! of it is enough: nobody can search that space.

use aob_store::Hash;
use sha2::{Digest, Sha256};

use crate::Entropy;

/// What every token begins with; secret scanners look for it.
const PREFIX: &str = "aob_";
/// Characters of a key id.
const KEY_ID_LEN: usize = 16;
/// Characters of a secret: 62^43 is more than 2^256.
const SECRET_LEN: usize = 43;

const LOWER: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const MIXED: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A fresh token. Only [`MintedToken::key_id`] and [`MintedToken::secret_hash`] are to be stored.
#[derive(Clone)]
pub struct MintedToken {
    /// Public part.
    pub key_id: String,
    /// What its owner sends.
    pub token: String,
    /// SHA-256 of the secret part.
    pub secret_hash: Hash,
}

impl std::fmt::Debug for MintedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MintedToken").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// Makes a token.
pub fn mint_token(entropy: &Entropy) -> MintedToken {
    let key_id = letters(entropy, LOWER, KEY_ID_LEN);
    let secret = letters(entropy, MIXED, SECRET_LEN);
    let token = format!("{PREFIX}{key_id}_{secret}");
    let secret_hash = hash_secret(&secret);
    MintedToken { key_id, token, secret_hash }
}

/// The parts of a token, if it has the form of one.
pub(crate) fn split_token(token: &str) -> Option<(&str, &str)> {
    let (key_id, secret) = token.strip_prefix(PREFIX)?.split_once('_')?;
    let of = |text: &str, alphabet: &[u8], len: usize| {
        text.len() == len && text.bytes().all(|byte| alphabet.contains(&byte))
    };
    let well_formed = of(key_id, LOWER, KEY_ID_LEN) && of(secret, MIXED, SECRET_LEN);
    well_formed.then_some((key_id, secret))
}

pub(crate) fn hash_secret(secret: &str) -> Hash {
    Sha256::digest(secret.as_bytes()).into()
}

/// Characters drawn evenly from `alphabet`.
fn letters(entropy: &Entropy, alphabet: &[u8], count: usize) -> String {
    let even = u8::try_from(256 - 256 % alphabet.len()).unwrap_or(u8::MAX);
    let mut text = String::with_capacity(count);
    let mut bytes = [0_u8; 64];
    while text.len() < count {
        entropy(&mut bytes);
        // A byte beyond the last whole multiple would favour the first letters.
        let fair = bytes.iter().filter(|byte| **byte < even);
        let drawn = fair.map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()]));
        text.extend(drawn.take(count - text.len()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system_entropy;

    #[test]
    fn a_token_splits_into_what_is_stored() {
        let minted = mint_token(&system_entropy());
        let (key_id, secret) = split_token(&minted.token).unwrap();
        assert_eq!(key_id, minted.key_id);
        assert_eq!(hash_secret(secret), minted.secret_hash);
        assert!(!format!("{minted:?}").contains(secret));
        assert_ne!(minted.token, mint_token(&system_entropy()).token);
    }

    #[test]
    fn nothing_else_is_a_token() {
        let token = mint_token(&system_entropy()).token;
        let short = &token[..token.len() - 1];
        let cases = [
            "",
            "aob_",
            "aob__",
            short,
            &format!("{token}x"),
            &token.to_uppercase(),
            &token.replacen('_', "-", 1),
            &format!(" {token}"),
            &token[4..],
            &token.replace(&token[4..6], "é"),
        ];
        for case in cases {
            assert_eq!(split_token(case), None, "{case}");
        }
    }

    #[test]
    fn letters_are_drawn_evenly() {
        // Bytes beyond the last whole multiple are passed over.
        let entropy: Entropy = std::sync::Arc::new(|bytes| {
            for (at, byte) in bytes.iter_mut().enumerate() {
                *byte = if at % 2 == 0 { 255 } else { 37 };
            }
        });
        assert_eq!(letters(&entropy, LOWER, 40), "b".repeat(40));
    }
}
