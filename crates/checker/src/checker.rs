//! The checker: one event at a time, each handed to the rules it concerns.

use std::fmt;

use aob_engine::{Event, EventKind, LoopIterated, ScopeStep};
use aob_ir::OnFailure;

use crate::graph::{Graph, scope_of};
use crate::kinds::Does;
use crate::phase::{Ending, Outcome, Phase};
use crate::report::Report;
use crate::rules::{Cx, D_04, I_14, I_18, I_21, I_22, I_26};
use crate::run::Begins;
use crate::state::{State, Workflows};

/// Checks a log as it streams by, in time O(n log n). Memory is bounded by what is open in the run,
/// plus a fixed few bytes per command, inline payload and ticket.
///
/// ```
/// let nothing = |_: &aob_ir::Digest| None;
/// let mut checker = aob_checker::Checker::new(&nothing);
/// let log: Vec<aob_engine::Event> = Vec::new();
/// for event in &log {
///     checker.push(event);
/// }
/// assert!(checker.finish().is_clean());
/// ```
pub struct Checker<'w> {
    workflows: &'w Workflows<'w>,
    report: Report,
    state: State,
}

impl fmt::Debug for Checker<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checker").field("report", &self.report).finish_non_exhaustive()
    }
}

impl<'w> Checker<'w> {
    /// A checker that asks `workflows` for the compiled workflow of a digest. Where there is none,
    /// the rules that need the graph are not checked, and the report says so.
    pub fn new(workflows: &'w Workflows<'w>) -> Self {
        Self { workflows, report: Report::default(), state: State::default() }
    }

    /// Checks the next event of the log.
    pub fn push(&mut self, event: &Event) {
        let by_answer = event.command.0.starts_with("result:");
        let mut cx = Cx { seq: event.seq, at: event.at, by_answer, report: &mut self.report };
        let over = self.state.shape.has_ended();
        self.state.see(event, &mut cx);
        // What follows the end is judged by the log's shape alone.
        if !over || matches!(event.kind, EventKind::LateResultDiscarded(_)) {
            self.state.step(event, self.workflows, &mut cx);
        }
    }

    /// What was found. A log that stops in mid-run is judged as far as it goes.
    pub fn finish(self) -> Report {
        self.report
    }
}

impl State {
    fn step(&mut self, event: &Event, workflows: &Workflows<'_>, cx: &mut Cx<'_>) {
        match &event.kind {
            EventKind::RunCreated(e) => self.created(e, workflows, cx),
            EventKind::NodeStarted(e) => return self.openings.started(e, cx),
            EventKind::WarningRaised(_) => return,
            EventKind::Continued(_) => {}
            EventKind::NodeScheduled(e) => self.scheduled(e, cx),
            EventKind::AttemptRedispatched(e) => self.redispatched(e, cx),
            EventKind::RetryScheduled(e) => self.retry_scheduled(e, cx),
            EventKind::TimerStarted(_)
            | EventKind::SignalAwaited(_)
            | EventKind::ApprovalRequested(_)
            | EventKind::ChildStarted(_)
            | EventKind::MapExpanded(_)
            | EventKind::NodeWaiting(_) => self.waits(&event.kind, cx),
            EventKind::BudgetReserved(_)
            | EventKind::BudgetSettled(_)
            | EventKind::BudgetWarned(_)
            | EventKind::BudgetRaised(_)
            | EventKind::BudgetReturned(_) => self.budget_changed(&event.kind, cx),
            EventKind::ApprovalVoted(e) => self.approvals.voted(e, cx),
            EventKind::ApprovalEscalated(e) => self.approvals.escalated(e, cx),
            EventKind::ApprovalEdited(e) => {
                self.approvals.edited(e, cx);
                self.patches.edited(&e.ticket);
            }
            EventKind::ApprovalDecided(e) => self.approvals.decided(e, cx),
            EventKind::LoopIterated(e) => self.iterates(e, cx),
            EventKind::NodeCompleted(e) => self.ends(Ending::Completed(e), cx),
            EventKind::NodeFailed(e) => self.ends(Ending::Failed(e), cx),
            EventKind::NodeSkipped(e) => self.ends(Ending::Skipped(e), cx),
            EventKind::NodeCancelled(e) => self.ends(Ending::Cancelled(e), cx),
            EventKind::NodeParked(e) => self.parked(e, cx),
            EventKind::RetryGranted(e) => self.retry_granted(e, cx),
            EventKind::NodeCancelling(e) => self.cancelling(e, cx),
            EventKind::EdgesDecided(e) => self.edges_decided(e, cx),
            EventKind::LateResultDiscarded(e) => self.late_result(e, cx),
            EventKind::SignalReceived(e) => self.signals.received(e, cx),
            EventKind::PatchProposed(e) => self.patches.proposed(e, cx),
            EventKind::PatchPlanned(e) => self.patches.planned(e, cx),
            EventKind::PatchApplied(e) => self.patch_applied(e, workflows, cx),
            EventKind::PatchRejected(e) => self.patches.rejected(e, &self.approvals, cx),
            EventKind::PatchReverted(e) => self.patches.reverted(e, cx),
            EventKind::RunPaused(_) => self.run.paused(cx),
            EventKind::RunResumed(_) => self.run.resumed(cx),
            EventKind::CancelRequested(_) => self.run.cancel_requested(cx),
            EventKind::RunFailing(e) => self.run.failing(e, cx),
            EventKind::RunCompleted(_) | EventKind::RunFailed(_) | EventKind::RunCancelled(_) => {
                self.run_ends(&event.kind, cx);
            }
        }
        self.openings.goes_on();
    }

    /// The run is over.
    fn run_ends(&mut self, kind: &EventKind, cx: &mut Cx<'_>) {
        if let EventKind::RunCompleted(e) = kind {
            self.run.completed(cx);
            self.budgets.run_ends(e.spent.as_ref(), cx);
            self.nothing_is_open(I_22, cx);
            self.everything_is_over(cx);
            if let Some(graph) = &self.graph {
                self.outputs.run_completed(graph, e, cx);
            }
        } else if let EventKind::RunFailed(e) = kind {
            self.run.failed(e, cx);
            self.budgets.run_ends(e.spent.as_ref(), cx);
            self.nothing_is_open(I_14, cx);
            self.everything_is_undone(cx);
        } else if let EventKind::RunCancelled(e) = kind {
            self.run.ended_cancelled(cx);
            self.budgets.run_ends(e.spent.as_ref(), cx);
            self.nothing_is_open(I_14, cx);
        }
    }

    /// An instance begins to wait, in the way of its type.
    fn waits(&mut self, kind: &EventKind, cx: &mut Cx<'_>) {
        if let EventKind::TimerStarted(e) = kind {
            self.begins(&e.instance, Phase::Timer { due: e.due }, Does::Timer, cx);
        } else if let EventKind::SignalAwaited(e) = kind {
            let phase = Phase::Signal { name: e.name.clone(), expires_at: e.expires_at };
            self.begins(&e.instance, phase, Does::Signal, cx);
        } else if let EventKind::ApprovalRequested(e) = kind {
            if let Some(patch) = &e.patch {
                self.patches.asked(patch, &e.ticket, e.subject_hash, cx);
            }
            if let Some(instance) = &e.instance {
                let phase = Phase::Approval { ticket: e.ticket.clone() };
                match &e.replaces {
                    Some(replaced) => self.asked_again(instance, replaced, phase, cx),
                    None => self.begins(instance, phase, Does::Approval, cx),
                }
            }
            self.approvals.requested(e, cx);
        } else if let EventKind::ChildStarted(e) = kind {
            self.child_started(e, cx);
        } else if let EventKind::MapExpanded(e) = kind {
            let phase = Phase::Map { expires_at: e.expires_at };
            self.begins(&e.instance, phase, Does::Map, cx);
            let Some(graph) = self.graph.clone() else { return };
            if let Ok(place) = graph.place(&e.instance) {
                self.maps.expanded(&graph, place.key, e, cx);
            }
        } else if let EventKind::NodeWaiting(e) = kind {
            let phase = Phase::Waiting { expires_at: e.expires_at };
            self.begins(&e.instance, phase, Does::Wait, cx);
        }
    }

    /// `loop_iterated` (D-04, I-21).
    fn iterates(&mut self, data: &LoopIterated, cx: &mut Cx<'_>) {
        self.run.may_begin(Begins::Work, &|| format!("loop `{}` goes on", data.instance), cx);
        let Some(graph) = self.graph.clone() else { return };
        let around = &data.instance.scope;
        let found = graph.loop_named(&data.instance.node);
        let Some((ix, the_loop)) = found else {
            cx.violation(D_04, format!("`{}` is not a loop", data.instance));
            return;
        };
        let Some((last, left)) = self.frames.iteration(around, ix) else {
            cx.violation(D_04, format!("the scope of loop `{}` is not open", data.instance));
            return;
        };
        let next = data.iteration;
        cx.require(next == last + 1 && !left, D_04, || {
            format!("iteration {next} of `{}` follows {last} (left: {left})", data.instance)
        });
        let most = the_loop.max_iterations;
        cx.require(next <= most, I_21, || {
            format!("iteration {next} of `{}`, which has at most {most}", data.instance)
        });
        let step = ScopeStep { node: data.instance.node.clone(), index: last };
        let ended = around.0.iter().cloned().chain([step]).collect::<Vec<_>>();
        let ended = scope_of(&ended);
        let over = self.frames.is_over(&graph, &ended)
            || self.frames.ended(&ended, the_loop.node) == Some(Outcome::Completed);
        cx.require(over, D_04, || {
            format!("loop `{}` goes on before its iteration {last} is over", data.instance)
        });
        heads(&graph, data, ix, cx);
        if next > last {
            self.frames.iterate(&graph, around, ix, next);
        }
    }

    /// When the run ends, every instance has ended, children before their parents.
    fn nothing_is_open(&mut self, rule: &'static str, cx: &mut Cx<'_>) {
        self.no_patch_is_open(cx);
        for (instance, open) in &self.open {
            let is_child = matches!(open.phase, Phase::Child { .. });
            let rule = if is_child { I_26 } else { rule };
            cx.violation(rule, format!("the run ends with `{instance}` {}", open.phase.name()));
        }
    }

    /// When the run completes, every node has ended and every edge is decided (I-18).
    fn everything_is_over(&mut self, cx: &mut Cx<'_>) {
        for instance in self.routing.keys() {
            cx.violation(I_22, format!("the run completes with edges of `{instance}` to decide"));
        }
        let Some(graph) = self.graph.clone() else { return };
        for missing in self.frames.missing(&graph) {
            cx.violation(I_18, missing);
        }
    }

    /// When a run that compensates has failed, everything is undone (D-08).
    fn everything_is_undone(&mut self, cx: &mut Cx<'_>) {
        let graph = self.graph.as_deref();
        if graph.is_some_and(|graph| graph.ir().on_failure == OnFailure::Compensate) {
            self.undo.run_ends(cx);
        }
    }
}

/// Checks that an iteration opens at the loop's head, with the loops that the head opens too.
fn heads(graph: &Graph, data: &LoopIterated, ix: aob_ir::LoopIx, cx: &mut Cx<'_>) {
    let Some(the_loop) = graph.loop_at(ix) else { return };
    let Some(head) = graph.graph_node(the_loop.head) else { return };
    cx.require(head.id == data.head, D_04, || {
        format!("`{}` goes back to `{}`, not to `{}`", data.instance, head.id, data.head)
    });
    let inner = head.loops.iter().skip_while(|inner| **inner != ix).skip(1);
    let same = inner.map(|inner| graph.loop_node_id(*inner)).eq(data.inner.iter().map(Some));
    cx.require(same, D_04, || format!("`{}` opens other loops inside than it says", data.instance));
}
