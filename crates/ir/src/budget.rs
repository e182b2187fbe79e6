//! Budgets: what may be spent on models, dimension by dimension.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Millionths of a US dollar in a dollar.
pub const MICROS_PER_USD: u64 = 1_000_000;

/// Caps on spending; `None`: that dimension is not bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Budget {
    /// Calls of models.
    #[serde(default)]
    pub calls: Option<u64>,
    /// Tokens read and written.
    #[serde(default)]
    pub tokens: Option<u64>,
    /// Money, in millionths of a US dollar.
    #[serde(default)]
    pub usd_micros: Option<u64>,
}

impl Budget {
    /// Whether nothing is bounded.
    pub fn is_unbounded(&self) -> bool {
        *self == Self::default()
    }

    /// The tighter of two caps in each dimension.
    #[must_use]
    pub fn tightest(self, other: Self) -> Self {
        let tighter = |one: Option<u64>, two: Option<u64>| match (one, two) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        Self {
            calls: tighter(self.calls, other.calls),
            tokens: tighter(self.tokens, other.tokens),
            usd_micros: tighter(self.usd_micros, other.usd_micros),
        }
    }

    /// These caps; where there is none, that of `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            calls: self.calls.or(other.calls),
            tokens: self.tokens.or(other.tokens),
            usd_micros: self.usd_micros.or(other.usd_micros),
        }
    }

    /// Whether this allows nothing in any dimension that `other` does not.
    pub fn is_within(&self, other: &Self) -> bool {
        self.tightest(*other) == *self
    }
}

/// Dollars as a document has them in whole millionths, to the nearest; what is no amount is none.
pub fn usd_micros(usd: f64) -> u64 {
    // A float that is too large, negative or not a number ends at a bound here.
    (usd * MICROS_PER_USD as f64).round() as u64
}

/// Millionths as people write money: `1.5 USD`.
pub fn usd_text(micros: u64) -> String {
    let (whole, rest) = (micros / MICROS_PER_USD, micros % MICROS_PER_USD);
    if rest == 0 {
        return format!("{whole} USD");
    }
    let rest = format!("{rest:06}");
    format!("{whole}.{} USD", rest.trim_end_matches('0'))
}

/// A number of things: `1 call`, `2 calls`.
pub fn counted(count: u64, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{plural}")
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            self.calls.map(|count| counted(count, "call")),
            self.tokens.map(|count| counted(count, "token")),
            self.usd_micros.map(usd_text),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if parts.is_empty() { f.write_str("no budget") } else { f.write_str(&parts.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_whole_millionths() {
        let cases = [
            (0.0, 0, "0 USD"),
            (1.0, 1_000_000, "1 USD"),
            (1.5, 1_500_000, "1.5 USD"),
            (0.1, 100_000, "0.1 USD"),
            (0.000_001, 1, "0.000001 USD"),
            (0.000_000_4, 0, "0 USD"),
            (19.99, 19_990_000, "19.99 USD"),
            (-1.0, 0, "0 USD"),
        ];
        for (usd, micros, text) in cases {
            assert_eq!((usd_micros(usd), usd_text(micros)), (micros, text.to_owned()), "{usd}");
        }
    }

    #[test]
    fn within_is_per_dimension_and_a_cap_is_less_than_none() {
        let budget = |calls, tokens| Budget { calls, tokens, usd_micros: None };
        let cases = [
            (budget(Some(1), None), budget(Some(1), None), true),
            (budget(Some(1), None), budget(Some(2), None), true),
            (budget(Some(3), None), budget(Some(2), None), false),
            (budget(None, None), budget(Some(2), None), false),
            (budget(Some(2), Some(9)), budget(Some(2), None), true),
            (budget(Some(2), None), budget(None, None), true),
            (budget(Some(1), Some(9)), budget(Some(2), Some(8)), false),
        ];
        for (one, other, expected) in cases {
            assert_eq!(one.is_within(&other), expected, "{one} within {other}");
        }
        assert_eq!(
            budget(Some(1), None).tightest(budget(Some(2), Some(3))).to_string(),
            "1 call, 3 tokens"
        );
    }
}
