//! `aob tag list`: tags and where they stand.

use aob_api::TagView;
use clap::Args;

use crate::client::Call;
use crate::clock;
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::output::{self, Cell, Tint, ago};

/// List the tags: which version each is at, what can be redone, what is on trial.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob tag list"))]
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
        let call = Call::get(&["tags"]);
        let listing = block_on(api.pages_from(call, self.cursor, self.limit as usize))?;
        let now = clock::now();
        let list = output::List {
            titles: &["TAG", "VERSION", "REDO TO", "CANARY", "CREATED", "BY", "DIGEST"],
            narrow: 5,
            cells: &|tag: &TagView| {
                let TagView { current, tip, canary } = tag;
                let redo = if *tip == current.version { String::new() } else { tip.to_string() };
                let canary = canary.map_or_else(String::new, |canary| {
                    format!("{}% to {}", canary.percent, canary.version)
                });
                vec![
                    Cell::new(&current.tag),
                    Cell::new(current.version.to_string()),
                    Cell::new(redo).tinted(Tint::Waiting),
                    Cell::new(canary).tinted(Tint::Active),
                    Cell::new(ago(current.created_at, now)),
                    Cell::new(&current.actor),
                    Cell::new(current.digest.to_string()),
                ]
            },
            name: &|tag| tag.current.tag.clone(),
            empty: "there are no tags yet; `aob workflow create FILE --tag NAME` makes one",
        };
        context.out.list(&list, &listing)?;
        Ok(Exit::Ok)
    }
}
