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
        let known = hold.and_then(|hold| Some((hold.account, self.state.account(hold.account)?)));
        let raise = known.map(|(account, known)| {
            remedy::raise(&self.run, &self.state.account_of(account), known.suggested)
        });
        let first = raise.into_iter().chain([format!("aob approve {ticket} reject")]);
        others.splice(0..0, first);
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
