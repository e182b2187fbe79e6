//! Deciding: a form becomes a vote, and every refusal a page.

use std::collections::BTreeMap;
use std::sync::Arc;

use aob_answers::refusals::submit_error;
use aob_answers::ticket_detail;
use aob_coordinator::SubmitError;
use aob_edge::{Permission, Refusal};
use aob_engine::{Blob, CastVote, RejectionCode, RunId, TicketId, Vote};
use aob_ir::Digest;
use aob_store::TicketRow;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::StatusCode;

use super::ticket::{Banner, TicketPage, to_decide};
use super::{Chrome, Notice, field, look_at, sent_form, ticket_path};
use crate::app::App;
use crate::around::SignedIn;
use crate::form::{Answered, Form, answer};
use crate::shown::{Standing, standing};

/// Characters of a reason.
const REASON_CHARS_MAX: usize = 4_000;

/// Takes a decision. What was decided is shown by the ticket's page, which the browser is sent to:
/// loading that again decides nothing.
pub(crate) async fn decide(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(ticket): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let form = sent_form(request).await?;
    let row = app.reads.ticket_row(&signed_in.caller, &ticket).await?;
    let refused = match standing(&signed_in.caller, &row, &ticket_detail(&row)?) {
        Standing::NotApprover => Some(Refused::NotApprover),
        Standing::NoPermission => Some(Refused::NoPermission),
        // Who has voted may send the same again; what is decided may be decided by them.
        Standing::Open | Standing::Voted(_) | Standing::Over => None,
    };
    if let Some(refused) = refused {
        return app.not_done(&signed_in, &row, &form, refused).await;
    }
    if !signed_in.made(&to_decide(&ticket), field(&form, "token")) {
        let path = ticket_path(&ticket);
        return Ok(Notice::stale_form(&path).page(&Chrome::of(Some(&signed_in))));
    }
    signed_in.caller.require(Permission::ApprovalsDecide)?;
    let decision = match field(&form, "decision") {
        "approve" => Vote::Approve,
        "reject" => Vote::Reject,
        _ => return app.not_done(&signed_in, &row, &form, Refused::NoDecision).await,
    };
    let Ok(subject_hash) = field(&form, "subject_hash").parse::<Digest>() else {
        return app.not_done(&signed_in, &row, &form, Refused::NoDecision).await;
    };
    // An answer belongs to what it was asked for: a form that has changed is shown first.
    if subject_hash.to_string() != row.subject_hash {
        return app.not_done(&signed_in, &row, &form, Refused::Changed).await;
    }
    let (data, edits) = match decision {
        Vote::Approve => match app.answered(&signed_in, &row, &form).await? {
            Ok(answered) => answered,
            Err(page) => return Ok(*page),
        },
        Vote::Reject => (None, BTreeMap::new()),
    };
    let edited = !edits.is_empty();
    let reason = field(&form, "reason").trim().replace("\r\n", "\n");
    let reason: String = reason.chars().take(REASON_CHARS_MAX).collect();
    let vote = CastVote {
        ticket: TicketId(row.ticket.as_str().into()),
        vote: decision,
        reason: (!reason.is_empty()).then(|| reason.into()),
        data,
        edits,
        subject_hash: Some(subject_hash),
        roles: signed_in.caller.approver_roles(),
    };
    match app.vote(&signed_in.caller, RunId(row.run.0), vote).await {
        Ok(()) => app.done(&signed_in, &ticket, edited).await,
        Err(SubmitError::Rejected(rejection)) => {
            let refused = Refused::of(rejection.code);
            let refused = refused.ok_or_else(|| submit_error(SubmitError::Rejected(rejection)))?;
            let row = app.reads.ticket_row(&signed_in.caller, &ticket).await?;
            app.not_done(&signed_in, &row, &form, refused).await
        }
        Err(error) => Err(submit_error(error)),
    }
}

/// The answer to a ticket's form, and what was changed of what is to be approved.
type Answers = (Option<Arc<Blob>>, BTreeMap<Arc<str>, serde_json::Value>);

/// Why a decision was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    NoDecision,
    Changed,
    Decided,
    NotApprover,
    NoPermission,
    InvalidForm,
    FourEyes,
    TooLate,
    Edited,
    AskedAgain,
}

impl Refused {
    /// What the engine's refusals of votes are here; `None`: another refusal.
    fn of(code: RejectionCode) -> Option<Self> {
        let known = [
            (RejectionCode::SubjectChanged, Self::Changed),
            (RejectionCode::AlreadyDecided, Self::Decided),
            (RejectionCode::RunTerminal, Self::Decided),
            (RejectionCode::RunCancelling, Self::Decided),
            (RejectionCode::NotAnApprover, Self::NotApprover),
            (RejectionCode::InvalidForm, Self::InvalidForm),
            (RejectionCode::FourEyes, Self::FourEyes),
            (RejectionCode::TicketExpired, Self::TooLate),
            (RejectionCode::EditRefused, Self::Edited),
            (RejectionCode::PatchRefused, Self::Edited),
        ];
        known.into_iter().find(|(known, _)| *known == code).map(|(_, refused)| refused)
    }

    /// What another answer, or another person, would get done.
    fn may_be_mended(self) -> (StatusCode, Banner) {
        if self == Self::FourEyes {
            let text = "You started the run, proposed this or edited it. Nothing was decided.";
            let banner = Banner::bad("Somebody else has to approve this", text);
            return (StatusCode::FORBIDDEN, banner);
        }
        let banner = match self == Self::Edited {
            true => Banner::bad(
                "It may not be changed like that",
                "Nothing was decided. What you changed breaks a rule, or would let the run do more than \
                 was proposed.",
            ),
            false => Banner::bad(
                "The answers do not fit the form",
                "Nothing was decided. Look at them again.",
            ),
        };
        (StatusCode::UNPROCESSABLE_ENTITY, banner)
    }

    fn says(self, status: &str, voted: bool) -> (StatusCode, Banner) {
        let bad = Banner::bad;
        match self {
            Self::NoDecision => (
                StatusCode::UNPROCESSABLE_ENTITY,
                bad("Nothing was decided", "Choose whether to approve or to reject."),
            ),
            Self::Changed => (
                StatusCode::CONFLICT,
                bad(
                    "What you were shown has changed",
                    "Nothing was decided. Below is what is asked now: look at it, and decide again.",
                ),
            ),
            Self::FourEyes | Self::Edited | Self::InvalidForm => self.may_be_mended(),
            Self::TooLate => Self::Decided.says("expired", voted),
            Self::Decided if status == "expired" => (
                StatusCode::GONE,
                bad(
                    "Too late",
                    "Its time was over before your decision came. Nothing was changed.",
                ),
            ),
            Self::Decided => (
                StatusCode::CONFLICT,
                bad("It was decided before", "Your decision came later and changes nothing."),
            ),
            Self::NotApprover if voted => (
                StatusCode::FORBIDDEN,
                bad(
                    "You have voted already",
                    "A vote stands once it is cast. Nothing was changed.",
                ),
            ),
            Self::NotApprover => (
                StatusCode::FORBIDDEN,
                bad(
                    "You may not decide this",
                    "You are not among its approvers. Nothing was decided.",
                ),
            ),
            Self::NoPermission => (
                StatusCode::FORBIDDEN,
                bad("You may not decide this", "Your key lets you look. Nothing was decided."),
            ),
            Self::AskedAgain => (
                StatusCode::CONFLICT,
                bad(
                    "The run has moved on",
                    "What you approved is not what would happen now, so nothing was applied. It is \
                     asked again, as it stands now.",
                ),
            ),
        }
    }
}

impl App {
    /// The answers of the form, or the page with what is wrong with them.
    async fn answered(
        &self,
        signed_in: &SignedIn,
        row: &TicketRow,
        sent: &[(String, String)],
    ) -> Result<Result<Answers, Box<Response>>, Refusal> {
        let mut shown = self.shown(&signed_in.caller, row).await?;
        let edits = shown.edits.read(sent);
        let answered = shown.form.take().map(|form| answer(form, sent));
        match (answered, edits) {
            (None, Some(edits)) => Ok(Ok((None, edits))),
            (Some(Answered::Data(data)), Some(edits)) => Ok(Ok((Some(Blob::of(data)), edits))),
            (wrong, _) => {
                shown.form = match wrong {
                    Some(Answered::Wrong(form)) => Some(*form),
                    // Its answers are sent again with what is to be corrected.
                    Some(Answered::Data(_)) | None => self.filled_in(signed_in, row, sent).await?,
                };
                let mut template = TicketPage::new(signed_in, shown);
                template.reason = field(sent, "reason").to_owned();
                template.banner = Some(Banner::bad(
                    "Something is to be corrected",
                    "Nothing was decided yet. What is wrong stands at its field.",
                ));
                Ok(Err(Box::new(template.page(StatusCode::UNPROCESSABLE_ENTITY))))
            }
        }
    }

    /// The form of a ticket with what was typed into it.
    async fn filled_in(
        &self,
        signed_in: &SignedIn,
        row: &TicketRow,
        sent: &[(String, String)],
    ) -> Result<Option<Form>, Refusal> {
        let form = self.shown(&signed_in.caller, row).await?.form;
        Ok(form.map(|form| form.filled_in(sent)))
    }

    /// The ticket as it is, with why the decision was not taken.
    async fn not_done(
        &self,
        signed_in: &SignedIn,
        row: &TicketRow,
        sent: &[(String, String)],
        refused: Refused,
    ) -> Result<Response, Refusal> {
        let shown = self.shown(&signed_in.caller, row).await?;
        let detail = ticket_detail(row)?;
        let voted = detail.votes.iter().any(|cast| cast.by == signed_in.caller.actor());
        let (status, banner) = refused.says(&shown.status, voted);
        let mut template = TicketPage::new(signed_in, shown);
        template.banner = Some(banner);
        template.reason = field(sent, "reason").to_owned();
        Ok(template.page(status))
    }

    /// After a vote that was taken in. Where the engine found that what was approved is not what
    /// would happen, it has asked again instead.
    async fn done(
        &self,
        signed_in: &SignedIn,
        ticket: &str,
        edited: bool,
    ) -> Result<Response, Refusal> {
        let row = self.reads.ticket_row(&signed_in.caller, ticket).await?;
        let next = ticket_detail(&row)?.replaced_by.filter(|_| edited);
        if let Some(next) = next {
            return Ok(look_at(&format!("{}?done", ticket_path(&next.0))));
        }
        if row.status == "cancelled" {
            return self.not_done(signed_in, &row, &[], Refused::AskedAgain).await;
        }
        Ok(look_at(&format!("{}?done", ticket_path(ticket))))
    }
}
