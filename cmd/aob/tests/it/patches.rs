//! Runs of a real `aob dev` are changed while they go on.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::shell::Home;
use crate::stack::Dev;

/// `fetch` waits for a signal, so that there is time to change what follows.
const STEPS: &str = r#"{"nodes": [
    {"id": "fetch", "type": "signal", "config": {"name": "go"}},
    {"id": "process", "type": "function", "config": {"name": "echo", "args": "p"}},
    {"id": "save", "type": "function", "config": {"name": "echo", "args": "$input"}}],
    "edges": [{"from": "fetch", "to": "process"}, {"from": "process", "to": "save"}]}"#;
const VALIDATE: &str =
    r#"{"id": "validate", "type": "transform", "config": {"template": ["$input"]}}"#;
const MAIL: &str = r#"{"id": "email", "type": "function", "pool": "mail",
    "config": {"name": "send_mail", "args": {}}}"#;

fn home() -> Home {
    let home = Home::new();
    home.file("steps.json", STEPS);
    home.file("mail.json", MAIL);
    home
}

fn done(home: &Home, run: &str) -> Value {
    home.ok(&["run", "wait", run, "--timeout", "30s"]);
    home.json(&["run", "status", run])
}

#[test]
fn a_node_put_between_two_others_is_run_through() {
    let home = home();
    let _dev = Dev::start(&home, &[]);
    let run = home.start("steps.json");
    let edit = ["--add-node", VALIDATE, "--between", "process", "save"];
    let plan = home.ok(&[&["patch", "plan", &run][..], &edit].concat());
    for part in ["+ node validate", "- edge process -> save", "layer 2", "applies at once"] {
        assert!(plan.contains(part), "{part}: {plan}");
    }
    assert!(!plan.contains('\u{1b}'), "{plan}");
    assert_eq!(home.json(&["patch", "list", &run])["items"], json!([]));
    let applied = home.json(&[&["patch", "apply", &run, "--reason", "check"][..], &edit].concat());
    assert_eq!((&applied["status"], &applied["revision"]), (&json!("applied"), &json!(1)));
    assert!(home.ok(&["patch", "show", &run]).contains("in force"));
    assert!(home.ok(&["patch", "diff", &run]).contains("+ edge validate -> save"));
    home.ok(&["signal", "send", &run, "go"]);
    assert_eq!(done(&home, &run)["output"], json!(["p"]));
    let log = home.ok(&["run", "events", &run]);
    assert!(log.contains("revision 1 of the graph holds from here on"), "{log}");
    let late = home.aob(&["patch", "apply", &run, "--set", "save/config/args=1"]);
    assert_eq!(late.code, 4, "{}", late.stderr);
    assert!(late.stderr.contains("fork"), "{}", late.stderr);
}

#[test]
fn what_was_proposed_before_the_end_and_approved_after_it_still_runs() {
    let home = home();
    let _dev = Dev::start(&home, &[]);
    let run = home.start("steps.json");
    let edit = ["--add-node", "mail.json", "--after", "save", "--reason", "the customer asked"];
    let asked = home.json(&[&["patch", "apply", &run][..], &edit].concat());
    assert_eq!(asked["status"], "waiting");
    home.ok(&["signal", "send", &run, "go"]);
    let args =
        ["logs", "stream", &run, "--types", "node_completed", "--node", "save", "-o", "jsonl"];
    first_line(&home, &args);
    let waits = home.json(&["run", "explain", &run]);
    assert_eq!(waits["waits"][0]["reason"], "patch_approval", "{waits}");
    let shown = home.ok(&["approve", asked["ticket"].as_str().unwrap()]);
    for part in ["the customer asked", "function send_mail", "+ node email"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    home.ok(&["patch", "approve", &run, "--reason", "fine"]);
    let runner =
        ["runner", "--pool", "mail", "--exec", "send_mail=read line; echo '{\"sent\": true}'"];
    let mut runner = home.command(&runner).spawn().unwrap();
    assert_eq!(done(&home, &run)["output"], json!({"sent": true}));
    let _ = runner.kill();
    runner.wait().unwrap();
}

fn first_line(home: &Home, args: &[&str]) {
    let mut child = home.command(args).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let _ = child.kill();
    child.wait().unwrap();
    assert!(!line.is_empty());
}

#[test]
fn a_wrong_address_in_a_parked_node_is_repaired_and_the_run_goes_on() {
    let home = home();
    let service = TcpListener::bind("127.0.0.1:0").unwrap();
    let right = format!("http://{}/", service.local_addr().unwrap());
    // The address is free, and nobody listens there.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in service.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                line.clear();
            }
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\ntrue";
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    let document = json!({"nodes": [{"id": "call", "type": "http", "on_error": "park",
        "retry": {"max_attempts": 1}, "config": {"url": format!("http://{nobody}/")}}]});
    home.file("call.json", &document.to_string());
    let open = right.trim_start_matches("http://").trim_end_matches('/');
    let wrong = nobody.to_string();
    let _dev = Dev::start(&home, &["--allow-host", open, "--allow-host", &wrong]);
    let run = home.start("call.json");
    home.event(&run, "node_parked");
    let set = format!("call/config/url={right}");
    let asked = home.json(&["patch", "apply", &run, "--set", &set, "--reason", "they moved"]);
    assert_eq!(asked["status"], "waiting", "another host is growth: {asked}");
    home.ok(&["patch", "approve", &run]);
    home.ok(&["run", "retry", &run, "call"]);
    let view = done(&home, &run);
    assert_eq!((&view["status"], &view["output"]["status"]), (&json!("completed"), &json!(200)));
}

#[test]
fn without_a_server_the_first_layer_answers() {
    let home = home();
    let plan = ["patch", "plan", "--offline", "steps.json"];
    let edit = ["--add-node", VALIDATE, "--between", "process", "save"];
    let text = home.ok(&[&plan[..], &edit].concat());
    assert!(text.contains("+ node validate") && text.contains("layer 1"), "{text}");
    let agents: Vec<Value> = (0..6)
        .map(|n| {
            json!({"op": "add", "path": "/nodes/-", "value":
            {"id": format!("a{n}"), "type": "agent", "config": {"task": "think"}}})
        })
        .collect();
    let operations = json!(agents).to_string();
    let done = home.aob(&[&plan[..], &[&operations]].concat());
    assert_eq!((done.code, done.stdout.as_str()), (2, ""));
    assert!(done.stderr.contains("agent"), "{}", done.stderr);
    assert_eq!(home.aob(&plan).code, 2);
    let nowhere = ["--add-node", VALIDATE, "--between", "save", "fetch"];
    assert_eq!(home.aob(&[&plan[..], &nowhere].concat()).code, 3);
}

#[test]
fn what_is_suggested_for_a_patch_that_waits_works_as_it_is_typed() {
    let home = home();
    let _dev = Dev::start(&home, &[]);
    for (number, status) in ["applied", "rejected", "rejected"].into_iter().enumerate() {
        let run = home.start("steps.json");
        home.ok(&["patch", "apply", &run, "--add-node", "mail.json", "--after", "save"]);
        let wait = &home.json(&["run", "explain", &run])["waits"][0];
        let others = wait["alternatives"].as_array().unwrap().iter();
        let all: Vec<&Value> = std::iter::once(&wait["remedy"]).chain(others).collect();
        assert_eq!(all.len(), 3, "{wait}");
        let words: Vec<&str> = all[number].as_str().unwrap().split(' ').skip(1).collect();
        home.ok(&words);
        assert_eq!(home.json(&["patch", "show", &run])["status"], status, "{words:?}");
    }
}
