//! `aob dev`, which has the approval pages in it, is killed while two people decide the same ticket,
//! each of them twice: there is one decision, and what follows it follows once.

use std::process::{Child, Stdio};

use serde_json::{Value, json};

use crate::shell::Home;
use crate::stack::Dev;
use aob_chaos::{Chance, pass};

/// The amount may be changed before it is approved.
const PAYMENT: &str = r#"{"nodes": [
    {"id": "ok", "type": "hitl", "config": {"message": "pay?", "editable": ["/amount"]}},
    {"id": "pay", "type": "function", "config": {"name": "echo", "args": "$nodes.ok.subject.amount"}}],
    "edges": [{"from": "ok", "to": "pay", "on": "approved"}]}"#;

/// Kills, each with a run of its own.
const KILLS: u64 = 6;

/// Somebody's decision on the ticket of a run, as a program sends it.
fn decide(home: &Home, ticket: &str, token: &str, body: &Value) -> Child {
    let path = format!("/v1/approvals/{ticket}/decision");
    let body = body.to_string();
    let mut command = home.command(&["api", "POST", &path, "--data", &body]);
    command.env("AOB_TOKEN", token).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("it starts")
}

fn key(home: &Home, name: &str) -> String {
    let body = json!({"name": name, "roles": ["approver"]}).to_string();
    let made = home.ok(&["api", "POST", "/v1/keys", "--data", &body]);
    let made: Value = serde_json::from_str(&made).expect("a key");
    made["token"].as_str().expect("a token").to_owned()
}

/// The types of a run's events, with their data.
fn events(home: &Home, run: &str) -> Vec<Value> {
    let log = home.ok(&["run", "events", run, "-o", "jsonl"]);
    log.lines().map(|line| serde_json::from_str(line).expect("an event")).collect()
}

fn count(events: &[Value], kind: &str, more: impl Fn(&Value) -> bool) -> usize {
    events.iter().filter(|event| event["type"] == kind && more(&event["data"])).count()
}

#[test]
fn a_ticket_is_decided_once_whenever_the_server_is_killed() {
    let home = Home::new();
    home.file("payment.json", PAYMENT);
    let mut dev = Dev::start(&home, &[]);
    let people = [key(&home, "grace"), key(&home, "eve")];
    for kill in 0..KILLS {
        let inputs = ["run", "start", "payment.json", "--inputs", r#"{"amount": 9}"#, "-o", "name"];
        let run = home.ok(&inputs).trim().to_owned();
        let listed = home.json(&["approve", "--run", &run]);
        let ticket = listed["items"][0]["ticket"].as_str().expect("a ticket").to_owned();
        // One of them approves, or changes the amount and approves that; the other one rejects.
        let approval = match kill % 2 {
            0 => json!({"decision": "approve"}),
            _ => json!({"decision": "approve", "edits": {"/amount": 7}}),
        };
        let wishes = [approval, json!({"decision": "reject"})];
        let send = || {
            let both = people.iter().zip(&wishes);
            let all = both.clone().chain(both);
            all.map(|(token, body)| decide(&home, &ticket, token, body)).collect::<Vec<Child>>()
        };
        let sent = send();
        pass(Chance::of(13, kill).moment(0, 8));
        assert_eq!(dev.end("KILL"), None);
        let answered = sent.into_iter().any(|mut one| one.wait().expect("it ends").success());
        dev = Dev::start(&home, &[]);
        let before = events(&home, &run);
        assert!(!answered || count(&before, "approval_decided", |_| true) > 0, "kill {kill}");
        // A form that was open since before is sent again, twice.
        for mut one in send() {
            one.wait().expect("it ends");
        }
        home.aob(&["run", "wait", &run, "--timeout", "30s"]);
        let log = events(&home, &run);
        let by_people =
            |data: &Value| data["outcome"] == "approved" || data["outcome"] == "rejected";
        assert_eq!(count(&log, "approval_decided", by_people), 1, "kill {kill}: {log:?}");
        let ended = |data: &Value| data["instance"] == "ok";
        let ends = count(&log, "node_completed", ended) + count(&log, "node_failed", ended);
        assert_eq!(ends, 1, "kill {kill}: {log:?}");
        assert!(count(&log, "approval_edited", |_| true) <= 1, "kill {kill}: {log:?}");
        let view = home.json(&["run", "status", &run]);
        let expected = if kill % 2 == 0 { json!(9) } else { json!(7) };
        assert!(view["status"] != "completed" || view["output"] == expected, "kill {kill}: {view}");
        home.ok(&["run", "verify", &run]);
    }
    assert_eq!(dev.end("KILL"), None);
}
