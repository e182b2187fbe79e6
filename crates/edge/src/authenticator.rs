//! From the `Authorization` header to a [`Caller`].

use std::num::NonZeroUsize;
use std::sync::Arc;

use aob_api::{ErrorCode, Problem};
use aob_store::{ApiKeyRow, Clock, Store, TimeMs};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use lru::LruCache;
use parking_lot::Mutex;
use subtle::ConstantTimeEq;

use crate::failures::{Failures, Peer};
use crate::token::{hash_secret, split_token};
use crate::{Caller, Refusal};

/// How long a key is believed without asking the store: a revocation is seen everywhere after this.
const FRESH_MS: TimeMs = 2_000;
/// Keys kept in memory.
const KEYS_MAX: NonZeroUsize = NonZeroUsize::new(4_096).unwrap();

/// Recognises API keys.
pub struct Authenticator {
    store: Arc<dyn Store>,
    clock: Clock,
    known: Mutex<LruCache<String, (TimeMs, Arc<ApiKeyRow>)>>,
    failures: Failures,
}

impl std::fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authenticator").field("store", &self.store).finish_non_exhaustive()
    }
}

impl Authenticator {
    /// One that knows the keys of `store`.
    pub fn new(store: Arc<dyn Store>, clock: Clock) -> Self {
        let known = Mutex::new(LruCache::new(KEYS_MAX));
        Self { store, clock, known, failures: Failures::default() }
    }

    /// Who sends these headers from this address.
    ///
    /// # Errors
    /// [`ErrorCode::Unauthenticated`] without a valid key, [`ErrorCode::TooManyAttempts`] where the
    /// address has sent too many wrong ones, and failures of the store.
    pub async fn authenticate(
        &self,
        headers: &HeaderMap,
        peer: Option<Peer>,
    ) -> Result<Caller, Refusal> {
        self.authenticate_token(bearer(headers)?, peer).await
    }

    /// Who sends this key from this address.
    ///
    /// # Errors
    /// As [`Authenticator::authenticate`].
    pub async fn authenticate_token(
        &self,
        token: &str,
        peer: Option<Peer>,
    ) -> Result<Caller, Refusal> {
        let Some((key_id, secret)) = split_token(token) else {
            return Err(refused("what was sent is not an API key (`aob_...`)"));
        };
        let Some(peer) = peer else { return self.look_up(key_id, secret).await };
        // A key that was right before is not locked out by a neighbour's guesses.
        if !self.known.lock().contains(key_id) {
            self.may_try(peer)?;
        }
        let found = self.look_up(key_id, secret).await;
        if let Err(Refusal(problem)) = &found
            && problem.known_code() == Some(ErrorCode::Unauthenticated)
        {
            self.failed(peer);
        }
        found
    }

    /// Whether this address may try a secret: a key, or the signature of a URL.
    ///
    /// # Errors
    /// [`ErrorCode::TooManyAttempts`] where it has sent too many wrong ones.
    pub fn may_try(&self, peer: Peer) -> Result<(), Refusal> {
        let Some(wait_ms) = self.failures.must_wait(peer, (self.clock)()) else { return Ok(()) };
        let detail = "too many wrong API keys or signatures came from this address";
        let problem = Problem::new(ErrorCode::TooManyAttempts, detail);
        Err(problem.with_retry_after_ms(wait_ms).into())
    }

    /// Notes that this address has sent a wrong one.
    pub fn failed(&self, peer: Peer) {
        self.failures.note(peer, (self.clock)());
    }

    async fn look_up(&self, key_id: &str, secret: &str) -> Result<Caller, Refusal> {
        let row = self.row(key_id).await?;
        let hash = hash_secret(secret);
        // Compared even where there is no such key, so that time tells nothing.
        let stored = row.as_ref().map_or([0; 32], |row| row.secret_hash);
        let same: bool = hash.ct_eq(&stored).into();
        match row {
            Some(row) if same => self.standing(&row).map(|()| Caller::of(&row)),
            Some(_) | None => Err(refused("the API key is not known here")),
        }
    }

    /// Whether a caller's key still holds, for what lives longer than a request.
    ///
    /// # Errors
    /// As [`Authenticator::authenticate`].
    pub async fn recheck(&self, caller: &Caller) -> Result<Caller, Refusal> {
        self.resume(caller.key_id()).await
    }

    /// Whoever has shown before that the key is theirs: the caller of a session. Whoever calls this
    /// answers for that proof.
    ///
    /// # Errors
    /// As [`Authenticator::authenticate`].
    pub async fn resume(&self, key_id: &str) -> Result<Caller, Refusal> {
        let row = self.row(key_id).await?;
        let row = row.ok_or_else(|| refused("the API key is not known here"))?;
        self.standing(&row).map(|()| Caller::of(&row))
    }

    /// Forgets a key, so that its revocation holds here at once.
    pub fn forget(&self, key_id: &str) {
        self.known.lock().pop(key_id);
    }

    fn standing(&self, row: &ApiKeyRow) -> Result<(), Refusal> {
        if row.revoked_ms.is_some() {
            return Err(refused("the API key was revoked"));
        }
        let now_ms = (self.clock)();
        if row.expires_ms.is_some_and(|expires_ms| expires_ms <= now_ms) {
            return Err(refused("the API key has expired"));
        }
        Ok(())
    }

    async fn row(&self, key_id: &str) -> Result<Option<Arc<ApiKeyRow>>, Refusal> {
        let now_ms = (self.clock)();
        if let Some((read_ms, row)) = self.known.lock().get(key_id)
            && (0..FRESH_MS).contains(&now_ms.saturating_sub(*read_ms))
        {
            return Ok(Some(Arc::clone(row)));
        }
        let row = self.store.key(key_id).await?.map(Arc::new);
        if let Some(row) = &row {
            self.known.lock().put(key_id.to_owned(), (now_ms, Arc::clone(row)));
        }
        Ok(row)
    }
}

/// The one token of a request.
fn bearer(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = match (values.next(), values.next()) {
        (Some(value), None) => value,
        (Some(_), Some(_)) => return Err(refused("there are several `Authorization` headers")),
        (None, _) => return Err(refused("there is no `Authorization` header")),
    };
    let text = value.to_str().unwrap_or_default().trim();
    let token = text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    match token {
        Some((_, token)) => Ok(token.trim()),
        None => Err(refused("the `Authorization` header is not `Bearer aob_...`")),
    }
}

fn refused(detail: &str) -> Refusal {
    let hint = "send `Authorization: Bearer aob_...` with a key of `POST /v1/keys`; \
                `aob dev` writes one into the local profile";
    Problem::new(ErrorCode::Unauthenticated, detail).with_hint(hint).into()
}
