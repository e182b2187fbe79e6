//! What surrounds every page: who may change something, who is signed in, and what browsers are
//! told to refuse.

use aob_api::ErrorCode;
use aob_edge::{Caller, Permission, Refusal};
use aob_store::SigningKey;
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY, SET_COOKIE,
    STRICT_TRANSPORT_SECURITY,
};
use http::request::Parts as RequestParts;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::app::{App, Parts, Site};
use crate::pages::{Chrome, Notice, login_first};
use crate::sessions::Session;

/// What every page tells its browser, the style sheet included.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
             base-uri 'none'; frame-ancestors 'none'",
        ),
    ),
    // Not `no-referrer`: with it browsers hide the origin of a form from the server as well.
    (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=()"),
    ),
];
/// With TLS: never without it again, for a year.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Whoever is signed in.
#[derive(Debug, Clone)]
pub(crate) struct SignedIn {
    pub(crate) caller: Caller,
    pub(crate) session: Session,
    pub(crate) key: SigningKey,
}

impl SignedIn {
    /// What the form for `to_do` carries.
    pub(crate) fn form_token(&self, to_do: &str) -> String {
        self.session.form_token(&self.key, to_do)
    }

    /// Whether a form was shown to this session for this.
    pub(crate) fn made(&self, to_do: &str, token: &str) -> bool {
        self.session.made(&self.key, to_do, token)
    }
}

impl FromRequestParts<App> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut RequestParts, _: &App) -> Result<Self, Response> {
        match parts.extensions.get::<Self>() {
            Some(signed_in) => Ok(signed_in.clone()),
            None => Err(login_first(&parts.method, &parts.uri)),
        }
    }
}

/// The middleware.
pub(crate) async fn around(State(app): State<App>, request: Request, next: Next) -> Response {
    let (mut response, chrome) = match admit(&app, request).await {
        Ok((request, signed_in)) => {
            let chrome = Chrome::of(signed_in.as_ref());
            let mut response = next.run(request).await;
            if let Some(signed_in) = signed_in {
                renew(&app, &signed_in, &mut response);
            }
            (response, chrome)
        }
        Err(response) => (*response, Chrome::default()),
    };
    if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
        response = Notice::of_problem(&refusal.0).page(&chrome);
    }
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, value);
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if app.site.secure {
        headers.insert(STRICT_TRANSPORT_SECURITY, HSTS);
    }
    response
}

/// Lets a request in, with who sends it.
async fn admit(
    app: &App,
    mut request: Request,
) -> Result<(Request, Option<SignedIn>), Box<Response>> {
    if !request.method().is_safe() && !from_here(&app.site, request.headers()) {
        return Err(Box::new(Notice::foreign().page(&Chrome::default())));
    }
    let signed_in = app.signed_in(request.headers()).await;
    let signed_in = signed_in.map_err(|refusal| {
        let page = Notice::of_problem(&refusal.0).page(&Chrome::default());
        Box::new(page)
    })?;
    if let Some(signed_in) = &signed_in {
        request.extensions_mut().insert(signed_in.clone());
    }
    Ok((request, signed_in))
}

/// Writes the cookie anew where it is old and nobody else has set it.
fn renew(app: &App, signed_in: &SignedIn, response: &mut Response) {
    let Some(session) = signed_in.session.renewed((app.clock)()) else { return };
    if let Some(cookie) = app.sessions.cookie(&session, &signed_in.key) {
        response.headers_mut().entry(SET_COOKIE).or_insert(cookie);
    }
}

impl Parts {
    /// Who sends this request; `None`: nobody, or nobody any more.
    async fn signed_in(&self, headers: &HeaderMap) -> Result<Option<SignedIn>, Refusal> {
        let Some(claimed) = self.sessions.claimed(headers, (self.clock)()) else { return Ok(None) };
        let caller = match self.authenticator.resume(claimed.key_id()).await {
            Ok(caller) => caller,
            Err(Refusal(problem)) if problem.known_code() == Some(ErrorCode::Unauthenticated) => {
                return Ok(None);
            }
            Err(refusal) => return Err(refusal),
        };
        let Some(key) = self.signer.key_known(caller.workspace()).await? else { return Ok(None) };
        let session = self.sessions.open(claimed, &key);
        let reads = caller.may(Permission::ApprovalsRead);
        Ok(session.filter(|_| reads).map(|session| SignedIn { caller, session, key }))
    }
}

/// Whether a request that may change something was sent by a page of ours. Browsers say so; nobody
/// else can make them say it.
fn from_here(site: &Site, headers: &HeaderMap) -> bool {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let fetched = text(&HeaderName::from_static("sec-fetch-site"));
    match (fetched, text(&ORIGIN)) {
        (Some(fetched), None) => fetched == "same-origin",
        (Some(fetched), Some(origin)) => {
            fetched == "same-origin" && is_ours(site, origin, text(&HOST))
        }
        // Browsers say one or the other with every form that they send.
        (None, Some(origin)) => is_ours(site, origin, text(&HOST)),
        (None, None) => false,
    }
}

fn is_ours(site: &Site, origin: &str, host: Option<&str>) -> bool {
    let same_host = || {
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        authority.is_some_and(|authority| host.is_some_and(|host| host == authority))
    };
    origin == site.origin || (!site.secure && same_host())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_change_something() {
        let site =
            |origin: &str| Site { origin: origin.to_owned(), secure: origin.starts_with("https") };
        let dev = site("http://127.0.0.1:8090");
        let public = site("https://ok.example");
        type Case<'a> = (&'a Site, &'a [(&'a str, &'a str)], bool);
        let cases: [Case<'_>; 12] = [
            (&dev, &[("sec-fetch-site", "same-origin")], true),
            (&dev, &[("sec-fetch-site", "same-site")], false),
            (&dev, &[("sec-fetch-site", "cross-site")], false),
            (&dev, &[("sec-fetch-site", "none")], false),
            (&dev, &[], false),
            (&dev, &[("origin", "http://127.0.0.1:8090")], true),
            (&dev, &[("origin", "http://localhost:8090"), ("host", "localhost:8090")], true),
            (&dev, &[("origin", "http://evil.example"), ("host", "127.0.0.1:8090")], false),
            (&dev, &[("origin", "null")], false),
            (&public, &[("origin", "https://ok.example"), ("host", "10.0.0.1")], true),
            (&public, &[("origin", "http://ok.example"), ("host", "ok.example")], false),
            (
                &public,
                &[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")],
                false,
            ),
        ];
        for (site, pairs, expected) in cases {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                let name: HeaderName = name.parse().unwrap();
                headers.insert(name, HeaderValue::from_str(value).unwrap());
            }
            assert_eq!(from_here(site, &headers), expected, "{} {pairs:?}", site.origin);
        }
    }
}
