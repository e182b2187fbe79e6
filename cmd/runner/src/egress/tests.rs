//! `http` jobs through the real client, against servers on ports of the system's choice.

use std::net::SocketAddr;
use std::sync::Arc;

use aob_api::jobs::{JobMessage, OutcomeMessage};
use aob_egress::{Client, ClientConfig, Policy};
use aob_ir::EffectClass;
use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{any, get, post};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::builtins::Builtins;
use crate::http::HttpExecutor;
use crate::secrets::MapSecrets;
use crate::testing::{StillClock, granted, http, outcome_json, worker};

use EffectClass::{Idempotent, Irreversible, None as Pure};

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn serve(router: Router) -> SocketAddr {
    let (listener, address) = listener().await;
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Executes the job with a client that may talk to `address` only.
async fn run_job(address: SocketAddr, job: &JobMessage) -> OutcomeMessage {
    let allow = format!("http://{address}").parse().unwrap();
    let client = Client::new(ClientConfig::new(Policy::only(allow)));
    let executor = Builtins::new(HttpExecutor::new(Arc::new(client), Arc::new(StillClock)));
    let worker = worker(Arc::new(executor), MapSecrets::default());
    worker.work(job, &granted(job)).await.unwrap().outcome
}

async fn run(address: SocketAddr, effect: EffectClass, config: Value) -> OutcomeMessage {
    run_job(address, &http(effect, config)).await
}

/// `code`, `retryable`, `lost`.
fn verdict(outcome: &OutcomeMessage) -> (&str, bool, bool) {
    let OutcomeMessage::Failed { failure } = outcome else { panic!("{outcome:?}") };
    (&failure.code, failure.retryable, failure.lost)
}

async fn mirror(headers: HeaderMap, body: String) -> impl IntoResponse {
    let header = |name: &str| headers.get(name).map(|v| v.to_str().unwrap_or("?").to_owned());
    axum::Json(json!({
        "key": header("idempotency-key"),
        "type": header("content-type"),
        "body": body,
    }))
}

#[tokio::test]
async fn a_request_reaches_a_server_and_its_answer_comes_back() {
    let address = serve(Router::new().route("/mirror", any(mirror))).await;
    let config = json!({
        "url": format!("http://{address}/mirror"), "method": "POST", "body": {"a": 1},
    });
    let outcome = outcome_json(&run(address, Irreversible, config).await);
    let output = &outcome["completed"]["output"]["value"];
    assert_eq!(output["status"], 200);
    assert_eq!(
        output["body"],
        json!({"key": "key-1", "type": "application/json", "body": "{\"a\":1}"})
    );
}

#[tokio::test]
async fn statuses_and_retry_after_come_from_the_wire() {
    let busy = || async {
        (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "Sun, 06 Nov 1994 08:50:30 GMT")], "later")
    };
    let router = Router::new()
        .route("/busy", post(busy))
        .route("/down", post(|| async { StatusCode::BAD_GATEWAY }));
    let address = serve(router).await;
    let url = |path: &str| json!({"url": format!("http://{address}{path}"), "method": "POST"});
    let outcome = run(address, Irreversible, url("/busy")).await;
    assert_eq!(verdict(&outcome), ("http_status", true, false));
    let OutcomeMessage::Failed { failure } = outcome else { unreachable!() };
    assert_eq!(failure.retry_after_ms, Some(60_000));
    for (effect, expected) in [(Idempotent, (true, false)), (Irreversible, (false, true))] {
        let outcome = run(address, effect, url("/down")).await;
        assert_eq!(verdict(&outcome), ("http_status", expected.0, expected.1), "{effect:?}");
    }
}

/// Accepts one connection after another and treats each so.
async fn raw<F>(handle: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send,
{
    let (listener, address) = listener().await;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            handle(stream).await;
        }
    });
    address
}

async fn read_head(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
}

#[tokio::test]
async fn a_connection_lost_after_the_first_byte_is_lost_where_it_matters() {
    let address = raw(|mut stream| async move { read_head(&mut stream).await }).await;
    for (effect, expected) in
        [(Pure, (true, false)), (Idempotent, (true, false)), (Irreversible, (false, true))]
    {
        let config = json!({"url": format!("http://{address}/"), "method": "POST"});
        let outcome = run(address, effect, config).await;
        assert_eq!(verdict(&outcome), ("connection_lost", expected.0, expected.1), "{effect:?}");
    }
}

#[tokio::test]
async fn a_connection_that_is_refused_is_always_retryable() {
    let (listener, address) = listener().await;
    drop(listener);
    for effect in [Pure, Irreversible] {
        let config = json!({"url": format!("http://{address}/"), "method": "POST"});
        let outcome = run(address, effect, config).await;
        assert_eq!(verdict(&outcome), ("connect_failed", true, false), "{effect:?}");
    }
}

#[tokio::test]
async fn no_answer_in_time_is_a_timeout_with_the_effects_consequence() {
    let address = raw(|mut stream| async move {
        read_head(&mut stream).await;
        // Holds the connection until the client is gone.
        let _ = stream.read_u8().await;
    })
    .await;
    for (effect, expected) in [(Idempotent, (true, false)), (Irreversible, (false, true))] {
        let config = json!({"url": format!("http://{address}/"), "method": "POST"});
        let job = JobMessage { timeout_ms: Some(1_500), ..http(effect, config) };
        let outcome = run_job(address, &job).await;
        assert_eq!(verdict(&outcome), ("timeout", expected.0, expected.1), "{effect:?}");
    }
}

#[tokio::test]
async fn answers_that_are_too_long_or_no_http_are_refused() {
    let long = serve(Router::new().route("/", get(|| async { "x".repeat(2_000) }))).await;
    let config = json!({"url": format!("http://{long}/"), "max_bytes": 1_000});
    let outcome = run(long, Pure, config).await;
    assert_eq!(verdict(&outcome), ("response_too_large", false, false));
    let garbage = raw(|mut stream| async move {
        read_head(&mut stream).await;
        stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n\r\n").await.unwrap();
    })
    .await;
    let outcome = run(garbage, Irreversible, json!({"url": format!("http://{garbage}/")})).await;
    assert_eq!(verdict(&outcome), ("bad_response", false, true));
}

#[tokio::test]
async fn what_egress_refuses_is_final_and_sends_nothing() {
    let address = serve(Router::new().route("/mirror", any(mirror))).await;
    for url in [
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://localhost:1/".to_owned(),
        format!("http://user:pw@{address}/mirror"),
        format!("http://%31%32%37.0.0.1:{}/mirror", address.port()),
        "https://example.org/".to_owned(),
        "ftp://127.0.0.1/".to_owned(),
    ] {
        let outcome = run(address, Pure, json!({ "url": url })).await;
        assert_eq!(verdict(&outcome), ("egress_refused", false, false), "{url}");
    }
    let config = json!({"url": format!("http://{address}/mirror"), "headers": {"Host": "evil"}});
    assert_eq!(verdict(&run(address, Pure, config).await), ("egress_refused", false, false));
}
