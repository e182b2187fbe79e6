//! `aob tag history`: who moved a tag where, and when.

use aob_api::TagMoveView;
use clap::Args;

use crate::client::Call;
use crate::clock;
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::output::{self, Cell, ago, moment};

/// List every move of a tag, newest first: who moved it where, and when.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob tag history onboarding"))]
pub(crate) struct History {
    /// The tag.
    tag: String,
    /// Show at most so many.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    /// Go on where an earlier list ended (`next_cursor` of -o json).
    #[arg(long)]
    cursor: Option<String>,
}

impl History {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let api = context.api()?;
        let call = Call::get(&["tags", &self.tag, "history"]);
        let listing = block_on(api.pages_from(call, self.cursor, self.limit as usize))?;
        let now = clock::now();
        let list = output::List {
            titles: &["MOVE", "WHAT", "FROM", "TO", "CANARY", "WHEN", "BY", "AT"],
            narrow: 7,
            cells: &|row: &TagMoveView| {
                let from = if row.from == 0 { String::new() } else { row.from.to_string() };
                let canary = row.canary.map_or_else(String::new, |canary| {
                    format!("{}% to {}", canary.percent, canary.version)
                });
                vec![
                    Cell::new(row.revision.to_string()),
                    Cell::new(&row.kind),
                    Cell::new(from),
                    Cell::new(row.to.to_string()),
                    Cell::new(canary),
                    Cell::new(ago(row.at, now)),
                    Cell::new(&row.actor),
                    Cell::new(moment(row.at)),
                ]
            },
            name: &|row| format!("{} {} {}", row.revision, row.kind, row.to),
            empty: "the tag was never moved",
        };
        context.out.list(&list, &listing)?;
        Ok(Exit::Ok)
    }
}
