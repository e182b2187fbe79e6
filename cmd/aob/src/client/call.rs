//! One call of the API, and its answer.

use std::fmt::Display;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::Got;
use crate::failure::Failure;

/// How long a call takes at most, the time that it asks the server to wait not counted.
const TIMEOUT_MS: u64 = 30_000;

/// A call: method, path below `/v1`, query, headers, body.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    path: Path,
    query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) timeout_ms: u64,
}

#[derive(Debug, Clone)]
enum Path {
    /// Segments below `/v1`.
    Segments(Vec<String>),
    /// Path and query as somebody wrote them.
    Literal(String),
}

impl Call {
    /// A call of `/v1/` and these segments, which are escaped.
    pub(crate) fn new(method: Method, segments: &[&str]) -> Self {
        let segments = segments.iter().map(|segment| (*segment).to_owned()).collect();
        Self {
            method,
            path: Path::Segments(segments),
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout_ms: TIMEOUT_MS,
        }
    }

    /// A call of a path that somebody wrote.
    pub(crate) fn literal(method: Method, path: &str) -> Self {
        Self {
            path: Path::Literal(path.trim_start_matches('/').to_owned()),
            ..Self::new(method, &[])
        }
    }

    pub(crate) fn get(segments: &[&str]) -> Self {
        Self::new(Method::GET, segments)
    }

    pub(crate) fn post(segments: &[&str]) -> Self {
        Self::new(Method::POST, segments)
    }

    /// The same with one more query parameter.
    #[must_use]
    pub(crate) fn query(mut self, name: &str, value: impl Display) -> Self {
        self.query.push((name.to_owned(), value.to_string()));
        self
    }

    /// The same with one more query parameter, if there is a value.
    #[must_use]
    pub(crate) fn query_opt(self, name: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// The same with a header.
    #[must_use]
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// The same with a JSON body.
    #[must_use]
    pub(crate) fn body(mut self, value: &impl Serialize) -> Self {
        // Our own types have no keys that are not text.
        self.body = serde_json::to_vec(value).unwrap_or_default().into();
        self.header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
    }

    /// The same, repeatable: the server does it once, however often it arrives.
    #[must_use]
    pub(crate) fn idempotent(self, key: Option<HeaderValue>) -> Self {
        match key {
            Some(key) => self.header(HeaderName::from_static("idempotency-key"), key),
            None => self,
        }
    }

    /// The same, with the server asked to wait up to so many seconds for an end.
    #[must_use]
    pub(crate) fn waiting(mut self, seconds: u64) -> Self {
        self.timeout_ms = TIMEOUT_MS.saturating_add(seconds.saturating_mul(1_000));
        let prefer = HeaderValue::from_str(&format!("wait={seconds}"));
        match prefer {
            Ok(value) => self.header(HeaderName::from_static("prefer"), value),
            Err(_) => self,
        }
    }

    /// The URL of the call at this server.
    pub(crate) fn url(&self, base: &Url) -> Url {
        let mut url = base.clone();
        match &self.path {
            Path::Literal(path) => {
                let (path, query) =
                    path.split_once('?').map_or((&**path, None), |(p, q)| (p, Some(q)));
                let whole = format!("{}{path}", base.path());
                url.set_path(&whole);
                url.set_query(query);
            }
            Path::Segments(segments) => {
                // Only URLs without a host have no segments, and `base` has one.
                if let Ok(mut path) = url.path_segments_mut() {
                    path.pop_if_empty().push("v1").extend(segments);
                }
            }
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        url
    }
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// Reads the body.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<Got<T>, Failure> {
        Got::parse(&self.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_escaped_and_literals_are_not() {
        let base = Url::parse("http://h:1/sub/").unwrap();
        let cases = [
            (Call::get(&["runs"]), "http://h:1/sub/v1/runs"),
            (Call::get(&["runs", "a/b?c", ".."]), "http://h:1/sub/v1/runs/a%2Fb%3Fc"),
            (
                Call::get(&["tags", "ä"]).query("q", "a b&c"),
                "http://h:1/sub/v1/tags/%C3%A4?q=a+b%26c",
            ),
            (Call::literal(Method::GET, "/v1/runs?limit=2"), "http://h:1/sub/v1/runs?limit=2"),
            (Call::literal(Method::GET, "healthz"), "http://h:1/sub/healthz"),
        ];
        for (call, url) in cases {
            assert_eq!(call.url(&base).as_str(), url);
        }
    }
}
