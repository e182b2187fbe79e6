//! Nodes that are decided here: results, filters, aggregates.

use std::collections::BTreeMap;

use aob_ir::{AggregateOp, Expr, NodeIr, NodeKind, Template};
use serde_json::{Map, Number, Value};

use super::edges::Ending;
use super::resolve::{Evaluated, Seen};
use super::{Decider, Step, Work};
use crate::event::{Failure, FailureOutcome, NodeCompleted, NodeSkipped, RawValueEq, SkipCause};
use crate::ids::{Actor, InstanceId, Timestamp};
use crate::value::Payload;

/// How an aggregate works.
#[derive(Debug, Clone, Copy)]
pub(super) struct Aggregation<'r> {
    pub(super) operation: AggregateOp,
    pub(super) field: Option<&'r str>,
    pub(super) by: Option<&'r str>,
}

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
        let ending = match node.kind {
            NodeKind::Hitl { .. } => Ending::Approved,
            _ => Ending::Success,
        };
        match self.decide_edges(node, id, ending, &output)? {
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
        let targets = super::edges::targets(id, &edges);
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
    pub(super) fn ended(&mut self, id: &InstanceId, targets: Vec<InstanceId>, more: bool) {
        self.work.extend(targets.into_iter().map(Work::Target));
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
        let (edges, more) = super::edges::split(decisions);
        self.bytes += super::edges::bytes(&edges);
        let targets = super::edges::targets(id, &edges);
        let instance = id.clone();
        self.emit(NodeSkipped { instance, cause, output, failure, by, edges, more });
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
            Ok(rendered) => match rendered.value {
                Value::Array(items) => Ok(items),
                other => {
                    let kind = kind_of(&other);
                    let text = format!("`items` must be a list and is {kind}");
                    Err(super::pump::failure("items_not_a_list", text))
                }
            },
            Err(failure) => Err(failure),
        })
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The value of `field` of each item, or the items themselves.
fn pick(field: Option<&str>, items: Vec<Value>) -> Result<Vec<Value>, String> {
    let Some(field) = field else { return Ok(items) };
    let mut picked = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        let found = field.split('.').try_fold(&item, |value, part| value.get(part));
        let found = found.ok_or_else(|| format!("item {index} has no field `{field}`"))?;
        picked.push(found.clone());
    }
    Ok(picked)
}

fn aggregate(rule: Aggregation<'_>, items: Vec<Value>) -> Result<Value, String> {
    if rule.operation == AggregateOp::Group {
        return group(rule, items);
    }
    let values = pick(rule.field, items)?;
    match rule.operation {
        AggregateOp::Count | AggregateOp::Group => Ok(Value::from(values.len())),
        AggregateOp::Sum => sum(&values).map(Value::Number),
        AggregateOp::Avg if values.is_empty() => Ok(Value::Null),
        AggregateOp::Avg => {
            let total: f64 = numbers(&values)?.iter().sum();
            Ok(float(total / values.len() as f64))
        }
        AggregateOp::Min => extreme(values, std::cmp::Ordering::Less),
        AggregateOp::Max => extreme(values, std::cmp::Ordering::Greater),
        AggregateOp::Concat => concat(values),
        AggregateOp::Merge => merge(values),
        AggregateOp::Union => {
            let mut seen = std::collections::BTreeSet::new();
            let mut distinct = Vec::new();
            let flat = values.into_iter().flat_map(|value| match value {
                Value::Array(items) => items,
                single => vec![single],
            });
            for value in flat {
                if seen.insert(value.to_string()) {
                    distinct.push(value);
                }
            }
            Ok(Value::Array(distinct))
        }
    }
}

fn float(number: f64) -> Value {
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}

fn numbers(values: &[Value]) -> Result<Vec<f64>, String> {
    let number = |(index, value): (usize, &Value)| {
        value.as_f64().ok_or_else(|| format!("item {index} is {}, not a number", kind_of(value)))
    };
    values.iter().enumerate().map(number).collect()
}

/// Whole numbers stay whole as long as they fit.
fn sum(values: &[Value]) -> Result<Number, String> {
    let whole: Option<i64> =
        values.iter().map(Value::as_i64).try_fold(0_i64, |total, n| total.checked_add(n?));
    if let Some(total) = whole {
        return Ok(total.into());
    }
    let total: f64 = numbers(values)?.iter().sum();
    Number::from_f64(total).ok_or_else(|| "the sum is not a finite number".to_owned())
}

fn extreme(values: Vec<Value>, wanted: std::cmp::Ordering) -> Result<Value, String> {
    let mut best: Option<Value> = None;
    for (index, value) in values.into_iter().enumerate() {
        let better = match (&best, &value) {
            (None, Value::Number(_) | Value::String(_)) => true,
            (Some(Value::Number(a)), Value::Number(b)) => {
                b.as_f64().partial_cmp(&a.as_f64()) == Some(wanted)
            }
            (Some(Value::String(a)), Value::String(b)) => b.cmp(a) == wanted,
            _ => return Err(format!("item {index} cannot be compared with the items before it")),
        };
        if better {
            best = Some(value);
        }
    }
    Ok(best.unwrap_or(Value::Null))
}

fn concat(values: Vec<Value>) -> Result<Value, String> {
    if !values.is_empty() && values.iter().all(Value::is_string) {
        return Ok(values.iter().filter_map(Value::as_str).collect::<String>().into());
    }
    let mut all = Vec::new();
    for (index, value) in values.into_iter().enumerate() {
        match value {
            Value::Array(items) => all.extend(items),
            other => return Err(format!("item {index} is {}, not a list", kind_of(&other))),
        }
    }
    Ok(Value::Array(all))
}

fn merge(values: Vec<Value>) -> Result<Value, String> {
    let mut merged = Map::new();
    for (index, value) in values.into_iter().enumerate() {
        match value {
            Value::Object(members) => merged.extend(members),
            other => return Err(format!("item {index} is {}, not an object", kind_of(&other))),
        }
    }
    Ok(Value::Object(merged))
}

fn group(rule: Aggregation<'_>, items: Vec<Value>) -> Result<Value, String> {
    let keys = pick(rule.by, items.clone())?;
    let values = pick(rule.field, items)?;
    let mut groups: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (key, value) in keys.into_iter().zip(values) {
        let key = match key {
            Value::String(text) => text,
            other => other.to_string(),
        };
        groups.entry(key).or_default().push(value);
    }
    Ok(Value::Object(groups.into_iter().map(|(key, list)| (key, Value::Array(list))).collect()))
}
