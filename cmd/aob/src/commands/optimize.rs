//! `aob optimize`: rewrites of workflows that change nothing but what they cost.

mod apply;
mod plan;
mod planned;
mod pool;

use clap::Subcommand;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Find rewrites of a workflow that save work, prove them on recorded runs, and apply them.
#[derive(Debug, Subcommand)]
pub(crate) enum Optimize {
    Plan(plan::Plan),
    Apply(apply::Apply),
}

impl Optimize {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        match self {
            Self::Plan(plan) => plan.run(context),
            Self::Apply(apply) => apply.run(context),
        }
    }
}
