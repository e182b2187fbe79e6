//! A real `aob dev` in a home of its own.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::shell::{Done, Home};

/// A running `aob dev`; killed when dropped.
pub(crate) struct Dev {
    child: Owned,
    // Held so that what it prints later has somewhere to go.
    _stdout: BufReader<ChildStdout>,
    pub(crate) ready: Value,
}

/// An `aob dev` that may not be ready yet; killed when dropped.
pub(crate) struct Starting(Owned);

/// A process that does not outlive the test.
struct Owned(Child);

impl Dev {
    /// Starts it over the directory `d`, on free ports, and waits until it says that it is ready.
    pub(crate) fn start(home: &Home, more: &[&str]) -> Self {
        Starting::with(home, more, Stdio::inherit()).ready()
    }

    /// Starts it without waiting; what it says on stderr goes behind this file of the home.
    pub(crate) fn launch(home: &Home, more: &[&str], log: &str) -> Starting {
        let file = OpenOptions::new().create(true).append(true).open(home.path().join(log));
        Starting::with(home, more, file.unwrap().into())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.0.id()
    }

    pub(crate) fn server(&self) -> &str {
        self.ready["server"].as_str().unwrap()
    }

    /// Sends a signal by its name; answers the exit code, if it ended by itself.
    pub(crate) fn end(self, signal: &str) -> Option<i32> {
        self.child.end(signal)
    }
}

impl Starting {
    fn with(home: &Home, more: &[&str], stderr: Stdio) -> Self {
        let args = [&["dev", "--data", "d", "--port", "0", "-o", "json"], more].concat();
        Self(Owned(home.command(&args).stderr(stderr).spawn().unwrap()))
    }

    /// Waits until it says that it is ready.
    pub(crate) fn ready(self) -> Dev {
        let Self(mut child) = self;
        let mut stdout = BufReader::new(child.0.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).unwrap();
        Dev { child, _stdout: stdout, ready }
    }

    /// As [`Dev::end`].
    pub(crate) fn end(self, signal: &str) -> Option<i32> {
        self.0.end(signal)
    }
}

impl Owned {
    fn end(mut self, signal: &str) -> Option<i32> {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
        self.0.wait().unwrap().code()
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Home {
    /// Runs a command that must succeed, and answers what it prints.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let Done { code, stdout, stderr } = self.aob(args);
        assert_eq!(code, 0, "{args:?}: {stdout}{stderr}");
        stdout.trim().to_owned()
    }

    /// As [`Home::ok`], as JSON.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.ok(&[args, &["-o", "json"]].concat())).unwrap()
    }

    /// Starts a run from a file; answers its id.
    pub(crate) fn start(&self, file: &str) -> String {
        self.ok(&["run", "start", file, "-o", "name"])
    }

    /// Waits for the first event of this type, and answers it.
    pub(crate) fn event(&self, run: &str, kind: &str) -> Value {
        let args = ["logs", "stream", run, "--types", kind, "-o", "jsonl"];
        let mut child = self.command(&args).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let _ = child.kill();
        child.wait().unwrap();
        serde_json::from_str(&line).unwrap()
    }
}
