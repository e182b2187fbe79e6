//! `aob demo`: one workflow from start to end, with nothing installed and nothing left behind.

use clap::Args;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::walk;

/// Run an example from start to end in this process: an agent proposes a change of its run, a person
/// approves it on a page or here, and the run follows its new graph. Without a terminal, the demo
/// decides for the person. Nothing is left behind.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob demo"))]
pub(crate) struct Demo {
    /// Approve what people are asked, on a terminal too.
    #[arg(long, short)]
    yes: bool,
}

impl Demo {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        walk::run(context, self.yes)
    }
}
