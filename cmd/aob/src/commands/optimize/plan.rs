//! `aob optimize plan`: what could be saved.

use clap::Args;

use super::planned::{Asked, digest};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::output::Format;

/// Show each rewrite as a patch, with what it saves. Needs a server only for tags and runs.
///
/// Exit code 1 where a replayed run differs, or none could be replayed.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob optimize plan onboarding.json --against @latest"))]
pub(crate) struct Plan {
    #[command(flatten)]
    asked: Asked,
}

impl Plan {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let planned = self.asked.planned(context)?;
        let out = context.out;
        match out.format {
            Format::Json | Format::Jsonl => out.json(&planned.to_json())?,
            Format::Name => out.line(&digest(&planned.plan.after))?,
            Format::Table | Format::Wide => {
                out.data(&planned.show())?;
                if !planned.plan.steps.is_empty() && planned.stands() {
                    out.todo(&self.asked.command("apply"));
                }
            }
        }
        Ok(if planned.stands() { Exit::Ok } else { Exit::Failed })
    }
}
