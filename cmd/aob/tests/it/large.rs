//! Large runs through the product: a map of 100,000 items, and a log of 1,000,000 events that
//! opens and lists in constant memory.

use std::fs;
use std::io::{BufRead, BufReader};
use std::time::Duration;

use serde_json::{Value, json};

use crate::shell::Home;
use crate::stack::Dev;
use aob_chaos::{http, now, say};

const ITEMS: u64 = 100_000;
/// What reading may add to a server's memory, whatever the length of the log.
const READING_KIB: u64 = 128 * 1024;
/// What checking a log may add: the checker remembers each instance.
const CHECKING_KIB: u64 = 512 * 1024;
/// How long one request for a page may take.
const PAGE: Duration = Duration::from_secs(2);

fn map(id: &str) -> Value {
    let body = json!({"id": format!("{id}-body"), "type": "function",
        "config": {"name": "echo", "args": "$item"}});
    json!({"id": id, "type": "map",
        "config": {"items": "$inputs.items", "max_parallel": 1_000, "node": body}})
}

/// A home with inputs of so many items, and a document.
fn home(document: &Value) -> Home {
    let home = Home::new();
    let items: Vec<u64> = (0..ITEMS).collect();
    home.file("inputs.json", &json!({"items": items}).to_string());
    home.file("large.json", &document.to_string());
    home
}

/// A figure of the server's memory in KiB, as Linux counts it.
fn memory(dev: &Dev, what: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", dev.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
#[ignore = "takes a minute: `make test-full`"]
fn a_map_of_100_000_items_completes() {
    let sum = json!({"id": "sum", "type": "aggregate",
        "config": {"items": "$nodes.each", "operation": "sum"}});
    let document = json!({"nodes": [map("each"), sum], "edges": [{"from": "each", "to": "sum"}]});
    let home = home(&document);
    let start = ["run", "start", "large.json", "--inputs", "inputs.json"];
    let expected = json!(ITEMS * (ITEMS - 1) / 2);

    let since = now();
    let embedded = home.json(&[&start[..], &["--embedded", "--data", "e"]].concat());
    assert_eq!((&embedded["status"], &embedded["output"]), (&json!("completed"), &expected));
    say(&format!("{ITEMS} items, embedded: {:?}", since.elapsed()));
    assert!(since.elapsed() < Duration::from_secs(60));

    let dev = Dev::start(&home, &[]);
    let since = now();
    let served = home.json(&[&start[..], &["--timeout", "120s"]].concat());
    assert_eq!((&served["status"], &served["output"]), (&json!("completed"), &expected));
    let (took, peak) = (since.elapsed(), memory(&dev, "VmHWM:"));
    say(&format!("{ITEMS} items, on a server: {took:?}, peak {} MiB", peak / 1024));
    assert!(took < Duration::from_secs(60) && peak < 1024 * 1024);
    let run = served["id"].as_str().unwrap();
    assert_eq!(home.json(&["run", "verify", run])["ok"], true);
}

/// A client of the server's API that looks at its memory.
struct Reader<'a> {
    dev: &'a Dev,
    token: String,
    /// KiB before anything was read.
    before: u64,
}

impl Reader<'_> {
    fn get(&self, path: &str) -> Value {
        let since = now();
        let token = &self.token;
        let head = format!("GET /v1/{path} HTTP/1.1\r\nAuthorization: Bearer {token}\r\n");
        let address = self.dev.server().trim_start_matches("http://");
        let answer = http::call(address, &head, b"").unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        self.judge(path, since.elapsed());
        assert!(since.elapsed() < PAGE, "{path}: {:?}", since.elapsed());
        serde_json::from_slice(&answer.body).unwrap()
    }

    fn judge(&self, what: &str, took: Duration) {
        self.judge_by(what, took, READING_KIB);
    }

    fn judge_by(&self, what: &str, took: Duration, most: u64) {
        let more = memory(self.dev, "RssAnon:").saturating_sub(self.before);
        say(&format!("{what}: {took:?}, {} MiB more than before", more / 1024));
        assert!(more < most, "{what}: {more} KiB");
    }

    /// Follows a run from behind `after` through this many events.
    fn stream(&self, home: &Home, run: &str, after: u64, events: usize) {
        let since = now();
        let after = after.to_string();
        let args = ["logs", "stream", run, "--after", &after, "-o", "jsonl"];
        let mut child = home.command(&args).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().take(events);
        let last = lines.map(Result::unwrap).enumerate().last().unwrap();
        assert_eq!(last.0 + 1, events);
        // It goes on as long as the run.
        let _ = child.kill();
        child.wait().unwrap();
        self.judge(&format!("stream of {events} events"), since.elapsed());
    }
}

/// Five maps make a million events; the run then waits for a person.
fn million() -> Value {
    let ask = json!({"id": "ask", "type": "hitl", "config": {"message": "Done?"}});
    let ids = ["a", "b", "c", "d", "e", "ask"];
    let nodes: Vec<Value> = ids[..5].iter().map(|id| map(id)).chain([ask]).collect();
    let edges: Vec<Value> =
        ids.windows(2).map(|pair| json!({"from": pair[0], "to": pair[1]})).collect();
    json!({"nodes": nodes, "edges": edges})
}

#[test]
#[ignore = "takes minutes: `make test-full`"]
fn a_run_of_a_million_events_opens_and_lists_in_constant_memory() {
    let home = home(&million());
    let dev = Dev::start(&home, &[]);
    let since = now();
    let run = home.ok(&["run", "start", "large.json", "--inputs", "inputs.json", "-o", "name"]);
    home.event(&run, "approval_requested");
    say(&format!("a million events: {:?}, peak {} KiB", since.elapsed(), memory(&dev, "VmHWM:")));
    dev.end("TERM");

    let since = now();
    let dev = Dev::start(&home, &[]);
    say(&format!("restart: {:?}", since.elapsed()));
    let token = fs::read_to_string(home.path().join("d/key")).unwrap().trim().to_owned();
    let before = memory(&dev, "RssAnon:");
    let reader = Reader { dev: &dev, token, before };

    let view = reader.get(&format!("runs/{run}"));
    let head = view["seq"].as_u64().unwrap();
    assert!(head > 1_000_000 && view["status"] == "waiting", "{view}");
    assert_eq!(reader.get("runs")["items"][0]["seq"], head);
    for after in [0, head / 2, head - 10] {
        let page = reader.get(&format!("runs/{run}/events?limit=1000&after={after}"));
        assert_eq!(page["items"][0]["seq"], after + 1);
        assert_eq!(page["head_seq"], head);
    }
    for what in ["timeline?limit=1000", "graph", "explain"] {
        reader.get(&format!("runs/{run}/{what}"));
    }
    reader.stream(&home, &run, head - 10, 10);
    reader.stream(&home, &run, 0, usize::try_from(head).unwrap());
    for args in [["run", "status", &run], ["run", "explain", &run]] {
        let since = now();
        home.ok(&args);
        reader.judge(&args[..2].join(" "), since.elapsed());
    }
    let after = (head - 1_000).to_string();
    let listed = home.ok(&["run", "events", &run, "--after", &after, "-o", "jsonl"]);
    assert_eq!(listed.lines().count(), 1_000);
    let since = now();
    assert_eq!(home.json(&["run", "verify", &run])["events"], head);
    reader.judge_by("run verify", since.elapsed(), CHECKING_KIB);
}
