//! The API over memory, asked through its router.

use std::num::NonZeroU32;
use std::sync::Arc;

use aob_api::Role;
use aob_api::jobs::{JobMessage, OutcomeMessage, PayloadMessage};
use aob_bus::{Bus, MemBus, Outgoing, Topic, TopicConfig};
use aob_cache::NullCache;
use aob_cas::MemCas;
use aob_coordinator::{EVENTS_TOPIC, PATCHES_TOPIC, RESULTS_TOPIC, job_topic};
use aob_edge::{Entropy, system_entropy};
use aob_engine::WorkspaceId;
use aob_ir::Priority;
use aob_optimizer::PublicKey;
use aob_orchestrator::{Config, Deps, NewKey, Orchestrator, RateLimits, create_key};
use aob_store::{Clock, MemStore, Store};
use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::ServiceExt;
use uuid::Uuid;

pub(crate) const OURS: WorkspaceId = WorkspaceId(Uuid::from_u128(0xa));
pub(crate) const THEIRS: WorkspaceId = WorkspaceId(Uuid::from_u128(0xb));

/// One process, and keys of two workspaces.
pub(crate) struct Stack {
    pub(crate) router: Router,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) entropy: Entropy,
    pub(crate) clock: Clock,
    pub(crate) admin: String,
    pub(crate) foreign: String,
    _stop: DropGuard,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or("(none)").to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("as the stack is set up"))
    }
}

#[expect(clippy::disallowed_methods, reason = "the one clock of the test's process")]
pub(crate) fn clock() -> Clock {
    Arc::new(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        i64::try_from(since.map_or(0, |d| d.as_millis())).unwrap_or(i64::MAX)
    })
}

pub(crate) fn bus() -> Arc<dyn Bus> {
    let config = TopicConfig::with_partitions(NonZeroU32::new(2).expect("as the stack is set up"));
    let jobs = [Priority::High, Priority::Medium, Priority::Low].map(job_topic);
    let others = [RESULTS_TOPIC, EVENTS_TOPIC, PATCHES_TOPIC];
    let agents = ["agent.jobs", "agent.results", "agent.results.dead"];
    let others = others.into_iter().chain(agents).map(Topic::new);
    Arc::new(MemBus::new(jobs.into_iter().chain(others).map(|topic| (topic, config))))
}

impl Stack {
    pub(crate) async fn new() -> Self {
        Self::with_rates(None).await
    }

    pub(crate) async fn with_rates(rate_limits: Option<RateLimits>) -> Self {
        Self::with(Config { rate_limits, ..Config::new(([127, 0, 0, 1], 0).into()) }).await
    }

    /// A stack that trusts what these keys sign.
    pub(crate) async fn with_keys<const N: usize>(keys: [PublicKey; N]) -> Self {
        let optimizer_keys = keys.into();
        Self::with(Config { optimizer_keys, ..Config::new(([127, 0, 0, 1], 0).into()) }).await
    }

    /// A stack that offers the jobs of all pools on a topic.
    pub(crate) async fn with_topics() -> Self {
        let agent_topics = "*".parse().expect("as the stack is set up");
        Self::with(Config { agent_topics, ..Config::new(([127, 0, 0, 1], 0).into()) }).await
    }

    async fn with(config: Config) -> Self {
        let (clock, entropy, shutdown) = (clock(), system_entropy(), CancellationToken::new());
        let store: Arc<dyn Store> = Arc::new(MemStore::new(Arc::clone(&clock)));
        let bus = bus();
        let deps = Deps {
            store: Arc::clone(&store),
            cas: Arc::new(MemCas::default()),
            cache: Arc::new(NullCache),
            bus: Arc::clone(&bus),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
        };
        let orchestrator = Orchestrator::start(&config, deps, &shutdown);
        tokio::spawn(echo_runner(Arc::clone(&bus), shutdown.clone()));
        let mut stack = Self {
            router: orchestrator.router(),
            store,
            bus,
            entropy,
            clock,
            admin: String::new(),
            foreign: String::new(),
            _stop: shutdown.drop_guard(),
        };
        stack.admin = stack.key(OURS, "ada", &[Role::Admin]).await;
        stack.foreign = stack.key(THEIRS, "eve", &[Role::Admin]).await;
        stack
    }

    pub(crate) async fn key(&self, workspace: WorkspaceId, name: &str, roles: &[Role]) -> String {
        let now_ms = (self.clock)();
        let new = NewKey { workspace, name, roles, groups: &[], expires_ms: None, now_ms };
        create_key(&*self.store, &self.entropy, new).await.expect("as the stack is set up").1
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, request: Request<Body>) -> Got {
        let response = self.router.clone().oneshot(request).await.expect("as the stack is set up");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("as the stack is set up").to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Got { status: parts.status, headers: parts.headers, text }
    }

    pub(crate) async fn ask(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Got {
        self.ask_with(token, method, path, body, &[]).await
    }

    pub(crate) async fn ask_with(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Got {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("authorization", format!("Bearer {token}"));
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send(request.body(body).expect("as the stack is set up")).await
    }

    pub(crate) async fn get(&self, path: &str) -> Got {
        self.ask(&self.admin, Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Got {
        self.ask(&self.admin, Method::POST, path, Some(body)).await
    }

    /// Starts a document and gives the run's id.
    pub(crate) async fn start(&self, document: &Value) -> String {
        let got = self.post("/v1/runs", &json!({"workflow": document})).await;
        assert_eq!(got.status, StatusCode::CREATED, "{}", got.text);
        got.json()["id"].as_str().expect("as the stack is set up").to_owned()
    }

    /// The log lines of a run: how many are missing before each chunk, and the chunk.
    pub(crate) async fn lines(&self, run: &str) -> Vec<(u64, String)> {
        let run = aob_store::StreamId(run.parse().expect("a run's id"));
        let rows = self.store.logs_after(aob_store::WorkspaceId(OURS.0), run, 0, 100).await;
        let rows = rows.expect("the store answers").into_iter();
        rows.map(|row| (row.missing, row.chunk.text)).collect()
    }

    /// The run once it is over.
    pub(crate) async fn over(&self, run: &str) -> Value {
        loop {
            let path = format!("/v1/runs/{run}");
            let headers = [("prefer", "wait=30")];
            let got = self.ask_with(&self.admin, Method::GET, &path, None, &headers).await;
            let view = got.json();
            if matches!(view["status"].as_str(), Some("completed" | "failed" | "cancelled")) {
                return view;
            }
        }
    }
}

/// Answers every job with its `args`.
async fn echo_runner(bus: Arc<dyn Bus>, shutdown: CancellationToken) {
    let consumer = bus
        .subscribe(&job_topic(Priority::Medium), "runners")
        .await
        .expect("as the stack is set up");
    loop {
        let messages = tokio::select! {
            messages = consumer.recv_batch(64) => messages.expect("as the stack is set up"),
            () = shutdown.cancelled() => return,
        };
        for message in messages {
            let job: JobMessage =
                serde_json::from_slice(&message.payload).expect("as the stack is set up");
            let config: Value =
                serde_json::from_str(job.config.text().expect("as the stack is set up"))
                    .expect("as the stack is set up");
            let output =
                serde_json::value::to_raw_value(&config["args"]).expect("as the stack is set up");
            let output = PayloadMessage::inline(output).expect("as the stack is set up");
            let result = job.answer("echo".into(), OutcomeMessage::Completed { output });
            let payload = serde_json::to_vec(&result).expect("as the stack is set up").into();
            let topic = Topic::new(RESULTS_TOPIC);
            let answer = Outgoing { topic, key: message.key, headers: Vec::new(), payload };
            bus.publish(vec![answer]).await.expect("as the stack is set up");
            consumer
                .commit(message.partition, message.offset)
                .await
                .expect("as the stack is set up");
        }
    }
}

pub(crate) fn one(node: Value) -> Value {
    json!({"nodes": [node], "edges": []})
}

pub(crate) fn echo(value: &Value) -> Value {
    one(json!({"id": "a", "type": "function", "config": {"name": "echo", "args": value}}))
}

pub(crate) fn signal() -> Value {
    one(json!({"id": "s", "type": "signal", "config": {"name": "go"}}))
}

pub(crate) fn approval() -> Value {
    one(json!({"id": "ok", "type": "hitl", "config": {"message": "May I?"}}))
}

pub(crate) fn pooled() -> Value {
    one(json!({"id": "f", "type": "function", "pool": "own",
               "config": {"name": "mine", "args": {"x": 1}}}))
}
