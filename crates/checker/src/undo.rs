//! Compensation (D-08): what was done is undone once, last first, after everything else stopped.

use std::sync::Arc;

use aob_engine::InstanceId;
use aob_ir::OnFailure;

use crate::graph::{Graph, UNDO_SUFFIX};
use crate::rules::{Cx, D_08};

/// What can be undone, in order of completion.
#[derive(Debug, Default)]
pub(crate) struct Undo {
    done: Vec<InstanceId>,
    running: Option<InstanceId>,
}

/// The instance that `compensation` undoes.
pub(crate) fn undone_by(compensation: &InstanceId) -> Option<InstanceId> {
    let node = compensation.node.strip_suffix(UNDO_SUFFIX)?;
    Some(InstanceId { node: Arc::from(node), scope: compensation.scope.clone() })
}

impl Undo {
    /// An instance ended that can be undone.
    pub(crate) fn can_undo(&mut self, instance: &InstanceId) {
        self.done.push(instance.clone());
    }

    /// A compensation begins; `others`: how many other instances are open.
    pub(crate) fn begins(
        &mut self,
        compensation: &InstanceId,
        others: usize,
        is_stopping: bool,
        graph: Option<&Graph>,
        cx: &mut Cx<'_>,
    ) {
        cx.require(is_stopping, D_08, || format!("`{compensation}` begins in a run that goes on"));
        cx.require(others == 0, D_08, || {
            format!("`{compensation}` begins while {others} instances are open")
        });
        let declared = graph.is_none_or(|graph| graph.ir().on_failure == OnFailure::Compensate);
        cx.require(declared, D_08, || {
            format!("`{compensation}` begins although the policy is to stop")
        });
        if let Some(running) = self.running.replace(compensation.clone()) {
            cx.violation(D_08, format!("`{compensation}` begins before `{running}` is over"));
        }
        let Some(original) = undone_by(compensation) else { return };
        match self.done.iter().rposition(|done| *done == original) {
            Some(position) => {
                let later = self.done.len() - 1 - position;
                cx.require(later == 0, D_08, || {
                    format!("`{original}` is undone before {later} that came after it")
                });
                self.done.remove(position);
            }
            None => cx.violation(D_08, format!("`{original}` has nothing to undo")),
        }
    }

    /// A compensation is over.
    pub(crate) fn ended(&mut self, compensation: &InstanceId) {
        if self.running.as_ref() == Some(compensation) {
            self.running = None;
        }
    }

    /// A run that is to be compensated ends.
    pub(crate) fn run_ends(&self, cx: &mut Cx<'_>) {
        if let Some(left) = self.done.last() {
            cx.violation(D_08, format!("the run ends without undoing `{left}`"));
        }
    }
}
