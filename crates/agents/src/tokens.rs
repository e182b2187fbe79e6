//! Tokens: what shows that an offer is ours, and that an attempt was granted to its bearer.
//!
//! A token is `job.<claims>.<mac>` or `offer.<claims>.<mac>`, both parts in hex: claims as JSON, and
//! their signature with a key of the workspace, as that kind of token. It names an attempt, so that
//! nobody has to believe what a program says of itself, and what a model says least of all. One of a
//! job holds as long as the attempt is outstanding and leased with the API key that it names: the
//! lease is looked at each time. One of an offer grants nothing; it shows that a message of a topic
//! came from here as it stands.

use std::sync::Arc;

use aob_api::jobs::AttemptKey;
use aob_edge::{Entropy, Refusal, Signer, is_signed, sign};
use aob_engine::WorkspaceId;
use aob_ir::Digest;
use aob_store::{SigningKey, Store};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What the workspace's key signs here.
const PURPOSE: &str = "jobs";

/// What the token of a job says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Granted {
    /// The attempt.
    pub job: AttemptKey,
    /// The API key that leased it.
    pub key: Arc<str>,
}

/// What the token of an offer says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offered {
    /// The attempt.
    pub job: AttemptKey,
    /// Of the message.
    pub digest: Digest,
    /// The pool whose runners it is for.
    pub pool: Arc<str>,
}

/// A kind of token: one is never taken for another.
trait Claims: Serialize + DeserializeOwned {
    /// What the token begins with.
    const PREFIX: &'static str;
    /// What it is signed as.
    const SIGNED_AS: &'static str;
}

impl Claims for Granted {
    const PREFIX: &'static str = "job.";
    const SIGNED_AS: &'static str = "aob.job.1";
}

impl Claims for Offered {
    const PREFIX: &'static str = "offer.";
    const SIGNED_AS: &'static str = "aob.offer.1";
}

/// Writes and reads tokens.
#[derive(Debug)]
pub struct JobTokens {
    signer: Signer,
}

impl JobTokens {
    /// Tokens of the workspaces of this store; `entropy` makes keys that there are none of yet.
    pub fn new(store: Arc<dyn Store>, entropy: Entropy) -> Self {
        Self { signer: Signer::new(store, entropy, PURPOSE) }
    }

    /// The token of a job.
    ///
    /// # Errors
    /// If storage does not answer.
    pub async fn grant(
        &self,
        workspace: WorkspaceId,
        claims: &Granted,
    ) -> Result<Arc<str>, Refusal> {
        Ok(write(&self.signer.key(workspace).await?, claims))
    }

    /// The token of an offer.
    ///
    /// # Errors
    /// If storage does not answer.
    pub async fn offer(
        &self,
        workspace: WorkspaceId,
        claims: &Offered,
    ) -> Result<Arc<str>, Refusal> {
        Ok(write(&self.signer.key(workspace).await?, claims))
    }

    /// What the token of a job of this workspace says; `None`: it is none.
    ///
    /// # Errors
    /// If storage does not answer.
    pub async fn granted(
        &self,
        workspace: WorkspaceId,
        token: &str,
    ) -> Result<Option<Granted>, Refusal> {
        self.read(workspace, token).await
    }

    /// What the token of an offer of this workspace says; `None`: it is none.
    ///
    /// # Errors
    /// If storage does not answer.
    pub async fn offered(
        &self,
        workspace: WorkspaceId,
        token: &str,
    ) -> Result<Option<Offered>, Refusal> {
        self.read(workspace, token).await
    }

    async fn read<T: Claims>(
        &self,
        workspace: WorkspaceId,
        token: &str,
    ) -> Result<Option<T>, Refusal> {
        // What is no token costs nobody a look at the database.
        if !token.starts_with(T::PREFIX) {
            return Ok(None);
        }
        let key = self.signer.key_known(workspace).await?;
        Ok(key.and_then(|key| read(&key, token)))
    }
}

fn write<T: Claims>(key: &SigningKey, claims: &T) -> Arc<str> {
    // Claims are strings and numbers, and have a JSON form.
    let said = serde_json::to_vec(claims).unwrap_or_default();
    let signature = sign(key, T::SIGNED_AS, &[&said]);
    format!("{}{}.{signature}", T::PREFIX, hex::encode(said)).into()
}

/// What a token says, if it was made with this key.
fn read<T: Claims>(key: &SigningKey, token: &str) -> Option<T> {
    let (said, signature) = token.strip_prefix(T::PREFIX)?.split_once('.')?;
    let said = hex::decode(said).ok()?;
    let is_ours = is_signed(key, T::SIGNED_AS, &[&said], signature);
    is_ours.then(|| serde_json::from_slice(&said).ok())?
}

#[cfg(test)]
mod tests {
    use aob_engine::{InstanceId, RunId};

    use super::*;

    fn granted(instance: &str) -> Granted {
        let job = AttemptKey {
            run: RunId("019b0c5e-5a80-7c3f-9f0e-6b1f2a3c4d5e".parse().unwrap()),
            instance: InstanceId::top(instance),
            attempt: 2,
        };
        Granted { job, key: "k1".into() }
    }

    #[test]
    fn a_token_says_what_was_signed_and_nothing_else_is_one() {
        let (ours, theirs) = (SigningKey([7; 32]), SigningKey([8; 32]));
        let token = write(&ours, &granted("planner"));
        assert_eq!(read(&ours, &token), Some(granted("planner")));
        assert_eq!(read::<Granted>(&theirs, &token), None);
        let other = write(&ours, &granted("admin"));
        let (said, _) = other.rsplit_once('.').unwrap();
        let (_, signature) = token.rsplit_once('.').unwrap();
        let spliced = format!("{said}.{signature}");
        let cut = &token[..token.len() - 2];
        let bad = ["", "job.", "job..", &spliced, cut, &token[4..], &token.replace('.', "")];
        for text in bad {
            assert_eq!(read::<Granted>(&ours, text), None, "{text}");
        }
        // Every bit counts.
        for at in Granted::PREFIX.len()..token.len() {
            let mut bytes = token.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            let text = std::str::from_utf8(&bytes).unwrap();
            assert_eq!(read::<Granted>(&ours, text), None, "{at}");
        }
    }

    #[test]
    fn a_token_of_one_kind_is_none_of_another() {
        let key = SigningKey([7; 32]);
        let job = granted("planner").job;
        let offer = Offered { job, digest: Digest::of(b"{}"), pool: "eu".into() };
        let token = write(&key, &offer);
        assert_eq!(read(&key, &token), Some(offer));
        assert_eq!(read::<Granted>(&key, &token.replace("offer.", "job.")), None);
    }
}
