//! Command lines and files that make no sense: each is refused with what a person would want to
//! know, and none of them panics.

use crate::shell::Home;

const RUN_1: &str = "01980000-0000-7000-8000-000000000001";
const RUN_2: &str = "01980000-0000-7000-8000-000000000002";

/// A home with one of every file that the cases name.
fn home() -> Home {
    let home = Home::new();
    home.file("wf.json", r#"{"nodes": [{"id": "a", "type": "conditional"}]}"#);
    home.file("broken.json", "{\"nodes\": [\n  {\"id\": \"a\",]\n}");
    home.file("twice.json", r#"{"nodes": [], "nodes": []}"#);
    home.file("broken.yaml", "nodes: [\n");
    home.file("latin1.json", "");
    std::fs::write(home.path().join("latin1.json"), [b'"', 0xe9, b'"']).unwrap();
    home.file("bad.toml", "current = \n");
    home.file("unknown.toml", "curent = \"x\"\n");
    home.file("badserver.toml", "[profiles.a]\nserver = \"nowhere\"\n");
    home.file("afile", "");
    home.file("secrets.toml", "token = 12\n");
    home
}

fn check(name: &str, cases: &[&[&str]]) {
    let home = home();
    let mut shown = Vec::new();
    for args in cases {
        let done = home.aob(args);
        assert!((1..=7).contains(&done.code), "{args:?} exits with {}", done.code);
        assert!(done.stdout.is_empty(), "{args:?} says on stdout: {}", done.stdout);
        assert!(!done.stderr.contains("panicked"), "{args:?}: {}", done.stderr);
        let last = done.stderr.lines().last().unwrap_or_default();
        assert!(last.starts_with("do: ") || args.len() < 2, "{args:?}: {}", done.stderr);
        shown.push(done.shown(args));
    }
    insta::assert_snapshot!(name, shown.join("\n"));
}

#[test]
fn words_that_are_not_in_the_grammar() {
    check(
        "words",
        &[
            &["nope"],
            &["run", "strat"],
            &["run", "start"],
            &["run", "start", "wf.json", "--nope"],
            &["run", "start", "wf.json", "other.json"],
            &["run", "list", "-o", "yaml"],
            &["run", "list", "--color", "maybe"],
            &["signal", "send", "@latest"],
            &["approve", "tk_1", "maybe"],
            &["completion", "tcsh"],
            &["workflow", "create", "wf.json"],
            &["runner"],
        ],
    );
}

#[test]
fn options_that_do_not_go_together() {
    check(
        "combinations",
        &[
            &["run", "start", "wf.json", "--dedup-policy", "attach"],
            &["run", "start", "wf.json", "--data", "d"],
            &["run", "start", "wf.json", "--embedded", "--idempotency-key", "k"],
            &["run", "start", "-", "--inputs", "-"],
            &["run", "start", "wf.json", "--inputs", "[1]", "--input", "a=1"],
            &["approve", "--reason", "x"],
            &["approve", "tk_1", "--all"],
            &["run", "retry", RUN_1, "a", "--all"],
            &["run", "cancel", RUN_1, RUN_2],
        ],
    );
}

#[test]
fn values_that_cannot_be() {
    check(
        "values",
        &[
            &["run", "start", "wf.json", "--input", "novalue"],
            &["run", "start", "wf.json", "--inputs", "{bad"],
            &["run", "start", "wf.json", "--label", "=x"],
            &["run", "start", "wf.json", "--timeout", "5 parsecs"],
            &["run", "start", "wf.json", "--priority", "urgent"],
            &["run", "start", "wf.json", "--idempotency-key", "a b"],
            &["run", "start", ""],
            &["run", "status", "xyz!"],
            &["run", "status", "@oldest"],
            &["run", "status", "019"],
            &["run", "list", "--limit", "0"],
            &["run", "list", "--status", "done"],
            &["run", "skip", RUN_1, "a[b"],
            &["run", "events", RUN_1, "--after", "-1"],
            &["approve", "tk_1", "approve", "--data", "{"],
            &["workflow", "show", "a@b"],
            &["api", "FETCH", "/v1/runs"],
            &["api", "GET", "v1/runs"],
            &["api", "GET", "http://example.com/"],
            &["api", "GET", "/v1/runs", "-H", "nocolon"],
            &["dev", "--port", "99999"],
            &["dev", "--allow-host", "ftp://h"],
            &["dev", "--demo-port", "0"],
            &["runner", "--exec", "noequals"],
            &["runner", "--exec", "echo=cat"],
            &["runner", "--exec", "f=cat", "--exec", "f=cat"],
            &["runner", "--exec", "f=cat", "--log", "a=b=c"],
        ],
    );
}

#[test]
fn servers_and_profiles_that_cannot_be_used() {
    check(
        "servers",
        &[
            &["run", "list", "--server", "localhost:7700"],
            &["run", "list", "--server", "ftp://h/"],
            &["run", "list", "--server", "http://u:p@h/"],
            &["run", "list", "--server", "http://127.0.0.1:22"],
            &["run", "list", "--server", "http://127.0.0.1:7700/?a=1"],
            &["run", "list", "--token", "t\u{e9}"],
            &["run", "list", "--profile", "nobody"],
            &["config", "use", "nobody"],
            &["config", "use", "a b"],
            &["config", "list", "--config", "bad.toml"],
            &["config", "list", "--config", "unknown.toml"],
            &["config", "list", "--config", "badserver.toml"],
            &["config", "list", "--config", "."],
            &["config", "use", "a", "--server", "http://h", "--config", "afile/x.toml"],
        ],
    );
}

#[test]
fn files_that_cannot_be_used() {
    check(
        "files",
        &[
            &["run", "start", "missing.json"],
            &["run", "start", "broken.json"],
            &["run", "start", "twice.json"],
            &["run", "start", "broken.yaml"],
            &["run", "start", "latin1.json"],
            &["run", "start", "wf.json", "--inputs", "missing.json"],
            &["run", "start", "wf.json", "--inputs", "broken.json"],
            &["run", "start", "wf.json", "--embedded", "--data", "afile"],
            &["dev", "--data", "afile"],
            &["dev", "--secrets", "missing.toml"],
            &["dev", "--secrets", "secrets.toml"],
            &["workflow", "validate", "missing.json"],
            &["workflow", "validate", "."],
        ],
    );
}

#[test]
fn nobody_answers() {
    let home = home();
    // A port that was free a moment ago, and that nobody listens on.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = format!("http://127.0.0.1:{port}");
    for args in [&["run", "list"][..], &["logs", "stream", RUN_1], &["run", "start", "wf.json"]] {
        let done = home.aob(&[args, &["--server", &server]].concat());
        assert_eq!(done.code, 6, "{args:?}: {}", done.stderr);
        assert!(done.stderr.contains("aob dev"), "{args:?}: {}", done.stderr);
    }
}
