//! Budgets (I-56): nothing is used that was not set aside before, and nothing is set aside that a
//! budget has no room for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aob_engine::{
    Amounts, BudgetOf, BudgetRaised, BudgetReserved, BudgetReturned, BudgetSettled, BudgetWarned,
    ChildStarted, EventKind, InstanceId, NodeParked, ParkReason, RunCreated, RunId, Spent,
};
use aob_ir::{Budget, NodeKind};

use crate::phase::{Open, Phase};
use crate::rules::{Cx, I_56};
use crate::state::State;

/// Calls, tokens and millionths of a dollar.
type Sum = [u128; 3];

fn sum(amounts: Amounts) -> Sum {
    [amounts.calls, amounts.tokens, amounts.usd_micros].map(u128::from)
}

fn caps(budget: &Budget) -> [Option<u128>; 3] {
    [budget.calls, budget.tokens, budget.usd_micros].map(|cap| cap.map(u128::from))
}

fn added(one: Sum, other: Sum) -> Sum {
    std::array::from_fn(|at| one[at] + other[at])
}

fn without(one: Sum, other: Sum) -> Sum {
    std::array::from_fn(|at| one[at].saturating_sub(other[at]))
}

/// One account.
#[derive(Debug, Default, Clone, Copy)]
struct Account {
    reserved: Sum,
    spent: Sum,
    raised: Sum,
    warned: bool,
}

impl Account {
    fn committed(&self) -> Sum {
        added(self.reserved, self.spent)
    }

    /// Whether this much more is within the caps.
    fn has_room(&self, budget: &Budget, more: Sum) -> bool {
        let total = added(self.committed(), more);
        let caps = caps(budget).into_iter().zip(self.raised).zip(total);
        caps.into_iter().all(|((cap, raised), total)| cap.is_none_or(|cap| total <= cap + raised))
    }
}

#[derive(Debug, Clone, Copy)]
struct Reservation {
    amounts: Sum,
    settled: bool,
}

/// The ledger of a run.
#[derive(Debug, Default)]
pub(crate) struct Budgets {
    run_cap: Budget,
    has_parent: bool,
    run: Account,
    nodes: BTreeMap<Arc<str>, Account>,
    /// Of attempts that are out, by name.
    reservations: BTreeMap<InstanceId, BTreeMap<Arc<str>, Reservation>>,
    /// What was given to child runs that are not over.
    given: BTreeMap<InstanceId, (RunId, Sum)>,
    /// Attempts that a budget bounds.
    metered: BTreeSet<InstanceId>,
}

impl Budgets {
    /// `run_created`.
    pub(crate) fn created(&mut self, data: &RunCreated) {
        self.run_cap = data.budget.unwrap_or_default();
        self.has_parent = data.parent.is_some();
    }

    fn charge(&mut self, instance: &InstanceId, reserved: Sum, used: Sum) {
        let node = self.nodes.entry(Arc::clone(&instance.node)).or_default();
        for account in [&mut self.run, node] {
            account.reserved = without(account.reserved, reserved);
            account.spent = added(account.spent, used);
        }
    }

    /// The attempt or child of an instance is over: what is not settled is charged in full.
    pub(crate) fn over(&mut self, instance: &InstanceId) {
        self.metered.remove(instance);
        for entry in self.reservations.remove(instance).unwrap_or_default().into_values() {
            if !entry.settled {
                self.charge(instance, entry.amounts, entry.amounts);
            }
        }
        if let Some((_, given)) = self.given.remove(instance) {
            self.run.reserved = without(self.run.reserved, given);
            self.run.spent = added(self.run.spent, given);
        }
    }

    /// An attempt is handed out.
    pub(crate) fn scheduled(&mut self, instance: &InstanceId, metered: bool) {
        if metered {
            self.metered.insert(instance.clone());
        }
    }

    /// `budget_returned`.
    fn returned(&mut self, data: &BudgetReturned, cx: &mut Cx<'_>) {
        match self.given.remove(&data.instance) {
            Some((child, given)) if child == data.child => {
                self.run.reserved = without(self.run.reserved, given);
                self.run.spent = added(self.run.spent, sum(data.spent.used));
                self.run.raised = added(self.run.raised, sum(data.spent.raised));
            }
            Some(_) | None => {
                cx.violation(I_56, format!("run {} returns what it was not given", data.child));
            }
        }
    }

    /// The run ends: what it says to its parent is what it spent.
    pub(crate) fn run_ends(&self, spent: Option<&Spent>, cx: &mut Cx<'_>) {
        let owes = self.has_parent && self.run_cap != Budget::default();
        let expected = owes.then(|| (self.run.committed(), self.run.raised));
        let said = spent.map(|spent| (sum(spent.used), sum(spent.raised)));
        cx.require(said == expected, I_56, || {
            format!("the run tells its parent that it spent {said:?}, and spent {expected:?}")
        });
    }
}

impl State {
    /// The caps of an account as they were at first; `None` where the graph is not known.
    fn first_caps(&self, of: &BudgetOf) -> Option<Budget> {
        match of {
            BudgetOf::Run => Some(self.budgets.run_cap),
            BudgetOf::Node(node) => {
                let found = self.graph.as_ref()?.named(node)?;
                if let NodeKind::Agent { budget, .. } = &found.kind {
                    Some(*budget)
                } else {
                    Some(Budget::default())
                }
            }
        }
    }

    fn account(&self, of: &BudgetOf) -> Account {
        match of {
            BudgetOf::Run => self.budgets.run,
            BudgetOf::Node(node) => self.budgets.nodes.get(node).copied().unwrap_or_default(),
        }
    }

    fn account_mut(&mut self, of: &BudgetOf) -> &mut Account {
        match of {
            BudgetOf::Run => &mut self.budgets.run,
            BudgetOf::Node(node) => self.budgets.nodes.entry(Arc::clone(node)).or_default(),
        }
    }

    fn is_out(&self, instance: &InstanceId, attempt: u32) -> bool {
        let open = self.open.get(instance);
        open.is_some_and(|open| {
            matches!(open.phase, Phase::Attempt { .. }) && open.attempt == attempt
        })
    }

    /// An event about budgets.
    pub(crate) fn budget_changed(&mut self, kind: &EventKind, cx: &mut Cx<'_>) {
        if let EventKind::BudgetReserved(data) = kind {
            self.reserved(data, cx);
        } else if let EventKind::BudgetSettled(data) = kind {
            self.settled(data, cx);
        } else if let EventKind::BudgetWarned(data) = kind {
            self.warned(data, cx);
        } else if let EventKind::BudgetRaised(data) = kind {
            self.raised(data, cx);
        } else if let EventKind::BudgetReturned(data) = kind {
            self.budgets.returned(data, cx);
        }
    }

    /// `budget_reserved`.
    fn reserved(&mut self, data: &BudgetReserved, cx: &mut Cx<'_>) {
        let (instance, amounts) = (&data.instance, sum(data.amounts));
        let stops = self.open.get(instance).is_some_and(|Open { stopping, .. }| stopping.is_some());
        let may = self.is_out(instance, data.attempt) && !stops;
        cx.require(may, I_56, || {
            format!("attempt {} of `{instance}` reserves, but is not out", data.attempt)
        });
        for of in [BudgetOf::Run, BudgetOf::Node(Arc::clone(&instance.node))] {
            if let Some(budget) = self.first_caps(&of) {
                let account = self.account(&of);
                cx.require(account.has_room(&budget, amounts), I_56, || {
                    let (used, more) = (account.committed(), account.raised);
                    format!("{of} has {used:?} of {budget} and {more:?}, and reserves {amounts:?}")
                });
            }
            let account = self.account_mut(&of);
            account.reserved = added(account.reserved, amounts);
        }
        let of_attempt = self.budgets.reservations.entry(instance.clone()).or_default();
        let entry = Reservation { amounts, settled: false };
        let fresh = of_attempt.insert(Arc::clone(&data.reservation), entry).is_none();
        cx.require(fresh, I_56, || format!("`{instance}` reserves `{}` twice", data.reservation));
    }

    /// `budget_settled`.
    fn settled(&mut self, data: &BudgetSettled, cx: &mut Cx<'_>) {
        let instance = &data.instance;
        let out = self.is_out(instance, data.attempt);
        let of_attempt = self.budgets.reservations.get_mut(instance);
        let entry = of_attempt.and_then(|entries| entries.get_mut(&data.reservation));
        match entry.filter(|entry| !entry.settled && out) {
            Some(entry) => {
                entry.settled = true;
                let reserved = entry.amounts;
                self.budgets.charge(instance, reserved, sum(data.used));
            }
            None => {
                let name = &data.reservation;
                cx.violation(I_56, format!("`{instance}` settles `{name}`, which is not reserved"));
            }
        }
    }

    /// `budget_warned`.
    fn warned(&mut self, data: &BudgetWarned, cx: &mut Cx<'_>) {
        let account = self.account(&data.of);
        let committed = sum(data.committed);
        let near = caps(&data.limit).into_iter().zip(committed);
        let near = near.into_iter().any(|(cap, used)| cap.is_some_and(|cap| used * 5 >= cap * 4));
        cx.require(near && committed == account.committed() && !account.warned, I_56, || {
            format!("{} is warned of at {committed:?}, though it is no news", data.of)
        });
        self.account_mut(&data.of).warned = true;
    }

    /// `budget_raised`.
    fn raised(&mut self, data: &BudgetRaised, cx: &mut Cx<'_>) {
        cx.require(crate::approvals::is_person(&data.by), I_56, || {
            format!("{} raises the budget of {}", data.by, data.of)
        });
        if let Some(budget) = self.first_caps(&data.of) {
            let more = caps(&budget).into_iter().zip(sum(data.amounts));
            let fits = more.into_iter().all(|(cap, more)| cap.is_some() || more == 0);
            cx.require(fits, I_56, || format!("what {} does not bound is raised", data.of));
        }
        let account = self.account_mut(&data.of);
        account.raised = added(account.raised, sum(data.amounts));
        account.warned = false;
    }

    /// What a child run gets of the run's budget.
    pub(crate) fn child_given(&mut self, data: &ChildStarted, cx: &mut Cx<'_>) {
        let bounds = caps(&self.budgets.run_cap).map(|cap| cap.is_some());
        let given = data.budget.unwrap_or_default();
        let same = caps(&given).map(|cap| cap.is_some()) == bounds;
        cx.require(same, I_56, || {
            format!("child run {} is not bounded as its parent is", data.child)
        });
        let amounts = caps(&given).map(|cap| cap.unwrap_or(0));
        let account = self.budgets.run;
        // A run that spent more than it had has nothing to give.
        let nothing = amounts == Sum::default();
        cx.require(nothing || account.has_room(&self.budgets.run_cap, amounts), I_56, || {
            format!("child run {} is given {amounts:?}, which is not there", data.child)
        });
        if data.budget.is_some() {
            self.budgets.run.reserved = added(account.reserved, amounts);
            self.budgets.given.insert(data.instance.clone(), (data.child, amounts));
        }
    }

    /// An instance parks because a budget is exhausted.
    pub(crate) fn parks_for_budget(&self, data: &NodeParked, cx: &mut Cx<'_>) {
        let says = data.reason == ParkReason::BudgetExhausted;
        cx.require(says == data.budget.is_some(), I_56, || {
            format!("`{}` parks for a budget and names none", data.instance)
        });
        let metered = self.budgets.metered.contains(&data.instance);
        cx.require(!says || metered, I_56, || {
            format!("`{}` parks for a budget, and none bounds it", data.instance)
        });
    }
}
