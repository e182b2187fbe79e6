//! `aob docs`: the references, written from the program itself.

mod api;
mod errors;
mod openapi;

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
    /// Print the reference of the HTTP API, as Markdown.
    #[command(after_long_help = example!("aob docs api > docs/reference/api.md"))]
    Api,
    /// Print the OpenAPI document of all services, as JSON; clients are generated from it.
    #[command(after_long_help = example!("aob docs openapi > docs/reference/openapi.json"))]
    Openapi,
    /// Print the list of error codes, as Markdown.
    #[command(after_long_help = example!("aob docs errors > docs/reference/errors.md"))]
    Errors,
}

impl Docs {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let text = match self {
            Self::Cli => reference(),
            Self::Api => api::reference(),
            Self::Openapi => openapi::document(),
            Self::Errors => errors::reference(),
        };
        context.out.data(&text)?;
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
    fn the_references_are_up_to_date() {
        let pages = [
            ("cli", "cli.md", reference()),
            ("api", "api.md", api::reference()),
            ("openapi", "openapi.json", openapi::document()),
            ("errors", "errors.md", errors::reference()),
        ];
        for (name, file, expected) in pages {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference");
            let written = std::fs::read_to_string(format!("{folder}/{file}"));
            let same = written.unwrap_or_default() == expected;
            assert!(same, "write it again: aob docs {name} > docs/reference/{file}");
        }
    }

    #[test]
    fn every_route_and_every_code_is_on_its_page() {
        let (api, errors) = (api::reference(), errors::reference());
        for operation in aob_orchestrator::Operation::ALL {
            let heading = format!("### {} /v1{}\n", operation.method(), operation.path());
            assert_eq!(api.matches(&heading).count(), 1, "{heading}");
        }
        for code in aob_api::ErrorCode::ALL {
            assert!(errors.contains(&format!("\n## {code}\n")), "{code}");
        }
        let links = api.split("](#").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links {
            let heading = |line: &str| {
                let title = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
                line.starts_with('#') && title == link
            };
            assert!(api.lines().any(heading), "#{link} leads nowhere");
        }
    }
}
