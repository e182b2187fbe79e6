//! `aob run start --embedded`: a run from start to end in this process, over a data directory.
//!
//! It asks the coordinator directly: no socket, no keys, one thread besides those of the store.

mod begin;
mod settle;
mod view;

use std::path::Path;

use aob_api::{RunView, StartRun};
use aob_engine::{RunId, WorkspaceId};
use aob_store::{Identity, WorkspaceRow};

use crate::client::Got;
use crate::clock;
use crate::context::{Context, block_on};
use crate::data_dir::DataDir;
use crate::entropy;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::stack::{Adapters, Options, Stack};
use crate::{commands::report, logging, output::Format};

pub(crate) use self::settle::Patience;

/// Name of a data directory's one workspace.
const WORKSPACE: &str = "default";

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
        let workspace = workspace(&adapters).await?;
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

/// The directory's workspace, made at its first use.
async fn workspace(adapters: &Adapters) -> Result<WorkspaceId, Failure> {
    let store = &adapters.store;
    let known = store.workspaces().await.map_err(|error| unavailable(&error))?;
    if let Some(found) = known.iter().find(|row| row.name == WORKSPACE) {
        return Ok(WorkspaceId(found.workspace.0));
    }
    let workspace = aob_store::WorkspaceId(entropy::uuid(clock::now()));
    let row = WorkspaceRow { workspace, name: WORKSPACE.to_owned(), created_ms: clock::now().0 };
    let row = store.workspace_put(&row).await.map_err(|error| unavailable(&error))?;
    Ok(WorkspaceId(row.workspace.0))
}

/// Storage that does not answer.
fn unavailable(error: &dyn std::fmt::Display) -> Failure {
    let message = format!("the data directory does not answer: {error}");
    let todo = "check the disk, or name another directory with --data";
    Failure::new(Exit::Failed, "store", message, todo)
}
