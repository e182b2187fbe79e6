//! Events about budgets: reserved before a call of a model, settled after it.
//!
//! What is reserved and not settled when its attempt ends is charged in full with the event that ends
//! the attempt: nothing else says so.

use std::sync::Arc;

use aob_ir::{Budget, counted, usd_text};
use serde::{Deserialize, Serialize};

use crate::ids::{Actor, InstanceId, RunId, TicketId};

/// Something spent, reserved or asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Amounts {
    /// Calls of models.
    #[serde(default)]
    pub calls: u64,
    /// Tokens read and written.
    #[serde(default)]
    pub tokens: u64,
    /// Money, in millionths of a US dollar.
    #[serde(default)]
    pub usd_micros: u64,
}

impl Amounts {
    /// The sum, at most what a number holds.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            calls: self.calls.saturating_add(other.calls),
            tokens: self.tokens.saturating_add(other.tokens),
            usd_micros: self.usd_micros.saturating_add(other.usd_micros),
        }
    }

    /// The difference, at least nothing.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self {
            calls: self.calls.saturating_sub(other.calls),
            tokens: self.tokens.saturating_sub(other.tokens),
            usd_micros: self.usd_micros.saturating_sub(other.usd_micros),
        }
    }

    /// Whether it is nothing at all.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// What goes beyond the caps of `limit`.
    #[must_use]
    pub fn beyond(&self, limit: &Budget) -> Self {
        let over = |amount: u64, cap: Option<u64>| amount.saturating_sub(cap.unwrap_or(u64::MAX));
        Self {
            calls: over(self.calls, limit.calls),
            tokens: over(self.tokens, limit.tokens),
            usd_micros: over(self.usd_micros, limit.usd_micros),
        }
    }

    /// The amounts of the dimensions that `budget` bounds; the others are nothing.
    #[must_use]
    pub fn bounded_by(self, budget: &Budget) -> Self {
        let keep = |amount: u64, cap: Option<u64>| if cap.is_some() { amount } else { 0 };
        Self {
            calls: keep(self.calls, budget.calls),
            tokens: keep(self.tokens, budget.tokens),
            usd_micros: keep(self.usd_micros, budget.usd_micros),
        }
    }

    /// The caps of a budget as amounts; what is not bounded is nothing.
    pub fn of_caps(budget: &Budget) -> Self {
        Self {
            calls: budget.calls.unwrap_or(0),
            tokens: budget.tokens.unwrap_or(0),
            usd_micros: budget.usd_micros.unwrap_or(0),
        }
    }

    /// A budget with its caps raised by this much.
    pub fn raise(&self, budget: &Budget) -> Budget {
        let raised = |cap: Option<u64>, by: u64| cap.map(|cap| cap.saturating_add(by));
        Budget {
            calls: raised(budget.calls, self.calls),
            tokens: raised(budget.tokens, self.tokens),
            usd_micros: raised(budget.usd_micros, self.usd_micros),
        }
    }
}

impl std::fmt::Display for Amounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [
            (self.calls > 0).then(|| counted(self.calls, "call")),
            (self.tokens > 0).then(|| counted(self.tokens, "token")),
            (self.usd_micros > 0).then(|| usd_text(self.usd_micros)),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        f.write_str(if parts.is_empty() { "nothing" } else { "" })?;
        f.write_str(&parts.join(", "))
    }
}

/// Whose budget it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetOf {
    /// The run's.
    Run,
    /// That of an agent node, for all its instances and attempts in the run.
    Node(Arc<str>),
}

impl std::fmt::Display for BudgetOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Run => f.write_str("the run"),
            Self::Node(node) => write!(f, "node `{node}`"),
        }
    }
}

/// What a ticket about a budget asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetAsk {
    /// Whose budget.
    pub of: BudgetOf,
    /// What did not fit.
    pub needed: Amounts,
    /// By how much an approval without data raises it.
    pub suggested: Amounts,
}

/// What a run has spent, for its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Spent {
    /// All of it, what its own children spent included.
    pub used: Amounts,
    /// How much more people allowed it than it was started with.
    #[serde(default, skip_serializing_if = "Amounts::is_nothing")]
    pub raised: Amounts,
}

/// See [`EventKind::BudgetReserved`](super::EventKind::BudgetReserved).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BudgetReserved {
    /// Which instance.
    pub instance: InstanceId,
    /// The outstanding attempt.
    pub attempt: u32,
    /// The reservation: unique within the attempt, given by its runner.
    pub reservation: Arc<str>,
    /// At most what the call will use.
    pub amounts: Amounts,
}

/// See [`EventKind::BudgetSettled`](super::EventKind::BudgetSettled).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BudgetSettled {
    /// Which instance.
    pub instance: InstanceId,
    /// The outstanding attempt.
    pub attempt: u32,
    /// Which reservation.
    pub reservation: Arc<str>,
    /// What the call used: it is charged instead of what was reserved, be it less or more.
    pub used: Amounts,
}

/// See [`EventKind::BudgetWarned`](super::EventKind::BudgetWarned).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BudgetWarned {
    /// Whose.
    pub of: BudgetOf,
    /// The caps.
    pub limit: Budget,
    /// Spent, and reserved by calls that are under way.
    pub committed: Amounts,
}

/// See [`EventKind::BudgetRaised`](super::EventKind::BudgetRaised).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BudgetRaised {
    /// Whose.
    pub of: BudgetOf,
    /// By how much.
    pub amounts: Amounts,
    /// Who.
    pub by: Actor,
    /// The ticket that asked for it, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketId>,
}

/// See [`EventKind::BudgetReturned`](super::EventKind::BudgetReturned).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BudgetReturned {
    /// The instance that waited.
    pub instance: InstanceId,
    /// The child run.
    pub child: RunId,
    /// What it spent: it is charged instead of what the child was given.
    pub spent: Spent,
}
