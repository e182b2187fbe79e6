//! How instances end (I-13 to I-15, I-19, I-25, I-37, I-42, D-10, D-16).

use aob_engine::{
    CancelCause, Failure, FailureOutcome, NodeCancelled, NodeCompleted, NodeFailed, NodeSkipped,
    SkipCause,
};
use aob_ir::{NodeKind, OnError};

use crate::graph::{Place, UNDO_SUFFIX};
use crate::kinds::{Arrival, Does, counts_failed};
use crate::maps::keys;
use crate::phase::{Ending, Open, Phase};
use crate::retry::is_retried;
use crate::rules::{Cx, D_08, D_10, D_13, D_16, I_13, I_14, I_15, I_16, I_17, I_19, I_25, I_37};
use crate::state::{State, repeatable};

/// True for the failure of a join that can no longer be satisfied.
pub(crate) fn join_failed(failure: &Failure) -> bool {
    &*failure.code == "join_unsatisfiable"
}

impl State {
    /// An instance ends.
    pub(crate) fn ends(&mut self, ending: Ending<'_>, cx: &mut Cx<'_>) {
        let instance = ending.instance();
        let place = self.place(instance, cx);
        match self.open.get(instance).cloned() {
            Some(open) => self.may_end(&open, ending, cx),
            None if self.is_over(instance) => {
                let is_result = ending.attempt() > 0;
                let rule = if is_result { I_13 } else { I_14 };
                cx.violation(rule, format!("`{instance}` {} after its end", ending.verb()));
                return;
            }
            None => self.ends_at_once(place.as_ref(), ending, cx),
        }
        self.budgets.over(instance);
        let before = self.open.remove(instance);
        if let (Some(Open { phase: Phase::Signal { name, .. }, .. }), Ending::Completed(data)) =
            (&before, ending)
        {
            self.consumes(Some(name), data, cx);
        }
        self.takes_inputs(place.as_ref(), ending, cx);
        self.undoable(ending, cx);
        if let Ending::Completed(data) = ending
            && data.by.is_none()
        {
            self.maps.completed(data, cx);
        }
        self.maps.ended(instance);
        self.close(place, ending, cx);
    }

    /// An instance arrives and ends in one event.
    fn ends_at_once(&mut self, place: Option<&Place>, ending: Ending<'_>, cx: &mut Cx<'_>) {
        let instance = ending.instance();
        let (arrival, does) = match ending {
            Ending::Completed(data) if data.signal.is_some() => {
                (Arrival::Satisfied, Some(Does::Signal))
            }
            Ending::Completed(_) => (Arrival::Satisfied, Some(Does::Inline)),
            Ending::Failed(data) if join_failed(&data.failure) => (Arrival::Unsatisfiable, None),
            Ending::Failed(_) => (Arrival::Satisfied, None),
            Ending::Cancelled(_) => (Arrival::Cancelled, None),
            Ending::Skipped(data) => match data.cause {
                SkipCause::DeadPath => (Arrival::DeadPath, None),
                SkipCause::UnknownType => (Arrival::Satisfied, Some(Does::SkipUnknown)),
                SkipCause::OnError if data.failure.as_ref().is_some_and(join_failed) => {
                    (Arrival::Unsatisfiable, None)
                }
                SkipCause::OnError => (Arrival::Satisfied, None),
                SkipCause::ByHand => {
                    cx.violation(D_10, format!("`{instance}` is skipped by hand, not parked"));
                    (Arrival::Cancelled, None)
                }
            },
        };
        cx.require(ending.attempt() == 0, I_15, || {
            format!("`{instance}` {} an attempt that was not handed out", ending.verb())
        });
        self.arrives(instance, place, arrival, does, cx);
        match ending {
            Ending::Completed(data) => self.consumes(None, data, cx),
            Ending::Skipped(data) => self.skip_rule(data, cx),
            Ending::Cancelled(data) => self.cancel_cause(None, data, cx),
            Ending::Failed(_) => {}
        }
    }

    /// Checks that an open instance may end like this.
    fn may_end(&self, open: &Open, ending: Ending<'_>, cx: &mut Cx<'_>) {
        let instance = ending.instance();
        if let Phase::Approval { ticket } = &open.phase {
            self.approvals.followed(ticket, ending.outcome(), cx);
        }
        match ending {
            Ending::Completed(data) => self.may_complete(open, data, cx),
            Ending::Failed(data) => self.may_fail(open, data, cx),
            Ending::Skipped(data) => {
                let parked = open.phase == Phase::Parked;
                let fits = match data.cause {
                    SkipCause::DeadPath | SkipCause::UnknownType => false,
                    SkipCause::OnError => true,
                    SkipCause::ByHand => parked && data.by.is_some(),
                };
                let rule = if data.cause == SkipCause::ByHand { D_10 } else { I_16 };
                cx.require(fits, rule, || {
                    format!(
                        "`{instance}` is skipped ({:?}) while {}",
                        data.cause,
                        open.phase.name()
                    )
                });
                cx.require(data.attempt == open.attempt, I_15, || {
                    format!("`{instance}` is skipped after attempt {}", open.attempt)
                });
                self.skip_rule(data, cx);
            }
            Ending::Cancelled(data) => self.cancel_cause(Some(open), data, cx),
        }
    }

    fn may_complete(&self, open: &Open, data: &NodeCompleted, cx: &mut Cx<'_>) {
        let instance = &data.instance;
        let (parked, by_hand) = (open.phase == Phase::Parked, data.by.is_some());
        cx.require(parked == by_hand, D_10, || {
            format!("`{instance}` completes by hand or parked, but not both")
        });
        if parked {
            return;
        }
        match &open.phase {
            Phase::Attempt { .. } => {
                self.is_outstanding(instance, data.attempt, cx);
            }
            Phase::Timer { due } => cx.not_before(*due, || format!("timer `{instance}`")),
            Phase::Signal { .. } => cx.require(data.signal.is_some(), D_16, || {
                format!("`{instance}` waits for a signal and completes without")
            }),
            Phase::Retrying { .. } | Phase::Waiting { .. } => {
                let doing = open.phase.name();
                cx.violation(I_15, format!("`{instance}` completes while {doing}"));
            }
            Phase::Granted
            | Phase::Approval { .. }
            | Phase::Child { .. }
            | Phase::Map { .. }
            | Phase::Parked => {}
        }
        let is_attempt = matches!(open.phase, Phase::Attempt { .. });
        cx.require(is_attempt || data.attempt == 0, I_15, || {
            format!("`{instance}` has no attempt {} to complete", data.attempt)
        });
    }

    fn may_fail(&self, open: &Open, data: &NodeFailed, cx: &mut Cx<'_>) {
        let instance = &data.instance;
        match &open.phase {
            Phase::Attempt { .. } => {
                self.is_outstanding(instance, data.attempt, cx);
                self.run_out_of_queue(instance, &data.failure, cx);
                self.was_retried(open, data, cx);
            }
            Phase::Parked => cx.require(data.attempt <= open.attempt, I_15, || {
                format!("`{instance}` had no attempt {}", data.attempt)
            }),
            Phase::Retrying { .. } => {
                cx.violation(I_15, format!("`{instance}` fails while waiting to retry"));
            }
            Phase::Signal { .. }
            | Phase::Child { .. }
            | Phase::Map { .. }
            | Phase::Waiting { .. }
            | Phase::Timer { .. }
            | Phase::Approval { .. }
            | Phase::Granted => {}
        }
        let waits = !matches!(open.phase, Phase::Approval { .. } | Phase::Attempt { .. });
        if data.outcome == FailureOutcome::TimedOut && waits && &*data.failure.code == "timeout" {
            match (open.phase.expires_at(), &open.phase) {
                (Some(due), _) => cx.not_before(due, || format!("timeout of `{instance}`")),
                // A child may time out by its own rules and hand that on.
                (None, Phase::Child { .. } | Phase::Parked | Phase::Granted) => {}
                (None, _) => cx.violation(I_37, format!("`{instance}` has no timeout")),
            }
        }
    }

    /// Retries come before everything else that a failure may lead to (I-19).
    fn was_retried(&self, open: &Open, data: &NodeFailed, cx: &mut Cx<'_>) {
        let is_undo = data.instance.node.ends_with(UNDO_SUFFIX);
        let goes_on = (is_undo || !self.run.is_stopping()) && open.stopping.is_none();
        let node = self.node_of(&data.instance);
        let left = goes_on && open.attempt < open.attempts_max && node.is_some();
        let harmful = data.failure.lost && !open.effect.is_none_or(repeatable);
        cx.require(!harmful || !goes_on, D_13, || {
            format!("`{}` fails, though nobody knows whether it happened", data.instance)
        });
        let again = left && !harmful && is_retried(node, &data.failure);
        cx.require(!again, I_19, || {
            let (instance, attempt) = (&data.instance, open.attempt);
            format!("`{instance}` fails after attempt {attempt} of {}", open.attempts_max)
        });
    }

    fn skip_rule(&self, data: &NodeSkipped, cx: &mut Cx<'_>) {
        let instance = &data.instance;
        if data.cause == SkipCause::OnError {
            let declared = self.node_of(instance).is_none_or(|node| node.on_error == OnError::Skip);
            cx.require(declared && data.failure.is_some(), D_16, || {
                format!("`{instance}` is skipped over a failure, but not by its rule")
            });
        }
        let nowhere = data.cause == SkipCause::DeadPath;
        cx.require(nowhere == data.output.is_none(), D_16, || {
            format!("`{instance}` is skipped ({:?}): its output does not fit", data.cause)
        });
    }

    /// Checks why an instance is cancelled (I-25, I-37).
    fn cancel_cause(&self, open: Option<&Open>, data: &NodeCancelled, cx: &mut Cx<'_>) {
        let instance = &data.instance;
        let stopping = open.and_then(|open| open.stopping);
        let is_out = open
            .is_some_and(|open| matches!(open.phase, Phase::Attempt { .. } | Phase::Child { .. }));
        let attempt = open.map_or(0, |open| open.attempt);
        cx.require(data.attempt == 0 || data.attempt == attempt, I_15, || {
            format!("attempt {} of `{instance}` is cancelled, not {attempt}", data.attempt)
        });
        match data.cause {
            CancelCause::RunStopped => {
                cx.require(self.run.is_stopping(), I_25, || {
                    format!("`{instance}` is cancelled with a run that goes on")
                });
                cx.require(!is_out, I_25, || {
                    format!("`{instance}` is dropped while something is out for it")
                });
            }
            CancelCause::Acknowledged => cx.require(is_out, I_25, || {
                format!("`{instance}` acknowledges a stop, though nothing is out for it")
            }),
            CancelCause::Fenced => match stopping {
                // Where a lease was lost, or its runner says that nobody knows what happened, there
                // is nobody left to wait for.
                Some(Some(_)) if open.is_some_and(|open| open.leased) => {}
                Some(_) | None if cx.by_answer && is_out => {}
                Some(Some(fence_at)) => {
                    cx.not_before(fence_at, || format!("fence of `{instance}`"));
                }
                Some(None) | None => {
                    cx.violation(
                        I_25,
                        format!("`{instance}` is fenced, but was not asked to stop"),
                    );
                }
            },
            CancelCause::Loser => {
                cx.require(!self.run.is_stopping(), I_25, || {
                    format!("`{instance}` loses a race in a run that is being stopped")
                });
            }
        }
    }

    /// A signal that is consumed waits in its queue (D-06).
    fn consumes(&mut self, name: Option<&str>, data: &NodeCompleted, cx: &mut Cx<'_>) {
        if let Some(signal) = &data.signal {
            self.signals.consumed(name, signal, cx);
        }
    }

    /// What can be undone is exactly what declares how (D-08); of what never had an attempt, and was
    /// said by hand to have succeeded, nothing is to be undone.
    fn undoable(&mut self, ending: Ending<'_>, cx: &mut Cx<'_>) {
        let instance = ending.instance();
        if instance.node.ends_with(UNDO_SUFFIX) {
            self.undo.ended(instance);
            return;
        }
        let keeps = match ending {
            Ending::Completed(data) => {
                let kept = data.undo_input.is_some();
                let tried = data.by.is_none() || data.attempt > 0;
                let declares = self
                    .node_of(instance)
                    .is_none_or(|n| (n.compensate.is_some() && tried) == kept);
                cx.require(declares, D_08, || {
                    format!("`{instance}` keeps its input for compensation, or should")
                });
                kept
            }
            Ending::Cancelled(data) => data.undo_input.is_some(),
            Ending::Failed(_) | Ending::Skipped(_) => false,
        };
        if keeps {
            self.undo.can_undo(instance);
        }
    }

    /// A join's output is the object of what led to it (I-17).
    fn takes_inputs(&self, place: Option<&Place>, ending: Ending<'_>, cx: &mut Cx<'_>) {
        let (Some(graph), Some(place)) = (self.graph.as_deref(), place) else { return };
        let Ending::Completed(data) = ending else { return };
        let Some(node) = graph.node(place.key).filter(|_| place.is_graph_node()) else { return };
        let joins = matches!(node.kind, NodeKind::Join) && data.by.is_none();
        let Some(output) = data.output.inline().filter(|_| joins) else {
            return;
        };
        let reached = self.frames.reached(graph, &place.frame, place.key.ix);
        if reached.opened {
            return;
        }
        let mut sources = reached.taken.clone();
        if counts_failed(node, &reached) {
            sources.extend(&reached.failed_sources);
        }
        let mut expected: Vec<&str> =
            sources.iter().filter_map(|ix| graph.graph_node(*ix)).map(|node| &*node.id).collect();
        expected.sort_unstable();
        expected.dedup();
        let mut found = keys(output.value()).unwrap_or_default();
        found.sort_unstable();
        cx.require(found == expected, I_17, || {
            format!("`{}` joins {found:?} instead of {expected:?}", data.instance)
        });
    }
}
