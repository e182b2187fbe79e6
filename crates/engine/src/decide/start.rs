//! `Start`: the first events of a run.

use std::sync::Arc;

use aob_bugs::{Bug, seeded};

use super::{Decider, Step, Stop, Work, reject};
use crate::command::{NoChange, RejectionCode, StartRun};
use crate::event::{CancelRequested, RunCancelled, RunCreated};
use crate::ids::{InstanceId, Scope, ScopeStep};

impl Decider<'_> {
    pub(super) fn start(&mut self, start: &StartRun) -> Step {
        if self.state.exists() {
            return Err(Stop::NoChange(NoChange::Repeated));
        }
        let limits = start.limits.unwrap_or(self.ir.limits);
        self.check_start(start, limits)?;
        let budget = match (start.budget, &start.parent) {
            // A child spends what it was given, and no more than its document allows.
            (Some(given), Some(_)) => given.tightest(self.ir.budget),
            (Some(asked), None) => asked.or(self.ir.budget),
            (None, _) => self.ir.budget,
        };
        let inputs = self.payload(&start.inputs);
        self.emit(RunCreated {
            run: start.run,
            workspace: start.workspace,
            digest: self.ir.digest,
            tag: start.tag.clone(),
            name: Arc::clone(&self.ir.name),
            inputs,
            parent: start.parent.clone(),
            depth: start.depth,
            labels: start.labels.clone(),
            priority: start.priority.unwrap_or_default(),
            fidelity: start.fidelity,
            limits,
            deadline: limits
                .run_timeout_ms
                .filter(|_| !seeded(Bug::DeadlineMissed))
                .map(|ms| self.now.plus_ms(ms)),
            cancel_grace_ms: start.cancel_grace_ms,
            children: start.children.clone(),
            agents: limits.max_agents,
            budget: Some(budget).filter(|budget| !budget.is_unbounded()),
            actor: self.request.actor.clone(),
        });
        if start.cancelled {
            let reason: Option<Arc<str>> = Some("the parent run was cancelled".into());
            let actor = self.request.actor.clone();
            self.emit(CancelRequested { actor, reason: reason.clone() });
            let spent = self.state.spent();
            self.emit(RunCancelled { reason, parent: start.parent.clone(), spent });
        } else {
            self.state.names.expect(self.ir.nodes.len() + self.ir.edges.len());
            self.gather_entries();
        }
        Ok(())
    }

    fn check_start(&self, start: &StartRun, limits: aob_ir::Limits) -> Step {
        if start.depth > limits.max_depth {
            return Err(reject(
                RejectionCode::LimitExceeded,
                format!("child runs nest deeper than `limits.max_depth` ({})", limits.max_depth),
                Some("raise the limit, or flatten the workflow"),
            ));
        }
        if self.ir.agents > limits.max_agents {
            let (has, may) = (self.ir.agents, limits.max_agents);
            return Err(reject(
                RejectionCode::LimitExceeded,
                format!("the workflow has {has} agent nodes and may have {may}"),
                Some("raise `limits.max_agents`, or remove agents"),
            ));
        }
        let Some(schema) = &self.ir.inputs_schema else { return Ok(()) };
        let problems = schema.validate(start.inputs.value());
        if problems.is_empty() {
            return Ok(());
        }
        let lines: Vec<String> = problems
            .iter()
            .map(|problem| format!("`/inputs{}`: {}", problem.pointer, problem.message))
            .collect();
        Err(reject(
            RejectionCode::InvalidInputs,
            lines.join("; "),
            Some("`aob workflow show` prints the schema of the inputs"),
        ))
    }

    /// Queues the nodes without incoming edges that have not started.
    pub(super) fn gather_entries(&mut self) {
        for &ix in &self.ir.entries {
            let id = self.entry_id(ix);
            let Some(key) = self.state.key(&id) else {
                self.work.push_back(Work::Entry(ix, id));
                continue;
            };
            // Of a loop around it that went round, the first iteration is forgotten.
            let went_round = key.scope.iter().enumerate().any(|(depth, &(node, _))| {
                let scope = key.scope.iter().take(depth).copied().collect();
                self.state.loops.contains(&crate::state::Key { scope, node })
            });
            if !went_round && !self.state.instances.contains(&key) {
                self.work.push_back(Work::Entry(ix, id));
            }
        }
    }

    /// The first instance of an entry node: iteration 1 of the loops around it.
    fn entry_id(&self, ix: aob_ir::NodeIx) -> InstanceId {
        let node = self.ir.node(ix);
        let steps = node.loops.iter().map(|&loop_ix| ScopeStep {
            node: Arc::clone(&self.ir.node(self.ir.loop_at(loop_ix).node).id),
            index: 1,
        });
        InstanceId { node: Arc::clone(&node.id), scope: Scope(steps.collect()) }
    }
}
