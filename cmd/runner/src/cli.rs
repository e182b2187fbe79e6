//! `--exec NAME=CMD`: a long-poll runner from command-line arguments.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aob_egress::{Allow, Client, ClientConfig, ParseAllowError, Policy};
use thiserror::Error;
use url::Url;

use crate::api::{ApiPayloads, HttpsApi, RunnerApi};
use crate::clock::Clock;
use crate::exec::Programs;
use crate::poll::{PollConfig, Poller};
use crate::secrets::{MapSecrets, Secret};
use crate::worker::{Worker, WorkerDeps};

/// Variables that hold a client's own credentials; programs do not get them.
const CREDENTIALS: [&str; 2] = ["AOB_API_KEY", "AOB_TOKEN"];
/// What every server executes itself.
const BUILT_IN: [&str; 3] = ["echo", "sleep", "fail"];

/// Which functions a runner serves, and how.
#[derive(Debug, Clone, clap::Args)]
pub struct RunnerArgs {
    /// Serve the function NAME with the shell command CMD: the arguments come as JSON on stdin, the
    /// result is expected as JSON on stdout. Exit status 64, 65, 77 or 78 says that trying again is
    /// useless. Can be given several times.
    #[arg(long = "exec", value_name = "NAME=CMD", required = true, value_parser = parse_program)]
    pub exec: Vec<(String, String)>,

    /// The pool to take jobs of.
    #[arg(long, default_value = "default")]
    pub pool: String,

    /// Jobs at once.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub concurrency: u32,

    /// The runner's name, unique among those alive [default: one of its own].
    #[arg(long)]
    pub name: Option<String>,

    /// A secret that jobs may use, read from FILE. Can be given several times.
    #[arg(long = "secret", value_name = "NAME=FILE", value_parser = parse_pair)]
    pub secrets: Vec<(String, String)>,

    /// How long running jobs may go on after the first Ctrl-C.
    #[arg(long, value_name = "MS", default_value_t = 30_000)]
    pub drain_ms: u64,

    /// How long a program has between SIGTERM and SIGKILL.
    #[arg(long, value_name = "MS", default_value_t = 10_000)]
    pub stop_grace_ms: u64,
}

/// As [`parse_pair`], refusing the stand-in that suggestions name: every job would fail.
fn parse_program(text: &str) -> Result<(String, String), String> {
    let (name, command) = parse_pair(text)?;
    if command == "CMD" {
        return Err(format!("`CMD` stands for a program of yours, such as {name}='python3 f.py'"));
    }
    Ok((name, command))
}

fn parse_pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("there is no `=` in it")?;
    let (name, value) = (name.trim(), value.trim());
    if name.is_empty() || value.is_empty() {
        return Err("both sides of `=` must be given".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// The server that a runner works for.
#[derive(Debug, Clone)]
pub struct Server {
    /// Where it is.
    pub url: Url,
    /// The runner's API key, where the server wants one.
    pub token: Option<Secret>,
}

/// Why a runner cannot be made of its arguments.
#[derive(Debug, Error)]
pub enum SetupError {
    /// The name belongs to the server.
    #[error("`{name}` is a built-in function; give yours another name")]
    BuiltIn {
        /// The name.
        name: String,
    },
    /// Which of the two should serve it?
    #[error("`{name}` is given twice")]
    Twice {
        /// The name.
        name: String,
    },
    /// The file cannot be read.
    #[error("the secret `{name}` cannot be read from {}", path.display())]
    Secret {
        /// The secret's name.
        name: String,
        /// Its file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The server's address cannot be used.
    #[error("the server's address cannot be used")]
    Server(#[source] ParseAllowError),
}

/// Makes a runner. `own_name` is its name where the arguments give none.
///
/// # Errors
/// See [`SetupError`].
pub fn poller(
    args: RunnerArgs,
    server: Server,
    own_name: &str,
    clock: Arc<dyn Clock>,
) -> Result<Poller, SetupError> {
    let mut names = BTreeSet::new();
    for (name, _) in &args.exec {
        if BUILT_IN.contains(&name.as_str()) {
            return Err(SetupError::BuiltIn { name: name.clone() });
        }
        if !names.insert(Arc::<str>::from(name.as_str())) {
            return Err(SetupError::Twice { name: name.clone() });
        }
    }
    let runner = args.name.as_deref().unwrap_or(own_name);
    let stop_grace = Duration::from_millis(args.stop_grace_ms);
    let programs = Programs::new(args.exec, stop_grace)
        .without_env(CREDENTIALS.into_iter().map(str::to_owned));
    let api: Arc<dyn RunnerApi> = Arc::new(https_api(server)?);
    let deps = WorkerDeps {
        executor: Arc::new(programs),
        payloads: Arc::new(ApiPayloads(Arc::clone(&api))),
        secrets: Arc::new(read_secrets(args.secrets)?),
        clock,
    };
    // The executor needs its grace to stop the program, and a moment to say so.
    let worker = Worker::new(runner.into(), deps, stop_grace + Duration::from_secs(5));
    let config = PollConfig {
        concurrency: args.concurrency,
        drain: Duration::from_millis(args.drain_ms),
        stop_grace: stop_grace + Duration::from_secs(5),
        ..PollConfig::new(runner, &args.pool, names)
    };
    Ok(Poller::new(config, api, worker))
}

/// The server's API, through a client that may talk to nobody else.
///
/// # Errors
/// If its address cannot be used.
pub fn https_api(server: Server) -> Result<HttpsApi, SetupError> {
    let origin = server.url.origin().ascii_serialization();
    let allow: Allow = origin.parse().map_err(SetupError::Server)?;
    let client = Client::new(ClientConfig::new(Policy::only(allow)));
    Ok(HttpsApi::new(server.url, server.token, Arc::new(client)))
}

fn read_secrets(files: Vec<(String, String)>) -> Result<MapSecrets, SetupError> {
    let mut secrets = MapSecrets::default();
    for (name, path) in files {
        let path = PathBuf::from(path);
        match std::fs::read_to_string(&path) {
            // The line end belongs to the file, not to the secret.
            Ok(text) => {
                secrets =
                    secrets.with(None, &name, Secret::new(text.trim_end_matches(['\r', '\n'])));
            }
            Err(source) => return Err(SetupError::Secret { name, path, source }),
        }
    }
    Ok(secrets)
}
