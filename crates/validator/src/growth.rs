//! The capability diff: what a graph may do that the one before could not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aob_ir::{Budget, NodeIr, NodeKind};
use serde::Serialize;

use crate::power::powers_of;
use crate::world::{Item, World};
use crate::{Author, Power, PowerKind, Rules};

/// What a graph may do that the one before could not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Growth {
    /// Each power once, sorted.
    pub items: Vec<Grown>,
}

/// One power that is new.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Grown {
    /// The power.
    #[serde(flatten)]
    pub power: Power,
    /// Path of the first node that has it; empty: the document.
    pub node: Arc<str>,
    /// Where that stands in the result.
    pub pointer: String,
    /// A policy grants it, so nobody has to approve it.
    pub granted: bool,
}

impl Growth {
    /// Whether nothing grows.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// What nobody granted.
    pub fn ungranted(&self) -> impl Iterator<Item = &Grown> {
        self.items.iter().filter(|grown| !grown.granted)
    }
}

/// Compares two graphs.
pub(crate) fn growth(
    base: &World<'_>,
    result: &World<'_>,
    author: &Author,
    rules: &Rules,
) -> Growth {
    let known: BTreeSet<Power> = base.items.iter().flat_map(|item| powers_of(base, item)).collect();
    let mut found: BTreeMap<Power, (Arc<str>, String)> = BTreeMap::new();
    for item in &result.items {
        let place = || (Arc::clone(&item.path), item.pointer.clone());
        for power in powers_of(result, item).difference(&known) {
            found.entry(power.clone()).or_insert_with(place);
        }
        if let Some(spend) = spend(base, result, item) {
            found.insert(Power::new(PowerKind::Spend, spend), place());
        }
    }
    for limit in limits(base, result) {
        let place = (Arc::default(), "/limits".to_owned());
        found.insert(Power::new(PowerKind::Limit, limit), place);
    }
    let items = found.into_iter().map(|(power, (node, pointer))| Grown {
        granted: match author {
            Author::Optimizer => only_computes(&power),
            Author::Person | Author::Agent { .. } => rules.grants(&power),
        },
        power,
        node,
        pointer,
    });
    Growth { items: items.collect() }
}

/// A type whose nodes do nothing outside and ask nobody: having one adds nothing to what a graph may
/// do. The optimizer's rewrites pass values on with them.
fn only_computes(power: &Power) -> bool {
    power.kind() == PowerKind::NodeType
        && matches!(power.name(), "transform" | "filter" | "aggregate")
}

/// What an agent may newly cost; `None`: nothing more than it did.
fn spend(base: &World<'_>, result: &World<'_>, item: &Item) -> Option<String> {
    let node = result.node(item);
    let cost = Cost::of(node, item)?;
    let before = base.find(&item.path);
    let before = before.and_then(|before| Cost::of(base.node(before), before));
    if before.is_some_and(|before| cost.is_within(&before)) {
        return None;
    }
    Some(format!("agent {}: {}", item.path, cost.describe()))
}

/// What bounds the cost of an agent.
struct Cost {
    /// Of all instances and attempts together.
    budget: Budget,
    /// How often loops may repeat it.
    repeats: u64,
    attempts: u32,
    is_mapped: bool,
}

impl Cost {
    fn of(node: &NodeIr, item: &Item) -> Option<Self> {
        let NodeKind::Agent { budget, .. } = &node.kind else { return None };
        Some(Self {
            budget: *budget,
            repeats: item.repeats,
            attempts: node.retry.max_attempts,
            is_mapped: item.is_mapped,
        })
    }

    /// Every cap that was there must be there, and at most what it was.
    fn is_within(&self, other: &Self) -> bool {
        self.budget.is_within(&other.budget)
            && self.repeats <= other.repeats
            && self.attempts <= other.attempts
            && (other.is_mapped || !self.is_mapped)
    }

    fn describe(&self) -> String {
        let budget = self.budget;
        let mapped = if self.is_mapped { ", for each item of a map" } else { "" };
        match self.repeats {
            1 => format!("{budget}, {} attempts{mapped}", self.attempts),
            often => format!("{budget}, {} attempts, {often} times{mapped}", self.attempts),
        }
    }
}

/// Limits of runs that are raised.
fn limits(base: &World<'_>, result: &World<'_>) -> Vec<String> {
    let (base, result) = (base.units[0].ir(), result.units[0].ir());
    let (had, has) = (base.budget, result.budget);
    let budgets = [
        ("budget.calls", had.calls, has.calls),
        ("budget.tokens", had.tokens, has.tokens),
        ("budget.usd_micros", had.usd_micros, has.usd_micros),
    ];
    let (base, result) = (base.limits, result.limits);
    let none = u64::MAX;
    let all = [
        ("max_agents", u64::from(base.max_agents), u64::from(result.max_agents)),
        ("max_depth", u64::from(base.max_depth), u64::from(result.max_depth)),
        ("max_instances", base.max_instances, result.max_instances),
        (
            "run_timeout_ms",
            base.run_timeout_ms.unwrap_or(none),
            result.run_timeout_ms.unwrap_or(none),
        ),
    ];
    let budgets = budgets
        .into_iter()
        .map(|(name, before, now)| (name, before.unwrap_or(none), now.unwrap_or(none)));
    let raised = all.into_iter().chain(budgets).filter(|(_, before, now)| now > before);
    raised
        .map(|(name, _, now)| match now {
            u64::MAX => format!("{name} none"),
            now => format!("{name} {now}"),
        })
        .collect()
}
