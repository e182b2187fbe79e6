//! `aob logs stream`: a run's events as they happen.

use clap::{Args, Subcommand};

use crate::client::RunRef;
use crate::commands::report;
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::{self, Watch};
use crate::grammar::example;

/// Follow what runs do.
#[derive(Debug, Subcommand)]
pub(crate) enum Logs {
    #[command(visible_alias = "follow")]
    Stream(Stream),
}

/// Print the events of a run as they happen, until it is over.
///
/// The exit code is the run's: 0 completed, 1 failed or cancelled.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob logs stream @latest --node kyc"))]
pub(crate) struct Stream {
    /// The run.
    run: RunRef,
    /// Only this node, and what is inside of it.
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
    /// Only events behind this one.
    #[arg(long, default_value_t = 0, value_name = "SEQ")]
    after: u64,
    /// Only these types of events, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "TYPES")]
    types: Vec<String>,
}

impl Logs {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let Self::Stream(Stream { run, node, after, types }) = self;
        let api = context.api()?;
        block_on(async {
            let run = api.run_id(&run).await?;
            let watch = Watch { run, after, node, types };
            let status = follow::print(context, &api, &watch).await?;
            Ok(report::exit(status))
        })
    }
}
