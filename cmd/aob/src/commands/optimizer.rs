//! `aob optimizer`: the modules with passes that a workspace has.

mod add;
mod enable;
mod list;

use aob_api::ModuleView;
use clap::Subcommand;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Format, Out};

/// Add modules with passes of your own to the workspace, and choose which of them plans ask.
#[derive(Debug, Subcommand)]
pub(crate) enum Optimizer {
    Add(add::Add),
    #[command(visible_alias = "ls")]
    List(list::List),
    Enable(enable::Enable),
    Disable(enable::Disable),
}

impl Optimizer {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        match self {
            Self::Add(add) => add.run(context),
            Self::List(list) => list.run(context),
            Self::Enable(enable) => enable.run(context),
            Self::Disable(disable) => disable.run(context),
        }
    }
}

/// Shows a module as it stands after a change.
fn show(out: Out, view: &ModuleView) -> Result<(), Failure> {
    match out.format {
        Format::Json | Format::Jsonl => out.json(view),
        Format::Name => out.line(&view.digest),
        Format::Table | Format::Wide => {
            let state = if view.enabled { "enabled" } else { "disabled" };
            out.line(&format!("{}  {state}  {}", view.digest, view.passes.join(", ")))
        }
    }
}
