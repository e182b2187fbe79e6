//! Bad requests: each with the error that a person would want.

use axum::body::Body;
use http::{Method, Request, StatusCode};
use serde_json::json;

use crate::stack::Stack;

#[tokio::test]
async fn bad_bodies_are_told_what_is_wrong() {
    let stack = Stack::new().await;
    let deep = format!("{{\"workflow\":\"x\",\"inputs\":{}{}}}", "[".repeat(127), "]".repeat(127));
    let cases: [(&str, &[u8], u16, &str, &str); 14] = [
        ("application/json", b"", 400, "invalid_body", "invalid_json"),
        ("application/json", b"{", 400, "invalid_body", "invalid_json"),
        ("application/json", b"{\"a\":1,\"a\":2}", 400, "invalid_body", "duplicate_key"),
        ("application/json", b"\xff", 400, "invalid_body", ""),
        ("application/json", deep.as_bytes(), 400, "invalid_body", "too_deep"),
        ("application/json", b"{\"inputs\":1e999}", 400, "invalid_body", "number_out_of_range"),
        ("application/json", b"[]", 422, "invalid_request", "wrong_type"),
        ("application/json", b"{}", 422, "invalid_request", "missing_key"),
        ("application/json", b"{\"workflow\":5}", 422, "invalid_request", "wrong_type"),
        ("application/json", b"{\"workflw\":\"x\"}", 422, "invalid_request", "unknown_key"),
        (
            "application/json",
            b"{\"tag\":\"x\",\"budget\":{\"usd\":-1}}",
            422,
            "invalid_request",
            "out_of_range",
        ),
        (
            "application/json",
            b"{\"tag\":\"x\",\"dedup\":{\"key\":\"\"}}",
            422,
            "invalid_request",
            "out_of_range",
        ),
        ("text/plain", b"{}", 415, "unsupported_media_type", ""),
        ("application/x-www-form-urlencoded", b"a=b", 415, "unsupported_media_type", ""),
    ];
    for (media, body, status, code, first) in cases {
        let request = Request::post("/v1/runs")
            .header("authorization", format!("Bearer {}", stack.admin))
            .header("content-type", media)
            .body(Body::from(body.to_vec()));
        let got = stack.send(request.unwrap()).await;
        let problem = got.json();
        assert_eq!((got.status.as_u16(), got.code().as_str()), (status, code), "{}", got.text);
        assert_eq!(problem["errors"][0]["code"].as_str().unwrap_or(""), first, "{}", got.text);
        assert_eq!(got.header("content-type"), "application/problem+json");
        assert_eq!(problem["instance"], "/v1/runs");
        assert_eq!(problem["request_id"], got.header("x-request-id"));
    }
}

#[tokio::test]
async fn every_route_bounds_its_body_and_what_is_no_route_says_so() {
    let stack = Stack::new().await;
    let run = uuid::Uuid::from_u128(1);
    let path = format!("/v1/runs/{run}/cancel");
    for (bytes, code) in [(1024 * 1024, "invalid_body"), (1024 * 1024 + 1, "body_too_large")] {
        let request = Request::post(&path)
            .header("authorization", format!("Bearer {}", stack.admin))
            .header("content-type", "application/json")
            .body(Body::from(vec![b'x'; bytes]));
        assert_eq!(stack.send(request.unwrap()).await.code(), code);
    }
    let lost = stack.get("/v1/rnus").await;
    assert_eq!((lost.status, lost.code().as_str()), (StatusCode::NOT_FOUND, "route_not_found"));
    assert_eq!(lost.json()["hint"], "did you mean `/v1/runs`?");
    let method = stack.ask(&stack.admin, Method::DELETE, "/v1/runs", None).await;
    assert_eq!(
        (method.status, method.code().as_str()),
        (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed")
    );
    assert!(method.header("allow").contains("POST"), "{:?}", method.headers);
    let stream = [("accept", "text/event-stream")];
    let run = stack.start(&crate::stack::signal()).await;
    let path = format!("/v1/runs/{run}/events");
    let got = stack.ask_with(&stack.admin, Method::GET, &path, None, &stream).await;
    assert_eq!(got.code(), "not_acceptable");
    let bad_id = stack.get("/v1/runs/abc").await;
    assert_eq!(bad_id.code(), "run_not_found");
    let health = stack.send(Request::get("/healthz").body(Body::empty()).unwrap()).await;
    assert_eq!((health.status, health.json()["status"].clone()), (StatusCode::OK, json!("ok")));
    let ready = stack.send(Request::get("/readyz").body(Body::empty()).unwrap()).await;
    assert_eq!(ready.status, StatusCode::OK);
    assert_eq!(ready.header("x-content-type-options"), "nosniff");
}
