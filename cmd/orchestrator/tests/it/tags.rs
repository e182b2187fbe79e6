//! Tags through the API: undo, redo, move, trials, and what guards them.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::stack::{Got, Stack, echo};

/// A stack whose tag `demo` has these many versions, each of which echoes its number.
async fn stack_at(version: u64) -> Stack {
    let stack = Stack::new().await;
    for n in 1..=version {
        let made = stack.post("/v1/workflows?tag=demo", &echo(&json!(n))).await;
        assert_eq!(made.json()["version"], n, "{}", made.text);
    }
    stack
}

async fn go(stack: &Stack, verb: &str, body: Value, headers: &[(&str, &str)]) -> Got {
    let path = format!("/v1/tags/demo/{verb}");
    stack.ask_with(&stack.admin, Method::POST, &path, Some(&body), headers).await
}

#[tokio::test]
async fn undo_and_redo_walk_the_history_and_every_move_is_recorded() {
    let stack = stack_at(3).await;
    for (verb, version, tip) in
        [("undo", 2, 3), ("undo", 1, 3), ("redo", 2, 3), ("redo", 3, 3), ("undo", 2, 3)]
    {
        let got = go(&stack, verb, json!({}), &[]).await;
        let view = got.json();
        assert_eq!((&view["version"], &view["tip"]), (&json!(version), &json!(tip)), "{verb}");
        assert_eq!(got.header("etag"), format!("\"{version}\""));
    }
    let run = stack.post("/v1/runs", &json!({"workflow": "demo"})).await.json();
    assert_eq!(
        (&run["workflow"]["version"], &run["workflow"]["canary"]),
        (&json!(2), &Value::Null)
    );
    stack.post("/v1/workflows?tag=demo", &echo(&json!(4))).await;
    assert_eq!(go(&stack, "redo", json!({}), &[]).await.code(), "nothing_to_redo");
    let versions = stack.get("/v1/workflows/demo/versions").await.json();
    assert_eq!(versions["items"][1]["dropped_by"], 4, "{versions}");
    assert_eq!(versions["items"][0]["predecessor"], 2);
    for _ in 0..2 {
        go(&stack, "undo", json!({}), &[]).await;
    }
    assert_eq!(go(&stack, "undo", json!({}), &[]).await.code(), "nothing_to_undo");
    let history = stack.get("/v1/tags/demo/history?limit=4").await.json();
    let items = history["items"].as_array().unwrap().iter();
    let seen: Vec<_> = items.map(|item| (item["kind"].as_str().unwrap(), &item["to"])).collect();
    let expected = [
        ("undone", &json!(1)),
        ("undone", &json!(2)),
        ("created", &json!(4)),
        ("undone", &json!(2)),
    ];
    assert_eq!(seen, expected);
    assert_eq!(history["items"][0]["actor"], "user:ada");
    let rest = format!("/v1/tags/demo/history?cursor={}", history["next_cursor"].as_str().unwrap());
    assert_eq!(stack.get(&rest).await.json()["items"].as_array().unwrap().len(), 7);
}

#[tokio::test]
async fn what_somebody_saw_guards_and_a_key_moves_once() {
    let stack = stack_at(3).await;
    for verb in ["undo", "redo", "canary"] {
        let refused = go(&stack, verb, json!({}), &[("if-match", "\"2\"")]).await;
        assert_eq!(refused.status, StatusCode::PRECONDITION_FAILED, "{verb}");
        assert_eq!(refused.json()["current_version"], 3, "{verb}");
    }
    assert_eq!(go(&stack, "undo", json!({}), &[("if-match", "x")]).await.code(), "invalid_header");
    let keyed = [("idempotency-key", "k1"), ("if-match", "\"3\"")];
    let first = go(&stack, "undo", json!({}), &keyed).await;
    let again = go(&stack, "undo", json!({}), &keyed).await;
    assert_eq!((first.status, again.status), (StatusCode::OK, StatusCode::OK), "{}", again.text);
    assert_eq!((first.json(), again.header("idempotency-replayed")), (again.json(), "true"));
    let other = go(&stack, "undo", json!({"x": 1}), &keyed).await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", other.text);
    assert_eq!(stack.get("/v1/tags/demo").await.json()["version"], 2);
    // Of two who saw the same version one wins.
    let at_two = [("if-match", "\"2\"")];
    let (left, right) = tokio::join!(
        go(&stack, "undo", json!({}), &at_two),
        go(&stack, "redo", json!({}), &at_two)
    );
    let mut codes = [left.status.as_u16(), right.status.as_u16()];
    codes.sort_unstable();
    assert_eq!(codes, [200, 412]);
}

#[tokio::test]
async fn a_move_is_a_version_that_an_undo_takes_back() {
    let stack = stack_at(3).await;
    stack.post("/v1/workflows?tag=other", &echo(&json!("other"))).await;
    let digest = stack.get("/v1/workflows/demo?version=2").await.json()["digest"].clone();
    let cases = [
        (json!({"to": 1, "description": "three mails twice"}), 1_u64, json!("demo@1")),
        (json!({"to": digest}), 2, digest.clone()),
        (json!({"to": "demo@3"}), 3, json!("demo@3")),
    ];
    for (n, (body, echoes, source)) in cases.into_iter().enumerate() {
        let moved = go(&stack, "move", body, &[]).await.json();
        assert_eq!(
            (&moved["version"], &moved["kind"]),
            (&json!(n + 4), &json!("moved")),
            "{moved}"
        );
        assert_eq!(moved["source"], source);
        let shown = stack.get("/v1/workflows/demo").await.json();
        assert_eq!(shown["document"]["nodes"][0]["config"]["args"], echoes);
    }
    let other = go(&stack, "move", json!({"to": "other"}), &[]).await.json();
    assert_eq!((&other["version"], &other["tip"]), (&json!(7), &json!(7)));
    assert_eq!(go(&stack, "undo", json!({}), &[]).await.json()["version"], 6);
    let stays = go(&stack, "move", json!({"to": 3}), &[]).await.json();
    assert_eq!(stays["version"], 6, "it stands at that document already");
    for (body, code) in [
        (json!({"to": 99}), "workflow_not_found"),
        (json!({"to": "nobody"}), "workflow_not_found"),
        (json!({"to": format!("sha256:{}", "0".repeat(64))}), "workflow_not_found"),
        (json!({"to": [1]}), "invalid_request"),
        (json!({}), "invalid_request"),
    ] {
        assert_eq!(go(&stack, "move", body.clone(), &[]).await.code(), code, "{body}");
    }
}

#[tokio::test]
async fn a_share_of_the_runs_tries_another_version_and_says_so() {
    let stack = stack_at(2).await;
    for (body, code) in [
        (json!({"canary": {"version": 1, "percent": 0}}), "invalid_request"),
        (json!({"canary": {"version": 1, "percent": 101}}), "invalid_request"),
        (json!({"canary": {"version": 9, "percent": 5}}), "workflow_not_found"),
    ] {
        assert_eq!(go(&stack, "canary", body.clone(), &[]).await.code(), code, "{body}");
    }
    let half = json!({"canary": {"version": 1, "percent": 50}});
    assert_eq!(go(&stack, "canary", half, &[]).await.json()["canary"]["percent"], 50);
    let start = |key: String| {
        let stack = &stack;
        let body = json!({"workflow": "demo", "canary_key": key});
        async move { stack.post("/v1/runs", &body).await.json() }
    };
    let mut tried = 0;
    for n in 0..40 {
        let started = start(format!("customer-{n}")).await;
        let (version, canary) = (&started["workflow"]["version"], &started["workflow"]["canary"]);
        let falls = canary == &json!(true);
        tried += u32::from(falls);
        assert_eq!(version, &json!(if falls { 1 } else { 2 }), "{started}");
        let again = start(format!("customer-{n}")).await;
        assert_eq!(again["workflow"], started["workflow"], "the same key, the same version");
        let run = stack.get(&format!("/v1/runs/{}", started["id"].as_str().unwrap())).await.json();
        assert_eq!(run["workflow"], started["workflow"]);
        assert_eq!(run["labels"]["aob.canary"], json!(falls.to_string()));
    }
    assert!((8..=32).contains(&tried), "{tried} of 40");
    // A version that is named is that version, and without a trial nothing is labelled.
    let named = stack.post("/v1/runs", &json!({"workflow": "demo@2"})).await.json();
    assert_eq!(named["workflow"]["canary"], Value::Null);
    go(&stack, "canary", json!({"canary": null}), &[]).await;
    let run = start("customer-1".to_owned()).await;
    assert_eq!(run["workflow"]["version"], 2);
    let reserved = json!({"workflow": "demo", "labels": {"aob.canary": "true"}});
    assert_eq!(stack.post("/v1/runs", &reserved).await.code(), "invalid_request");
}
