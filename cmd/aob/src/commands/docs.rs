//! `aob docs cli`: the reference of this program, written from its grammar.

use clap::{CommandFactory, Subcommand};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::{Cli, example};

/// Write documentation from the program itself.
#[derive(Debug, Subcommand)]
pub(crate) enum Docs {
    /// Print the reference of the command line, as Markdown.
    #[command(after_long_help = example!("aob docs cli > docs/reference/cli.md"))]
    Cli,
}

impl Docs {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        match self {
            Self::Cli => context.out.data(&reference())?,
        }
        Ok(Exit::Ok)
    }
}

/// Width of the help texts in the reference.
const WIDTH: usize = 90;

fn reference() -> String {
    let mut text = String::from(
        "# Command line reference\n\n\
         Written by `aob docs cli` from the program itself; a test fails where the two differ.\n\n",
    );
    let mut command = Cli::command().term_width(WIDTH).disable_help_subcommand(true);
    command.build();
    section(&command, "aob", &mut text);
    text
}

fn section(command: &clap::Command, path: &str, text: &mut String) {
    let nested = path.contains(' ');
    // What every command takes is described once, at the top.
    let shown = command.clone().bin_name(path);
    let mut shown = shown.mut_args(|arg| {
        let hidden = arg.is_hide_set() || nested && arg.is_global_set();
        // The reference does not depend on the environment that it is written in.
        arg.hide(hidden).hide_env_values(true)
    });
    let help = shown.render_long_help().to_string();
    text.push_str(&format!("## {path}\n\n```text\n"));
    for line in help.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push_str("```\n\n");
    for child in command.get_subcommands().filter(|child| !child.is_hide_set()) {
        section(child, &format!("{path} {}", child.get_name()), text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/cli.md");
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(written == reference(), "write it again: aob docs cli > docs/reference/cli.md");
    }
}
