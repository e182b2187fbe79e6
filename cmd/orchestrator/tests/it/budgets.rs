//! Budgets: reserved before each call of a model, settled after it, raised by people.

use std::sync::atomic::{AtomicU64, Ordering};

use aob_api::Role;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::stack::{Got, OURS, Stack, one};

/// Instances of the storm.
const INSTANCES: u64 = 100;

fn agent(budget: &Value) -> Value {
    json!({"id": "research", "type": "agent", "pool": "own", "config": {"task": "t", "budget": budget}})
}

/// A stack, with the key of a runner.
struct World {
    stack: Stack,
    runner: String,
}

impl World {
    async fn new() -> Self {
        let stack = Stack::new().await;
        let runner = stack.key(OURS, "r", &[Role::Runner, Role::Agent]).await;
        Self { stack, runner }
    }

    /// The next jobs of agents, at most `limit`.
    async fn lease(&self, limit: u64) -> Vec<Value> {
        let body = json!({"runner": "r1", "pool": "own", "names": ["agent"], "limit": limit});
        let got =
            self.stack.ask(&self.runner, Method::POST, "/v1/runners/lease", Some(&body)).await;
        got.json()["jobs"].as_array().expect("a list of jobs").clone()
    }

    async fn spend(&self, verb: &str, job: &Value, body: &Value) -> Got {
        self.spend_as(&self.runner, verb, job["token"].as_str(), body).await
    }

    async fn spend_as(&self, key: &str, verb: &str, token: Option<&str>, body: &Value) -> Got {
        let headers: Vec<_> = token.iter().map(|token| ("aob-job-token", *token)).collect();
        let path = format!("/v1/runners/{verb}");
        self.stack.ask_with(key, Method::POST, &path, Some(body), &headers).await
    }

    async fn reserve(&self, job: &Value, name: &str, amounts: Value) -> Got {
        self.spend("reserve", job, &json!({"reservation": name, "amounts": amounts})).await
    }

    async fn settle(&self, job: &Value, name: &str, used: Value) -> Got {
        self.spend("settle", job, &json!({"reservation": name, "used": used})).await
    }

    async fn answer(&self, job: &Value) {
        let body = json!({"token": job["token"], "result": {
            "workspace": job["workspace"], "run": job["run"], "instance": job["instance"],
            "attempt": job["attempt"], "runner": "r1",
            "outcome": {"completed": {"output": {"value": "done"}}},
        }});
        let got =
            self.stack.ask(&self.runner, Method::POST, "/v1/runners/result", Some(&body)).await;
        assert_eq!(got.json()["accepted"], true, "{}", got.text);
    }

    async fn budgets(&self, run: &str) -> Value {
        self.stack.get(&format!("/v1/runs/{run}")).await.json()["budgets"].clone()
    }

    /// The checker finds nothing wrong with the log.
    async fn verify(&self, run: &str) {
        let verdict = self.stack.get(&format!("/v1/runs/{run}/verify")).await.json();
        assert_eq!(verdict["ok"], true, "{verdict}");
    }

    /// The events of a run of one type.
    async fn events(&self, run: &str, kind: &str) -> Vec<Value> {
        let path = format!("/v1/runs/{run}/events?limit=1000");
        let page = self.stack.get(&path).await.json();
        let all = page["items"].as_array().expect("a list of events").clone();
        all.into_iter().filter(|event| event["type"] == kind).collect()
    }
}

#[tokio::test]
async fn a_call_is_reserved_before_it_and_settled_after_it() {
    let world = World::new().await;
    let document = one(agent(&json!({"calls": 3, "usd": 1.5})));
    let run = world.stack.start(&document).await;
    let job = world.lease(1).await.remove(0);
    assert_eq!(job["metered"], true);
    let call = json!({"calls": 1, "tokens": 900, "usd": 0.5});
    for _ in 0..2 {
        let got = world.reserve(&job, "c1", call.clone()).await;
        assert_eq!((got.status, got.json()), (StatusCode::OK, json!({"reserved": true})));
    }
    let got = world.reserve(&job, "c1", json!({"calls": 2})).await;
    assert_eq!((got.status, got.code().as_str()), (StatusCode::CONFLICT, "invalid_reservation"));
    let settled = world.settle(&job, "c1", json!({"calls": 1, "tokens": 500, "usd": 0.2})).await;
    assert_eq!(settled.json(), json!({"accepted": true}));
    let settled = world.settle(&job, "c1", json!({"calls": 1})).await;
    assert_eq!(settled.json(), json!({"accepted": false}), "it was settled before");
    assert_eq!(world.settle(&job, "c9", json!({"calls": 1})).await.code(), "invalid_reservation");
    world.reserve(&job, "c2", call.clone()).await;
    assert_eq!(
        world.budgets(&run).await,
        json!([{
            "node": "research", "limit": {"calls": 3, "usd": 1.5},
            "spent": {"calls": 1, "tokens": 500, "usd": 0.2},
            "reserved": {"calls": 1, "tokens": 900, "usd": 0.5},
            "left": {"calls": 1, "usd": 0.8},
        }])
    );
}

#[tokio::test]
async fn what_has_no_room_waits_or_parks_and_asks() {
    let world = World::new().await;
    let run = world.stack.start(&one(agent(&json!({"calls": 3, "usd": 1.5})))).await;
    let job = world.lease(1).await.remove(0);
    world.reserve(&job, "c1", json!({"calls": 1, "usd": 0.5})).await;
    world.reserve(&job, "c2", json!({"calls": 1, "usd": 0.5})).await;
    world.settle(&job, "c1", json!({"calls": 1, "usd": 0.2})).await;
    // What the call under way may leave would do: asked again later, it may fit.
    let busy = world.reserve(&job, "c3", json!({"calls": 1, "usd": 1.0})).await;
    assert_eq!((busy.status, busy.code().as_str()), (StatusCode::TOO_MANY_REQUESTS, "budget_busy"));
    assert_eq!(busy.json()["retry_after_ms"], 500);
    world.settle(&job, "c2", json!({"calls": 1, "usd": 0.5})).await;
    let refused = world.reserve(&job, "c3", json!({"calls": 1, "usd": 1.0})).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (StatusCode::CONFLICT, "budget_exhausted"),
        "{}",
        refused.text
    );
    let problem = refused.json();
    assert_eq!(problem["budget"]["left"], json!({"calls": 1, "usd": 0.8}));
    let ticket = problem["budget"]["ticket"].as_str().expect("a ticket").to_owned();
    assert!(problem["hint"].as_str().is_some_and(|hint| hint.contains(&ticket)), "{problem}");
    told(&world, &run, &job, &ticket).await;
    approve(&world, &ticket).await;
    let next = world.lease(1).await.remove(0);
    assert_eq!(next["attempt"], 2);
    let granted = world.reserve(&next, "c1", json!({"calls": 1, "usd": 1.0})).await;
    assert_eq!(granted.status, StatusCode::OK, "{}", granted.text);
    world.answer(&next).await;
    assert_eq!(world.stack.over(&run).await["status"], "completed");
    let budgets = world.budgets(&run).await;
    let spent = &budgets[0]["spent"];
    assert_eq!((&spent["calls"], &spent["usd"]), (&json!(3), &json!(1.7)), "in full, unsettled");
    assert_eq!(world.events(&run, "budget_warned").await.len(), 1);
    world.verify(&run).await;
}

/// Whose budget is exhausted is over, and everybody learns what to do.
async fn told(world: &World, run: &str, job: &Value, ticket: &str) {
    // The attempt is over: it reserves no more, and nobody waits for it.
    assert_eq!(world.reserve(job, "c4", json!({"calls": 1})).await.code(), "attempt_over");
    let explained = world.stack.get(&format!("/v1/runs/{run}/explain")).await.json();
    let wait = &explained["waits"][0];
    assert_eq!(
        (&wait["reason"], &wait["remedy"]),
        (&json!("budget"), &json!(format!("aob approve {ticket} approve")))
    );
    let raise = format!("aob budget raise {run} --node research --usd 1.5");
    let others = wait["alternatives"].as_array().expect("a list");
    assert!(others.contains(&json!(raise)), "{others:?}");
}

/// Approves what a ticket suggests, as it is shown.
async fn approve(world: &World, ticket: &str) {
    let path = format!("/v1/approvals/{ticket}");
    let shown = world.stack.get(&path).await.json();
    assert_eq!(shown["budget"], json!({"node": "research"}));
    let message = shown["message"].as_str().expect("a message");
    assert!(message.starts_with("Raise the budget of node `research` by 1.5 USD?"), "{message}");
    let body = json!({"decision": "approve", "subject_hash": shown["subject_hash"]});
    let decided = world.stack.post(&format!("{path}/decision"), &body).await;
    assert_eq!(decided.json()["status"], "approved", "{}", decided.text);
}

#[tokio::test]
async fn only_the_token_of_an_attempt_that_is_out_spends() {
    let world = World::new().await;
    let run = world.stack.start(&one(agent(&json!({"calls": 2})))).await;
    let job = world.lease(1).await.remove(0);
    let rival = world.stack.key(OURS, "rival", &[Role::Runner, Role::Agent]).await;
    let theirs = world.stack.key(crate::stack::THEIRS, "t", &[Role::Runner]).await;
    let token = job["token"].as_str().expect("a token").to_owned();
    let forged = token.replace(['0', '1'], "2");
    let body = json!({"reservation": "c1", "amounts": {"calls": 1}});
    let settled = json!({"reservation": "c1", "used": {"calls": 1}});
    for (key, shown) in [
        (&world.runner, None),
        (&world.runner, Some(&*forged)),
        (&world.runner, Some("job.00.00")),
        (&rival, Some(&*token)),
        (&theirs, Some(&*token)),
    ] {
        for (verb, body) in [("reserve", &body), ("settle", &settled)] {
            let got = world.spend_as(key, verb, shown, body).await;
            assert_eq!(
                (got.status, got.code().as_str()),
                (StatusCode::FORBIDDEN, "invalid_job_token"),
                "{verb} {shown:?}"
            );
        }
    }
    // A token spends for its own run alone: another run's budget stays as it is.
    let other = world.stack.start(&one(agent(&json!({"calls": 2})))).await;
    assert_eq!(world.reserve(&job, "c1", json!({"calls": 1})).await.status, StatusCode::OK);
    assert_eq!(world.budgets(&run).await[0]["reserved"]["calls"], 1);
    assert_eq!(world.budgets(&other).await[0]["reserved"]["calls"], 0);
    world.answer(&job).await;
    assert_eq!(world.reserve(&job, "c2", json!({"calls": 1})).await.code(), "attempt_over");
    let late = world.settle(&job, "c1", json!({"calls": 1})).await;
    assert_eq!(late.json(), json!({"accepted": false}), "it was charged in full");
    assert_eq!(world.budgets(&run).await[0]["spent"]["calls"], 1);
    let bad = [
        json!({"reservation": "", "amounts": {}}),
        json!({"reservation": "c", "amounts": {"usd": -1}}),
        json!({"reservation": "c", "amounts": {"euros": 1}}),
    ];
    let next = world.lease(1).await.remove(0);
    for body in bad {
        let got = world.spend("reserve", &next, &body).await;
        assert!(got.status.is_client_error(), "{body}: {}", got.text);
    }
}

#[tokio::test]
async fn a_run_is_started_with_a_budget_and_a_person_raises_it() {
    let world = World::new().await;
    let mut document = one(agent(&json!({})));
    document["limits"] = json!({"budget": {"calls": 9, "tokens": 100}});
    let body = json!({"workflow": document, "budget": {"calls": 1}});
    let started = world.stack.post("/v1/runs", &body).await;
    assert_eq!(started.status, StatusCode::CREATED, "{}", started.text);
    let run = started.json()["id"].as_str().expect("an id").to_owned();
    // What is not named is as the document says.
    assert_eq!(world.budgets(&run).await[0]["limit"], json!({"calls": 1, "tokens": 100}));
    let job = world.lease(1).await.remove(0);
    world.reserve(&job, "c1", json!({"calls": 1})).await;
    world.settle(&job, "c1", json!({"calls": 1})).await;
    assert_eq!(world.reserve(&job, "c2", json!({"calls": 1})).await.code(), "budget_exhausted");
    let path = format!("/v1/runs/{run}/budget");
    let raise = json!({"calls": 5});
    let by_machine = world.stack.ask(&world.runner, Method::POST, &path, Some(&raise)).await;
    assert_eq!(by_machine.status, StatusCode::FORBIDDEN, "{}", by_machine.text);
    for (body, code) in [
        (json!({}), "invalid_form"),
        (json!({"usd": 1}), "invalid_form"),
        (json!({"calls": 1_000_000_001}), "invalid_request"),
        (json!({"node": "research", "calls": 1}), "unknown_budget"),
        (json!({"node": "nobody", "calls": 1}), "unknown_budget"),
    ] {
        assert_eq!(world.stack.post(&path, &body).await.code(), code, "{body}");
    }
    let once = [("idempotency-key", "raise-1")];
    for _ in 0..2 {
        let raised =
            world.stack.ask_with(&world.stack.admin, Method::POST, &path, Some(&raise), &once);
        assert_eq!(raised.await.status, StatusCode::OK);
    }
    assert_eq!(world.budgets(&run).await[0]["limit"]["calls"], 6);
    let open = world.stack.get(&format!("/v1/approvals?status=pending&run={run}")).await.json();
    assert_eq!(open["items"], json!([]), "nobody is asked any more");
    let next = world.lease(1).await.remove(0);
    assert_eq!(world.reserve(&next, "c1", json!({"calls": 1})).await.status, StatusCode::OK);
    world.answer(&next).await;
    assert_eq!(world.stack.over(&run).await["status"], "completed");
    world.verify(&run).await;
}

/// A model that counts who calls it.
#[derive(Debug, Default)]
struct Model {
    calls: AtomicU64,
}

/// Works as a runner does: before each of two calls it asks, and where there is no room it stops.
async fn works(world: &World, model: &Model, job: &Value) {
    for name in ["c1", "c2"] {
        loop {
            let got = world.reserve(job, name, json!({"calls": 1, "tokens": 100})).await;
            match (got.status, got.code().as_str()) {
                (StatusCode::OK, _) => break,
                (StatusCode::TOO_MANY_REQUESTS, "budget_busy") => tokio::task::yield_now().await,
                (StatusCode::CONFLICT, "budget_exhausted" | "attempt_over") => return,
                other => panic!("{other:?}: {}", got.text),
            }
        }
        model.calls.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        // One in seven forgets to settle, and is charged in full.
        let number = job["instance"].as_str().map_or(0, str::len) as u64;
        if !number.is_multiple_of(7) {
            world.settle(job, name, json!({"calls": 1, "tokens": 40})).await;
        }
    }
    world.answer(job).await;
}

#[tokio::test]
async fn a_hundred_agents_at_once_make_not_one_call_too_many() {
    const CAP: u64 = 150;
    let world = World::new().await;
    let items: Vec<u64> = (0..INSTANCES).collect();
    let mut body = agent(&json!({}));
    body.as_object_mut().expect("an object").remove("id");
    let map = json!({"id": "all", "type": "map",
        "config": {"items": items, "max_parallel": INSTANCES, "node": body}});
    let started = json!({"workflow": one(map), "budget": {"calls": CAP}});
    let run = world.stack.post("/v1/runs", &started).await.json();
    let run = run["id"].as_str().expect("an id").to_owned();
    let model = Model::default();
    let mut jobs = Vec::new();
    while jobs.len() < INSTANCES as usize {
        jobs.extend(world.lease(INSTANCES).await);
    }
    let all = jobs.iter().map(|job| works(&world, &model, job));
    futures::future::join_all(all).await;
    let first = model.calls.load(Ordering::SeqCst);
    assert_eq!(first, CAP, "every call that the budget has room for, and not one more");
    assert_eq!(world.events(&run, "budget_warned").await.len(), 1);
    let open = world.stack.get(&format!("/v1/approvals?status=pending&run={run}")).await.json();
    assert_eq!(open["items"].as_array().map(Vec::len), Some(1), "one ticket, however many wait");
    world.verify(&run).await;
    // Raised by enough for all, whoever waits goes on, and the run ends.
    let raised = world.stack.post(&format!("/v1/runs/{run}/budget"), &json!({"calls": 400})).await;
    assert_eq!(raised.status, StatusCode::OK, "{}", raised.text);
    loop {
        let jobs = world.lease(INSTANCES).await;
        if jobs.is_empty() {
            break;
        }
        futures::future::join_all(jobs.iter().map(|job| works(&world, &model, job))).await;
    }
    assert_eq!(world.stack.over(&run).await["status"], "completed");
    let spent = world.budgets(&run).await[0]["spent"]["calls"].clone();
    assert_eq!(spent, json!(model.calls.load(Ordering::SeqCst)), "the log knows every call");
    world.verify(&run).await;
}
