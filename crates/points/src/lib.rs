//! Named places at which crash suites make a process die, fail or stall.
//!
//! A place between two steps that must not come apart asks `reach(Point::CommitAfter).await`. Without
//! the feature `armed`, and in every optimised build, the answer is always yes and nothing of this is
//! compiled. With it a file `NAME.armed` in the folder of `AOB_POINTS` strikes whoever reaches the
//! point first, once: the file is renamed to `NAME.hit`, which is also how a suite sees that it did.
//!
//! | the file says | what happens |
//! |---|---|
//! | `kill` | the process kills itself as `kill -9` does |
//! | `error` | the place behaves as if what it does, or did, had failed |
//! | `stall` | nothing, until the file is removed |
#![warn(missing_docs)]

use std::fmt;

macro_rules! points {
    ($($(#[$doc:meta])* $point:ident => $name:literal,)+) => {
        /// A place. What stands before a step is `_Before`, what stands behind it `_After`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Point { $($(#[$doc])* $point,)+ }

        impl Point {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$point,)+];

            /// Its name in files and reports.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$point => $name,)+ }
            }
        }
    };
}

points! {
    /// A request was authenticated and nothing done yet.
    AuthenticatedAfter => "authenticated.after",
    /// A request was dealt with, and its answer not sent.
    AnswerBefore => "answer.before",
    /// A command is about to be handed to its shard.
    SubmitBefore => "submit.before",
    /// The outcome of a command is durable, and nobody was told.
    SubmitAfter => "submit.after",
    /// A patch of a run was planned and is not proposed yet.
    PatchPlanned => "patch.planned",
    /// A run is about to be loaded.
    LoadBefore => "load.before",
    /// A run was loaded.
    LoadAfter => "load.after",
    /// Payloads are about to be stored.
    PayloadsBefore => "payloads.before",
    /// Payloads are stored, and what names them is not appended.
    PayloadsAfter => "payloads.after",
    /// A batch is about to be appended.
    AppendBefore => "append.before",
    /// The outcome of a batch is known, and its shard was not told.
    AppendAfter => "append.after",
    /// A group is about to be committed.
    CommitBefore => "commit.before",
    /// A group was committed, and nobody was told.
    CommitAfter => "commit.after",
    /// Messages of durable segments are about to be published.
    PublishBefore => "publish.before",
    /// Messages were published, and their outbox rows stand.
    PublishAfter => "publish.after",
    /// Commands to other runs are about to be sent.
    EffectsBefore => "effects.before",
    /// Commands to other runs have arrived, and their outbox row stands.
    EffectsAfter => "effects.after",
    /// Rows of the outbox are about to be deleted.
    OutboxDeleteBefore => "outbox.delete.before",
    /// Rows of the outbox were deleted.
    OutboxDeleteAfter => "outbox.delete.after",
    /// The relay has found rows that nobody performs.
    RelayTaken => "relay.taken",
    /// The relay has performed what a row stands for.
    RelayPerformed => "relay.performed",
    /// Results were received, and none of them was taken in.
    ResultsTaken => "results.taken",
    /// Results were taken in, and their offsets stand.
    ResultsApplied => "results.applied",
    /// Offsets of results were committed.
    ResultsCommitted => "results.committed",
    /// Timers were found due.
    TimersDue => "timers.due",
    /// Timers have fired, and their wake-ups stand.
    TimersTicked => "timers.ticked",
    /// Leases are about to be claimed.
    ClaimBefore => "claim.before",
    /// Leases were claimed, and nobody was told.
    ClaimAfter => "claim.after",
    /// A job is about to be executed.
    ExecuteBefore => "execute.before",
    /// A job was executed, and nobody was told.
    ExecuteAfter => "execute.after",
    /// Results are about to be published.
    ResultBefore => "result.before",
    /// Results were published, and the offsets of their jobs stand.
    ResultAfter => "result.after",
    /// The page of a ticket has cast a vote, and its answer is not sent.
    VoteAfter => "vote.after",
    /// Events were read for a stream, and none of them is sent.
    StreamRead => "stream.read",
}

impl Point {
    /// Whether what stands there can fail; where it cannot, `error` strikes nobody.
    pub const fn can_fail(self) -> bool {
        !matches!(self, Self::ResultsTaken | Self::ResultsCommitted | Self::ExecuteAfter)
    }
}

/// What failed because a point struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Struck(pub Point);

impl fmt::Display for Struck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "struck at {}", self.0.name())
    }
}

impl std::error::Error for Struck {}

#[cfg(all(feature = "armed", debug_assertions))]
pub use armed::reach;

/// Passes a point.
///
/// # Errors
/// Where it was armed to fail: never in an optimised build.
#[cfg(not(all(feature = "armed", debug_assertions)))]
#[inline(always)]
#[expect(clippy::unused_async, reason = "where it is armed it waits")]
pub async fn reach(_point: Point) -> Result<(), Struck> {
    Ok(())
}

/// Passes a point at which nothing can fail.
pub async fn pass(point: Point) {
    // See `Point::can_fail`.
    let _ = reach(point).await;
}

#[cfg(all(feature = "armed", debug_assertions))]
mod armed {
    use std::path::{Path, PathBuf};
    use std::sync::OnceLock;
    use std::time::Duration;

    use rustix::process::{Signal, getpid, kill_process};

    use super::{Point, Struck};

    /// Between two looks at whether a stall is over.
    const LOOK: Duration = Duration::from_millis(20);

    /// Where files arm points; `None`: nobody wants to.
    #[expect(clippy::disallowed_methods, reason = "only suites set it, for all processes alike")]
    fn folder() -> Option<&'static Path> {
        static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
        FOLDER.get_or_init(|| std::env::var("AOB_POINTS").ok().map(PathBuf::from)).as_deref()
    }

    /// Passes a point.
    ///
    /// # Errors
    /// Where it was armed to fail.
    pub async fn reach(point: Point) -> Result<(), Struck> {
        let Some(folder) = folder() else { return Ok(()) };
        let hit = folder.join(format!("{}.hit", point.name()));
        // One process takes it, once: that is what a rename is good for.
        if std::fs::rename(folder.join(format!("{}.armed", point.name())), &hit).is_err() {
            return Ok(());
        }
        let how = std::fs::read_to_string(&hit).unwrap_or_default();
        match how.trim() {
            "kill" => {
                // It does not return.
                let _ = kill_process(getpid(), Signal::KILL);
                std::process::abort()
            }
            "error" => Err(Struck(point)),
            _ => {
                while hit.exists() {
                    tokio::time::sleep(LOOK).await;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_tell_points_apart() {
        let names: BTreeSet<_> = Point::ALL.iter().map(|point| point.name()).collect();
        assert_eq!(names.len(), Point::ALL.len());
    }
}
