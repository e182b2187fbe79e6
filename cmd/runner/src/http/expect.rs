//! Which statuses are a success.

use http::StatusCode;
use serde_json::Value;

/// Ranges of statuses, both ends included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expect(Vec<(u16, u16)>);

impl Default for Expect {
    fn default() -> Self {
        Self(vec![(200, 299)])
    }
}

impl Expect {
    /// Reads `200`, `"2xx"`, `"200-204"`, or a list of these.
    pub(crate) fn read(value: &Value) -> Result<Self, String> {
        let ranges = match value {
            Value::Null => return Ok(Self::default()),
            Value::Array(items) => items.iter().map(range).collect::<Result<_, _>>()?,
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                vec![range(value)?]
            }
        };
        Ok(Self(ranges))
    }

    pub(crate) fn accepts(&self, status: StatusCode) -> bool {
        let status = status.as_u16();
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&status))
    }
}

fn range(value: &Value) -> Result<(u16, u16), String> {
    let known = match value {
        Value::Number(number) => number.as_u64().map(|n| (n, n)),
        Value::String(text) => text_range(text.trim()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    known
        .filter(|(first, last)| (100..=599).contains(first) && (*first..=599).contains(last))
        .and_then(|(first, last)| Some((u16::try_from(first).ok()?, u16::try_from(last).ok()?)))
        .ok_or_else(|| format!("`expect` holds {value}; write 200, \"2xx\" or \"200-204\""))
}

fn text_range(text: &str) -> Option<(u64, u64)> {
    if let Some(class) = text.strip_suffix("xx").or_else(|| text.strip_suffix("XX")) {
        let class = class.parse::<u64>().ok().filter(|class| *class < 10)?;
        return Some((class * 100, class * 100 + 99));
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some((first.trim().parse().ok()?, last.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_spelling_is_read() {
        for (value, yes, no) in [
            (json!(null), &[200, 204, 299][..], &[199, 300, 404][..]),
            (json!(404), &[404], &[200, 405]),
            (json!("2xx"), &[200, 299], &[300]),
            (json!("404"), &[404], &[403]),
            (json!("200-204"), &[200, 202, 204], &[199, 205]),
            (json!([200, "4xx", "301 - 303"]), &[200, 404, 499, 302], &[201, 304, 500]),
            (json!([]), &[], &[200]),
        ] {
            let expect = Expect::read(&value).unwrap();
            let accepts = |status: &u16| expect.accepts(StatusCode::from_u16(*status).unwrap());
            assert!(yes.iter().all(accepts), "{value}");
            assert!(!no.iter().any(accepts), "{value}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for value in [
            json!(99),
            json!(600),
            json!(-1),
            json!(200.5),
            json!("7xx"),
            json!("xx"),
            json!("20x"),
            json!("300-200"),
            json!(""),
            json!(true),
            json!({}),
            json!([[200]]),
        ] {
            assert!(Expect::read(&value).is_err(), "{value}");
        }
    }
}
