//! `aob run explain`: why whatever does not move does not move.

use aob_api::Explanation;
use clap::Args;

use crate::client::{Call, Got, RunRef};
use crate::clock;
use crate::commands::report;
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::output::Format;

/// Say why a run and each of its open nodes wait, since when, who can end it, and how.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob run explain @latest"))]
pub(crate) struct Explain {
    /// The run.
    run: RunRef,
}

impl Explain {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let api = context.api()?;
        let answer = block_on(async {
            let id = api.run_id(&self.run).await?;
            api.fetch::<Explanation>(Call::get(&["runs", &id, "explain"])).await
        })?;
        show(context, &answer)?;
        Ok(Exit::Ok)
    }
}

fn show(context: &Context, answer: &Got<Explanation>) -> Result<(), Failure> {
    let (out, waits) = (context.out, &answer.view.waits);
    match out.format {
        Format::Json => out.json(&answer.raw),
        Format::Jsonl => {
            let waits = answer.raw["waits"].as_array().map(Vec::as_slice).unwrap_or_default();
            waits.iter().try_for_each(|wait| out.json(wait))
        }
        Format::Name => {
            let mut names = waits.iter().filter_map(|wait| wait.instance.as_ref());
            names.try_for_each(|name| out.line(&name.to_string()))
        }
        Format::Table | Format::Wide if waits.is_empty() => {
            out.line(&format!("nothing waits: the run is {}", answer.view.status))
        }
        Format::Table | Format::Wide => out.data(&report::waits(waits, clock::now())),
    }
}
