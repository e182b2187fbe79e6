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
