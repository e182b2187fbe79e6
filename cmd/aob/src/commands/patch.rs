//! `aob patch`: changing runs while they go on.

mod approve;
mod back;
pub(crate) mod edits;
mod list;
mod offline;
pub(crate) mod propose;
mod show;

use aob_api::RunPatch;
use clap::Subcommand;

use crate::client::{Api, Call, Listing};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Change runs while they go on: plan, apply, look, take back. RUN is an id, the beginning of one,
/// or @latest; PATCH is an id, the beginning of one, or @latest.
#[derive(Debug, Subcommand)]
pub(crate) enum Patch {
    Plan(Box<propose::Plan>),
    Apply(Box<propose::Apply>),
    #[command(visible_alias = "ls")]
    List(list::List),
    #[command(visible_alias = "get")]
    Show(show::Show),
    Diff(show::Diff),
    Approve(approve::Approve),
    Revert(back::Revert),
    Withdraw(back::Withdraw),
}

impl Patch {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        match self {
            Self::Plan(plan) => plan.run(context),
            Self::Apply(apply) => apply.run(context),
            Self::List(list) => list.run(context),
            Self::Show(show) => show.run(context),
            Self::Diff(diff) => diff.run(context),
            Self::Approve(approve) => approve.run(context),
            Self::Revert(revert) => revert.run(context),
            Self::Withdraw(withdraw) => withdraw.run(context),
        }
    }
}

/// Patches of a run that are looked through.
const PATCHES_MAX: usize = 10_000;
/// The newest.
const LATEST: &str = "@latest";

/// All patches of a run.
async fn patches(api: &Api, run: &str) -> Result<Listing<RunPatch>, Failure> {
    api.pages(Call::get(&["runs", run, "patches"]), PATCHES_MAX).await
}

/// The id of the patch that is meant.
async fn patch_id(api: &Api, run: &str, name: &str) -> Result<String, Failure> {
    let all = patches(api, run).await?;
    let mut ids = all.items.iter().map(|patch| patch.view.id.to_string());
    if name == LATEST {
        return ids.next_back().ok_or_else(|| unknown("the run has no patches"));
    }
    let found: Vec<String> = ids.filter(|id| id.starts_with(name)).collect();
    match &found[..] {
        [only] => Ok(only.clone()),
        [] => Err(unknown(&format!("the run has no patch `{name}`"))),
        [first, second, ..] => {
            let count = found.len();
            let message = format!("{count} patches begin with `{name}`: {first}, {second}, ...");
            Err(Failure::usage(message, "write more of the id"))
        }
    }
}

fn unknown(message: &str) -> Failure {
    Failure::new(Exit::NotFound, "unknown_patch", message, "aob patch list RUN")
}
