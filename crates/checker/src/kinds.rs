//! What the node types do (D-16), and when their incoming edges let them (I-16, I-17).

use aob_engine::JobType;
use aob_ir::{JoinMode, NodeIr, NodeKind, OnUnknown};

use crate::frames::Reached;
use crate::maps::tolerated;

/// What an instance is seen to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Does {
    /// Hands out an attempt.
    Job(JobType),
    /// Starts a timer.
    Timer,
    /// Waits for a signal, or takes one that is there.
    Signal,
    /// Asks people.
    Approval,
    /// Opens a child run.
    Child,
    /// Knows its items.
    Map,
    /// Waits for what is not served.
    Wait,
    /// Completes in the event that starts it.
    Inline,
    /// Is passed over because its type is unknown.
    SkipUnknown,
    /// Parks because its type is unknown.
    ParkUnknown,
}

/// True if nodes of this kind do that.
pub(crate) fn fits(kind: &NodeKind, does: Does) -> bool {
    match kind {
        NodeKind::Function { .. } => does == Does::Job(JobType::Function),
        NodeKind::Http { .. } => does == Does::Job(JobType::Http),
        NodeKind::Agent { .. } => matches!(does, Does::Job(JobType::Agent) | Does::Wait),
        NodeKind::Transform(_)
        | NodeKind::Filter { .. }
        | NodeKind::Aggregate { .. }
        | NodeKind::Conditional
        | NodeKind::Parallel
        | NodeKind::Join
        | NodeKind::Loop { .. } => does == Does::Inline,
        NodeKind::Map(_) => does == Does::Map,
        NodeKind::Composite { .. } => does == Does::Child,
        NodeKind::Hitl { .. } => does == Does::Approval,
        NodeKind::Timer(_) => does == Does::Timer,
        NodeKind::Signal { .. } => does == Does::Signal,
        NodeKind::Handoff => does == Does::Wait,
        NodeKind::Unknown(OnUnknown::Skip) => does == Does::SkipUnknown,
        NodeKind::Unknown(OnUnknown::Park) => does == Does::ParkUnknown,
        NodeKind::Unknown(OnUnknown::Reject) => false,
    }
}

/// How an instance comes into being.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Its join is satisfied.
    Satisfied,
    /// No incoming edge can be taken any more.
    DeadPath,
    /// Its join cannot be satisfied any more.
    Unsatisfiable,
    /// It is cancelled before any of these.
    Cancelled,
}

/// Failed incoming edges that count as taken, where as many as there are may be tolerated.
pub(crate) fn counts_failed(node: &NodeIr, reached: &Reached) -> bool {
    let failed = reached.failed_sources.len();
    failed > 0 && tolerated(node.join.tolerate, reached.total) as usize >= failed
}

/// True if the incoming edges of `node` allow it to arrive like that.
pub(crate) fn allows(node: &NodeIr, reached: &Reached, arrival: Arrival) -> bool {
    if reached.opened {
        return matches!(arrival, Arrival::Satisfied | Arrival::Cancelled);
    }
    let (taken, undecided) = (reached.taken.len(), reached.undecided as usize);
    let failed = !reached.failed_sources.is_empty();
    let nothing = taken == 0 && undecided == 0;
    match (arrival, node.join.mode) {
        (Arrival::Cancelled, _) => true,
        (Arrival::Satisfied, JoinMode::All) => {
            undecided == 0 && (taken > 0 || counts_failed(node, reached))
        }
        (Arrival::Satisfied, JoinMode::Any) => taken > 0,
        (Arrival::Satisfied, JoinMode::AtLeast(needed)) => taken >= needed as usize,
        (Arrival::DeadPath, JoinMode::All) => nothing && !counts_failed(node, reached),
        (Arrival::DeadPath, JoinMode::Any) => nothing,
        (Arrival::DeadPath, JoinMode::AtLeast(_)) => nothing && !failed,
        (Arrival::Unsatisfiable, JoinMode::AtLeast(needed)) => {
            taken + undecided < needed as usize && (taken > 0 || failed)
        }
        (Arrival::Unsatisfiable, JoinMode::All | JoinMode::Any) => false,
    }
}
