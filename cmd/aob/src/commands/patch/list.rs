//! `aob patch list`.

use aob_api::RunPatch;
use clap::Args;

use super::patches;
use crate::client::RunRef;
use crate::clock;
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::output::{self, Cell, ago};

/// List the patches of a run in the order of their proposals.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob patch list @latest"))]
pub(crate) struct List {
    /// The run.
    run: RunRef,
}

impl List {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let api = context.api()?;
        let listing = block_on(async {
            let run = api.run_id(&self.run).await?;
            patches(&api, &run).await
        })?;
        let now = clock::now();
        let list = output::List {
            titles: &[
                "PATCH", "STATUS", "REVISION", "BY", "PROPOSED", "WHAT FOR", "TICKET", "RESULT",
            ],
            narrow: 6,
            cells: &|patch: &RunPatch| {
                let revision = patch.revision.map_or(String::new(), |number| number.to_string());
                let ticket = patch.ticket.as_ref().map(ToString::to_string);
                let result = patch.result.as_ref().map(output::changes::short);
                vec![
                    Cell::new(patch.id.to_string()),
                    Cell::status(patch.status.as_str()),
                    Cell::new(revision),
                    Cell::new(patch.by.to_string()),
                    Cell::new(ago(patch.proposed_at, now)),
                    Cell::new(what(patch)),
                    Cell::new(ticket.unwrap_or_default()),
                    Cell::new(result.unwrap_or_default()),
                ]
            },
            name: &|patch| patch.id.to_string(),
            empty: "nobody has patched the run",
        };
        context.out.list(&list, &listing)?;
        Ok(Exit::Ok)
    }
}

/// What a patch is for, and why it was refused if it was.
fn what(patch: &RunPatch) -> String {
    let back = patch.reverts.as_ref().map(|patch| format!("takes back {patch}"));
    let parts = [
        Some(patch.description.to_string()).filter(|text| !text.is_empty()),
        back,
        patch.message.as_ref().map(ToString::to_string),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}
