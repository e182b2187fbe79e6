//! Edges (D-01 to D-03): each is decided once per scope, by the instance it leaves, and taken only
//! where it follows what became of that instance.
//!
//! A guard's value is not recomputed here (it may read values that are not in the log); what is
//! checked is that an edge without a guard follows its source's outcome in both directions, and
//! one with a guard in one: it is not taken for another outcome.

use aob_engine::{EdgeDecision, EdgeState, InstanceId, Scope};
use aob_ir::{EdgeIr, EdgeOn, NodeIr, NodeKind};

use crate::frames::{BadDecision, Frames};
use crate::graph::{Graph, Place, prefix};
use crate::phase::Outcome;
use crate::rules::{Cx, D_01, D_02, D_03};

/// The source of edges that are being decided.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'e> {
    /// The instance.
    pub(crate) instance: &'e InstanceId,
    /// Its place.
    pub(crate) place: &'e Place,
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// A patch added the edges after its end.
    pub(crate) later: bool,
}

/// Checks and takes down decisions of `source`.
pub(crate) fn decide(
    graph: &Graph,
    frames: &mut Frames,
    source: Source<'_>,
    decisions: &[EdgeDecision],
    cx: &mut Cx<'_>,
) {
    let Some(node) = graph.node(source.place.key) else { return };
    let ways = Ways::of(graph, node);
    for decision in decisions {
        let Some((ix, edge)) = graph.edge(&decision.id) else {
            cx.violation(D_01, format!("the workflow has no edge `{}`", decision.id));
            continue;
        };
        let own = source.place.is_graph_node() && edge.from == source.place.key.ix;
        let route = graph.loop_of(node).is_some_and(|(_, found)| found.routes.contains(&ix));
        cx.require(own || route, D_01, || {
            format!("edge `{}` does not leave `{}`", decision.id, source.instance)
        });
        let Some(scope) = scope_of_decision(graph, source.instance, edge, decision, cx) else {
            continue;
        };
        if own {
            follows(ways, edge, decision, source, cx);
            let early = graph.is_route(ix) && decision.is != EdgeState::Taken;
            cx.require(!early, D_02, || {
                format!("route `{}` is given up before its loop ends", decision.id)
            });
        } else {
            cx.require(decision.is == EdgeState::Dead, D_02, || {
                format!("route `{}` is not dead where its loop ends", decision.id)
            });
        }
        match frames.decide(graph, &scope, ix, decision.is) {
            Ok(()) => late_arrival(graph, frames, &scope, edge, decision.is, cx),
            Err(BadDecision::Again(before)) => cx.violation(
                D_01,
                format!("edge `{}` was decided in `{scope}` before ({before:?})", decision.id),
            ),
            Err(BadDecision::NoScope) => {
                let id = &decision.id;
                cx.violation(
                    D_01,
                    format!("edge `{id}` is decided in `{scope}`, which is not open"),
                );
            }
        }
    }
}

/// The scope in which the decision holds, where target, scope and entered loops are right.
fn scope_of_decision(
    graph: &Graph,
    source: &InstanceId,
    edge: &EdgeIr,
    decision: &EdgeDecision,
    cx: &mut Cx<'_>,
) -> Option<Scope> {
    let target = graph.graph_node(edge.to)?;
    cx.require(target.id == decision.to, D_01, || {
        format!("edge `{}` leads to `{}`, not to `{}`", decision.id, target.id, decision.to)
    });
    let left = decision.leaves as usize;
    let kept = source.scope.0.len().checked_sub(left);
    let common = edge.common_loops as usize;
    cx.require(kept == Some(common), D_01, || {
        format!("edge `{}` of `{source}` is not decided {left} scopes further out", decision.id)
    });
    let enters = target.loops.iter().skip(common).map(|ix| graph.loop_node_id(*ix));
    let same = decision.enters.iter().map(Some).eq(enters);
    cx.require(same, D_01, || format!("edge `{}` enters other loops than it says", decision.id));
    prefix(&source.scope, common)
}

/// Counts an edge that leads to a node which did not wait for it.
fn late_arrival(
    graph: &Graph,
    frames: &Frames,
    scope: &Scope,
    edge: &EdgeIr,
    state: EdgeState,
    cx: &mut Cx<'_>,
) {
    let same_scope = graph.graph_node(edge.to).is_some_and(|to| to.loops.len() == scope.0.len());
    if state == EdgeState::Taken && same_scope && frames.ended(scope, edge.to).is_some() {
        cx.count("late_arrival");
    }
}

/// What a node's edges wait for, as far as one edge's fate depends on the others.
#[derive(Debug, Clone, Copy)]
struct Ways {
    kind: Way,
    guarded: bool,
    timeout: bool,
    rejected: bool,
}

/// How the node's type treats its edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Plain,
    Approval,
    Loop,
    Exclusive,
}

impl Ways {
    fn of(graph: &Graph, node: &NodeIr) -> Self {
        let kind = if matches!(node.kind, NodeKind::Hitl { .. }) {
            Way::Approval
        } else if matches!(node.kind, NodeKind::Loop { .. }) {
            Way::Loop
        } else if matches!(node.kind, NodeKind::Conditional) {
            Way::Exclusive
        } else {
            Way::Plain
        };
        let mut ways = Self { kind, guarded: false, timeout: false, rejected: false };
        for edge in node.outgoing.iter().filter_map(|ix| graph.ir().edges.get(*ix as usize)) {
            ways.guarded |= edge.condition.is_some();
            ways.timeout |= edge.on == EdgeOn::Timeout;
            ways.rejected |= edge.on == EdgeOn::Rejected;
        }
        ways
    }

    /// True if an edge of this kind can follow this outcome at all.
    fn may_follow(self, on: EdgeOn, outcome: Outcome) -> bool {
        let is_loop = self.kind == Way::Loop;
        match outcome {
            Outcome::Completed => match on {
                EdgeOn::Success | EdgeOn::Always => true,
                EdgeOn::Approved => self.kind == Way::Approval,
                EdgeOn::Break | EdgeOn::Timeout => is_loop,
                EdgeOn::Failure | EdgeOn::Rejected => false,
            },
            Outcome::PassedOver => matches!(on, EdgeOn::Success | EdgeOn::Always),
            Outcome::Failed => matches!(on, EdgeOn::Failure | EdgeOn::Always),
            Outcome::TimedOut => matches!(on, EdgeOn::Timeout | EdgeOn::Failure | EdgeOn::Always),
            Outcome::Rejected => matches!(on, EdgeOn::Rejected | EdgeOn::Failure | EdgeOn::Always),
            Outcome::DeadPath | Outcome::Cancelled => false,
        }
    }

    /// True if this edge is taken whatever else is known: no guard, and no rule that prefers
    /// another. Where a guard next to it cannot be evaluated, a success becomes a failure, and any
    /// other outcome may take no edge at all.
    fn must_follow(self, edge: &EdgeIr, outcome: Outcome) -> bool {
        let plain = matches!(self.kind, Way::Plain | Way::Approval);
        let alone = edge.condition.is_none() && (outcome == Outcome::Completed || !self.guarded);
        let fits = match outcome {
            Outcome::Completed => {
                plain && matches!(edge.on, EdgeOn::Success | EdgeOn::Always | EdgeOn::Approved)
            }
            Outcome::PassedOver => plain && edge.on == EdgeOn::Success,
            Outcome::Failed => matches!(edge.on, EdgeOn::Failure | EdgeOn::Always),
            Outcome::TimedOut => match edge.on {
                EdgeOn::Timeout | EdgeOn::Always => true,
                EdgeOn::Failure => !self.timeout,
                EdgeOn::Success | EdgeOn::Approved | EdgeOn::Rejected | EdgeOn::Break => false,
            },
            Outcome::Rejected => match edge.on {
                EdgeOn::Rejected | EdgeOn::Always => true,
                EdgeOn::Failure => !self.rejected,
                EdgeOn::Success | EdgeOn::Approved | EdgeOn::Timeout | EdgeOn::Break => false,
            },
            Outcome::DeadPath | Outcome::Cancelled => false,
        };
        alone && fits
    }
}

/// Checks one own edge against the outcome of its source (D-02).
fn follows(
    ways: Ways,
    edge: &EdgeIr,
    decision: &EdgeDecision,
    source: Source<'_>,
    cx: &mut Cx<'_>,
) {
    let outcome = source.outcome;
    let may = ways.may_follow(edge.on, outcome);
    // Which of the routes of a failure leads on was decided with its end.
    let bound = !(source.later && is_failure(outcome) && edge.on != EdgeOn::Always);
    let must = bound && ways.must_follow(edge, outcome);
    let fits = match decision.is {
        EdgeState::Taken => may,
        EdgeState::Dead => !must && !is_failure(outcome),
        EdgeState::Failed => !must && is_failure(outcome),
    };
    cx.require(fits, D_02, || {
        let (id, on, is) = (&decision.id, edge.on, decision.is);
        format!("edge `{id}` ({on:?}) is {is:?} although its source is {outcome:?}")
    });
}

fn is_failure(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Failed | Outcome::TimedOut | Outcome::Rejected => true,
        Outcome::Completed | Outcome::PassedOver | Outcome::DeadPath | Outcome::Cancelled => false,
    }
}

/// Checks that everything `source` must decide is decided (D-03), now that no more follows, and
/// that of alternatives one was taken (D-02).
pub(crate) fn complete(graph: &Graph, frames: &Frames, source: Source<'_>, cx: &mut Cx<'_>) {
    let Some(node) = graph.graph_node(source.place.key.ix) else { return };
    let instance = source.instance;
    let mut undecided = Vec::new();
    let mut own = 0_usize;
    let mut taken = Vec::new();
    for ix in &node.outgoing {
        let Some(edge) = graph.ir().edges.get(*ix as usize) else { continue };
        let scope = prefix(&instance.scope, edge.common_loops as usize);
        let state = scope.and_then(|scope| frames.edge(&scope, *ix));
        own += usize::from(!graph.is_route(*ix));
        if state.is_none() && !graph.is_route(*ix) {
            undecided.push(&edge.id);
        }
        if state == Some(EdgeState::Taken) {
            taken.push(edge.on);
        }
    }
    let ends_loop = graph.loop_of(node).is_some() && source.outcome == Outcome::Completed;
    if let Some(id) = undecided.first() {
        cx.require(ends_loop && undecided.len() == own, D_03, || {
            format!("`{instance}` leaves edge `{id}` undecided")
        });
    }
    let of = |on: EdgeOn| taken.iter().filter(|taken| **taken == on).count();
    let exclusive = matches!(node.kind, NodeKind::Conditional) && !is_failure(source.outcome);
    cx.require(!exclusive || taken.len() <= 1, D_02, || {
        format!("conditional `{instance}` takes {} edges", taken.len())
    });
    let preferred = match source.outcome {
        Outcome::TimedOut => of(EdgeOn::Timeout),
        Outcome::Rejected => of(EdgeOn::Rejected),
        Outcome::Completed
        | Outcome::Failed
        | Outcome::PassedOver
        | Outcome::DeadPath
        | Outcome::Cancelled => 0,
    };
    cx.require(preferred == 0 || of(EdgeOn::Failure) == 0, D_02, || {
        format!("`{instance}` takes failure edges besides those of its outcome")
    });
}
