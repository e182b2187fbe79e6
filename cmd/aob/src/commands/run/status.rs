//! `aob run status`: one run with its nodes.

use aob_api::RunView;
use clap::Args;

use crate::client::{Call, RunRef};
use crate::commands::report;
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;

/// Show a run: its status, its nodes, its output or error.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob run status @latest"))]
pub(crate) struct Status {
    /// The run.
    run: RunRef,
}

impl Status {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let api = context.api()?;
        let run = block_on(async {
            let id = api.run_id(&self.run).await?;
            api.fetch::<RunView>(Call::get(&["runs", &id])).await
        })?;
        report::run(context.out, &run)?;
        Ok(Exit::Ok)
    }
}
