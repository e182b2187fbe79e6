//! A problem as the answer to a request.

use aob_api::{ErrorCode, PROBLEM_JSON, Problem};
use aob_store::StoreError;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};

/// What an endpoint answers.
pub type Answer<T = Response> = Result<T, Refusal>;

/// A refused request.
#[derive(Debug, Clone)]
pub struct Refusal(pub Box<Problem>);

impl Refusal {
    /// Something broke; whoever says so has logged what.
    pub fn internal() -> Self {
        Problem::bare(ErrorCode::Internal)
            .with_hint("the server's log has the details under the `request_id`")
            .into()
    }

    /// Storage does not answer.
    pub fn unavailable() -> Self {
        Problem::new(ErrorCode::Unavailable, "storage does not answer at the moment")
            .with_hint("repeat the request; a POST with the same `Idempotency-Key`")
            .with_retry_after_ms(1_000)
            .into()
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => {
                tracing::warn!(%error, "a request meets a store that does not answer");
                Self::unavailable()
            }
            StoreError::Cursor(_) => Problem::new(
                ErrorCode::InvalidCursor,
                "the cursor is not one of this list, or what it named is gone",
            )
            .with_hint("start again without `cursor`")
            .into(),
            StoreError::Inconsistent { .. } => {
                tracing::error!(%error, "a request meets a row that cannot be read");
                Self::internal()
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = render(&self.0);
        // The shell adds what only it knows, and writes the body again.
        response.extensions_mut().insert(self);
        response
    }
}

/// The response that says `problem`.
pub(crate) fn render(problem: &Problem) -> Response {
    let body = serde_json::to_vec(problem).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() =
        StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(after_ms) = problem.retry_after_ms {
        headers.insert(RETRY_AFTER, HeaderValue::from(after_ms.div_ceil(1_000)));
    }
    if problem.status == StatusCode::UNAUTHORIZED.as_u16() {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"aob\""));
    }
    response
}
