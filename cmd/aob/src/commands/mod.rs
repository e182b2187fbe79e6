//! One file per noun: its verbs, their options, and what they do.

mod api;
mod approve;
mod ask;
mod budget;
mod completion;
mod config;
mod demo;
mod dev;
mod docs;
mod keys;
mod logs;
mod notify;
mod optimize;
mod optimizer;
mod patch;
pub(crate) mod report;
mod run;
mod runner;
mod signal;
mod tag;
mod workflow;

use clap::Subcommand;

pub(crate) use self::approve::text as ticket_text;
pub(crate) use self::dev::Dev;
pub(crate) use self::runner::{WallClock, with_sources};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// The nouns.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Dev(dev::Dev),
    #[command(subcommand, visible_aliases = ["runs", "r"])]
    Run(run::Run),
    #[command(subcommand, visible_alias = "log")]
    Logs(logs::Logs),
    #[command(visible_alias = "approvals")]
    Approve(approve::Approve),
    #[command(subcommand, visible_alias = "budgets")]
    Budget(budget::Budget),
    #[command(subcommand, visible_aliases = ["notifications"])]
    Notify(notify::Notify),
    #[command(subcommand, visible_alias = "patches")]
    Patch(patch::Patch),
    #[command(subcommand, visible_alias = "signals")]
    Signal(signal::Signal),
    #[command(subcommand, visible_aliases = ["workflows", "wf"])]
    Workflow(workflow::Workflow),
    #[command(subcommand, visible_alias = "tags")]
    Tag(tag::Tag),
    #[command(subcommand)]
    Optimize(optimize::Optimize),
    #[command(subcommand)]
    Optimizer(optimizer::Optimizer),
    Runner(runner::Runner),
    #[command(subcommand)]
    Config(config::Config),
    Completion(completion::Completion),
    Api(api::ApiCall),
    Demo(demo::Demo),
    #[command(subcommand, hide = true)]
    Docs(docs::Docs),
}

impl Command {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        match self {
            Self::Dev(dev) => dev.run(context),
            Self::Run(run) => run.run(context),
            Self::Logs(logs) => logs.run(context),
            Self::Approve(approve) => approve.run(context),
            Self::Budget(budget) => budget.run(context),
            Self::Notify(notify) => notify.run(context),
            Self::Patch(patch) => patch.run(context),
            Self::Signal(signal) => signal.run(context),
            Self::Workflow(workflow) => workflow.run(context),
            Self::Tag(tag) => tag.run(context),
            Self::Optimize(optimize) => optimize.run(context),
            Self::Optimizer(optimizer) => optimizer.run(context),
            Self::Runner(runner) => runner.run(context),
            Self::Config(config) => config.run(context),
            Self::Completion(completion) => completion.run(context),
            Self::Api(call) => call.run(context),
            Self::Demo(demo) => demo.run(context),
            Self::Docs(docs) => docs.run(context),
        }
    }
}
