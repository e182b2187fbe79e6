//! Tickets of patches: shown as what they change, decided for that.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::stack::Stack;

/// Waits for a signal, then echoes: there is time to change it.
fn held() -> Value {
    json!({
        "metadata": {"name": "shipping"},
        "nodes": [
            {"id": "fetch", "type": "signal", "config": {"name": "go"}},
            {"id": "process", "type": "transform", "config": {"template": "p"}},
            {"id": "save", "type": "transform", "config": {"template": "$input"}},
        ],
        "edges": [{"from": "fetch", "to": "process"}, {"from": "process", "to": "save"}],
    })
}

/// Something that nobody has allowed, between `process` and `save`.
fn mail() -> Value {
    json!([
        {"op": "add", "path": "/nodes/-", "value":
            {"id": "email", "type": "function", "config": {"name": "send_mail", "args": "m"}}},
        {"op": "remove", "path": "/edges/process->save"},
        {"op": "add", "path": "/edges/-", "value": {"from": "process", "to": "email"}},
        {"op": "add", "path": "/edges/-", "value": {"from": "email", "to": "save"}},
    ])
}

async fn proposed(stack: &Stack, description: &str) -> (String, String, String) {
    let run = stack.start(&held(), &json!({})).await;
    let body = json!({"operations": mail(), "description": description});
    let patch = stack.ask(Method::POST, &format!("/v1/runs/{run}/patches"), Some(&body)).await;
    let ticket = patch["ticket"].as_str().expect("a ticket").to_owned();
    (ticket, run, patch["id"].as_str().expect("an id").to_owned())
}

#[tokio::test]
async fn a_patch_is_shown_as_what_it_changes_and_applied_by_its_approval() {
    let stack = Stack::new().await;
    let (ticket, run, patch) = proposed(&stack, "tell the customer").await;
    let mut ada = Browser::signed_in(stack.pages.router(), &stack.admin).await;
    let inbox = ada.get("/").await;
    assert!(inbox.html.contains("graph change"), "{}", inbox.html);
    let page = ada.get(&format!("/tickets/{ticket}")).await;
    let expected = [
        "<h1>Change the graph of shipping?</h1>",
        "ada says, in their own words:",
        "<blockquote>tell the customer</blockquote>",
        "<th scope=\"row\">function</th><td><code>send_mail@default</code></td><td><strong>only by your approval</strong>",
        "<title id=\"before-title\">The graph before</title>",
        "<title id=\"after-title\">The graph after</title>",
        "<g class=\"node added\"",
        "+ new</text>",
        "<g class=\"edge removed\"><title>process to save: − gone</title>",
        "<span class=\"verb\">+ new</span> function node <code>email</code>",
        "<span class=\"verb\">− gone</span> edge <code>process → save</code>",
        "<code>/config/name</code>",
        "<ins><code>&quot;send_mail&quot;</code></ins>",
        "&quot;path&quot;: &quot;/nodes/-&quot;",
        "ada proposed the change.",
    ];
    for text in expected {
        assert!(page.html.contains(text), "{text}: {}", page.html);
    }
    let done = ada.decide(&ticket, &[("decision", "approve"), ("reason", "fine")]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.html);
    let shown = ada.get(done.location()).await;
    assert!(shown.html.contains("The change took effect, as revision 1"), "{}", shown.html);
    let path = format!("/v1/runs/{run}/patches/{patch}");
    assert_eq!(stack.ask(Method::GET, &path, None).await["status"], "applied");
}

#[tokio::test]
async fn what_the_run_has_moved_on_from_is_asked_again() {
    let stack = Stack::new().await;
    let (ticket, run, patch) = proposed(&stack, "tell").await;
    let mut ada = Browser::signed_in(stack.pages.router(), &stack.admin).await;
    let page = ada.get(&format!("/tickets/{ticket}")).await;
    // The node that the mail goes behind becomes another: what was approved is not what would be.
    let other = json!({"operations": [
        {"op": "replace", "path": "/nodes/save/config/template", "value": ["$input"]}]});
    stack.ask(Method::POST, &format!("/v1/runs/{run}/patches"), Some(&other)).await;
    let got = ada.decide_from(&page, &ticket, &[("decision", "approve")]).await;
    let path = format!("/v1/runs/{run}/patches/{patch}");
    let stands = stack.ask(Method::GET, &path, None).await;
    if stands["status"] == "applied" {
        // It touches other parts, and what was approved is what was applied.
        assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.html);
        return;
    }
    assert_eq!((got.status, got.banner()), (StatusCode::CONFLICT, "The run has moved on"));
    let newer = stands["ticket"].as_str().expect("a newer ticket");
    assert_ne!(newer, ticket);
    assert!(got.html.contains(&format!("href=\"/tickets/{newer}\"")), "{}", got.html);
    assert_eq!(ada.get(&format!("/tickets/{newer}")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_rejected_patch_changes_nothing() {
    let stack = Stack::new().await;
    let (ticket, run, patch) = proposed(&stack, "").await;
    let mut ada = Browser::signed_in(stack.pages.router(), &stack.admin).await;
    ada.decide(&ticket, &[("decision", "reject"), ("reason", "no mails")]).await;
    let path = format!("/v1/runs/{run}/patches/{patch}");
    assert_eq!(stack.ask(Method::GET, &path, None).await["status"], "rejected");
    let page = ada.get(&format!("/tickets/{ticket}")).await;
    assert!(
        page.html.contains("The change was refused: user:ada rejected it: no mails."),
        "{}",
        page.html
    );
}
