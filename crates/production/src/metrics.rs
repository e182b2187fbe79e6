//! Numbers about a process, for Prometheus.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use tokio::time::Instant;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DependencyLabels {
    dependency: &'static str,
}

/// Numbers of a process. Clones are the same.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<RouteLabels, Histogram>,
    reachable: Family<DependencyLabels, Gauge>,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Numbers of the process of this name and version.
    pub fn new(process: &'static str, version: &'static str) -> Self {
        let requests = Family::default();
        let latency = || Histogram::new(exponential_buckets(0.001, 2.0, 15));
        let seconds = Family::new_with_constructor(latency as fn() -> Histogram);
        let reachable = Family::default();
        let mut registry = Registry::with_prefix("aob");
        let build = Info::new(vec![("process", process), ("version", version)]);
        registry.register("build", "What runs", build);
        registry.register("http_requests", "Requests answered", Family::clone(&requests));
        registry.register(
            "http_request_duration_seconds",
            "Time from a request's head to its answer's",
            Family::clone(&seconds),
        );
        let help = "1 where a service that this process needs answered the last time";
        registry.register("dependency_reachable", help, Family::clone(&reachable));
        Self { registry: Arc::new(registry), requests, seconds, reachable }
    }

    /// Notes whether a service answers.
    pub fn reachable(&self, dependency: &'static str, answers: bool) {
        let gauge = self.reachable.get_or_create(&DependencyLabels { dependency });
        gauge.set(i64::from(answers));
    }

    /// All numbers, in OpenMetrics' text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        match encode(&mut text, &self.registry) {
            Ok(()) => text,
            Err(error) => {
                tracing::warn!(%error, "metrics cannot be written");
                String::new()
            }
        }
    }
}

/// Counts a request, by its route and not by its path: as `axum::middleware::from_fn_with_state`.
pub async fn observe(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>();
    let route = matched.map_or("none", |path| path.as_str()).to_owned();
    let method = request.method().as_str().to_owned();
    let started = Instant::now();
    let response = next.run(request).await;
    let seconds = started.elapsed().as_secs_f64();
    metrics.seconds.get_or_create(&RouteLabels { route: route.clone() }).observe(seconds);
    let status = response.status().as_u16();
    metrics.requests.get_or_create(&RequestLabels { method, route, status }).inc();
    response
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn requests_are_counted_by_route() {
        let metrics = Metrics::new("test", "1");
        let app = Router::new()
            .route("/runs/{run}", get(async || "ok"))
            .layer(from_fn_with_state(metrics.clone(), observe));
        for path in ["/runs/1", "/runs/2", "/nothing"] {
            let request = Request::builder().uri(path).body(Body::empty()).unwrap();
            app.clone().oneshot(request).await.unwrap();
        }
        metrics.reachable("kafka", false);
        let text = metrics.text();
        for line in [
            "aob_http_requests_total{method=\"GET\",route=\"/runs/{run}\",status=\"200\"} 2",
            "aob_http_requests_total{method=\"GET\",route=\"none\",status=\"404\"} 1",
            "aob_dependency_reachable{dependency=\"kafka\"} 0",
            "aob_build_info{process=\"test\",version=\"1\"} 1",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
