//! JSON to CEL values and back.

use cel::common::types::{
    CelBool, CelDouble, CelDuration, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString,
    CelTimestamp, CelUInt,
};
use cel::common::value::Val;
use serde_json::{Number, Value};

use super::{ExprError, MAX_LIST_ITEMS};

/// Integers beyond this are not exact as JSON numbers everywhere.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// Converts JSON; texts are borrowed.
pub(super) fn from_json<'v>(value: &'v Value) -> Result<Box<dyn Val + 'v>, ExprError> {
    Ok(match value {
        Value::Null => Box::new(CelNull),
        Value::Bool(b) => Box::new(CelBool::from(*b)),
        Value::Number(number) => from_number(number),
        Value::String(text) => Box::new(CelString::from(text.as_str())),
        Value::Array(items) => {
            check_length(items.len())?;
            let items = items.iter().map(from_json).collect::<Result<Vec<_>, _>>()?;
            Box::new(CelList::from(items))
        }
        Value::Object(map) => Box::new(from_object(map)?),
    })
}

/// Refuses lists that are too long to be walked.
pub(super) fn check_length(length: usize) -> Result<(), ExprError> {
    if length <= MAX_LIST_ITEMS {
        return Ok(());
    }
    Err(ExprError::new(format!(
        "a list of {length} items is too long for an expression, which takes {MAX_LIST_ITEMS}"
    )))
}

#[expect(clippy::disallowed_types, reason = "the map type of CEL; `@iter` hides its order")]
fn from_object<'v>(map: &'v serde_json::Map<String, Value>) -> Result<CelMap<'v>, ExprError> {
    let entries = map
        .iter()
        .map(|(key, value)| {
            Ok((CelMapKey::String(CelString::from(key.as_str())), from_json(value)?))
        })
        .collect::<Result<std::collections::HashMap<_, _>, ExprError>>()?;
    Ok(CelMap::from(entries))
}

fn from_number<'v>(number: &Number) -> Box<dyn Val + 'v> {
    if let Some(int) = number.as_i64()
        && (int as f64).abs() <= MAX_EXACT
    {
        return Box::new(CelInt::from(int));
    }
    let double = number.as_f64().unwrap_or(f64::NAN);
    match exact_int(double) {
        Some(int) => Box::new(CelInt::from(int)),
        None => Box::new(CelDouble::from(double)),
    }
}

fn exact_int(double: f64) -> Option<i64> {
    (double.fract() == 0.0 && double.abs() <= MAX_EXACT).then_some(double as i64)
}

/// Converts a result to JSON.
pub(super) fn to_json(value: &(dyn Val + '_)) -> Result<Value, ExprError> {
    if let Some(text) = value.downcast_ref::<CelString<'_>>() {
        return Ok(Value::String(text.inner().to_owned()));
    }
    if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        return list.inner().iter().map(|item| to_json(item.as_ref())).collect();
    }
    if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
        return object_to_json(map);
    }
    if let Some(int) = value.downcast_ref::<CelInt>() {
        return Ok(Value::from(*int.inner()));
    }
    if let Some(uint) = value.downcast_ref::<CelUInt>() {
        return Ok(Value::from(*uint.inner()));
    }
    if let Some(double) = value.downcast_ref::<CelDouble>() {
        return double_to_json(*double.inner());
    }
    if let Some(boolean) = value.downcast_ref::<CelBool>() {
        return Ok(Value::Bool(*boolean.inner()));
    }
    if value.downcast_ref::<CelNull>().is_some() {
        return Ok(Value::Null);
    }
    if let Some(time) = value.downcast_ref::<CelTimestamp>() {
        return Ok(Value::String(time.inner().to_rfc3339()));
    }
    if let Some(duration) = value.downcast_ref::<CelDuration>() {
        return Ok(Value::String(seconds(duration.inner().num_milliseconds())));
    }
    let name = value.get_type().name();
    Err(ExprError::new(format!("the result is of type {name}, which is not JSON")))
}

fn object_to_json(map: &CelMap<'_>) -> Result<Value, ExprError> {
    // Through an ordered map: the order of the CEL map is random.
    let mut entries = std::collections::BTreeMap::new();
    for (key, value) in map.inner() {
        entries.insert(key_to_text(key), to_json(value.as_ref())?);
    }
    Ok(Value::Object(entries.into_iter().collect()))
}

/// The key of a JSON object for a key of a CEL map.
pub(super) fn key_to_text(key: &CelMapKey<'_>) -> String {
    match key {
        CelMapKey::Bool(b) => b.inner().to_string(),
        CelMapKey::Int(i) => i.inner().to_string(),
        CelMapKey::UInt(u) => u.inner().to_string(),
        CelMapKey::String(s) => s.inner().to_owned(),
    }
}

fn double_to_json(double: f64) -> Result<Value, ExprError> {
    if let Some(int) = exact_int(double) {
        return Ok(Value::from(int));
    }
    Number::from_f64(double).map(Value::Number).ok_or_else(|| {
        ExprError::new(format!("the result is {double}, which JSON has no number for"))
    })
}

/// Seconds with at most three decimals, as in protobuf's JSON.
fn seconds(milliseconds: i64) -> String {
    let sign = if milliseconds < 0 { "-" } else { "" };
    let (whole, rest) = (milliseconds.unsigned_abs() / 1000, milliseconds.unsigned_abs() % 1000);
    if rest == 0 { format!("{sign}{whole}s") } else { format!("{sign}{whole}.{rest:03}s") }
}

/// What a value weighs against the budget: one per scalar, and what its text is long.
pub(super) fn weight(value: &(dyn Val + '_)) -> u64 {
    const BYTES_PER_UNIT: usize = 16;
    if let Some(text) = value.downcast_ref::<CelString<'_>>() {
        return 1 + (text.inner().len() / BYTES_PER_UNIT) as u64;
    }
    if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        return list.inner().iter().fold(1, |sum, item| sum + weight(item.as_ref()));
    }
    if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
        return map.inner().values().fold(1, |sum, item| sum + 1 + weight(item.as_ref()));
    }
    if let Some(bytes) = value.downcast_ref::<cel::common::types::CelBytes<'_>>() {
        return 1 + (bytes.inner().len() / BYTES_PER_UNIT) as u64;
    }
    1
}
