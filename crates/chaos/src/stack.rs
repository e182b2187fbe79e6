//! The production stack that `scripts/stack` has started: its processes and services, and how they
//! are ended and brought back.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// Why something could not be done to the stack.
pub type Problem = String;

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts");

/// See the module.
#[derive(Debug, Clone)]
pub struct Stack {
    /// Where it keeps everything.
    pub folder: PathBuf,
    /// Postgres as its owner.
    pub postgres: String,
    /// Redis, with its password.
    pub redis: String,
}

impl Stack {
    /// What a process is at.
    ///
    /// # Errors
    /// If it was never started.
    pub fn url(&self, name: &str) -> Result<String, Problem> {
        read(&self.folder.join(format!("processes/{name}.url")))
    }

    /// The id of a process, also of one that has ended.
    ///
    /// # Errors
    /// If it was never started.
    pub fn pid(&self, name: &str) -> Result<u32, Problem> {
        let text = read(&self.folder.join(format!("processes/{name}.pid")))?;
        text.parse().map_err(|_| format!("{name}: `{text}` is no process"))
    }

    /// Whether a process is there and no zombie.
    pub fn is_alive(&self, name: &str) -> bool {
        let Ok(pid) = self.pid(name) else { return false };
        // State is the first word behind the name, which is in parentheses.
        std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
            stat.rsplit(')').next().is_some_and(|rest| !rest.trim_start().starts_with('Z'))
        })
    }

    /// Sends a signal to a process that lives.
    ///
    /// # Errors
    /// If it does not: then nothing was hit.
    pub fn signal(&self, name: &str, signal: &str) -> Result<(), Problem> {
        if !self.is_alive(name) {
            return Err(format!("{name} is not there to get a {signal}"));
        }
        let pid = self.pid(name)?.to_string();
        run(Command::new("kill").args(["-s", signal, &pid])).map(drop)
    }

    /// Starts a process again where it was, and waits until it is ready.
    ///
    /// # Errors
    /// If it does not become ready.
    pub fn again(&self, name: &str) -> Result<(), Problem> {
        run(script("stack").args(["again", name, "--dir"]).arg(&self.folder)).map(drop)
    }

    /// Starts one process more, and waits until it is ready.
    ///
    /// # Errors
    /// If it does not become ready.
    pub fn more(&self, name: &str, command: &[&str]) -> Result<(), Problem> {
        let mut script = script("stack");
        script.args(["more", name, "--dir"]).arg(&self.folder).arg("--").args(command);
        run(&mut script).map(drop)
    }

    /// Ends a service at once (`kill`), or starts it where it was (`again`).
    ///
    /// # Errors
    /// If that cannot be done.
    pub fn service(&self, verb: &str, name: &str) -> Result<(), Problem> {
        run(script("services").args([verb, name, "--dir"]).arg(&self.folder)).map(drop)
    }

    /// What the product's database answers to a statement, as its owner.
    ///
    /// # Errors
    /// If it does not.
    pub fn sql(&self, statement: &str) -> Result<String, Problem> {
        let base = self.postgres.rsplit_once('/').map_or(&*self.postgres, |(base, _)| base);
        let mut psql = Command::new("psql");
        psql.arg(format!("{base}/aob")).args(["-X", "-q", "-A", "-t", "-c", statement]);
        run(&mut psql)
    }

    /// What Redis answers to a command.
    ///
    /// # Errors
    /// If it does not.
    pub fn redis(&self, command: &str) -> Result<String, Problem> {
        run(Command::new("redis-cli").args(["-u", &self.redis, "--no-auth-warning", command]))
    }
}

fn script(name: &str) -> Command {
    let mut command = Command::new("bash");
    command.arg(format!("{SCRIPTS}/{name}"));
    command
}

fn read(path: &Path) -> Result<String, Problem> {
    let text = std::fs::read_to_string(path);
    text.map(|text| text.trim().to_owned()).map_err(|error| format!("{}: {error}", path.display()))
}

/// Runs a command that must succeed; what it prints.
fn run(command: &mut Command) -> Result<String, Problem> {
    let ran = command.stdin(Stdio::null()).output();
    let output = ran.map_err(|error| format!("{command:?}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    Err(format!("{command:?}: {} {}", text(&output.stdout), text(&output.stderr)))
}

/// The JSON of a text; null where it is none.
pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}
