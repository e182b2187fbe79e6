//! Nodes that are decided here: results, filters, aggregates.

use aob_bugs::{Bug, seeded};
use aob_ir::{Expr, NodeIr, Template};
use serde_json::Value;

use super::aggregate::{Aggregation, aggregate, list_of};
use super::edges::Ending;
use super::resolve::{Evaluated, Seen};
use super::{Decider, Step, Work};
use crate::event::{Failure, FailureOutcome, NodeCompleted, NodeSkipped, RawValueEq, SkipCause};
use crate::ids::{Actor, InstanceId, Timestamp};
use crate::value::Payload;

/// What a completion says besides its output.
#[derive(Debug, Clone, Default)]
pub(super) struct Extras {
    pub(super) started_at: Option<Timestamp>,
    pub(super) usage: Option<std::sync::Arc<RawValueEq>>,
    pub(super) signal: Option<std::sync::Arc<str>>,
    pub(super) by: Option<Actor>,
}

impl<'a> Decider<'a> {
    pub(super) fn complete_with(
        &mut self,
        node: &'a NodeIr,
        id: &InstanceId,
        value: Value,
    ) -> Step {
        let output = self.payload_of(value);
        self.complete(node, id, 0, output)
    }

    /// Completes an instance: its checks, its edges, and what they reach.
    pub(super) fn complete(
        &mut self,
        node: &'a NodeIr,
        id: &InstanceId,
        attempt: u32,
        output: Payload,
    ) -> Step {
        self.complete_extra(node, id, attempt, output, Extras::default())
    }

    pub(super) fn complete_extra(
        &mut self,
        node: &'a NodeIr,
        id: &InstanceId,
        attempt: u32,
        output: Payload,
        extras: Extras,
    ) -> Step {
        if let Some(failure) = self.check(&node.checks.post, id, &output, false)? {
            return self.fail_instance(node, id, attempt, FailureOutcome::Failed, failure);
        }
        match self.decide_edges(node, id, Ending::of_success(node), &output)? {
            Ok(decisions) => self.write_completed(node, id, attempt, output, extras, decisions),
            Err(failure) => self.fail_instance(node, id, attempt, FailureOutcome::Failed, failure),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one event")]
    pub(super) fn write_completed(
        &mut self,
        node: &'a NodeIr,
        id: &InstanceId,
        attempt: u32,
        output: Payload,
        extras: Extras,
        decisions: Vec<crate::event::EdgeDecision>,
    ) -> Step {
        let (edges, more) = super::edges::split(decisions);
        self.bytes += super::edges::bytes(&edges);
        let targets = self.targets(node, id, &edges);
        let undo_input = self.undo_input(node, id);
        let Extras { started_at, usage, signal, by } = extras;
        self.emit(NodeCompleted {
            instance: id.clone(),
            attempt,
            output,
            started_at,
            usage,
            signal,
            by,
            undo_input,
            edges,
            more,
        });
        self.ended(id, targets, more);
        Ok(())
    }

    /// Queues what the end of an instance may have set going.
    pub(super) fn ended(&mut self, id: &InstanceId, targets: Vec<Work>, more: bool) {
        self.work.extend(targets);
        if more {
            self.work.push_back(Work::Route(id.clone()));
        }
        if let Some((map, _)) = self.map_of(id) {
            self.work.push_back(Work::Map(map));
        }
    }

    /// Passes over an instance.
    pub(super) fn skip(
        &mut self,
        node: &'a NodeIr,
        id: &InstanceId,
        cause: SkipCause,
        output: Option<Payload>,
        failure: Option<Failure>,
    ) -> Step {
        let by = (cause == SkipCause::ByHand).then(|| self.request.actor.clone());
        let decisions = match &output {
            None => self.decide_nowhere(node, id)?,
            Some(output) => match self.decide_edges(node, id, Ending::Success, output)? {
                Ok(decisions) => decisions,
                // A guard that cannot be evaluated over what flows here does not hold.
                Err(_) => self.decide_nowhere(node, id)?,
            },
        };
        let stops = seeded(Bug::DeadPathStops) && cause == SkipCause::DeadPath;
        let decisions = if stops { Vec::new() } else { decisions };
        let (edges, more) = super::edges::split(decisions);
        self.bytes += super::edges::bytes(&edges);
        let targets = self.targets(node, id, &edges);
        let attempt = self.state.instance(id).map_or(0, |instance| instance.attempt);
        let instance = id.clone();
        self.emit(NodeSkipped { instance, attempt, cause, output, failure, by, edges, more });
        self.ended(id, targets, more);
        Ok(())
    }

    pub(super) fn decide_nowhere(
        &self,
        node: &'a NodeIr,
        id: &InstanceId,
    ) -> Step<Vec<crate::event::EdgeDecision>> {
        let null = Payload::new(&crate::value::Blob::of(Value::Null));
        Ok(self.decide_edges(node, id, Ending::Nowhere, &null)?.unwrap_or_default())
    }

    pub(super) fn open_filter(
        &mut self,
        node: &'a NodeIr,
        id: &InstanceId,
        items: &Template,
        expression: &Expr,
        input: &Payload,
    ) -> Step<Evaluated<()>> {
        let items = match self.render_list(items, id, input)? {
            Ok(items) => items,
            Err(failure) => return Ok(Err(failure)),
        };
        let mut kept = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            let seen = Seen {
                item: Some(&item),
                index: Some(index as u64),
                input: Some(input),
                output: None,
            };
            match self.holds(expression, id, seen)? {
                Ok(true) => kept.push(item),
                Ok(false) => {}
                Err(mut failure) => {
                    failure.message = format!("item {index}: {}", failure.message).into();
                    return Ok(Err(failure));
                }
            }
        }
        self.complete_with(node, id, Value::Array(kept))?;
        Ok(Ok(()))
    }

    pub(super) fn open_aggregate(
        &mut self,
        node: &'a NodeIr,
        id: &InstanceId,
        items: &Template,
        rule: Aggregation<'_>,
        input: &Payload,
    ) -> Step<Evaluated<()>> {
        let items = match self.render_list(items, id, input)? {
            Ok(items) => items,
            Err(failure) => return Ok(Err(failure)),
        };
        match aggregate(rule, items) {
            Ok(value) => self.complete_with(node, id, value)?,
            Err(text) => return Ok(Err(super::pump::failure("aggregate_error", text))),
        }
        Ok(Ok(()))
    }

    /// Renders a template that must give a list.
    pub(super) fn render_list(
        &self,
        template: &Template,
        id: &InstanceId,
        input: &Payload,
    ) -> Step<Evaluated<Vec<Value>>> {
        Ok(match self.render(template, id, input)? {
            Ok(rendered) => list_of(rendered.value).map_err(|kind| {
                let text = format!("`items` must be a list and is {kind}");
                super::pump::failure("items_not_a_list", text)
            }),
            Err(failure) => Err(failure),
        })
    }
}
