//! Events about budgets, and what the end of an attempt means to them.

use std::sync::Arc;

use crate::event::{Amounts, ApprovalOutcome, ApprovalRequested, BudgetOf, EventKind, Spent};
use crate::state::{AccountKey, Doing, Hold, Key, RunState};

/// Applies an event about budgets.
pub(super) fn changed(state: &mut RunState, kind: &EventKind) {
    if let EventKind::BudgetReserved(data) = kind {
        let key = state.intern(&data.instance);
        let reservation = Arc::clone(&data.reservation);
        state.ledger_mut().reserve(&key, reservation, data.amounts);
    } else if let EventKind::BudgetSettled(data) = kind {
        let key = state.intern(&data.instance);
        state.ledger_mut().settle(&key, &data.reservation, data.used);
    } else if let EventKind::BudgetWarned(data) = kind
        && let Some(key) = state.account_key(&data.of)
    {
        state.ledger_mut().account(key).warned = true;
    } else if let EventKind::BudgetRaised(data) = kind {
        let key = match &data.of {
            BudgetOf::Run => AccountKey::Run,
            BudgetOf::Node(node) => AccountKey::Node(state.names.intern(node)),
        };
        let account = state.ledger_mut().account(key);
        account.raised = account.raised.plus(data.amounts);
        account.warned = false;
    } else if let EventKind::BudgetReturned(data) = kind
        && let Some(key) = state.key(&data.instance)
        && let Some(instance) = state.instances.get_mut(&key)
        && let Doing::Child(wait) = &mut instance.doing
        && let Some(given) = wait.budget.take()
    {
        state.ledger_mut().give_back(&given, &data.spent);
    }
}

/// An instance leaves what it was doing: what its attempt or child did not settle is charged in
/// full, and nothing holds it any more.
pub(super) fn left(state: &mut RunState, key: &Key) {
    let Some(ledger) = &mut state.ledger else { return };
    match state.instances.get(key).map(|instance| &instance.doing) {
        Some(Doing::Job(_)) => ledger.close(key),
        Some(Doing::Child(wait)) => {
            if let Some(given) = &wait.budget {
                let spent = Spent { used: Amounts::of_caps(given), ..Spent::default() };
                ledger.give_back(given, &spent);
            }
        }
        Some(Doing::Parked { .. }) => ledger.holds.remove(key),
        Some(
            Doing::Nothing
            | Doing::Backoff { .. }
            | Doing::Timer { .. }
            | Doing::Signal { .. }
            | Doing::Approval { .. }
            | Doing::Map(_)
            | Doing::Unserved { .. },
        )
        | None => {}
    }
}

/// An instance parked because this budget is exhausted.
pub(super) fn held(state: &mut RunState, key: Key, account: AccountKey) {
    state.ledger_mut().holds.insert(key, Hold { account, verdict: None });
}

/// A ticket asks to raise a budget.
pub(super) fn asked(state: &mut RunState, account: AccountKey, data: &ApprovalRequested) {
    let account = state.ledger_mut().account(account);
    account.ticket = Some(data.ticket.clone());
    account.tickets += 1;
    if let Some(ask) = &data.budget {
        (account.needed, account.suggested) = (ask.needed, ask.suggested);
    }
}

/// The ticket that asked to raise a budget is decided: whoever waited goes on, or fails.
pub(super) fn decided(state: &mut RunState, account: AccountKey, outcome: ApprovalOutcome) {
    let goes_on = match outcome {
        // A ticket is cancelled where what was asked for fits without it.
        ApprovalOutcome::Approved | ApprovalOutcome::Cancelled => true,
        ApprovalOutcome::Rejected | ApprovalOutcome::Expired => false,
    };
    let ledger = state.ledger_mut();
    ledger.account(account).ticket = None;
    let waiting = ledger.holds.iter().filter(|(_, hold)| hold.account == account);
    let waiting: Vec<Key> =
        waiting.filter(|(_, hold)| hold.verdict.is_none()).map(|(key, _)| key.clone()).collect();
    for key in waiting {
        ledger.holds.insert(key, Hold { account, verdict: Some(goes_on) });
    }
}
