//! Why an instance waits for more budget.

use super::{Explainer, Why, remedy};
use crate::ids::InstanceId;
use crate::state::{Instance, Key};

impl Explainer<'_> {
    /// Why an instance waits that parked because a budget is exhausted.
    pub(super) fn exhausted(&self, id: &InstanceId, key: &Key, instance: &Instance) -> Why {
        let ledger = self.state.ledger.as_ref();
        let hold = ledger.and_then(|ledger| ledger.holds.get(key));
        let ticket = hold.and_then(|hold| self.state.account(hold.account)?.ticket.clone());
        let why = instance.failure.as_ref().map_or("a budget is exhausted", |note| &*note.message);
        let (by_hand, mut others) = remedy::decisions(&self.run, id, true);
        let Some(ticket) = ticket else {
            return Why {
                reason: "budget",
                message: why.to_owned(),
                until: None,
                owner: "operator".to_owned(),
                remedy: by_hand,
                alternatives: others,
            };
        };
        others.insert(0, format!("aob approve {ticket} reject"));
        let known = hold.and_then(|hold| Some((hold.account, self.state.account(hold.account)?)));
        others.extend(known.map(|(account, known)| {
            remedy::raise(&self.run, &self.state.account_of(account), known.suggested)
        }));
        others.push(by_hand);
        Why {
            reason: "budget",
            message: format!("{why}; ticket {ticket} asks to raise it"),
            until: None,
            owner: "any approver".to_owned(),
            remedy: format!("aob approve {ticket} approve"),
            alternatives: others,
        }
    }
}
