//! `aob workflow`: documents and their tags.

mod create;
mod diff;
mod list;
mod patch;
mod patches;
mod show;
mod validate;
mod versions;

use clap::Subcommand;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

pub(crate) use self::validate::parsed;

/// Check, store and show workflows.
#[derive(Debug, Subcommand)]
pub(crate) enum Workflow {
    #[command(visible_alias = "check")]
    Validate(validate::Validate),
    Create(create::Create),
    #[command(visible_alias = "ls")]
    List(list::List),
    #[command(visible_alias = "get")]
    Show(show::Show),
    #[command(visible_alias = "version")]
    Versions(versions::Versions),
    Diff(diff::Diff),
    Patch(Box<patch::Patch>),
    Patches(patches::Patches),
}

impl Workflow {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        match self {
            Self::Validate(validate) => validate.run(context),
            Self::Create(create) => create.run(context),
            Self::List(list) => list.run(context),
            Self::Show(show) => show.run(context),
            Self::Versions(versions) => versions.run(context),
            Self::Diff(diff) => diff.run(context),
            Self::Patch(patch) => patch.run(context),
            Self::Patches(patches) => patches.run(context),
        }
    }
}
