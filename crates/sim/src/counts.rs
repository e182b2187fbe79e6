//! What happened how often: faults that were injected, and rare paths that were taken.
//!
//! A fault that is configured and never hits proves nothing, so every count is printed, and a
//! suite fails where one of [`Count::ALL`] is zero over its sample.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Declares [`Count`] from one table.
macro_rules! counts {
    ($($group:ident { $($(#[$doc:meta])* $variant:ident => $name:literal,)+ })+) => {
        /// Something that is counted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Count { $($($(#[$doc])* $variant,)+)+ }

        impl Count {
            /// Every count, in the order of this list.
            pub const ALL: &'static [Self] = &[$($(Self::$variant,)+)+];

            /// Its name in reports.
            pub fn name(self) -> &'static str {
                match self { $($(Self::$variant => $name,)+)+ }
            }

            /// What it is about.
            pub fn group(self) -> Group {
                match self { $($(Self::$variant)|+ => Group::$group,)+ }
            }
        }
    };
}

/// Kinds of counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// What the injector did.
    Fault,
    /// What the system came through, as rare as it may be.
    Path,
}

counts! {
    Fault {
        /// A storage call took long.
        StoreSlow => "store: slow",
        /// A storage call failed and did nothing.
        StoreDown => "store: call refused",
        /// A process lost its storage for a while.
        StoreOutage => "store: outage",
        /// An append was made, and its answer was lost.
        AppendAnswerLost => "store: append made, answer lost",
        /// An append was lost on its way.
        AppendLost => "store: append lost, outcome unknown",
        /// An append answered `unknown` for some of its streams.
        AppendUnknown => "store: outcome unknown per stream",
        /// A read answered what held a while ago.
        StaleRead => "store: stale read",
        /// A call to the blob store failed.
        CasDown => "blobs: call refused",
        /// A publication was refused.
        PublishRefused => "bus: publication refused",
        /// A publication was accepted, and its answer was lost.
        PublishAnswerLost => "bus: published, answer lost",
        /// A part of a publication was accepted, and it failed.
        PublishTorn => "bus: published in part, then refused",
        /// A job or a result was lost.
        MessageLost => "bus: message lost",
        /// A message came twice.
        MessageDuplicated => "bus: message duplicated",
        /// A job or a result came late, and out of order.
        MessageDelayed => "bus: message delayed and reordered",
        /// A consumer was thrown out of its group; what it had not committed came again.
        Rebalance => "bus: rebalance, redelivery",
        /// A commit of an offset was lost.
        CommitLost => "bus: offset commit lost",
        /// A coordinator died at a call, before it was made.
        CrashBefore => "coordinator: crash before a call",
        /// A coordinator died at a call, after it was made.
        CrashAfter => "coordinator: crash after a call",
        /// A coordinator died at some time.
        CrashAnytime => "coordinator: crash at any time",
        /// A coordinator was stopped in good order and came again.
        Restart => "coordinator: orderly restart",
        /// A coordinator stood still for a while.
        Stall => "coordinator: stall",
        /// The clock of a process was wrong from the start.
        ClockSkew => "clock: skewed",
        /// The clock of a process jumped.
        ClockJump => "clock: jump",
        /// A coordinator had room for next to nothing in its caches.
        TinyCaches => "caches: next to no room",
        /// A runner died before the effect of an attempt.
        RunnerCrashBefore => "runner: crash before the effect",
        /// A runner died after the effect of an attempt.
        RunnerCrashAfter => "runner: crash after the effect",
        /// A runner stood still for longer than a lease lasts.
        RunnerStall => "runner: stall beyond its lease",
        /// An attempt never answered.
        AttemptHangs => "runner: attempt hangs",
        /// A result came for another attempt than the outstanding one.
        WrongAttempt => "runner: result of a wrong attempt",
        /// A message that is no result.
        Garbage => "runner: garbage",
        /// A client sent the same command again.
        CommandRepeated => "user: command repeated",
        /// Somebody voted on a ticket that was decided.
        LateVote => "user: vote after the decision",
        /// Somebody approved what somebody else has to, or what they had changed against the rules.
        ForbiddenVote => "user: vote that is refused",
        /// Somebody asked for what makes no sense at this point.
        SenselessCommand => "user: senseless command",
        /// Somebody changed the graph of a run that goes on.
        PatchStorm => "user: patch",
        /// A change of any kind, instead of one that leaves everything else as it was.
        WildPatch => "user: patch of any kind",
        /// A change that must be refused.
        HostilePatch => "user: hostile patch",
        /// A runner answered with a change of the graph.
        ResultPatch => "runner: result with a patch",
        /// A person changed a node whose instance had parked.
        Mend => "user: patch of a parked node",
        /// A patch was made against an earlier document.
        StaleBase => "user: patch of an earlier revision",
        /// Somebody took back what was applied.
        PatchTakenBack => "user: patch taken back",
        /// A run was cancelled.
        Cancel => "user: cancel",
        /// A run was paused.
        Pause => "user: pause",
    }
    Path {
        /// An append met a head that had moved.
        Conflict => "append conflict",
        /// An append whose outcome was unknown turned out to be made.
        UnknownCommitted => "unknown append was committed",
        /// An append whose outcome was unknown turned out to be absent.
        UnknownAbsent => "unknown append was absent",
        /// An append found older effects of its stream not performed.
        OlderOutbox => "older effects before own ones",
        /// The relay, or a repetition, published again what was published.
        PublishedAgain => "event published again",
        /// A process died between publishing and deleting the outbox row.
        PublishedThenCrash => "crash between publish and delete",
        /// A claim of a lease was refused.
        ClaimRefused => "claim of a lease refused",
        /// A heartbeat found the lease gone.
        LeaseLost => "heartbeat without lease",
        /// A lease ran out.
        LeaseExpired => "lease expired",
        /// A result was not the first of its attempt.
        DuplicateResult => "duplicate result dropped",
        /// A result was written as late.
        LateResult => "late result on record",
        /// A result came after its run was stopped.
        ResultAfterStop => "result after the stop",
        /// An attempt was sent again.
        Redispatch => "redispatch",
        /// An attempt was retried.
        Retry => "retry",
        /// The last attempt failed.
        RetryExhausted => "retries exhausted",
        /// An instance parked.
        Parked => "parked",
        /// A parked instance went on by hand.
        Repaired => "parked and repaired",
        /// An attempt was fenced.
        Fenced => "fenced",
        /// A loser of a join was cancelled.
        LoserCancelled => "loser cancelled",
        /// A join had fired when one more edge was taken.
        LateArrival => "late arrival at a join",
        /// A compensation ran.
        Compensated => "compensation",
        /// A segment was continued.
        Continued => "continuation",
        /// A run was loaded from a snapshot.
        SnapshotResume => "loaded from a snapshot",
        /// A timer and a result wanted the same instance.
        TimerRace => "timer racing a result",
        /// A ticket expired.
        TicketExpired => "ticket expired",
        /// A ticket was escalated.
        TicketEscalated => "ticket escalated",
        /// A command was refused.
        Refused => "command refused",
        /// An idempotency key answered for a command.
        KeyAnswered => "idempotency key answered",
        /// A dedup key was held by another run.
        DedupHeld => "dedup key held",
        /// A run was over time.
        DeadlinePassed => "run deadline passed",
        /// An instance that was not moving said why.
        Explained => "waiting instance explained",
        /// A run waits for what nobody serves.
        WaitsForEver => "run waits for what nobody serves",
        /// A child run was cancelled before it had started.
        ChildCancelledUnborn => "child cancelled before its start",
        /// A patch was applied.
        PatchApplied => "patch applied",
        /// A patch waited for an approval.
        PatchAwaited => "patch waits for approval",
        /// A ticket of a patch gave way to another, because what it asks had changed.
        PatchAskedAgain => "ticket of a patch superseded",
        /// A patch was applied after its approval.
        PatchApproved => "patch applied after approval",
        /// A patch on record was rejected, by a rule or by a person, or its run was stopped.
        PatchRejected => "patch rejected",
        /// A patch was given up by its author.
        PatchWithdrawn => "patch withdrawn",
        /// A result carried a patch.
        PatchOfResult => "patch of a result",
        /// A patch was refused because it breaks a rule.
        PatchRefused => "patch refused",
        /// A patch was refused because what it changes has started meanwhile.
        PatchTooLate => "patch refused: routed already",
        /// A patch was refused because it touches what later ones changed.
        PatchConflict => "patch refused: conflict",
        /// A patch to a run that is over was refused.
        PatchToEnded => "patch refused: run is over",
        /// The same patch came again.
        PatchRepeated => "patch proposed again",
        /// A hostile patch was refused.
        HostileRefused => "hostile patch refused",
        /// A child run was patched.
        ChildPatched => "patch of a child run applied",
        /// A patched run went as the oracle says.
        PatchedAsPredicted => "patched run judged by the oracle",
        /// A patched run that only the checker can judge came to rest.
        PatchedAnyhow => "patched run judged by the checker",
        /// A patch of an earlier revision was applied to a later one.
        PatchRebased => "patch rebased",
        /// A patch was taken back.
        PatchReverted => "patch reverted",
        /// A patch took back what a decided edge had brought.
        TokenWithdrawn => "token withdrawn",
        /// A patch gave edges to instances that had finished.
        LateEdges => "new edges of finished instances",
        /// A person repaired a node whose instance waited.
        NodeMended => "started node repaired",
        /// A run ended completed.
        RunCompleted => "run completed",
        /// A run ended failed.
        RunFailed => "run failed",
        /// A run ended cancelled.
        RunCancelled => "run cancelled",
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Number of counts.
const COUNTS: usize = Count::ALL.len();

/// How often each thing happened.
#[derive(Debug)]
pub struct Counts([AtomicU64; COUNTS]);

impl Default for Counts {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; COUNTS])
    }
}

impl Counts {
    /// Counts one.
    pub fn add(&self, count: Count) {
        self.add_many(count, 1);
    }

    /// Counts several.
    pub fn add_many(&self, count: Count, more: u64) {
        self.0[count as usize].fetch_add(more, Ordering::Relaxed);
    }

    /// How often.
    pub fn get(&self, count: Count) -> u64 {
        self.0[count as usize].load(Ordering::Relaxed)
    }

    /// Adds what another one counted.
    pub fn merge(&self, other: &Self) {
        for &count in Count::ALL {
            self.add_many(count, other.get(count));
        }
    }

    /// Faults injected.
    pub fn faults(&self) -> u64 {
        let faults = Count::ALL.iter().filter(|count| count.group() == Group::Fault);
        faults.map(|count| self.get(*count)).sum()
    }

    /// What never happened.
    pub fn never(&self) -> Vec<Count> {
        Count::ALL.iter().copied().filter(|count| self.get(*count) == 0).collect()
    }
}
