//! `aob run wait`: until a run is over.

use std::future::Future;
use std::time::Duration;

use aob_api::RunView;
use clap::Args;

use crate::client::views::is_over;
use crate::client::{Api, Call, Got, RunRef};
use crate::commands::report;
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::input;

/// How long the server is asked to wait at once, in seconds.
const WAIT_SECONDS: u64 = 20;

/// Wait until a run is over, then show it.
///
/// The exit code is the run's: 0 completed, 1 failed or cancelled, 6 not over in time.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob run wait @latest --timeout 5m"))]
pub(crate) struct Wait {
    /// The run.
    run: RunRef,
    /// Wait no longer than this, such as 90s or 5m.
    #[arg(long, value_name = "SPAN", value_parser = input::span)]
    timeout: Option<Duration>,
}

impl Wait {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let api = context.api()?;
        let run = block_on(async {
            let id = api.run_id(&self.run).await?;
            within(self.timeout, &id, until_over(&api, &id)).await
        })?;
        report::run(context.out, &run)?;
        Ok(report::exit(&run.view.status))
    }
}

/// The run once it is over.
pub(super) async fn until_over(api: &Api, run: &str) -> Result<Got<RunView>, Failure> {
    loop {
        let call = Call::get(&["runs", run]).waiting(WAIT_SECONDS);
        let current = api.fetch::<RunView>(call).await?;
        if is_over(&current.view.status) {
            return Ok(current);
        }
    }
}

/// What `work` answers, unless that takes longer than `limit` or Ctrl-C comes first. The run goes
/// on in either case.
pub(super) async fn within<T>(
    limit: Option<Duration>,
    run: &str,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let timer = async {
        match limit {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    let todo = || format!("aob run explain {run}");
    tokio::select! {
        biased;
        result = work => result,
        () = timer => {
            let message = format!("run {run} is not over in time; it goes on");
            Err(Failure::new(Exit::Timeout, "timeout", message, todo()))
        }
        _ = tokio::signal::ctrl_c() => {
            let message = format!("interrupted; run {run} goes on");
            Err(Failure::new(Exit::Interrupted, "interrupted", message, todo()))
        }
    }
}
