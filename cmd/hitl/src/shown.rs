//! A ticket as its page shows it: everything is taken from the log and the documents, and what a
//! workflow or an agent wrote is marked as theirs.

use aob_answers::refusals::{unknown_patch, unreadable};
use aob_answers::{PatchChange, TicketDetail, ticket_detail};
use aob_api::{Change, DiffView, FieldDiff};
use aob_edge::{Caller, Permission, Refusal};
use aob_engine::{
    Approver, INLINE_BYTES_MAX, PatchOrigin, PatchView, PayloadRef, RunId, TicketId, Timestamp,
    Vote,
};
use aob_store::TicketRow;
use serde_json::Value;

use crate::app::Parts;
use crate::form::Form;
use crate::history::{About, History};
use crate::picture::{Pictures, pictures};
use crate::words::{Time, actor, approver, bytes, cut, plain};

/// Bytes of a value that is read for a page.
const READ_BYTES_MAX: u64 = 256 * 1024;
/// Characters of a value that stand on a page; the whole of it can be downloaded.
const VALUE_CHARS_MAX: usize = 20_000;
/// Characters of a message that stand in a heading.
const HEADING_CHARS: usize = 300;
/// Characters of what an agent says about its patch.
const WORDS_CHARS: usize = 4_000;

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
    /// JSON, and whether there is more of it.
    Text { text: String, cut: bool },
    /// It is too long to be shown.
    Long { len: String },
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
    pub(crate) subject: Shown,
    pub(crate) subject_hash: String,
    pub(crate) form: Option<Form>,
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

/// A change of a run's graph.
pub(crate) struct Proposal {
    pub(crate) by: String,
    pub(crate) by_machine: bool,
    pub(crate) words: String,
    pub(crate) why: String,
    pub(crate) growth: Vec<Growth>,
    pub(crate) pictures: Option<Pictures>,
    pub(crate) changes: Vec<ChangeShown>,
    pub(crate) truncated: bool,
    pub(crate) reordered: bool,
    pub(crate) operations: String,
    /// Where the same patch is asked for anew.
    pub(crate) asked_again: Option<String>,
}

/// Something that the graph may do newly.
pub(crate) struct Growth {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) granted: bool,
}

/// A node, an edge or a section that changes.
pub(crate) struct ChangeShown {
    pub(crate) what: String,
    pub(crate) name: String,
    pub(crate) class: &'static str,
    pub(crate) verb: &'static str,
    pub(crate) fields: Vec<FieldShown>,
}

/// A key that changes.
pub(crate) struct FieldShown {
    pub(crate) pointer: String,
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
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
        let subject = match self.value(caller, run, detail.subject).await? {
            Some(value) => shown_value(&value),
            None => Shown::Long { len: bytes(detail.subject.len) },
        };
        let from_seq = detail.subject.seq.unwrap_or(0);
        let patch = detail.patch.as_ref();
        let about = About { run, ticket: &ticket, patch, from_seq };
        let history = self.history(caller, about, now).await?;
        let proposal = match patch {
            Some(patch) => {
                let loaded = self.reads.loaded(caller, run).await?;
                let view = loaded.state.patch(patch).ok_or_else(|| unknown_patch(&patch.0))?;
                let change = match view.result {
                    Some(_) => Some(self.reads.patch_change(caller, run, &view).await?),
                    None => None,
                };
                Some(proposal(&view, change.as_ref(), &ticket))
            }
            None => None,
        };
        let standing = standing(caller, row, &detail);
        let mut shown = TicketShown::of(row, &detail, now);
        shown.run_name = self.name_of(caller, row.run).await?;
        (shown.form, shown.subject, shown.history) = (form, subject, history);
        (shown.proposal, shown.standing) = (proposal, standing);
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
        }
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

fn proposal(view: &PatchView, change: Option<&PatchChange>, ticket: &TicketId) -> Proposal {
    let diff = change.map(PatchChange::diff);
    let pictures = change.zip(diff.as_ref());
    let pictures = pictures.and_then(|(change, diff)| pictures_of(change, diff));
    let operations: Option<Value> =
        change.and_then(|change| serde_json::from_str(change.operations.text()).ok());
    let operations = operations.and_then(|value| serde_json::to_string_pretty(&value).ok());
    let asked_again = view.ticket.as_ref().filter(|other| *other != ticket);
    Proposal {
        by: actor(&view.by),
        by_machine: view.origin != PatchOrigin::Person || view.by.is_machine(),
        words: cut(&view.description, WORDS_CHARS),
        why: view.approval.as_deref().map(plain).unwrap_or_default(),
        growth: view.growth.iter().map(Growth::of).collect(),
        pictures,
        truncated: diff.as_ref().is_some_and(|diff| diff.truncated),
        reordered: diff.as_ref().is_some_and(|diff| diff.reordered),
        changes: diff.as_ref().map(changes).unwrap_or_default(),
        operations: operations.as_deref().map(plain).unwrap_or_default(),
        asked_again: asked_again.map(ToString::to_string),
    }
}

fn pictures_of(change: &PatchChange, diff: &DiffView) -> Option<Pictures> {
    pictures(&change.base, &change.result, diff)
}

impl Growth {
    fn of(grown: &aob_engine::GrownPower) -> Self {
        Self {
            kind: grown.power.kind().as_str().replace('_', " "),
            name: plain(grown.power.name()),
            granted: grown.granted,
        }
    }
}

fn changes(diff: &DiffView) -> Vec<ChangeShown> {
    let change = |what: String, name: &str, change: Change, fields: &[FieldDiff]| {
        let (class, verb) = match change {
            Change::Added => ("added", "+ new"),
            Change::Removed => ("removed", "− gone"),
            Change::Changed => ("changed", "± changed"),
        };
        let fields = fields.iter().map(field).collect();
        ChangeShown { what, name: plain(name), class, verb, fields }
    };
    let nodes = diff.nodes.iter().map(|node| {
        change(format!("{} node", plain(&node.kind)), &node.id, node.change, &node.fields)
    });
    let edges = diff.edges.iter().map(|edge| {
        let condition = edge.condition.as_deref().map(|text| format!(" if {text}"));
        let name = format!("{} → {}{}", edge.from, edge.to, condition.unwrap_or_default());
        change("edge".to_owned(), &name, edge.change, &[])
    });
    let sections = diff.sections.iter().map(|section| {
        let name = section.pointer.clone();
        change("setting".to_owned(), &name, section.change, std::slice::from_ref(section))
    });
    nodes.chain(edges).chain(sections).collect()
}

fn field(field: &FieldDiff) -> FieldShown {
    let text = |value: &Option<aob_api::RawText>| {
        value.as_ref().map(|text| cut(text.0.get(), VALUE_CHARS_MAX / 10))
    };
    FieldShown {
        pointer: plain(&field.pointer),
        before: text(&field.before),
        after: text(&field.after),
    }
}
