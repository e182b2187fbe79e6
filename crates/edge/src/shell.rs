//! What surrounds every request: an id, a net under panics, headers, and the last word on problems.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue};

use crate::refusal::render;
use crate::{Entropy, Refusal};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Characters of a request id that a client may choose.
const REQUEST_ID_LEN_MAX: usize = 64;

/// What every answer says to browsers.
const HEADERS: [(HeaderName, HeaderValue); 3] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (HeaderName::from_static("x-frame-options"), HeaderValue::from_static("DENY")),
];

/// What an answer says where its endpoint says nothing else: endpoints that serve pages do.
const UNLESS_SAID: [(HeaderName, HeaderValue); 3] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; sandbox"),
    ),
];

/// The outermost layer of a service. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Shell {
    /// Tells the requests of this process from those of others.
    prefix: Arc<str>,
    next: Arc<AtomicU64>,
}

impl Shell {
    /// A shell for one process.
    pub fn new(entropy: &Entropy) -> Self {
        let mut prefix = [0_u8; 6];
        entropy(&mut prefix);
        Self { prefix: hex::encode(prefix).into(), next: Arc::default() }
    }

    /// The middleware.
    pub async fn wrap(State(shell): State<Self>, request: Request, next: Next) -> Response {
        let id = shell.request_id(request.headers());
        let path = request.uri().path().to_owned();
        let ran = AssertUnwindSafe(next.run(request)).catch_unwind().await;
        let mut response = ran.unwrap_or_else(|panic| {
            let text = panic_text(&*panic);
            tracing::error!(request_id = id, path, panic = text, "a request panicked");
            Refusal::internal().into_response()
        });
        if let Some(Refusal(mut problem)) = response.extensions_mut().remove::<Refusal>() {
            if problem.status >= 500 {
                tracing::warn!(request_id = id, path, code = problem.code, "a request failed");
            }
            problem.instance = Some(path);
            problem.request_id = Some(id.clone());
            let told = render(&problem);
            // Headers that the endpoint set (`Allow`) stay.
            let headers = std::mem::take(response.headers_mut());
            response = told;
            for (name, value) in headers.into_iter().filter_map(|(n, v)| Some((n?, v))) {
                response.headers_mut().entry(name).or_insert(value);
            }
            let length = http::header::CONTENT_LENGTH;
            response.headers_mut().remove(length);
        }
        finish(response.headers_mut(), &id);
        response
    }

    /// The client's own id, if it is harmless, or a fresh one.
    fn request_id(&self, headers: &HeaderMap) -> String {
        let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
        let harmless = given.filter(|id| {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            !id.is_empty() && id.len() <= REQUEST_ID_LEN_MAX && id.chars().all(plain)
        });
        match harmless {
            Some(id) => id.to_owned(),
            None => format!("{}-{}", self.prefix, self.next.fetch_add(1, Ordering::Relaxed)),
        }
    }
}

fn finish(headers: &mut HeaderMap, id: &str) {
    for (name, value) in HEADERS {
        headers.insert(name, value);
    }
    for (name, value) in UNLESS_SAID {
        headers.entry(name).or_insert(value);
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no text)")
}
