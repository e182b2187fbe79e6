//! Programs behind `aob runner --exec` that are killed in the middle: the run goes on as the
//! declared effect says.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command};

use serde_json::{Value, json};

use crate::shell::Home;
use crate::stack::Dev;

/// Says that it is in the middle, and stays there unless the file `go` exists.
const PYTHON: &str = r#"
import json, os, sys, time
args = json.load(sys.stdin)
if not os.path.exists("go"):
    with open("middle", "w") as middle:
        middle.write(f"{os.environ['AOB_RUN']} {os.getpid()}\n")
    time.sleep(600)
json.dump({"did": args["n"], "attempt": os.environ["AOB_ATTEMPT"]}, sys.stdout)
"#;
/// The same.
const SHELL: &str = r#"
read args
if [ ! -e go ]; then
    echo "$AOB_RUN $$" > middle
    exec sleep 600
fi
echo "{\"did\": 3, \"attempt\": \"$AOB_ATTEMPT\"}"
"#;

/// A home with both programs, a server, and a way to hear from programs in the middle.
struct Place {
    home: Home,
    _dev: Dev,
    middle: BufReader<File>,
    runner: Child,
}

impl Place {
    fn new() -> Self {
        let home = Home::new();
        home.file("job.py", PYTHON);
        home.file("job.sh", SHELL);
        for (name, program) in [("python", "python"), ("shell", "shell")] {
            for effect in ["none", "idempotent", "irreversible"] {
                let node = json!({"id": "job", "type": "function", "effect": effect,
                    "retry": {"backoff_ms": 1},
                    "config": {"name": program, "args": {"n": 3}}});
                home.file(&format!("{name}-{effect}.json"), &json!({"nodes": [node]}).to_string());
            }
        }
        let pipe = home.path().join("middle");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        // Held open for writing too, so that it has no end.
        let middle = OpenOptions::new().read(true).write(true).open(pipe).unwrap();
        let dev = Dev::start(&home, &[]);
        let runner = Self::runner(&home);
        Self { home, _dev: dev, middle: BufReader::new(middle), runner }
    }

    fn runner(home: &Home) -> Child {
        // Behind a shell that stays, as most programs are.
        let args = ["runner", "--exec", "python=python3 job.py; exit $?", "--exec"];
        let mut command = home.command(&[&args[..], &["shell=sh job.sh"]].concat());
        command.stderr(std::process::Stdio::null()).spawn().unwrap()
    }

    /// Waits for programs to be in the middle; answers their processes, in the order of `runs`.
    fn in_the_middle(&mut self, runs: &[String]) -> Vec<String> {
        let mut found = vec![String::new(); runs.len()];
        for _ in runs {
            let mut line = String::new();
            self.middle.read_line(&mut line).unwrap();
            let (run, pid) = line.trim().split_once(' ').unwrap();
            let place = runs.iter().position(|known| known == run).unwrap();
            found[place] = pid.to_owned();
        }
        found
    }

    /// What an explanation tells a person to do about the run's parked instance.
    fn told(&self, run: &str) -> Value {
        self.home.event(run, "node_parked");
        let explained = self.home.json(&["run", "explain", run]);
        let wait = explained["waits"][0].clone();
        assert_eq!(wait["reason"], "outcome_unknown", "{explained}");
        assert_eq!(wait["remedy"], json!(format!("aob run retry {run} job")));
        wait
    }

    fn ends(&self, run: &str, output: &Value) {
        let view = self.home.json(&["run", "wait", run, "--timeout", "60s"]);
        assert_eq!(&view["output"], output, "{view}");
        assert_eq!(self.home.json(&["run", "verify", run])["ok"], true);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.runner.kill();
        let _ = self.runner.wait();
    }
}

fn kill(pid: &str) {
    assert!(Command::new("kill").args(["-s", "KILL", pid]).status().unwrap().success());
}

#[test]
fn a_program_that_is_killed_is_repeated_where_that_is_harmless() {
    let mut place = Place::new();
    let files = ["python-none", "shell-idempotent", "python-irreversible", "shell-irreversible"];
    let runs = files.map(|file| place.home.start(&format!("{file}.json")));
    let programs = place.in_the_middle(&runs);
    place.home.file("go", "");
    programs.iter().for_each(|pid| kill(pid));

    for run in &runs[..2] {
        place.ends(run, &json!({"did": 3, "attempt": "2"}));
    }
    for run in &runs[2..] {
        place.told(run);
    }
    place.home.ok(&["run", "retry", &runs[2], "job"]);
    place.ends(&runs[2], &json!({"did": 3, "attempt": "2"}));
    place.home.ok(&["run", "skip", &runs[3], "job"]);
    place.ends(&runs[3], &Value::Null);
}

#[test]
fn a_runner_that_is_killed_loses_its_attempts_as_their_effect_says() {
    let mut place = Place::new();
    let files = ["shell-none", "python-idempotent", "shell-irreversible", "python-irreversible"];
    let runs = files.map(|file| place.home.start(&format!("{file}.json")));
    let programs = place.in_the_middle(&runs);
    let running = place.home.json(&["run", "explain", &runs[0]]);
    assert_eq!(running["waits"][0]["reason"], "running", "{running}");
    place.home.file("go", "");
    kill(&place.runner.id().to_string());
    place.runner.wait().unwrap();
    // Nobody is left to stop its programs.
    programs.iter().for_each(|pid| kill(pid));

    // Nobody knows before the lease has run out.
    for run in &runs[2..] {
        let wait = place.told(run);
        assert!(wait["message"].as_str().unwrap().contains("not heard of"), "{wait}");
    }
    place.runner = Place::runner(&place.home);
    for run in &runs[..2] {
        place.ends(run, &json!({"did": 3, "attempt": "2"}));
    }
    place.home.ok(&["run", "retry", &runs[2]]);
    place.ends(&runs[2], &json!({"did": 3, "attempt": "2"}));
    place.home.ok(&["run", "skip", &runs[3]]);
    place.ends(&runs[3], &Value::Null);
}
