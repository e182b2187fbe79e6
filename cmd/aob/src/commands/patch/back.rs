//! `aob patch revert|withdraw`: taking patches back.

use aob_api::{RunPatch, TakeBack};
use clap::Args;

use super::propose::answered;
use super::{LATEST, patch_id};
use crate::client::{Call, RunRef};
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;

/// Take an applied patch back, with a patch of its own. What it added and has run already stands in
/// the way, and is named.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob patch revert @latest --reason 'it was not needed'"))]
pub(crate) struct Revert {
    /// The run.
    run: RunRef,
    /// The patch.
    #[arg(default_value = LATEST)]
    patch: String,
    /// Why, for the log.
    #[arg(long)]
    reason: Option<String>,
}

/// Give up a patch that waits for its approval.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob patch withdraw @latest"))]
pub(crate) struct Withdraw {
    /// The run.
    run: RunRef,
    /// The patch.
    #[arg(default_value = LATEST)]
    patch: String,
    /// Why, for the log.
    #[arg(long)]
    reason: Option<String>,
}

impl Revert {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        take_back(context, &self.run, &self.patch, ("revert", self.reason))
    }
}

impl Withdraw {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        take_back(context, &self.run, &self.patch, ("withdraw", self.reason))
    }
}

fn take_back(
    context: &Context,
    run: &RunRef,
    patch: &str,
    (verb, reason): (&str, Option<String>),
) -> Result<Exit, Failure> {
    let api = context.api()?;
    let answer = block_on(async {
        let run = api.run_id(run).await?;
        let patch = patch_id(&api, &run, patch).await?;
        let call = Call::post(&["runs", &run, "patches", &patch, verb]).body(&TakeBack { reason });
        api.fetch::<RunPatch>(call).await
    })?;
    answered(context, &answer)
}
