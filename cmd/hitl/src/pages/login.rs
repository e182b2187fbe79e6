//! Signing in with an API key, and out again.

use aob_api::{ErrorCode, Problem};
use aob_edge::{Caller, Peer, Permission, Refusal};
use axum::Extension;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::header::{RETRY_AFTER, SET_COOKIE};
use http::{HeaderValue, StatusCode, Uri};

use super::{
    Chrome, Notice, SIGN_OUT, field, is_ticket, look_at, page, parameter, sent_form, sentence,
    ticket_path,
};
use crate::app::App;
use crate::around::SignedIn;
use crate::html;
use crate::sessions::Session;

/// Shows the form.
pub(crate) async fn show(
    signed_in: Result<SignedIn, Response>,
    uri: Uri,
) -> Result<Response, Refusal> {
    let ticket = parameter(&uri, "ticket")?.filter(|ticket| is_ticket(ticket)).unwrap_or_default();
    if signed_in.is_ok() {
        return Ok(look_at(&after_login(&ticket)));
    }
    Ok(page(StatusCode::OK, html::login(&Chrome::default(), &ticket, None)))
}

/// Where a new session begins.
fn after_login(ticket: &str) -> String {
    if ticket.is_empty() { "/".to_owned() } else { ticket_path(ticket) }
}

/// Looks at the key, and begins a session.
pub(crate) async fn sign_in(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    request: Request,
) -> Result<Response, Refusal> {
    let form = sent_form(request).await?;
    let ticket = Some(field(&form, "ticket")).filter(|text| is_ticket(text)).unwrap_or_default();
    let peer = peer.map(|Extension(peer)| peer);
    let found = app.authenticator.authenticate_token(field(&form, "key").trim(), peer).await;
    let caller = match found.and_then(person) {
        Ok(caller) => caller,
        Err(Refusal(problem)) if problem.status < 500 => return Ok(again(ticket, &problem)),
        Err(refusal) => return Err(refusal),
    };
    let key = app.signer.key(caller.workspace()).await?;
    // A fresh one each time: nobody can have put it there before.
    let session = Session::new(caller.key_id(), app.now().0, app.nonce());
    let mut response = look_at(&after_login(ticket));
    if let Some(cookie) = app.sessions.cookie(&session, &key) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    tracing::info!(key = caller.key_id(), name = caller.name(), "signed in to the pages");
    Ok(response)
}

/// Only people who may see tickets have a use for the pages.
fn person(caller: Caller) -> Result<Caller, Refusal> {
    if caller.actor().is_machine() {
        let detail = format!(
            "this is the key of {}, and machines decide nothing: use a person's key",
            crate::words::actor(&caller.actor())
        );
        return Err(Problem::new(ErrorCode::Forbidden, detail).into());
    }
    caller.require(Permission::ApprovalsRead)?;
    Ok(caller)
}

/// The form once more, with what is wrong.
fn again(ticket: &str, problem: &Problem) -> Response {
    let error = match problem.known_code() {
        Some(ErrorCode::Unauthenticated) => {
            "This key is not known here, or it was revoked or has expired.".to_owned()
        }
        Some(ErrorCode::TooManyAttempts) => {
            "Too many wrong keys came from your network. Wait a minute and try again.".to_owned()
        }
        Some(_) | None => sentence(problem.detail.as_deref().unwrap_or(&problem.title)),
    };
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = page(status, html::login(&Chrome::default(), ticket, Some(&error)));
    if let Some(after_ms) = problem.retry_after_ms {
        let seconds = HeaderValue::from(after_ms.div_ceil(1_000));
        response.headers_mut().insert(RETRY_AFTER, seconds);
    }
    response
}

/// Ends the session.
pub(crate) async fn sign_out(
    State(app): State<App>,
    signed_in: SignedIn,
    request: Request,
) -> Result<Response, Refusal> {
    let form = sent_form(request).await?;
    if !signed_in.made(SIGN_OUT, field(&form, "token")) {
        return Ok(Notice::stale_form("/").page(&Chrome::of(Some(&signed_in))));
    }
    let mut response = look_at("/login").into_response();
    if let Some(cookie) = app.sessions.end(&signed_in.session) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    Ok(response)
}
