//! `aob logs stream`: a run's events as they happen.

use aob_api::GraphView;
use clap::{Args, Subcommand};

use crate::client::{Api, Call, RunRef};
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
            if let Some(node) = &node {
                known_node(&api, &run, node).await?;
            }
            let watch = Watch { run, after, node, types };
            let status = follow::print(context, &api, &watch).await?;
            Ok(report::exit(status))
        })
    }
}

/// Refuses a node that the run does not have: its stream would be empty, and look like patience.
async fn known_node(api: &Api, run: &str, node: &str) -> Result<(), Failure> {
    let call = Call::get(&["runs", run, "graph"]);
    let graph = api.fetch::<GraphView>(call).await?.view;
    let id = node.rsplit('/').next().unwrap_or(node);
    let ids = || graph.nodes.iter().map(|node| node.id.as_str());
    if ids().any(|known| known == id) {
        return Ok(());
    }
    let hint = match aob_edge::nearest(id, ids()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("`aob run status {run}` lists its nodes"),
    };
    Err(Failure::new(Exit::NotFound, "node_not_found", format!("the run has no node `{id}`"), hint))
}
