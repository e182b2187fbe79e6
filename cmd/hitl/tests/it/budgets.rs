//! Tickets of budgets: what is spent, what is asked for, and what an approval does.

use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::browser::Browser;
use crate::stack::Stack;

/// Speaks as a runner does, with a job's token.
async fn say(stack: &Stack, path: &str, token: &Value, body: &Value) -> Value {
    let request = Request::post(path)
        .header("authorization", format!("Bearer {}", stack.admin))
        .header("content-type", "application/json")
        .header("aob-job-token", token.as_str().unwrap_or_default());
    let request = request.body(Body::from(body.to_string())).expect("a request");
    let response = stack.api.clone().oneshot(request).await.expect("an answer");
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// Leases the job of the one agent.
async fn lease(stack: &Stack) -> Value {
    let body =
        json!({"runner": "r1", "pool": "own", "names": ["agent"], "limit": 1, "wait_ms": 9_000});
    let leased = say(stack, "/v1/runners/lease", &Value::Null, &body).await;
    leased["jobs"][0]["token"].clone()
}

/// A run whose agent has spent its budget, and the ticket that asks for more.
async fn exhausted(stack: &Stack) -> (String, String) {
    let config = json!({"task": "t", "budget": {"calls": 2, "usd": 1.5}});
    let node = json!({"id": "research", "type": "agent", "pool": "own", "config": config});
    let document = json!({"metadata": {"name": "team"}, "nodes": [node], "edges": []});
    let run = stack.start(&document, &json!({})).await;
    let token = lease(stack).await;
    let reserve = |name: &str, usd: f64| json!({"reservation": name, "amounts": {"calls": 1, "tokens": 900, "usd": usd}});
    say(stack, "/v1/runners/reserve", &token, &reserve("c1", 1.0)).await;
    let used = json!({"reservation": "c1", "used": {"calls": 1, "usd": 1.25}});
    say(stack, "/v1/runners/settle", &token, &used).await;
    let refused = say(stack, "/v1/runners/reserve", &token, &reserve("c2", 0.5)).await;
    assert_eq!(refused["code"], "budget_exhausted", "{refused}");
    (run, refused["budget"]["ticket"].as_str().expect("a ticket").to_owned())
}

#[tokio::test]
async fn a_budget_is_shown_with_what_is_spent_and_raised_by_what_is_answered() {
    let stack = Stack::new().await;
    let (_, ticket) = exhausted(&stack).await;
    let mut ada = Browser::signed_in(stack.pages.router(), &stack.admin).await;
    let inbox = ada.get("/").await;
    for text in [
        "Raise the budget of node `research` by 1.5 USD?</a>",
        "<span class=\"tag patch\">budget</span>",
        "<dt>Budget of</dt><dd>node `research`</dd>",
    ] {
        assert!(inbox.html.contains(text), "{text}: {}", inbox.html);
    }
    let page = ada.get(&format!("/tickets/{ticket}")).await;
    for text in [
        "<h1>Raise the budget of node `research` by 1.5 USD?</h1>",
        "It allows 2 calls, 1.5 USD. Spent: 1 call, 1.25 USD; set aside: nothing.",
        "Approved, what is parked goes on with another attempt; rejected, it fails.",
        "<th scope=\"row\">Calls</th><td>2</td><td>1</td><td>0</td><td>1</td><td><strong>0</strong>",
        "<th scope=\"row\">US dollars</th><td>1.5</td><td>1.25</td><td>0</td><td>0.5</td><td><strong>1.5</strong>",
        "US dollars more",
        "value=\"1.5\"",
    ] {
        assert!(page.html.contains(text), "{text}: {}", page.html);
    }
    crate::markup::check("budget", &page.html);
    // Too little for the call that waits is refused, and nothing is decided.
    let little = [("decision", "approve"), ("f.calls", "0"), ("f.usd", "0.1")];
    let got = ada.decide(&ticket, &little).await;
    assert!(got.status.is_client_error(), "{}", got.html);
    assert_eq!(stack.status(&ticket).await, "pending");
    let enough = [("decision", "approve"), ("f.calls", "1"), ("f.usd", "2")];
    let done = ada.decide(&ticket, &enough).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.html);
    let after = ada.get(done.location()).await;
    let raised = "ada raised the budget of node `research` by 1 call, 2 USD.";
    assert!(after.html.contains(raised), "{}", after.html);
    let token = lease(&stack).await;
    let again = json!({"reservation": "c1", "amounts": {"calls": 1, "usd": 0.5}});
    let granted = say(&stack, "/v1/runners/reserve", &token, &again).await;
    assert_eq!(granted, json!({"reserved": true}));
}

#[tokio::test]
async fn a_budget_that_is_not_raised_fails_what_waits() {
    let stack = Stack::new().await;
    let (run, ticket) = exhausted(&stack).await;
    let mut ada = Browser::signed_in(stack.pages.router(), &stack.admin).await;
    let done = ada.decide(&ticket, &[("decision", "reject")]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.html);
    let ended = stack.over(&run).await;
    assert_eq!(
        (&ended["status"], &ended["error"]["code"]),
        (&json!("failed"), &json!("budget_exhausted"))
    );
}
