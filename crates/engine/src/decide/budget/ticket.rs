//! Tickets that ask to raise a budget.

use aob_ir::{Budget, MICROS_PER_USD, usd_micros};
use serde_json::{Map, Value, json};

use super::super::{Decider, Step, reject};
use crate::command::{CastVote, RejectionCode};
use crate::event::{
    Amounts, ApprovalDecided, ApprovalOutcome, ApprovalRequested, BudgetAsk, BudgetRaised,
};
use crate::ids::InstanceId;
use crate::state::{Account, AccountKey, Ticket};
use crate::value::Payload;

/// What a ticket is opened for.
pub(super) struct Asks<'a> {
    pub(super) instance: &'a InstanceId,
    /// The caps as they stand.
    pub(super) limit: Budget,
    pub(super) needed: Amounts,
    /// What the attempt did outside may not be simply repeated.
    pub(super) harmful: bool,
}

impl Decider<'_> {
    /// Opens the ticket of a budget.
    pub(super) fn ask_for_budget(&mut self, account: AccountKey, known: &Account, asks: &Asks<'_>) {
        let Asks { instance, limit, needed, harmful } = asks;
        let of = self.state.account_of(account);
        let caps = self.first_caps(&of);
        let short = known.lasting().plus(*needed).beyond(limit);
        let suggested = suggestion(short, &caps);
        let (spent, set_aside) = (known.spent, known.reserved.plus(known.allotted));
        let mut message = format!(
            "Raise the budget of {of} by {suggested}?\nIt allows {limit}. Spent: {}; set aside: {}. The \
             next call of `{instance}` needs {}. Approved, what is parked goes on with another \
             attempt; rejected, it fails.",
            spent.bounded_by(limit),
            set_aside.bounded_by(limit),
            needed.bounded_by(limit),
        );
        if *harmful {
            message.push_str(" What it did outside until now may be done twice.");
        }
        let subject = json!({
            "budget": of,
            "limit": shown_caps(limit),
            "spent": shown(spent),
            "set_aside": shown(set_aside),
            "needed": shown(*needed),
            "suggested": shown(suggested),
            "instance": instance,
        });
        let subject = self.payload_of(subject);
        let ticket = self.budget_ticket(account, known.tickets);
        let subject_hash = aob_ir::Digest::of(
            format!("aob.budget-subject.1\n{ticket}\n{}", subject.digest).as_bytes(),
        );
        let form = self.payload_of(form(&caps, suggested));
        self.emit(ApprovalRequested {
            instance: None,
            patch: None,
            budget: Some(BudgetAsk { of, needed: *needed, suggested }),
            ticket,
            message: message.into(),
            form: Some(form),
            subject,
            subject_hash,
            approvers: Vec::new(),
            quorum: 1,
            escalations: Vec::new(),
            expires_at: None,
            replaces: None,
            four_eyes: false,
            barred: Vec::new(),
            editable: Vec::new(),
            fixed: Vec::new(),
        });
    }

    /// The ticket of a budget is decided: the budget is raised, or whoever waits fails.
    pub(in super::super) fn decide_budget(
        &mut self,
        vote: &CastVote,
        ticket: &Ticket,
        account: AccountKey,
        outcome: ApprovalOutcome,
        data: Option<Payload>,
    ) -> Step {
        debug_assert!(!ticket.decided);
        let by = self.request.actor.clone();
        let approved = outcome == ApprovalOutcome::Approved;
        if approved {
            let known = self.state.account(account).cloned().unwrap_or_default();
            let (of, caps) = (self.state.account_of(account), self.caps_of(account));
            let amounts = match data {
                None => known.suggested,
                Some(data) => amounts_of(self.load_payload(&data)?.value()),
            };
            self.check_raise(&of, &caps, amounts)?;
            let limit = amounts.raise(&self.limit(account, caps));
            if !super::fits(&known, &limit) {
                let short = known.lasting().plus(known.needed).beyond(&limit);
                let text = format!("that is {short} too little for the call that waits");
                let hint = Some("raise it by more, or leave `data` out for what is suggested");
                return Err(reject(RejectionCode::InvalidForm, text, hint));
            }
            let ticket = Some(vote.ticket.clone());
            self.emit(BudgetRaised { of, amounts, by: by.clone(), ticket });
        }
        self.emit(ApprovalDecided { ticket: vote.ticket.clone(), outcome, by });
        self.work.push_back(super::super::Work::Release);
        Ok(())
    }
}

/// As much again as the budget began with in each dimension that is short, or what is missing.
fn suggestion(short: Amounts, caps: &Budget) -> Amounts {
    let more =
        |short: u64, cap: Option<u64>| if short == 0 { 0 } else { short.max(cap.unwrap_or(0)) };
    Amounts {
        calls: more(short.calls, caps.calls),
        tokens: more(short.tokens, caps.tokens),
        usd_micros: more(short.usd_micros, caps.usd_micros),
    }
}

/// Money as people read it.
fn usd(micros: u64) -> Value {
    if micros.is_multiple_of(MICROS_PER_USD) {
        json!(micros / MICROS_PER_USD)
    } else {
        json!(micros as f64 / MICROS_PER_USD as f64)
    }
}

fn shown(amounts: Amounts) -> Value {
    json!({
        "calls": amounts.calls,
        "tokens": amounts.tokens,
        "usd": usd(amounts.usd_micros),
    })
}

fn shown_caps(budget: &Budget) -> Value {
    let mut caps = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            caps.insert(key.to_owned(), value);
        }
    };
    put("calls", budget.calls.map(Value::from));
    put("tokens", budget.tokens.map(Value::from));
    put("usd", budget.usd_micros.map(usd));
    Value::Object(caps)
}

/// The form of the ticket: by how much the budget is raised, in the dimensions that it bounds.
fn form(caps: &Budget, suggested: Amounts) -> Value {
    let mut properties = Map::new();
    let mut put = |key: &str, bounded: bool, property: Value| {
        if bounded {
            properties.insert(key.to_owned(), property);
        }
    };
    let counted = |title: &str, default: u64| {
        json!({"type": "integer", "title": title, "minimum": 0, "maximum": 1_000_000_000_000_u64,
            "default": default})
    };
    put("calls", caps.calls.is_some(), counted("Calls more", suggested.calls));
    put("tokens", caps.tokens.is_some(), counted("Tokens more", suggested.tokens));
    let money = json!({"type": "number", "title": "US dollars more", "minimum": 0,
        "maximum": 1_000_000_000, "default": usd(suggested.usd_micros)});
    put("usd", caps.usd_micros.is_some(), money);
    json!({"type": "object", "additionalProperties": false, "properties": properties})
}

/// What an answer that fits the form says.
fn amounts_of(data: &Value) -> Amounts {
    let count = |key: &str| data.get(key).and_then(Value::as_u64).unwrap_or(0);
    let usd = data.get("usd").and_then(Value::as_f64).map_or(0, usd_micros);
    Amounts { calls: count("calls"), tokens: count("tokens"), usd_micros: usd }
}
