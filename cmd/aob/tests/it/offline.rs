//! What needs no server: validation, profiles, completion, help.

use crate::shell::Home;

#[test]
fn documents_are_validated_as_by_a_compiler() {
    let home = Home::new();
    home.file("good.json", r#"{"nodes": [{"id": "a", "type": "conditional"}]}"#);
    home.file("good.yaml", "nodes:\n  - id: a\n    type: conditional\n");
    home.file(
        "bad.json",
        "{\n  \"nodes\": [\n    {\"id\": \"a\", \"type\": \"aproval\"},\n    {\"id\": \"a\", \"type\": \"http\"}\n  ]\n}\n",
    );
    home.file("bad.yml", "nodes:\n  - id: a\n    type: aproval\n");
    let cases: [(&[&str], i32); 6] = [
        (&["workflow", "validate", "good.json", "good.yaml"], 0),
        (&["workflow", "validate", "bad.json"], 1),
        (&["workflow", "validate", "bad.yml"], 1),
        (&["wf", "validate", "good.json", "bad.json", "-o", "json"], 1),
        (&["workflows", "validate", "good.json", "bad.json", "-o", "jsonl"], 1),
        (&["workflow", "check", "good.json", "bad.json", "-o", "name"], 1),
    ];
    let mut shown = Vec::new();
    for (args, code) in cases {
        let done = home.aob(args);
        assert_eq!(done.code, code, "{args:?}: {}", done.stderr);
        shown.push(done.shown(args));
    }
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn a_document_may_come_from_standard_input() {
    let home = Home::new();
    let good = r#"{"nodes": [{"id": "a", "type": "conditional"}]}"#;
    let done = home.aob_with(&["workflow", "validate", "-"], Some(good));
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    let done = home.aob_with(&["workflow", "validate", "-"], Some("nodes: 3"));
    assert_eq!(done.code, 1, "{}", done.stdout);
}

#[test]
fn profiles_are_written_listed_and_chosen() {
    let home = Home::new();
    let steps: [(&[&str], i32); 9] = [
        (&["config", "list"], 0),
        (&["config", "show"], 0),
        (&["config", "use", "prod", "--server", "https://aob.example.com", "--token", "s3cret"], 0),
        (&["config", "use", "staging", "--server", "http://10.0.0.1:7700/sub"], 0),
        (&["config", "list"], 0),
        (&["config", "use", "prod"], 0),
        (&["config", "show", "-o", "json"], 0),
        // A token goes to no other server than the one it was stored for.
        (&["config", "show", "--server", "https://elsewhere.example.com"], 0),
        (&["config", "list", "-o", "jsonl", "--profile", "staging"], 0),
    ];
    let mut shown = Vec::new();
    for (args, code) in steps {
        let done = home.aob(args);
        assert_eq!(done.code, code, "{args:?}: {}", done.stderr);
        assert!(!done.stdout.contains("s3cret") && !done.stderr.contains("s3cret"));
        shown.push(done.shown(args));
    }
    insta::assert_snapshot!(shown.join("\n"));
    let file = home.path().join(".config/aob/config.toml");
    let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert!(std::fs::read_to_string(file).unwrap().contains("s3cret"));
}

#[test]
fn the_environment_names_files_and_servers() {
    let home = Home::new();
    home.file("elsewhere/aob/config.toml", "[profiles.x]\nserver = \"http://x.example\"\n");
    let mut command = home.command(&["config", "show", "--profile", "x"]);
    let output = command.env("XDG_CONFIG_HOME", home.path().join("elsewhere")).output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("http://x.example"));
    let mut command = home.command(&["config", "show", "-o", "json"]);
    command.env("AOB_SERVER", "http://env.example").env("AOB_TOKEN", "t");
    let shown = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(
        shown.contains("http://env.example") && shown.contains("\"has_token\": true"),
        "{shown}"
    );
    // A flag wins over the environment.
    let mut command = home.command(&["config", "show", "--server", "http://flag.example"]);
    let output = command.env("AOB_SERVER", "http://env.example").output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("http://flag.example"));
}

#[test]
fn every_shell_gets_a_completion_script() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let done = home.aob(&["completion", shell]);
        assert_eq!(done.code, 0);
        assert!(done.stdout.contains("workflow"), "{shell}");
    }
}

#[test]
fn versions_and_helps_are_data() {
    let home = Home::new();
    let done = home.aob(&["--version"]);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    assert_eq!(done.stdout, format!("aob {}\n", env!("CARGO_PKG_VERSION")));
    for args in [&["--help"][..], &["run", "start", "--help"], &["help", "run"], &["run", "-h"]] {
        let done = home.aob(args);
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{args:?}");
        assert!(done.stdout.contains("Usage: aob"), "{args:?}: {}", done.stdout);
    }
    let done = home.aob(&[]);
    assert_eq!((done.code, done.stdout.as_str()), (2, ""));
    assert!(done.stderr.contains("Usage: aob"), "{}", done.stderr);
}

#[test]
fn colours_only_where_they_are_wanted() {
    let home = Home::new();
    home.file("bad.json", "{}");
    let plain = home.aob(&["workflow", "validate", "bad.json"]);
    assert!(!plain.stdout.contains('\u{1b}'), "{}", plain.stdout);
    let coloured = home.aob(&["workflow", "validate", "bad.json", "--color", "always"]);
    assert!(coloured.stdout.contains("\u{1b}[31m"), "{}", coloured.stdout);
    assert!(coloured.stderr.contains('\u{1b}'), "{}", coloured.stderr);
}

#[test]
fn a_reader_that_stops_reading_is_no_failure() {
    let home = Home::new();
    let mut child = home.command(&["completion", "bash"]).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}
