//! Budgets: what a run and its nodes may spend on models.

use aob_engine::{Amounts, BudgetOf, TicketId};
use aob_ir::{Budget, MICROS_PER_USD, usd_micros};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ProblemItem;

/// Calls that a budget may have at most.
const CALLS_MAX: u64 = 1_000_000_000;
/// Tokens that a budget may have at most.
const TOKENS_MAX: u64 = 1_000_000_000_000;
/// US dollars that a budget may have at most.
const USD_MAX: f64 = 1e9;

/// Caps on spending; what is absent is not bounded.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"calls": 100, "tokens": 200_000, "usd": 1.5}))]
pub struct BudgetSpec {
    /// Calls of models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<u64>,
    /// Tokens read and written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// US dollars; counted in millionths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd: Option<f64>,
}

impl BudgetSpec {
    /// What is out of range, with places below `pointer`.
    pub fn problems(&self, pointer: &str) -> Vec<ProblemItem> {
        let Self { calls, tokens, usd } = *self;
        let usd = usd.is_some_and(|usd| !(0.0..=USD_MAX).contains(&usd));
        let bad = [
            ("calls", calls.is_some_and(|calls| calls > CALLS_MAX), CALLS_MAX.to_string()),
            ("tokens", tokens.is_some_and(|tokens| tokens > TOKENS_MAX), TOKENS_MAX.to_string()),
            ("usd", usd, USD_MAX.to_string()),
        ];
        let bad = bad.into_iter().filter(|(_, is_bad, _)| *is_bad);
        bad.map(|(key, _, max)| {
            let message = format!("`{key}` is 0 to {max}");
            ProblemItem::at(format!("{pointer}/{key}"), "out_of_range", message)
        })
        .collect()
    }

    /// As the engine has caps.
    pub fn caps(&self) -> Budget {
        let usd_micros = self.usd.map(usd_micros);
        Budget { calls: self.calls, tokens: self.tokens, usd_micros }
    }
}

impl From<Budget> for BudgetSpec {
    fn from(budget: Budget) -> Self {
        let Budget { calls, tokens, usd_micros } = budget;
        Self { calls, tokens, usd: usd_micros.map(dollars) }
    }
}

/// Something spent, or set aside.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"calls": 1, "tokens": 5210, "usd": 0.0174}))]
pub struct SpendView {
    /// Calls of models.
    #[serde(default)]
    pub calls: u64,
    /// Tokens read and written.
    #[serde(default)]
    pub tokens: u64,
    /// US dollars; counted in millionths.
    #[serde(default)]
    pub usd: f64,
}

impl SpendView {
    /// What is out of range, with places below `pointer`.
    pub fn problems(&self, pointer: &str) -> Vec<ProblemItem> {
        let Self { calls, tokens, usd } = *self;
        let spec = BudgetSpec { calls: Some(calls), tokens: Some(tokens), usd: Some(usd) };
        spec.problems(pointer)
    }
}

impl From<Amounts> for SpendView {
    fn from(amounts: Amounts) -> Self {
        let Amounts { calls, tokens, usd_micros } = amounts;
        Self { calls, tokens, usd: dollars(usd_micros) }
    }
}

impl From<SpendView> for Amounts {
    fn from(amounts: SpendView) -> Self {
        let SpendView { calls, tokens, usd } = amounts;
        Self { calls, tokens, usd_micros: usd_micros(usd) }
    }
}

/// Exact for every amount that a budget may have.
fn dollars(micros: u64) -> f64 {
    micros as f64 / MICROS_PER_USD as f64
}

/// `POST /v1/runs/{id}/budget`: by how much a budget is raised.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"node": "research", "usd": 5}))]
pub struct RaiseBudget {
    /// The agent node whose budget it is; absent: the run's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Calls more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<u64>,
    /// Tokens more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// US dollars more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd: Option<f64>,
}

impl RaiseBudget {
    /// The amounts.
    pub fn spec(&self) -> BudgetSpec {
        BudgetSpec { calls: self.calls, tokens: self.tokens, usd: self.usd }
    }

    /// Whose budget.
    pub fn of(&self) -> BudgetOf {
        self.node.as_deref().map_or(BudgetOf::Run, |node| BudgetOf::Node(node.into()))
    }
}

/// A budget of a run, as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BudgetView {
    /// The agent node whose budget it is; absent: the run's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The caps, with what they were raised by.
    pub limit: BudgetSpec,
    /// Charged.
    pub spent: SpendView,
    /// Set aside for calls that are under way and for child runs.
    pub reserved: SpendView,
    /// What is neither spent nor set aside.
    pub left: BudgetSpec,
    /// The open ticket that asks for more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub ticket: Option<TicketId>,
}

impl From<aob_engine::BudgetView> for BudgetView {
    fn from(view: aob_engine::BudgetView) -> Self {
        let left = view.left();
        let aob_engine::BudgetView { of, limit, reserved, spent, ticket } = view;
        Self {
            node: match of {
                BudgetOf::Run => None,
                BudgetOf::Node(node) => Some(node.to_string()),
            },
            limit: limit.into(),
            spent: spent.into(),
            reserved: reserved.into(),
            left: left.into(),
            ticket,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn amounts_survive_the_wire_to_the_millionth() {
        for micros in [0, 1, 17_400, 999_999, 1_000_001, 999_999_999_999_999] {
            let amounts = Amounts { calls: 1, tokens: 2, usd_micros: micros };
            let text = serde_json::to_string(&SpendView::from(amounts)).unwrap();
            let read: SpendView = serde_json::from_str(&text).unwrap();
            assert_eq!(Amounts::from(read), amounts, "{text}");
            let caps = Budget { calls: None, tokens: None, usd_micros: Some(micros) };
            assert_eq!(BudgetSpec::from(caps).caps(), caps);
        }
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        let cases = [
            (json!({}), vec![]),
            (json!({"calls": 1_000_000_000, "tokens": 0, "usd": 1e9}), vec![]),
            (json!({"calls": 1_000_000_001}), vec!["/budget/calls"]),
            (
                json!({"tokens": 1_000_000_000_001_u64, "usd": -0.1}),
                vec!["/budget/tokens", "/budget/usd"],
            ),
            (json!({"usd": 1.1e9}), vec!["/budget/usd"]),
        ];
        for (spec, expected) in cases {
            let read: BudgetSpec = serde_json::from_value(spec.clone()).unwrap();
            let found = read.problems("/budget");
            let places: Vec<_> = found.iter().filter_map(|item| item.pointer.as_deref()).collect();
            assert_eq!(places, expected, "{spec}");
        }
    }
}
