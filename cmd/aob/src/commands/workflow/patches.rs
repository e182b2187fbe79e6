//! `aob workflow patches`: what was patched, by whom, and what became of it.

use aob_api::WorkflowPatch;
use clap::Args;

use crate::client::Call;
use crate::clock;
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::output::{self, Cell, ago, changes};

/// List the patches of a workflow, newest first: pending, applied, rejected.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob workflow patches onboarding"))]
pub(crate) struct Patches {
    /// The tag.
    tag: String,
    /// Show at most so many.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    /// Go on where an earlier list ended (`next_cursor` of -o json).
    #[arg(long)]
    cursor: Option<String>,
}

impl Patches {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let api = context.api()?;
        let call = Call::get(&["workflows", &self.tag, "patches"]);
        let listing = block_on(api.pages_from(call, self.cursor, self.limit as usize))?;
        let now = clock::now();
        let list = output::List {
            titles: &["PATCH", "STATUS", "VERSION", "PROPOSED", "WHAT FOR", "BY", "RESULT"],
            narrow: 5,
            cells: &|patch: &WorkflowPatch| {
                let rejected = patch.problem.as_ref().and_then(|problem| problem.detail.clone());
                let what = [patch.description.clone(), rejected];
                let what = what.into_iter().flatten().collect::<Vec<_>>().join("; ");
                let result = patch.result.as_ref().map(changes::short);
                vec![
                    Cell::new(&patch.id),
                    Cell::status(&patch.status),
                    Cell::new(patch.version.map_or_else(String::new, |v| v.to_string())),
                    Cell::new(ago(patch.proposed_at, now)),
                    Cell::new(what),
                    Cell::new(&patch.by),
                    Cell::new(result.unwrap_or_default()),
                ]
            },
            name: &|patch| patch.id.clone(),
            empty: "there are no patches yet; `aob workflow patch TAG` makes one",
        };
        context.out.list(&list, &listing)?;
        Ok(Exit::Ok)
    }
}
