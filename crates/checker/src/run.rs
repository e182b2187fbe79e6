//! Where the run is in its life: paused, being stopped, over (D-05, D-07, I-21, I-24, I-25).

use aob_engine::{InstanceId, RunCreated, RunFailed, RunFailing, RunId, Timestamp};
use aob_ir::Limits;

use crate::rules::{Cx, D_05, D_07, I_21, I_24, I_25};

/// Code of the failure that ends a run at its deadline.
const RUN_TIMEOUT: &str = "run_timeout";
/// Code of the failure that ends a run which opened too many instances.
const LIMIT_EXCEEDED: &str = "limit_exceeded";

/// What begins with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begins {
    /// Work, a wait, or an inline node.
    Work,
    /// The undoing of what was done.
    Compensation,
    /// Nothing: the instance is only recorded as passed over, cancelled, or impossible.
    Nothing,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Run {
    id: Option<RunId>,
    limits: Option<Limits>,
    deadline: Option<Timestamp>,
    opened: u64,
    paused: bool,
    cancelled: bool,
    failing: Option<RunFailing>,
    /// A failure that nobody handles, until the run is seen to stop for it.
    unhandled: Option<InstanceId>,
}

impl Run {
    /// Takes down what the run was created with.
    pub(crate) fn created(&mut self, data: &RunCreated, cx: &mut Cx<'_>) {
        self.id = Some(data.run);
        self.limits = Some(data.limits);
        self.deadline = data.deadline;
        let (depth, most) = (data.depth, data.limits.max_depth);
        cx.require(depth <= most, I_21, || format!("nesting {depth} is over the limit {most}"));
        let expected = data.limits.run_timeout_ms.map(|ms| cx.at.plus_ms(ms));
        cx.require(data.deadline == expected, I_21, || {
            "the deadline is not the creation plus `run_timeout_ms`".to_owned()
        });
    }

    /// The run's id.
    pub(crate) fn id(&self) -> Option<RunId> {
        self.id
    }

    /// True once the run is being cancelled, or stopped by a failure.
    pub(crate) fn is_stopping(&self) -> bool {
        self.cancelled || self.failing.is_some()
    }

    /// True from an unhandled failure until the run is seen to stop for it.
    pub(crate) fn has_unhandled(&self) -> bool {
        self.unhandled.is_some()
    }

    /// A new instance arrives. Work keeps the limit; what is only recorded, or undone, may not be
    /// lost for it.
    pub(crate) fn arrives(&mut self, begins: Begins, cx: &mut Cx<'_>) {
        self.opened += 1;
        if let (Some(limits), Begins::Work) = (self.limits, begins) {
            let (opened, most) = (self.opened, limits.max_instances);
            cx.require(opened <= most, I_21, || format!("instance {opened} of at most {most}"));
        }
    }

    /// Checks that `begins` may begin now.
    pub(crate) fn may_begin(&self, begins: Begins, what: &dyn Fn() -> String, cx: &mut Cx<'_>) {
        match begins {
            Begins::Nothing => return,
            Begins::Compensation => {}
            Begins::Work => {
                cx.require(!self.is_stopping(), I_24, || {
                    format!("{} although the run is being stopped", what())
                });
                if let Some(source) = &self.unhandled {
                    cx.violation(D_07, format!("{} after `{source}` failed unhandled", what()));
                }
            }
        }
        cx.require(!self.paused, D_05, || format!("{} although the run is paused", what()));
    }

    /// `run_paused`.
    pub(crate) fn paused(&mut self, cx: &mut Cx<'_>) {
        let idle = !self.paused && !self.is_stopping();
        cx.require(idle, D_05, || "a run that is paused or being stopped is paused".to_owned());
        self.paused = true;
    }

    /// `run_resumed`.
    pub(crate) fn resumed(&mut self, cx: &mut Cx<'_>) {
        cx.require(self.paused, D_05, || "a run that is not paused is resumed".to_owned());
        self.paused = false;
    }

    /// `cancel_requested`. Stopping ends a pause.
    pub(crate) fn cancel_requested(&mut self, cx: &mut Cx<'_>) {
        cx.require(!self.cancelled, I_25, || "the run is cancelled a second time".to_owned());
        self.cancelled = true;
        self.paused = false;
    }

    /// An instance failed and nobody takes care of it.
    pub(crate) fn unhandled(&mut self, instance: &InstanceId) {
        if !self.is_stopping() {
            self.unhandled.get_or_insert_with(|| instance.clone());
        }
    }

    /// `run_failing`. Stopping ends a pause.
    pub(crate) fn failing(&mut self, data: &RunFailing, cx: &mut Cx<'_>) {
        cx.require(!self.is_stopping(), D_07, || "the run is being stopped already".to_owned());
        match (&data.source, &self.unhandled) {
            (Some(source), Some(unhandled)) => cx.require(source == unhandled, D_07, || {
                format!("the run fails for `{source}`; what failed is `{unhandled}`")
            }),
            (Some(_), None) if &*data.failure.code == LIMIT_EXCEEDED => {
                let limit = self.limits.map_or(0, |limits| limits.max_instances);
                cx.require(self.opened >= limit, D_07, || {
                    format!("the run fails at a limit, with {} of {limit}", self.opened)
                });
            }
            (Some(source), None) => {
                cx.violation(D_07, format!("the run fails for `{source}`, which did not"));
            }
            (None, Some(unhandled)) => {
                cx.violation(D_07, format!("the run fails, but not for `{unhandled}`"));
            }
            (None, None) => self.fails_by_itself(data, cx),
        }
        self.unhandled = None;
        self.paused = false;
        self.failing = Some(data.clone());
    }

    /// A run fails without an instance at its deadline, or because a limit is reached.
    fn fails_by_itself(&self, data: &RunFailing, cx: &mut Cx<'_>) {
        if &*data.failure.code == RUN_TIMEOUT {
            match self.deadline {
                Some(deadline) => cx.not_before(deadline, || RUN_TIMEOUT.to_owned()),
                None => cx.violation(D_07, "a run without deadline timed out".to_owned()),
            }
        }
    }

    /// `run_completed`.
    pub(crate) fn completed(&self, cx: &mut Cx<'_>) {
        cx.require(!self.cancelled, I_25, || "a cancelled run completed".to_owned());
        let failed = self.failing.is_some() || self.unhandled.is_some();
        cx.require(!failed, D_07, || "a run with an unhandled failure completed".to_owned());
        cx.require(!self.paused, D_05, || "a paused run completed".to_owned());
    }

    /// `run_failed`.
    pub(crate) fn failed(&self, data: &RunFailed, cx: &mut Cx<'_>) {
        let cancelled_first = self.cancelled && self.failing.is_none();
        cx.require(!cancelled_first, I_25, || "a cancelled run failed".to_owned());
        if cancelled_first {
            return;
        }
        let same = self.failing.as_ref().is_some_and(|failing| {
            failing.source == data.source && failing.failure.code == data.failure.code
        });
        cx.require(same, D_07, || "the run failed for something else than stopped it".to_owned());
    }

    /// `run_cancelled`.
    pub(crate) fn ended_cancelled(&self, cx: &mut Cx<'_>) {
        cx.require(self.cancelled, I_25, || "nobody asked to cancel the run".to_owned());
    }
}
