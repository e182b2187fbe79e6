//! The program of the production stack. Needs servers:
//! `scripts/services run -- cargo test -p aob-orchestrator --features production --test production`.

use std::process::{Command, Output};

/// A run of the program under the tests' servers and these settings.
#[expect(clippy::disallowed_methods, reason = "the tests' configuration is the environment")]
fn orchestrator(settings: &[(&str, &str)], arguments: &[&str]) -> Output {
    let given = |name: &str| {
        std::env::var(name).unwrap_or_else(|_| {
            panic!("{name} is not set: run `scripts/services run -- cargo test ...`")
        })
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_orchestrator"));
    let postgres = given("AOB_TEST_POSTGRES_URL");
    command
        .env("AOB_DATABASE_OWNER_URL", &postgres)
        .env("AOB_DATABASE_LOG_URL", &postgres)
        .env("AOB_DATABASE_API_URL", &postgres)
        .env("AOB_KAFKA_BROKERS", given("AOB_TEST_KAFKA_BROKERS"))
        .env("AOB_KAFKA_REPLICAS", "1")
        .env("AOB_S3_BUCKET", given("AOB_TEST_S3_BUCKET"))
        .env("AOB_S3_ENDPOINT", given("AOB_TEST_S3_ENDPOINT"))
        .env("AOB_S3_KEY_ID", given("AOB_TEST_S3_KEY_ID"))
        .env("AOB_S3_SECRET", given("AOB_TEST_S3_SECRET"))
        .env("AOB_REDIS_URL", given("AOB_TEST_REDIS_URL"))
        .env("RUST_BACKTRACE", "0");
    for (key, value) in settings {
        command.args(["--set", &format!("{key}={value}")]);
    }
    command.args(arguments).output().expect("the program runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What the program says when it refuses.
fn refusal(output: &Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn settings_in_effect_are_printed_without_secrets() {
    let settings = [("database.log_url", "postgres://log:s3cret@db/aob"), ("s3.secret", "s3cret")];
    let output = orchestrator(&settings, &["config"]);
    assert!(output.status.success(), "{output:?}");
    let shown = stdout(&output);
    assert!(!shown.contains("s3cret"), "{shown}");
    assert!(shown.contains("log_url = \"postgres://log:***@db/aob\" # flag"), "{shown}");
    assert!(shown.contains("# AOB_KAFKA_BROKERS"), "{shown}");
}

#[test]
fn what_is_wrong_with_the_settings_names_its_key() {
    for (key, value, expected) in [
        ("kafka.broker", "x", "there is no setting `kafka.broker`; did you mean `kafka.brokers`?"),
        ("http.listen", "here", "http.listen (from flag): invalid socket address syntax"),
        ("s3.bucket", "", "s3.bucket is not set: the bucket of blobs"),
        ("coordinator.shards", "0", "coordinator.shards (from flag)"),
    ] {
        let said = refusal(&orchestrator(&[(key, value)], &[]));
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn topics_are_made_once() {
    let first = orchestrator(&[], &["topics", "create"]);
    assert!(first.status.success(), "{first:?}");
    let made = stdout(&first);
    for topic in ["workflow.events", "node.jobs.high", "node.results", "node.results.dead"] {
        assert!(made.lines().any(|line| line == topic), "{made}");
    }
    let again = orchestrator(&[], &["topics", "create"]);
    assert!(again.status.success() && stdout(&again).is_empty(), "{again:?}");
    let more = orchestrator(&[("kafka.partitions", "9")], &["topics", "create"]);
    assert!(refusal(&more).contains("partitions, not 9; their number cannot change"));
}

/// One case, because the second part needs what the first has done.
#[test]
fn it_starts_neither_on_an_old_database_nor_as_who_passes_its_walls() {
    let old = refusal(&orchestrator(&[], &[]));
    assert!(old.contains("migrate it"), "{old}");
    for _ in 0..2 {
        let migrated = orchestrator(&[], &["migrate"]);
        assert!(migrated.status.success(), "{migrated:?}");
    }
    let superuser = refusal(&orchestrator(&[], &[]));
    assert!(superuser.contains("superuser, whom row-level security does not bind"), "{superuser}");
    assert!(superuser.contains("database.log_url"), "{superuser}");
}
