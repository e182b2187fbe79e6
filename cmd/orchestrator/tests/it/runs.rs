//! Runs: starting, reading, steering.

use aob_edge::Peer;
use axum::body::Body;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::stack::{Got, Stack, echo, signal};

#[tokio::test]
async fn a_run_starts_runs_and_shows_what_came_out() {
    let stack = Stack::new().await;
    let got = stack.post("/v1/runs", &json!({"workflow": echo(&json!({"x": 1.50}))})).await;
    assert_eq!(got.status, StatusCode::CREATED);
    let started = got.json();
    let run = started["id"].as_str().unwrap();
    assert_eq!(got.header("location"), format!("/v1/runs/{run}"));
    let view = stack.over(run).await;
    assert_eq!(view["status"], "completed");
    assert_eq!(view["output"], json!({"x": 1.5}));
    assert_eq!(view["nodes"]["a"]["status"], "completed");
    assert_eq!(view["nodes"]["a"]["attempts"], 1);
    assert_eq!(view["digest"], started["workflow"]["digest"]);
    let without_prefix = stack.get(&format!("/runs/{run}")).await;
    assert_eq!(without_prefix.json(), view);
}

#[tokio::test]
async fn everything_derived_from_a_run_can_be_read() {
    let stack = Stack::new().await;
    let run = stack.start(&echo(&json!(7))).await;
    stack.over(&run).await;
    let events = stack.get(&format!("/v1/runs/{run}/events?limit=2")).await.json();
    assert_eq!(events["items"][0]["type"], "run_created");
    assert_eq!((&events["next_after"], &events["ended"]), (&json!(2), &json!(true)));
    let rest = stack.get(&format!("/v1/runs/{run}/events?after=2")).await.json();
    assert_eq!(rest["next_after"], rest["head_seq"]);
    let last = rest["items"].as_array().unwrap().last().unwrap();
    assert_eq!(last["type"], "run_completed");
    let graph = stack.get(&format!("/v1/runs/{run}/graph")).await;
    assert_eq!(graph.header("etag"), format!("\"{}\"", graph.json()["digest"].as_str().unwrap()));
    assert_eq!(graph.json()["nodes"][0]["status"], "completed");
    let timeline = stack.get(&format!("/v1/runs/{run}/timeline")).await.json();
    assert_eq!(timeline["items"][0]["instance"], "a");
    assert_eq!(timeline["items"][0]["status"], "completed");
    let verified = stack.get(&format!("/v1/runs/{run}/verify")).await.json();
    assert_eq!((&verified["ok"], &verified["graph_checked"]), (&json!(true), &json!(true)));
    let explained = stack.get(&format!("/v1/runs/{run}/explain")).await.json();
    assert_eq!(explained["waits"], json!([]));
}

#[tokio::test]
async fn what_waits_is_explained_and_can_be_steered() {
    let stack = Stack::new().await;
    let run = stack.start(&signal()).await;
    let at = |verb: &str| format!("/v1/runs/{run}/{verb}");
    let explained = stack.get(&at("explain")).await.json();
    assert_eq!(explained["waits"][0]["reason"], "signal");
    let paused = stack.post(&at("pause"), &json!({"reason": "lunch"})).await.json();
    assert_eq!((&paused["status"], &paused["changed"]), (&json!("paused"), &json!(true)));
    let again = stack.ask(&stack.admin, Method::POST, &at("pause"), None).await.json();
    assert_eq!(again["changed"], false);
    assert_eq!(stack.post(&at("resume"), &json!({})).await.json()["status"], "waiting");
    let refused = stack.post(&at("resume"), &json!({})).await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::CONFLICT, "not_paused"));
    for verb in ["retry", "skip", "fail"] {
        let refused = stack.post(&at(verb), &json!({"instance": "s"})).await;
        assert_eq!(refused.code(), "not_parked", "{verb}");
        let refused = stack.post(&at(verb), &json!({"instance": "nobody"})).await;
        assert_eq!(refused.code(), "unknown_instance", "{verb}");
    }
    let refused = stack.post(&at("succeed"), &json!({"instance": "s", "output": null})).await;
    assert_eq!(refused.code(), "not_parked");
    let sent = stack.post(&at("signals/go"), &json!({"n": 1})).await;
    assert_eq!(sent.json()["status"], "completed");
    assert_eq!(stack.over(&run).await["output"], json!({"n": 1}));
    let late = stack.post(&at("signals/go"), &json!(2)).await;
    assert_eq!((late.status, late.code().as_str()), (StatusCode::CONFLICT, "run_terminal"));
    let cancelled = stack.post(&at("cancel"), &json!({})).await.json();
    assert_eq!((&cancelled["status"], &cancelled["changed"]), (&json!("completed"), &json!(false)));
}

#[tokio::test]
async fn an_idempotency_key_starts_one_run_and_stands_for_one_body() {
    let stack = Stack::new().await;
    let (body, other) =
        (json!({"workflow": signal()}), json!({"workflow": signal(), "labels": {"a": "b"}}));
    let key = [("idempotency-key", "k-1")];
    let send = |path: &'static str, body: Value| {
        let stack = &stack;
        async move { stack.ask_with(&stack.admin, Method::POST, path, Some(&body), &key).await }
    };
    let first = send("/v1/runs", body.clone()).await;
    let again = send("/runs", body.clone()).await;
    assert_eq!((first.status, again.status), (StatusCode::CREATED, StatusCode::CREATED));
    assert_eq!(first.json(), again.json());
    assert_eq!(
        (first.header("idempotency-replayed"), again.header("idempotency-replayed")),
        ("", "true")
    );
    let misused = send("/v1/runs", other).await;
    assert_eq!(misused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(misused.code(), "idempotency_key_reused");
    let theirs = stack.ask_with(&stack.foreign, Method::POST, "/v1/runs", Some(&body), &key).await;
    assert_ne!(theirs.json()["id"], first.json()["id"]);
    let run = first.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/runs/{run}/pause");
    let pause = || stack.ask_with(&stack.admin, Method::POST, &path, None, &key);
    let (one, two) = (pause().await, pause().await);
    assert_eq!((one.json(), two.header("idempotency-replayed")), (two.json(), "true"));
    let bad = [("idempotency-key", "")];
    let refused = stack.ask_with(&stack.admin, Method::POST, "/v1/runs", Some(&body), &bad).await;
    assert_eq!(refused.code(), "invalid_header");
}

#[tokio::test]
async fn a_dedup_key_is_held_until_its_run_is_over() {
    let stack = Stack::new().await;
    let body =
        |policy: &str| json!({"workflow": signal(), "dedup": {"key": "order-7", "policy": policy}});
    let first = stack.post("/v1/runs", &body("reject")).await.json();
    let refused = stack.post("/v1/runs", &body("reject")).await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::CONFLICT, "dedup_conflict"));
    assert_eq!(refused.json()["run"], first["id"]);
    let attached = stack.post("/v1/runs", &body("attach")).await;
    assert_eq!(attached.status, StatusCode::OK);
    assert_eq!(
        (&attached.json()["id"], &attached.json()["attached"]),
        (&first["id"], &json!(true))
    );
    let run = first["id"].as_str().unwrap();
    stack.post(&format!("/v1/runs/{run}/cancel"), &json!({})).await;
    stack.over(run).await;
    assert_eq!(stack.post("/v1/runs", &body("reject")).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_batch_answers_for_each_and_a_repetition_starts_nothing_twice() {
    let stack = Stack::new().await;
    let body = json!({"runs": [
        {"workflow": signal()}, {"workflow": "nobody"}, {"tag": "x", "workflow": "y"},
    ]});
    let key = [("idempotency-key", "b")];
    let send = || stack.ask_with(&stack.admin, Method::POST, "/v1/runs:batch", Some(&body), &key);
    let first = send().await.json();
    assert_eq!((&first["started"], &first["refused"]), (&json!(1), &json!(2)));
    assert_eq!(first["items"][1]["problem"]["code"], "workflow_not_found");
    assert_eq!(first["items"][2]["problem"]["code"], "invalid_request");
    assert_eq!(send().await.json()["items"][0], first["items"][0]);
    for runs in [json!([]), Value::Array(vec![json!({}); 1_001])] {
        let refused = stack.post("/v1/runs:batch", &json!({"runs": runs})).await;
        assert_eq!(refused.code(), "invalid_request");
    }
}

#[tokio::test]
async fn runs_are_listed_newest_first_filtered_and_in_pages() {
    let stack = Stack::new().await;
    let mut ids = Vec::new();
    for index in 0..5 {
        let labels = json!({"n": format!("{}", index % 2)});
        let got = stack.post("/v1/runs", &json!({"workflow": signal(), "labels": labels})).await;
        ids.push(got.json()["id"].as_str().unwrap().to_owned());
    }
    ids.sort_by(|a, b| b.cmp(a));
    let (mut listed, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = stack.get(&format!("/v1/runs?limit=2{cursor}")).await.json();
        let items = page["items"].as_array().unwrap().iter();
        listed.extend(items.map(|item| item["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(listed, ids);
    let count = |query: &'static str| {
        let stack = &stack;
        async move {
            let page = stack.get(&format!("/v1/runs?{query}")).await.json();
            page["items"].as_array().unwrap().len()
        }
    };
    assert_eq!(count("label=n:0").await, 3);
    assert_eq!(count("label=n%3D1").await, 2);
    assert_eq!(count("status=waiting,failed&status=paused").await, 5);
    assert_eq!(count("status=completed").await, 0);
    let cases =
        ["limit=0", "cursor=x", "status=wating", "parent=x", "label=x", "colour=red", "digest=1"];
    for query in cases {
        let refused = stack.get(&format!("/v1/runs?{query}")).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{query}");
    }
}

#[tokio::test]
async fn a_wait_ends_with_the_run_or_with_its_time() {
    let stack = Stack::new().await;
    let prefer = [("prefer", "respond-async, wait=30")];
    let body = json!({"workflow": echo(&json!(1))});
    let got = stack.ask_with(&stack.admin, Method::POST, "/v1/runs", Some(&body), &prefer).await;
    assert_eq!(got.json()["status"], "completed");
    assert_eq!((got.status, &got.json()["output"]), (StatusCode::CREATED, &json!(1)));
    // A run that waits for somebody is not over: its time goes by first.
    let (body, soon) = (json!({"workflow": signal()}), [("prefer", "wait=1")]);
    let asked = (stack.clock)();
    let got = stack.ask_with(&stack.admin, Method::POST, "/v1/runs", Some(&body), &soon).await;
    assert_eq!((got.status, &got.json()["status"]), (StatusCode::CREATED, &json!("waiting")));
    assert!((stack.clock)() - asked >= 1_000, "it did not wait");
    let run = stack.start(&signal()).await;
    let (path, now) = (format!("/v1/runs/{run}"), [("prefer", "wait=0")]);
    let got = stack.ask_with(&stack.admin, Method::GET, &path, None, &now).await;
    assert_eq!(got.json()["status"], "waiting");
    let waiting = stack.over(&run);
    let (go, nothing) = (format!("/v1/runs/{run}/signals/go"), json!(null));
    let signalling = stack.post(&go, &nothing);
    let (view, _) = tokio::join!(waiting, signalling);
    assert_eq!(view["status"], "completed");
    let bad = [("prefer", "wait=soon")];
    let refused = stack.ask_with(&stack.admin, Method::GET, &path, None, &bad).await;
    assert_eq!(refused.code(), "invalid_header");
}

#[tokio::test]
async fn rates_are_limited_by_tier_where_configured() {
    let limits = aob_orchestrator::RateLimits { simple: 1, standard: 1, heavy: 1 };
    let stack = Stack::with_rates(Some(limits)).await;
    stack.start(&signal()).await;
    let refused = stack.post("/v1/runs", &json!({"workflow": signal()})).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (StatusCode::TOO_MANY_REQUESTS, "rate_limited")
    );
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 0);
    let theirs = json!({"workflow": signal()});
    let got = stack.ask(&stack.foreign, Method::POST, "/v1/runs", Some(&theirs)).await;
    assert_eq!(got.status, StatusCode::CREATED);
}

#[tokio::test]
async fn long_values_are_named_and_short_ones_shown() {
    let stack = Stack::new().await;
    let long = "x".repeat(20_000);
    let document = crate::stack::one(
        json!({"id": "t", "type": "transform", "config": {"template": "$inputs"}}),
    );
    let got = stack.post("/v1/runs", &json!({"workflow": document, "inputs": long})).await;
    let run = got.json()["id"].as_str().unwrap().to_owned();
    let view = stack.over(&run).await;
    assert_eq!(view.get("output"), None);
    let href = view["output_ref"]["href"].as_str().unwrap();
    assert_eq!(stack.get(href).await.json(), json!(long));
    let foreign = stack.ask(&stack.foreign, Method::GET, href, None).await;
    assert_eq!(foreign.code(), "artifact_not_found");
}

#[tokio::test]
async fn a_signed_url_delivers_one_signal_of_one_run_without_a_key() {
    let stack = Stack::new().await;
    let workflow = json!({
        "nodes": [{"id": "s", "type": "signal", "config": {"name": "paid in full", "webhook": true}}],
        "edges": [],
    });
    let run = stack.start(&workflow).await;
    let show = |run: &str| format!("/v1/runs/{run}/signals/paid%20in%20full/webhook");
    let url = stack.get(&show(&run)).await.json()["path"].as_str().unwrap().to_owned();
    let theirs = stack.ask(&stack.foreign, Method::GET, &show(&run), None).await;
    assert_eq!(theirs.status, StatusCode::NOT_FOUND);

    let post = |path: String, id: &'static str, body: &'static str| {
        let request = Request::post(path).header("webhook-id", id);
        let request = request.header("content-type", "application/json");
        stack.send(request.body(Body::from(body)).unwrap())
    };
    let other = stack.start(&workflow).await;
    let wrong = [
        url.replace("paid", "sent"),
        url.replace(&run, &other),
        url.replace(&run, "nobody"),
        format!("{}{}", &url[..url.len() - 1], if url.ends_with('0') { '1' } else { '0' }),
        url[..url.len() - 2].to_owned(),
    ];
    for path in wrong {
        let refused = post(path.clone(), "1", "{}").await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(post(url.clone(), "1", "not JSON").await.code(), "invalid_body");
    assert_eq!(post(url.clone(), "", "{}").await.code(), "invalid_header");
    let huge = "1".repeat(300_000).leak();
    assert_eq!(post(url.clone(), "1", huge).await.status, StatusCode::PAYLOAD_TOO_LARGE);

    stack.post(&format!("/v1/runs/{run}/pause"), &json!({})).await;
    for _ in 0..2 {
        let taken = post(url.clone(), "1", r#"{"amount": 120}"#).await;
        assert_eq!(taken.status, StatusCode::NO_CONTENT);
    }
    stack.post(&format!("/v1/runs/{run}/resume"), &json!({})).await;
    assert_eq!(stack.over(&run).await["output"], json!({"amount": 120}));
    let events = stack.get(&format!("/v1/runs/{run}/events")).await.json();
    let events = events["items"].as_array().unwrap().iter();
    assert_eq!(events.filter(|event| event["type"] == "signal_received").count(), 1);
    assert_eq!(post(url, "2", "{}").await.code(), "run_terminal");

    let plain = stack.start(&signal()).await;
    let refused = stack.get(&show(&plain)).await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::CONFLICT, "no_webhook"));
}

/// Posts to a webhook from an address.
async fn deliver(stack: &Stack, path: &str, from: &str) -> Got {
    let request = Request::post(path).header("content-type", "application/json");
    let mut request = request.body(Body::from("{}")).expect("a request");
    request.extensions_mut().insert(Peer(from.parse().expect("an address")));
    stack.send(request).await
}

#[tokio::test]
async fn whoever_guesses_signatures_is_told_to_wait() {
    let stack = Stack::new().await;
    let run = stack.start(&webhook()).await;
    let show = format!("/v1/runs/{run}/signals/go/webhook");
    let url = stack.get(&show).await.json()["path"].as_str().unwrap().to_owned();
    let wrong = url.replace("/go/", "/gone/");
    for path in [wrong.as_str(), "/v1/webhooks/nobody/go/00"].into_iter().cycle().take(20) {
        assert_eq!(deliver(&stack, path, "192.0.2.1").await.status, StatusCode::NOT_FOUND);
    }
    for path in [&wrong, &url] {
        let refused = deliver(&stack, path, "192.0.2.1").await;
        assert_eq!(refused.code(), "too_many_attempts");
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
        assert_ne!(refused.header("retry-after"), "");
    }
    // Signatures and keys are counted together, and by address.
    let keyed = |from: &str| {
        let guess = aob_edge::mint_token(&stack.entropy).token;
        let request = Request::get("/v1/runs").header("authorization", format!("Bearer {guess}"));
        let mut request = request.body(Body::empty()).expect("a request");
        request.extensions_mut().insert(Peer(from.parse().expect("an address")));
        stack.send(request)
    };
    assert_eq!(keyed("192.0.2.1").await.code(), "too_many_attempts");
    assert_eq!(keyed("192.0.2.2").await.code(), "unauthenticated");
    assert_eq!(deliver(&stack, &url, "192.0.2.2").await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_wrong_signature_makes_no_key() {
    let stack = Stack::new().await;
    let run = stack.start(&webhook()).await;
    let id = aob_store::StreamId(run.parse().expect("a UUID"));
    let workspace = stack.store.workspace_of(id).await.unwrap().expect("the run is there");
    let known = || stack.store.signing_key_known(workspace, "webhooks");
    let guess = format!("/v1/webhooks/{run}/go/{}", "00".repeat(32));
    let refused = deliver(&stack, &guess, "192.0.2.1").await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (StatusCode::NOT_FOUND, "route_not_found")
    );
    assert_eq!(known().await.unwrap(), None);
    stack.get(&format!("/v1/runs/{run}/signals/go/webhook")).await;
    assert!(known().await.unwrap().is_some());
    let again = deliver(&stack, &guess, "192.0.2.1").await;
    assert_eq!(again.json()["detail"], refused.json()["detail"]);
}

fn webhook() -> Value {
    json!({
        "nodes": [{"id": "s", "type": "signal", "config": {"name": "go", "webhook": true}}],
        "edges": [],
    })
}
