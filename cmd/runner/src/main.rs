//! `runner`: serves functions with programs, by long poll.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use aob_engine::Timestamp;
use aob_runner::cli::{self, RunnerArgs, Server};
use aob_runner::{ApiError, Clock, PollError, Secret};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use url::Url;

/// Takes jobs of a pool from a server, and executes them with programs.
#[derive(Debug, Parser)]
#[command(name = "runner", version)]
struct Args {
    /// The server's address.
    #[arg(long, env = "AOB_SERVER", value_name = "URL")]
    server: Url,
    /// The runner's API key.
    #[arg(long, env = "AOB_API_KEY", hide_env_values = true, conflicts_with = "token_file")]
    token: Option<String>,
    /// A file with the runner's API key.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    runner: RunnerArgs,
}

#[derive(Debug)]
struct WallClock;

impl Clock for WallClock {
    #[expect(clippy::disallowed_methods, reason = "the one clock of this process")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Timestamp(since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let filter = tracing_subscriber::EnvFilter::from_default_env();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let token = match args.token_file {
        Some(path) => Some(std::fs::read_to_string(&path).context("the token cannot be read")?),
        None => args.token,
    };
    let token = token.map(|token| Secret::new(token.trim()));
    let server = Server { url: args.server, token };
    let clock = Arc::new(WallClock);
    let own_name = format!("runner-{}-{}", std::process::id(), clock.now().0);
    let poller = cli::poller(args.runner, server, &own_name, clock)?;

    let shutdown = CancellationToken::new();
    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut terms = signal(SignalKind::terminate())?;
    let run = poller.run(shutdown.clone());
    let stop = async {
        tokio::select! { _ = interrupts.recv() => {} _ = terms.recv() => {} }
        shutdown.cancel();
        // Asked once more, it does not wait for its jobs.
        tokio::select! { _ = interrupts.recv() => {} _ = terms.recv() => {} }
    };
    tokio::select! {
        ended = run => match ended {
            Ok(()) => Ok(ExitCode::SUCCESS),
            Err(PollError::Turned(error @ ApiError::Unauthorized(_))) => {
                tracing::error!(%error, "this runner cannot work for the server");
                Ok(ExitCode::from(5))
            }
            Err(error) => Err(error.into()),
        },
        () = stop => Ok(ExitCode::from(130)),
    }
}
