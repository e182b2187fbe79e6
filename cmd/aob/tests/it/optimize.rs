//! Workflows are optimized, against recorded runs of a real `aob dev` too.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

use aob_optimizer::{PublicKey, signed_message};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
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

    let judged = home.ok(&["optimize", "apply", "slow", "--plan"]);
    assert!(judged.contains("capabilities") && judged.contains("never"), "{judged}");
    assert_eq!(home.json(&["tag", "list"])["items"][0]["version"], 1, "nothing was applied");
    let applied = home.ok(&["optimize", "apply", "slow", "--against", &run, "-o", "name"]);
    assert_eq!(applied, "slow@2");
    let patches = home.json(&["workflow", "patches", "slow"]);
    let (patch, versions) = (&patches["items"][0], home.json(&["workflow", "versions", "slow"]));
    assert_eq!((&patch["origin"], &patch["version"]), (&json!("optimizer"), &json!(2)));
    for described in [patch, &versions["items"][0]] {
        let rules = described["description"].as_str().unwrap();
        assert!(rules.starts_with("optimizer: dead-path-pruning/constant, "), "{rules}");
    }
    let again = home.aob(&["optimize", "apply", "slow"]);
    assert!(again.code == 0 && again.stderr.contains("nothing to save"), "{}", again.stderr);
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

/// [`slow`], that waits for a signal before or after its reads.
fn gated(address: &str, before: bool) -> Value {
    let mut document = slow(address);
    let gate = json!({"id": "gate", "type": "signal", "config": {"name": "go"}});
    document["nodes"].as_array_mut().unwrap().push(gate);
    let (from, to) = if before { ("start", "a") } else { ("b", "end") };
    let edges = document["edges"].as_array_mut().unwrap();
    edges.retain(|edge| edge["from"] != from || edge["to"] != to);
    edges.push(json!({"from": from, "to": "gate"}));
    edges.push(json!({"from": "gate", "to": to}));
    document
}

#[test]
fn a_run_is_optimized_where_it_has_not_been() {
    let home = Home::new();
    let address = service();
    let _dev = Dev::start(&home, &["--allow-host", &address]);
    let waiting = |name: &str, before: bool| {
        let file = format!("{name}.json");
        home.file(&file, &gated(&address, before).to_string());
        let run = home.json(&["run", "start", &file, "--inputs", r#"{"n": 7}"#]);
        let run = run["id"].as_str().unwrap().to_owned();
        while home.json(&["run", "status", &run])["nodes"]["gate"]["status"] != "waiting" {}
        run
    };
    let ahead = waiting("ahead", true);
    let plan = home.json(&["optimize", "plan", "--run", &ahead]);
    assert!(rules(&plan).contains(&"sequential-to-parallel/pair"), "{plan}");
    let only = ["optimize", "apply", "--run", &ahead, "--pass", "sequential-to-parallel"];
    let judged = home.json(&[&only[..], &["--plan"]].concat());
    assert!(judged["approval"].is_null() && !judged["consequences"].is_null(), "{judged}");
    let applied = home.json(&only);
    assert_eq!((&applied["status"], &applied["origin"]), (&json!("applied"), &json!("optimizer")));
    assert_eq!(applied["result"], judged["result"]);
    home.ok(&["signal", "send", &ahead, "go"]);
    home.ok(&["run", "wait", &ahead, "--timeout", "30s"]);
    let ended = home.json(&["run", "status", &ahead]);
    assert_eq!(ended["output"], json!({"a": "/a", "b": "/b", "n": 7}), "{ended}");
    let late = home.aob(&["optimize", "apply", "--run", &ahead]);
    assert_eq!(late.code, 4, "{}", late.stderr);

    let behind = waiting("behind", false);
    let digest = home.json(&["run", "status", &behind])["digest"].clone();
    let refused = home.aob(&["optimize", "apply", "--run", &behind]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("was skipped"), "{}", refused.stderr);
    assert_eq!(home.json(&["run", "status", &behind])["digest"], digest);
}

/// The built-in passes, which a workspace may add as a module of its own.
const PASSES: &[u8] = include_bytes!("../../../../optimizer/prebuilt/passes.wasm");

#[test]
fn a_module_is_added_and_asked_while_the_server_runs() {
    let home = Home::new();
    let pair = Ed25519KeyPair::from_seed_unchecked(&[5; 32]).unwrap();
    let key = PublicKey(pair.public_key().as_ref().try_into().unwrap()).to_string();
    let digest = aob_ir::Digest::of(PASSES);
    let signature = pair.sign(&signed_message(&digest));
    fs::write(home.path().join("passes.wasm"), PASSES).unwrap();
    fs::write(home.path().join("passes.sig"), signature.as_ref()).unwrap();
    home.file("slow.json", &slow("api.example.com").to_string());
    let dev = Dev::start(&home, &["--optimizer-key", &key]);
    home.ok(&["workflow", "create", "slow.json", "--tag", "slow"]);

    let add = ["optimizer", "add", "passes.wasm", "--signature", "passes.sig", "--pass"];
    home.ok(&[&add[..], &["no-such-pass"]].concat());
    let digest = digest.to_string();
    let listed = home.ok(&["optimizer", "list"]);
    assert!(listed.contains("disabled") && listed.contains(&digest), "{listed}");
    let notes = |args: &[&str]| home.json(args)["notes"].clone();
    assert_eq!(notes(&["optimize", "plan", "slow"]), json!([]));

    home.ok(&["optimizer", "enable", &digest]);
    // It knows no such pass, which changes nothing, and the plan says so.
    let asked = notes(&["optimize", "plan", "slow"]);
    assert_eq!(asked[0]["pass"], "no-such-pass", "{asked}");
    assert_eq!(notes(&["optimize", "plan", "slow", "--modules", "builtin"]), json!([]));
    assert_eq!(notes(&["optimize", "plan", "slow.json"]), json!([]));
    let with = notes(&["optimize", "plan", "slow.json", "--modules", "workspace"]);
    assert_eq!(with.as_array().map(Vec::len), Some(1));

    // Added again with a pass that it has: another name of a pass that is built in finds what is left.
    home.ok(&[&add[..], &["dead-path-pruning"]].concat());
    let plan = home.json(&["optimize", "plan", "slow", "--pass", "dead-path-pruning"]);
    assert_eq!(rules(&plan), ["dead-path-pruning/constant"]);
    assert_eq!(plan["steps"][0]["module"], json!(digest));
    home.ok(&["optimizer", "disable", &digest]);
    let listed = home.json(&["optimizer", "list"]);
    assert_eq!(listed["items"][0]["enabled"], json!(false), "{listed}");
    assert_eq!(home.aob(&["optimizer", "enable", "sha256:00"]).code, 3);

    // A server that does not trust the key any more has it asked by nobody.
    home.ok(&["optimizer", "enable", &digest]);
    assert_eq!(dev.end("TERM"), Some(0));
    let _dev = Dev::start(&home, &[]);
    let listed = home.ok(&["optimizer", "list"]);
    assert!(listed.contains("untrusted"), "{listed}");
    let done = home.aob(&["optimize", "plan", "slow"]);
    assert!(done.code == 0 && done.stderr.contains("is not asked"), "{}", done.stderr);
}

#[test]
fn what_is_no_module_or_no_signature_is_refused_with_what_to_do() {
    let home = Home::new();
    home.file("no.wasm", "no module");
    home.file("broken.sig", "abc");
    home.file("zero.sig", &"0".repeat(128));
    let add = |module: &str, signature: &str| {
        home.aob(&["optimizer", "add", module, "--signature", signature, "--pass", "p"])
    };
    let missing = add("nowhere.wasm", "zero.sig");
    assert_eq!(missing.code, 3, "{}", missing.stderr);
    let unsigned = add("no.wasm", "broken.sig");
    assert_eq!(unsigned.code, 2, "{}", unsigned.stderr);
    assert!(unsigned.stderr.contains("128 hex digits"), "{}", unsigned.stderr);
    fs::write(home.path().join("large.wasm"), vec![0; (4 << 20) + 1]).unwrap();
    assert_eq!(add("large.wasm", "zero.sig").code, 7);
    let _dev = Dev::start(&home, &["--optimizer-key", &"11".repeat(32)]);
    let untrusted = add("no.wasm", "zero.sig");
    assert_eq!(untrusted.code, 2, "{}", untrusted.stderr);
    assert!(untrusted.stderr.contains("signed"), "{}", untrusted.stderr);
    assert_eq!(home.json(&["optimizer", "list"])["items"], json!([]));
}
