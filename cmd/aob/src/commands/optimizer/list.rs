//! `aob optimizer list`: the modules of the workspace.

use aob_api::ModuleView;
use clap::Args;

use crate::client::Call;
use crate::clock;
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::output::{self, Cell, Tint, ago};

/// List the modules of the workspace: whether plans ask them, and who signed them.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob optimizer list"))]
pub(crate) struct List {}

impl List {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let call = Call::get(&["optimizer", "modules"]);
        let listing = block_on(context.api()?.pages_from(call, None, usize::MAX))?;
        let now = clock::now();
        let list = output::List {
            titles: &["DIGEST", "STATE", "PASSES", "BYTES", "SIGNED BY", "ADDED", "BY"],
            narrow: 5,
            cells: &|module: &ModuleView| {
                let (state, tint) = match (&module.signed_by, module.enabled) {
                    (None, _) => ("untrusted", Tint::Bad),
                    (Some(_), true) => ("enabled", Tint::Good),
                    (Some(_), false) => ("disabled", Tint::Faint),
                };
                vec![
                    Cell::new(&module.digest),
                    Cell::new(state).tinted(tint),
                    Cell::new(module.passes.join(", ")),
                    Cell::new(module.bytes.to_string()),
                    Cell::new(module.signed_by.as_deref().unwrap_or("nobody who is trusted")),
                    Cell::new(ago(module.added_at, now)),
                    Cell::new(&module.added_by),
                ]
            },
            name: &|module| module.digest.clone(),
            empty: "the workspace has no modules of its own; plans ask the built-in passes",
        };
        context.out.list(&list, &listing)?;
        Ok(Exit::Ok)
    }
}
