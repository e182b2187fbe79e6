//! `aob run list`: runs, newest first.

use aob_api::RunSummary;
use clap::Args;

use crate::client::views::{took_ms, workflow_name};
use crate::client::{Call, Listing, RunRef};
use crate::clock;
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::input::pair;
use crate::output::{self, Cell, ago, duration};

/// List runs, newest first.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob run list --status failed --workflow onboarding --limit 50"))]
pub(crate) struct List {
    /// Only runs in this state; may be repeated.
    #[arg(long, value_parser = STATES, value_name = "STATE")]
    status: Vec<String>,
    /// Only runs of this tag.
    #[arg(long, visible_alias = "tag", value_name = "TAG")]
    workflow: Option<String>,
    /// Only runs with this label; may be repeated.
    #[arg(long, value_parser = pair, value_name = "NAME=VALUE")]
    label: Vec<(String, String)>,
    /// Only children of this run.
    #[arg(long, value_name = "RUN")]
    parent: Option<RunRef>,
    /// Show at most so many.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    /// Go on where an earlier list ended (`next_cursor` of -o json).
    #[arg(long)]
    cursor: Option<String>,
}

/// Run states.
const STATES: [&str; 9] = [
    "queued",
    "running",
    "waiting",
    "paused",
    "cancelling",
    "completed",
    "failed",
    "cancelled",
    "rolled_back",
];

impl List {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let api = context.api()?;
        let listing = block_on(async {
            let mut call = Call::get(&["runs"]).query_opt("tag", self.workflow.as_deref());
            for status in &self.status {
                call = call.query("status", status);
            }
            for (name, value) in &self.label {
                call = call.query("label", format!("{name}={value}"));
            }
            if let Some(parent) = &self.parent {
                call = call.query("parent", api.run_id(parent).await?);
            }
            api.pages_from(call, self.cursor, self.limit as usize).await
        })?;
        show(context, &listing)
    }
}

fn show(context: &Context, listing: &Listing<RunSummary>) -> Result<Exit, Failure> {
    let now = clock::now();
    let list = output::List {
        titles: &["RUN", "STATUS", "WORKFLOW", "STARTED", "TOOK", "EVENTS", "LABELS"],
        narrow: 5,
        cells: &|run: &RunSummary| {
            let labels: Vec<String> = run.labels.iter().map(|(n, v)| format!("{n}={v}")).collect();
            vec![
                Cell::new(run.id.to_string()),
                Cell::status(&run.status),
                Cell::new(workflow_name(&run.name, &run.workflow)),
                Cell::new(ago(run.created_at, now)),
                Cell::new(duration(took_ms(run, now))),
                Cell::new(run.seq.to_string()),
                Cell::new(labels.join(",")),
            ]
        },
        name: &|run| run.id.to_string(),
        empty: "there are no such runs",
    };
    context.out.list(&list, listing)?;
    Ok(Exit::Ok)
}
