//! Edit, then approve, on the pages.

use aob_api::Role;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::stack::Stack;

const APPROVE: (&str, &str) = ("decision", "approve");

fn payment(four_eyes: bool) -> Value {
    let form = json!({"type": "object", "required": ["limit"], "properties": {"limit": {"type": "integer"}}});
    let config = json!({"message": "Pay?", "form": form, "four_eyes": four_eyes,
        "editable": ["/amount", "/note", "/lines/*/price"], "fixed": ["/lines/0"]});
    json!({"nodes": [{"id": "ok", "type": "hitl", "config": config}], "edges": []})
}

fn inputs() -> Value {
    json!({"amount": 9, "note": "for <b>", "to": "acme", "lines": [{"price": 1}, {"price": 2}]})
}

#[tokio::test]
async fn what_may_be_changed_is_offered_and_what_was_changed_is_approved() {
    let stack = Stack::new().await;
    let run = stack.start(&payment(false), &inputs()).await;
    let ticket = stack.ticket_of(&run).await;
    let mut ada = Browser::signed_in(stack.pages.router(), &stack.admin).await;
    let page = ada.get(&format!("/tickets/{ticket}")).await;
    for text in [
        "<summary>Change something before you approve</summary>",
        "name=\"e./amount\" type=\"text\" value=\"9\"",
        "name=\"e./note\" type=\"text\" value=\"for &lt;b&gt;\"",
        "name=\"e./lines/1/price\"",
    ] {
        assert!(page.html.contains(text), "{text}: {}", page.html);
    }
    assert!(
        !page.html.contains("e./to") && !page.html.contains("e./lines/0/price"),
        "{}",
        page.html
    );
    // What is typed wrong stands at its field, and what was right stays.
    let wrong = [APPROVE, ("f.limit", "3"), ("e./amount", "much"), ("e./note", "other")];
    let got = ada.decide(&ticket, &wrong).await;
    assert_eq!(
        (got.status, got.banner()),
        (StatusCode::UNPROCESSABLE_ENTITY, "Something is to be corrected")
    );
    for text in
        ["<details open>", "/amount</a>: Give a whole number.", "value=\"other\"", "value=\"3\""]
    {
        assert!(got.html.contains(text), "{text}: {}", got.html);
    }
    // A field that was not on the page is no way to change something.
    let sneaked =
        [APPROVE, ("f.limit", "3"), ("e./to", "me"), ("e./amount", "7"), ("e./note", "for <b>")];
    let done = ada.decide(&ticket, &sneaked).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.html);
    let shown = ada.get(done.location()).await;
    assert_eq!(shown.banner(), "You approved this");
    assert!(shown.html.contains("It was made of what ada changed."), "{}", shown.html);
    let before = ada.get(&format!("/tickets/{ticket}")).await;
    for text in ["ada changed it: /amount to 7.", "It was asked again: look at the newer ticket"] {
        assert!(before.html.contains(text), "{text}: {}", before.html);
    }
    let output = &stack.over(&run).await["output"];
    assert_eq!(output["subject"]["amount"], 7);
    assert_eq!((&output["subject"]["to"], &output["data"]), (&json!("acme"), &json!({"limit": 3})));
}

#[tokio::test]
async fn with_four_eyes_changes_wait_for_somebody_else() {
    let stack = Stack::new().await;
    let run = stack.start(&payment(true), &inputs()).await;
    let ticket = stack.ticket_of(&run).await;
    let mut ada = Browser::signed_in(stack.pages.router(), &stack.admin).await;
    let page = ada.get(&format!("/tickets/{ticket}")).await;
    assert!(page.html.contains("Four eyes: it is not approved by"), "{}", page.html);
    assert!(page.html.contains("You may reject it."), "{}", page.html);
    let same = ada.decide(&ticket, &[APPROVE, ("f.limit", "3")]).await;
    assert_eq!(
        (same.status, same.banner()),
        (StatusCode::FORBIDDEN, "Somebody else has to approve this")
    );
    let done = ada.decide(&ticket, &[APPROVE, ("f.limit", "3"), ("e./amount", "7")]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.html);
    let shown = ada.get(done.location()).await;
    assert_eq!(shown.banner(), "Your changes are recorded");
    let next = stack.ticket_of(&run).await;
    assert_eq!(stack.status(&next).await, "pending");
    let key = stack.key("grace", &[Role::Approver], &[]).await;
    let mut grace = Browser::signed_in(stack.pages.router(), &key).await;
    let done = grace.decide(&next, &[APPROVE, ("f.limit", "4")]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.html);
    assert_eq!(stack.over(&run).await["output"]["subject"]["amount"], 7);
}

#[tokio::test]
async fn a_patch_is_changed_within_its_rules_and_applied_as_changed() {
    let stack = Stack::new().await;
    let document = json!({
        "policies": {"patches": {"editable": ["/nodes/*/config/args", "/nodes/*/config/name"]}},
        "nodes": [
            {"id": "fetch", "type": "signal", "config": {"name": "go"}},
            {"id": "save", "type": "transform", "config": {"template": "$input"}},
        ],
        "edges": [{"from": "fetch", "to": "save"}],
    });
    let run = stack.start(&document, &json!({})).await;
    let operations = json!([
        {"op": "add", "path": "/nodes/-", "value":
            {"id": "email", "type": "function", "config": {"name": "send_mail", "args": {"to": "bob"}}}},
        {"op": "add", "path": "/edges/-", "value": {"from": "save", "to": "email"}},
    ]);
    let body = json!({"operations": operations, "description": "tell"});
    let patch = stack.ask(Method::POST, &format!("/v1/runs/{run}/patches"), Some(&body)).await;
    let ticket = patch["ticket"].as_str().expect("a ticket").to_owned();
    let mut ada = Browser::signed_in(stack.pages.router(), &stack.admin).await;
    let page = ada.get(&format!("/tickets/{ticket}")).await;
    assert!(page.html.contains("name=\"e./nodes/email/config/args/to\""), "{}", page.html);
    assert!(!page.html.contains("e./nodes/save"), "what the patch leaves alone: {}", page.html);
    let grown = ada.decide(&ticket, &[APPROVE, ("e./nodes/email/config/name", "wire_money")]).await;
    assert_eq!(
        (grown.status, grown.banner()),
        (StatusCode::UNPROCESSABLE_ENTITY, "It may not be changed like that")
    );
    let done = ada.decide(&ticket, &[APPROVE, ("e./nodes/email/config/args/to", "eve")]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.html);
    let shown = ada.get(done.location()).await;
    assert!(shown.html.contains("The change took effect, as revision 1"), "{}", shown.html);
    let path = format!("/v1/runs/{run}/patches/{}", patch["id"].as_str().expect("an id"));
    let applied = stack.ask(Method::GET, &path, None).await;
    let last = applied["operations"].as_array().and_then(|operations| operations.last());
    let edit = json!({"op": "replace", "path": "/nodes/email/config/args/to", "value": "eve"});
    assert_eq!((&applied["status"], last), (&json!("applied"), Some(&edit)), "{applied}");
}
