//! Documents, tags, versions.

use axum::body::Body;
use http::{Method, Request, StatusCode};
use serde_json::json;

use crate::stack::{Stack, echo, signal};

#[tokio::test]
async fn a_tag_moves_from_version_to_version_and_keeps_its_history() {
    let stack = Stack::new().await;
    let (one, two) = (echo(&json!(1)), echo(&json!(2)));
    let path = "/v1/workflows?tag=demo";
    let first = stack.post(path, &one).await;
    assert_eq!((first.status, first.header("etag")), (StatusCode::CREATED, "\"1\""));
    let again = stack.post(path, &one).await;
    assert_eq!((again.status, &again.json()["unchanged"]), (StatusCode::OK, &json!(true)));
    let put = |seen: &'static str| {
        let (stack, two) = (&stack, &two);
        async move {
            let headers = [("if-match", seen)];
            stack.ask_with(&stack.admin, Method::POST, path, Some(two), &headers).await
        }
    };
    let refused = put("\"7\"").await;
    assert_eq!(refused.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(refused.json()["current_version"], 1);
    assert_eq!(put("\"1\"").await.json()["version"], 2);
    assert_eq!(put("x").await.code(), "invalid_header");
    let headers = [("if-none-match", "*")];
    let taken = stack.ask_with(&stack.admin, Method::POST, path, Some(&one), &headers).await;
    assert_eq!(taken.code(), "precondition_failed");
    let shown = stack.get("/v1/workflows/demo?version=1").await.json();
    assert_eq!(shown["document"]["nodes"][0]["config"]["args"], 1);
    let by_digest =
        stack.get(&format!("/v1/workflows/{}", shown["digest"].as_str().unwrap())).await;
    assert_eq!(by_digest.json()["document"], shown["document"]);
    for (path, number) in [("workflows/demo/versions", "version"), ("tags/demo/history", "to")] {
        let history = stack.get(&format!("/v1/{path}")).await.json();
        let items = history["items"].as_array().unwrap().iter();
        let numbers: Vec<_> = items.map(|item| item[number].clone()).collect();
        assert_eq!(numbers, [2, 1], "{path}");
    }
    let listed = stack.get("/v1/workflows").await.json();
    assert_eq!(
        (&listed["items"][0]["tag"], &listed["items"][0]["actor"]),
        (&json!("demo"), &json!("user:ada"))
    );
    for (name, output) in [("demo", 2), ("demo@1", 1)] {
        let got = stack.post("/v1/runs", &json!({"workflow": name})).await.json();
        assert_eq!(stack.over(got["id"].as_str().unwrap()).await["output"], output, "{name}");
    }
    for path in ["/v1/workflows/none", "/v1/workflows/none/versions", "/v1/tags/none/history"] {
        assert_eq!(stack.get(path).await.code(), "workflow_not_found", "{path}");
    }
}

#[tokio::test]
async fn a_document_is_judged_whole_and_may_be_yaml() {
    let stack = Stack::new().await;
    let valid = stack.post("/v1/workflows/validate", &signal()).await.json();
    assert_eq!((&valid["valid"], &valid["shape"]["nodes"]), (&json!(true), &json!(1)));
    let bad = json!({"nodes": [{"id": "a", "type": "aproval"}, {"id": "a", "type": "join", "confg": {}}], "edges": []});
    let refused = stack.post("/v1/workflows/validate", &bad).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (StatusCode::UNPROCESSABLE_ENTITY, "invalid_workflow")
    );
    assert!(refused.json()["errors"].as_array().unwrap().len() >= 3, "{}", refused.text);
    let inline = stack.post("/v1/runs", &json!({"workflow": bad})).await.json();
    let pointers = inline["errors"].as_array().unwrap().iter();
    assert!(
        pointers
            .into_iter()
            .all(|item| item["pointer"].as_str().unwrap().starts_with("/workflow/nodes"))
    );
    let request = |text: &'static str| {
        let request =
            Request::post("/v1/workflows?tag=y").header("content-type", "application/yaml");
        let request = request.header("authorization", format!("Bearer {}", stack.admin));
        stack.send(request.body(Body::from(text)).unwrap())
    };
    let stored =
        request("nodes:\n  - {id: s, type: signal, config: {name: go}}\nedges: []\n").await;
    assert_eq!(stored.status, StatusCode::CREATED, "{}", stored.text);
    assert_eq!(request("nodes: [").await.code(), "invalid_body");
    let missing = stack.post("/v1/workflows", &signal()).await;
    assert_eq!(missing.code(), "invalid_parameter");
}

#[tokio::test]
async fn inputs_are_checked_against_what_the_workflow_takes() {
    let stack = Stack::new().await;
    let mut document = signal();
    document["inputs"] =
        json!({"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}});
    let refused =
        stack.post("/v1/runs", &json!({"workflow": document, "inputs": {"n": "x"}})).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (StatusCode::UNPROCESSABLE_ENTITY, "invalid_inputs")
    );
    assert_eq!(refused.json()["errors"][0]["pointer"], "/inputs/n");
    let accepted = stack.post("/v1/runs", &json!({"workflow": document, "inputs": {"n": 1}})).await;
    assert_eq!(accepted.status, StatusCode::CREATED);
}
