//! `aob demo`: one workflow from start to end, with nothing installed and nothing left behind.

use clap::Args;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::walk;

/// Run the onboarding example from start to end in this process, with an approval and a change of
/// its graph while it goes on, and say what to type next. Works without a terminal, in a directory that is removed afterwards.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob demo"))]
pub(crate) struct Demo {}

impl Demo {
    #[expect(clippy::unused_self, reason = "every command is run on its arguments")]
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        walk::run(context)
    }
}
