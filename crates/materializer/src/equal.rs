//! Equality of JSON values as RFC 6902 has it.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// Whether two values are equal: numbers by their value, however written; texts by their code
/// points; objects whatever the order of their keys.
pub fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => equal_numbers(a, b),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
        }
        (a, b) => a == b,
    }
}

fn equal_numbers(a: &Number, b: &Number) -> bool {
    match (integer(a), integer(b)) {
        (Some(a), Some(b)) => a == b,
        (None, None) => a.as_f64() == b.as_f64(),
        (Some(integer), None) => b.as_f64().is_some_and(|double| equals_integer(double, integer)),
        (None, Some(integer)) => a.as_f64().is_some_and(|double| equals_integer(double, integer)),
    }
}

fn integer(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

/// Exactly, without rounding the integer.
fn equals_integer(double: f64, integer: i128) -> bool {
    // Beyond the range of `i128` the cast stays at its end, which no JSON integer has.
    double.fract() == 0.0 && (double as i128).cmp(&integer) == Ordering::Equal
}
