//! Endpoints that show what a request was, or that misbehave on demand.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Problem;
use super::shelf::Shelf;

/// Nobody is kept waiting longer.
const SLOW_MS_MAX: u64 = 600_000;
/// Headers that are not shown: they hold credentials.
const HIDDEN: [&str; 2] = ["authorization", "cookie"];

pub(super) fn router() -> Router {
    Router::new()
        .route("/echo", any(echo))
        .route("/status/{code}", any(status))
        .route("/slow/{ms}", any(slow))
        .route("/flaky/{times}", any(flaky))
        .with_state(Shelf::default())
}

/// What came.
async fn echo(
    method: Method,
    headers: HeaderMap,
    Query(query): Query<Map<String, Value>>,
    body: Bytes,
) -> Json<Value> {
    let shown = headers.iter().filter(|(name, _)| !HIDDEN.contains(&name.as_str()));
    let headers: Map<String, Value> = shown
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()))
        .collect();
    let text = || Value::from(String::from_utf8_lossy(&body));
    let body = serde_json::from_slice(&body).unwrap_or_else(|_| text());
    Json(json!({
        "method": method.as_str(), "query": query, "headers": headers, "body": body,
    }))
}

#[derive(Deserialize)]
struct Hint {
    #[serde(default)]
    retry_after: Option<String>,
}

/// Answers with that status, and with `Retry-After` if asked.
async fn status(Path(code): Path<u16>, Query(hint): Query<Hint>) -> Response {
    let status = StatusCode::from_u16(code).ok().filter(|status| status.as_u16() >= 200);
    let Some(status) = status else {
        let detail = format!("{code} is not a status from 200 to 999");
        return Problem(StatusCode::BAD_REQUEST, detail).into_response();
    };
    let mut response = if status.is_success() {
        (status, Json(json!({"status": code}))).into_response()
    } else {
        Problem(status, "as you asked".to_owned()).into_response()
    };
    if let Some(value) = hint.retry_after.and_then(|text| text.parse().ok()) {
        response.headers_mut().insert("retry-after", value);
    }
    response
}

/// Answers after so many milliseconds.
async fn slow(Path(ms): Path<u64>) -> Json<Value> {
    let ms = ms.min(SLOW_MS_MAX);
    tokio::time::sleep(Duration::from_millis(ms)).await;
    Json(json!({ "waited_ms": ms }))
}

/// Fails so many times with 503 for the same `Idempotency-Key`, then succeeds.
async fn flaky(
    State(seen): State<Shelf<u64>>,
    Path(times): Path<u64>,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or("none");
    let request = seen.make(
        key,
        || 0,
        |count| {
            *count += 1;
            *count
        },
    );
    if request <= times {
        let detail = format!("request {request} of {times} that fail");
        return Err(Problem(StatusCode::SERVICE_UNAVAILABLE, detail));
    }
    Ok(Json(json!({ "requests": request })))
}
