//! The ledger of a run: what its budgets have left. A run that nothing bounds has none.

use std::sync::Arc;

use aob_ir::{Budget, Ir, NodeIr, NodeKind};
use serde::{Deserialize, Serialize};

use super::{Key, NameId, RunState, Table};
use crate::event::{Amounts, BudgetOf, Spent};
use crate::ids::{InstanceId, TicketId};

/// Whose account: the run's, or a node's by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum AccountKey {
    Run,
    Node(NameId),
}

/// What was charged to a budget.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Account {
    /// By calls that are under way.
    pub(crate) reserved: Amounts,
    /// Given to child runs that are not over.
    pub(crate) allotted: Amounts,
    pub(crate) spent: Amounts,
    /// What people allowed beyond what the budget began with.
    pub(crate) raised: Amounts,
    /// Four fifths were reached since the budget was last raised.
    pub(crate) warned: bool,
    /// The open ticket.
    pub(crate) ticket: Option<TicketId>,
    /// Tickets opened so far.
    pub(crate) tickets: u32,
    /// The amounts that did not fit when the ticket was opened.
    pub(crate) needed: Amounts,
    /// What the ticket suggests to raise the budget by.
    pub(crate) suggested: Amounts,
}

impl Account {
    /// Spent, or set aside.
    pub(crate) fn committed(&self) -> Amounts {
        self.lasting().plus(self.reserved)
    }

    /// What the end of the calls that are under way will not bring back.
    pub(crate) fn lasting(&self) -> Amounts {
        self.spent.plus(self.allotted)
    }
}

/// What was set aside: for a call, or for a child run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Reservation {
    pub(crate) amounts: Amounts,
    /// Its use is known and charged; kept until its attempt ends, to recognise repetitions.
    pub(crate) settled: bool,
}

/// An instance that parked because a budget was exhausted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Hold {
    pub(crate) account: AccountKey,
    /// What was decided: true where it may go on. `None`: the ticket is open.
    pub(crate) verdict: Option<bool>,
}

/// The accounts of a run, and what is set aside.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Ledger {
    pub(crate) accounts: Table<AccountKey, Account>,
    /// By instance and reservation.
    pub(crate) reservations: Table<(Key, Arc<str>), Reservation>,
    pub(crate) holds: Table<Key, Hold>,
    /// The decision that is under way made it.
    #[serde(skip)]
    is_new: bool,
}

impl PartialEq for Ledger {
    fn eq(&self, other: &Self) -> bool {
        self.accounts == other.accounts
            && self.reservations == other.reservations
            && self.holds == other.holds
    }
}

impl Ledger {
    pub(super) fn begin(&mut self) {
        self.is_new = false;
        self.accounts.begin();
        self.reservations.begin();
        self.holds.begin();
    }

    pub(super) fn keep(&mut self) {
        self.is_new = false;
        self.accounts.keep();
        self.reservations.keep();
        self.holds.keep();
    }

    /// True where there was no ledger before the decision.
    pub(super) fn undo(&mut self) -> bool {
        self.accounts.undo();
        self.reservations.undo();
        self.holds.undo();
        self.is_new
    }

    pub(crate) fn account(&mut self, key: AccountKey) -> &mut Account {
        self.accounts.entry(key, Account::default)
    }

    /// Sets amounts aside in the accounts that bear on an instance.
    pub(crate) fn reserve(&mut self, key: &Key, reservation: Arc<str>, amounts: Amounts) {
        for account in bearing(key) {
            let account = self.account(account);
            account.reserved = account.reserved.plus(amounts);
        }
        let entry = Reservation { amounts, settled: false };
        self.reservations.insert((key.clone(), reservation), entry);
    }

    /// Charges what was used instead of what was reserved.
    pub(crate) fn settle(&mut self, key: &Key, reservation: &Arc<str>, used: Amounts) {
        let place = (key.clone(), Arc::clone(reservation));
        let Some(entry) = self.reservations.get_mut(&place).filter(|entry| !entry.settled) else {
            return;
        };
        let reserved = entry.amounts;
        entry.settled = true;
        self.charge(key, reserved, used);
    }

    fn charge(&mut self, key: &Key, reserved: Amounts, used: Amounts) {
        for account in bearing(key) {
            let account = self.account(account);
            account.reserved = account.reserved.minus(reserved);
            account.spent = account.spent.plus(used);
        }
    }

    /// Gives a child run its part.
    pub(crate) fn allot(&mut self, given: &Budget) {
        let run = self.account(AccountKey::Run);
        run.allotted = run.allotted.plus(Amounts::of_caps(given));
    }

    /// Takes back what a child run left of its part.
    pub(crate) fn give_back(&mut self, given: &Budget, spent: &Spent) {
        let run = self.account(AccountKey::Run);
        run.allotted = run.allotted.minus(Amounts::of_caps(given));
        run.spent = run.spent.plus(spent.used);
        run.raised = run.raised.plus(spent.raised);
    }

    /// The attempt of an instance is over: what is not settled is charged in full.
    pub(crate) fn close(&mut self, key: &Key) {
        let first = (key.clone(), Arc::from(""));
        let of = self.reservations.range(first..).take_while(|((of, _), _)| of == key);
        let of: Vec<(Arc<str>, Reservation)> =
            of.map(|((_, id), entry)| (Arc::clone(id), entry.clone())).collect();
        for (id, entry) in of {
            if !entry.settled {
                self.charge(key, entry.amounts, entry.amounts);
            }
            self.reservations.remove(&(key.clone(), id));
        }
    }

    /// Reservations of an instance's attempt.
    pub(crate) fn reservations_of(&self, key: &Key) -> usize {
        let first = (key.clone(), Arc::from(""));
        self.reservations.range(first..).take_while(|((of, _), _)| of == key).count()
    }
}

/// The accounts that a call of an instance is charged to.
fn bearing(key: &Key) -> [AccountKey; 2] {
    [AccountKey::Run, AccountKey::Node(key.node)]
}

/// A budget as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetView {
    /// Whose.
    pub of: BudgetOf,
    /// The caps, with what they were raised by.
    pub limit: Budget,
    /// Set aside for calls that are under way and for child runs.
    pub reserved: Amounts,
    /// Charged.
    pub spent: Amounts,
    /// The ticket that asks for more.
    pub ticket: Option<TicketId>,
}

impl BudgetView {
    /// What is neither charged nor set aside.
    pub fn left(&self) -> Budget {
        let committed = self.spent.plus(self.reserved);
        let left = |cap: Option<u64>, used: u64| cap.map(|cap| cap.saturating_sub(used));
        Budget {
            calls: left(self.limit.calls, committed.calls),
            tokens: left(self.limit.tokens, committed.tokens),
            usd_micros: left(self.limit.usd_micros, committed.usd_micros),
        }
    }
}

/// What a node itself allows.
pub(crate) fn budget_of(node: &NodeIr) -> Budget {
    if let NodeKind::Agent { budget, .. } = &node.kind { *budget } else { Budget::default() }
}

/// A node and those inside it that have budgets of their own.
fn bounded<'a>(node: &'a NodeIr, found: &mut Vec<&'a NodeIr>) {
    if !budget_of(node).is_unbounded() {
        found.push(node);
    }
    if let NodeKind::Map(map) = &node.kind {
        bounded(&map.body, found);
    }
    if let Some(compensate) = &node.compensate {
        bounded(compensate, found);
    }
}

impl RunState {
    pub(crate) fn ledger_mut(&mut self) -> &mut Ledger {
        self.ledger.get_or_insert_with(|| {
            let ledger = Ledger { is_new: true, ..Ledger::default() };
            Box::new(ledger)
        })
    }

    pub(crate) fn account(&self, key: AccountKey) -> Option<&Account> {
        self.ledger.as_ref()?.accounts.get(&key)
    }

    pub(crate) fn account_key(&self, of: &BudgetOf) -> Option<AccountKey> {
        match of {
            BudgetOf::Run => Some(AccountKey::Run),
            BudgetOf::Node(node) => self.names.find(node).map(AccountKey::Node),
        }
    }

    pub(crate) fn account_of(&self, key: AccountKey) -> BudgetOf {
        match key {
            AccountKey::Run => BudgetOf::Run,
            AccountKey::Node(node) => BudgetOf::Node(self.names.name(node)),
        }
    }

    /// The caps of the run as it was created; nothing bounds one without.
    pub(crate) fn run_budget(&self) -> Budget {
        self.meta.as_ref().and_then(|meta| meta.budget).unwrap_or_default()
    }

    /// What this run spent, for the parent that gave it a budget.
    pub(crate) fn spent(&self) -> Option<Spent> {
        let meta = self.meta.as_ref()?;
        if meta.parent.is_none() || meta.budget.is_none() {
            return None;
        }
        let run = self.account(AccountKey::Run).cloned().unwrap_or_default();
        Some(Spent { used: run.committed(), raised: run.raised })
    }

    /// Whether a call that its runner asked to reserve for may be made.
    pub fn is_reserved(&self, instance: &InstanceId, reservation: &Arc<str>) -> bool {
        let place = self.key(instance).map(|key| (key, Arc::clone(reservation)));
        let ledger = self.ledger.as_ref().zip(place);
        ledger.is_some_and(|(ledger, place)| ledger.reservations.contains(&place))
    }

    /// The exhausted budget that an instance is parked for.
    pub fn exhausted(&self, instance: &InstanceId) -> Option<BudgetOf> {
        let hold = self.ledger.as_ref()?.holds.get(&self.key(instance)?)?;
        Some(self.account_of(hold.account))
    }

    /// The budgets that bound this run: its own first, then those of its nodes.
    pub fn budgets(&self, ir: &Ir) -> Vec<BudgetView> {
        let own = self.run_budget();
        let run = (!own.is_unbounded()).then_some((BudgetOf::Run, own));
        let mut agents = Vec::new();
        ir.nodes.iter().for_each(|node| bounded(node, &mut agents));
        let nodes =
            agents.into_iter().map(|node| (BudgetOf::Node(Arc::clone(&node.id)), budget_of(node)));
        let all = run.into_iter().chain(nodes);
        all.map(|(of, budget)| {
            let account = self.account_key(&of).and_then(|key| self.account(key));
            let account = account.cloned().unwrap_or_default();
            BudgetView {
                of,
                limit: account.raised.raise(&budget),
                reserved: account.reserved.plus(account.allotted),
                spent: account.spent,
                ticket: account.ticket,
            }
        })
        .collect()
    }
}
