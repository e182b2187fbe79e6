//! Approvals: asking, showing, deciding.

use aob_api::Role;
use http::{Method, StatusCode};
use serde_json::json;

use crate::stack::{OURS, Stack, approval};

#[tokio::test]
async fn a_ticket_is_shown_and_decided_for_what_was_shown() {
    let stack = Stack::new().await;
    let run = stack.start(&approval()).await;
    let listed = stack.get(&format!("/v1/approvals?status=pending&run={run}")).await.json();
    let ticket = listed["items"][0]["ticket"].as_str().unwrap().to_owned();
    let path = format!("/v1/approvals/{ticket}");
    let shown = stack.get(&path).await.json();
    assert_eq!((&shown["message"], &shown["subject"]), (&json!("May I?"), &json!({})));
    let decision = format!("{path}/decision");
    let other = format!("sha256:{}", "0".repeat(64));
    let refused =
        stack.post(&decision, &json!({"decision": "approve", "subject_hash": other})).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (StatusCode::CONFLICT, "subject_changed")
    );
    let hash = &shown["subject_hash"];
    let body = json!({"decision": "approve", "reason": "fine", "subject_hash": hash});
    let decided = stack.post(&decision, &body).await.json();
    assert_eq!(
        (&decided["status"], &decided["run"]["status"]),
        (&json!("approved"), &json!("completed"))
    );
    assert_eq!(stack.over(&run).await["output"]["by"], "user:ada");
    let late = stack.post(&decision, &json!({"decision": "reject"})).await;
    assert_eq!((late.status, late.code().as_str()), (StatusCode::CONFLICT, "already_decided"));
    let repeated = stack.post(&decision, &body).await.json();
    assert_eq!(repeated["run"]["changed"], false);
}

#[tokio::test]
async fn only_approvers_decide_and_nothing_else_is_a_decision() {
    let stack = Stack::new().await;
    let document = crate::stack::one(json!({"id": "ok", "type": "hitl",
        "config": {"message": "?", "approvers": [{"role": "finance"}]}}));
    stack.start(&document).await;
    let listed = stack.get("/v1/approvals").await.json();
    let ticket = listed["items"][0]["ticket"].as_str().unwrap();
    let decision = format!("/v1/approvals/{ticket}/decision");
    let body = json!({"decision": "approve"});
    let refused = stack.post(&decision, &body).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (StatusCode::FORBIDDEN, "not_an_approver")
    );
    let made = stack
        .post("/v1/keys", &json!({"name": "fin", "roles": ["approver"], "groups": ["finance"]}))
        .await
        .json();
    let token = made["token"].as_str().unwrap();
    let word = stack.post(&decision, &json!({"decision": "yes"})).await;
    assert_eq!(
        (word.code().as_str(), &word.json()["errors"][0]["pointer"]),
        ("invalid_request", &json!("/decision"))
    );
    let decided = stack.ask(token, Method::POST, &decision, Some(&body)).await;
    assert_eq!(decided.json()["status"], "approved", "{}", decided.text);
    let developer = stack.key(OURS, "dev", &[Role::Developer]).await;
    let forbidden = stack.ask(&developer, Method::POST, &decision, Some(&body)).await;
    assert_eq!(forbidden.code(), "forbidden");
    let unknown = stack.get("/v1/approvals/tk_none").await;
    assert_eq!(
        (unknown.status, unknown.code().as_str()),
        (StatusCode::NOT_FOUND, "unknown_ticket")
    );
    for query in ["status=open", "run=x", "cursor=x"] {
        let refused = stack.get(&format!("/v1/approvals?{query}")).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{query}");
    }
}

/// One payment to approve, of which the amount may be changed.
async fn payment(stack: &Stack, config: &serde_json::Value) -> (String, String) {
    let mut node = json!({"id": "ok", "type": "hitl", "config": {
        "message": "Pay?", "editable": ["/amount"]}});
    for (key, value) in config.as_object().into_iter().flatten() {
        node["config"][key] = value.clone();
    }
    let body = json!({"workflow": crate::stack::one(node), "inputs": {"amount": 9, "to": "acme"}});
    let started = stack.post("/v1/runs", &body).await.json();
    let run = started["id"].as_str().expect("an id").to_owned();
    let listed = stack.get(&format!("/v1/approvals?run={run}")).await.json();
    (listed["items"][0]["ticket"].as_str().expect("a ticket").to_owned(), run)
}

#[tokio::test]
async fn an_approver_edits_and_approves_what_came_of_it() {
    let stack = Stack::new().await;
    let (ticket, run) = payment(&stack, &json!({})).await;
    let path = format!("/v1/approvals/{ticket}");
    let shown = stack.get(&path).await.json();
    assert_eq!(shown["editable"], json!(["/amount"]));
    let hash = &shown["subject_hash"];
    let decision = format!("{path}/decision");
    for (edits, code) in [
        (json!({"/to": "me"}), "edit_refused"),
        (json!({"/amount/net": 1}), "edit_refused"),
        (json!([]), "invalid_request"),
    ] {
        let body = json!({"decision": "approve", "edits": edits, "subject_hash": hash});
        let refused = stack.post(&decision, &body).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (StatusCode::UNPROCESSABLE_ENTITY, code)
        );
    }
    let body = json!({"decision": "approve", "edits": {"/amount": 7}, "subject_hash": hash});
    let decided = stack.post(&decision, &body).await.json();
    assert_eq!(decided["status"], "approved", "{decided}");
    let next = decided["ticket"].as_str().unwrap();
    assert_ne!(next, ticket);
    let before = stack.get(&path).await.json();
    assert_eq!((&before["status"], &before["replaced_by"]), (&json!("cancelled"), &json!(next)));
    let after = stack.get(&format!("/v1/approvals/{next}")).await.json();
    assert_eq!(after["subject"], json!({"amount": 7, "to": "acme"}));
    let output = &stack.over(&run).await["output"];
    assert_eq!(output["subject"], json!({"amount": 7, "to": "acme"}));
}

#[tokio::test]
async fn who_started_a_run_leaves_its_approval_to_others_where_four_eyes_are_asked_for() {
    let stack = Stack::new().await;
    let (ticket, run) = payment(&stack, &json!({"four_eyes": true})).await;
    let decision = format!("/v1/approvals/{ticket}/decision");
    let body = json!({"decision": "approve"});
    let refused = stack.post(&decision, &body).await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::FORBIDDEN, "four_eyes"));
    let grace = stack.key(OURS, "grace", &[Role::Approver]).await;
    let edits = json!({"decision": "approve", "edits": {"/amount": 7}});
    let edited = stack.ask(&grace, Method::POST, &decision, Some(&edits)).await.json();
    assert_eq!(edited["status"], "pending", "her own edit is for others to approve: {edited}");
    let next = format!("/v1/approvals/{}/decision", edited["ticket"].as_str().unwrap());
    let refused = stack.ask(&grace, Method::POST, &next, Some(&body)).await;
    assert_eq!(refused.code(), "four_eyes");
    let eve = stack.key(OURS, "eve", &[Role::Approver]).await;
    stack.ask(&eve, Method::POST, &next, Some(&body)).await;
    assert_eq!(stack.over(&run).await["output"]["subject"]["amount"], 7);
}
