//! Which modules may run: those that are allowed by digest and signed by a key that is trusted.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use aob_ir::Digest;
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use thiserror::Error;

/// What is signed: this, then the 32 bytes of the module's sha256. A signature of a module can
/// stand for nothing else.
pub const SIGNATURE_CONTEXT: &[u8] = b"aob.optimizer.module.1\0";

/// A public ed25519 key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey(pub [u8; 32]);

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for PublicKey {
    type Err = NotHex;

    fn from_str(text: &str) -> Result<Self, NotHex> {
        bytes_of(text).map(Self)
    }
}

/// An ed25519 signature.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({}..)", hex::encode(&self.0[..4]))
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for Signature {
    type Err = NotHex;

    fn from_str(text: &str) -> Result<Self, NotHex> {
        bytes_of(text).map(Self)
    }
}

/// A text is not as many hex digits as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("it is not {digits} hex digits")]
pub struct NotHex {
    /// How many it should be.
    pub digits: usize,
}

fn bytes_of<const N: usize>(text: &str) -> Result<[u8; N], NotHex> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| NotHex { digits: 2 * N })?;
    Ok(bytes)
}

/// The modules and signers that are trusted. Empty: none.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// Digests of the modules that may run.
    pub digests: BTreeSet<Digest>,
    /// Keys of those who may sign modules.
    pub keys: BTreeSet<PublicKey>,
}

/// Why a module may not run.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Untrusted {
    /// Nobody allowed this module.
    #[error("the module {digest} is not among the modules that are allowed")]
    Digest {
        /// Its digest.
        digest: Digest,
    },
    /// No trusted key made this signature of this module.
    #[error("the signature of the module {digest} is not by a key that is trusted")]
    Signature {
        /// Its digest.
        digest: Digest,
    },
}

impl Trust {
    /// Checks a module of these bytes; returns its digest.
    ///
    /// # Errors
    /// See [`Untrusted`].
    pub fn check(&self, bytes: &[u8], signature: &Signature) -> Result<Digest, Untrusted> {
        let digest = Digest::of(bytes);
        if !self.digests.contains(&digest) {
            return Err(Untrusted::Digest { digest });
        }
        match self.signer(&digest, signature) {
            Some(_) => Ok(digest),
            None => Err(Untrusted::Signature { digest }),
        }
    }

    /// The trusted key that made this signature of the module with this digest.
    pub fn signer(&self, digest: &Digest, signature: &Signature) -> Option<PublicKey> {
        let message = signed_message(digest);
        let signed = |key: &&PublicKey| {
            UnparsedPublicKey::new(&ED25519, key.0).verify(&message, &signature.0).is_ok()
        };
        self.keys.iter().find(signed).copied()
    }
}

/// What the signer of a module signs.
pub fn signed_message(digest: &Digest) -> Vec<u8> {
    [SIGNATURE_CONTEXT, digest.0.as_slice()].concat()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

    use super::*;

    fn key(seed: u8) -> (Ed25519KeyPair, PublicKey) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a key");
        let public = PublicKey(pair.public_key().as_ref().try_into().expect("32 bytes"));
        (pair, public)
    }

    fn sign(pair: &Ed25519KeyPair, message: &[u8]) -> Signature {
        Signature(pair.sign(message).as_ref().try_into().expect("64 bytes"))
    }

    #[test]
    fn a_module_runs_only_where_both_digest_and_signature_are_trusted() {
        let (pair, public) = key(1);
        let (stranger, _) = key(2);
        let bytes = b"a module";
        let digest = Digest::of(bytes);
        let good = sign(&pair, &signed_message(&digest));
        let trust = Trust { digests: [digest].into(), keys: [public, key(3).1].into() };
        assert_eq!(trust.check(bytes, &good), Ok(digest));
        assert_eq!(trust.signer(&digest, &good), Some(public));

        let other = Digest::of(b"another");
        let unsigned = Untrusted::Signature { digest };
        let mut flipped = good;
        flipped.0[5] ^= 1;
        for (signature, why) in [
            (sign(&stranger, &signed_message(&digest)), "by a stranger"),
            (sign(&pair, &signed_message(&other)), "of another module"),
            (sign(&pair, &digest.0), "without the context"),
            (sign(&pair, bytes), "of the bytes"),
            (Signature([0; 64]), "zeros"),
            (flipped, "flipped"),
        ] {
            assert_eq!(trust.check(bytes, &signature), Err(unsigned.clone()), "{why}");
        }
        let not_allowed = Trust { digests: [other].into(), ..trust.clone() };
        assert_eq!(not_allowed.check(bytes, &good), Err(Untrusted::Digest { digest }));
        for key in [public.to_string().to_uppercase(), public.to_string()] {
            assert_eq!(key.parse(), Ok(public));
        }
        assert_eq!(good.to_string().parse(), Ok(good));
        assert_eq!(public.to_string().parse::<Signature>(), Err(NotHex { digits: 128 }));
        assert_eq!("zz".parse::<PublicKey>(), Err(NotHex { digits: 64 }));
        let nobody = Trust { keys: BTreeSet::new(), ..trust };
        assert_eq!(nobody.check(bytes, &good), Err(unsigned));
    }
}
