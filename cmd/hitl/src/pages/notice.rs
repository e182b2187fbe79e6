//! Pages that say one thing: that something was not done, and what to do now.

use aob_api::{ErrorCode, Problem};
use axum::response::Response;
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};

use super::{Chrome, page};
use crate::html;
use crate::words::plain;

/// What is said.
#[derive(Debug, Clone)]
pub(crate) struct Notice {
    status: StatusCode,
    title: String,
    text: String,
    /// What to do: a path, and its name.
    next: (String, String),
    retry_after_ms: Option<u64>,
}

impl Notice {
    fn new(status: StatusCode, title: &str, text: String) -> Self {
        let next = ("/".to_owned(), "Go to the inbox".to_owned());
        Self { status, title: title.to_owned(), text, next, retry_after_ms: None }
    }

    fn with_next(self, path: &str, name: &str) -> Self {
        Self { next: (path.to_owned(), name.to_owned()), ..self }
    }

    /// A problem of the API, as people read it.
    pub(crate) fn of_problem(problem: &Problem) -> Self {
        let detail = problem.detail.as_deref().unwrap_or(&problem.title);
        let status =
            StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (title, text) = match problem.known_code() {
            Some(ErrorCode::UnknownTicket) => (
                "There is no such ticket",
                "It may belong to another workspace, or its run was deleted. Check the link, or \
                 sign in with a key of the right workspace."
                    .to_owned(),
            ),
            Some(ErrorCode::RouteNotFound) => {
                ("There is no such page", "Check the address.".to_owned())
            }
            Some(ErrorCode::Unavailable | ErrorCode::Overloaded) => (
                "This does not work at the moment",
                "Storage does not answer. Try again in a moment.".to_owned(),
            ),
            Some(ErrorCode::Internal) => (
                "Something broke",
                "The server's log says what. Nothing was decided by this request.".to_owned(),
            ),
            Some(_) | None => (problem.title.as_str(), sentence(detail)),
        };
        let retry_after_ms = problem.retry_after_ms;
        Self { retry_after_ms, ..Self::new(status, title, text) }
    }

    /// A form that no page of ours sent.
    pub(crate) fn foreign() -> Self {
        let text = "This form was sent by another site, or by a program. Nothing was decided. Open \
                    the ticket here and decide on its page.";
        Self::new(StatusCode::FORBIDDEN, "This form is not from here", text.to_owned())
    }

    /// A form that this session was not shown.
    pub(crate) fn stale_form(path: &str) -> Self {
        let text = "This form was made for another session: you signed in again since, or as \
                    somebody else. Nothing was decided. Open the page again.";
        let title = "This form is out of date";
        Self::new(StatusCode::FORBIDDEN, title, text.to_owned()).with_next(path, "Open it again")
    }

    /// The session is over.
    pub(crate) fn signed_out(path: &str) -> Self {
        let text = "Your session has ended. Nothing was decided. Sign in again, and decide again.";
        let title = "You are not signed in";
        Self::new(StatusCode::UNAUTHORIZED, title, text.to_owned()).with_next(path, "Sign in")
    }

    /// A link that was not made here.
    pub(crate) fn no_link() -> Self {
        let text = "It is not one of ours, or a part of it is missing. The inbox shows what waits.";
        Self::new(StatusCode::NOT_FOUND, "This link leads nowhere", text.to_owned())
    }

    /// A link whose time is over.
    pub(crate) fn old_link() -> Self {
        let text = "Links lead to their tickets for a limited time. The inbox shows what waits.";
        Self::new(StatusCode::GONE, "This link is too old", text.to_owned())
    }

    /// The page.
    pub(crate) fn page(&self, chrome: &Chrome) -> Response {
        let next = (&*self.next.0, &*self.next.1);
        let mut response = page(self.status, html::notice(chrome, &self.title, &self.text, next));
        if let Some(after_ms) = self.retry_after_ms {
            let seconds = HeaderValue::from(after_ms.div_ceil(1_000));
            response.headers_mut().insert(RETRY_AFTER, seconds);
        }
        response
    }
}

/// The text as a sentence.
pub(crate) fn sentence(text: &str) -> String {
    let text = plain(text);
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return String::new() };
    let mut sentence: String = first.to_uppercase().chain(chars).collect();
    if !sentence.ends_with(['.', '!', '?', '…']) {
        sentence.push('.');
    }
    sentence
}
