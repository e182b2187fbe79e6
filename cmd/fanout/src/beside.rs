//! API and streams on one port.

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::Method;
use http::header::ACCEPT;
use tower::ServiceExt;

/// One router for both: `streams` answers what asks for a stream, `api` the rest.
pub fn beside(api: Router, streams: Router) -> Router {
    Router::new().fallback(move |request: Request| {
        let router = if is_stream(&request) { streams.clone() } else { api.clone() };
        async move { answered(router, request).await }
    })
}

async fn answered(router: Router, request: Request) -> Response {
    router.oneshot(request).await.into_response()
}

fn is_stream(request: &Request) -> bool {
    let path = request.uri().path();
    let path = path.strip_prefix("/v1").unwrap_or(path);
    if request.method() != Method::GET {
        return false;
    }
    match path.strip_prefix("/runs/").and_then(|rest| rest.split_once('/')) {
        Some((_, "stream")) => true,
        Some((_, "events")) => takes_streams(request),
        Some(_) | None => path == "/stream",
    }
}

fn takes_streams(request: &Request) -> bool {
    let accepted = request.headers().get_all(ACCEPT).iter();
    accepted.filter_map(|value| value.to_str().ok()).any(|value| value.contains("event-stream"))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn only_what_asks_for_a_stream_is_one() {
        let cases = [
            ("GET", "/v1/runs/x/stream", "*/*", true),
            ("GET", "/runs/x/stream", "*/*", true),
            ("GET", "/v1/stream", "*/*", true),
            ("GET", "/v1/runs/x/events", "text/event-stream", true),
            ("GET", "/v1/runs/x/events", "application/json", false),
            ("POST", "/v1/runs/x/stream", "*/*", false),
            ("GET", "/v1/runs/x", "text/event-stream", false),
            ("GET", "/v1/runs", "text/event-stream", false),
            ("GET", "/v1/runs/x/stream/y", "*/*", false),
        ];
        for (method, path, accept, expected) in cases {
            let request = Request::builder().method(method).uri(path).header(ACCEPT, accept);
            assert_eq!(is_stream(&request.body(Body::empty()).unwrap()), expected, "{path}");
        }
    }
}
