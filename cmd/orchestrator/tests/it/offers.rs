//! Jobs of pools on topics: offered, claimed once, answered on a topic.

use std::collections::BTreeMap;

use aob_api::Role;
use aob_bus::{Consumer, Message, Outgoing, Topic};
use aob_ir::Digest;
use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use crate::stack::{OURS, Stack, THEIRS, pooled};

const CLAIM: &str = "/v1/runners/claim";

/// A runner that reads a topic.
struct Reader {
    jobs: Box<dyn Consumer>,
    key: String,
}

impl Reader {
    async fn new(stack: &Stack) -> Self {
        let jobs = stack.bus.subscribe(&Topic::new("agent.jobs"), "aob.own").await;
        let key = stack.key(OURS, "reader", &[Role::Runner]).await;
        Self { jobs: jobs.expect("a topic"), key }
    }

    /// The offers of two runs, which may come in any order, and more than once.
    async fn both(&self, run: &str, other: &str) -> (Message, Message) {
        let mut offers = BTreeMap::new();
        while !(offers.contains_key(run) && offers.contains_key(other)) {
            let message = self.next().await;
            let of = job(&message)["run"].as_str().expect("a run").to_owned();
            offers.insert(of, message);
        }
        let mut take = |run: &str| offers.remove(run).expect("it came");
        (take(run), take(other))
    }

    async fn next(&self) -> Message {
        let mut messages = self.jobs.recv_batch(1).await.expect("the bus answers");
        messages.pop().expect("at least one")
    }
}

fn job(message: &Message) -> Value {
    serde_json::from_slice(&message.payload).expect("a job")
}

/// What a runner sends to claim this message.
fn claim(runner: &str, message: &Message) -> Value {
    let offer = message.headers.iter().find(|header| header.name == "aob-offer");
    let offer = String::from_utf8(offer.expect("an offer").value.to_vec()).expect("text");
    let digest = Digest::of(&message.payload);
    json!({"runner": runner, "pool": "own", "offers": [{"offer": offer, "digest": digest}]})
}

/// Asks for a lease, and gives the answer to it.
async fn ask(stack: &Stack, key: &str, body: &Value) -> Value {
    stack.ask(key, Method::POST, CLAIM, Some(body)).await.json()["claims"][0].clone()
}

fn result(job: &Value, token: &Value, output: &str) -> Value {
    json!({"token": token, "logs": {"first": 0, "lines": [output]}, "result": {
        "workspace": job["workspace"], "run": job["run"], "instance": "f", "attempt": 1,
        "runner": "k1", "outcome": {"completed": {"output": {"value": output}}},
    }})
}

async fn publish(stack: &Stack, payload: impl Into<Bytes>) {
    let topic = Topic::new("agent.results");
    let message = Outgoing { topic, key: [1; 16], headers: Vec::new(), payload: payload.into() };
    stack.bus.publish(vec![message]).await.expect("the bus answers");
}

#[tokio::test]
async fn an_offer_is_claimed_once_and_answered_on_a_topic() {
    let stack = Stack::with_topics().await;
    let reader = Reader::new(&stack).await;
    let run = stack.start(&pooled()).await;
    let message = reader.next().await;
    let job = job(&message);
    assert_eq!(
        (&job["run"], &job["name"], &job["token"]),
        (&json!(run), &json!("mine"), &Value::Null)
    );
    let granted = ask(&stack, &reader.key, &claim("k1", &message)).await;
    let token = granted["token"].clone();
    assert!(token.as_str().is_some_and(|token| token.starts_with("job.")), "{granted}");
    // Whoever else got the same message, and long polls, get nothing; who holds it gets it again.
    assert_eq!(
        ask(&stack, &reader.key, &claim("k2", &message)).await,
        json!({"standing": "taken"})
    );
    assert_eq!(ask(&stack, &reader.key, &claim("k1", &message)).await, granted);
    let poll = json!({"runner": "p", "pool": "own", "names": ["mine"], "limit": 1, "wait_ms": 0});
    let polled = stack.ask(&reader.key, Method::POST, "/v1/runners/lease", Some(&poll)).await;
    assert_eq!(polled.json()["jobs"], json!([]));
    publish(&stack, result(&job, &token, "done").to_string()).await;
    assert_eq!(stack.over(&run).await["output"], "done");
    assert_eq!(stack.lines(&run).await, [(0, "[\"done\"]".to_owned())]);
    // What comes twice, and late, changes nothing.
    publish(&stack, result(&job, &token, "again").to_string()).await;
    assert_eq!(
        ask(&stack, &reader.key, &claim("k3", &message)).await,
        json!({"standing": "taken"})
    );
}

#[tokio::test]
async fn what_is_not_an_offer_of_ours_is_not_executed() {
    let stack = Stack::with_topics().await;
    let reader = Reader::new(&stack).await;
    stack.start(&pooled()).await;
    let message = reader.next().await;
    let good = claim("k1", &message);
    let mut forged = Vec::new();
    for (at, value) in [
        ("/offers/0/offer", json!("offer.00.00")),
        ("/offers/0/offer", json!("")),
        ("/offers/0/digest", json!(Digest::of(b"{\"another\": \"job\"}"))),
        ("/pool", json!("another")),
    ] {
        let mut body = good.clone();
        *body.pointer_mut(at).expect("it is there") = value;
        forged.push(body);
    }
    for body in &forged {
        assert_eq!(ask(&stack, &reader.key, body).await, json!({"standing": "invalid"}), "{body}");
    }
    let theirs = stack.key(THEIRS, "t", &[Role::Runner]).await;
    assert_eq!(ask(&stack, &theirs, &good).await, json!({"standing": "invalid"}));
    // An offer speaks for nobody.
    let offer = &good["offers"][0]["offer"];
    let result = result(&job(&message), offer, "forged");
    let got = stack.ask(&reader.key, Method::POST, "/v1/runners/result", Some(&result)).await;
    assert_eq!(got.code(), "invalid_job_token");
    let granted = ask(&stack, &reader.key, &good).await;
    assert!(granted["token"].is_string(), "{granted}");
}

#[tokio::test]
async fn results_that_nobody_may_give_go_to_the_dead_letters_and_hold_nothing_up() {
    let stack = Stack::with_topics().await;
    let reader = Reader::new(&stack).await;
    let dead = Topic::new("agent.results.dead");
    let dead = stack.bus.subscribe(&dead, "somebody").await.expect("a topic");
    let run = stack.start(&pooled()).await;
    let other = stack.start(&pooled()).await;
    let (first, second) = reader.both(&run, &other).await;
    let token = ask(&stack, &reader.key, &claim("k1", &first)).await["token"].clone();
    let another = ask(&stack, &reader.key, &claim("k1", &second)).await;
    let another = another["token"].clone();
    let mine = job(&first);
    let mut workspace = result(&mine, &token, "forged");
    workspace["result"]["workspace"] = json!(THEIRS);
    let mut namesake = result(&mine, &token, "forged");
    namesake["result"]["runner"] = json!("k2");
    publish(&stack, "not json").await;
    for forged in [
        result(&mine, &Value::Null, "forged"),
        result(&mine, &json!("job.00.00"), "forged"),
        result(&mine, &another, "forged"),
        workspace,
        // Its token is right, and the lease another runner's: refused, but nothing unreadable.
        namesake,
    ] {
        publish(&stack, forged.to_string()).await;
    }
    publish(&stack, result(&mine, &token, "true").to_string()).await;
    publish(&stack, result(&job(&second), &another, "true").to_string()).await;
    assert_eq!(stack.over(&run).await["output"], "true");
    assert_eq!(stack.over(&other).await["output"], "true");
    let mut reasons = Vec::new();
    while reasons.is_empty() {
        for letter in dead.recv_batch(16).await.expect("the bus answers") {
            let reason = letter.headers.iter().find(|header| header.name == "aob-dead-reason");
            reasons.push(String::from_utf8_lossy(&reason.expect("a reason").value).into_owned());
        }
    }
    assert!(reasons[0].starts_with("expected"), "{reasons:?}");
}

#[tokio::test]
async fn a_flood_of_nonsense_delays_nobody_for_long() {
    let stack = Stack::with_topics().await;
    let reader = Reader::new(&stack).await;
    let run = stack.start(&pooled()).await;
    let message = reader.next().await;
    let token = ask(&stack, &reader.key, &claim("k1", &message)).await["token"].clone();
    let forged = result(&job(&message), &json!(format!("job.{}", "0".repeat(400))), "forged");
    let forged = Bytes::from(forged.to_string());
    let topic = Topic::new("agent.results");
    let flood = (0..10_000_u32).map(|n| Outgoing {
        topic: topic.clone(),
        key: u128::from(n).to_be_bytes(),
        headers: Vec::new(),
        payload: forged.clone(),
    });
    stack.bus.publish(flood.collect()).await.expect("the bus answers");
    publish(&stack, result(&job(&message), &token, "done").to_string()).await;
    assert_eq!(stack.over(&run).await["output"], "done");
}
