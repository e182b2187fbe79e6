//! `aob optimizer enable|disable`: which modules plans ask.

use aob_api::{ModuleView, Nothing};
use clap::Args;

use super::show;
use crate::client::Call;
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;

/// Let plans of the workspace ask a module.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob optimizer enable sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"))]
pub(crate) struct Enable {
    /// Its digest, as `aob optimizer list` shows it.
    digest: String,
}

/// Let no plan ask a module any more.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob optimizer disable sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"))]
pub(crate) struct Disable {
    /// Its digest, as `aob optimizer list` shows it.
    digest: String,
}

impl Enable {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        set(context, &self.digest, "enable")
    }
}

impl Disable {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        set(context, &self.digest, "disable")
    }
}

fn set(context: &Context, digest: &str, verb: &str) -> Result<Exit, Failure> {
    let call = Call::post(&["optimizer", "modules", digest, verb]).body(&Nothing {});
    let got = block_on(context.api()?.fetch::<ModuleView>(call))?;
    show(context.out, &got.view)?;
    Ok(Exit::Ok)
}
