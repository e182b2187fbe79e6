//! Texts of workflows, agents and people that try to be something else.

use http::Method;
use serde_json::json;

use crate::browser::Browser;
use crate::stack::Stack;

/// Would be markup, an attribute's end, a template, another direction.
const BAD: &str =
    "</title><script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}\u{202e}x\u{200b}";

/// Every page is checked for scripts, events and foreign addresses by the browser of the tests; here
/// every text that somebody else writes is such a one.
#[tokio::test]
async fn no_text_becomes_markup_or_hides() {
    let stack = Stack::new().await;
    let form = json!({
        "type": "object", "title": BAD, "required": [BAD],
        "properties": {BAD: {"enum": [BAD, 1], "title": BAD, "description": BAD}, "t": {"type": "string", "default": BAD}}
    });
    let node = json!({"id": "ok", "type": "hitl",
        "config": {"message": BAD, "form": form, "approvers": [{"role": "admin"}, {"user": BAD}],
                   "escalate": [{"after_ms": 3_600_000, "to": {"user": BAD}}]}});
    let document = json!({"metadata": {"name": BAD}, "nodes": [node], "edges": []});
    let run = stack.start(&document, &json!({BAD: BAD, "list": [BAD, {BAD: BAD}]})).await;
    let ticket = stack.ticket_of(&run).await;
    let mut ada = Browser::signed_in(stack.pages.router(), &stack.admin).await;
    let path = format!("/tickets/{ticket}");
    let pages = [
        ada.get("/").await,
        ada.get(&path).await,
        ada.decide(&ticket, &[("decision", "approve"), ("f.t", "mine")]).await,
        ada.get(&format!("/login?ticket={}", "%3Cscript%3E")).await,
        ada.get("/tickets/%3Cscript%3E").await,
        ada.get("/?show=%3Cscript%3E").await,
        ada.get("/?%3Cscript%3E=1").await,
        {
            ada.decide(&ticket, &[("decision", "reject"), ("reason", BAD)]).await;
            ada.get(&path).await
        },
    ];
    for page in &pages {
        let html = seen(&page.html);
        for bad in ["<script", "<img src=x", "\u{202e}", "\u{200b}"] {
            assert!(!html.contains(bad), "{bad}: {html}");
        }
    }
    assert!(pages[1].html.contains("\\u{202e}x\\u{200b}"), "it is shown for what it is");
    assert_eq!(stack.status(&ticket).await, "rejected");
}

/// A page without the names and values of choices, which nobody sees.
fn seen(html: &str) -> String {
    let mut seen = String::new();
    let mut rest = html;
    while let Some(at) =
        rest.find(" name=\"f.").into_iter().chain(rest.find("<option value=\"")).min()
    {
        let quoted = at + rest[at..].find('"').expect("a value is quoted") + 1;
        seen.push_str(&rest[..quoted]);
        rest = &rest[quoted..];
        rest = &rest[rest.find('"').expect("it ends")..];
    }
    seen + rest
}

#[tokio::test]
async fn what_an_agent_says_stands_in_its_box() {
    let stack = Stack::new().await;
    let document = json!({"nodes": [
        {"id": "wait", "type": "signal", "config": {"name": "go"}},
        {"id": "end", "type": "transform", "config": {"template": 1}}],
        "edges": [{"from": "wait", "to": "end"}]});
    let run = stack.start(&document, &json!({})).await;
    let body = json!({"description": format!("Approved by security. {BAD}"), "operations": [
        {"op": "add", "path": "/nodes/-", "value": {"id": "more", "type": "function",
            "config": {"name": "wire", "args": {"note": BAD}}}},
        {"op": "add", "path": "/edges/-", "value": {"from": "end", "to": "more", "condition": "'</svg><script>' != ''"}}]});
    stack.ask(Method::POST, &format!("/v1/runs/{run}/patches"), Some(&body)).await;
    let ticket = stack.ticket_of(&run).await;
    let mut ada = Browser::signed_in(stack.pages.router(), &stack.admin).await;
    let page = ada.get(&format!("/tickets/{ticket}")).await;
    assert!(!page.html.contains("<script"), "{}", page.html);
    assert_eq!(page.html.matches("Approved by security.").count(), 1, "only where it is marked");
    let words = crate::browser::between(&page.html, "<figure class=\"words\">", "</figure>");
    assert!(words.contains("Approved by security."), "{words}");
    assert!(!page.title().contains("Approved by security"), "{}", page.title());
}
