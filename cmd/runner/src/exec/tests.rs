//! Real programs: shell and Python scripts in a directory of their own.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aob_api::jobs::{JobMessage, OutcomeMessage, PayloadMessage, RawText};
use aob_ir::{EffectClass, SecretPart, SecretSlot};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

use super::Programs;
use crate::attempt::{Attempt, StopCause};
use crate::secrets::{MapSecrets, Secret};
use crate::testing::{function, granted, outcome_json, worker};

use EffectClass::{Idempotent, Irreversible};

/// Nothing here takes longer on the slowest machine; it only keeps a broken test from hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs `command` as the function `f`; `None`: nobody may answer.
async fn answer(
    command: &str,
    stop_grace: Duration,
    job: &JobMessage,
    attempt: &Attempt,
) -> Option<OutcomeMessage> {
    let programs = Programs::new([("f".to_owned(), command.to_owned())], stop_grace)
        .without_env(["HOME".to_owned()]);
    let secrets = MapSecrets::default().with(None, "token", Secret::new("canary-9a1"));
    let work = worker(Arc::new(programs), secrets);
    let result = tokio::time::timeout(PATIENCE, work.work(job, attempt)).await.unwrap();
    result.map(|result| result.outcome)
}

async fn run_job(command: &str, job: &JobMessage, attempt: &Attempt) -> OutcomeMessage {
    answer(command, PATIENCE, job, attempt).await.unwrap()
}

async fn run(command: &str, args: Value) -> Value {
    let job = function("f", args);
    outcome_json(&run_job(command, &job, &granted(&job)).await)
}

fn completed(value: Value) -> Value {
    json!({"completed": {"output": {"value": value}}})
}

#[tokio::test]
async fn json_goes_in_and_comes_out() {
    let python = r#"python3 -c '
import json, os, sys
args = json.load(sys.stdin)
print("working", file=sys.stderr)
print(json.dumps({"sum": sum(args["numbers"]), "key": os.environ["AOB_IDEMPOTENCY_KEY"]}))'"#;
    assert_eq!(
        run(python, json!({"numbers": [1, 2, 3]})).await,
        completed(json!({"sum": 6, "key": "key-1"}))
    );
    for (command, args, expected) in [
        ("cat", json!({"b": 1, "a": [null, "é\u{0}"]}), json!({"b": 1, "a": [null, "é\u{0}"]})),
        ("cat", json!(null), json!("the input")),
        ("true", json!(1), json!(null)),
        ("echo '  [1]  '; exec 1>&-", json!(1), json!([1])),
        (
            r#"printf '"%s %s %s %s"' $AOB_RUN $AOB_INSTANCE $AOB_ATTEMPT $AOB_FUNCTION"#,
            json!(null),
            json!("00000000-0000-0000-0000-000000000002 node 1 f"),
        ),
        (r#"printf '"%s"' "${HOME:-hidden}""#, json!(null), json!("hidden")),
    ] {
        assert_eq!(run(command, args).await, completed(expected), "{command}");
    }
}

#[tokio::test]
async fn large_values_go_through_in_both_directions() {
    let mut job = function("f", json!(null));
    job.config =
        PayloadMessage::Inline(RawText::of(&json!({"name": "f", "args": "x".repeat(300_000)})).0);
    let outcome = outcome_json(&run_job("cat", &job, &granted(&job)).await);
    let stored = outcome.pointer("/completed/output/len").and_then(Value::as_u64);
    assert_eq!(stored, Some(300_002), "{outcome}");
    // It never reads its input, which does not fit a pipe.
    let outcome = outcome_json(&run_job("echo 1", &job, &granted(&job)).await);
    assert_eq!(outcome, completed(json!(1)));
}

/// `(command, code, retryable)`
#[tokio::test]
async fn failures_are_classified() {
    for (command, code, retryable, message) in [
        ("echo oops >&2; echo >&2; exit 3", "exit_status", true, "`f` exited with status 3: oops"),
        ("exit 75", "exit_status", true, "`f` exited with status 75"),
        ("exit 64", "exit_status", false, "`f` exited with status 64"),
        ("exit 65", "exit_status", false, "`f` exited with status 65"),
        ("exit 77", "exit_status", false, "`f` exited with status 77"),
        ("exit 78", "exit_status", false, "`f` exited with status 78"),
        ("kill -9 $$", "killed", true, "`f` was killed (signal: 9 (SIGKILL))"),
        // What a shell says whose program was killed.
        ("exit 137", "killed", true, "`f` was killed (status 137)"),
        (
            r#"echo '{"error": {"code": "declined", "message": "no", "retryable": false}}'; exit 1"#,
            "declined",
            false,
            "no",
        ),
        (r#"echo '{"error": {"message": "later"}}'; exit 1"#, "failed", true, "later"),
        (r#"echo '{"error": 5}'; exit 1"#, "exit_status", true, "`f` exited with status 1"),
        (
            "echo 1 2",
            "bad_output",
            false,
            "`f` did not write one JSON value: trailing characters at line 1 column 3",
        ),
        (
            "printf '\"\\377\"'",
            "bad_output",
            false,
            "`f` did not write one JSON value: invalid utf-8 sequence of 1 bytes from index 1",
        ),
        (
            "printf '%0200d' 0 | tr 0 '['",
            "bad_output",
            false,
            "`f` did not write one JSON value: recursion limit exceeded at line 1 column 128",
        ),
        (
            "head -c 20000000 /dev/zero",
            "output_too_large",
            false,
            "`f` wrote more than 16777216 bytes",
        ),
    ] {
        let outcome = run(command, json!(null)).await;
        let failure = &outcome["failed"]["failure"];
        assert_eq!(failure["code"], code, "{command}: {outcome}");
        assert_eq!(failure["retryable"], retryable, "{command}");
        assert_eq!(failure["message"], message, "{command}");
    }
    let outcome = run("/nonexistent/program", json!(null)).await;
    assert_eq!(outcome["failed"]["failure"]["details"]["exit_code"], 127);
}

#[tokio::test]
async fn a_program_killed_in_the_middle_is_lost_where_its_effect_cannot_be_repeated() {
    for (effect, retryable, lost) in [(Idempotent, true, false), (Irreversible, false, true)] {
        let job = JobMessage { effect, ..function("f", json!(null)) };
        let outcome = run_job("kill -9 $$", &job, &granted(&job)).await;
        let OutcomeMessage::Failed { failure } = outcome else { panic!("{outcome:?}") };
        assert_eq!((&*failure.code, failure.retryable, failure.lost), ("killed", retryable, lost));
    }
}

#[tokio::test]
async fn what_is_no_patch_fails_the_attempt() {
    let seventeen = "for i in $(seq 17); do echo '::patch {\"operations\": []}' >&2; done";
    for (command, problem) in [
        (
            "echo '::patch {\"operations\": [], \"reason\": 1}' >&2",
            "unknown field `reason`, expected one of `operations`, `description`, `base` at line 1 \
             column 27",
        ),
        (seventeen, "a result carries at most 16 patches"),
    ] {
        let outcome = run(command, json!(null)).await;
        let failure = &outcome["failed"]["failure"];
        assert_eq!((&failure["code"], &failure["retryable"]), (&json!("bad_patch"), &json!(false)));
        assert_eq!(failure["message"], format!("`f` proposed what is no patch: {problem}"));
    }
}

#[tokio::test]
async fn patches_go_with_a_success() {
    let operations =
        format!("[{{\"op\": \"test\", \"path\": \"\", \"value\": \"{}\"}}]", "x".repeat(20_000));
    let patch = format!("{{\"operations\": {operations}, \"description\": \"one more\"}}");
    let mut job = function("f", json!(null));
    job.config = PayloadMessage::Inline(RawText::of(&json!({"name": "f", "args": patch})).0);
    let programs = |command: &str| {
        let programs = Programs::new([("f".to_owned(), command.to_owned())], PATIENCE);
        worker(Arc::new(programs), MapSecrets::default())
    };
    let propose =
        "python3 -c 'import json,sys; print(\"::patch \" + json.load(sys.stdin), file=sys.stderr)'";
    for (end, expected) in [("true", 1), ("exit 3", 0)] {
        let work = programs(&format!("{propose}; {end}"));
        let result = work.work(&job, &granted(&job)).await.unwrap();
        assert_eq!(result.patches.len(), expected, "{end}: {result:?}");
        for patch in result.patches {
            assert_eq!(&*patch.description, "one more");
            // Long ones travel as their digest.
            assert!(matches!(patch.operations, PayloadMessage::Stored { .. }), "{patch:?}");
        }
    }
}

#[tokio::test]
async fn stderr_is_forwarded_as_log_lines_and_progress() {
    let job = function("f", json!(null));
    let attempt = granted(&job);
    let command = "echo one >&2; echo '::progress {\"done\": 1}' >&2; printf 'two\\r\\nthree' >&2";
    run_job(command, &job, &attempt).await;
    let (progress, logs) = attempt.take_report(1 << 20);
    assert_eq!(progress.unwrap().0.get(), r#"{"done": 1}"#);
    assert_eq!(logs.unwrap().lines, ["one", "two", "three"]);
}

#[tokio::test]
async fn secrets_stay_out_of_output_failures_and_log_lines() {
    for command in ["cat; cat >&2", "tee /dev/stderr; exit 1", "tee /dev/stderr; echo '{'"] {
        let mut job = function("f", json!({"key": null}));
        job.secrets = vec![SecretSlot {
            pointer: "/args/key".into(),
            parts: vec![SecretPart::Secret("token".into())],
        }];
        let attempt = granted(&job);
        let outcome = outcome_json(&run_job(command, &job, &attempt).await).to_string();
        let logs = format!("{:?}", attempt.take_report(1 << 20));
        assert!(!outcome.contains("canary") && outcome.contains("[secret:token]"), "{outcome}");
        assert!(!logs.contains("canary"), "{logs}");
    }
}

/// A pipe whose reader sees the end when every process that holds it is gone.
struct Fifo {
    path: PathBuf,
    _dir: TempDir,
}

impl Fifo {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("alive");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        Self { path, _dir: dir }
    }

    /// Runs the job with the pipe as file descriptor 3. The script says `up` on it; then `act` is
    /// applied. Returns the outcome after everybody who held the pipe is gone.
    async fn run(
        &self,
        script: &str,
        job: &JobMessage,
        act: impl FnOnce(&Attempt),
    ) -> Option<OutcomeMessage> {
        // What ignores SIGTERM is not waited for; everything else has all the time it needs.
        let deaf = script.starts_with("trap ''");
        let stop_grace = if deaf { Duration::from_millis(50) } else { PATIENCE };
        let attempt = granted(job);
        let up =
            format!("exec 3>'{}'; {}", self.path.display(), script.replace("UP", "echo up >&3"));
        let watch = async {
            let mut pipe = BufReader::new(tokio::fs::File::open(&self.path).await.unwrap());
            let mut text = String::new();
            pipe.read_line(&mut text).await.unwrap();
            act(&attempt);
            pipe.read_to_string(&mut text).await.unwrap();
            text
        };
        let watch = tokio::time::timeout(PATIENCE, watch);
        let (outcome, text) = tokio::join!(answer(&up, stop_grace, job, &attempt), watch);
        assert_eq!(text.unwrap(), "up\n");
        outcome
    }
}

#[tokio::test]
async fn cancelling_stops_the_program_and_everything_it_started() {
    for (script, effect, expected) in [
        ("UP; sleep 1000", Idempotent, json!({"cancelled": {}})),
        ("sleep 1000 & UP; sleep 1000", Idempotent, json!({"cancelled": {}})),
        ("trap '' TERM; UP; while :; do sleep 1000; done", Idempotent, json!({"cancelled": {}})),
        ("trap 'echo 5; exit 0' TERM; UP; sleep 1000 & wait", Idempotent, completed(json!(5))),
        (
            "UP; sleep 1000",
            Irreversible,
            json!({"failed": {"failure": {"code": "interrupted",
                "message": "it was cancelled while it ran", "retryable": false, "lost": true}}}),
        ),
    ] {
        let job = JobMessage { effect, ..function("f", json!(null)) };
        let outcome =
            Fifo::new().run(script, &job, |attempt| attempt.stop(StopCause::Cancelling)).await;
        assert_eq!(outcome_json(&outcome.unwrap()), expected, "{script}");
    }
}

#[tokio::test]
async fn a_lost_attempt_leaves_nothing_running_and_answers_nothing() {
    let job = function("f", json!(null));
    let script = "sleep 1000 & UP; sleep 1000";
    let outcome = Fifo::new().run(script, &job, |attempt| attempt.stop(StopCause::Lost)).await;
    assert_eq!(outcome, None);
}

#[tokio::test]
async fn what_a_program_leaves_behind_does_not_hold_its_result_back() {
    let job = function("f", json!(null));
    let outcome = Fifo::new().run("UP; sleep 1000 & echo 7", &job, |_| {}).await;
    assert_eq!(outcome_json(&outcome.unwrap()), completed(json!(7)));
}

#[tokio::test]
async fn the_timeout_kills_and_says_so() {
    let job = JobMessage { timeout_ms: Some(300), ..function("f", json!(null)) };
    let outcome = run_job("sleep 1000", &job, &granted(&job)).await;
    let OutcomeMessage::Failed { failure } = outcome else { panic!("{outcome:?}") };
    assert_eq!((&*failure.code, failure.retryable), ("timeout", true));
    assert_eq!(&*failure.message, "no result within 300 ms");
}
