//! What a browser does with pages: keeps a cookie, follows, fills in forms and sends them.

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use tower::ServiceExt;
use url::form_urlencoded;

use crate::markup;

/// An answer.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) html: String,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// Where it leads to.
    pub(crate) fn location(&self) -> &str {
        self.header("location")
    }

    /// Its first heading.
    pub(crate) fn title(&self) -> String {
        between(&self.html, "<title>", " · Approvals</title>").to_owned()
    }

    /// What a banner at the top says; empty: there is none.
    pub(crate) fn banner(&self) -> &str {
        let Some((_, rest)) = self.html.split_once("class=\"banner ") else { return "" };
        between(rest, "<h2>", "</h2>")
    }

    /// The value of a hidden field.
    pub(crate) fn hidden(&self, name: &str) -> String {
        let found = self.html.rsplit(&format!("name=\"{name}\" value=\"")).next();
        let text = found.and_then(|rest| rest.split('"').next()).unwrap_or_default();
        text.replace("&amp;", "&")
    }
}

pub(crate) fn between<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    let rest = text.split_once(from).map_or("", |(_, rest)| rest);
    rest.split_once(to).map_or("", |(found, _)| found)
}

/// One person at one site.
#[derive(Debug, Clone)]
pub(crate) struct Browser {
    router: Router,
    pub(crate) cookie: String,
}

impl Browser {
    pub(crate) fn new(router: Router) -> Self {
        Self { router, cookie: String::new() }
    }

    /// A browser that has signed in.
    pub(crate) async fn signed_in(router: Router, key: &str) -> Self {
        let mut browser = Self::new(router);
        let got = browser.submit("/login", &[("key", key)]).await;
        assert_eq!((got.status, got.location()), (StatusCode::SEE_OTHER, "/"), "{}", got.html);
        browser
    }

    /// Sends a request as it is, and keeps a cookie that comes back. Every page that comes back is
    /// checked for what every page has to be.
    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Got {
        let mut request = Request::builder().method(method.clone()).uri(path);
        if !self.cookie.is_empty() {
            request = request.header("cookie", &self.cookie);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body)).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        let html = String::from_utf8_lossy(&bytes).into_owned();
        let got = Got { status: parts.status, headers: parts.headers, html };
        if let Some((pair, _)) = got.header("set-cookie").split_once(';') {
            pair.clone_into(&mut self.cookie);
        }
        if got.header("content-type").starts_with("text/html") && method != Method::HEAD {
            markup::check(path, &got.html);
        }
        got
    }

    pub(crate) async fn get(&mut self, path: &str) -> Got {
        self.send(Method::GET, path, &[], String::new()).await
    }

    /// Sends a form from a page of the site.
    pub(crate) async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Got {
        self.submit_with(path, fields, &[("sec-fetch-site", "same-origin")]).await
    }

    pub(crate) async fn submit_with(
        &mut self,
        path: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Got {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let mut all = vec![("content-type", "application/x-www-form-urlencoded")];
        all.extend(headers);
        self.send(Method::POST, path, &all, body).await
    }

    /// Opens a ticket and sends its form with these fields.
    pub(crate) async fn decide(&mut self, ticket: &str, fields: &[(&str, &str)]) -> Got {
        let page = self.get(&format!("/tickets/{ticket}")).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.html);
        self.decide_from(&page, ticket, fields).await
    }

    /// Sends the form of a page that was opened before.
    pub(crate) async fn decide_from(
        &mut self,
        page: &Got,
        ticket: &str,
        fields: &[(&str, &str)],
    ) -> Got {
        let (token, hash) = (page.hidden("token"), page.hidden("subject_hash"));
        let mut all = vec![("token", &*token), ("subject_hash", &*hash)];
        all.extend(fields);
        self.submit(&format!("/tickets/{ticket}/decision"), &all).await
    }
}
