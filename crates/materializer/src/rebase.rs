//! A patch carried over to a document that others have patched meanwhile.

mod land;

use serde::Serialize;
use serde_json::Value;

use crate::draft::{Undo, Work};
use crate::trace::{Trace, follow};
use crate::{Budget, ChainError, Draft, Operation, Patch, PatchCode, PatchError, Pointer};
use land::{Newcomer, landing, readdressed};

/// Conflicts that are told of two patches.
const MAX_CONFLICTS: usize = 100;

/// The patch that does to `base` with the patches `over` what `patch` does to `base`. Operations
/// stay as they are written where they still mean the same.
///
/// Patches that touch different parts commute: whichever comes first, and the other rebased over
/// it, the documents are the same, except that nodes and edges which both sides add to one list
/// stand in the order in which they came. (Edges out of one `conditional`, where the order has a
/// meaning, are a conflict.) An item that is inserted before another one stays before it.
///
/// # Errors
/// Everything that both sides change, or that one changes and the other copies or tests; and what
/// cannot be applied.
pub fn rebase(patch: &Patch, base: &Value, over: &[Patch]) -> Result<Patch, RebaseError> {
    let mut theirs = Draft::new(base.clone());
    let mut their_traces = Vec::with_capacity(over.len());
    for (index, patch) in over.iter().enumerate() {
        let traces = follow(&mut theirs, patch);
        their_traces.push(traces.map_err(|error| ChainError::of(index, error))?);
    }
    let mut ours = Draft::new(base.clone());
    let our_traces = follow(&mut ours, patch)?;
    let mut sides = Sides { base: Draft::new(base.clone()), ours, theirs };
    let meeting = Meeting { patch, over, our_traces: &our_traces, their_traces: &their_traces };
    let conflicts = meeting.conflicts(&mut sides);
    if !conflicts.is_empty() {
        return Err(RebaseError::Conflicts(Conflicts(conflicts)));
    }
    meeting.carry(base, &mut sides)
}

/// Why a patch cannot be rebased.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RebaseError {
    /// Both sides want something else.
    #[error(transparent)]
    Conflicts(#[from] Conflicts),
    /// The patch cannot be applied to its base.
    #[error("the patch cannot be applied to its base")]
    Ours(#[from] PatchError),
    /// One of the patches that it is to be rebased over cannot be applied.
    #[error("a patch that was applied before cannot be applied again")]
    Theirs(#[from] ChainError),
}

/// Where two sides meet; never empty.
#[derive(Debug, Clone, PartialEq, Serialize, thiserror::Error)]
#[error("{} operations of the patch touch what other patches touched", self.0.len())]
#[serde(transparent)]
pub struct Conflicts(pub Vec<Conflict>);

/// One operation against another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Conflict {
    /// How they exclude each other.
    pub reason: ConflictReason,
    /// The operation of the patch that is rebased.
    pub ours: Ours,
    /// The operation of a patch that was applied before.
    pub theirs: Theirs,
    /// What is at stake.
    pub values: ThreeWay,
}

/// How two operations exclude each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConflictReason {
    /// Both change the same value, or one a part of what the other changes.
    BothChange,
    /// Ours copies what theirs changes.
    CopiesChanged,
    /// Ours tests what theirs changed, and finds something else.
    TestFails,
    /// Both place edges out of one `conditional`, of which the first that matches is taken.
    Order,
}

/// An operation of the patch that is rebased.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ours {
    /// Its place in the patch, from 0.
    pub op_index: usize,
    /// The operation.
    pub operation: Operation,
}

/// An operation of a patch that was applied before.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Theirs {
    /// Which of the patches, from 0.
    pub patch: usize,
    /// Its place in that patch, from 0.
    pub op_index: usize,
    /// The operation.
    pub operation: Operation,
}

/// A value in the base and as each side leaves it; `None`: there is nothing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ThreeWay {
    /// Where, by ids.
    pub pointer: Pointer,
    /// Before both.
    pub base: Option<Value>,
    /// After the patch that is rebased.
    pub ours: Option<Value>,
    /// After the patches that were applied before.
    pub theirs: Option<Value>,
}

/// The documents of a rebase.
struct Sides {
    base: Draft,
    ours: Draft,
    theirs: Draft,
}

impl Sides {
    fn values(&mut self, pointer: Pointer) -> ThreeWay {
        ThreeWay {
            base: self.base.get(&pointer).cloned(),
            ours: self.ours.get(&pointer).cloned(),
            theirs: self.theirs.get(&pointer).cloned(),
            pointer,
        }
    }

    /// Whether edges out of a node are tried in order, on any side.
    fn is_conditional(&mut self, list: &Pointer, node: &str) -> bool {
        let graph = list.truncated(list.tokens().len().saturating_sub(1));
        let kind = graph.child("nodes").child(node).child("type");
        [&mut self.base, &mut self.ours, &mut self.theirs]
            .into_iter()
            .any(|side| side.get(&kind).is_some_and(|kind| kind == "conditional"))
    }
}

/// Both sides, operation by operation.
struct Meeting<'p> {
    patch: &'p Patch,
    over: &'p [Patch],
    our_traces: &'p [Trace],
    /// Per patch.
    their_traces: &'p [Vec<Trace>],
}

impl Meeting<'_> {
    fn conflicts(&self, sides: &mut Sides) -> Vec<Conflict> {
        let mut conflicts = Vec::new();
        for (op_index, ours) in self.our_traces.iter().enumerate() {
            for (at, theirs) in self.their_operations() {
                let Some((reason, pointer)) = self.clash(op_index, ours, theirs, sides) else {
                    continue;
                };
                conflicts.push(self.conflict(reason, op_index, at, sides.values(pointer)));
                if conflicts.len() == MAX_CONFLICTS {
                    return conflicts;
                }
            }
        }
        conflicts
    }

    fn their_operations(&self) -> impl Iterator<Item = ((usize, usize), &Trace)> {
        self.their_traces.iter().enumerate().flat_map(|(patch, traces)| {
            traces.iter().enumerate().map(move |(op_index, trace)| ((patch, op_index), trace))
        })
    }

    fn clash(
        &self,
        op_index: usize,
        ours: &Trace,
        theirs: &Trace,
        sides: &mut Sides,
    ) -> Option<(ConflictReason, Pointer)> {
        if let Some(pointer) = overlap(&ours.writes, &theirs.writes) {
            return Some((ConflictReason::BothChange, pointer));
        }
        // Whether a test still holds shows when it is made.
        let copies = matches!(self.patch.operations.get(op_index), Some(Operation::Copy { .. }));
        if copies && let Some(pointer) = overlap(&ours.reads, &theirs.writes) {
            return Some((ConflictReason::CopiesChanged, pointer));
        }
        let mut orders = ours.orders.iter().filter(|order| theirs.orders.contains(order));
        orders
            .find(|(list, node)| sides.is_conditional(list, node))
            .map(|(list, _)| (ConflictReason::Order, list.clone()))
    }

    fn conflict(
        &self,
        reason: ConflictReason,
        op_index: usize,
        (patch, their_index): (usize, usize),
        values: ThreeWay,
    ) -> Conflict {
        Conflict {
            reason,
            ours: Ours { op_index, operation: self.patch.operations[op_index].clone() },
            theirs: Theirs {
                patch,
                op_index: their_index,
                operation: self.over[patch].operations[their_index].clone(),
            },
            values,
        }
    }

    /// The operations, one after the other, as they are to be written now.
    fn carry(&self, base: &Value, sides: &mut Sides) -> Result<Patch, RebaseError> {
        let mut ours = Draft::new(base.clone());
        let mut new = Draft::new(sides.theirs.document().clone());
        let mut work = Work::of(self.patch, &Budget::DOCUMENT)?;
        let mut new_work = Work::of(self.patch, &Budget::DOCUMENT)?;
        let mut operations = Vec::with_capacity(self.patch.operations.len());
        for (op_index, operation) in self.patch.operations.iter().enumerate() {
            let carried = carried(op_index, operation, &mut ours, &mut new, &mut work)?;
            if let Err(error) = new.step(op_index, &carried, &mut new_work, &mut |_, _| ()) {
                return Err(self.failed(op_index, error, sides));
            }
            operations.push(carried);
        }
        Ok(Patch { operations })
    }

    /// An operation that cannot be done any more, for the reason that others touched its place.
    fn failed(&self, op_index: usize, error: PatchError, sides: &mut Sides) -> RebaseError {
        let ours = &self.our_traces[op_index];
        let touched = [&ours.reads[..], &ours.writes[..]].concat();
        let found = self
            .their_operations()
            .find_map(|(at, theirs)| Some((at, overlap(&touched, &theirs.writes)?)));
        let Some((at, pointer)) = found else { return RebaseError::Ours(error) };
        let reason = if error.code == PatchCode::TestFailed {
            ConflictReason::TestFails
        } else {
            ConflictReason::BothChange
        };
        let conflict = self.conflict(reason, op_index, at, sides.values(pointer));
        RebaseError::Conflicts(Conflicts(vec![conflict]))
    }
}

/// Does `operation` to `ours`, and says how it is to be written for `new`.
fn carried(
    op_index: usize,
    operation: &Operation,
    ours: &mut Draft,
    new: &mut Draft,
    work: &mut Work<'_>,
) -> Result<Operation, PatchError> {
    let mut operation_there = operation.clone();
    match &mut operation_there {
        Operation::Remove { path }
        | Operation::Replace { path, .. }
        | Operation::Test { path, .. } => *path = readdressed(ours, new, path),
        Operation::Add { path, value } => {
            let newcomer = Newcomer { moved: None, source: source(Some(value)) };
            *path = landing(ours, new, path, newcomer);
        }
        Operation::Copy { from, path } => {
            let copied = ours.get(from).cloned();
            let newcomer = Newcomer { moved: None, source: source(copied.as_ref()) };
            *from = readdressed(ours, new, from);
            *path = landing(ours, new, path, newcomer);
        }
        Operation::Move { from, path } if from == path => {
            *from = readdressed(ours, new, from);
            path.clone_from(from);
        }
        Operation::Move { from, path } => {
            *from = readdressed(ours, new, from);
            let moved = new.stable(from).unwrap_or_default();
            let target = path.clone();
            // Where it goes is judged when it is gone from where it was.
            ours.step(op_index, operation, work, &mut |ours, undo| {
                if let Undo::Insert { old, .. } = undo {
                    let newcomer = Newcomer { moved: Some(&moved), source: source(Some(&old)) };
                    *path = landing(ours, new, &target, newcomer);
                }
            })?;
            return Ok(operation_there);
        }
    }
    ours.step(op_index, operation, work, &mut |_, _| ())?;
    Ok(operation_there)
}

/// The node that an edge leaves.
fn source(edge: Option<&Value>) -> Option<&str> {
    edge?.get("from")?.as_str()
}

/// The first place where one of `ours` is at, above or below one of `theirs`: the lower of both.
fn overlap(ours: &[Pointer], theirs: &[Pointer]) -> Option<Pointer> {
    ours.iter().find_map(|ours| {
        theirs.iter().find_map(|theirs| {
            if ours.is_prefix_of(theirs) {
                Some(theirs.clone())
            } else if theirs.is_prefix_of(ours) {
                Some(ours.clone())
            } else {
                None
            }
        })
    })
}
