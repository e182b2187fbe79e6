//! A ticket as its page shows it: everything is taken from the log and the documents, and what a
//! workflow or an agent wrote is marked as theirs.

use aob_answers::refusals::{unknown_patch, unreadable};
use aob_answers::{TicketDetail, ticket_detail};
use aob_edge::{Caller, Permission, Refusal};
use aob_engine::{Approver, INLINE_BYTES_MAX, PayloadRef, RunId, TicketId, Timestamp, Vote};
use aob_store::TicketRow;
use serde_json::Value;

use crate::app::Parts;
use crate::form::{Edits, Field, Form};
use crate::history::{About, History};
use crate::proposal::{Proposal, editable, proposal};
use crate::words::{Time, actor, approver, bytes, cut, plain};

/// Bytes of a value that is read for a page.
const READ_BYTES_MAX: u64 = 256 * 1024;
/// Characters of a value that stand on a page; the whole of it can be downloaded.
pub(crate) const VALUE_CHARS_MAX: usize = 20_000;
/// Characters of a message that stand in a heading.
const HEADING_CHARS: usize = 300;

/// What somebody may do with a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Decide.
    Open,
    /// Nothing more: they have voted.
    Voted(Vote),
    /// Nothing: they are not among its approvers.
    NotApprover,
    /// Nothing: their key does not let them decide anything.
    NoPermission,
    /// Nothing: it is decided.
    Over,
}

impl Standing {
    /// The words in a list; empty: none.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::Open => "for you",
            Self::Voted(Vote::Approve) => "you approved",
            Self::Voted(Vote::Reject) => "you rejected",
            Self::NotApprover | Self::NoPermission | Self::Over => "",
        }
    }
}

/// What the caller may do with a ticket. A courtesy: the engine judges every vote itself.
pub(crate) fn standing(caller: &Caller, row: &TicketRow, detail: &TicketDetail) -> Standing {
    let own = detail.votes.iter().find(|cast| cast.by == caller.actor());
    if row.status != "pending" {
        return Standing::Over;
    }
    if let Some(cast) = own {
        return Standing::Voted(cast.vote);
    }
    if !caller.may(Permission::ApprovalsDecide) {
        return Standing::NoPermission;
    }
    let words = caller.approver_roles();
    let may = |approver: &Approver| match approver {
        Approver::Role(role) => words.contains(role),
        Approver::User(name) => **name == *caller.name(),
    };
    let named = detail.approvers.is_empty() || detail.approvers.iter().any(may);
    if named { Standing::Open } else { Standing::NotApprover }
}

/// A value on a page.
#[derive(Debug, Clone)]
pub(crate) enum Shown {
    /// A list of names and values.
    Facts(Vec<(String, String)>),
    /// What a budget allows, calls, tokens and money each in a row.
    Budget(Vec<BudgetRow>),
    /// JSON, and whether there is more of it.
    Text { text: String, cut: bool },
    /// It is too long to be shown.
    Long { len: String },
}

/// One dimension of a budget that is to be raised.
#[derive(Debug, Clone)]
pub(crate) struct BudgetRow {
    pub(crate) what: &'static str,
    pub(crate) allowed: String,
    pub(crate) spent: String,
    pub(crate) set_aside: String,
    pub(crate) needed: String,
    pub(crate) suggested: String,
}

/// A ticket.
pub(crate) struct TicketShown {
    pub(crate) ticket: String,
    pub(crate) status: String,
    pub(crate) standing: Standing,
    pub(crate) heading: String,
    /// The whole question, where the heading is cut or has lines.
    pub(crate) message: Option<String>,
    pub(crate) run: String,
    pub(crate) run_name: String,
    pub(crate) node: Option<String>,
    /// It asks to raise a budget.
    pub(crate) is_budget: bool,
    pub(crate) subject: Shown,
    pub(crate) subject_hash: String,
    pub(crate) form: Option<Form>,
    /// What may be changed before it is approved.
    pub(crate) edits: Edits,
    /// Who may reject, and not approve.
    pub(crate) barred: Vec<String>,
    /// The caller is one of those.
    pub(crate) is_barred: bool,
    /// The ticket that is asked in its place.
    pub(crate) replaced_by: Option<String>,
    pub(crate) approvers: Vec<String>,
    pub(crate) quorum: u32,
    pub(crate) approvals: usize,
    pub(crate) votes: Vec<(String, &'static str)>,
    pub(crate) escalations: Vec<(Time, String)>,
    pub(crate) asked: Time,
    pub(crate) expires: Option<Time>,
    pub(crate) decided: Option<Time>,
    pub(crate) history: History,
    pub(crate) proposal: Option<Proposal>,
}

impl Parts {
    /// Everything that an approver has to see.
    pub(crate) async fn shown(
        &self,
        caller: &Caller,
        row: &TicketRow,
    ) -> Result<TicketShown, Refusal> {
        let now = self.now();
        let detail = ticket_detail(row)?;
        let run = RunId(row.run.0);
        let ticket = TicketId(row.ticket.as_str().into());
        let form = match detail.form {
            Some(form) => self.value(caller, run, form).await?.map(Form::of),
            None => None,
        };
        let covered = self.value(caller, run, detail.subject).await?;
        let subject = match (&covered, &detail.budget) {
            (Some(value), Some(_)) => Shown::Budget(budget_rows(value)),
            (Some(value), None) => shown_value(value),
            (None, _) => Shown::Long { len: bytes(detail.subject.len) },
        };
        let from_seq = detail.subject.seq.unwrap_or(0);
        let patch = detail.patch.as_ref();
        let about = About { run, ticket: &ticket, patch, from_seq };
        let history = self.history(caller, about, now).await?;
        let mut edits = match (&covered, patch) {
            (Some(value), None) => {
                Edits::of(&detail.fields, std::iter::once((String::new(), value)))
            }
            (_, _) => Edits::default(),
        };
        let proposal = match patch {
            Some(patch) => {
                let loaded = self.reads.loaded(caller, run).await?;
                let view = loaded.state.patch(patch).ok_or_else(|| unknown_patch(&patch.0))?;
                let change = match view.result {
                    Some(_) => Some(self.reads.patch_change(caller, run, &view).await?),
                    None => None,
                };
                if let Some(change) = &change {
                    edits = editable(change, &detail.fields);
                }
                Some(proposal(&view, change.as_ref()))
            }
            None => None,
        };
        let standing = standing(caller, row, &detail);
        let mut shown = TicketShown::of(row, &detail, now);
        shown.run_name = self.name_of(caller, row.run).await?;
        (shown.form, shown.subject, shown.history) = (form, subject, history);
        (shown.proposal, shown.standing, shown.edits) = (proposal, standing, edits);
        shown.is_barred = detail.barred.contains(&caller.actor());
        Ok(shown)
    }

    /// A value of a run, if it is short enough to be read for a page.
    async fn value(
        &self,
        caller: &Caller,
        run: RunId,
        reference: PayloadRef,
    ) -> Result<Option<Value>, Refusal> {
        if reference.len > READ_BYTES_MAX.max(INLINE_BYTES_MAX as u64) {
            return Ok(None);
        }
        let value = self.reads.reader.value(caller.workspace(), run, reference).await;
        let value = value.map_err(|error| unreadable(&error))?;
        Ok(Some((**value.value()).clone()))
    }
}

impl TicketShown {
    fn of(row: &TicketRow, detail: &TicketDetail, now: Timestamp) -> Self {
        let first = row.message.lines().next().unwrap_or_default();
        let heading = cut(first, HEADING_CHARS);
        let message = plain(&row.message);
        let votes = detail.votes.iter().map(|cast| {
            let vote = match cast.vote {
                Vote::Approve => "approved",
                Vote::Reject => "rejected",
            };
            (actor(&cast.by), vote)
        });
        let escalations = detail.escalations.iter();
        Self {
            ticket: row.ticket.clone(),
            status: row.status.clone(),
            standing: Standing::Over,
            message: (message != heading).then_some(message),
            heading,
            run: RunId(row.run.0).to_string(),
            run_name: String::new(),
            node: detail.instance.as_ref().map(|instance| plain(&instance.to_string())),
            is_budget: detail.budget.is_some(),
            subject: Shown::Long { len: String::new() },
            subject_hash: row.subject_hash.clone(),
            form: None,
            approvers: detail.approvers.iter().map(approver).collect(),
            quorum: detail.quorum,
            approvals: detail.votes.iter().filter(|cast| cast.vote == Vote::Approve).count(),
            votes: votes.collect(),
            escalations: escalations.map(|e| (Time::new(e.at, now), approver(&e.to))).collect(),
            asked: Time::new(Timestamp(row.created_ms), now),
            expires: row.expires_ms.map(|at| Time::new(Timestamp(at), now)),
            decided: row.decided_ms.map(|at| Time::new(Timestamp(at), now)),
            history: History::default(),
            proposal: None,
            edits: Edits::default(),
            barred: detail.barred.iter().map(actor).collect(),
            is_barred: false,
            replaced_by: detail.replaced_by.as_ref().map(ToString::to_string),
        }
    }

    /// What was typed in and has to be corrected, or is wrong with the form.
    pub(crate) fn wrong(&self) -> impl Iterator<Item = &Field> {
        let answers = self.form.iter().flat_map(|form| &form.fields);
        answers.chain(&self.edits.fields).filter(|field| field.error.is_some())
    }

    /// What the page is called: the question; of a patch never what its author says.
    pub(crate) fn title(&self) -> String {
        match &self.proposal {
            Some(_) => change_of(&self.run_name),
            None => self.heading.clone(),
        }
    }

    pub(crate) fn is_pending(&self) -> bool {
        self.status == "pending"
    }

    /// The status for people.
    pub(crate) fn status_text(&self) -> &'static str {
        match &*self.status {
            "pending" => "Waiting for a decision",
            "approved" => "Approved",
            "rejected" => "Rejected",
            "expired" => "Expired: nobody decided in time",
            _ => "Withdrawn",
        }
    }
}

/// What the ticket of a patch asks, in our own words.
pub(crate) fn change_of(run_name: &str) -> String {
    format!("Change the graph of {run_name}?")
}

/// What the subject of a budget's ticket says of each dimension that is bounded.
fn budget_rows(subject: &Value) -> Vec<BudgetRow> {
    let dimensions = [("calls", "Calls"), ("tokens", "Tokens"), ("usd", "US dollars")];
    let bounded = dimensions.into_iter().filter(|(key, _)| subject["limit"].get(key).is_some());
    bounded
        .map(|(key, what)| {
            let said = |of: &str| {
                subject[of][key].as_number().map_or_else(String::new, ToString::to_string)
            };
            BudgetRow {
                what,
                allowed: said("limit"),
                spent: said("spent"),
                set_aside: said("set_aside"),
                needed: said("needed"),
                suggested: said("suggested"),
            }
        })
        .collect()
}

fn shown_value(value: &Value) -> Shown {
    let simple = |value: &Value| match value {
        Value::String(text) => Some(cut(text, VALUE_CHARS_MAX / 10)),
        Value::Null | Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Array(_) | Value::Object(_) => None,
    };
    if let Value::Object(keys) = value
        && (1..=40).contains(&keys.len())
    {
        let facts = keys.iter().map(|(key, value)| Some((cut(key, 100), simple(value)?)));
        if let Some(facts) = facts.collect() {
            return Shown::Facts(facts);
        }
    }
    let text = plain(&serde_json::to_string_pretty(value).unwrap_or_default());
    let shown = cut(&text, VALUE_CHARS_MAX);
    Shown::Text { cut: shown != text, text: shown }
}
