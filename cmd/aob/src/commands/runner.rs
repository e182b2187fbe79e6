//! `aob runner`: serves functions with programs of the user's own.

use std::sync::Arc;

use aob_engine::Timestamp;
use aob_runner::cli::{self, RunnerArgs, Server};
use aob_runner::{ApiError, PollError, Secret};
use clap::Args;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::logging;
use crate::shutdown::Signals;

/// Serve functions with programs: the arguments come as JSON on stdin, the result goes as JSON to
/// stdout. The first Ctrl-C lets running jobs end, the second does not.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob runner --exec score='python3 score.py' --pool risk"))]
pub(crate) struct Runner {
    #[command(flatten)]
    args: RunnerArgs,
}

/// The process's clock as runners read it.
#[derive(Debug)]
pub(crate) struct WallClock;

impl aob_runner::Clock for WallClock {
    fn now(&self) -> Timestamp {
        clock::now()
    }
}

impl Runner {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        logging::start(&context.global, "info")?;
        let settings = context.settings()?;
        let served: Vec<String> = self.args.exec.iter().map(|(name, _)| name.clone()).collect();
        let pool = self.args.pool.clone();
        let url = settings.server.clone();
        let server = Server { url: url.url().clone(), token: settings.token.map(Secret::new) };
        let own_name = format!("runner-{}-{}", std::process::id(), clock::now().0);
        let poller = cli::poller(self.args, server, &own_name, Arc::new(WallClock));
        let poller = poller.map_err(|error| {
            let message = with_sources(&error);
            Failure::usage(message, "correct the arguments; see `aob runner --help`")
        })?;
        block_on(async {
            let signals = Signals::listen()?;
            let names = served.join(", ");
            context.out.note(&format!("serving {names} of pool {pool} for {url}; Ctrl-C ends it"));
            let shutdown = CancellationToken::new();
            tokio::select! {
                ended = poller.run(shutdown.clone()) => match ended {
                    Ok(()) => Ok(Exit::Ok),
                    Err(error) => Err(turned(error)),
                },
                () = signals.cancel_then_wait(&shutdown) => Ok(Exit::Interrupted),
            }
        })
    }
}

fn turned(PollError::Turned(error): PollError) -> Failure {
    let message = format!("the server will not have this runner: {error}");
    match error {
        ApiError::Unauthorized(_) => {
            let todo =
                "name a key of a runner with --token, or choose a profile with `aob config use`";
            Failure::new(Exit::Auth, "unauthorized", message, todo)
        }
        ApiError::Refused { .. } => {
            Failure::new(Exit::Usage, "refused", message, "check --server and the arguments")
        }
        ApiError::Unavailable { .. } => {
            Failure::new(Exit::Timeout, "unreachable", message, "check --server, then try again")
        }
    }
}

/// An error and what caused it, in one line.
pub(crate) fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}
