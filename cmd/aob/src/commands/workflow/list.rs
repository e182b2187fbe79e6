//! `aob workflow list`: tags and where they stand.

use aob_api::WorkflowVersion;
use clap::Args;

use crate::client::{Call, Listing};
use crate::clock;
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::output::{self, Cell, ago};

/// List the workflows: every tag with the version that it is at.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob workflow list --limit 50"))]
pub(crate) struct List {
    /// Show at most so many.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    /// Go on where an earlier list ended (`next_cursor` of -o json).
    #[arg(long)]
    cursor: Option<String>,
}

impl List {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let api = context.api()?;
        let call = Call::get(&["workflows"]);
        let listing: Listing<WorkflowVersion> =
            block_on(api.pages_from(call, self.cursor, self.limit as usize))?;
        let now = clock::now();
        let list = output::List {
            titles: &["WORKFLOW", "VERSION", "CREATED", "BY", "DIGEST"],
            narrow: 3,
            cells: &|version: &WorkflowVersion| {
                vec![
                    Cell::new(&version.tag),
                    Cell::new(version.version.to_string()),
                    Cell::new(ago(version.created_at, now)),
                    Cell::new(&version.actor),
                    Cell::new(version.digest.to_string()),
                ]
            },
            name: &|version| format!("{}@{}", version.tag, version.version),
            empty: "there are no workflows yet; `aob workflow create FILE --tag NAME` stores one",
        };
        context.out.list(&list, &listing)?;
        Ok(Exit::Ok)
    }
}
