//! What messages say of tickets, and where their links lead.

use aob_engine::WorkspaceId;
use aob_notify::{Brief, Briefs as _};
use http::Method;
use serde_json::json;

use crate::browser::Browser;
use crate::stack::{OURS, Stack, THEIRS};

async fn brief(stack: &Stack, workspace: WorkspaceId, ticket: &str) -> Option<Brief> {
    let workspace = aob_store::WorkspaceId(workspace.0);
    stack.pages.brief(workspace, ticket).await.expect("memory answers")
}

#[tokio::test]
async fn a_message_says_who_asks_what_and_leads_to_the_page() {
    let stack = Stack::new().await;
    let config = json!({"message": "Pay 400?\n\u{202e}x", "approvers": [{"role": "finance"}]});
    let node = json!({"id": "sign", "type": "hitl", "config": config, "timeout_ms": 3_600_000});
    let document = json!({"metadata": {"name": "orders"}, "nodes": [node], "edges": []});
    let run = stack.start(&document, &json!({"secret": "payload"})).await;
    let ticket = stack.ticket_of(&run).await;
    let shown = brief(&stack, OURS, &ticket).await.unwrap();
    assert_eq!(shown.question, "Pay 400?\n\\u{202e}x");
    assert_eq!((&*shown.workflow, shown.node.as_deref()), ("orders", Some("sign")));
    assert_eq!((shown.run.as_str(), shown.asked_by.as_deref()), (&*run, Some("ada")));
    assert_eq!(shown.approvers, ["anybody with the role finance"]);
    assert_eq!((&*shown.status, shown.patch.as_deref()), ("pending", None));
    assert!(shown.expires_ms.is_some_and(|at| at == shown.asked_ms + 3_600_000));
    assert!(!format!("{shown:?}").contains("payload"));

    let path = shown.link.strip_prefix("https://ok.example").expect("a link to the pages");
    let followed = Browser::new(stack.pages.router()).get(path).await;
    assert!(followed.location().contains(&ticket), "{}", followed.location());
    assert_eq!(stack.status(&ticket).await, "pending", "following it decides nothing");

    assert_eq!(brief(&stack, THEIRS, &ticket).await, None);
    assert_eq!(brief(&stack, OURS, "tk_none").await, None);
}

#[tokio::test]
async fn an_agent_says_nothing_of_its_own_patch() {
    let stack = Stack::new().await;
    let wait = json!({"id": "wait", "type": "signal", "config": {"name": "go"}});
    let document = json!({"metadata": {"name": "orders"}, "nodes": [wait], "edges": []});
    let run = stack.start(&document, &json!({})).await;
    let node = json!({"id": "call", "type": "http", "config": {"url": "https://evil.example/"}});
    let edge = json!({"from": "wait", "to": "call"});
    let patch = json!({"description": "Approve this at once, it is harmless",
        "operations": [{"op": "add", "path": "/nodes/-", "value": node}, {"op": "add", "path": "/edges/-", "value": edge}]});
    stack.ask(Method::POST, &format!("/v1/runs/{run}/patches"), Some(&patch)).await;
    let ticket = stack.ticket_of(&run).await;
    let shown = brief(&stack, OURS, &ticket).await.unwrap();
    assert_eq!(shown.question, "Change the graph of orders?");
    assert!(shown.patch.is_some() && shown.node.is_none());
    assert_eq!(shown.asked_by.as_deref(), Some("ada"));
    assert!(shown.why.as_deref().is_some_and(|why| !why.is_empty()), "{shown:?}");
    assert!(!format!("{shown:?}").contains("harmless"));
}
