//! Functions that are programs of the user's own: JSON on stdin, JSON on stdout.
//!
//! * stdin: the function's arguments; stdout: its result (nothing at all is null); stderr: log
//!   lines, each of which counts as progress. A line `::progress <json>` reports progress; a line
//!   `::patch {"operations", "description", "base"}` adds a change of the run's graph to the result.
//! * Environment: that of the runner, plus `AOB_RUN`, `AOB_INSTANCE`, `AOB_ATTEMPT`,
//!   `AOB_IDEMPOTENCY_KEY` and `AOB_FUNCTION`; what holds the runner's own credentials is removed.
//! * Exit status 0 is success. Any other is a failure that is retried, as a crash would be, except
//!   129 to 192 (a shell whose program was killed: the attempt is lost, as where the program itself
//!   was), 64 (usage), 65 (bad data), 77 (no permission) and 78 (configuration) of `sysexits.h`, which
//!   say that trying again is useless. A program can say more itself: `{"error": {"code",
//!   "message", "retryable", "retry_after_ms", "details"}}` on stdout.
//! * To stop it, its whole process group gets SIGTERM, and after a grace period SIGKILL. What it
//!   leaves running in its group is killed when it exits.

mod pipes;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use aob_api::jobs::{FailureMessage, RawText};
use async_trait::async_trait;
use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use crate::attempt::{Attempt, cut};
use crate::execute::{Executor, Outcome, ReadyJob};
use pipes::Pipes;

/// Bytes that a program may write to stdout.
pub const OUTPUT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of stdout and stderr that a failure shows.
const EXCERPT_BYTES_MAX: usize = 4 * 1024;
/// How long pipes are read on after the program is gone, where something outside its group still
/// holds them.
const PIPES_LINGER: Duration = Duration::from_secs(2);

/// Which program serves which function.
#[derive(Debug, Clone)]
pub struct Programs {
    commands: BTreeMap<String, Arc<str>>,
    stop_grace: Duration,
    hidden_env: Vec<String>,
}

impl Programs {
    /// Functions by name, each with the shell command that serves it. A program that is told to
    /// stop has `stop_grace` before it is killed.
    pub fn new(commands: impl IntoIterator<Item = (String, String)>, stop_grace: Duration) -> Self {
        let commands = commands.into_iter().map(|(name, command)| (name, command.into()));
        Self { commands: commands.collect(), stop_grace, hidden_env: Vec::new() }
    }

    /// Keeps these variables of the runner's environment from the programs.
    #[must_use]
    pub fn without_env(self, names: impl IntoIterator<Item = String>) -> Self {
        Self { hidden_env: names.into_iter().collect(), ..self }
    }

    /// The functions that are served.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.commands.keys().map(String::as_str)
    }

    fn spawn(&self, command: &str, job: &ReadyJob<'_>) -> std::io::Result<Running> {
        let message = job.message;
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(command);
        self.hidden_env.iter().for_each(|name| {
            shell.env_remove(name);
        });
        let child = shell
            .env("AOB_RUN", message.run.to_string())
            .env("AOB_INSTANCE", message.instance.to_string())
            .env("AOB_ATTEMPT", message.attempt.to_string())
            .env("AOB_IDEMPOTENCY_KEY", &*message.idempotency_key)
            .env("AOB_FUNCTION", &*message.name)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Ok(Running { child, group: Group(group) })
    }
}

#[async_trait]
impl Executor for Programs {
    async fn execute(&self, job: &ReadyJob<'_>, attempt: &Attempt) -> Outcome {
        let name = &*job.message.name;
        let Some(command) = self.commands.get(name) else {
            let message = format!("this runner does not serve `{name}`");
            return FailureMessage::permanent("unknown_function", message).into();
        };
        if attempt.cancel_token().is_cancelled() {
            return Outcome::Cancelled;
        }
        let mut running = match self.spawn(command, job) {
            Ok(running) => running,
            Err(error) => {
                let message = format!("`{name}` could not be started: {error}");
                return FailureMessage::transient("spawn_failed", message).into();
            }
        };
        let mut pipes = Pipes::of(&mut running.child, OUTPUT_BYTES_MAX);
        let exited = CancellationToken::new();
        let (status, ()) = tokio::join!(
            async {
                let status = running.wait(attempt, pipes.overflow(), self.stop_grace).await;
                exited.cancel();
                status
            },
            pump(&pipes, job, attempt, &exited),
        );
        match status {
            Ok(status) => judge(job, attempt, status, &mut pipes),
            Err(error) => {
                let message = format!("`{name}` could not be waited for: {error}");
                FailureMessage::uncertain(job.message.effect, "wait_failed", message).into()
            }
        }
    }
}

async fn pump(pipes: &Pipes, job: &ReadyJob<'_>, attempt: &Attempt, exited: &CancellationToken) {
    let lingering = async {
        exited.cancelled().await;
        tokio::time::sleep(PIPES_LINGER).await;
    };
    tokio::select! {
        biased;
        () = pipes.pump(job, attempt) => {}
        () = lingering => {}
    }
}

/// A program with its process group, which is killed when this is dropped.
struct Running {
    child: Child,
    group: Group,
}

impl Running {
    /// Waits for the program; stops it when it should stop or writes too much.
    async fn wait(
        &mut self,
        attempt: &Attempt,
        overflow: &CancellationToken,
        stop_grace: Duration,
    ) -> std::io::Result<ExitStatus> {
        let stopped = tokio::select! {
            biased;
            status = self.child.wait() => Some(status),
            () = overflow.cancelled() => { self.group.signal(Signal::KILL); None }
            () = attempt.cancel_token().cancelled() => { self.group.signal(Signal::TERM); None }
        };
        let in_time = match stopped {
            Some(status) => Some(status),
            None => tokio::time::timeout(stop_grace, self.child.wait()).await.ok(),
        };
        // Whatever it left behind in its group holds its pipes open.
        self.group.signal(Signal::KILL);
        match in_time {
            Some(status) => status,
            None => self.child.wait().await,
        }
    }
}

/// A process group.
struct Group(Option<Pid>);

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            // It fails where the group is gone already, which is what was wanted.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// What an exit status and the output before it mean.
fn judge(job: &ReadyJob<'_>, attempt: &Attempt, status: ExitStatus, pipes: &mut Pipes) -> Outcome {
    let name = &*job.message.name;
    if pipes.overflow().is_cancelled() {
        let message = format!("`{name}` wrote more than {OUTPUT_BYTES_MAX} bytes");
        return FailureMessage::permanent("output_too_large", message).into();
    }
    let stderr = pipes.stderr_tail(EXCERPT_BYTES_MAX);
    let stdout = pipes.take_stdout();
    let output = read_output(&stdout);
    if status.success() {
        if let Some(problem) = pipes.take_bad_patch() {
            let message = format!("`{name}` proposed what is no patch: {problem}");
            return FailureMessage::permanent("bad_patch", message).into();
        }
        return output.map_or_else(
            |problem| {
                let shown = String::from_utf8_lossy(&stdout);
                let details = json!({ "stdout": cut(&shown, EXCERPT_BYTES_MAX) });
                let message = format!("`{name}` did not write one JSON value: {problem}");
                let failure = FailureMessage::permanent("bad_output", message);
                FailureMessage { details: Some(RawText::of(&details)), ..failure }.into()
            },
            Outcome::Completed,
        );
    }
    if attempt.cancel_token().is_cancelled() {
        return Outcome::Interrupted;
    }
    match output.ok().and_then(|output| own_failure(&output)) {
        Some(failure) => failure.into(),
        None => exit_failure(job, status, &stderr).into(),
    }
}

/// One JSON value, at most 128 levels deep; nothing at all reads as null.
fn read_output(stdout: &[u8]) -> Result<Box<RawValue>, String> {
    let text = std::str::from_utf8(stdout).map_err(|error| error.to_string())?.trim();
    if text.is_empty() {
        return Ok(RawValue::NULL.to_owned());
    }
    // Parsed as a tree, because that is what bounds its depth.
    serde_json::from_str::<serde_json::Value>(text)
        .and_then(|_| RawValue::from_string(text.to_owned()))
        .map_err(|error| error.to_string())
}

/// What the program says about its failure itself.
fn own_failure(output: &RawValue) -> Option<FailureMessage> {
    #[derive(Deserialize)]
    struct Output {
        error: Own,
    }
    #[derive(Deserialize)]
    struct Own {
        #[serde(default)]
        code: Option<String>,
        message: String,
        #[serde(default = "yes")]
        retryable: bool,
        #[serde(default)]
        retry_after_ms: Option<u64>,
        #[serde(default)]
        details: Option<Box<RawValue>>,
    }
    let Output { error } = serde_json::from_str(output.get()).ok()?;
    let failure =
        FailureMessage::permanent(error.code.as_deref().unwrap_or("failed"), error.message);
    Some(FailureMessage {
        retryable: error.retryable,
        retry_after_ms: error.retry_after_ms,
        details: error.details.map(RawText),
        ..failure
    })
}

fn yes() -> bool {
    true
}

/// 128 and the number of a signal: the status of a shell whose last program a signal ended.
const SIGNALLED: RangeInclusive<i32> = 129..=192;

fn exit_failure(job: &ReadyJob<'_>, status: ExitStatus, stderr: &str) -> FailureMessage {
    let name = &*job.message.name;
    let last_line = stderr.lines().rev().map(str::trim).find(|line| !line.is_empty());
    let last_line = last_line.map(|line| format!(": {}", cut(line, 500))).unwrap_or_default();
    // It did not end by itself, so what it did is as unknown as after a lost connection.
    let killed = |how: String| {
        let message = format!("`{name}` was killed ({how}){last_line}");
        FailureMessage::uncertain(job.message.effect, "killed", message)
    };
    let failure = match status.code() {
        Some(code @ (64 | 65 | 77 | 78)) => {
            let message = format!("`{name}` exited with status {code}{last_line}");
            FailureMessage::permanent("exit_status", message)
        }
        // A shell around a program says so when that program was killed.
        Some(code) if SIGNALLED.contains(&code) => killed(format!("status {code}")),
        Some(code) => {
            let message = format!("`{name}` exited with status {code}{last_line}");
            FailureMessage::transient("exit_status", message)
        }
        None => killed(status.to_string()),
    };
    let details = json!({ "exit_code": status.code(), "stderr": stderr });
    FailureMessage { details: Some(RawText::of(&details)), ..failure }
}

#[cfg(test)]
mod tests;
