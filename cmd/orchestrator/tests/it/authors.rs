//! Whose a patch is: what the optimizer's may do, who may say so, and what becomes of agents.

use aob_api::Role;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::stack::{Got, OURS, Stack};

const WAIT: (&str, &str) = ("prefer", "wait=30");
const TAG: &str = "/v1/workflows/demo/patches";

fn function(id: &str, args: &Value) -> Value {
    json!({"id": id, "type": "function", "config": {"name": "echo", "args": args}})
}

fn agent(id: &str) -> Value {
    json!({"id": id, "type": "agent", "config": {"task": format!("do {id}")}})
}

/// A signal that five agents wait for, and a function.
fn document() -> Value {
    let agents = (0..5).map(|n| agent(&format!("g{n}")));
    let gate = json!({"id": "gate", "type": "signal", "config": {"name": "go"}});
    let nodes: Vec<Value> = agents.chain([gate, function("f", &json!(1))]).collect();
    let targets = ["g0", "g1", "g2", "g3", "g4", "f"];
    let edges: Vec<Value> = targets.map(|to| json!({"from": "gate", "to": to})).into();
    json!({"nodes": nodes, "edges": edges})
}

async fn stack() -> Stack {
    let stack = Stack::new().await;
    let made = stack.post("/v1/workflows?tag=demo", &document()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    stack
}

async fn propose(stack: &Stack, key: &str, path: &str, body: &Value) -> Got {
    stack.ask_with(key, Method::POST, path, Some(body), &[WAIT]).await
}

/// What only makes a job quicker.
fn harmless() -> Value {
    json!([{"op": "add", "path": "/nodes/f/timeout_ms", "value": 5000}])
}

/// What the graph could not do before.
fn growing() -> Value {
    let mail = json!({"id": "mail", "type": "function", "config": {"name": "send_mail"}});
    json!([{"op": "add", "path": "/nodes/-", "value": mail},
           {"op": "add", "path": "/edges/-", "value": {"from": "gate", "to": "mail"}}])
}

fn by_optimizer(operations: &Value) -> Value {
    json!({"operations": operations, "description": "optimizer: tidy/up", "origin": "optimizer"})
}

#[tokio::test]
async fn a_patch_of_the_optimizer_grows_nothing_and_says_whose_it_is() {
    let stack = stack().await;
    let run = stack.post("/v1/runs", &json!({"workflow": "demo"})).await.json();
    let run = format!("/v1/runs/{}/patches", run["id"].as_str().unwrap());
    for path in [TAG, run.as_str()] {
        for dry in ["?dry_run=true", ""] {
            let path = format!("{path}{dry}");
            let refused = propose(&stack, &stack.admin, &path, &by_optimizer(&growing())).await;
            assert_eq!(refused.code(), "patch_refused", "{path}: {}", refused.text);
            assert_eq!(refused.json()["errors"][0]["code"], "optimizer_growth", "{path}");
        }
        let applied = propose(&stack, &stack.admin, path, &by_optimizer(&harmless())).await;
        assert_eq!(applied.status, StatusCode::CREATED, "{path}: {}", applied.text);
        let applied = applied.json();
        assert_eq!((&applied["origin"], &applied["by"]), (&json!("optimizer"), &json!("user:ada")));
        assert_eq!(applied["description"], "optimizer: tidy/up");
    }
    let versions = stack.get("/v1/workflows/demo/versions").await.json();
    let newest = &versions["items"][0];
    assert_eq!(
        (&newest["version"], &newest["actor"]),
        (&json!(2), &json!("user:ada")),
        "{versions}"
    );
    assert_eq!(newest["description"], "optimizer: tidy/up");
    // The same by a person: of a workflow it is a version, of a run it waits.
    let person = json!({"operations": growing(), "origin": "person"});
    let grown = propose(&stack, &stack.admin, TAG, &person).await;
    assert_eq!(grown.json()["origin"], "person", "{}", grown.text);
    let asked = propose(&stack, &stack.admin, &run, &person).await;
    assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.text);
}

#[tokio::test]
async fn the_key_of_an_agent_claims_nothing() {
    let stack = stack().await;
    let run = stack.post("/v1/runs", &json!({"workflow": "demo"})).await.json();
    let run = format!("/v1/runs/{}/patches", run["id"].as_str().unwrap());
    let planner = stack.key(OURS, "planner", &[Role::Agent]).await;
    for origin in ["optimizer", "person"] {
        let mut body = by_optimizer(&harmless());
        body["origin"] = json!(origin);
        let refused = propose(&stack, &planner, &run, &body).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{origin}: {}", refused.text);
    }
    let plain = json!({"operations": harmless()});
    let own = propose(&stack, &planner, &run, &plain).await;
    assert_eq!(own.json()["origin"], "agent", "{}", own.text);

    let mut behalf = by_optimizer(&harmless());
    behalf["node_id"] = json!("g0");
    let refused = propose(&stack, &stack.admin, &run, &behalf).await;
    assert_eq!(refused.code(), "invalid_request", "{}", refused.text);
    for path in [TAG, run.as_str()] {
        let body = json!({"operations": harmless(), "origin": "agent"});
        let refused = propose(&stack, &stack.admin, path, &body).await;
        assert_eq!(refused.code(), "invalid_request", "{}", refused.text);
    }
}

#[tokio::test]
async fn one_of_five_agents_gets_another_task() {
    let stack = stack().await;
    let run = stack.post("/v1/runs", &json!({"workflow": "demo"})).await.json();
    let run = format!("/v1/runs/{}/patches", run["id"].as_str().unwrap());
    for (path, task) in [(TAG, "one"), (TAG, "two"), (&*run, "one"), (&*run, "two")] {
        let operations = json!([{"op": "replace", "path": "/nodes/g0/config/task", "value": task}]);
        let got = propose(&stack, &stack.admin, path, &json!({"operations": operations})).await;
        assert_eq!(got.status, StatusCode::CREATED, "{path}: {}", got.text);
    }
    // Another one is still another one.
    let swapped = json!({"operations": [
        {"op": "remove", "path": "/edges/gate->g0"},
        {"op": "remove", "path": "/nodes/g0"},
        {"op": "add", "path": "/nodes/-", "value": agent("g5")},
        {"op": "add", "path": "/edges/-", "value": {"from": "gate", "to": "g5"}},
    ]});
    for path in [TAG, run.as_str()] {
        let got = propose(&stack, &stack.admin, path, &swapped).await;
        assert_eq!(got.json()["errors"][0]["code"], "agent_limit", "{path}: {}", got.text);
    }
}
