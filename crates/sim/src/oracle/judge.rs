//! Compares what was predicted with what was seen.

use std::collections::{BTreeMap, BTreeSet};

use aob_engine::InstanceId;

use super::observed::Observed;
use super::prediction::{Outcome, Prediction, Status};

/// What is known of a run besides the prediction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// Somebody, or its parent, may have cancelled it.
    pub may_be_cancelled: bool,
    /// It has a deadline, which may have passed.
    pub has_deadline: bool,
}

/// The differences between prediction and observation, of a run and of its children; none if the
/// run went as it must. `executed` says how often the sink saw the effect of an instance (by the
/// path of its run); `None`: there is no sink to ask.
pub fn judge(
    prediction: &Prediction,
    observed: &Observed,
    circumstances: Circumstances,
    executed: Option<&BTreeMap<(String, InstanceId), u64>>,
) -> Vec<String> {
    let mut judge = Judge { differences: Vec::new(), executed };
    judge.run("", prediction, observed, circumstances);
    judge.differences
}

struct Judge<'e> {
    differences: Vec<String>,
    executed: Option<&'e BTreeMap<(String, InstanceId), u64>>,
}

impl Judge<'_> {
    fn differs(&mut self, path: &str, what: String) {
        self.differences.push(if path.is_empty() { what } else { format!("{path}: {what}") });
    }

    fn run(&mut self, path: &str, expected: &Prediction, seen: &Observed, around: Circumstances) {
        let waits_too_long = seen.status == Status::Waiting && around.has_deadline;
        let fits = (expected.statuses.contains(&seen.status) && !waits_too_long)
            || (seen.status == Status::Cancelled && around.may_be_cancelled)
            || (seen.status == Status::Failed && around.has_deadline);
        if !fits {
            let may = &expected.statuses;
            self.differs(path, format!("the run is {:?} instead of {may:?}", seen.status));
        }
        if let Some(source) = &seen.failed_at
            && !expected.unhandled.contains(source)
            && !around.has_deadline
        {
            self.differs(path, format!("the run failed at `{source}`, which is handled"));
        }
        let completed = seen.status == Status::Completed;
        if let Some(output) = expected.output.as_ref().filter(|_| completed)
            && seen.output.as_ref().is_some_and(|found| found != output)
        {
            self.differs(path, format!("the run returns {:?} instead of {output}", seen.output));
        }
        self.instances(path, expected, seen);
        self.iterations(path, expected, seen);
        self.effects(path, expected, seen);
        for (instance, child) in &seen.children {
            let below = format!("{path}>{instance}");
            let Some(prediction) = expected.children.get(instance) else {
                self.differs(path, format!("`{instance}` has no child run"));
                continue;
            };
            let outcome = seen.instances.get(instance).map(|seen| seen.outcome);
            let may_be_cancelled = !completed || outcome == Some(Outcome::Cancelled);
            let circumstances = Circumstances { may_be_cancelled, has_deadline: false };
            self.run(&below, prediction, child, circumstances);
        }
    }

    fn instances(&mut self, path: &str, expected: &Prediction, seen: &Observed) {
        let completed = seen.status == Status::Completed;
        for (id, found) in &seen.instances {
            if let Some(original) = id.node.strip_suffix(".compensate") {
                let original = InstanceId { node: original.into(), scope: id.scope.clone() };
                let declared = expected.instances.get(&original).is_some_and(|a| a.compensates);
                if !declared || seen.status != Status::Failed && found.outcome != Outcome::Open {
                    self.differs(path, format!("`{id}` undoes what it must not"));
                }
                continue;
            }
            let Some(allowed) = expected.instances.get(id) else {
                self.differs(path, format!("`{id}` must not be there ({:?})", found.outcome));
                continue;
            };
            let waits = found.outcome == Outcome::Open && seen.status == Status::Waiting;
            let stopped = found.outcome == Outcome::Cancelled && !completed;
            if !(allowed.outcomes.contains(&found.outcome) || waits || stopped) {
                let may = &allowed.outcomes;
                self.differs(path, format!("`{id}` is {:?} instead of {may:?}", found.outcome));
            }
            let is_success = found.outcome == Outcome::Completed;
            if let (Some(output), Some(found)) = (&allowed.output, &found.output)
                && is_success
                && output != found
            {
                self.differs(path, format!("`{id}` returns {found} instead of {output}"));
            }
        }
        if !completed {
            return;
        }
        for (id, _) in expected.instances.iter().filter(|(_, allowed)| allowed.certain) {
            if !seen.instances.contains_key(id) {
                self.differs(path, format!("`{id}` is missing"));
            }
        }
    }

    /// Loops ran as often as they may.
    fn iterations(&mut self, path: &str, expected: &Prediction, seen: &Observed) {
        let mut runs: BTreeMap<InstanceId, u32> = BTreeMap::new();
        for id in seen.instances.keys() {
            for (depth, step) in id.scope.0.iter().enumerate() {
                let scope = aob_engine::Scope(id.scope.0[..depth].iter().cloned().collect());
                let instance = InstanceId { node: step.node.clone(), scope };
                if expected.iterations.contains_key(&instance) {
                    let most = runs.entry(instance).or_default();
                    *most = step.index.max(*most);
                }
            }
        }
        for (id, runs) in runs {
            let (least, most) = expected.iterations[&id];
            let too_few = runs < least && seen.status == Status::Completed;
            if runs > most || too_few {
                self.differs(path, format!("loop `{id}` runs {runs} times, not {least} to {most}"));
            }
        }
    }

    /// What must have reached the world did, what was undone was done, nothing else did.
    fn effects(&mut self, path: &str, expected: &Prediction, seen: &Observed) {
        if seen.status == Status::Failed && expected.compensates {
            let undone = |id: &InstanceId| {
                let node = format!("{}.compensate", id.node).into();
                seen.instances.contains_key(&InstanceId { node, scope: id.scope.clone() })
            };
            let left: Vec<&InstanceId> = expected
                .instances
                .iter()
                .filter(|(_, allowed)| allowed.compensates)
                .map(|(id, _)| id)
                .filter(|id| seen.instances.get(id).map(|s| s.outcome) == Some(Outcome::Completed))
                .filter(|id| !undone(id))
                .collect();
            for id in left {
                self.differs(path, format!("`{id}` is not undone"));
            }
        }
        let Some(executed) = self.executed else { return };
        let count = |id: &InstanceId| executed.get(&(path.to_owned(), id.clone())).copied();
        let mut missing = BTreeSet::new();
        for (id, found) in &seen.instances {
            let executes = expected.instances.get(id).is_some_and(|allowed| allowed.executes);
            let happened = found.outcome == Outcome::Completed && !found.by_hand;
            if executes && happened && count(id).unwrap_or(0) == 0 {
                missing.insert(id.clone());
            }
        }
        for id in missing {
            self.differs(path, format!("`{id}` completed, but its effect never happened"));
        }
        let own = executed.keys().filter(|(run, _)| run == path).map(|(_, id)| id);
        for id in own.filter(|id| !seen.attempted.contains(*id)) {
            self.differs(path, format!("the effect of `{id}` happened, but nobody asked for it"));
        }
    }
}
