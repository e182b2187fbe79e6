//! What happened to a ticket, as the log of its run has it.

use aob_answers::refusals::unreadable;
use aob_coordinator::{parse, store_workspace, stream};
use aob_edge::{Caller, Refusal};
use aob_engine::{
    ApprovalEdited, ApprovalOutcome, Event, EventKind, PatchId, RunId, TicketId, Timestamp, Vote,
};

use crate::app::Parts;
use crate::words::{Time, actor, approver, cut, plain};

/// Segments read at once, and pages of them read for one ticket.
const PAGE_SEGMENTS: u32 = 16;
const PAGES_MAX: usize = 64;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) at: Time,
    pub(crate) text: String,
    /// What a person gave as the reason.
    pub(crate) reason: Option<String>,
}

/// All of it, oldest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    pub(crate) moments: Vec<Moment>,
    /// The log goes on for longer than was read.
    pub(crate) cut: bool,
}

/// Whose history is wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About<'a> {
    pub(crate) run: RunId,
    pub(crate) ticket: &'a TicketId,
    pub(crate) patch: Option<&'a PatchId>,
    /// Nothing before this seq is about the ticket.
    pub(crate) from_seq: u64,
}

impl Parts {
    /// Reads what happened to a ticket.
    pub(crate) async fn history(
        &self,
        caller: &Caller,
        about: About<'_>,
        now: Timestamp,
    ) -> Result<History, Refusal> {
        let workspace = store_workspace(caller.workspace());
        let store = &self.reads.store;
        let mut history = History::default();
        let mut after = about.from_seq.saturating_sub(1);
        for _ in 0..PAGES_MAX {
            let page = store.segments_after_seq(workspace, stream(about.run), after, PAGE_SEGMENTS);
            let page = page.await?;
            for segment in &page {
                after = segment.last_seq;
                let events = parse(about.run, segment).map_err(|error| unreadable(&error))?;
                let moments = events.iter().filter_map(|event| moment(event, about, now));
                history.moments.extend(moments);
            }
            if page.len() < PAGE_SEGMENTS as usize {
                return Ok(history);
            }
        }
        history.cut = true;
        Ok(history)
    }
}

fn moment(event: &Event, about: About<'_>, now: Timestamp) -> Option<Moment> {
    let (text, reason) = of_ticket(&event.kind, about.ticket)
        .or_else(|| of_patch(&event.kind, about.patch?).map(|text| (text, None)))?;
    Some(Moment { at: Time::new(event.at, now), text, reason })
}

fn of_ticket(kind: &EventKind, ticket: &TicketId) -> Option<(String, Option<String>)> {
    let plainly = |text: &str| Some((text.to_owned(), None));
    if let EventKind::ApprovalRequested(data) = kind {
        (data.ticket == *ticket).then(|| plainly("The approval was asked for."))?
    } else if let EventKind::ApprovalVoted(data) = kind {
        let verb = match data.vote {
            Vote::Approve => "approved",
            Vote::Reject => "rejected",
        };
        let reason = data.reason.as_deref().map(plain);
        (data.ticket == *ticket).then(|| (format!("{} {verb}.", actor(&data.by)), reason))
    } else if let EventKind::ApprovalEscalated(data) = kind {
        let text = || (format!("It was passed on to {}.", approver(&data.to)), None);
        (data.ticket == *ticket).then(text)
    } else if let EventKind::ApprovalEdited(data) = kind {
        let by = actor(&data.by);
        if data.next == *ticket {
            return Some((format!("It was made of what {by} changed."), None));
        }
        let text = || (format!("{by} changed it: {}.", edited(data)), None);
        (data.ticket == *ticket).then(text)
    } else if let EventKind::BudgetRaised(data) = kind {
        let (by, of, more) = (actor(&data.by), plain(&data.of.to_string()), data.amounts);
        let text = || (format!("{by} raised the budget of {of} by {more}."), None);
        (data.ticket.as_ref() == Some(ticket)).then(text)
    } else if let EventKind::ApprovalDecided(data) = kind {
        let text = match data.outcome {
            ApprovalOutcome::Approved => "Decided: approved.",
            ApprovalOutcome::Rejected => "Decided: rejected.",
            ApprovalOutcome::Expired => "Nobody decided in time.",
            ApprovalOutcome::Cancelled => "Withdrawn: it is no longer the question.",
        };
        (data.ticket == *ticket).then(|| plainly(text))?
    } else {
        None
    }
}

/// The fields that were changed, and to what, where that is short.
fn edited(data: &ApprovalEdited) -> String {
    let edits = data.edits.inline().and_then(|blob| blob.value().as_object().cloned());
    let change = |(at, value): (&String, &serde_json::Value)| {
        format!("{} to {}", cut(at, 200), cut(&value.to_string(), 200))
    };
    let changes = edits.iter().flatten().map(change).take(20);
    changes.collect::<Vec<_>>().join("; ")
}

fn of_patch(kind: &EventKind, patch: &PatchId) -> Option<String> {
    if let EventKind::PatchProposed(data) = kind {
        (data.patch == *patch).then(|| format!("{} proposed the change.", actor(&data.by)))
    } else if let EventKind::PatchApplied(data) = kind {
        let text =
            || format!("The change took effect, as revision {} of the graph.", data.revision);
        (data.patch == *patch).then(text)
    } else if let EventKind::PatchRejected(data) = kind {
        (data.patch == *patch).then(|| format!("The change was refused: {}.", plain(&data.message)))
    } else {
        None
    }
}
