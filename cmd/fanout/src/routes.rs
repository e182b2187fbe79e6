//! The routes of the streams.

use aob_api::{ErrorCode, Problem};
use aob_edge::{Gate, Permission, Refusal, Shell};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use futures::Stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, HeaderValue};
use utoipa::OpenApi;

use crate::service::Fanout;
use crate::{run_stream, workspace_stream};

/// The routes, each with and without the version prefix. All need [`Permission::RunsRead`].
pub fn router(fanout: Fanout) -> Router {
    let gate = Gate {
        authenticator: std::sync::Arc::clone(&fanout.authenticator),
        permission: Some(Permission::RunsRead),
        body_bytes_max: 0,
        agent_body_bytes_max: 0,
    };
    let mut router = Router::new();
    for prefix in ["/v1", ""] {
        router = router
            .route(&format!("{prefix}/runs/{{run}}/stream"), get(run_stream::handle))
            .route(&format!("{prefix}/runs/{{run}}/events"), get(run_stream::handle))
            .route(&format!("{prefix}/stream"), get(workspace_stream::handle));
    }
    let shell = fanout.shell.clone();
    router
        .route_layer(from_fn_with_state(gate, Gate::pass))
        .fallback(nothing_here)
        .method_not_allowed_fallback(not_allowed)
        .layer(from_fn_with_state(shell, Shell::wrap))
        .with_state(fanout)
}

#[derive(OpenApi)]
#[openapi(paths(run_stream::handle, workspace_stream::handle), components(schemas(Problem)))]
struct Document;

/// The description of the streams.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// A stream as the answer to a request, past every buffer on the way.
pub(crate) fn streamed(
    frames: impl Stream<Item = Result<Bytes, std::convert::Infallible>> + Send + 'static,
) -> Response {
    let mut response = Response::new(Body::from_stream(frames));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    let unbuffered = HeaderName::from_static("x-accel-buffering");
    headers.insert(unbuffered, HeaderValue::from_static("no"));
    response
}

async fn nothing_here(request: Request) -> Response {
    let detail = format!("no stream has the path `{}`", request.uri().path());
    let problem = Problem::new(ErrorCode::RouteNotFound, detail);
    Refusal::from(problem.with_hint("`/v1/runs/{run}/stream` or `/v1/stream`")).into_response()
}

async fn not_allowed(request: Request) -> Response {
    let detail = format!("`{}` does not take {}", request.uri().path(), request.method());
    Refusal::from(Problem::new(ErrorCode::MethodNotAllowed, detail)).into_response()
}
