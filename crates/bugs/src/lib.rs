//! Bugs that are put in on purpose, to prove that the checker and the simulator can fail.
//!
//! A place that could be wrong asks `if seeded(Bug::EarlyTimer)`. Without the feature `seeded` the
//! answer is the constant `false`, and nothing of the bug is compiled. With it one bug at a time is
//! active in a thread.
#![warn(missing_docs)]

macro_rules! bugs {
    ($($(#[$doc:meta])* $bug:ident,)+) => {
        /// A bug.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Bug { $($(#[$doc])* $bug,)+ }

        impl Bug {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$bug,)+];
        }
    };
}

bugs! {
    /// Effects are acknowledged before they are performed.
    AcknowledgedTooEarly,
    /// Agents that a patch removed are not counted any more.
    AgentsForgotten,
    /// An append whose outcome is not known is taken for made.
    AppendPresumed,
    /// An approval holds for whatever the patch has become.
    ApprovalUnbound,
    /// A run that is cancelled leaves its children alone.
    CancelStopsHere,
    /// The result of a child run is dropped.
    ChildResultDropped,
    /// Compensations run in the order of completion.
    CompensationForward,
    /// The deadline of a run is not watched.
    DeadlineMissed,
    /// A node that is passed over decides no edges.
    DeadPathStops,
    /// A timer fires up to five seconds early.
    EarlyTimer,
    /// An approver edits what may not be edited.
    EditsUnchecked,
    /// Who was asked to stop is waited for without end.
    FenceMissing,
    /// What was decided on a lost batch is kept, on whatever head there is.
    ForkAfterLostBatch,
    /// Who started a run approves what somebody else has to.
    FourEyesIgnored,
    /// A join of all edges starts with the first one taken.
    JoinTooEarly,
    /// The row of a lease stays when its attempt is retried.
    LeaseLeft,
    /// A loop goes round once more than it may.
    LoopOnceMore,
    /// A wake-up is dropped though something will be due.
    LostWakeup,
    /// A map opens one more item at a time than it may.
    MapTooWide,
    /// A patch is applied, and what follows in the same decision is by the graph before it.
    MixedGraph,
    /// Offsets are committed before the results are taken in.
    OffsetTooEarly,
    /// Effects overtake older ones of their stream.
    OutOfOrder,
    /// A patch that was taken in is taken in again.
    PatchedTwice,
    /// Nodes start while the run is paused.
    PauseIgnored,
    /// A patch is applied by what was planned for another document than the one that holds.
    ProofUnbound,
    /// One vote decides, whatever the quorum.
    QuorumIgnored,
    /// An attempt that is to be sent again is not sent.
    RedispatchMissing,
    /// What is reserved for calls under way is taken for free.
    ReservedForgotten,
    /// A result is applied although its attempt is over.
    ResultAppliedTwice,
    /// A lost attempt is tried again whatever its effect.
    RetryIgnoresEffect,
    /// One attempt more than granted.
    RetryOnceMore,
    /// A signal stays after it was consumed.
    SignalConsumedTwice,
    /// A state is loaded from a snapshot, its head from a later look.
    SnapshotHeadLater,
    /// An answer that appends nothing is given without a look at the head.
    StaleNoOp,
    /// An event's time is this process's, though the log is ahead of it.
    TimeGoesBack,
    /// What a removed edge had brought to its target stays there.
    TokenKept,
}

/// True where `bug` is active in this thread.
#[cfg(not(feature = "seeded"))]
#[inline(always)]
pub const fn seeded(_bug: Bug) -> bool {
    false
}

#[cfg(feature = "seeded")]
pub use active::{seeded, with};

#[cfg(feature = "seeded")]
mod active {
    use std::cell::Cell;

    use super::Bug;

    thread_local! {
        static ACTIVE: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// True where `bug` is active in this thread.
    pub fn seeded(bug: Bug) -> bool {
        ACTIVE.get() == Some(bug)
    }

    /// Does `work` with `bug` active in this thread.
    pub fn with<T>(bug: Option<Bug>, work: impl FnOnce() -> T) -> T {
        let before = ACTIVE.replace(bug);
        let done = work();
        ACTIVE.set(before);
        done
    }
}
