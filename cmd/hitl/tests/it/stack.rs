//! An orchestrator and the pages beside it, over memory.

use std::num::NonZeroU32;
use std::sync::Arc;

use aob_api::Role;
use aob_bus::{Bus, MemBus, Topic, TopicConfig};
use aob_cache::NullCache;
use aob_cas::MemCas;
use aob_coordinator::{Coordinator, Duties, EVENTS_TOPIC, PATCHES_TOPIC, RESULTS_TOPIC, job_topic};
use aob_edge::{Entropy, system_entropy};
use aob_engine::WorkspaceId;
use aob_hitl::{Deps, Hitl};
use aob_ir::Priority;
use aob_orchestrator::{Config, NewKey, Orchestrator, create_key};
use aob_store::{Clock, MemStore, Store};
use axum::Router;
use axum::body::Body;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::ServiceExt;
use url::Url;
use uuid::Uuid;

pub(crate) const OURS: WorkspaceId = WorkspaceId(Uuid::from_u128(0xa));
pub(crate) const THEIRS: WorkspaceId = WorkspaceId(Uuid::from_u128(0xb));
/// Where browsers find the pages.
pub(crate) const ORIGIN: &str = "https://ok.example";

/// One store, an API, and pages.
pub(crate) struct Stack {
    pub(crate) api: Router,
    pub(crate) pages: Hitl,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    /// `ada`, who may do everything.
    pub(crate) admin: String,
    deps: Deps,
    _stop: DropGuard,
}

#[expect(clippy::disallowed_methods, reason = "the one clock of the test's process")]
fn clock() -> Clock {
    Arc::new(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        i64::try_from(since.map_or(0, |d| d.as_millis())).unwrap_or(i64::MAX)
    })
}

fn bus() -> Arc<dyn Bus> {
    let config = TopicConfig::with_partitions(NonZeroU32::MIN);
    let jobs = [Priority::High, Priority::Medium, Priority::Low].map(job_topic);
    let others = [RESULTS_TOPIC, EVENTS_TOPIC, PATCHES_TOPIC].map(Topic::new);
    Arc::new(MemBus::new(jobs.into_iter().chain(others).map(|topic| (topic, config))))
}

impl Stack {
    pub(crate) async fn new() -> Self {
        let (clock, entropy, shutdown) = (clock(), system_entropy(), CancellationToken::new());
        let store: Arc<dyn Store> = Arc::new(MemStore::new(Arc::clone(&clock)));
        let (cas, bus) = (Arc::new(MemCas::default()), bus());
        let deps = aob_orchestrator::Deps {
            store: Arc::clone(&store),
            cas: cas.clone(),
            cache: Arc::new(NullCache),
            bus: Arc::clone(&bus),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
        };
        let config = Config::new(([127, 0, 0, 1], 0).into());
        let orchestrator = Orchestrator::start(&config, deps, &shutdown);
        // As the program of the production stack does: a coordinator of its own, without duties.
        let duties = Duties { results: false, relay: false, timers: false, patches: false };
        let settings = aob_coordinator::Config { duties, ..aob_coordinator::Config::default() };
        let own = aob_coordinator::Deps {
            store: Arc::clone(&store),
            cas,
            cache: Arc::new(NullCache),
            bus,
            clock: Arc::clone(&clock),
        };
        let coordinator = Coordinator::start(&settings, own, &shutdown);
        let deps = Deps {
            store: Arc::clone(&store),
            coordinator,
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
        };
        let mut stack = Self {
            api: orchestrator.router(),
            pages: pages(&deps),
            store,
            clock,
            entropy,
            admin: String::new(),
            deps,
            _stop: shutdown.drop_guard(),
        };
        stack.admin = stack.key("ada", &[Role::Admin], &[]).await;
        stack
    }

    /// Another replica of the pages.
    pub(crate) fn replica(&self) -> Hitl {
        pages(&self.deps)
    }

    pub(crate) async fn key(&self, name: &str, roles: &[Role], groups: &[&str]) -> String {
        self.key_in(OURS, name, roles, groups).await
    }

    pub(crate) async fn key_in(
        &self,
        workspace: WorkspaceId,
        name: &str,
        roles: &[Role],
        groups: &[&str],
    ) -> String {
        let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
        let now_ms = (self.clock)();
        let new = NewKey { workspace, name, roles, groups: &groups, expires_ms: None, now_ms };
        create_key(&*self.store, &self.entropy, new).await.expect("as the stack is set up").1
    }

    /// Asks the API.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", self.admin))
            .header("content-type", "application/json")
            // Whoever looks at a run waits for its end.
            .header("prefer", if path.starts_with("/v1/runs/") { "wait=30" } else { "wait=0" });
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let request = request.body(body).expect("a request");
        let response = self.api.clone().oneshot(request).await.expect("an answer");
        let status = response.status();
        let bytes = response.into_body().collect().await.expect("a body").to_bytes();
        let text = String::from_utf8_lossy(&bytes);
        assert!(status.is_success() || status == StatusCode::ACCEPTED, "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Starts a document and gives the run's id.
    pub(crate) async fn start(&self, document: &Value, inputs: &Value) -> String {
        let body = json!({"workflow": document, "inputs": inputs});
        let started = self.ask(Method::POST, "/v1/runs", Some(&body)).await;
        started["id"].as_str().expect("an id").to_owned()
    }

    /// Starts one approval, and gives its ticket and its run.
    pub(crate) async fn ticket(&self, config: &Value) -> (String, String) {
        let node = json!({"id": "ok", "type": "hitl", "config": config});
        let run = self.start(&json!({"nodes": [node], "edges": []}), &json!({})).await;
        (self.ticket_of(&run).await, run)
    }

    /// The last ticket of a run.
    pub(crate) async fn ticket_of(&self, run: &str) -> String {
        let listed = self.ask(Method::GET, &format!("/v1/approvals?run={run}"), None).await;
        let items = listed["items"].as_array().expect("a list");
        items.last().expect("a ticket")["ticket"].as_str().expect("its name").to_owned()
    }

    /// The status of a ticket.
    pub(crate) async fn status(&self, ticket: &str) -> String {
        let shown = self.ask(Method::GET, &format!("/v1/approvals/{ticket}"), None).await;
        shown["status"].as_str().expect("a status").to_owned()
    }

    /// The run once it is over.
    pub(crate) async fn over(&self, run: &str) -> Value {
        loop {
            let view = self.ask(Method::GET, &format!("/v1/runs/{run}"), None).await;
            if matches!(view["status"].as_str(), Some("completed" | "failed" | "cancelled")) {
                return view;
            }
        }
    }

    /// Seq of the run's last event: whether anything happened.
    pub(crate) async fn seq(&self, run: &str) -> u64 {
        let run = aob_store::StreamId(run.parse().expect("a run's id"));
        let row = self.store.run(aob_store::WorkspaceId(OURS.0), run).await;
        row.expect("the store answers").expect("the run").seq
    }
}

fn pages(deps: &Deps) -> Hitl {
    let url = Url::parse(ORIGIN).expect("a URL");
    Hitl::new(deps.clone(), Some(&url), ([127, 0, 0, 1], 80).into())
}
