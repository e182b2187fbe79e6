//! Patches of workflows through the API: planned, accepted, materialized, compared.

use std::num::NonZeroUsize;
use std::sync::Arc;

use aob_cache::NullCache;
use aob_coordinator::Workflows;
use aob_store::{PatchRow, PatchStatus, WorkspaceId};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::stack::{Got, OURS, Stack, echo};

fn function(id: &str, args: &Value) -> Value {
    json!({"id": id, "type": "function", "config": {"name": "echo", "args": args}})
}

fn pair() -> Value {
    json!({"nodes": [function("a", &json!(1)), function("b", &json!(2))],
           "edges": [{"from": "a", "to": "b"}]})
}

async fn stack_with(document: &Value) -> Stack {
    let stack = Stack::new().await;
    let made = stack.post("/v1/workflows?tag=demo", document).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    stack
}

async fn patch(stack: &Stack, body: &Value, headers: &[(&str, &str)]) -> Got {
    let path = "/v1/workflows/demo/patches";
    stack.ask_with(&stack.admin, Method::POST, path, Some(body), headers).await
}

const WAIT: (&str, &str) = ("prefer", "wait=30");

fn args(node: &str, value: &Value) -> Value {
    json!([{"op": "replace", "path": format!("/nodes/{node}/config/args"), "value": value}])
}

#[tokio::test]
async fn a_patch_is_planned_then_the_next_version_and_undone() {
    let stack = stack_with(&pair()).await;
    let body = json!({"operations": [
        {"op": "add", "path": "/nodes/-", "value": function("check", &json!(3))},
        {"op": "add", "path": "/edges/-", "value": {"from": "a", "to": "check"}},
    ], "description": "look first"});
    let path = "/v1/workflows/demo/patches?dry_run=true";
    let plan = stack.post(path, &body).await;
    assert_eq!(plan.status, StatusCode::OK, "{}", plan.text);
    let plan = plan.json();
    assert_eq!(plan["diff"]["nodes"][0]["id"], "check");
    assert_eq!(plan["diff"]["edges"][0]["id"], "a->check");
    assert_eq!(plan["budget"]["nodes"]["used"], 3);
    assert_eq!(plan["approval"], Value::Null, "who may patch a workflow answers for it: {plan}");
    assert!(plan["checks"].as_array().is_some_and(|checks| checks.len() > 3), "{plan}");
    assert_eq!(stack.get("/v1/workflows/demo/patches").await.json()["items"], json!([]));
    let applied = patch(&stack, &body, &[WAIT]).await;
    assert_eq!(applied.status, StatusCode::CREATED, "{}", applied.text);
    let location = applied.header("location").to_owned();
    let applied = applied.json();
    assert_eq!((&applied["version"], &applied["result"]), (&json!(2), &plan["result"]));
    assert_eq!(stack.get(&location).await.json(), applied);
    let version = stack.get("/v1/workflows/demo/versions").await.json()["items"][0].clone();
    assert_eq!((&version["kind"], &version["source"]), (&json!("patched"), &applied["id"]));
    assert_eq!(version["description"], "look first");
    let shown = stack.get("/v1/workflows/demo").await.json();
    assert_eq!(shown["document"]["nodes"].as_array().unwrap().len(), 3);
    let undone = stack.post("/v1/tags/demo/undo", &json!({})).await.json();
    assert_eq!(undone["version"], 1);
    let shown = stack.get("/v1/workflows/demo?version=2").await.json();
    assert_eq!(shown["digest"], plan["result"], "every version stays readable");
}

#[tokio::test]
async fn a_patch_is_followed_where_nobody_waits_for_it() {
    let stack = stack_with(&pair()).await;
    let body = json!({"operations": args("a", &json!("x"))});
    let key = [("idempotency-key", "once")];
    let accepted = patch(&stack, &body, &key).await;
    assert_eq!(accepted.status, StatusCode::ACCEPTED, "{}", accepted.text);
    let location = accepted.header("location").to_owned();
    // The same request again waits for the same patch.
    let again = patch(&stack, &body, &[key[0], WAIT]).await;
    assert_eq!(again.status, StatusCode::CREATED, "{}", again.text);
    assert_eq!(again.json()["id"], accepted.json()["id"]);
    assert_eq!(stack.get(&location).await.json()["status"], "applied");
    let listed = stack.get("/v1/workflows/demo/patches").await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    for nobody in ["demo/patches/nobody", "none/patches/x"] {
        let got = stack.get(&format!("/v1/workflows/{nobody}")).await;
        assert_eq!(got.code(), "unknown_patch");
    }
}

#[tokio::test]
async fn what_cannot_be_applied_says_where_and_why() {
    let stack = stack_with(&pair()).await;
    let cases = [
        (json!([{"op": "remove", "path": "/nodes/nobody"}]), "patch_refused"),
        (json!([{"op": "replace", "path": "/nodes/a/type", "value": "aproval"}]), "patch_refused"),
        (json!([{"op": "delete", "path": "/nodes/a"}]), "patch_refused"),
        (json!("x"), "patch_refused"),
        (
            json!([{"op": "add", "path": "/nodes/-", "value": {"id": "c", "type": "composite",
            "config": {"workflow": "nobody"}}}]),
            "sub_workflow_not_found",
        ),
    ];
    for (operations, code) in cases {
        let body = json!({ "operations": operations });
        for path in ["/v1/workflows/demo/patches?dry_run=true", "/v1/workflows/demo/patches"] {
            let got = stack.ask_with(&stack.admin, Method::POST, path, Some(&body), &[WAIT]).await;
            assert_eq!(got.code(), code, "{body}: {}", got.text);
            if code == "patch_refused" {
                let item = got.json()["errors"][0].clone();
                assert!(item["message"].as_str().is_some_and(|m| !m.is_empty()), "{item}");
            }
            assert!(got.json()["hint"].is_string(), "what to do: {}", got.text);
        }
    }
    assert_eq!(stack.get("/v1/tags/demo").await.json()["version"], 1);
    let unknown = json!({"operations": [], "base": format!("sha256:{}", "0".repeat(64))});
    assert_eq!(patch(&stack, &unknown, &[]).await.code(), "workflow_not_found");
    let path = "/v1/workflows/demo/patches?dry_run=maybe";
    assert_eq!(stack.post(path, &json!({"operations": []})).await.code(), "invalid_parameter");
}

#[tokio::test]
async fn patches_of_an_older_base_are_rebased_or_refused_with_both_sides() {
    let stack = stack_with(&pair()).await;
    let base = stack.get("/v1/workflows/demo").await.json()["digest"].clone();
    let proposed = |operations: Value| json!({"operations": operations, "base": base});
    let first = patch(&stack, &proposed(args("a", &json!("theirs"))), &[WAIT]).await;
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.text);
    let plan = stack
        .post("/v1/workflows/demo/patches?dry_run=true", &proposed(args("b", &json!("ours"))))
        .await
        .json();
    assert_eq!(plan["rebased"], true, "{plan}");
    let other = patch(&stack, &proposed(args("b", &json!("ours"))), &[WAIT]).await;
    assert_eq!(other.json()["version"], 3, "{}", other.text);
    let same = patch(&stack, &proposed(args("a", &json!("ours"))), &[WAIT]).await;
    assert_eq!((same.status, same.code().as_str()), (StatusCode::CONFLICT, "patch_conflict"));
    let sides = same.json()["conflict"][0]["values"].clone();
    assert_eq!((&sides["ours"], &sides["theirs"]), (&json!("ours"), &json!("theirs")), "{sides}");
    assert_eq!(sides["base"], 1);
    let now = stack.get("/v1/workflows/demo").await.json()["digest"].clone();
    let hint = same.json()["hint"].as_str().unwrap_or_default().to_owned();
    assert!(hint.contains(now.as_str().unwrap()), "{hint}");
    // Those of one millisecond are listed in no order.
    let listed = stack.get("/v1/workflows/demo/patches").await.json();
    let items = listed["items"].as_array().unwrap().clone();
    let rejected: Vec<&Value> = items.iter().filter(|one| one["status"] == "rejected").collect();
    assert_eq!((items.len(), rejected.len()), (3, 1), "{listed}");
    assert_eq!(rejected[0]["problem"]["code"], "patch_conflict");
}

#[tokio::test]
async fn many_patches_go_in_together_and_every_version_stays_readable() {
    const PATCHES: u64 = 45;
    let stack = stack_with(&pair()).await;
    let mut accepted = Vec::new();
    for n in 0..PATCHES {
        let got = patch(&stack, &json!({"operations": args("a", &json!(n + 100))}), &[]).await;
        assert_eq!(got.status, StatusCode::ACCEPTED, "{}", got.text);
        accepted.push(got.json()["id"].as_str().unwrap().to_owned());
    }
    let last = patch(&stack, &json!({"operations": args("b", &json!("last"))}), &[WAIT]).await;
    assert_eq!(last.status, StatusCode::CREATED, "{}", last.text);
    // Patches of the same base that change the same meet each other: the first goes in, and those
    // that were accepted after it was in are made against it.
    let mut applied = 0;
    for id in &accepted {
        let got = stack.get(&format!("/v1/workflows/demo/patches/{id}")).await.json();
        assert_ne!(got["status"], "pending");
        applied += u64::from(got["status"] == "applied");
    }
    assert!(applied >= 1);
    let tip = stack.get("/v1/tags/demo").await.json()["tip"].as_u64().unwrap();
    assert_eq!(tip, applied + 2);
    for version in 1..=tip {
        let shown = stack.get(&format!("/v1/workflows/demo?version={version}")).await;
        assert_eq!(shown.status, StatusCode::OK, "{version}: {}", shown.text);
    }
}

impl Stack {
    /// Accepts a patch that nobody is told of, as where a process dies between commit and
    /// publication.
    async fn accept(&self, id: &str, base: &str, operations: &Value) {
        self.accept_at(id, base, operations, None).await;
    }

    /// The same, for the case that the tag is at this version when the patch is decided.
    async fn accept_at(&self, id: &str, base: &str, operations: &Value, expected: Option<u64>) {
        let row = PatchRow {
            id: id.to_owned(),
            tag: "demo".to_owned(),
            base: base.to_owned(),
            expected,
            operations: operations.to_string(),
            description: None,
            author: "user:ada".to_owned(),
            origin: "person".to_owned(),
            status: PatchStatus::Pending,
            created_ms: (self.clock)() - 60_000,
            decided_ms: None,
        };
        let put = self.store.patch_put(WorkspaceId(OURS.0), &row, None).await;
        put.expect("the store answers");
    }
}

#[tokio::test]
async fn what_a_crash_left_pending_is_found() {
    let stack = stack_with(&pair()).await;
    let base = stack.get("/v1/workflows/demo").await.json()["digest"].clone();
    stack.accept("0", base.as_str().unwrap(), &args("a", &json!("found"))).await;
    loop {
        let got = stack.get("/v1/workflows/demo/patches/0").await.json();
        if got["status"] != "pending" {
            assert_eq!((&got["status"], &got["version"]), (&json!("applied"), &json!(2)));
            break;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn documents_are_compared_by_version_digest_and_tag() {
    let stack = stack_with(&pair()).await;
    patch(&stack, &json!({"operations": args("a", &json!("new"))}), &[WAIT]).await;
    stack.post("/v1/workflows?tag=other", &echo(&json!(1))).await;
    let path = "/v1/workflows/demo/diff";
    let diff = stack.get(path).await.json();
    assert_eq!((&diff["from"], &diff["to"]), (&json!("demo@1"), &json!("demo@2")));
    let change = &diff["nodes"][0]["fields"][0];
    assert_eq!((&change["before"], &change["after"]), (&json!(1), &json!("new")), "{diff}");
    assert_eq!(diff["operations"].as_array().unwrap().len(), 1);
    let back = stack.get(&format!("{path}?from=2&to=1")).await.json();
    assert_eq!(back["nodes"][0]["fields"][0]["after"], 1);
    let digest = diff["base"].as_str().unwrap();
    let same = stack.get(&format!("{path}?from={digest}&to=demo@1")).await.json();
    assert_eq!(same["operations"], json!([]), "{same}");
    let other = stack.get(&format!("{path}?from=other&to=1")).await.json();
    assert_eq!((&other["nodes"][0]["id"], &other["nodes"][1]), (&json!("b"), &Value::Null));
    assert_eq!(stack.get(&format!("{path}?to=1")).await.code(), "invalid_parameter");
    assert_eq!(stack.get(&format!("{path}?from=9")).await.code(), "workflow_not_found");
    assert_eq!(stack.get("/v1/workflows/none/diff").await.code(), "workflow_not_found");
}

#[tokio::test]
async fn a_run_is_started_with_patches_of_its_own() {
    let stack = stack_with(&pair()).await;
    let patched = json!({"workflow": "demo", "patches": [
        args("b", &json!("once")), args("a", &json!("twice"))]});
    let started = stack.post("/v1/runs", &patched).await.json();
    let run = stack.over(started["id"].as_str().unwrap()).await;
    assert_eq!(run["output"], "once", "{run}");
    assert_eq!(run["workflow"]["tag"], "demo");
    let plain = stack.post("/v1/runs", &json!({"workflow": "demo"})).await.json();
    assert_ne!(plain["workflow"]["digest"], started["workflow"]["digest"]);
    assert_eq!(stack.get("/v1/tags/demo").await.json()["version"], 1, "the tag stays");
    let broken =
        json!({"workflow": "demo", "patches": [[], [{"op": "remove", "path": "/nodes/z"}]]});
    let refused = stack.post("/v1/runs", &broken).await;
    assert_eq!(refused.code(), "patch_refused", "{}", refused.text);
    assert!(refused.json()["detail"].as_str().unwrap().starts_with("patch 1:"));
}

/// The JSON of a documentation page: a workflow, then patches of it.
#[tokio::test]
async fn the_examples_of_the_documentation_apply() {
    let page = include_str!("../../../../docs/versions.md");
    let blocks = page.split("```json\n").skip(1);
    let mut blocks = blocks.map(|block| block.split("```").next().unwrap_or_default());
    let document: Value = serde_json::from_str(blocks.next().unwrap()).unwrap();
    let stack = stack_with(&document).await;
    let mut patches = 0;
    for text in blocks {
        let body: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"));
        let applied = patch(&stack, &body, &[WAIT]).await;
        assert_eq!(applied.status, StatusCode::CREATED, "{text}\n{}", applied.text);
        patches += 1;
    }
    assert!(patches >= 2);
}

fn agent(id: &str) -> Value {
    json!({"id": id, "type": "agent", "config": {"task": format!("do {id}")}})
}

fn add(node: &Value) -> Value {
    json!({"operations": [{"op": "add", "path": "/nodes/-", "value": node}]})
}

/// A workflow of so many agents.
fn team(count: usize) -> Value {
    let agents = (0..count).map(|n| agent(&format!("g{n}")));
    let nodes: Vec<Value> =
        agents.chain([function("f", &json!(1)), function("h", &json!(2))]).collect();
    json!({"nodes": nodes, "edges": []})
}

#[tokio::test]
async fn the_sixth_agent_is_refused_whichever_way_it_comes() {
    let stack = stack_with(&team(5)).await;
    let sixth = agent("sixth");
    let as_body = |id: &str| json!({"operations": [{"op": "replace", "path": format!("/nodes/{id}"), "value": agent(id)}]});
    let swapped = json!({"operations": [
        {"op": "remove", "path": "/nodes/g0"},
        {"op": "add", "path": "/nodes/-", "value": sixth},
    ]});
    let map = json!({"id": "m", "type": "map", "config": {"items": [1, 2], "node": agent("body")}});
    for body in [add(&sixth), as_body("f"), swapped, add(&map)] {
        for path in ["/v1/workflows/demo/patches?dry_run", "/v1/workflows/demo/patches"] {
            let got = stack.ask_with(&stack.admin, Method::POST, path, Some(&body), &[WAIT]).await;
            assert_eq!(got.code(), "patch_refused", "{body}: {}", got.text);
            let code = got.json()["errors"][0]["code"].clone();
            assert!(code == "agent_limit" || code == "too_many_agents", "{}", got.text);
        }
    }
    let mut patched = json!({"workflow": "demo"});
    patched["patches"] = json!([add(&sixth)["operations"]]);
    assert_eq!(stack.post("/v1/runs", &patched).await.code(), "patch_refused");
    assert_eq!(stack.get("/v1/tags/demo").await.json()["version"], 1);
}

#[tokio::test]
async fn two_patches_at_once_cannot_bring_the_sixth_agent_together() {
    let stack = stack_with(&team(4)).await;
    let base = stack.get("/v1/workflows/demo").await.json()["digest"].clone();
    let bodies = ["left", "right"].map(|id| {
        let mut body = add(&agent(id));
        body["base"] = base.clone();
        body
    });
    let (left, right) =
        tokio::join!(patch(&stack, &bodies[0], &[WAIT]), patch(&stack, &bodies[1], &[WAIT]));
    let mut ends = [&left, &right].map(|got| got.status.as_u16());
    ends.sort_unstable();
    assert_eq!(ends, [201, 422], "{}\n{}", left.text, right.text);
    let shown = stack.get("/v1/workflows/demo").await.json();
    assert_eq!(shown["shape"]["agents"], 5, "{shown}");
}

#[tokio::test]
async fn patches_at_once_both_go_in_unless_they_change_the_same() {
    let stack = stack_with(&pair()).await;
    let base = stack.get("/v1/workflows/demo").await.json()["digest"].clone();
    let body =
        |node: &str, value: &str| json!({"operations": args(node, &json!(value)), "base": base});
    let (a, b) = (body("a", "new a"), body("b", "new b"));
    let (a, b) = tokio::join!(patch(&stack, &a, &[WAIT]), patch(&stack, &b, &[WAIT]));
    let mut versions =
        [a.json()["version"].clone(), b.json()["version"].clone()].map(|v| v.as_u64());
    versions.sort_unstable();
    assert_eq!(versions, [Some(2), Some(3)], "{}\n{}", a.text, b.text);
    let shown = stack.get("/v1/workflows/demo").await.json();
    let value = |index: usize| &shown["document"]["nodes"][index]["config"]["args"];
    assert_eq!((value(0), value(1)), (&json!("new a"), &json!("new b")));
    let now = shown["digest"].clone();
    let rivals =
        ["x", "y"].map(|value| json!({"operations": args("a", &json!(value)), "base": now}));
    let (x, y) =
        tokio::join!(patch(&stack, &rivals[0], &[WAIT]), patch(&stack, &rivals[1], &[WAIT]));
    let mut ends = [x.status.as_u16(), y.status.as_u16()];
    ends.sort_unstable();
    assert_eq!(ends, [201, 409], "{}\n{}", x.text, y.text);
    assert_eq!(stack.get("/v1/tags/demo").await.json()["tip"], 4);
}

#[tokio::test]
async fn a_patch_for_another_version_than_the_tag_is_at_is_not_accepted() {
    let stack = stack_with(&pair()).await;
    let body = json!({"operations": args("a", &json!("guarded"))});
    let first = patch(&stack, &body, &[WAIT, ("if-match", "\"1\"")]).await;
    assert_eq!(first.json()["version"], 2, "{}", first.text);
    for path in ["/v1/workflows/demo/patches", "/v1/workflows/demo/patches?dry_run=true"] {
        let headers = [WAIT, ("if-match", "\"1\"")];
        let late = stack.ask_with(&stack.admin, Method::POST, path, Some(&body), &headers).await;
        assert_eq!(late.status, StatusCode::PRECONDITION_FAILED, "{}", late.text);
        assert_eq!(late.json()["current_version"], 2);
        assert!(late.json()["hint"].is_string(), "{}", late.text);
    }
    let listed = stack.get("/v1/workflows/demo/patches").await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(patch(&stack, &body, &[("if-match", "two")]).await.code(), "invalid_header");
}

/// Those that were accepted while the tag was where they want it are judged again where it has got to.
#[tokio::test]
async fn a_patch_for_another_version_than_the_tag_is_at_is_not_applied() {
    let stack = stack_with(&pair()).await;
    let base = stack.get("/v1/workflows/demo").await.json()["digest"].clone();
    let base = base.as_str().unwrap();
    stack.accept("0", base, &args("a", &json!("first"))).await;
    stack.accept_at("1", base, &args("b", &json!("late")), Some(1)).await;
    stack.accept_at("2", base, &args("b", &json!("seen")), Some(2)).await;
    let mut decided = Vec::new();
    while decided.len() < 3 {
        let path = format!("/v1/workflows/demo/patches/{}", decided.len());
        let got = stack.get(&path).await.json();
        match got["status"] == "pending" {
            true => tokio::task::yield_now().await,
            false => decided.push(got),
        }
    }
    assert_eq!(decided[0]["version"], 2, "{}", decided[0]);
    let problem = &decided[1]["problem"];
    assert_eq!(
        (&problem["code"], &problem["status"]),
        (&json!("precondition_failed"), &json!(412))
    );
    assert_eq!(problem["current_version"], 2, "{problem}");
    assert_eq!(decided[2]["version"], 3, "{}", decided[2]);
    let shown = stack.get("/v1/workflows/demo").await.json();
    let args = |node: usize| shown["document"]["nodes"][node]["config"]["args"].clone();
    assert_eq!((args(0), args(1)), (json!("first"), json!("seen")));
}

#[tokio::test]
async fn long_chains_are_compacted_and_old_versions_stay_readable() {
    const PATCHES: u64 = 2 * aob_store::CHAIN_MAX as u64 + 5;
    // Long enough that a patch is the shorter way to store a version.
    let padding = "as long as documents usually are ".repeat(20);
    let stack = stack_with(&json!({"nodes": [
        function("a", &json!(0)), function("b", &json!(padding))], "edges": []}))
    .await;
    for n in 1..=PATCHES {
        let got = patch(&stack, &json!({"operations": args("a", &json!(n))}), &[WAIT]).await;
        assert_eq!(got.json()["version"], n + 1, "{}", got.text);
    }
    let tenant = WorkspaceId(OURS.0);
    let mut chained = 0;
    for version in 1..=PATCHES + 1 {
        let row = stack.store.tag_version(tenant, "demo", version).await.unwrap().unwrap();
        let stored = stack.store.document(tenant, &row.digest).await.unwrap().unwrap();
        assert!(stored.patches.len() < aob_store::CHAIN_MAX as usize, "{version}");
        chained += u64::from(!stored.patches.is_empty());
        // Nothing in memory: as another process reads it.
        let cold = Workflows::new(Arc::clone(&stack.store), Arc::new(NullCache), NonZeroUsize::MIN);
        let ir = cold.ir(OURS, row.digest.parse().unwrap()).await.unwrap();
        assert!(ir.canonical.contains(&format!(r#""args":{}"#, version - 1)), "{version}");
    }
    assert!(chained > PATCHES - 5, "most versions are stored as patches: {chained}");
}

#[tokio::test]
async fn a_patch_that_leads_to_an_old_document_makes_no_chain_too_long() {
    let last = aob_store::CHAIN_MAX as u64 - 1;
    let padding = "as long as documents usually are ".repeat(20);
    let nodes = ["a", "b", "c"].map(|id| function(id, &json!(padding)));
    let stack = stack_with(&json!({"nodes": nodes, "edges": []})).await;
    let base = stack.get("/v1/workflows/demo").await.json()["digest"].clone();
    for n in 2..=last {
        patch(&stack, &json!({"operations": args("a", &json!(n))}), &[WAIT]).await;
    }
    assert_eq!(stack.get("/v1/tags/demo").await.json()["version"], last);
    stack.post("/v1/tags/demo/move", &json!({"to": 1})).await;
    // The first leads to the document at the end of the chain; all are decided in one batch.
    for (id, node, value) in [("0", "a", json!(last)), ("1", "b", json!(1)), ("2", "c", json!(2))] {
        stack.accept(id, base.as_str().unwrap(), &args(node, &value)).await;
    }
    let mut tip = 0;
    while tip < last + 4 {
        tip = stack.get("/v1/tags/demo").await.json()["tip"].as_u64().unwrap();
        tokio::task::yield_now().await;
    }
    for version in 1..=tip {
        let row = stack.store.tag_version(WorkspaceId(OURS.0), "demo", version).await;
        let digest = row.unwrap().unwrap().digest.parse().unwrap();
        let cold = Workflows::new(Arc::clone(&stack.store), Arc::new(NullCache), NonZeroUsize::MIN);
        assert_eq!(cold.ir(OURS, digest).await.unwrap().digest, digest, "{version}");
    }
}

#[tokio::test]
async fn a_run_stays_with_its_version_while_the_tag_moves() {
    let gate = json!({"id": "gate", "type": "signal", "config": {"name": "go"}});
    let stack = stack_with(&json!({"nodes": [gate, function("a", &json!("old"))],
                                   "edges": [{"from": "gate", "to": "a"}]}))
    .await;
    let demo = json!({"workflow": "demo"});
    let start = || stack.post("/v1/runs", &demo);
    let old = start().await.json();
    patch(&stack, &json!({"operations": args("a", &json!("new"))}), &[WAIT]).await;
    let new = start().await.json();
    assert_ne!(old["workflow"]["digest"], new["workflow"]["digest"]);
    stack.post("/v1/tags/demo/undo", &json!({})).await;
    let again = start().await.json();
    for (run, output) in [(&old, "old"), (&new, "new"), (&again, "old")] {
        let id = run["id"].as_str().unwrap();
        stack.post(&format!("/v1/runs/{id}/signals/go"), &json!(null)).await;
        let view = stack.over(id).await;
        assert_eq!(view["output"], output, "{view}");
        assert_eq!(view["digest"], run["workflow"]["digest"]);
    }
}

#[tokio::test]
async fn patches_are_walked_back_and_forth_and_undone_ones_dropped_by_the_next() {
    let stack = stack_with(&pair()).await;
    for n in 2..=3 {
        patch(&stack, &json!({"operations": args("a", &json!(n))}), &[WAIT]).await;
    }
    let mut digests = std::collections::BTreeMap::new();
    for (verb, version) in
        [("undo", 2), ("redo", 3), ("undo", 2), ("undo", 1), ("redo", 2), ("redo", 3), ("undo", 2)]
    {
        let view = stack.post(&format!("/v1/tags/demo/{verb}"), &json!({})).await.json();
        assert_eq!(view["version"], version, "{verb}: {view}");
        let digest = digests.entry(version).or_insert_with(|| view["digest"].clone());
        assert_eq!(*digest, view["digest"], "a number means one document for ever");
    }
    // What the undone version had changed is in nobody's way.
    let body = json!({"operations": args("a", &json!("after"))});
    assert_eq!(patch(&stack, &body, &[WAIT]).await.json()["version"], 4);
    let redo = stack.post("/v1/tags/demo/redo", &json!({})).await;
    assert_eq!(redo.code(), "nothing_to_redo");
    let dropped = stack.get("/v1/workflows/demo?version=3").await.json();
    assert_eq!(dropped["document"]["nodes"][0]["config"]["args"], 3);
    // A patch that was made against the undone version meets what came after.
    let stale = json!({"operations": args("a", &json!("stale")), "base": digests[&3]});
    assert_eq!(patch(&stack, &stale, &[WAIT]).await.code(), "patch_conflict");
}

#[tokio::test]
async fn a_patch_that_changes_nothing_makes_no_version() {
    let stack = stack_with(&pair()).await;
    let got = patch(&stack, &json!({"operations": args("a", &json!(1))}), &[WAIT]).await;
    assert_eq!((&got.json()["status"], &got.json()["version"]), (&json!("applied"), &json!(1)));
    assert_eq!(stack.get("/v1/tags/demo").await.json()["tip"], 1);
}
