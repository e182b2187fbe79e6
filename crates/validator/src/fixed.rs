//! History is fixed: what a run has done is not rewritten.
//!
//! * A node that has started or was skipped, a map whose items are known and a loop that was
//!   entered (with everything in its body) stay as they are: their specs, with what the document's
//!   `defaults` give them; their incoming edges; the loops around them. They are not removed.
//! * *Except for the operator's repair*: a person may change `config`, `retry` and `timeout_ms` of
//!   a node whose started instances are all parked, failed or retrying.
//! * No new edge leads into such a node. An edge that was decided keeps its spec; where its target
//!   has not started it may be removed, but its id is not used again.
//! * `limits`, `inputs` and `policies.patches` of a run are those that it was created with.

use std::collections::BTreeSet;
use std::sync::Arc;

use aob_ir::{Ir, JoinIr, LoopIx, NodeIr, NodeIx, NodeKind};
use serde_json::Value;

use crate::graph_diff::{EdgeChange, changed_keys, edges, specs};
use crate::{Author, Code, History, NodeHistory, Problem};

/// Keys that a repair may change.
const REPAIRABLE: [&str; 3] = ["config", "retry", "timeout_ms"];

/// What the history says to a change.
#[derive(Debug, Default)]
pub(crate) struct Fixed {
    pub(crate) problems: Vec<Problem>,
    /// Nodes that are repaired.
    pub(crate) repaired: BTreeSet<Arc<str>>,
}

/// Judges the change from `base` to `result`, each given compiled and as JSON.
pub(crate) fn check(
    history: &dyn History,
    author: &Author,
    base: (&Ir, &Value),
    result: (&Ir, &Value),
) -> Fixed {
    let mut judge = Judge { history, author, base, result, found: Fixed::default() };
    if history.is_run() {
        judge.sections();
        judge.nodes();
        judge.edges();
        judge.bodies();
    }
    judge.found
}

struct Judge<'a> {
    history: &'a dyn History,
    author: &'a Author,
    base: (&'a Ir, &'a Value),
    result: (&'a Ir, &'a Value),
    found: Fixed,
}

impl Judge<'_> {
    fn sections(&mut self) {
        for key in ["limits", "inputs"] {
            if self.base.1.get(key) != self.result.1.get(key) {
                let message = format!("the `{key}` of a run are those that it was created with");
                let problem = Problem::error(Code::LimitsFixed, format!("/{key}"), message)
                    .with_hint("patch the workflow, and start a run of the new version");
                self.found.problems.push(problem);
            }
        }
        // Whoever could change it in a run could approve their own patch in the next step.
        let policy = "/policies/patches";
        if self.base.1.pointer(policy) != self.result.1.pointer(policy) {
            let message = "how patches of a run are approved is as it was created with";
            let problem = Problem::error(Code::LimitsFixed, policy, message)
                .with_hint("patch the workflow, and start a run of the new version");
            self.found.problems.push(problem);
        }
    }

    /// What became of a node: bodies of loops that were entered count as expanded.
    fn state(&self, node: NodeIx) -> NodeHistory {
        let ir = self.base.0;
        let own = self.history.node(&ir.node(node).id);
        if own.is_fixed() {
            return own;
        }
        let entered = |ix: &LoopIx| self.history.node(&ir.node(ir.loop_at(*ix).head).id).is_fixed();
        match ir.node(node).loops.iter().any(entered) {
            true => NodeHistory::Expanded,
            false => NodeHistory::Untouched,
        }
    }

    fn nodes(&mut self) {
        let before = specs(self.base);
        let after = specs(self.result);
        for (ix, node) in self.base.0.nodes.iter().enumerate() {
            let state = self.state(ix as NodeIx);
            if !state.is_fixed() {
                continue;
            }
            let Some(new_ix) = self.result.0.node_ix(&node.id) else {
                self.refuse(node, state, "it cannot be removed");
                continue;
            };
            let new = self.result.0.node(new_ix);
            let mut keys = changed_keys(before[&node.id], after[&node.id]);
            keys.extend(effective(node, new).into_iter().map(str::to_owned));
            keys.sort_unstable();
            keys.dedup();
            let may_repair = matches!(state, NodeHistory::Started { repairable: true })
                && *self.author == Author::Person
                && keys.iter().all(|key| REPAIRABLE.contains(&key.as_str()));
            if !keys.is_empty() && may_repair {
                self.found.repaired.insert(Arc::clone(&node.id));
            } else if !keys.is_empty() {
                let keys = keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>();
                self.refuse(node, state, &format!("its {} cannot change", keys.join(", ")));
            }
            if loops_around(self.base.0, node) != loops_around(self.result.0, new) {
                self.refuse(node, state, "no loop can be put around it or taken away");
            }
        }
        for node in &self.result.0.nodes {
            let is_new = self.base.0.node_ix(&node.id).is_none();
            if is_new && self.history.node(&node.id).is_fixed() {
                let message = format!("the run had a node `{}` already", node.id);
                let pointer = format!("/nodes/{}", node.id);
                let problem = Problem::error(Code::HistoryFixed, pointer, message);
                self.found.problems.push(problem.with_hint("give the new node another id"));
            }
        }
    }

    fn refuse(&mut self, node: &NodeIr, state: NodeHistory, what: &str) {
        let id = &node.id;
        let was = match state {
            NodeHistory::Untouched | NodeHistory::Started { .. } => "has started",
            NodeHistory::Skipped => "was skipped",
            NodeHistory::Expanded => "is part of something that was entered",
        };
        let message = format!("`{id}` {was}: {what}");
        let hint = match state {
            NodeHistory::Started { repairable: true } => {
                "a person may change `config`, `retry` and `timeout_ms`, and nothing else; or add a node after it"
            }
            NodeHistory::Untouched
            | NodeHistory::Started { repairable: false }
            | NodeHistory::Skipped
            | NodeHistory::Expanded => "add a node after it, or fork the run from before it",
        };
        let example = format!(
            r#"[{{"op": "add", "path": "/nodes/after_{id}", "value": {{"id": "after_{id}", "type": "transform", "config": {{"template": "$nodes.{id}"}}}}}}, {{"op": "add", "path": "/edges/-", "value": {{"from": "{id}", "to": "after_{id}"}}}}]"#
        );
        let problem = Problem::error(Code::HistoryFixed, format!("/nodes/{id}"), message);
        self.found.problems.push(problem.with_hint(hint).with_example(example));
    }

    fn edges(&mut self) {
        let before = edges(self.base.0);
        let after = edges(self.result.0);
        for edge in after.values() {
            let was = before.get(&edge.id);
            if was == Some(edge) {
                continue;
            }
            if let Some(to) = self.base.0.node_ix(&edge.to).filter(|to| self.state(*to).is_fixed())
            {
                self.leads_into_started(edge, to);
            } else if self.history.is_edge_decided(&edge.id) {
                self.decided(edge, was.is_some());
            }
        }
        for edge in before.values().filter(|edge| !after.contains_key(&edge.id)) {
            let to = self.base.0.node_ix(&edge.to).filter(|to| self.state(*to).is_fixed());
            // Where the target is gone too, that is what is reported.
            if to.is_some() && self.result.0.node_ix(&edge.to).is_some() {
                let message = format!(
                    "`{}` leads into `{}`, which has started: it cannot be removed",
                    edge.id, edge.to
                );
                let pointer = format!("/edges/{}", edge.id);
                self.found.problems.push(Problem::error(Code::HistoryFixed, pointer, message));
            }
        }
    }

    fn leads_into_started(&mut self, edge: &EdgeChange, to: NodeIx) {
        let (id, target) = (&edge.id, &edge.to);
        let message = format!("`{id}` would lead into `{target}`, which has started already");
        let pointer = format!("/edges/{id}");
        let untouched = self.base.0.node(to).outgoing.iter().find_map(|edge| {
            let next = self.base.0.edge(*edge).to;
            (!self.state(next).is_fixed()).then(|| &self.base.0.node(next).id)
        });
        let hint = match untouched {
            Some(next) => format!("lead to a node that has not started, such as `{next}`"),
            None => "lead to a node that has not started".to_owned(),
        };
        let next = untouched.map_or("a_new_node", |next| next);
        let example = format!(r#"{{"from": "{}", "to": "{next}"}}"#, edge.from);
        let problem = Problem::error(Code::EdgeIntoStarted, pointer, message);
        self.found.problems.push(problem.with_hint(hint).with_example(example));
    }

    fn decided(&mut self, edge: &EdgeChange, is_changed: bool) {
        let id = &edge.id;
        let what = if is_changed { "it cannot change" } else { "its id cannot be used again" };
        let message = format!("the edge `{id}` was decided already: {what}");
        let problem = Problem::error(Code::EdgeDecided, format!("/edges/{id}"), message)
            .with_hint("remove it and add an edge with another `id`")
            .with_example(format!(
                r#"{{"id": "{}-again", "from": "{}", "to": "{}"}}"#,
                edge.from, edge.from, edge.to
            ));
        self.found.problems.push(problem);
    }

    /// The body of a loop that was entered keeps its nodes and its ways out.
    fn bodies(&mut self) {
        let (base, result) = (self.base.0, self.result.0);
        for entered in &base.loops {
            if !self.state(entered.node).is_fixed() {
                continue;
            }
            let id = &base.node(entered.node).id;
            let same = result.loops.iter().find(|other| result.node(other.node).id == *id);
            let Some(same) = same else { continue }; // That the node changed is reported.
            let shape = |ir: &Ir, body: &[NodeIx], routes: &[u32]| {
                let nodes = body.iter().map(|ix| Arc::clone(&ir.node(*ix).id));
                let routes = routes.iter().map(|ix| Arc::clone(&ir.edge(*ix).id));
                nodes.chain(routes).collect::<BTreeSet<_>>()
            };
            let before = shape(base, &entered.body, &entered.routes);
            let after = shape(result, &same.body, &same.routes);
            if let Some(other) = before.symmetric_difference(&after).next() {
                let message =
                    format!("the loop `{id}` was entered: `{other}` cannot join or leave its body");
                let pointer = format!("/nodes/{id}");
                let problem = Problem::error(Code::HistoryFixed, pointer, message);
                let hint = format!("add what comes after the loop behind `{id}`");
                self.found.problems.push(problem.with_hint(hint));
            }
        }
    }
}

/// Ids of the loop nodes around a node.
fn loops_around(ir: &Ir, node: &NodeIr) -> Vec<Arc<str>> {
    node.loops.iter().map(|ix| Arc::clone(&ir.node(ir.loop_at(*ix).node).id)).collect()
}

/// Keys whose meaning differs, wherever it comes from: `defaults` reach into nodes.
fn effective(was: &NodeIr, is: &NodeIr) -> Vec<&'static str> {
    let mut keys = Vec::new();
    let mut differs = |key: &'static str, same: bool| {
        if !same {
            keys.push(key);
        }
    };
    differs("timeout_ms", was.timeout_ms == is.timeout_ms);
    differs("queue_timeout_ms", was.queue_timeout_ms == is.queue_timeout_ms);
    differs("idle_timeout_ms", was.idle_timeout_ms == is.idle_timeout_ms);
    differs("retry", was.retry == is.retry);
    differs("effect", was.effect == is.effect);
    differs("on_error", was.on_error == is.on_error);
    differs("priority", was.priority == is.priority);
    differs("pool", was.pool == is.pool);
    let cut = |join: &JoinIr| (join.mode, join.cancel_losers, join.tolerate);
    differs("join", cut(&was.join) == cut(&is.join));
    let body = match (&was.kind, &is.kind) {
        (NodeKind::Map(was), NodeKind::Map(is)) => effective(&was.body, &is.body),
        _ => Vec::new(),
    };
    differs("config", body.is_empty());
    let undo = match (&was.compensate, &is.compensate) {
        (Some(was), Some(is)) => effective(was, is).is_empty(),
        _ => true, // The specs differ.
    };
    differs("compensate", undo);
    let on_unknown = match (&was.kind, &is.kind) {
        (NodeKind::Unknown(was), NodeKind::Unknown(is)) => was == is,
        _ => true,
    };
    differs("on_unknown", on_unknown);
    keys
}
