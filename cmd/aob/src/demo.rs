//! The demo service: small, deterministic HTTP endpoints that the examples call.
//!
//! The same request gives the same answer, except where waiting is the point (`/exports/{id}`
//! becomes ready after some polls, `/flaky/{times}` fails some times). What it creates is named
//! after the request's `Idempotency-Key`, so repeating a request creates nothing new. It keeps
//! everything in memory, forgets the oldest, and asks for no credentials.

mod exports;
mod items;
mod onboarding;
mod orders;
mod probes;
mod quotes;
mod shelf;
mod support;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use aob_ir::Digest;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Where the examples expect the service if their inputs say nothing else.
pub const DEFAULT_ADDRESS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8400);

/// Serves until `shutdown`.
///
/// # Errors
/// If the listener fails.
pub async fn serve(listener: TcpListener, shutdown: CancellationToken) -> io::Result<()> {
    axum::serve(listener, router()).with_graceful_shutdown(shutdown.cancelled_owned()).await
}

/// All endpoints, with nothing created yet.
pub fn router() -> Router {
    Router::new()
        .route("/", get(index))
        .merge(onboarding::router())
        .merge(support::router())
        .merge(items::router())
        .merge(exports::router())
        .merge(orders::router())
        .merge(quotes::router())
        .merge(probes::router())
}

async fn index() -> Json<Value> {
    Json(json!({
        "service": "aob demo",
        "endpoints": [
            "POST /kyc", "GET /credit/{customer}", "POST /offers", "POST /accounts",
            "POST /tickets/classify", "POST /tickets",
            "GET /items", "GET /items/{id}",
            "POST /exports", "GET /exports/{id}", "GET /exports/{id}/rows",
            "POST /orders", "GET /orders/{id}", "DELETE /orders/{id}",
            "POST /payments", "GET /payments/{id}", "POST /payments/{id}/refund",
            "POST /shipments",
            "GET /quotes/{carrier}",
            "ANY /echo", "ANY /status/{code}", "ANY /slow/{ms}", "ANY /flaky/{times}",
        ],
    }))
}

/// An error in the form of RFC 9457.
struct Problem(StatusCode, String);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self(status, detail) = self;
        let title = status.canonical_reason().unwrap_or("Error");
        let body = json!({"title": title, "status": status.as_u16(), "detail": detail});
        (status, [("content-type", "application/problem+json")], body.to_string()).into_response()
    }
}

fn not_found(what: &str, id: &str) -> Problem {
    Problem(StatusCode::NOT_FOUND, format!("there is no {what} `{id}`"))
}

/// A number that depends on `text` only.
fn number_of(text: &str) -> u64 {
    let digest = Digest::of(text.as_bytes()).0;
    digest[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The id of what a request creates: from its `Idempotency-Key`, or from its body if it has none.
fn id_of(kind: &str, headers: &HeaderMap, body: &Value) -> String {
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok());
    let source = key.map_or_else(|| body.to_string(), str::to_owned);
    format!("{kind}-{:08x}", number_of(&format!("{kind} {source}")) >> 32)
}

#[cfg(test)]
mod tests;
