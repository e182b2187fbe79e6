//! The page of a ticket.

use aob_edge::Refusal;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{StatusCode, Uri};

use super::{Chrome, page, parameter};
use crate::app::App;
use crate::around::SignedIn;
use crate::html;
use crate::shown::{Standing, TicketShown};

/// The page.
pub(crate) struct TicketPage {
    pub(crate) chrome: Chrome,
    pub(crate) shown: TicketShown,
    pub(crate) banner: Option<Banner>,
    /// What the form carries.
    pub(crate) token: String,
    /// What stands in the field for the reason.
    pub(crate) reason: String,
}

/// What the page says first.
#[derive(Debug, Clone)]
pub(crate) struct Banner {
    /// `good` or `bad`.
    pub(crate) class: &'static str,
    pub(crate) title: String,
    pub(crate) text: String,
}

impl Banner {
    pub(crate) fn good(title: &str, text: &str) -> Self {
        Self { class: "good", title: title.to_owned(), text: text.to_owned() }
    }

    pub(crate) fn bad(title: &str, text: &str) -> Self {
        Self { class: "bad", title: title.to_owned(), text: text.to_owned() }
    }
}

/// What a form that decides a ticket is for.
pub(crate) fn to_decide(ticket: &str) -> String {
    format!("decide:{ticket}")
}

impl TicketPage {
    /// The page of this ticket for whoever is signed in.
    pub(crate) fn new(signed_in: &SignedIn, shown: TicketShown) -> Self {
        Self {
            chrome: Chrome::of(Some(signed_in)),
            token: signed_in.form_token(&to_decide(&shown.ticket)),
            banner: None,
            reason: String::new(),
            shown,
        }
    }

    /// As an answer.
    pub(crate) fn page(&self, status: StatusCode) -> Response {
        page(status, html::ticket(self))
    }

    /// Why whoever is signed in may reject it, and not approve it as it is.
    pub(crate) fn only_rejects(&self) -> Option<&'static str> {
        self.shown.is_barred.then_some(
            "You started the run, proposed this or edited it: somebody else has to approve it. You may \
             reject it.",
        )
    }

    /// Why there is no form.
    pub(crate) fn why_not(&self) -> &'static str {
        match self.shown.standing {
            Standing::Open | Standing::Over => "",
            Standing::Voted(_) => "You have voted. It waits for others.",
            Standing::NotApprover => "You are not among those who may decide this.",
            Standing::NoPermission => {
                "Your key lets you look at approvals and not decide them. Sign in with the key of an \
                 approver."
            }
        }
    }
}

/// Shows it. `?done` comes from the form: what was done is said only if it was.
pub(crate) async fn show(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(ticket): Path<String>,
    uri: Uri,
) -> Result<Response, Refusal> {
    let done = parameter(&uri, "done")?.is_some();
    let row = app.reads.ticket_row(&signed_in.caller, &ticket).await?;
    let shown = app.shown(&signed_in.caller, &row).await?;
    let own = aob_answers::ticket_detail(&row)?;
    let own = own.votes.into_iter().find(|cast| cast.by == signed_in.caller.actor());
    let mut template = TicketPage::new(&signed_in, shown);
    if let Some(cast) = own.filter(|_| done) {
        let title = match cast.vote {
            aob_engine::Vote::Approve => "You approved this",
            aob_engine::Vote::Reject => "You rejected this",
        };
        let text = match &*template.shown.status {
            "pending" => "Your vote is recorded. It waits for the votes of others.",
            _ => "Your vote is recorded, and the run goes on.",
        };
        template.banner = Some(Banner::good(title, text));
    } else if done && template.shown.is_barred && template.shown.is_pending() {
        let text = "What you made of it was checked, and waits for somebody else's approval.";
        template.banner = Some(Banner::good("Your changes are recorded", text));
    }
    Ok(template.page(StatusCode::OK))
}
