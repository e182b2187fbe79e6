//! Who is told of tickets: what is taken, what is shown of it, and what is written down to be sent.

use aob_api::Role;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::stack::{OURS, Stack, approval};

const ENDPOINTS: &str = "/v1/notifications/endpoints";
const DELIVERIES: &str = "/v1/notifications/deliveries";

fn webhook() -> Value {
    json!({"kind": "webhook", "url": "https://hooks.example.com/in?key=s3cret"})
}

#[tokio::test]
async fn a_secret_is_shown_once_and_urls_without_theirs() {
    let stack = Stack::new().await;
    let added = stack.post(ENDPOINTS, &webhook()).await;
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.text);
    let view = added.json();
    assert!(view["secret"].as_str().unwrap().starts_with("whsec_"), "{view}");
    assert_eq!(view["name"], "hooks.example.com");
    assert_eq!(view["target"], "https://hooks.example.com/in?…");
    let slack = json!({"kind": "slack", "url": "https://hooks.slack.com/services/T0/B0/s3cret",
        "name": "ops", "events": ["approval.requested"], "approvers": ["finance"]});
    let slack = stack.post(ENDPOINTS, &slack).await.json();
    assert_eq!(slack["target"], "https://hooks.slack.com/…");
    assert_eq!(slack["secret"], Value::Null);
    let listed = stack.get(ENDPOINTS).await;
    assert!(!listed.text.contains("s3cret") && !listed.text.contains("whsec_"), "{}", listed.text);
    assert_eq!(listed.json()["items"].as_array().unwrap().len(), 2);

    let path = format!("{ENDPOINTS}/{}", view["id"].as_str().unwrap());
    let removed = stack.ask(&stack.admin, Method::DELETE, &path, None).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    let again = stack.ask(&stack.admin, Method::DELETE, &path, None).await;
    assert_eq!(again.code(), "endpoint_not_found");
}

#[tokio::test]
async fn what_cannot_be_told_is_refused_with_its_place() {
    let stack = Stack::new().await;
    let url = |url: &str| json!({"kind": "webhook", "url": url});
    let with = |key: &str, value: Value| {
        let mut body = webhook();
        body[key] = value;
        body
    };
    let cases = [
        (url("https://169.254.169.254/latest"), "/url"),
        (url("http://hooks.example.com/"), "/url"),
        (url("https://127.0.0.1:9000/"), "/url"),
        (url("https://metadata.google.internal/"), "/url"),
        (url("https://hooks.example.com/#x"), "/url"),
        (url("nonsense"), "/url"),
        (json!({"kind": "slack"}), "/url"),
        (with("to", json!(["a@example.com"])), "/to"),
        (with("name", json!("two\nlines")), "/name"),
        (with("name", json!("")), "/name"),
        (with("approvers", json!(["ok", "\u{202e}"])), "/approvers/1"),
        (with("events", json!(["approval.decided", "test"])), "/events/1"),
        (json!({"kind": "email", "to": ["a@example.com"]}), "/kind"),
    ];
    for (body, pointer) in cases {
        let got = stack.post(ENDPOINTS, &body).await;
        assert_eq!((got.status.as_u16(), &*got.code()), (422, "invalid_request"), "{body}");
        assert_eq!(got.json()["errors"][0]["pointer"], pointer, "{}", got.text);
    }
    let refused = stack.post(ENDPOINTS, &url("https://10.0.0.1/")).await.json();
    let hint = refused["errors"][0]["hint"].as_str().unwrap();
    assert!(hint.contains("notify.allow"), "{hint}");
    assert_eq!(stack.get(ENDPOINTS).await.json(), json!({"items": []}));
}

#[tokio::test]
async fn keys_of_programs_see_and_change_nothing() {
    let stack = Stack::new().await;
    stack.post(ENDPOINTS, &webhook()).await;
    for role in [Role::Agent, Role::Runner] {
        let token = stack.key(OURS, "program", &[role]).await;
        for path in [ENDPOINTS, DELIVERIES] {
            let got = stack.ask(&token, Method::GET, path, None).await;
            assert_eq!(got.status, StatusCode::FORBIDDEN, "{role:?} {path}");
        }
        let got = stack.ask(&token, Method::POST, ENDPOINTS, Some(&webhook())).await;
        assert_eq!(got.status, StatusCode::FORBIDDEN, "{role:?}");
    }
}

/// The events of all deliveries, oldest first, once there are so many.
async fn told(stack: &Stack, query: &str, count: usize) -> Vec<String> {
    loop {
        let listed = stack.get(&format!("{DELIVERIES}{query}")).await.json();
        let items = listed["items"].as_array().expect("a list");
        if items.len() >= count {
            let events = items.iter().rev().filter_map(|item| item["event"].as_str());
            return events.map(str::to_owned).collect();
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_becomes_of_a_ticket_is_written_down_for_each_endpoint() {
    let stack = Stack::new().await;
    let all = stack.post(ENDPOINTS, &webhook()).await.json();
    let mut some = webhook();
    some["events"] = json!(["approval.decided"]);
    let some = stack.post(ENDPOINTS, &some).await.json();
    let theirs = stack.ask(&stack.foreign, Method::POST, ENDPOINTS, Some(&webhook())).await;
    assert_eq!(theirs.status, StatusCode::CREATED);
    let run = stack.start(&approval()).await;
    let ticket = stack.get("/v1/approvals").await.json()["items"][0]["ticket"].clone();
    let ticket = ticket.as_str().unwrap();
    let decision = json!({"decision": "approve"});
    stack.post(&format!("/v1/approvals/{ticket}/decision"), &decision).await;
    let of = |endpoint: &Value| format!("?endpoint={}", endpoint["id"].as_str().unwrap());
    let both = ["approval.requested", "approval.decided"];
    assert_eq!(told(&stack, &of(&all), 2).await, both);
    assert_eq!(told(&stack, &of(&some), 1).await, ["approval.decided"]);
    assert_eq!(told(&stack, &format!("?ticket={ticket}"), 3).await.len(), 3);
    assert_eq!(told(&stack, &format!("?run={run}&status=pending"), 3).await.len(), 3);
    assert_eq!(stack.get(&format!("{DELIVERIES}?status=failed")).await.json()["items"], json!([]));
    let foreign = stack.ask(&stack.foreign, Method::GET, DELIVERIES, None).await.json();
    assert_eq!(foreign["items"], json!([]));
    // A page after the other gives the same.
    let mut path = format!("{DELIVERIES}?limit=1");
    let mut ids = Vec::new();
    loop {
        let page = stack.get(&path).await.json();
        ids.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].clone()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("{DELIVERIES}?limit=1&cursor={cursor}");
    }
    let listed = stack.get(DELIVERIES).await.json();
    let listed: Vec<_> =
        listed["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect();
    assert_eq!(ids, listed);
}

#[tokio::test]
async fn a_test_goes_the_way_of_all_others() {
    let stack = Stack::new().await;
    let id = stack.post(ENDPOINTS, &webhook()).await.json()["id"].as_str().unwrap().to_owned();
    let path = format!("{ENDPOINTS}/{id}");
    let one = stack.post(&format!("{path}/test"), &json!({})).await;
    assert_eq!(one.status, StatusCode::ACCEPTED, "{}", one.text);
    let other = stack.post(&format!("{path}/test"), &json!({})).await.json();
    assert_ne!(one.json()["id"], other["id"]);
    assert_eq!((&one.json()["event"], &one.json()["run"]), (&json!("test"), &Value::Null));
    let tenant = aob_store::WorkspaceId(OURS.0);
    stack.store.endpoint_disable(tenant, &id, Some("gone")).await.unwrap();
    let refused = stack.post(&format!("{path}/test"), &json!({})).await;
    assert_eq!(refused.code(), "endpoint_disabled");
    let enabled = stack.post(&format!("{path}/enable"), &json!({})).await.json();
    assert_eq!(enabled["disabled"], Value::Null);
}
