//! Budgets: reserved before a call of a model, settled after it, raised by people.
//!
//! A call that does not fit at the moment, but may once calls under way are settled, waits: its
//! runner asks again. One that does not fit whatever they come to parks its instance, and a ticket
//! asks to raise the budget.

mod ticket;

use std::sync::Arc;

use aob_bugs::{Bug, seeded};
use aob_ir::{Budget, EffectClass, NodeIr};

use super::{Decider, Step, Stop, reject};
use crate::command::{NoChange, RaiseBudget, RejectionCode, ReserveBudget, SettleBudget};
use crate::event::{
    Amounts, ApprovalDecided, ApprovalOutcome, BudgetOf, BudgetRaised, BudgetReserved,
    BudgetReturned, BudgetSettled, BudgetWarned, FailureOutcome, NodeParked, ParkReason,
    RetryGranted, Spent,
};
use crate::ids::{Actor, InstanceId, RunId, TicketId};
use crate::state::{Account, AccountKey, Doing, InstanceStatus, Key, budget_of};

/// Reservations of one attempt, settled ones included.
const OF_ATTEMPT_MAX: usize = 10_000;
/// Bytes of a reservation's name.
const NAME_BYTES_MAX: usize = 128;

/// A budget that bounds an instance: whose, with the caps as they stand.
type Bound = (AccountKey, Budget);

impl<'a> Decider<'a> {
    /// `Reserve`: before a call of a model.
    pub(super) fn reserve_budget(&mut self, asked: &ReserveBudget) -> Step {
        let id = &asked.instance;
        let (node, key) = self.at_work(id, asked.attempt, true)?;
        if asked.reservation.is_empty() || asked.reservation.len() > NAME_BYTES_MAX {
            let text = format!("the name of a reservation has 1 to {NAME_BYTES_MAX} bytes");
            return Err(reject(RejectionCode::InvalidReservation, text, None));
        }
        let bounds = self.bounds(node, &key);
        if bounds.is_empty() {
            return Err(Stop::NoChange(NoChange::Repeated));
        }
        self.require_new_reservation(&key, asked)?;
        let amounts = asked.amounts;
        for (account, limit) in &bounds {
            let known = self.state.account(*account).cloned().unwrap_or_default();
            let committed =
                if seeded(Bug::ReservedForgotten) { known.spent } else { known.committed() };
            if committed.plus(amounts).beyond(limit).is_nothing() {
                continue;
            }
            if known.lasting().plus(amounts).beyond(limit).is_nothing() {
                let of = self.state.account_of(*account);
                let text = format!("what {of} has left is reserved for calls that are under way");
                return Err(reject(RejectionCode::BudgetBusy, text, Some("ask again")));
            }
            return self.exhausted(node, id, (*account, *limit), amounts);
        }
        let (instance, attempt) = (id.clone(), asked.attempt);
        let reservation = Arc::clone(&asked.reservation);
        self.emit(BudgetReserved { instance, attempt, reservation, amounts });
        self.warn(&bounds);
        Ok(())
    }

    fn require_new_reservation(&self, key: &Key, asked: &ReserveBudget) -> Step {
        let Some(ledger) = &self.state.ledger else { return Ok(()) };
        let place = (key.clone(), Arc::clone(&asked.reservation));
        match ledger.reservations.get(&place) {
            Some(known) if known.amounts == asked.amounts => {
                Err(Stop::NoChange(NoChange::Repeated))
            }
            Some(_) => {
                let text = format!("`{}` was reserved with other amounts", asked.reservation);
                let hint = Some("a reservation has a name of its own, used once in its attempt");
                Err(reject(RejectionCode::InvalidReservation, text, hint))
            }
            None if ledger.reservations_of(key) >= OF_ATTEMPT_MAX => {
                let text = format!("an attempt makes at most {OF_ATTEMPT_MAX} reservations");
                Err(reject(RejectionCode::LimitExceeded, text, None))
            }
            None => Ok(()),
        }
    }

    /// The node of an attempt that is out, with its key.
    fn at_work(&self, id: &InstanceId, attempt: u32, starts: bool) -> Step<(&'a NodeIr, Key)> {
        let over = |text: &str| {
            let text = format!("attempt {attempt} of `{id}` {text}");
            Err(reject(RejectionCode::AttemptOver, text, Some("stop: its result counts no more")))
        };
        let found = self.find(id).zip(self.state.key(id)).zip(self.state.instance(id));
        let Some(((node, key), instance)) = found else { return over("is not out") };
        let Doing::Job(job) = &instance.doing else { return over("is over") };
        if instance.status != InstanceStatus::Scheduled || instance.attempt != attempt {
            return over("is over");
        }
        let stops =
            job.fence_at.is_some() || (self.stopping() && !super::result::is_compensation(id));
        if starts && stops {
            return over("is asked to stop");
        }
        Ok((node, key))
    }

    /// The budgets that a call of this instance is charged to.
    fn bounds(&self, node: &NodeIr, key: &Key) -> Vec<Bound> {
        let all = [
            (AccountKey::Node(key.node), budget_of(node)),
            (AccountKey::Run, self.state.run_budget()),
        ];
        let bounded = all.into_iter().filter(|(_, budget)| !budget.is_unbounded());
        bounded.map(|(account, budget)| (account, self.limit(account, budget))).collect()
    }

    /// Whether a budget bounds what a node spends.
    pub(super) fn is_bounded(&self, node: &NodeIr) -> bool {
        !(budget_of(node).is_unbounded() && self.state.run_budget().is_unbounded())
    }

    /// Caps with what people raised them by.
    fn limit(&self, account: AccountKey, budget: Budget) -> Budget {
        self.state.account(account).map_or(budget, |known| known.raised.raise(&budget))
    }

    /// The caps that an account began with.
    fn first_caps(&self, of: &BudgetOf) -> Budget {
        match of {
            BudgetOf::Run => self.state.run_budget(),
            BudgetOf::Node(node) => {
                super::graph::find_anywhere(self.ir, node).map(budget_of).unwrap_or_default()
            }
        }
    }

    /// Says once of each budget that four fifths of it are gone.
    fn warn(&mut self, bounds: &[Bound]) {
        for (account, limit) in bounds {
            let Some(known) = self.state.account(*account) else { continue };
            let committed = known.committed();
            let near = |amount: u64, cap: Option<u64>| {
                cap.is_some_and(|cap| u128::from(amount) * 5 >= u128::from(cap) * 4)
            };
            let is_near = near(committed.calls, limit.calls)
                || near(committed.tokens, limit.tokens)
                || near(committed.usd_micros, limit.usd_micros);
            if is_near && !known.warned {
                let of = self.state.account_of(*account);
                self.emit(BudgetWarned { of, limit: *limit, committed });
            }
        }
    }

    /// `Settle`: after the call.
    pub(super) fn settle_budget(&mut self, settled: &SettleBudget) -> Step {
        let id = &settled.instance;
        let Ok((node, key)) = self.at_work(id, settled.attempt, false) else {
            // What was not settled in time is charged in full already.
            return Err(Stop::NoChange(NoChange::Stale));
        };
        let bounds = self.bounds(node, &key);
        if bounds.is_empty() {
            return Err(Stop::NoChange(NoChange::Repeated));
        }
        let place = (key, Arc::clone(&settled.reservation));
        let known = self.state.ledger.as_ref().and_then(|l| l.reservations.get(&place));
        match known {
            Some(known) if known.settled => return Err(Stop::NoChange(NoChange::Repeated)),
            Some(_) => {}
            None => {
                let text = format!("nothing was reserved as `{}`", settled.reservation);
                let hint = Some("reserve before the call, settle after it");
                return Err(reject(RejectionCode::InvalidReservation, text, hint));
            }
        }
        let (instance, attempt) = (id.clone(), settled.attempt);
        let reservation = Arc::clone(&settled.reservation);
        self.emit(BudgetSettled { instance, attempt, reservation, used: settled.used });
        self.warn(&bounds);
        Ok(())
    }

    /// A call does not fit: its instance parks, and people are asked.
    fn exhausted(
        &mut self,
        node: &'a NodeIr,
        id: &InstanceId,
        (account, limit): Bound,
        needed: Amounts,
    ) -> Step {
        let attempt = self.state.instance(id).map_or(0, |instance| instance.attempt);
        let of = self.state.account_of(account);
        let asked = needed.bounded_by(&limit);
        let text = format!("the budget of {of} ({limit}) has no room for {asked}");
        let failure = super::pump::failure("budget_exhausted", text);
        if super::result::is_compensation(id) {
            return self.fail_instance(node, id, attempt, FailureOutcome::Failed, failure);
        }
        self.emit(NodeParked {
            instance: id.clone(),
            attempt,
            reason: ParkReason::BudgetExhausted,
            failure: Some(failure),
            budget: Some(of),
        });
        let known = self.state.account(account).cloned().unwrap_or_default();
        if known.ticket.is_none() {
            let harmful = match node.effect {
                EffectClass::None | EffectClass::Idempotent => false,
                EffectClass::Compensable | EffectClass::Irreversible => true,
            };
            let asks = ticket::Asks { instance: id, limit, needed, harmful };
            self.ask_for_budget(account, &known, &asks);
        }
        Ok(())
    }

    /// `Raise`: a person allows more.
    pub(super) fn raise_budget(&mut self, raise: &RaiseBudget) -> Step {
        self.require_live()?;
        if self.request.actor.is_machine() {
            let text = "agents and runners raise no budgets".to_owned();
            return Err(reject(RejectionCode::NotAnApprover, text, None));
        }
        let caps = self.first_caps(&raise.of);
        if caps.is_unbounded() {
            let text = format!("{} has no budget", raise.of);
            let hint = Some("`aob budget show` lists the budgets of a run");
            return Err(reject(RejectionCode::UnknownBudget, text, hint));
        }
        self.check_raise(&raise.of, &caps, raise.amounts)?;
        let by = self.request.actor.clone();
        let (of, amounts) = (raise.of.clone(), raise.amounts);
        self.emit(BudgetRaised { of, amounts, by, ticket: None });
        let Some(account) = self.state.account_key(&raise.of) else { return Ok(()) };
        let known = self.state.account(account).cloned().unwrap_or_default();
        if fits(&known, &self.limit(account, caps)) {
            let by = self.request.actor.clone();
            self.close_budget_ticket(&known, by);
            self.work.push_back(super::Work::Release);
        }
        Ok(())
    }

    /// Refuses to raise what is not bounded, and to raise by nothing.
    pub(super) fn check_raise(&self, of: &BudgetOf, caps: &Budget, by: Amounts) -> Step {
        if by.is_nothing() {
            let text = "a budget is raised by calls, tokens or money".to_owned();
            return Err(reject(RejectionCode::InvalidForm, text, None));
        }
        if by.bounded_by(caps) != by {
            let text = format!("{of} is bounded to {caps}; nothing else can be raised");
            return Err(reject(RejectionCode::InvalidForm, text, None));
        }
        Ok(())
    }

    pub(super) fn close_budget_ticket(&mut self, known: &Account, by: Actor) {
        if let Some(ticket) = known.ticket.clone() {
            self.emit(ApprovalDecided { ticket, outcome: ApprovalOutcome::Cancelled, by });
        }
    }

    /// Closes tickets that nobody needs any more: what was asked for fits by now, or whoever asked
    /// has gone on without. True where somebody can go on.
    pub(super) fn review_budget_tickets(&mut self) -> bool {
        let Some(ledger) = &self.state.ledger else { return false };
        let open: Vec<(AccountKey, Account)> = ledger
            .accounts
            .iter()
            .filter(|(_, known)| known.ticket.is_some())
            .map(|(key, known)| (*key, known.clone()))
            .collect();
        for (key, known) in open {
            let is_awaited = self.state.ledger.as_ref().is_some_and(|ledger| {
                let mut holds = ledger.holds.iter().map(|(_, hold)| hold);
                holds.any(|hold| hold.account == key && hold.verdict.is_none())
            });
            let caps = self.first_caps(&self.state.account_of(key));
            if !is_awaited || fits(&known, &self.limit(key, caps)) {
                self.close_budget_ticket(&known, Actor::system());
            }
        }
        let ledger = self.state.ledger.as_ref();
        ledger.is_some_and(|l| l.holds.iter().any(|(_, hold)| hold.verdict.is_some()))
    }

    /// The run stops: nobody is asked any more. False where the segment is full.
    pub(super) fn stop_budgets(&mut self) -> bool {
        let Some(ledger) = &self.state.ledger else { return true };
        let open = ledger.accounts.iter().filter(|(_, known)| known.ticket.is_some());
        let open: Vec<Account> = open.map(|(_, known)| known.clone()).collect();
        for known in open {
            if self.full() {
                return false;
            }
            self.close_budget_ticket(&known, Actor::system());
        }
        true
    }

    /// Lets go on, or fail, whoever a decision about a budget frees. What does not fit this
    /// segment is left to the next.
    pub(super) fn release_holds(&mut self) -> Step {
        let Some(ledger) = &self.state.ledger else { return Ok(()) };
        let freed = ledger.holds.iter().filter_map(|(key, hold)| Some((key, hold.verdict?)));
        let freed: Vec<(InstanceId, bool)> =
            freed.map(|(key, verdict)| (self.state.id_of(key), verdict)).collect();
        for (id, goes_on) in freed {
            if self.full() {
                self.work.push_front(super::Work::Release);
                return Ok(());
            }
            let Some((node, instance)) = self.find(&id).zip(self.state.instance(&id).cloned())
            else {
                continue;
            };
            let Doing::Parked { job: Some(job), .. } = &instance.doing else { continue };
            if goes_on {
                // The attempt that a budget cut short takes none of the node's retries away.
                let attempts_max = instance.attempts_max.max(instance.attempt).saturating_add(1);
                let by = self.request.actor.clone();
                self.emit(RetryGranted { instance: id.clone(), attempts_max, by });
                if !self.state.head.paused {
                    self.schedule_again(node, &id, instance.attempt, job)?;
                }
            } else {
                let note = instance.failure.as_ref();
                let text = note.map_or("a budget is exhausted", |note| &*note.message);
                let text = format!("{text}, and was not raised");
                let failure = super::pump::failure("budget_exhausted", text);
                let outcome = FailureOutcome::Failed;
                self.fail_instance(node, &id, instance.attempt, outcome, failure)?;
            }
            if !self.active() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The part of the run's budget that a child run gets: an equal share of what is left for
    /// everything that may still spend, rounded up, and of that for each item of a map.
    pub(super) fn allotment(&self, id: &InstanceId) -> Option<Budget> {
        let own = self.state.run_budget();
        if own.is_unbounded() {
            return None;
        }
        let limit = self.limit(AccountKey::Run, own);
        let committed = self.state.account(AccountKey::Run).map(Account::committed);
        let committed = committed.unwrap_or_default();
        let items = self.items_left(id);
        let shares = self.spenders().max(1).saturating_mul(items.max(1));
        let part =
            |cap: Option<u64>, used: u64| cap.map(|cap| cap.saturating_sub(used).div_ceil(shares));
        Some(Budget {
            calls: part(limit.calls, committed.calls),
            tokens: part(limit.tokens, committed.tokens),
            usd_micros: part(limit.usd_micros, committed.usd_micros),
        })
    }

    /// Items of the map around an instance that have not begun, this one included.
    fn items_left(&self, id: &InstanceId) -> u64 {
        let Some((map, index)) = self.map_of(id) else { return 1 };
        let state = self.state.instance(&map).map(|instance| &instance.doing);
        let Some(Doing::Map(state)) = state else { return 1 };
        u64::from(state.count.saturating_sub(index))
    }

    /// Nodes that may spend and are not over, the one that starts included.
    fn spenders(&self) -> u64 {
        let may_spend = |node: &&NodeIr| {
            let mut node = *node;
            while let aob_ir::NodeKind::Map(map) = &node.kind {
                node = &map.body;
            }
            let kind = &node.kind;
            matches!(kind, aob_ir::NodeKind::Agent { .. } | aob_ir::NodeKind::Composite { .. })
        };
        let is_over = |node: &NodeIr| {
            let instance = self.state.instance(&InstanceId::top(Arc::clone(&node.id)));
            instance.is_some_and(|instance| instance.status.is_terminal())
        };
        let open = self.ir.nodes.iter().filter(may_spend).filter(|node| !is_over(node));
        open.count().try_into().unwrap_or(u64::MAX)
    }

    /// A child run is over: what it left of its part is back.
    pub(super) fn child_spent(&mut self, id: &InstanceId, child: RunId, spent: Option<Spent>) {
        let given = self.state.instance(id).and_then(|instance| match &instance.doing {
            Doing::Child(wait) => wait.budget.clone(),
            Doing::Nothing
            | Doing::Job(_)
            | Doing::Backoff { .. }
            | Doing::Timer { .. }
            | Doing::Signal { .. }
            | Doing::Approval { .. }
            | Doing::Map(_)
            | Doing::Unserved { .. }
            | Doing::Parked { .. } => None,
        });
        let Some(given) = given else { return };
        let in_full = Spent { used: Amounts::of_caps(&given), raised: Amounts::default() };
        let spent = spent.unwrap_or(in_full);
        self.emit(BudgetReturned { instance: id.clone(), child, spent });
        let own = self.state.run_budget();
        self.warn(&[(AccountKey::Run, self.limit(AccountKey::Run, own))]);
    }

    pub(super) fn budget_ticket(&self, account: AccountKey, count: u32) -> TicketId {
        let of = self.state.account_of(account);
        TicketId::of_budget(self.state.meta().run, &of, count)
    }

    pub(super) fn caps_of(&self, account: AccountKey) -> Budget {
        self.first_caps(&self.state.account_of(account))
    }
}

/// True where what a ticket asked for fits when nothing is under way.
pub(super) fn fits(known: &Account, limit: &Budget) -> bool {
    known.lasting().plus(known.needed).beyond(limit).is_nothing()
}
