//! What endpoints read of a request besides its body.

use aob_api::{ErrorCode, Problem};
use aob_edge::{Cursor, Query, Refusal};
use aob_engine::{PatchId, RunId};
use aob_ir::Digest;
use axum::extract::{FromRequestParts, Path};
use http::request::Parts;

use crate::errors::run_not_found;

/// Items of a page where `limit` is not given.
const LIMIT_DEFAULT: u64 = 50;
/// Items of a page at most.
const LIMIT_MAX: u64 = 1_000;

/// The run that a path names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunPath(pub(crate) RunId);

impl<S: Send + Sync> FromRequestParts<S> for RunPath {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let PathText(text) = PathText::from_request_parts(parts, state).await?;
        text.parse().map(Self).map_err(|_| run_not_found(&text))
    }
}

/// The run and the patch of it that a path names.
#[derive(Debug, Clone)]
pub(crate) struct PatchPath {
    pub(crate) run: RunId,
    pub(crate) patch: PatchId,
}

impl<S: Send + Sync> FromRequestParts<S> for PatchPath {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let RunPath(run) = RunPath::from_request_parts(parts, state).await?;
        let path = Path::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let second = path.ok().and_then(|Path(named)| named.into_iter().nth(1));
        let patch = second.map(|(_, text)| text).unwrap_or_default();
        Ok(Self { run, patch: PatchId(patch.into()) })
    }
}

/// A parameter that stands for yes: `?dry_run`, `?dry_run=true`.
pub(crate) fn flag(query: &Query, name: &str) -> Result<bool, Refusal> {
    let known = |text: &str| match text {
        "" | "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    };
    Ok(query.parsed(name, "leave the value out, or give true or false", known)?.unwrap_or(false))
}

/// The first name in a path.
#[derive(Debug, Clone)]
pub(crate) struct PathText(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for PathText {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let path = Path::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let first = path.ok().and_then(|Path(named)| named.into_iter().next());
        first.map(|(_, text)| Self(text)).ok_or_else(|| {
            Problem::new(ErrorCode::RouteNotFound, "the path is not valid UTF-8").into()
        })
    }
}

/// The first two names in a path.
#[derive(Debug, Clone)]
pub(crate) struct PathTexts(pub(crate) String, pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for PathTexts {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let path = Path::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let mut names = path.map(|Path(named)| named).unwrap_or_default().into_iter();
        match (names.next(), names.next()) {
            (Some((_, first)), Some((_, second))) => Ok(Self(first, second)),
            _ => Err(Problem::new(ErrorCode::RouteNotFound, "the path is not valid UTF-8").into()),
        }
    }
}

/// The digest that a path names.
pub(crate) fn digest(text: &str) -> Result<Digest, Refusal> {
    text.parse().map_err(|_| {
        Problem::new(ErrorCode::ArtifactNotFound, format!("`{text}` is not a digest"))
            .with_hint("a digest is `sha256:` and 64 hex digits")
            .into()
    })
}

/// `limit` of a list.
pub(crate) fn limit(query: &Query) -> Result<usize, Refusal> {
    let limit = query.number("limit", 1..=LIMIT_MAX)?.unwrap_or(LIMIT_DEFAULT);
    Ok(usize::try_from(limit).unwrap_or(1))
}

/// Where the page before ended, as `cursor` says it; `None`: this is the first page.
pub(crate) fn follows<T>(
    query: &Query,
    cursor: Cursor,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, Refusal> {
    let Some(text) = query.one("cursor")? else { return Ok(None) };
    let at = cursor.read(text)?;
    read(&at).map(Some).ok_or_else(|| cursor.invalid())
}

/// How many rows a page of so many items asks for: one more says whether there is a next page.
pub(crate) fn rows_wanted(limit: usize) -> u32 {
    u32::try_from(limit + 1).unwrap_or(u32::MAX)
}

/// One page out of `limit + 1` rows that were asked for, and the row that the next one follows.
pub(crate) fn page<T>(mut rows: Vec<T>, limit: usize) -> (Vec<T>, bool) {
    let more = rows.len() > limit;
    rows.truncate(limit);
    (rows, more)
}
