//! Commands against a real `aob dev`.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::shell::Home;
use crate::stack::Dev;

const ECHO: &str = r#"{"metadata": {"name": "echo"}, "nodes": [
    {"id": "e", "type": "function", "config": {"name": "echo", "args": "$inputs"}}]}"#;
const FAILS: &str = r#"{"nodes": [{"id": "f", "type": "function",
    "config": {"name": "fail", "args": {"message": "boom", "retryable": false}}}]}"#;
const ASKS: &str = r#"{"nodes": [{"id": "ask", "type": "hitl", "config": {"message": "Sure?"}}]}"#;
const SIGNAL: &str = r#"{"nodes": [{"id": "s", "type": "signal", "config": {"name": "go"}}]}"#;
const MINE: &str = r#"{"nodes": [{"id": "f", "type": "function",
    "config": {"name": "double", "args": {"n": 21}}}]}"#;
const PARKS: &str = r#"{"nodes": [{"id": "p", "type": "function", "on_error": "park",
    "config": {"name": "fail", "args": {"message": "boom", "retryable": false}}}]}"#;

fn home() -> Home {
    let home = Home::new();
    let files = [("echo", ECHO), ("fails", FAILS), ("asks", ASKS), ("signal", SIGNAL)];
    for (name, text) in files.into_iter().chain([("mine", MINE), ("parks", PARKS)]) {
        home.file(&format!("{name}.json"), text);
    }
    home
}

#[test]
fn the_next_command_finds_the_server_by_itself() {
    let home = home();
    let dev = Dev::start(&home, &[]);
    let run = home.json(&["run", "start", "echo.json", "--inputs", r#"{"a": 1}"#, "--wait"]);
    assert_eq!(run["status"], "completed");
    assert_eq!(run["output"], json!({"a": 1}));
    let shown = home.json(&["config", "show"]);
    assert_eq!((&shown["profile"], &shown["server"]), (&json!("local"), &json!(dev.server())));
    let key = home.path().join("d/key");
    assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_profile_that_was_chosen_stays_the_current_one() {
    let home = home();
    home.ok(&["config", "use", "prod", "--server", "https://aob.example.com"]);
    let dev = Dev::start(&home, &[]);
    assert_eq!(home.json(&["config", "show"])["profile"], "prod");
    let shown = home.json(&["config", "show", "--profile", "local"]);
    assert_eq!(shown["server"], json!(dev.server()));
    assert_eq!(home.json(&["run", "list", "--profile", "local"])["items"], json!([]));
}

#[test]
fn workflows_are_stored_versioned_and_started_by_tag() {
    let home = home();
    let _dev = Dev::start(&home, &[]);
    let create = ["workflow", "create", "-o", "name", "--tag", "greet"];
    assert_eq!(home.ok(&[&create[..], &["echo.json"]].concat()), "greet@1");
    assert_eq!(home.ok(&[&create[..], &["echo.json"]].concat()), "greet@1");
    assert_eq!(home.ok(&[&create[..], &["fails.json"]].concat()), "greet@2");
    assert_eq!(home.ok(&["workflow", "list", "-o", "name"]), "greet@2");
    assert_eq!(home.ok(&["wf", "show", "greet", "--versions", "-o", "name"]), "greet@2\ngreet@1");
    assert_eq!(home.json(&["wf", "show", "greet@1"])["document"]["metadata"]["name"], "echo");
    assert_eq!(home.aob(&["run", "start", "greet@1", "--wait"]).code, 0);
    assert_eq!(home.aob(&["run", "start", "greet", "--wait"]).code, 1);
    let unknown = home.aob(&["run", "start", "nobody"]);
    assert_eq!((unknown.code, unknown.stdout.as_str()), (3, ""), "{}", unknown.stderr);
    let listed = home.json(&["run", "list", "--workflow", "greet", "--status", "failed"]);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
}

#[test]
fn a_document_that_is_refused_says_where_and_how_to_check_it() {
    let home = home();
    let _dev = Dev::start(&home, &[]);
    home.file("bad.json", r#"{"nodes": [{"id": "a", "type": "aproval"}]}"#);
    let done = home.aob(&["run", "start", "bad.json"]);
    assert_eq!((done.code, done.stdout.as_str()), (2, ""));
    assert!(done.stderr.contains("/nodes/0/type"), "{}", done.stderr);
    assert!(done.stderr.ends_with("do: aob workflow validate bad.json\n"), "{}", done.stderr);
    let done = home.aob(&["workflow", "create", "bad.json", "--tag", "x", "-o", "json"]);
    assert_eq!(done.code, 2);
    let problem: serde_json::Value = serde_json::from_str(done.stderr.trim()).unwrap();
    assert_eq!((&problem["code"], &problem["exit"]), (&json!("invalid_workflow"), &json!(2)));
}

#[test]
fn runs_are_followed_to_their_end() {
    let home = home();
    let _dev = Dev::start(&home, &[]);
    let done = home.aob(&["run", "start", "fails.json", "--follow"]);
    assert_eq!((done.code, done.stderr.as_str()), (1, ""));
    let seen: Vec<&str> = done.stdout.lines().take(4).collect();
    for (line, kind) in seen.iter().zip(["run_created", "node_scheduled", "node_failed"]) {
        assert!(line.contains(kind), "{}", done.stdout);
    }
    // What is over is streamed as well, from anywhere in the log.
    let run = home.ok(&["run", "list", "-o", "name"]);
    let last = home.aob(&["logs", "stream", &run, "--types", "run_failed", "-o", "jsonl"]);
    assert_eq!((last.code, last.stdout.lines().count()), (1, 1), "{}", last.stdout);
    let none = home.aob(&["logs", "stream", &run, "--node", "other"]);
    assert_eq!((none.code, none.stdout.as_str()), (3, ""));
    assert!(none.stderr.contains("the run has no node `other`"), "{}", none.stderr);
    let pages = home.ok(&["run", "events", &run, "--after", "2", "-o", "jsonl"]);
    assert!(pages.lines().next().unwrap().contains("\"seq\":3"), "{pages}");
}

#[test]
fn streams_are_served_on_the_same_port() {
    let home = home();
    let _dev = Dev::start(&home, &[]);
    let run = home.start("echo.json");
    home.ok(&["run", "wait", &run]);
    let stream = home.ok(&["api", "GET", &format!("/v1/runs/{run}/stream")]);
    let kinds: Vec<&str> = stream.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    let expected = ["run_created", "node_scheduled", "node_completed", "run_completed", "end"];
    assert_eq!(kinds, expected, "{stream}");
}

#[test]
fn approvals_are_listed_shown_and_decided() {
    let home = home();
    let _dev = Dev::start(&home, &[]);
    assert_eq!(home.json(&["approve"])["items"], json!([]));
    for (decision, code) in [("approve", 0), ("reject", 1)] {
        let run = home.start("asks.json");
        let event = home.event(&run, "approval_requested");
        let ticket = event["data"]["ticket"].as_str().unwrap();
        assert_eq!(home.ok(&["approve", "-o", "name", "--run", &run]), ticket);
        assert!(home.ok(&["approve", ticket]).starts_with("Sure?"));
        home.ok(&["approve", ticket, decision, "--reason", "looked at it"]);
        assert_eq!(home.aob(&["run", "wait", &run, "--timeout", "30s"]).code, code, "{decision}");
        let log = home.ok(&["run", "events", &run, "-o", "jsonl"]);
        assert!(log.contains("looked at it") && log.contains("user:local"), "{log}");
    }
    assert_eq!(home.aob(&["approve", "tk_nobody", "approve"]).code, 3);
}

#[test]
fn signals_reach_their_run() {
    let home = home();
    let _dev = Dev::start(&home, &[]);
    let run = home.start("signal.json");
    home.ok(&["signal", "send", &run, "go", "--payload", r#"{"n": 7}"#]);
    let done = home.json(&["run", "wait", &run, "--timeout", "30s"]);
    assert_eq!(done["output"], json!({"n": 7}));
    assert_eq!(home.aob(&["signal", "send", &run, "go"]).code, 4);
}

#[test]
fn runs_are_paused_resumed_and_cancelled() {
    let home = home();
    let _dev = Dev::start(&home, &[]);
    let (first, second) = (home.start("asks.json"), home.start("asks.json"));
    assert_eq!(home.aob(&["run", "resume", &first]).code, 4);
    assert!(home.ok(&["run", "pause", &first]).ends_with("paused"));
    let explained = home.json(&["run", "explain", &first]);
    assert_eq!(explained["waits"][0]["reason"], "paused");
    home.ok(&["run", "resume", &first]);
    home.ok(&["run", "cancel", &first, &second, "--yes", "--reason", "enough"]);
    for run in [&first, &second] {
        let done = home.aob(&["run", "wait", run, "--timeout", "30s"]);
        assert_eq!(done.code, 1, "{}", done.stderr);
        assert!(done.stdout.contains("cancelled"), "{}", done.stdout);
    }
    assert_eq!(home.aob(&["run", "pause", &first]).code, 4);
    let one_of_two = home.aob(&["run", "pause", &first, &home.start("asks.json"), "--yes"]);
    assert_eq!(one_of_two.code, 4);
    assert!(one_of_two.stdout.contains("paused"), "{}", one_of_two.stdout);
}

#[test]
fn a_person_decides_about_what_is_parked() {
    let home = home();
    let _dev = Dev::start(&home, &[]);
    let decisions: [(&[&str], i32); 3] = [
        (&["skip"], 0),
        (&["fail", "--message", "no"], 1),
        (&["succeed", "--result", r#"{"id": 1}"#], 0),
    ];
    for (decision, code) in decisions {
        let run = home.start("parks.json");
        home.event(&run, "node_parked");
        let (verb, more) = decision.split_first().unwrap();
        // Without an instance, it is the run's only one.
        home.ok(&[&["run", verb, &run], more, &["--yes"]].concat());
        assert_eq!(home.aob(&["run", "wait", &run, "--timeout", "30s"]).code, code, "{verb}");
    }
    let run = home.start("parks.json");
    home.event(&run, "node_parked");
    home.ok(&["run", "retry", &run, "p"]);
    home.event(&run, "retry_granted");
    let done = home.aob(&["run", "skip", &home.start("asks.json")]);
    assert_eq!(done.code, 4, "{}", done.stderr);
}

#[test]
fn runs_are_named_by_id_prefix_and_latest() {
    let home = home();
    let _dev = Dev::start(&home, &[]);
    assert_eq!(home.aob(&["run", "status", "@latest"]).code, 3);
    let first = home.start("echo.json");
    assert_eq!(home.ok(&["run", "status", &first[..13], "-o", "name"]), first);
    assert_eq!(home.ok(&["run", "status", "@latest", "-o", "name"]), first);
    assert_eq!(home.aob(&["run", "status", "ffffffff"]).code, 3);
    let second = home.start("echo.json");
    assert_eq!(home.ok(&["run", "status", "@latest", "-o", "name"]), second);
    let common = first.chars().zip(second.chars()).take_while(|(a, b)| a == b).count();
    let both = home.aob(&["run", "status", &first[..common]]);
    assert_eq!(both.code, 2, "{}", both.stderr);
}

#[test]
fn keys_make_starting_repeatable() {
    let home = home();
    let _dev = Dev::start(&home, &[]);
    let with =
        |more: &[&str]| home.aob(&[&["run", "start", "asks.json", "-o", "name"], more].concat());
    let first = with(&["--idempotency-key", "k1"]);
    assert_eq!(with(&["--idempotency-key", "k1"]).stdout, first.stdout);
    assert_eq!(with(&["--idempotency-key", "k1", "--label", "a=b"]).code, 2);
    let held = with(&["--dedup-key", "d1"]);
    assert_eq!(with(&["--dedup-key", "d1"]).code, 4);
    let attached = with(&["--dedup-key", "d1", "--dedup-policy", "attach"]);
    assert_eq!((attached.code, attached.stdout), (0, held.stdout));
}

#[test]
fn what_may_not_be_done_or_does_not_end_has_its_exit_code() {
    let home = home();
    let dev = Dev::start(&home, &[]);
    assert_eq!(home.aob(&["run", "list", "--token", "aob_nobody"]).code, 5);
    // A token goes to no other server than the one it was stored for, however it is spelled.
    let elsewhere = dev.server().replace("127.0.0.1", "localhost");
    assert_eq!(home.aob(&["run", "list", "--server", &elsewhere]).code, 5);
    assert_eq!(home.aob(&["run", "start", "asks.json", "--timeout", "0"]).code, 6);
    assert_eq!(home.aob(&["run", "wait", "@latest", "--timeout", "0"]).code, 6);
    let taken = home.aob(&["run", "start", "echo.json", "--embedded", "--data", "d"]);
    assert_eq!(taken.code, 4);
    assert!(
        taken.stderr.contains("`aob dev`") && taken.stderr.contains(dev.server()),
        "{}",
        taken.stderr
    );
    assert_eq!(home.aob(&["dev", "--data", "d", "--port", "0"]).code, 4);
    let port = dev.server().rsplit(':').next().unwrap();
    assert_eq!(home.aob(&["dev", "--data", "other", "--port", port]).code, 4);
}

#[test]
fn any_call_of_the_api_can_be_made() {
    let home = home();
    let _dev = Dev::start(&home, &[]);
    assert!(home.ok(&["api", "GET", "/healthz"]).contains("\"status\": \"ok\""));
    let started =
        home.ok(&["api", "POST", "/v1/runs", "--data", &format!("{{\"workflow\": {ECHO}}}")]);
    let id = serde_json::from_str::<serde_json::Value>(&started).unwrap()["id"].clone();
    assert_eq!(home.json(&["run", "wait", id.as_str().unwrap()])["status"], "completed");
    let missing = home.aob(&["api", "GET", "/v1/nothing", "-i"]);
    assert_eq!(missing.code, 3);
    assert!(missing.stdout.starts_with("404") && missing.stdout.contains("route_not_found"));
}

#[test]
fn a_program_of_ones_own_serves_a_function() {
    let home = home();
    let _dev = Dev::start(&home, &[]);
    let run = home.start("mine.json");
    let explained = home.json(&["run", "explain", &run]);
    assert_eq!(explained["waits"][0]["reason"], "no_runner", "{explained}");
    let script = r#"double=read line; n=$(echo "$line" | tr -dc 0-9); echo "{\"n\": $((n * 2))}""#;
    let mut runner = home.command(&["runner", "--exec", script]).spawn().unwrap();
    let done = home.json(&["run", "wait", &run, "--timeout", "30s"]);
    assert_eq!(done["output"], json!({"n": 42}));
    let pid = runner.id().to_string();
    assert!(
        std::process::Command::new("kill").args(["-s", "INT", &pid]).status().unwrap().success()
    );
    assert_eq!(runner.wait().unwrap().code(), Some(0));
}

#[test]
fn logs_are_whole_and_say_so() {
    let home = home();
    let _dev = Dev::start(&home, &[]);
    let run = home.start("echo.json");
    home.ok(&["run", "wait", &run]);
    let verified = home.json(&["run", "verify", &run]);
    assert_eq!((&verified["ok"], &verified["events"]), (&json!(true), &json!(4)));
    assert_eq!(home.ok(&["run", "explain", &run]), "nothing waits: the run is completed");
}

#[test]
fn it_stops_when_asked_and_goes_on_where_it_was() {
    let home = home();
    let dev = Dev::start(&home, &[]);
    let (asks, echo) = (home.start("asks.json"), home.start("echo.json"));
    home.ok(&["run", "wait", &echo]);
    assert_eq!(dev.end("INT"), Some(0));
    assert_eq!(home.aob(&["run", "list"]).code, 6);

    let dev = Dev::start(&home, &[]);
    assert_eq!(home.json(&["run", "status", &echo])["status"], "completed");
    assert_eq!(dev.end("KILL"), None);

    let dev = Dev::start(&home, &[]);
    let ticket = home.ok(&["approve", "-o", "name"]);
    home.ok(&["approve", &ticket, "approve"]);
    assert_eq!(home.json(&["run", "wait", &asks, "--timeout", "30s"])["status"], "completed");
    assert_eq!(home.json(&["run", "verify", &asks])["ok"], true);
    assert_eq!(dev.end("TERM"), Some(0));
}

#[test]
fn what_is_running_when_it_stops_ends_well_and_is_not_forgotten() {
    let home = home();
    // Nobody may do these twice: a lost answer would park them.
    let node = |n: usize| {
        json!({"id": format!("n{n}"), "type": "function", "effect": "irreversible",
            "config": {"name": "sleep", "args": {"ms": 300}}})
    };
    let nodes: Vec<_> = (0..40).map(node).collect();
    home.file("once.json", &json!({ "nodes": nodes }).to_string());
    let dev = Dev::start(&home, &[]);
    let run = home.start("once.json");
    home.event(&run, "node_scheduled");
    assert_eq!(dev.end("INT"), Some(0));

    let _dev = Dev::start(&home, &[]);
    let done = home.aob(&["run", "wait", &run, "--timeout", "20s", "-o", "json"]);
    assert_eq!(done.code, 0, "{}{}", done.stderr, home.ok(&["run", "explain", &run]));
    let log = home.ok(&["run", "events", &run, "-o", "jsonl"]);
    assert_eq!(log.matches("\"type\":\"node_scheduled\"").count(), 40);
}

#[test]
fn the_demo_is_visible_and_its_examples_run() {
    let home = home();
    let dev = Dev::start(&home, &["--demo", "--demo-port", "0"]);
    assert!(dev.ready["demo"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    let tags = home.ok(&["workflow", "list", "-o", "name"]);
    assert_eq!(tags.lines().count(), 6, "{tags}");
    let inputs = include_str!("../../../../examples/data-pipeline.inputs.json");
    let args = ["run", "start", "data-pipeline", "--inputs", inputs, "--timeout", "120s"];
    assert_eq!(home.json(&args)["status"], "completed");
}

#[test]
fn two_stacks_live_side_by_side() {
    let (one, two) = (home(), home());
    let (_first, _second) = (Dev::start(&one, &[]), Dev::start(&two, &[]));
    one.start("echo.json");
    assert_eq!(two.json(&["run", "list"])["items"], json!([]));
}

#[test]
fn the_guided_demo_ends_with_what_to_type_next() {
    let home = Home::new();
    let done = home.aob(&["demo"]);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    let words = [
        "agent is refused: ",
        "did you mean `function`?",
        "approval_requested",
        "+ node sanctions",
        "grows",
        "approved by user:local",
        "revision 1 of the graph holds from here on",
        "agent looks for the name on the sanctions lists",
        "run_completed",
        "Next, type:",
    ];
    for word in words {
        assert!(done.stdout.contains(word), "{word}: {}", done.stdout);
    }
    assert!(!done.stdout.contains('\u{1b}'), "{}", done.stdout);
    // It leaves nothing in the person's home.
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}
