//! `aob tag`: where tags stand, and moving them.

mod canary;
mod history;
mod list;
mod step;

use clap::Subcommand;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Show tags, and move them between versions.
#[derive(Debug, Subcommand)]
pub(crate) enum Tag {
    #[command(visible_alias = "ls")]
    List(list::List),
    Undo(step::Undo),
    Redo(step::Redo),
    Move(step::Move),
    #[command(visible_alias = "log")]
    History(history::History),
    Canary(canary::Canary),
}

impl Tag {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        match self {
            Self::List(list) => list.run(context),
            Self::Undo(undo) => undo.run(context),
            Self::Redo(redo) => redo.run(context),
            Self::Move(to) => to.run(context),
            Self::History(history) => history.run(context),
            Self::Canary(canary) => canary.run(context),
        }
    }
}
