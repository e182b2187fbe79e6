//! A real `aob dev` in a home of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command};

use serde_json::Value;

use crate::shell::{Done, Home};

/// A running `aob dev`; killed when dropped.
pub(crate) struct Dev {
    child: Child,
    // Held so that what it prints later has somewhere to go.
    _stdout: BufReader<ChildStdout>,
    pub(crate) ready: Value,
}

impl Dev {
    /// Starts it over the directory `d`, on free ports, and waits until it says that it is ready.
    pub(crate) fn start(home: &Home, more: &[&str]) -> Self {
        let args = [&["dev", "--data", "d", "--port", "0", "-o", "json"], more].concat();
        let mut child = home.command(&args).stderr(std::process::Stdio::inherit()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).unwrap();
        Self { child, _stdout: stdout, ready }
    }

    pub(crate) fn server(&self) -> &str {
        self.ready["server"].as_str().unwrap()
    }

    /// Sends a signal by its name; answers the exit code, if it ended by itself.
    pub(crate) fn end(mut self, signal: &str) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
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
