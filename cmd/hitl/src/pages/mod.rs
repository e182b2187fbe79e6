//! The pages, and what they have in common.

mod assets;
mod decide;
mod inbox;
mod link;
mod login;
mod notice;
mod subject;
mod ticket;

use aob_edge::{Gate, Query, Refusal, Shell};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Method, StatusCode, Uri};
use maud::Markup;
use url::form_urlencoded;

pub(crate) use self::inbox::{InboxList, InboxRow};
pub(crate) use self::link::Link;
pub(crate) use self::notice::{Notice, sentence};
pub(crate) use self::ticket::{Banner, TicketPage};
use crate::app::App;
use crate::around::{SignedIn, around};

/// Bytes of a form: answers and a reason.
const FORM_BYTES_MAX: usize = 256 * 1024;
/// What the form that signs out is for.
const SIGN_OUT: &str = "sign-out";

/// All pages.
pub(crate) fn router(app: App) -> Router {
    let gate = Gate {
        authenticator: std::sync::Arc::clone(&app.authenticator),
        // Who may see a page is a matter of its session.
        permission: None,
        body_bytes_max: FORM_BYTES_MAX,
        agent_body_bytes_max: FORM_BYTES_MAX,
    };
    Router::new()
        .route("/", get(inbox::show))
        .route("/login", get(login::show).post(login::sign_in))
        .route("/logout", post(login::sign_out))
        .route("/tickets/{ticket}", get(ticket::show))
        .route("/tickets/{ticket}/decision", post(decide::decide))
        .route("/tickets/{ticket}/subject", get(subject::show))
        .route("/l/{link}", get(link::follow))
        .route("/assets/{file}", get(assets::show))
        .route_layer(from_fn_with_state(gate, Gate::pass))
        .fallback(nothing_here)
        .method_not_allowed_fallback(not_allowed)
        .layer(from_fn_with_state(app.clone(), around))
        .layer(from_fn_with_state(app.shell.clone(), Shell::wrap))
        .with_state(app)
}

/// What stands around every page.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chrome {
    /// Whoever is signed in, with what the button that signs out sends.
    pub(crate) who: Option<Who>,
}

/// See [`Chrome`].
#[derive(Debug, Clone)]
pub(crate) struct Who {
    pub(crate) name: String,
    pub(crate) sign_out: String,
}

impl Chrome {
    pub(crate) fn of(signed_in: Option<&SignedIn>) -> Self {
        let who = signed_in.map(|signed_in| Who {
            name: signed_in.caller.name().to_owned(),
            sign_out: signed_in.form_token(SIGN_OUT),
        });
        Self { who }
    }

    /// Where the style sheet is.
    pub(crate) fn style(&self) -> &'static str {
        &assets::STYLE.path
    }

    /// Where the icon is.
    pub(crate) fn icon(&self) -> &'static str {
        &assets::ICON.path
    }
}

/// A page as an answer.
pub(crate) fn page(status: StatusCode, markup: Markup) -> Response {
    let mut response = Response::new(Body::from(markup.into_string()));
    *response.status_mut() = status;
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, html);
    response
}

/// "Look there": with 303 the browser asks with GET, whatever it sent before.
pub(crate) fn look_at(path: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    match HeaderValue::from_str(path) {
        Ok(path) => {
            response.headers_mut().insert(LOCATION, path);
            response
        }
        Err(_) => Refusal::internal().into_response(),
    }
}

/// The path of a ticket's page.
pub(crate) fn ticket_path(ticket: &str) -> String {
    format!("/tickets/{ticket}")
}

/// Whether a text may be the name of a ticket: what a form sends is no path to anywhere else.
pub(crate) fn is_ticket(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    (1..=64).contains(&text.len()) && text.bytes().all(plain)
}

/// The answer to who is not signed in: to a look at a page the form to sign in, from which it goes
/// on to the page; to a form that was sent, that it did nothing.
pub(crate) fn login_first(method: &Method, uri: &Uri) -> Response {
    let ticket = uri.path().strip_prefix("/tickets/").unwrap_or_default();
    let ticket = ticket.split('/').next().filter(|ticket| is_ticket(ticket));
    let path = match ticket {
        Some(ticket) => format!("/login?ticket={ticket}"),
        None => "/login".to_owned(),
    };
    if method.is_safe() {
        return look_at(&path);
    }
    Notice::signed_out(&path).page(&Chrome::default())
}

/// The fields of a form that was sent.
pub(crate) async fn sent_form(request: Request) -> Result<Vec<(String, String)>, Refusal> {
    let media = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media = media.and_then(|media| media.split(';').next()).unwrap_or_default();
    if !media.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        let code = aob_api::ErrorCode::UnsupportedMediaType;
        let detail = "this takes the form of its page and nothing else";
        return Err(aob_api::Problem::new(code, detail).into());
    }
    let bytes = aob_edge::read_bytes(request).await?;
    Ok(form_urlencoded::parse(&bytes).into_owned().collect())
}

/// The value of a field; empty where it was not sent.
pub(crate) fn field<'f>(form: &'f [(String, String)], name: &str) -> &'f str {
    form.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

/// The one parameter of a query, and nothing else in it.
pub(crate) fn parameter(uri: &Uri, name: &'static str) -> Result<Option<String>, Refusal> {
    let query = Query::of(uri, &[name])?;
    Ok(query.one(name)?.map(str::to_owned))
}

async fn nothing_here() -> Response {
    let problem = aob_api::Problem::new(aob_api::ErrorCode::RouteNotFound, "there is no such page");
    Refusal::from(problem).into_response()
}

async fn not_allowed(method: Method) -> Response {
    let detail = format!("this page does not take {method}");
    let problem = aob_api::Problem::new(aob_api::ErrorCode::MethodNotAllowed, detail);
    Refusal::from(problem).into_response()
}
