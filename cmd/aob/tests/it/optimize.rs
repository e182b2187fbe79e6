//! Workflows are optimized, against recorded runs of a real `aob dev` too.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::shell::Home;
use crate::stack::Dev;

/// A service that answers each request with its path. Answers where it listens.
fn service() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut first = String::new();
            let _ = reader.read_line(&mut first);
            let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                line.clear();
            }
            let body = json!({"path": path}).to_string();
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
            let _ = write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        }
    });
    address
}

/// Two reads in a row that need nothing of each other, and a branch that is never taken.
fn slow(address: &str) -> Value {
    let get = |id: &str| json!({"id": id, "type": "http", "config": {"url": format!("http://{address}/{id}")}});
    json!({
        "metadata": {"name": "slow"},
        "nodes": [
            {"id": "start", "type": "function", "config": {"name": "echo", "args": "$inputs"}},
            get("a"),
            get("b"),
            {"id": "never", "type": "function", "config": {"name": "echo", "args": 1}},
            {"id": "end", "type": "transform", "config": {"template": {
                "a": "$nodes.a.body.path", "b": "$nodes.b.body.path", "n": "$nodes.start.n"}}},
        ],
        "edges": [
            {"from": "start", "to": "a"}, {"from": "a", "to": "b"}, {"from": "b", "to": "end"},
            {"from": "start", "to": "never", "condition": "false"}, {"from": "never", "to": "end"},
        ],
    })
}

fn rules(plan: &Value) -> Vec<&str> {
    plan["steps"].as_array().unwrap().iter().filter_map(|step| step["rule"].as_str()).collect()
}

#[test]
fn a_file_is_optimized_without_a_server() {
    let home = Home::new();
    home.file("slow.json", &slow("api.example.com").to_string());
    let shown = home.ok(&["optimize", "plan", "slow.json"]);
    for part in ["sequential-to-parallel/pair", "saves 1 job in a run", "- /nodes/never", "5 nodes"]
    {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let plan = home.json(&["optimize", "plan", "slow.json"]);
    let expected =
        ["dead-path-pruning/constant", "sequential-to-parallel/pair", "http-coalescing/siblings"];
    assert_eq!(rules(&plan), expected);
    assert!(plan["steps"][0]["module"].as_str().unwrap().starts_with("sha256:"), "{plan}");
    let one = ["optimize", "plan", "slow.json", "--pass", "dead-path-pruning"];
    assert_eq!(rules(&home.json(&one)), ["dead-path-pruning/constant"]);

    home.ok(&["optimize", "apply", "slow.json", "--to", "fast.json"]);
    home.ok(&["workflow", "validate", "fast.json"]);
    let again = home.ok(&["optimize", "plan", "fast.json"]);
    assert!(again.contains("nothing to save"), "{again}");
    let document: Value =
        serde_json::from_str(&home.ok(&["optimize", "apply", "slow.json"])).unwrap();
    assert_eq!(document, plan["document"]);

    home.file("bad.json", r#"{"nodes": [{"id": "a", "type": "aproval"}]}"#);
    for (args, code) in [
        (&["optimize", "plan", "bad.json"][..], 2),
        (&["optimize", "plan", "slow.json", "--pass", "magic"], 2),
        (&["optimize", "plan"], 2),
    ] {
        let done = home.aob(args);
        assert_eq!((done.code, done.stdout.as_str()), (code, ""), "{args:?}: {}", done.stderr);
    }
}

#[test]
fn a_tag_is_optimized_once_its_recorded_runs_come_out_equal() {
    let home = Home::new();
    let address = service();
    home.file("slow.json", &slow(&address).to_string());
    let _dev = Dev::start(&home, &["--allow-host", &address]);
    home.ok(&["workflow", "create", "slow.json", "--tag", "slow"]);
    let start = |tag: &str| {
        let args = ["run", "start", tag, "--inputs", r#"{"n": 7}"#, "--wait"];
        let run = home.json(&args);
        assert_eq!(run["status"], "completed", "{run}");
        (run["id"].as_str().unwrap().to_owned(), run["output"].clone())
    };
    let (run, output) = start("slow");
    assert_eq!(output, json!({"a": "/a", "b": "/b", "n": 7}));

    let plan = home.json(&["optimize", "plan", "slow", "--against", &run]);
    let proof = &plan["proof"];
    assert_eq!((&proof["holds"], &proof["equal"]), (&json!(true), &json!([run])), "{proof}");
    assert_eq!((&proof["before"]["jobs"], &proof["after"]["jobs"]), (&json!(3), &json!(2)));
    let shown = home.ok(&["optimize", "plan", "slow", "--against", &run]);
    assert!(shown.contains("1 of 1 runs equal") && shown.contains("jobs 3 -> 2"), "{shown}");

    let applied = home.ok(&["optimize", "apply", "slow", "--against", &run, "-o", "name"]);
    assert_eq!(applied, "slow@2");
    let (fast, same) = start("slow");
    assert_eq!(same, output);
    assert_eq!(home.json(&["run", "status", &fast])["digest"], plan["after"]);

    // A run of another version proves nothing, and then nothing is applied.
    let unproven = home.aob(&["optimize", "apply", "slow@1", "--against", &fast]);
    assert_eq!(unproven.code, 1, "{}", unproven.stderr);
    // What came after version 1 is not taken back by what was made of version 1.
    let late = home.aob(&["optimize", "apply", "slow@1"]);
    assert_eq!(late.code, 4, "{}", late.stderr);
    assert_eq!(home.json(&["tag", "history", "slow"])["items"].as_array().unwrap().len(), 2);
}
