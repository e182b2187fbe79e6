//! What a runner sends to a server, and how it reads the answers.

use std::sync::Arc;

use aob_api::jobs::{HeartbeatRequest, LeaseRequest};
use aob_ir::Digest;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::{ApiError, HttpsApi, RunnerApi};
use crate::http::{OutgoingResponse, SendError};
use crate::secrets::Secret;
use crate::testing::FakePort;

type Answer = Result<OutgoingResponse, SendError>;

fn answer(status: u16, body: &str) -> Answer {
    Ok(response(status, body))
}

fn response(status: u16, body: &str) -> OutgoingResponse {
    let status = StatusCode::from_u16(status).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", "7".parse().unwrap());
    OutgoingResponse { status, headers, body: Bytes::from(body.to_owned()) }
}

fn api(answers: Vec<Answer>) -> (HttpsApi, Arc<FakePort>) {
    let port = FakePort::answering(answers);
    let token = Some(Secret::new("ak_test"));
    (HttpsApi::new("https://aob.example.org/base/".parse().unwrap(), token, port.clone()), port)
}

fn lease() -> LeaseRequest {
    let names = vec!["score".into()];
    LeaseRequest { runner: "r1".into(), pool: "eu".into(), names, limit: 4, wait_ms: 20_000 }
}

#[tokio::test]
async fn requests_go_to_the_routes_of_the_protocol() {
    let (api, port) = api(vec![
        answer(200, r#"{"jobs": []}"#),
        answer(200, r#"{"states": []}"#),
        answer(200, "bytes"),
        answer(201, ""),
    ]);
    let digest = Digest::of(b"bytes");
    api.lease(lease()).await.unwrap();
    api.renew(HeartbeatRequest { runner: "r1".into(), leases: vec![] }).await.unwrap();
    assert_eq!(api.value(digest).await.unwrap(), "bytes");
    api.store_value(digest, Bytes::from_static(b"bytes")).await.unwrap();
    let sent = port.sent.lock();
    let lines: Vec<String> = sent.iter().map(|r| format!("{} {}", r.method, r.url)).collect();
    assert_eq!(
        lines,
        [
            "POST https://aob.example.org/base/v1/runners/lease".to_owned(),
            "POST https://aob.example.org/base/v1/runners/heartbeat".to_owned(),
            format!("GET https://aob.example.org/base/v1/artifacts/{digest}"),
            format!("PUT https://aob.example.org/base/v1/artifacts/{digest}"),
        ]
    );
    assert!(sent.iter().all(|request| request.headers["authorization"] == "Bearer ak_test"));
    assert_eq!(sent[0].timeout.as_secs(), 30, "the wait and ten seconds");
    assert_eq!(
        serde_json::from_slice::<Value>(&sent[0].body).unwrap(),
        json!({"runner": "r1", "pool": "eu", "names": ["score"], "limit": 4, "wait_ms": 20_000})
    );
}

#[tokio::test]
async fn answers_are_told_apart_by_what_to_do_next() {
    let problem = r#"{"title": "Nope", "detail": "because"}"#;
    for (answer, expected) in [
        (answer(401, problem), "the server refuses this runner's token: because"),
        (answer(403, "{}"), "the server refuses this runner's token: 403 Forbidden {}"),
        (answer(404, problem), "the server refused the request (404): because"),
        (answer(422, r#"{"title": "Bad"}"#), "the server refused the request (422): Bad"),
        (answer(429, problem), "7000 the server is unavailable: because"),
        (answer(408, problem), "7000 the server is unavailable: because"),
        (answer(503, "<html>"), "7000 the server is unavailable: 503 Service Unavailable <html>"),
        (
            answer(200, "not json"),
            "0 the server is unavailable: its answer to v1/runners/lease cannot be read: \
             expected ident at line 1 column 2",
        ),
        (
            Err(SendError::NotConnected("connection refused".to_owned())),
            "0 the server is unavailable: connection refused",
        ),
    ] {
        let error = api(vec![answer]).0.lease(lease()).await.unwrap_err();
        let text = match &error {
            ApiError::Unavailable { retry_after_ms, .. } => {
                format!("{} {error}", retry_after_ms.unwrap_or(0))
            }
            ApiError::Unauthorized(_) | ApiError::Refused { .. } => error.to_string(),
        };
        assert_eq!(text, expected);
    }
}
