//! Who may what: generated over every operation.

use std::collections::BTreeSet;

use aob_api::Role;
use aob_orchestrator::{Operation, openapi};
use aob_store::{ModuleRow, WorkspaceId as TenantId};
use axum::body::Body;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::stack::{OURS, Stack, approval, signal};

fn method(operation: Operation) -> Method {
    operation.method().parse().expect("methods are methods")
}

#[test]
fn every_served_route_is_described_and_nothing_else() {
    let document = serde_json::to_value(openapi()).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let paths = document["paths"].as_object().unwrap().iter();
    let described: BTreeSet<(String, String)> = paths
        .flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().keys().cloned();
            methods.map(|method| (method.to_uppercase(), path.clone())).collect::<Vec<_>>()
        })
        .collect();
    let served = Operation::ALL.iter();
    let served: BTreeSet<(String, String)> = served
        .map(|operation| (operation.method().to_owned(), format!("/v1{}", operation.path())))
        .collect();
    assert_eq!(described, served);
}

#[tokio::test]
async fn without_a_key_nothing_is_read_of_any_body() {
    let stack = Stack::new().await;
    let token = stack.admin.clone();
    let mut wrong = token.clone();
    wrong.pop();
    wrong.push(if token.ends_with('x') { 'y' } else { 'x' });
    let headers = [
        None,
        Some("Bearer".to_owned()),
        Some("Basic abc".to_owned()),
        Some(format!("Bearer {wrong}")),
    ];
    let guarded = Operation::ALL.iter().filter(|operation| operation.permission().is_some());
    for operation in guarded {
        for header in &headers {
            let mut request = Request::builder().method(method(*operation)).uri(operation.path());
            if let Some(header) = header {
                request = request.header("authorization", header);
            }
            // A body that says it is huge, and would never end.
            let endless =
                Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
            let request = request.header("content-length", "100000000").body(endless).unwrap();
            let got = stack.send(request).await;
            assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{operation:?} {header:?}");
            assert_eq!(got.header("www-authenticate"), "Bearer realm=\"aob\"");
        }
    }
}

#[tokio::test]
async fn every_role_may_exactly_what_the_table_says() {
    let stack = Stack::new().await;
    for role in Role::ALL {
        let token = stack.key(OURS, role.as_str(), &[*role]).await;
        for operation in Operation::ALL {
            let Some(permission) = operation.permission() else { continue };
            let got =
                stack.ask(&token, method(*operation), &path(*operation, &Ids::none()), None).await;
            let forbidden = got.status == StatusCode::FORBIDDEN;
            assert_eq!(
                forbidden,
                !permission.is_granted_to(*role),
                "{role:?} {operation:?}: {}",
                got.text
            );
        }
    }
}

struct Ids {
    run: String,
    patch: String,
    workflow_patch: String,
    ticket: String,
    tag: String,
    digest: String,
    key: String,
    endpoint: String,
}

impl Ids {
    fn none() -> Self {
        let none = || "none".to_owned();
        Self {
            run: none(),
            patch: none(),
            workflow_patch: none(),
            ticket: none(),
            tag: none(),
            digest: none(),
            key: none(),
            endpoint: none(),
        }
    }
}

fn path(operation: Operation, ids: &Ids) -> String {
    let of_workflow = operation.path().starts_with("/workflows");
    let patch = if of_workflow { &ids.workflow_patch } else { &ids.patch };
    format!("/v1{}", operation.path())
        .replace("{run}", &ids.run)
        .replace("{patch}", patch)
        .replace("{ticket}", &ids.ticket)
        .replace("{tag}", &ids.tag)
        .replace("{digest}", &ids.digest)
        .replace("{key}", &ids.key)
        .replace("{endpoint}", &ids.endpoint)
        .replace("{name}", "go")
}

/// A body with which the operation would succeed for its owner, or be refused for its state.
fn body(operation: Operation) -> Option<Value> {
    let verb = operation.path().rsplit('/').next().unwrap_or_default();
    match (operation.method(), verb) {
        ("POST", "decision") => Some(json!({"decision": "approve"})),
        ("POST", "cancel" | "pause" | "resume") => Some(json!({})),
        ("POST", "budget") => Some(json!({"calls": 1})),
        ("POST", "retry" | "skip" | "fail") => Some(json!({"instance": "s"})),
        ("POST", "succeed") => Some(json!({"instance": "s", "output": 1})),
        ("POST", "patches" | "patch") => Some(rename()),
        ("POST", "revert" | "withdraw") => Some(json!({})),
        ("POST", "{name}") => Some(json!(1)),
        ("POST", "move") => Some(json!({"to": 1})),
        ("POST", "undo" | "redo" | "canary" | "enable" | "disable" | "test") => Some(json!({})),
        (_, _) => None,
    }
}

/// A patch of the signal's run.
fn rename() -> Value {
    json!({"operations": [{"op": "add", "path": "/metadata", "value": {"description": "x"}}]})
}

/// A module of the optimizer, whoever signed it.
fn module(digest: &aob_ir::Digest) -> ModuleRow {
    ModuleRow {
        digest: digest.to_string(),
        passes: vec!["tidy".to_owned()],
        signature: vec![0; 64],
        bytes: 1,
        enabled: false,
        actor: "user:ada".to_owned(),
        created_ms: 0,
    }
}

#[tokio::test]
async fn what_belongs_to_another_workspace_does_not_exist() {
    let stack = Stack::new().await;
    let mut bounded = signal();
    bounded["limits"] = json!({"budget": {"calls": 1}});
    let run = stack.start(&bounded).await;
    stack.start(&approval()).await;
    let listed = stack.get("/v1/approvals").await.json();
    let stored = stack.post("/v1/workflows?tag=demo", &signal()).await.json();
    let artifact = aob_ir::Digest::of(b"1");
    let put = stack
        .ask(&stack.admin, Method::PUT, &format!("/v1/artifacts/{artifact}"), Some(&json!(1)))
        .await;
    assert_eq!(put.status, StatusCode::NO_CONTENT);
    let keys = stack.get("/v1/keys").await.json();
    let patch = stack.post(&format!("/v1/runs/{run}/patches"), &rename()).await.json();
    let next = stack.post("/v1/workflows/demo/patches", &rename()).await.json();
    stack.store.module_put(TenantId(OURS.0), &module(&artifact)).await.expect("the store answers");
    let webhook = json!({"kind": "webhook", "url": "https://hooks.example.com/"});
    let endpoint = stack.post("/v1/notifications/endpoints", &webhook).await.json();
    let ids = Ids {
        run,
        patch: patch["id"].as_str().unwrap().to_owned(),
        workflow_patch: next["id"].as_str().unwrap().to_owned(),
        ticket: listed["items"][0]["ticket"].as_str().unwrap().to_owned(),
        tag: stored["tag"].as_str().unwrap().to_owned(),
        digest: artifact.to_string(),
        key: keys["items"][0]["key_id"].as_str().unwrap().to_owned(),
        endpoint: endpoint["id"].as_str().unwrap().to_owned(),
    };
    let named = Operation::ALL.iter().filter(|operation| {
        // Storing a value under its digest gives nothing away; a webhook's URL is its own key.
        operation.path().contains('{')
            && !matches!(operation, Operation::ArtifactsPut | Operation::WebhooksDeliver)
    });
    for operation in named {
        let (path, body) = (path(*operation, &ids), body(*operation));
        let theirs = stack.ask(&stack.foreign, method(*operation), &path, body.as_ref()).await;
        assert_eq!(theirs.status, StatusCode::NOT_FOUND, "{operation:?}: {}", theirs.text);
        let last = [Operation::KeysRevoke, Operation::NotificationsEndpointsRemove];
        if !last.contains(operation) {
            let ours = stack.ask(&stack.admin, method(*operation), &path, body.as_ref()).await;
            assert_ne!(ours.status, StatusCode::NOT_FOUND, "{operation:?}: {}", ours.text);
        }
    }
    for list in [
        "/v1/runs",
        "/v1/approvals",
        "/v1/workflows",
        "/v1/notifications/endpoints",
        "/v1/notifications/deliveries",
    ] {
        let theirs = stack.ask(&stack.foreign, Method::GET, list, None).await.json();
        assert_eq!(theirs["items"], json!([]), "{list}");
    }
}

#[tokio::test]
async fn a_key_is_shown_once_and_revoked_at_once() {
    let stack = Stack::new().await;
    let made = stack.post("/v1/keys", &json!({"name": "bob", "roles": ["auditor"]})).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let (token, id) =
        (made.json()["token"].as_str().unwrap().to_owned(), made.json()["key_id"].clone());
    let listed = stack.get("/v1/keys").await;
    assert!(listed.text.contains(id.as_str().unwrap()) && !listed.text.contains(&token));
    assert_eq!(stack.ask(&token, Method::GET, "/v1/runs", None).await.status, StatusCode::OK);
    let path = format!("/v1/keys/{}", id.as_str().unwrap());
    let revoked = stack.ask(&stack.admin, Method::DELETE, &path, None).await;
    assert_eq!(revoked.status, StatusCode::NO_CONTENT);
    assert_eq!(stack.ask(&token, Method::GET, "/v1/runs", None).await.code(), "unauthenticated");
    for body in [json!({"name": "a b", "roles": ["admin"]}), json!({"name": "a", "roles": []})] {
        assert_eq!(stack.post("/v1/keys", &body).await.code(), "invalid_request");
    }
}
