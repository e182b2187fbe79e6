//! `Idempotency-Key`: the same request again changes nothing and gets its answer again.

use std::collections::BTreeSet;
use std::sync::Arc;

use aob_api::{ErrorCode, Problem};
use aob_edge::{BodyHash, Caller, Refusal};
use aob_engine::WorkspaceId;
use aob_store::{IdempotencyKey, IdempotencyRow};
use axum::extract::FromRequestParts;
use http::request::Parts as RequestParts;
use parking_lot::Mutex;

use crate::api::{Parts, tenant};
use crate::errors::key_reused;

/// How long a key is remembered.
const KEPT_MS: i64 = 24 * 60 * 60 * 1_000;
/// Characters of a key.
const KEY_LEN_MAX: usize = 255;
/// The header.
const HEADER: &str = "idempotency-key";

/// A POST as repetitions are recognised by: its path, and the client's key.
#[derive(Debug, Clone)]
pub(crate) struct Once {
    /// `METHOD path`, the same with and without the version prefix.
    pub(crate) endpoint: String,
    /// What the client sent.
    pub(crate) key: Option<String>,
}

impl<S: Sync> FromRequestParts<S> for Once {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut RequestParts, _: &S) -> Result<Self, Refusal> {
        let path = parts.uri.path();
        let path = path.strip_prefix("/v1").filter(|rest| rest.starts_with('/')).unwrap_or(path);
        let endpoint = format!("{} {path}", parts.method);
        let mut values = parts.headers.get_all(HEADER).iter();
        let Some(value) = values.next() else { return Ok(Self { endpoint, key: None }) };
        let key = value.to_str().unwrap_or_default();
        let printable = key.bytes().all(|byte| byte.is_ascii_graphic());
        if key.is_empty() || key.len() > KEY_LEN_MAX || !printable || values.next().is_some() {
            let detail = "`Idempotency-Key` is not 1 to 255 printable ASCII characters, sent once";
            return Err(Problem::new(ErrorCode::InvalidHeader, detail)
                .with_hint("a UUID is a good key")
                .into());
        }
        Ok(Self { endpoint, key: Some(key.to_owned()) })
    }
}

/// The keys of requests that are being carried out in this process.
#[derive(Debug, Clone, Default)]
pub(crate) struct InFlight(Arc<Mutex<BTreeSet<Slot>>>);

type Slot = (WorkspaceId, String, String);

/// Holds a key while its request is carried out.
#[derive(Debug)]
pub(crate) struct Turn {
    in_flight: InFlight,
    slot: Option<Slot>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(slot) = &self.slot {
            self.in_flight.0.lock().remove(slot);
        }
    }
}

/// What a keyed request meets.
#[derive(Debug)]
pub(crate) enum Met {
    /// It is the first: carry it out while holding this.
    Nothing(Turn),
    /// It was carried out before.
    Answer(IdempotencyRow),
}

impl Parts {
    /// Looks whether this request was carried out before, and holds its key if not.
    pub(crate) async fn meet(
        &self,
        caller: &Caller,
        once: &Once,
        hash: BodyHash,
    ) -> Result<Met, Refusal> {
        let in_flight = self.in_flight.clone();
        let Some(key) = &once.key else { return Ok(Met::Nothing(Turn { in_flight, slot: None })) };
        let slot = (caller.workspace(), once.endpoint.clone(), key.clone());
        if !in_flight.0.lock().insert(slot.clone()) {
            let detail = "a request with this `Idempotency-Key` is being carried out";
            return Err(Problem::new(ErrorCode::IdempotencyInFlight, detail)
                .with_hint("wait for its answer, or ask again in a moment")
                .with_retry_after_ms(1_000)
                .into());
        }
        let turn = Turn { in_flight, slot: Some(slot) };
        match self.store.idempotency(tenant(caller), &once.endpoint, key).await? {
            Some(row) => same_body(row, hash).map(Met::Answer),
            None => Ok(Met::Nothing(turn)),
        }
    }

    /// The row to store with a command, so that its repetition is recognised.
    pub(crate) fn key_row(
        &self,
        once: &Once,
        hash: BodyHash,
        status: u16,
        response: String,
    ) -> Option<IdempotencyKey> {
        Some(IdempotencyKey {
            endpoint: once.endpoint.clone(),
            key: once.key.clone()?,
            body_hash: hash,
            status,
            response,
            expires_ms: self.now_ms().saturating_add(KEPT_MS),
        })
    }
}

/// The stored answer, if it answers this very body.
pub(crate) fn same_body(row: IdempotencyRow, hash: BodyHash) -> Result<IdempotencyRow, Refusal> {
    if row.body_hash == hash { Ok(row) } else { Err(key_reused()) }
}
