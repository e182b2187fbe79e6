//! Which headers leave, and which come back.

use http::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONNECTION, CONTENT_ENCODING, CONTENT_LANGUAGE,
    CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, HeaderName, HeaderValue, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use http::{HeaderMap, Method};

use crate::Refusal;

/// Headers of ours that never leave.
const INTERNAL_PREFIX: &str = "x-aob-";

/// What opens metadata services; nobody else has a use for it.
const METADATA: [&str; 8] = [
    "metadata",
    "metadata-flavor",
    "metadata-token",
    "metadata-token-expiry-seconds",
    "x-aws-ec2-metadata-token",
    "x-aws-ec2-metadata-token-ttl-seconds",
    "x-google-metadata-request",
    "x-metadata-token",
];

/// Meant for the next machine, not for the server.
const HOP_BY_HOP: [&str; 4] =
    ["keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"];

/// What goes to another origin after a redirect. Everything else may be a credential.
const KEPT_ACROSS_ORIGINS: [HeaderName; 6] =
    [ACCEPT, ACCEPT_LANGUAGE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, USER_AGENT];

/// The headers of a request as they are sent: without those that belong to the connection or to
/// us, with those that the client sets.
pub(crate) fn outgoing(
    given: &HeaderMap,
    method: &Method,
    authority: &str,
    body_len: usize,
    accept_gzip: bool,
) -> Result<HeaderMap, Refusal> {
    refuse_forbidden(given)?;
    let named = named_by_connection(given);
    let mut headers = HeaderMap::with_capacity(given.len() + 4);
    let host = HeaderValue::from_str(authority).map_err(|_| Refusal::MalformedUrl)?;
    headers.insert(HOST, host);
    for (name, value) in given {
        if !is_of_the_connection(name) && !named.contains(name) && !is_ours(name) {
            headers.append(name, value.clone());
        }
    }
    headers.entry(USER_AGENT).or_insert(HeaderValue::from_static("aob"));
    headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    let encoding = if accept_gzip { "gzip" } else { "identity" };
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(encoding));
    let has_body = [Method::POST, Method::PUT, Method::PATCH].contains(method);
    if has_body || body_len > 0 {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body_len));
    }
    Ok(headers)
}

/// Refuses what must never be set, wherever the request goes.
fn refuse_forbidden(given: &HeaderMap) -> Result<(), Refusal> {
    let forbidden = |name: &&HeaderName| {
        **name == HOST || **name == TRANSFER_ENCODING || METADATA.contains(&name.as_str())
    };
    match given.keys().find(forbidden) {
        Some(name) => Err(Refusal::Header { name: name.clone() }),
        None => Ok(()),
    }
}

/// Removes from a response what was between the server and us, and what decoding made untrue.
pub(crate) fn incoming(headers: &mut HeaderMap, decoded: bool) {
    for name in named_by_connection(headers) {
        headers.remove(name);
    }
    let of_the_connection: Vec<_> =
        headers.keys().filter(|name| is_hop_by_hop(name)).cloned().collect();
    for name in of_the_connection {
        headers.remove(name);
    }
    if decoded {
        headers.remove(CONTENT_ENCODING);
        headers.remove(CONTENT_LENGTH);
    }
}

/// Drops what must not reach another origin.
pub(crate) fn leave_origin(headers: &mut HeaderMap) {
    let secret: Vec<_> =
        headers.keys().filter(|name| !KEPT_ACROSS_ORIGINS.contains(name)).cloned().collect();
    for name in secret {
        headers.remove(name);
    }
}

/// Drops what describes a body that is not sent any more.
pub(crate) fn leave_body(headers: &mut HeaderMap) {
    for name in [CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE] {
        headers.remove(name);
    }
}

fn is_of_the_connection(name: &HeaderName) -> bool {
    is_hop_by_hop(name) || [ACCEPT_ENCODING, CONTENT_LENGTH, EXPECT].contains(name)
}

fn is_hop_by_hop(name: &HeaderName) -> bool {
    [CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE].contains(name)
        || HOP_BY_HOP.contains(&name.as_str())
}

fn is_ours(name: &HeaderName) -> bool {
    name.as_str().starts_with(INTERNAL_PREFIX)
}

/// The headers that `Connection` declares to be its own.
fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    let values = headers.get_all(CONNECTION).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(|name| name.trim().parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn sent(given: &[(&'static str, &'static str)]) -> HeaderMap {
        outgoing(&map(given), &Method::GET, "example.com:8443", 0, true).unwrap()
    }

    #[test]
    fn sets_what_the_client_owns() {
        let headers = sent(&[("accept-encoding", "br"), ("content-length", "99")]);
        let expected = map(&[
            ("host", "example.com:8443"),
            ("user-agent", "aob"),
            ("accept", "*/*"),
            ("accept-encoding", "gzip"),
        ]);
        assert_eq!(headers, expected);
        let posted = outgoing(&HeaderMap::new(), &Method::POST, "h", 0, false).unwrap();
        assert_eq!(posted[CONTENT_LENGTH], "0");
        assert_eq!(posted[ACCEPT_ENCODING], "identity");
    }

    #[test]
    fn keeps_what_the_user_set() {
        let given = [("user-agent", "me"), ("x-a", "1"), ("x-a", "2"), ("idempotency-key", "k")];
        let headers = sent(&given);
        assert_eq!(headers["user-agent"], "me");
        assert_eq!(headers.get_all("x-a").iter().collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(headers["idempotency-key"], "k");
    }

    #[test]
    fn strips_what_belongs_to_the_connection_or_to_us() {
        for name in [
            "connection",
            "content-length",
            "expect",
            "keep-alive",
            "proxy-authenticate",
            "proxy-authorization",
            "proxy-connection",
            "te",
            "trailer",
            "upgrade",
            "x-aob-workspace",
        ] {
            assert!(!sent(&[(name, "x-a")]).contains_key(name), "{name}");
        }
        let headers = sent(&[("connection", "close, X-Secret"), ("x-secret", "1")]);
        assert!(!headers.contains_key("x-secret"));
    }

    #[test]
    fn refuses_what_opens_metadata_services_or_smuggles() {
        for name in ["host", "transfer-encoding"].into_iter().chain(METADATA) {
            let name = HeaderName::from_static(name);
            let mut given = HeaderMap::new();
            given.insert(name.clone(), HeaderValue::from_static("1"));
            let refused = outgoing(&given, &Method::GET, "h", 0, true);
            assert_eq!(refused, Err(Refusal::Header { name }));
        }
    }

    #[test]
    fn responses_lose_what_is_not_true_any_more() {
        let mut headers = map(&[
            ("connection", "keep-alive, x-hop"),
            ("x-hop", "1"),
            ("keep-alive", "5"),
            ("transfer-encoding", "chunked"),
            ("content-encoding", "gzip"),
            ("content-length", "5"),
            ("x-kept", "1"),
        ]);
        let mut undecoded = headers.clone();
        incoming(&mut headers, true);
        assert_eq!(headers, map(&[("x-kept", "1")]));
        incoming(&mut undecoded, false);
        assert_eq!(
            undecoded,
            map(&[("content-encoding", "gzip"), ("content-length", "5"), ("x-kept", "1")])
        );
    }
}
