//! Health, readiness and metrics of a process, on an address of their own: they ask for no key.

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{Metrics, Ports};

/// The type of Prometheus' text.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What is served about a process.
#[derive(Debug, Clone)]
pub struct Admin {
    /// What it needs.
    pub ports: Ports,
    /// Its numbers.
    pub metrics: Metrics,
    /// Cancelled when it was asked to stop: then it is not ready any more.
    pub stopping: CancellationToken,
}

impl Admin {
    /// `/healthz`, `/readyz` and `/metrics`.
    pub fn router(self) -> Router {
        Router::new()
            .route("/healthz", get(async || "ok\n"))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics))
            .with_state(self)
    }

    /// Serves until `closing`, which comes after the end of the work.
    pub async fn serve(self, listener: TcpListener, closing: CancellationToken) {
        if let Ok(address) = listener.local_addr() {
            tracing::info!(%address, "serving health and metrics");
        }
        let served = axum::serve(listener, self.router());
        let served = served.with_graceful_shutdown(closing.cancelled_owned()).await;
        if let Err(error) = served {
            tracing::error!(%error, "health and metrics are not served any more");
        }
    }
}

async fn ready(State(admin): State<Admin>) -> impl IntoResponse {
    let unavailable = axum::http::StatusCode::SERVICE_UNAVAILABLE;
    if admin.stopping.is_cancelled() {
        return (unavailable, "stopping\n".to_owned());
    }
    let missing = admin.ports.unreachable(&admin.metrics).await;
    if missing.is_empty() {
        return (axum::http::StatusCode::OK, "ok\n".to_owned());
    }
    (unavailable, format!("no answer from {}\n", missing.join(", ")))
}

async fn metrics(State(admin): State<Admin>) -> impl IntoResponse {
    // The gauges of what this process needs are as old as the question.
    admin.ports.unreachable(&admin.metrics).await;
    ([(axum::http::header::CONTENT_TYPE, OPENMETRICS)], admin.metrics.text())
}
