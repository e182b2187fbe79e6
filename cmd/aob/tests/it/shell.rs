//! Running the binary in a home of its own.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A person's home: nothing in it but what a test puts there.
pub(crate) struct Home {
    dir: TempDir,
}

/// What a command did.
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// Whether it stays where it is after the test.
    pub(crate) fn keep(&mut self, keep: bool) {
        self.dir.disable_cleanup(keep);
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file below the home, which is also the working directory.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The command, not started yet.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aob"));
        command.args(args).env_clear().env("HOME", self.path()).current_dir(self.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn aob(&self, args: &[&str]) -> Done {
        self.aob_with(args, None)
    }

    /// Runs a command to its end, with this on its standard input.
    pub(crate) fn aob_with(&self, args: &[&str], stdin: Option<&str>) -> Done {
        let mut command = self.command(args);
        if stdin.is_some() {
            command.stdin(Stdio::piped());
        }
        let mut child = command.spawn().unwrap();
        if let (Some(text), Some(mut pipe)) = (stdin, child.stdin.take()) {
            // A command that refuses its arguments does not read.
            let _ = pipe.write_all(text.as_bytes());
        }
        let output = child.wait_with_output().unwrap();
        Done {
            code: output.status.code().unwrap_or(-1),
            stdout: self.neutral(&String::from_utf8(output.stdout).unwrap()),
            stderr: self.neutral(&String::from_utf8(output.stderr).unwrap()),
        }
    }

    /// The text with this home's own path taken out.
    fn neutral(&self, text: &str) -> String {
        text.replace(&self.path().display().to_string(), "~")
    }
}

impl Done {
    /// Everything at once, for snapshots.
    pub(crate) fn shown(&self, args: &[&str]) -> String {
        let mut text = format!("$ aob {}\nexit {}\n", args.join(" "), self.code);
        for (name, stream) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            for line in stream.lines() {
                text.push_str(&format!("{name}| {line}\n"));
            }
        }
        text
    }
}
