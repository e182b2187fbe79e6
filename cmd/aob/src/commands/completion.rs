//! `aob completion`: scripts for shells.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::{Cli, example};

/// Print a completion script for a shell.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob completion bash > ~/.local/share/bash-completion/completions/aob"))]
pub(crate) struct Completion {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

impl Completion {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "aob", &mut script);
        context.out.data(&String::from_utf8_lossy(&script))?;
        Ok(Exit::Ok)
    }
}
