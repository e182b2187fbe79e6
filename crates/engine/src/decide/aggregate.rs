//! `aggregate`: one value out of many.

use std::collections::BTreeMap;

use aob_ir::AggregateOp;
use serde_json::{Map, Number, Value};

/// How an aggregate works.
#[derive(Debug, Clone, Copy)]
pub(super) struct Aggregation<'r> {
    pub(super) operation: AggregateOp,
    pub(super) field: Option<&'r str>,
    pub(super) by: Option<&'r str>,
}

/// The items of a list; of anything else, what it is.
pub(super) fn list_of(value: Value) -> Result<Vec<Value>, &'static str> {
    let kind = kind_of(&value);
    if let Value::Array(items) = value { Ok(items) } else { Err(kind) }
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

pub(super) fn aggregate(rule: Aggregation<'_>, items: Vec<Value>) -> Result<Value, String> {
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
            let flat = values.into_iter().flat_map(|value| {
                if let Value::Array(items) = value { items } else { vec![value] }
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
        let better = better(best.as_ref(), &value, wanted)
            .ok_or_else(|| format!("item {index} cannot be compared with the items before it"))?;
        if better {
            best = Some(value);
        }
    }
    Ok(best.unwrap_or(Value::Null))
}

/// Whether `value` beats `best`; `None` where the two cannot be compared.
fn better(best: Option<&Value>, value: &Value, wanted: std::cmp::Ordering) -> Option<bool> {
    let Some(best) = best else { return (value.is_number() || value.is_string()).then_some(true) };
    if let (Some(a), Some(b)) = (best.as_f64(), value.as_f64()) {
        return Some(b.partial_cmp(&a) == Some(wanted));
    }
    let (a, b) = (best.as_str()?, value.as_str()?);
    Some(b.cmp(a) == wanted)
}

fn concat(values: Vec<Value>) -> Result<Value, String> {
    if !values.is_empty() && values.iter().all(Value::is_string) {
        return Ok(values.iter().filter_map(Value::as_str).collect::<String>().into());
    }
    let mut all = Vec::new();
    for (index, value) in values.into_iter().enumerate() {
        let items = list_of(value).map_err(|kind| format!("item {index} is {kind}, not a list"))?;
        all.extend(items);
    }
    Ok(Value::Array(all))
}

fn merge(values: Vec<Value>) -> Result<Value, String> {
    let mut merged = Map::new();
    for (index, value) in values.into_iter().enumerate() {
        let kind = kind_of(&value);
        let Value::Object(members) = value else {
            return Err(format!("item {index} is {kind}, not an object"));
        };
        merged.extend(members);
    }
    Ok(Value::Object(merged))
}

fn group(rule: Aggregation<'_>, items: Vec<Value>) -> Result<Value, String> {
    let keys = pick(rule.by, items.clone())?;
    let values = pick(rule.field, items)?;
    let mut groups: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (key, value) in keys.into_iter().zip(values) {
        let key = if let Value::String(text) = key { text } else { key.to_string() };
        groups.entry(key).or_default().push(value);
    }
    Ok(Value::Object(groups.into_iter().map(|(key, list)| (key, Value::Array(list))).collect()))
}
