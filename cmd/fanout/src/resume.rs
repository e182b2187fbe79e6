//! Where a client left off: the `Last-Event-ID` header, or `?after=`.

use aob_api::{ErrorCode, Problem};
use aob_edge::{Query, Refusal};
use http::HeaderMap;

/// What the client has seen last. The header wins: browsers send it when they connect again.
pub(crate) fn last_seen<'a>(
    query: &'a Query,
    headers: &'a HeaderMap,
) -> Result<Option<&'a str>, Refusal> {
    match headers.get("last-event-id") {
        Some(value) => match value.to_str() {
            Ok(text) => Ok(Some(text).filter(|text| !text.is_empty())),
            Err(_) => Err(bad_header()),
        },
        None => query.one("after"),
    }
}

/// The same as a seq.
pub(crate) fn last_seq(query: &Query, headers: &HeaderMap) -> Result<u64, Refusal> {
    let Some(text) = last_seen(query, headers)? else { return Ok(0) };
    text.parse().map_err(|_| {
        if headers.contains_key("last-event-id") {
            return bad_header();
        }
        Query::refuse("after", &format!("is `{text}`"), "give the seq of an event")
    })
}

fn bad_header() -> Refusal {
    Problem::new(ErrorCode::InvalidHeader, "`Last-Event-ID` is not an id of this stream")
        .with_hint("send the last `id:` that the stream gave, or leave it out")
        .into()
}
