//! Tokens of jobs as requests show them: see [`JobTokens`](aob_agents::JobTokens).

use std::sync::Arc;

use aob_agents::Granted;
use aob_api::jobs::{AttemptKey, HeartbeatItem, JobMessage};
use aob_api::{ErrorCode, Problem, ProblemItem};
use aob_coordinator::stream;
use aob_edge::{Caller, Refusal};
use axum::extract::FromRequestParts;
use http::request::Parts as RequestParts;

use super::holder;
use crate::api::{Parts, tenant};

/// The header.
const HEADER: &str = "aob-job-token";
/// What to do about a token that is none.
const HINT: &str = "send the `token` of the job, as it was given with the lease";
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

impl JobToken {
    /// The token of the header, else that of the body.
    pub(crate) fn or(self, body: Option<Arc<str>>) -> Self {
        Self(self.0.or_else(|| body.map(|token| token.to_string())))
    }
}

impl Parts {
    /// Gives leased jobs their tokens.
    pub(crate) async fn seal(
        &self,
        caller: &Caller,
        jobs: &mut [JobMessage],
    ) -> Result<(), Refusal> {
        for job in jobs {
            job.token = Some(self.token_of(caller, job.key()).await?);
        }
        Ok(())
    }

    /// The token of an attempt that was leased with the caller's key.
    pub(crate) async fn token_of(
        &self,
        caller: &Caller,
        job: AttemptKey,
    ) -> Result<Arc<str>, Refusal> {
        let claims = Granted { job, key: caller.key_id().into() };
        self.tokens.grant(caller.workspace(), &claims).await
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
        match self.tokens.granted(caller.workspace(), token).await? {
            Some(claims) if *claims.key == *caller.key_id() => Ok(Some(claims.job)),
            Some(_) | None => Err(invalid_token("this is not the token of a job of this API key")),
        }
    }

    /// Refuses a heartbeat in which an attempt comes without its token, or with another's.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidJobToken`], with the place of the first one.
    pub(crate) async fn all_shown(
        &self,
        caller: &Caller,
        leases: &[HeartbeatItem],
    ) -> Result<(), Refusal> {
        for (n, item) in leases.iter().enumerate() {
            let token = item.token.as_deref().unwrap_or_default();
            let claims = self.tokens.granted(caller.workspace(), token).await?;
            let is_own = claims
                .is_some_and(|claims| *claims.key == *caller.key_id() && claims.job == item.key());
            if !is_own {
                let code = ErrorCode::InvalidJobToken;
                let message = format!("this is not the token of {}", item.key());
                let at = ProblemItem::at(format!("/leases/{n}/token"), code.as_str(), &message);
                return Err(Problem::new(code, message)
                    .with_errors(vec![at.with_hint(HINT)])
                    .with_hint(HINT)
                    .into());
            }
        }
        Ok(())
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
    Problem::new(ErrorCode::InvalidJobToken, detail).with_hint(HINT).into()
}
