//! Patches of runs: planned, applied, asked for, refused, taken back.

use aob_api::Role;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::stack::{Got, OURS, Stack};

/// Waits for a signal, then echoes: there is time to change it.
fn held() -> Value {
    json!({
        "nodes": [
            {"id": "fetch", "type": "signal", "config": {"name": "go"}},
            {"id": "process", "type": "function", "config": {"name": "echo", "args": "p"}},
            {"id": "save", "type": "function", "config": {"name": "echo", "args": "$input"}},
        ],
        "edges": [{"from": "fetch", "to": "process"}, {"from": "process", "to": "save"}],
    })
}

/// A node between `process` and `save`.
fn insert(node: &Value) -> Value {
    let id = &node["id"];
    json!([
        {"op": "add", "path": "/nodes/-", "value": node},
        {"op": "remove", "path": "/edges/process->save"},
        {"op": "add", "path": "/edges/-", "value": {"from": "process", "to": id}},
        {"op": "add", "path": "/edges/-", "value": {"from": id, "to": "save"}},
    ])
}

/// Something that a workflow may always have.
fn validate() -> Value {
    insert(&json!({"id": "validate", "type": "transform", "config": {"template": ["$input"]}}))
}

/// Something that nobody has allowed.
fn mail() -> Value {
    insert(
        &json!({"id": "email", "type": "function", "config": {"name": "send_mail", "args": "m"}}),
    )
}

fn with(operations: &Value) -> Value {
    json!({"operations": operations})
}

async fn propose(stack: &Stack, run: &str, body: &Value) -> Got {
    stack.post(&format!("/v1/runs/{run}/patches"), body).await
}

async fn go(stack: &Stack, run: &str) -> Value {
    stack.post(&format!("/v1/runs/{run}/signals/go"), &json!(1)).await;
    stack.over(run).await
}

fn said(got: &Got) -> (u16, String) {
    (got.status.as_u16(), got.code())
}

#[tokio::test]
async fn a_run_follows_its_new_graph_from_the_patch_on() {
    let stack = Stack::new().await;
    let run = stack.start(&held()).await;
    let graph = format!("/v1/runs/{run}/graph");
    let before = stack.get(&graph).await;
    let base = before.json()["digest"].clone();
    let path = format!("/v1/runs/{run}/patches");
    let body = json!({"operations": validate(), "base": base, "description": "check first"});
    let plan = stack.post(&format!("{path}?dry_run"), &body).await;
    assert_eq!(plan.status, StatusCode::OK, "{}", plan.text);
    let plan = plan.json();
    assert_eq!((&plan["base"], &plan["revision"]), (&base, &json!(0)));
    assert_eq!(plan["diff"]["nodes"][0]["id"], "validate");
    assert_eq!((&plan["approval"], &plan["tier"]), (&Value::Null, &json!("simple")));
    assert!(plan["checks"].as_array().unwrap().iter().all(|check| check["outcome"] == "passed"));
    assert_eq!(stack.get(&graph).await.json(), before.json());

    let key = [("idempotency-key", "once")];
    let done = stack.ask_with(&stack.admin, Method::POST, &path, Some(&body), &key).await;
    assert_eq!(done.status, StatusCode::CREATED, "{}", done.text);
    let applied = done.json();
    assert_eq!((&applied["status"], &applied["revision"]), (&json!("applied"), &json!(1)));
    assert_eq!(applied["result"], plan["result"]);
    assert_eq!(done.header("location"), applied["links"]["self"]);
    let again = stack.ask_with(&stack.admin, Method::POST, &path, Some(&body), &key).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (done.status, "true"));
    assert_eq!(again.json()["id"], applied["id"]);

    let after = stack.get(&graph).await;
    assert_eq!(after.header("etag"), format!("\"{}\"", plan["result"].as_str().unwrap()));
    assert_eq!((&after.json()["revision"], &after.json()["digest"]), (&json!(1), &plan["result"]));
    let shown = stack.get(applied["links"]["self"].as_str().unwrap()).await.json();
    assert_eq!(shown["operations"], validate());
    let diff = stack.get(applied["links"]["diff"].as_str().unwrap()).await.json();
    assert_eq!(diff, plan["diff"]);
    let listed = stack.get(&path).await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(go(&stack, &run).await["output"], json!(["p"]));
}

#[tokio::test]
async fn growth_waits_for_somebody_who_sees_what_changes() {
    let stack = Stack::new().await;
    let run = stack.start(&held()).await;
    let agent = stack.key(OURS, "planner", &[Role::Agent]).await;
    let path = format!("/v1/runs/{run}/patches");
    let body = json!({"operations": mail(), "description": "the customer asked"});
    let asked = stack.ask(&agent, Method::POST, &path, Some(&body)).await;
    assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.text);
    let asked = asked.json();
    assert_eq!((&asked["status"], &asked["origin"]), (&json!("waiting"), &json!("agent")));
    let explained = stack.get(&format!("/v1/runs/{run}/explain")).await.json();
    let wait = &explained["waits"][0];
    let id = asked["id"].as_str().unwrap();
    assert_eq!(wait["reason"], "patch_approval");
    assert_eq!(wait["remedy"], format!("aob patch approve {run} {id}"));

    let ticket = asked["links"]["approval"].as_str().unwrap();
    let shown = stack.get(ticket).await.json();
    assert_eq!((&shown["patch"], &shown["instance"]), (&asked["id"], &Value::Null));
    let proposal = &shown["proposal"];
    assert_eq!(proposal["by"], "agent:planner");
    assert_eq!(proposal["description"], "the customer asked");
    assert!(proposal["growth"].to_string().contains("send_mail"), "{proposal}");
    assert_eq!(proposal["diff"]["nodes"][0]["id"], "email");
    let decision = format!("{ticket}/decision");
    let vote = json!({"decision": "approve", "subject_hash": format!("sha256:{}", "0".repeat(64))});
    assert_eq!(said(&stack.post(&decision, &vote).await), (409, "subject_changed".to_owned()));
    let vote = json!({"decision": "approve", "subject_hash": shown["subject_hash"]});
    assert_eq!(stack.post(&decision, &vote).await.json()["status"], "approved");
    let patch = stack.get(&format!("{path}/{id}")).await.json();
    assert_eq!((&patch["status"], &patch["revision"]), (&json!("applied"), &json!(1)));
    let listed = stack.get(&format!("{path}?status=waiting")).await.json();
    assert_eq!(listed["items"], json!([]));
}

#[tokio::test]
async fn what_is_refused_says_where_why_and_what_instead() {
    let stack = Stack::new().await;
    let run = stack.start(&held()).await;
    let missing = json!([{"op": "replace", "path": "/nodes/fetchh/config", "value": {}}]);
    let got = propose(&stack, &run, &with(&missing)).await;
    assert_eq!(said(&got), (422, "patch_refused".to_owned()), "{}", got.text);
    let error = &got.json()["errors"][0];
    assert_eq!(error["pointer"], "/operations/0/path");
    assert!(!error["message"].is_null() && !error["hint"].is_null(), "{error}");
    let wrong = json!([{"op": "add", "path": "/nodes/-", "value": {"id": "x", "type": "aproval"}}]);
    let got = propose(&stack, &run, &with(&wrong)).await;
    let error = &got.json()["errors"][0];
    assert_eq!(error["pointer"], "/nodes/x/type");
    assert!(error["hint"].to_string().contains("hitl"), "{error}");
    let unknown = json!({"operations": validate(), "base": format!("sha256:{}", "0".repeat(64))});
    let got = propose(&stack, &run, &unknown).await;
    assert_eq!(said(&got), (409, "unknown_base".to_owned()));
    let history = json!([{"op": "replace", "path": "/nodes/fetch/config/name", "value": "come"}]);
    let got = propose(&stack, &run, &with(&history)).await;
    assert_eq!(got.json()["errors"][0]["code"], "history_fixed", "{}", got.text);
    let key = json!({"operation": []});
    assert_eq!(said(&propose(&stack, &run, &key).await), (422, "invalid_request".to_owned()));

    go(&stack, &run).await;
    let late = propose(&stack, &run, &with(&validate())).await;
    assert_eq!(said(&late), (409, "run_terminal".to_owned()));
    assert!(late.json()["hint"].to_string().contains("fork"), "{}", late.text);
    for path in ["pt_none", "pt_none/diff"] {
        let got = stack.get(&format!("/v1/runs/{run}/patches/{path}")).await;
        assert_eq!(said(&got), (404, "unknown_patch".to_owned()));
    }
}

#[tokio::test]
async fn of_two_that_want_the_same_place_the_second_learns_both_sides() {
    let stack = Stack::new().await;
    let run = stack.start(&held()).await;
    let base = stack.get(&format!("/v1/runs/{run}/graph")).await.json()["digest"].clone();
    let set = |node: &str, value: &str| {
        let path = format!("/nodes/{node}/config/args");
        json!({"operations": [{"op": "replace", "path": path, "value": value}], "base": base})
    };
    assert_eq!(propose(&stack, &run, &set("process", "one")).await.status, StatusCode::CREATED);
    let second = propose(&stack, &run, &set("process", "two")).await;
    assert_eq!(said(&second), (409, "patch_conflict".to_owned()));
    let conflict = second.json()["conflict"].to_string();
    assert!(conflict.contains("one") && conflict.contains("two"), "{}", second.text);
    let elsewhere = propose(&stack, &run, &set("save", "three")).await;
    assert_eq!(elsewhere.status, StatusCode::CREATED, "{}", elsewhere.text);
    assert_eq!(elsewhere.json()["plan"]["rebased"], true);
    assert_eq!(elsewhere.json()["revision"], 2);
    assert_eq!(go(&stack, &run).await["output"], "three");
}

#[tokio::test]
async fn agents_are_held_to_less_than_people() {
    let stack = Stack::new().await;
    let run = stack.start(&held()).await;
    let agent = stack.key(OURS, "planner", &[Role::Agent]).await;
    let path = format!("/v1/runs/{run}/patches");
    let copy = json!([{"op": "copy", "from": "/nodes/save/config/args", "path": "/nodes/process/config/args"}]);
    let got = stack.ask(&agent, Method::POST, &path, Some(&with(&copy))).await;
    assert_eq!(got.json()["errors"][0]["code"], "operation_not_allowed", "{}", got.text);
    let on_behalf = json!({"operations": copy, "node_id": "fetch"});
    let got = propose(&stack, &run, &on_behalf).await;
    assert_eq!(got.json()["errors"][0]["code"], "operation_not_allowed", "{}", got.text);
    let got = propose(&stack, &run, &with(&copy)).await;
    assert_eq!(got.status, StatusCode::CREATED, "{}", got.text);
    let args = "/nodes/save/config/args";
    let long = json!([{"op": "replace", "path": args, "value": "x".repeat(80 << 10)}]);
    let got = stack.ask(&agent, Method::POST, &path, Some(&with(&long))).await;
    assert_eq!(said(&got), (413, "body_too_large".to_owned()));
    let got = propose(&stack, &run, &with(&long)).await;
    assert_eq!(got.status, StatusCode::CREATED, "{}", got.text);
    let six: Vec<Value> = (0..6)
        .map(|n| {
            json!({"op": "add", "path": "/nodes/-", "value":
            {"id": format!("a{n}"), "type": "agent", "config": {"task": "think"}}})
        })
        .collect();
    let got = propose(&stack, &run, &with(&json!(six))).await;
    assert_eq!(got.json()["errors"][0]["code"], "too_many_agents", "{}", got.text);
}

#[tokio::test]
async fn patches_are_taken_back_and_given_up() {
    let stack = Stack::new().await;
    let run = stack.start(&held()).await;
    let first = stack.get(&format!("/v1/runs/{run}/graph")).await.json()["digest"].clone();
    let path = format!("/v1/runs/{run}/patches");
    let applied = propose(&stack, &run, &with(&validate())).await.json();
    let id = applied["id"].as_str().unwrap();
    let body = json!({"reason": "not needed"});
    let back = stack.post(&format!("{path}/{id}/revert"), &body).await;
    assert_eq!(back.status, StatusCode::CREATED, "{}", back.text);
    assert_eq!((&back.json()["reverts"], &back.json()["result"]), (&json!(id), &first));
    let shown = stack.get(&format!("{path}/{id}")).await.json();
    assert_eq!((&shown["status"], &shown["reverted_by"]), (&json!("reverted"), &back.json()["id"]));
    let twice = stack.post(&format!("{path}/{id}/revert"), &body).await;
    assert_eq!(said(&twice), (409, "patch_decided".to_owned()));

    let waiting = propose(&stack, &run, &with(&mail())).await.json();
    let id = waiting["id"].as_str().unwrap();
    let given_up = stack.post(&format!("{path}/{id}/withdraw"), &json!({})).await;
    assert_eq!((given_up.status, &given_up.json()["status"]), (StatusCode::OK, &json!("rejected")));
    let ticket = stack.get(waiting["links"]["approval"].as_str().unwrap()).await.json();
    assert_eq!(ticket["status"], "cancelled");
    let page = stack.get(&format!("{path}?limit=2")).await.json();
    let rest = page["next_cursor"].as_str().unwrap();
    let rest = stack.get(&format!("{path}?limit=2&cursor={rest}")).await.json();
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["items"][0]["id"]), (1, &json!(id)));
}
