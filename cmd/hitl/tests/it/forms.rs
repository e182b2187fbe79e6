//! Tickets with forms.

use http::StatusCode;
use serde_json::json;

use crate::browser::Browser;
use crate::stack::Stack;

#[tokio::test]
async fn answers_are_checked_at_their_fields_and_reach_the_run() {
    let stack = Stack::new().await;
    let form = json!({
        "type": "object", "title": "Transfer", "required": ["amount", "urgent"],
        "properties": {
            "amount": {"type": "number", "minimum": 1, "maximum": 500, "title": "Amount", "description": "In EUR"},
            "urgent": {"type": "boolean"},
            "account": {"enum": ["giro", "savings"], "default": "giro"},
            "note": {"type": "string"},
            "extra": {"type": "array", "items": {"type": "integer"}}
        }
    });
    let (ticket, run) = stack.ticket(&json!({"message": "Pay?", "form": form})).await;
    let mut ada = Browser::signed_in(stack.pages.router(), &stack.admin).await;
    let page = ada.get(&format!("/tickets/{ticket}")).await;
    for text in [
        "<legend>Transfer</legend>",
        "In EUR",
        "At least 1. At most 500.",
        "<option value=\"&quot;giro&quot;\" selected>giro</option>",
        "name=\"f.urgent\" value=\"true\" required",
    ] {
        assert!(page.html.contains(text), "{text}: {}", page.html);
    }
    let seq = stack.seq(&run).await;
    let wrong = [
        ("decision", "approve"),
        ("reason", "because <b>"),
        ("f.amount", "501"),
        ("f.account", "\"savings\""),
        ("f.note", "\nkept \"as\" it is"),
        ("f.urgent", "true"),
    ];
    let got = ada.decide(&ticket, &wrong).await;
    assert_eq!(
        (got.status, got.banner()),
        (StatusCode::UNPROCESSABLE_ENTITY, "Something is to be corrected")
    );
    for text in [
        "<a href=\"#field-0\">Amount</a>: 501 is greater than the maximum of 500",
        "<p class=\"error\" id=\"error-0\">501 is greater than the maximum of 500</p>",
        "value=\"501\" inputmode=\"decimal\" required aria-describedby=\"error-0 help-0\" aria-invalid=\"true\"",
        "<option value=\"&quot;savings&quot;\" selected>savings</option>",
        ">\n\nkept &quot;as&quot; it is</textarea>",
        ">\nbecause &lt;b&gt;</textarea>",
        "value=\"true\" checked",
    ] {
        assert!(got.html.contains(text), "{text}: {}", got.html);
    }
    assert_eq!(stack.seq(&run).await, seq);
    let missing = ada.decide(&ticket, &[("decision", "approve"), ("f.extra", "{")]).await;
    assert_eq!(missing.status, StatusCode::UNPROCESSABLE_ENTITY);
    for text in ["This has to be filled in.", "Choose one.", "This is not JSON"] {
        assert!(missing.html.contains(text), "{text}: {}", missing.html);
    }
    // What is corrected goes from the page that said so.
    let right =
        [("decision", "approve"), ("f.amount", "12.5"), ("f.urgent", "false"), ("f.extra", "[1]")];
    let done = ada.decide_from(&missing, &ticket, &right).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.html);
    let expected = json!({"amount": 12.5, "urgent": false, "extra": [1]});
    assert_eq!(stack.over(&run).await["output"]["data"], expected);
}

#[tokio::test]
async fn a_rejection_needs_no_answers() {
    let stack = Stack::new().await;
    let form =
        json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}});
    let (ticket, _) = stack.ticket(&json!({"message": "Pay?", "form": form})).await;
    let mut ada = Browser::signed_in(stack.pages.router(), &stack.admin).await;
    let done = ada.decide(&ticket, &[("decision", "reject"), ("f.a", "")]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.html);
    assert_eq!(stack.status(&ticket).await, "rejected");
}

#[tokio::test]
async fn long_subjects_are_shown_in_part_and_saved_whole() {
    let stack = Stack::new().await;
    let document =
        json!({"nodes": [{"id": "ok", "type": "hitl", "config": {"message": "?"}}], "edges": []});
    let cases =
        [(30_000, "There is more than is shown here."), (400_000, "It is too long to be shown")];
    for (len, says) in cases {
        let inputs = json!({"list": vec!["x".repeat(100); len / 100]});
        let run = stack.start(&document, &inputs).await;
        let ticket = stack.ticket_of(&run).await;
        let mut ada = Browser::signed_in(stack.pages.router(), &stack.admin).await;
        let page = ada.get(&format!("/tickets/{ticket}")).await;
        assert!(page.html.contains(says), "{len}: {}", page.html.len());
        assert!(page.html.len() < 60_000);
        let saved = ada.get(&format!("/tickets/{ticket}/subject")).await;
        assert_eq!(serde_json::from_str::<serde_json::Value>(&saved.html).expect("JSON"), inputs);
        assert!(saved.header("content-disposition").starts_with("attachment"));
    }
}
