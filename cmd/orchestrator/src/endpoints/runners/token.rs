//! Tokens of jobs: what a runner shows to speak for an attempt that it was given.
//!
//! A token is `job.<claims>.<mac>`, both parts in hex: the attempt and the API key that leased it, as
//! JSON, and HMAC-SHA256 over that with a key of the workspace. It names an attempt, so that nobody
//! has to believe what a program says of itself, and what a model says least of all. It holds as long
//! as the attempt is outstanding and leased with that API key: the lease is looked at each time.

use std::sync::Arc;

use aob_api::jobs::{AttemptKey, JobMessage};
use aob_api::{ErrorCode, Problem};
use aob_coordinator::stream;
use aob_edge::{Caller, Refusal, is_signed, sign};
use aob_store::SigningKey;
use axum::extract::FromRequestParts;
use http::request::Parts as RequestParts;
use serde::{Deserialize, Serialize};

use super::holder;
use crate::api::{Parts, tenant};

/// What the workspace's key signs here.
pub(crate) const PURPOSE: &str = "jobs";
/// What tokens are signed as.
const AS_JOB: &str = "aob.job.1";
/// The header.
const HEADER: &str = "aob-job-token";
/// What every token begins with.
const PREFIX: &str = "job.";
/// Bytes of a token; instances deep in maps and loops have long names.
const TOKEN_BYTES_MAX: usize = 4 * 1024;

/// The token that a request shows, if any; not looked at yet.
#[derive(Debug, Clone)]
pub(crate) struct JobToken(Option<String>);

impl<S: Sync> FromRequestParts<S> for JobToken {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut RequestParts, _: &S) -> Result<Self, Refusal> {
        let mut values = parts.headers.get_all(HEADER).iter();
        let Some(value) = values.next() else { return Ok(Self(None)) };
        match value.to_str() {
            Ok(token) if token.len() <= TOKEN_BYTES_MAX && values.next().is_none() => {
                Ok(Self(Some(token.to_owned())))
            }
            Ok(_) | Err(_) => {
                let detail = "`Aob-Job-Token` is not the token of one job, sent once";
                Err(Problem::new(ErrorCode::InvalidHeader, detail).into())
            }
        }
    }
}

/// What a token says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    /// The attempt.
    job: AttemptKey,
    /// The API key that leased it.
    key: Arc<str>,
}

impl Parts {
    /// Gives leased jobs their tokens.
    pub(crate) async fn seal(
        &self,
        caller: &Caller,
        jobs: &mut [JobMessage],
    ) -> Result<(), Refusal> {
        if jobs.is_empty() {
            return Ok(());
        }
        let key = self.jobs.key(caller.workspace()).await?;
        for job in jobs {
            let claims = Claims { job: job.key(), key: caller.key_id().into() };
            job.token = Some(write(&key, &claims)?);
        }
        Ok(())
    }

    /// The attempt that a token names; `None`: there is no token.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidJobToken`]: it was not made here, or for another API key.
    pub(crate) async fn named_by(
        &self,
        caller: &Caller,
        token: &JobToken,
    ) -> Result<Option<AttemptKey>, Refusal> {
        let Some(token) = &token.0 else { return Ok(None) };
        let key = self.jobs.key_known(caller.workspace()).await?;
        let claims = key.and_then(|key| read(&key, token));
        match claims {
            Some(claims) if *claims.key == *caller.key_id() => Ok(Some(claims.job)),
            Some(_) | None => Err(invalid_token("this is not the token of a job of this API key")),
        }
    }

    /// Refuses where an attempt is over, or leased with another API key by now.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidJobToken`].
    pub(crate) async fn outstanding(
        &self,
        caller: &Caller,
        job: &AttemptKey,
    ) -> Result<(), Refusal> {
        let own = holder(caller, "");
        let leases = self.store.leases_of(stream(job.run)).await?;
        let is_held = leases.iter().any(|lease| {
            lease.workspace == tenant(caller)
                && lease.row.key.instance == job.instance.to_string()
                && lease.row.key.attempt == job.attempt
                && lease.holder.as_ref().is_some_and(|holder| holder.starts_with(&own))
        });
        if is_held { Ok(()) } else { Err(invalid_token("the attempt is over")) }
    }
}

/// The refusal of a token.
pub(crate) fn invalid_token(detail: &str) -> Refusal {
    Problem::new(ErrorCode::InvalidJobToken, detail)
        .with_hint("send the `token` of the job, as `POST /v1/runners/lease` gave it")
        .into()
}

fn write(key: &SigningKey, claims: &Claims) -> Result<Arc<str>, Refusal> {
    let said = serde_json::to_vec(claims).map_err(|error| {
        tracing::error!(%error, "claims cannot be written");
        Refusal::internal()
    })?;
    let signature = sign(key, AS_JOB, &[&said]);
    Ok(format!("{PREFIX}{}.{signature}", hex::encode(said)).into())
}

/// What a token says, if it was made with this key.
fn read(key: &SigningKey, token: &str) -> Option<Claims> {
    let (said, signature) = token.strip_prefix(PREFIX)?.split_once('.')?;
    let said = hex::decode(said).ok()?;
    let is_ours = is_signed(key, AS_JOB, &[&said], signature);
    is_ours.then(|| serde_json::from_slice(&said).ok())?
}

#[cfg(test)]
mod tests {
    use aob_engine::{InstanceId, RunId};

    use super::*;

    #[test]
    fn a_token_says_what_was_signed_and_nothing_else_is_one() {
        let (ours, theirs) = (SigningKey([7; 32]), SigningKey([8; 32]));
        let claims = |instance: &str| {
            let job = AttemptKey {
                run: RunId("019b0c5e-5a80-7c3f-9f0e-6b1f2a3c4d5e".parse().unwrap()),
                instance: InstanceId::top(instance),
                attempt: 2,
            };
            Claims { job, key: "k1".into() }
        };
        let token = write(&ours, &claims("planner")).ok().unwrap();
        let read_back = read(&ours, &token).unwrap();
        assert_eq!((read_back.job, &*read_back.key), (claims("planner").job, "k1"));
        assert!(read(&theirs, &token).is_none());
        let other = write(&ours, &claims("admin")).ok().unwrap();
        let (said, _) = other.rsplit_once('.').unwrap();
        let (_, signature) = token.rsplit_once('.').unwrap();
        let spliced = format!("{said}.{signature}");
        let cut = &token[..token.len() - 2];
        let bad = ["", "job.", "job..", &spliced, cut, &token[4..], &token.replace('.', "")];
        for text in bad {
            assert!(read(&ours, text).is_none(), "{text}");
        }
        // Every bit counts.
        for at in PREFIX.len()..token.len() {
            let mut bytes = token.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            assert!(read(&ours, std::str::from_utf8(&bytes).unwrap()).is_none(), "{at}");
        }
    }
}
