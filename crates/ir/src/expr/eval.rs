//! Evaluation: slots are converted when they are first read.

use std::sync::{Arc, OnceLock};

use cel::Context;
use cel::common::types::{CelBool, CelInt};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use serde_json::Value;
use smallvec::SmallVec;

use super::functions::{self, Budget};
use super::rewrite::{Rewritten, Slot, Variable};
use super::value::{from_json, to_json};
use super::{Bindings, ExprError};
use crate::path::{self, Step};

/// Evaluates to JSON.
pub(super) fn eval(compiled: &Rewritten, bindings: &Bindings<'_>) -> Result<Value, ExprError> {
    evaluate(compiled, bindings, |value| to_json(value))
}

/// Evaluates to a boolean.
pub(super) fn eval_bool(compiled: &Rewritten, bindings: &Bindings<'_>) -> Result<bool, ExprError> {
    evaluate(compiled, bindings, |value| match value.downcast_ref::<CelBool>() {
        Some(boolean) => Ok(*boolean.inner()),
        None => {
            let name = value.get_type().name();
            Err(ExprError::new(format!("expected true or false, the result is of type {name}")))
        }
    })
}

fn evaluate<T>(
    compiled: &Rewritten,
    bindings: &Bindings<'_>,
    finish: impl FnOnce(&(dyn Val + '_)) -> Result<T, ExprError>,
) -> Result<T, ExprError> {
    let frame = Frame {
        compiled,
        bindings,
        cells: compiled.slots.iter().map(|_| OnceLock::new()).collect(),
        budget: Budget::new(),
        problem: OnceLock::new(),
    };
    let mut context = Context::with_env(Arc::clone(&functions::ENV));
    context.set_variable_resolver(&frame);
    let result = cel::Value::resolve_val(&compiled.tree, &context);
    if frame.budget.is_exhausted() {
        // Not what came out: `true || (too much)` is true, but only after too much.
        let error = ExprError::new("the expression needs too much work on this data");
        return Err(error.with_hint("walk shorter lists, or do it in a `transform` or a function"));
    }
    match result {
        Ok(value) => finish(value.as_ref()),
        Err(error) => Err(match frame.problem.get() {
            // The error of the evaluator is then only that the slot has no value.
            Some(problem) if matches!(error, cel::ExecutionError::UndeclaredReference(_)) => {
                problem.clone()
            }
            Some(_) | None => ExprError::new(functions::explain(error)),
        }),
    }
}

/// The value of a slot, from when it is first read; `None`: it has none.
type Cell<'a> = OnceLock<Option<Box<dyn Val + 'a>>>;

/// The variables of one evaluation.
struct Frame<'a> {
    compiled: &'a Rewritten,
    bindings: &'a Bindings<'a>,
    cells: SmallVec<[Cell<'a>; 2]>,
    budget: Budget,
    /// Why a slot has no value: the first one.
    problem: OnceLock<ExprError>,
}

impl VariableResolver for Frame<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let name = variable.strip_prefix('@')?;
        if variable == functions::BUDGET {
            return Some(CowVal::Borrowed(&self.budget));
        }
        if let Some(index) = variable.strip_prefix(functions::PATTERN) {
            let pattern = self.compiled.patterns.get(index.parse::<usize>().ok()?)?;
            return Some(CowVal::Borrowed(pattern));
        }
        let index: usize = name.parse().ok()?;
        let slot = self.compiled.slots.get(index)?;
        let value = self.cells.get(index)?.get_or_init(|| match self.load(slot) {
            Ok(value) => Some(value),
            Err(problem) => {
                // A later problem is no news: the first one ends the evaluation.
                let _ = self.problem.set(problem);
                None
            }
        });
        value.as_deref().map(CowVal::Borrowed)
    }
}

impl<'a> Frame<'a> {
    fn load(&self, slot: &Slot) -> Result<Box<dyn Val + 'a>, ExprError> {
        let bindings = self.bindings;
        let (value, root) = match &slot.variable {
            Variable::Output => (bindings.output, "output"),
            Variable::Input => (bindings.input, "input"),
            Variable::Inputs => (bindings.inputs, "inputs"),
            Variable::Run => (bindings.run, "run"),
            Variable::Item => (bindings.item, "item"),
            Variable::Index => return index(bindings, slot),
            Variable::Node(id) => return node(bindings, id, slot),
        };
        let value = value.ok_or_else(|| unavailable(root))?;
        follow(value, slot, root)
    }
}

fn index<'a>(bindings: &Bindings<'_>, slot: &Slot) -> Result<Box<dyn Val + 'a>, ExprError> {
    if !slot.steps.is_empty() {
        return Err(ExprError::new("`index` is a number and has no parts"));
    }
    let index = bindings.index.ok_or_else(|| unavailable("index"))?;
    Ok(Box::new(CelInt::from(i64::try_from(index).unwrap_or(i64::MAX))))
}

fn node<'a>(
    bindings: &Bindings<'a>,
    id: &str,
    slot: &Slot,
) -> Result<Box<dyn Val + 'a>, ExprError> {
    let value = bindings.ctx.iter().find(|(known, _)| known.as_ref() == id).map(|(_, value)| value);
    if slot.test && slot.steps.is_empty() {
        return Ok(Box::new(CelBool::from(value.is_some())));
    }
    match value {
        Some(value) => follow(value, slot, &format!("ctx.{id}")),
        None => Err(ExprError::new(format!(
            "node `{id}` has no output here: it was skipped, failed, or did not run"
        ))
        .with_hint(format!("`has(ctx.{id})` tells whether there is one"))),
    }
}

fn unavailable(variable: &str) -> ExprError {
    ExprError::new(format!("`{variable}` is not available here"))
}

fn follow<'a>(value: &'a Value, slot: &Slot, root: &str) -> Result<Box<dyn Val + 'a>, ExprError> {
    let (steps, tested) = match slot.steps.split_last() {
        Some((last, before)) if slot.test => (before, Some(last)),
        _ => (slot.steps.as_slice(), None),
    };
    let value = path::walk(value, steps, root).map_err(|missing| {
        ExprError::new(missing).with_hint("`has(...)` tells whether a key is there")
    })?;
    match (tested, value) {
        (None, value) => from_json(value),
        (Some(Step::Key(key)), Value::Object(map)) => {
            Ok(Box::new(CelBool::from(map.contains_key(key.as_ref()))))
        }
        (Some(step), value) => Err(ExprError::new(step.dead_end(value, root))),
    }
}
