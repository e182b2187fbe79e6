//! `aob run start --embedded`: a run from start to end in this process, over a data directory.
//!
//! It asks the coordinator directly: no socket, no keys, one thread besides those of the store.

mod begin;
mod settle;
mod view;

use std::path::Path;

use aob_api::{RunView, StartRun};
use aob_engine::{RunId, WorkspaceId};

use crate::client::Got;
use crate::context::{Context, block_on};
use crate::data_dir::DataDir;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::stack::{Adapters, Options, Stack, workspace};
use crate::{commands::report, logging, output::Format};

pub(crate) use self::settle::Patience;

/// Starts the run, waits until it is over, and prints it; answers how the process ends.
pub(crate) fn run(
    context: &Context,
    data: Option<&Path>,
    start: StartRun,
    patience: Patience,
) -> Result<Exit, Failure> {
    if context.global.log.is_some() {
        logging::start(&context.global, "warn")?;
    }
    let path = match data {
        Some(path) => path.to_owned(),
        None => context.global.places().data_dir()?,
    };
    let dir = DataDir::open(&path, "aob run start --embedded")?;
    block_on(async {
        let adapters = Adapters::open(dir.path())?;
        let workspace = workspace(&adapters.store).await?;
        let stack = Stack::start(adapters, Options::default())?;
        let host = Host { context, stack: &stack, workspace, dir: dir.path() };
        let result = host.perform(start, patience).await;
        stack.stop().await;
        let result = result?;
        // The stream of events is the data of `--follow -o jsonl`.
        if !(patience.follow && context.out.format == Format::Jsonl) {
            report::run(context.out, &result)?;
        }
        Ok(report::exit(&result.view.status))
    })
}

/// What the parts of this module work with.
struct Host<'a> {
    context: &'a Context,
    stack: &'a Stack,
    workspace: WorkspaceId,
    dir: &'a Path,
}

impl Host<'_> {
    async fn perform(&self, start: StartRun, patience: Patience) -> Result<Got<RunView>, Failure> {
        let (run, over): (RunId, bool) = self.begin(start).await?;
        self.settle(run, over, patience).await?;
        self.view(run).await
    }
}

/// Storage that does not answer.
fn unavailable(error: &dyn std::fmt::Display) -> Failure {
    let message = format!("the data directory does not answer: {error}");
    let todo = "check the disk, or name another directory with --data";
    Failure::new(Exit::Failed, "store", message, todo)
}
