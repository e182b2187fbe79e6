//! What all changes of a tag have in common: what the client expects, its key, and the answer.

use aob_api::{ErrorCode, Problem, TagView};
use aob_edge::{Answer, BodyHash, Caller, Query, Refusal};
use aob_store::tagging::{TagChange, TagChanged, TagRefusal, TagStep, tag_change};
use aob_store::{IdempotencyKey, TagRow};
use axum::Json;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use http::request::Parts as RequestParts;
use http::{HeaderMap, HeaderValue};

use super::view;
use crate::api::{Parts, tenant};
use crate::errors::workflow_not_found;
use crate::idempotency::{Met, Once, same_body};

/// A change on its way, with who asks for it and how its repetition is recognised.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) once: &'a Once,
    pub(crate) hash: BodyHash,
    pub(crate) expected: Option<u64>,
    pub(crate) tag: &'a str,
    pub(crate) step: TagStep,
}

/// What a request to change a tag says outside of its body: nothing in the query, what the client
/// expects, and its key.
#[derive(Debug)]
pub(crate) struct Asked {
    once: Once,
    expected: Option<u64>,
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut RequestParts, state: &S) -> Result<Self, Refusal> {
        Query::of(&parts.uri, &[])?;
        let once = Once::from_request_parts(parts, state).await?;
        Ok(Self { once, expected: expected(&parts.headers)? })
    }
}

impl Asked {
    /// Does what is asked for with this body.
    pub(crate) async fn change(
        self,
        api: &Parts,
        caller: &Caller,
        tag: &str,
        (step, hash): (TagStep, BodyHash),
    ) -> Answer {
        let (once, expected) = (&self.once, self.expected);
        api.change_tag(Wanted { caller, once, hash, expected, tag, step }).await
    }
}

impl Parts {
    /// Changes a tag, and answers where it stands.
    pub(crate) async fn change_tag(&self, wanted: Wanted<'_>) -> Answer {
        let Wanted { caller, once, hash, expected, tag, step } = wanted;
        let _turn = match self.meet(caller, once, hash).await? {
            Met::Answer(row) => return self.replay(caller, &row).await,
            Met::Nothing(turn) => turn,
        };
        let change = TagChange { tag: tag.to_owned(), step, expected, now_ms: self.now_ms() };
        let answer = |row: &TagRow| self.tag_key(once, hash, 200, row);
        match tag_change(&*self.store, tenant(caller), &change, &answer).await? {
            TagChanged::Moved(row) | TagChanged::Unchanged(row) => Ok(answered(view(row)?)),
            TagChanged::Key(row) => self.replay(caller, &same_body(row, hash)?).await,
            TagChanged::Refused(refusal) => Err(refused(tag, refusal)),
        }
    }

    /// The row that stands for a change which leaves the tag here.
    pub(crate) fn tag_key(
        &self,
        once: &Once,
        hash: BodyHash,
        status: u16,
        row: &TagRow,
    ) -> Option<IdempotencyKey> {
        once.key.as_ref()?;
        let view = serde_json::to_string(&view(row.clone()).ok()?).ok()?;
        self.key_row(once, hash, status, view)
    }
}

/// A tag with its version as `ETag`.
pub(crate) fn answered(view: TagView) -> Response {
    let etag = etag(view.current.version);
    let mut response = Json(view).into_response();
    response.headers_mut().extend(etag);
    response
}

/// The `ETag` of a tag that is at this version.
pub(crate) fn etag(version: u64) -> Option<(http::HeaderName, HeaderValue)> {
    HeaderValue::from_str(&format!("\"{version}\"")).ok().map(|value| (ETAG, value))
}

/// The version that the client has seen; 0: none.
pub(crate) fn expected(headers: &HeaderMap) -> Result<Option<u64>, Refusal> {
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or("?"));
    match (text(IF_MATCH), text(IF_NONE_MATCH)) {
        (None, None) => Ok(None),
        (None, Some("*")) => Ok(Some(0)),
        (Some(seen), None) => match seen.trim().trim_matches('"').parse() {
            Ok(version) => Ok(Some(version)),
            Err(_) => Err(bad_condition("`If-Match` is not the `ETag` of a tag, such as `\"3\"`")),
        },
        (_, Some(_)) => Err(bad_condition("`If-None-Match` may be `*` only, without `If-Match`")),
    }
}

fn bad_condition(detail: &str) -> Refusal {
    Problem::new(ErrorCode::InvalidHeader, detail)
        .with_hint("`GET /v1/tags/{tag}` answers the `ETag`")
        .into()
}

/// A change that is not made.
pub(crate) fn refused(tag: &str, refusal: TagRefusal) -> Refusal {
    match refusal {
        TagRefusal::Unknown => workflow_not_found(tag),
        TagRefusal::UnknownVersion(version) => workflow_not_found(&format!("{tag}@{version}")),
        TagRefusal::Expected(row) => {
            Problem::wrong_version(tag, row.map_or(0, |row| row.current.version)).into()
        }
        TagRefusal::NothingToUndo(row) => {
            let version = row.current.version;
            let detail = format!("the tag `{tag}` is at version {version}, and none is before it");
            Problem::new(ErrorCode::NothingToUndo, detail).into()
        }
        TagRefusal::NothingToRedo(row) => {
            let version = row.current.version;
            let detail = format!("the tag `{tag}` is at version {version}, which was made last");
            Problem::new(ErrorCode::NothingToRedo, detail)
                .with_hint(format!("`GET /v1/workflows/{tag}/versions` lists all versions; a move leads to any of them"))
                .into()
        }
        TagRefusal::Busy => {
            Problem::new(ErrorCode::Overloaded, format!("others move the tag `{tag}` all the time"))
                .with_hint("try again")
                .with_retry_after_ms(1_000)
                .into()
        }
    }
}
