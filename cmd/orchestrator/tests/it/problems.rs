//! The words of errors: what a person, or a model, reads.

use std::fmt::Write as _;

use axum::body::Body;
use http::{Method, Request};
use serde_json::{Value, json};

use crate::stack::{Stack, approval, signal};

/// What is the same in every run of the test.
fn lasting(mut problem: Value) -> Value {
    if let Some(fields) = problem.as_object_mut() {
        fields.remove("request_id");
        fields.remove("instance");
    }
    problem
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
async fn problems_say_what_is_wrong_and_what_to_do() {
    let stack = Stack::new().await;
    let run = stack.start(&signal()).await;
    stack.start(&approval()).await;
    let cases: Vec<(&str, String, Option<Value>)> = vec![
        ("GET", "/v1/runs/nobody".into(), None),
        ("GET", "/v1/runs?limt=3&status=wating".into(), None),
        ("GET", "/v1/runs?cursor=abc".into(), None),
        ("GET", "/v1/rnus".into(), None),
        ("GET", "/v1/workflows/nobody".into(), None),
        ("GET", "/v1/approvals/nobody".into(), None),
        ("GET", "/v1/artifacts/nobody".into(), None),
        ("DELETE", "/v1/runs".into(), None),
        ("DELETE", "/v1/keys/nobody".into(), None),
        ("POST", "/v1/runs".into(), Some(json!({}))),
        ("POST", "/v1/runs".into(), Some(json!({"workflow": "a", "tag": "b"}))),
        ("POST", "/v1/runs".into(), Some(json!({"workflow": [1]}))),
        ("POST", "/v1/runs".into(), Some(json!({"workflow": "nobody"}))),
        (
            "POST",
            "/v1/runs".into(),
            Some(json!({"workfow": "x", "labels": {"a": 1}, "priority": "hihg"})),
        ),
        ("POST", "/v1/runs".into(), Some(json!({"tag": "x", "budget": {"usd": -1}}))),
        (
            "POST",
            "/v1/runs".into(),
            Some(json!({"workflow": {"nodes": [{"id": "a", "type": "aproval"}], "edges": []}})),
        ),
        ("POST", "/v1/runs:batch".into(), Some(json!({"runs": []}))),
        ("POST", format!("/v1/runs/{run}/resume"), Some(json!({}))),
        ("POST", format!("/v1/runs/{run}/retry"), Some(json!({"instance": "s"}))),
        ("POST", format!("/v1/runs/{run}/retry"), Some(json!({"instance": "x"}))),
        ("POST", format!("/v1/runs/{run}/retry"), Some(json!({"instance": "a[x"}))),
        ("POST", format!("/v1/runs/{run}/fail"), Some(json!({}))),
        ("POST", "/v1/keys".into(), Some(json!({"name": "a b", "roles": ["admin"]}))),
        ("POST", "/v1/keys".into(), Some(json!({"name": "a", "roles": ["boss"]}))),
        ("POST", "/v1/workflows?tag=a%20b".into(), Some(signal())),
        ("POST", "/v1/approvals/nobody/decision".into(), Some(json!({"decision": "approve"}))),
    ];
    let mut told = String::new();
    for (method, path, body) in cases {
        let asked: Method = method.parse().unwrap();
        let got = stack.ask(&stack.admin, asked, &path, body.as_ref()).await;
        let shown = body.map_or_else(String::new, |body| format!(" {body}"));
        let problem = serde_json::to_string_pretty(&lasting(got.json())).unwrap();
        writeln!(told, "{method} {}{shown}\n{problem}\n", path.replace(&run, "RUN")).unwrap();
    }
    for (media, text) in [
        ("application/json", "{'a': 1}"),
        ("application/json", "{\"a\":1,\"a\":2}"),
        ("application/yaml", "a: [1"),
        ("text/csv", "a,b"),
    ] {
        let request = Request::post("/v1/runs").header("content-type", media);
        let request = request.header("authorization", format!("Bearer {}", stack.admin));
        let got = stack.send(request.body(Body::from(text)).unwrap()).await;
        let problem = serde_json::to_string_pretty(&lasting(got.json())).unwrap();
        writeln!(told, "POST /v1/runs {media} {text}\n{problem}\n").unwrap();
    }
    let got = stack.send(Request::get("/v1/runs").body(Body::empty()).unwrap()).await;
    let problem = serde_json::to_string_pretty(&lasting(got.json())).unwrap();
    writeln!(told, "GET /v1/runs (without a key)\n{problem}").unwrap();
    insta::assert_snapshot!(told);
}
