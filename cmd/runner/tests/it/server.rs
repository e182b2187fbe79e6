//! A server of the runner protocol, in memory, on a port of the system's choice.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aob_api::jobs::{
    HeartbeatRequest, HeartbeatResponse, JobMessage, LeaseRequest, LeaseResponse, LeaseStanding,
    PayloadMessage, ResultRequest, ResultResponse,
};
use aob_engine::{Blob, InstanceId, JobType, RunId, WorkspaceId};
use aob_ir::{EffectClass, Priority};
use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};

#[derive(Default)]
struct Inner {
    queue: VecDeque<JobMessage>,
    results: Vec<Value>,
    logs: Vec<String>,
    artifacts: BTreeMap<String, Vec<u8>>,
    standing: Option<LeaseStanding>,
}

struct Shared {
    inner: Mutex<Inner>,
    /// Moves with every change, so that waiters look again.
    changes: watch::Sender<u64>,
    started: Semaphore,
    gate: Semaphore,
}

impl Shared {
    fn change<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let value = change(&mut self.inner.lock());
        self.changes.send_modify(|version| *version += 1);
        value
    }

    async fn wait<T>(&self, mut look: impl FnMut(&mut Inner) -> Option<T>) -> T {
        let mut changes = self.changes.subscribe();
        loop {
            changes.mark_unchanged();
            if let Some(found) = look(&mut self.inner.lock()) {
                return found;
            }
            changes.changed().await.unwrap();
        }
    }
}

/// The server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let shared = Arc::new(Shared {
            inner: Mutex::default(),
            changes: watch::Sender::new(0),
            started: Semaphore::new(0),
            gate: Semaphore::new(0),
        });
        let protocol = Router::new()
            .route("/v1/runners/lease", post(lease))
            .route("/v1/runners/heartbeat", post(heartbeat))
            .route("/v1/runners/result", post(result))
            .route("/v1/artifacts/{digest}", get(artifact).put(put_artifact))
            .route_layer(middleware::from_fn(authorized));
        let router = Router::new()
            .route("/started", get(started))
            .route("/gate", get(gate))
            .merge(protocol)
            .with_state(shared.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, shared }
    }

    pub(crate) fn offer(&self, run: u128, args: Value) {
        self.offer_again(run, 1, args);
    }

    pub(crate) fn offer_again(&self, run: u128, attempt: u32, args: Value) {
        let blob = Blob::of(json!({"name": "f", "args": args}));
        self.shared.change(|inner| {
            let config = PayloadMessage::of(&blob);
            if let PayloadMessage::Stored { digest, .. } = config {
                inner.artifacts.insert(digest.to_string(), blob.text().as_bytes().to_vec());
            }
            inner.queue.push_back(job(run, attempt, config));
        });
    }

    pub(crate) async fn results(&self, count: usize) -> Vec<Value> {
        self.shared.wait(|i| (i.results.len() >= count).then(|| i.results.clone())).await
    }

    pub(crate) fn result_count(&self) -> usize {
        self.shared.inner.lock().results.len()
    }

    pub(crate) fn logs(&self) -> Vec<String> {
        self.shared.inner.lock().logs.clone()
    }

    pub(crate) fn artifact(&self, digest: &str) -> Option<Vec<u8>> {
        self.shared.inner.lock().artifacts.get(digest).cloned()
    }

    /// Waits until a program has asked for `/started`.
    pub(crate) async fn started(&self) {
        self.shared.started.acquire().await.unwrap().forget();
    }

    /// Answers whoever asks for `/gate`.
    pub(crate) fn open_gate(&self) {
        self.shared.gate.add_permits(1);
    }

    pub(crate) fn cancel_everything(&self) {
        self.shared.change(|inner| inner.standing = Some(LeaseStanding::Cancelling));
    }
}

fn job(run: u128, attempt: u32, config: PayloadMessage) -> JobMessage {
    JobMessage {
        workspace: WorkspaceId(uuid::Uuid::from_u128(9)),
        run: RunId(uuid::Uuid::from_u128(run)),
        instance: InstanceId::top("price"),
        attempt,
        job_type: JobType::Function,
        name: "f".into(),
        config,
        secrets: vec![],
        input: PayloadMessage::null(),
        effect: EffectClass::Idempotent,
        pool: "eu".into(),
        priority: Priority::Medium,
        idempotency_key: "key".into(),
        leased: true,
        metered: false,
        timeout_ms: Some(300_000),
        idle_timeout_ms: None,
        queue_deadline: None,
        token: None,
    }
}

async fn authorized(request: Request, next: Next) -> Response {
    let token = request.headers().get("authorization");
    if token.is_some_and(|token| token == "Bearer ak_test") {
        next.run(request).await
    } else {
        (StatusCode::UNAUTHORIZED, Json(json!({"detail": "unknown key"}))).into_response()
    }
}

async fn lease(
    State(shared): State<Arc<Shared>>,
    Json(request): Json<LeaseRequest>,
) -> Json<LeaseResponse> {
    assert_eq!((&*request.pool, &*request.names[0]), ("eu", "f"));
    let jobs = shared.wait(|inner| {
        let count = inner.queue.len().min(request.limit as usize);
        (count > 0).then(|| inner.queue.drain(..count).collect())
    });
    let waited = tokio::time::timeout(Duration::from_millis(request.wait_ms), jobs).await;
    let jobs = waited.unwrap_or_default();
    Json(LeaseResponse { jobs, lease_ms: 15_000, heartbeat_ms: 5_000 })
}

async fn heartbeat(
    State(shared): State<Arc<Shared>>,
    Json(request): Json<HeartbeatRequest>,
) -> Json<HeartbeatResponse> {
    let standing = shared.change(|inner| {
        let logs = request.leases.iter().filter_map(|item| item.logs.clone());
        inner.logs.extend(logs.flat_map(|logs| logs.lines));
        inner.standing.unwrap_or(LeaseStanding::Held)
    });
    Json(HeartbeatResponse { states: vec![standing; request.leases.len()] })
}

async fn result(
    State(shared): State<Arc<Shared>>,
    Json(request): Json<ResultRequest>,
) -> Json<ResultResponse> {
    shared.change(|inner| {
        inner.logs.extend(request.logs.into_iter().flat_map(|logs| logs.lines));
        inner.results.push(serde_json::to_value(&request.result).unwrap());
    });
    Json(ResultResponse { accepted: true })
}

async fn artifact(
    State(shared): State<Arc<Shared>>,
    Path(digest): Path<String>,
) -> Result<Vec<u8>, StatusCode> {
    shared.inner.lock().artifacts.get(&digest).cloned().ok_or(StatusCode::NOT_FOUND)
}

async fn put_artifact(
    State(shared): State<Arc<Shared>>,
    Path(digest): Path<String>,
    body: Bytes,
) -> StatusCode {
    shared.change(|inner| inner.artifacts.insert(digest, body.to_vec()));
    StatusCode::CREATED
}

async fn started(State(shared): State<Arc<Shared>>) {
    shared.started.add_permits(1);
}

async fn gate(State(shared): State<Arc<Shared>>) {
    shared.gate.acquire().await.unwrap().forget();
}
