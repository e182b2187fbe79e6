//! `aob run`: start runs, look at them, act on them.

mod act;
mod events;
mod explain;
mod graph;
mod list;
mod repair;
mod start;
mod status;
mod verify;
mod wait;

use clap::Subcommand;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

pub(crate) use self::start::Start;

/// Start runs, look at them, act on them. RUN is an id, the beginning of one, or @latest.
#[derive(Debug, Subcommand)]
pub(crate) enum Run {
    Start(Box<Start>),
    #[command(visible_alias = "ls")]
    List(list::List),
    #[command(visible_aliases = ["get", "describe"])]
    Status(status::Status),
    Explain(explain::Explain),
    Graph(graph::Graph),
    Wait(wait::Wait),
    Cancel(act::Cancel),
    Pause(act::Pause),
    Resume(act::Resume),
    Retry(repair::Retry),
    Skip(repair::Skip),
    #[command(hide = true)]
    Fail(repair::Fail),
    #[command(hide = true)]
    Succeed(repair::Succeed),
    Events(events::Events),
    Verify(verify::Verify),
}

impl Run {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        match self {
            Self::Start(start) => start.run(context),
            Self::List(list) => list.run(context),
            Self::Status(status) => status.run(context),
            Self::Graph(graph) => graph.run(context),
            Self::Explain(explain) => explain.run(context),
            Self::Wait(wait) => wait.run(context),
            Self::Cancel(cancel) => cancel.run(context),
            Self::Pause(pause) => pause.run(context),
            Self::Resume(resume) => resume.run(context),
            Self::Retry(retry) => retry.run(context),
            Self::Skip(skip) => skip.run(context),
            Self::Fail(fail) => fail.run(context),
            Self::Succeed(succeed) => succeed.run(context),
            Self::Events(events) => events.run(context),
            Self::Verify(verify) => verify.run(context),
        }
    }
}
