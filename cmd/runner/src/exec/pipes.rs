//! The three pipes of a program: arguments in, result out, log lines out.

use std::io;

use aob_api::jobs::{LOG_LINE_BYTES_MAX, PayloadMessage, RawText, ResultPatchMessage};
use aob_ir::Digest;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use tokio_util::sync::CancellationToken;

use crate::attempt::Attempt;
use crate::execute::ReadyJob;

/// Prefix of a line on stderr that reports progress.
const PROGRESS: &str = "::progress ";
/// Prefix of a line on stderr that proposes a patch.
const PATCH: &str = "::patch ";
/// Bytes of a line that proposes a patch: what an agent's may have, and its description.
const PATCH_BYTES_MAX: usize = 80 * 1024;
/// Bytes of stderr that are kept for a failure.
const TAIL_BYTES: usize = 8 * 1024;
/// Bytes read at once.
const CHUNK_BYTES: usize = 16 * 1024;

/// What goes in and what has come out so far.
pub(super) struct Pipes {
    ends: Mutex<Option<(ChildStdin, ChildStdout, ChildStderr)>>,
    stdout: Mutex<Vec<u8>>,
    stdout_bytes_max: usize,
    tail: Mutex<String>,
    overflow: CancellationToken,
    /// What is wrong with a patch that was proposed.
    bad_patch: Mutex<Option<String>>,
}

/// What stands behind `::patch`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Proposed {
    operations: Box<RawValue>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    base: Option<Digest>,
}

impl Pipes {
    /// Takes the pipes of a child that was spawned with all three.
    pub(super) fn of(child: &mut Child, stdout_bytes_max: usize) -> Self {
        let ends = child.stdin.take().zip(child.stdout.take()).zip(child.stderr.take());
        Self {
            ends: Mutex::new(ends.map(|((stdin, stdout), stderr)| (stdin, stdout, stderr))),
            stdout: Mutex::default(),
            stdout_bytes_max,
            tail: Mutex::default(),
            overflow: CancellationToken::new(),
            bad_patch: Mutex::default(),
        }
    }

    /// Is cancelled when the program has written more than it may.
    pub(super) fn overflow(&self) -> &CancellationToken {
        &self.overflow
    }

    /// Everything written to stdout.
    pub(super) fn take_stdout(&mut self) -> Vec<u8> {
        std::mem::take(self.stdout.get_mut())
    }

    /// The end of what was written to stderr.
    pub(super) fn stderr_tail(&self, bytes_max: usize) -> String {
        let tail = self.tail.lock();
        let start = tail.len().saturating_sub(bytes_max);
        tail[tail.ceil_char_boundary(start)..].to_owned()
    }

    /// What is wrong with a patch that the program proposed, if anything is.
    pub(super) fn take_bad_patch(&mut self) -> Option<String> {
        self.bad_patch.get_mut().take()
    }

    /// Moves bytes until the program has closed both outputs.
    pub(super) async fn pump(&self, job: &ReadyJob<'_>, attempt: &Attempt) {
        let Some((stdin, stdout, stderr)) = self.ends.lock().take() else { return };
        tokio::join!(
            feed(stdin, job.args().get().as_bytes()),
            self.collect(stdout),
            self.log(stderr, job, attempt),
        );
    }

    async fn collect(&self, mut pipe: impl AsyncRead + Unpin) {
        let mut chunk = vec![0; CHUNK_BYTES];
        while let Some(bytes) = read(&mut pipe, &mut chunk).await {
            let mut stdout = self.stdout.lock();
            if stdout.len() + bytes.len() > self.stdout_bytes_max {
                self.overflow.cancel();
                return;
            }
            stdout.extend_from_slice(bytes);
        }
    }

    async fn log(&self, mut pipe: impl AsyncRead + Unpin, job: &ReadyJob<'_>, attempt: &Attempt) {
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut pending = Vec::new();
        while let Some(bytes) = read(&mut pipe, &mut chunk).await {
            for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
                pending.extend_from_slice(piece);
                if piece.ends_with(b"\n") || pending.len() > line_bytes_max(&pending) {
                    self.line(&pending, job, attempt);
                    pending.clear();
                }
            }
        }
        if !pending.is_empty() {
            self.line(&pending, job, attempt);
        }
    }

    fn line(&self, bytes: &[u8], job: &ReadyJob<'_>, attempt: &Attempt) {
        let text = String::from_utf8_lossy(bytes);
        let line = job.redactor.text(text.trim_end_matches(['\n', '\r']));
        if let Some(progress) = line.strip_prefix(PROGRESS)
            && let Ok(progress) = RawValue::from_string(progress.trim().to_owned())
        {
            attempt.progress(RawText(progress));
            return;
        }
        if let Some(text) = line.strip_prefix(PATCH) {
            if let Err(problem) = propose(text, attempt) {
                self.bad_patch.lock().get_or_insert(problem);
            }
            return;
        }
        attempt.log(&line);
        let mut tail = self.tail.lock();
        tail.push_str(&line);
        tail.push('\n');
        if tail.len() > 2 * TAIL_BYTES {
            let start = tail.len() - TAIL_BYTES;
            let start = tail.ceil_char_boundary(start);
            tail.drain(..start);
        }
    }
}

/// How long a line that begins so may be.
fn line_bytes_max(line: &[u8]) -> usize {
    if line.starts_with(PATCH.as_bytes()) { PATCH_BYTES_MAX } else { LOG_LINE_BYTES_MAX }
}

/// Adds what stands behind `::patch` to the attempt's result.
fn propose(text: &str, attempt: &Attempt) -> Result<(), String> {
    let proposed: Proposed = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let patch = ResultPatchMessage {
        operations: PayloadMessage::Inline(proposed.operations),
        base: proposed.base,
        description: proposed.description.into(),
    };
    attempt.propose(patch).map_err(|error| error.to_string())
}

/// A program may well exit without reading its input, so a broken pipe is no failure.
async fn feed(mut stdin: ChildStdin, args: &[u8]) {
    let written: io::Result<()> = async {
        stdin.write_all(args).await?;
        stdin.write_all(b"\n").await?;
        stdin.shutdown().await
    }
    .await;
    if let Err(error) = written {
        tracing::debug!(%error, "a program did not read all of its input");
    }
}

/// The next bytes; `None` at the end, and where the pipe breaks, which is the same.
async fn read<'a>(pipe: &mut (impl AsyncRead + Unpin), chunk: &'a mut [u8]) -> Option<&'a [u8]> {
    match pipe.read(chunk).await {
        Ok(0) | Err(_) => None,
        Ok(count) => Some(&chunk[..count]),
    }
}
