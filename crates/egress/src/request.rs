//! What is asked, and what is answered.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

use crate::BodyStream;

/// A request. Its rules are the client's [`Policy`](crate::Policy).
#[derive(Clone)]
pub struct Request {
    /// Method.
    pub method: Method,
    /// Absolute `https` or `http` URL. A fragment is not sent.
    pub url: String,
    /// `Host`, `Transfer-Encoding` and what opens metadata services are refused; `Content-Length`,
    /// `Accept-Encoding` and what belongs to the connection are set by the client.
    pub headers: HeaderMap,
    /// Body; empty for none.
    pub body: Bytes,
    /// From here to the end of the answer, redirects and waiting for a slot included. For
    /// [`Client::send_streaming`](crate::Client::send_streaming): to its head.
    pub timeout_ms: u64,
    /// The longest body after decoding.
    pub max_bytes: u64,
    /// How many redirects are followed, at most [`MAX_REDIRECTS`](crate::MAX_REDIRECTS). With 0 a
    /// redirect is an answer like any other.
    pub redirects: u8,
    /// Whether the request may go out again by itself when a kept connection turns out to be
    /// dead, although the server may have seen it. False: it gets a connection of its own.
    pub repeatable: bool,
}

impl Request {
    /// A request without headers and body, with 30 s, 16 MiB and no redirects; repeatable as its
    /// method is by RFC 9110.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        let repeatable = method.is_idempotent();
        Self {
            method,
            url: url.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout_ms: 30_000,
            max_bytes: 16 << 20,
            redirects: 0,
            repeatable,
        }
    }
}

impl fmt::Debug for Request {
    /// Shows neither the URL's query nor headers nor body: they may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.url.find(['?', '#']).unwrap_or(self.url.len());
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &&self.url[..end])
            .field("body_bytes", &self.body.len())
            .field("timeout_ms", &self.timeout_ms)
            .finish_non_exhaustive()
    }
}

/// An answer, whatever its status.
#[derive(Debug, Clone)]
pub struct Response {
    /// Status.
    pub status: StatusCode,
    /// Headers, without those of the connection and of a coding that was undone.
    pub headers: HeaderMap,
    /// Body, decoded and whole.
    pub body: Bytes,
    /// Who answered: the request's URL, or where its redirects led.
    pub url: String,
}

/// An answer whose body is still to come.
#[derive(Debug)]
pub struct StreamingResponse {
    /// Status.
    pub status: StatusCode,
    /// Headers, as in [`Response`].
    pub headers: HeaderMap,
    /// Who answered, as in [`Response`].
    pub url: String,
    /// The body.
    pub body: BodyStream,
}
