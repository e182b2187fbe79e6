//! Signing in, staying signed in, and what every answer tells the browser.

use aob_api::Role;
use aob_edge::Peer;
use aob_engine::Timestamp;
use axum::Extension;
use http::{Method, StatusCode};
use serde_json::json;

use crate::browser::Browser;
use crate::stack::{ORIGIN, OURS, Stack};

#[tokio::test]
async fn only_a_persons_key_signs_in() {
    let stack = Stack::new().await;
    let agent = stack.key("planner", &[Role::Agent], &[]).await;
    let runner = stack.key("r1", &[Role::Runner], &[]).await;
    let wrong = stack.admin.replace("aob_", "aob_x");
    let (start, last) = stack.admin.split_at(stack.admin.len() - 1);
    let other = format!("{start}{}", if last == "A" { "B" } else { "A" });
    let cases: [(&str, StatusCode, &str); 6] = [
        ("", StatusCode::UNAUTHORIZED, "This key is not known here"),
        ("secret", StatusCode::UNAUTHORIZED, "This key is not known here"),
        (&wrong, StatusCode::UNAUTHORIZED, "This key is not known here"),
        (&other, StatusCode::UNAUTHORIZED, "This key is not known here"),
        (&agent, StatusCode::FORBIDDEN, "machines decide nothing"),
        (&runner, StatusCode::FORBIDDEN, "machines decide nothing"),
    ];
    for (key, status, says) in cases {
        let mut browser = Browser::new(stack.pages.router());
        let got = browser.submit("/login", &[("key", key), ("ticket", "tk_1")]).await;
        assert_eq!(got.status, status, "{key}: {}", got.html);
        assert!(got.html.contains(says), "{key}: {}", got.html);
        assert!(got.html.contains("name=\"ticket\" value=\"tk_1\""), "it is not forgotten");
        assert_eq!(browser.cookie, "");
        assert!(!got.html.contains("secret") && !got.html.contains(&stack.admin[20..]));
    }
}

#[tokio::test]
async fn login_leads_to_tickets_and_nowhere_else() {
    let stack = Stack::new().await;
    let places = ["//evil.example", "https://evil.example", "../../x", "tk_1/../../..", ""];
    for place in places {
        let mut browser = Browser::new(stack.pages.router());
        let got = browser.submit("/login", &[("key", &stack.admin), ("ticket", place)]).await;
        assert_eq!((got.status, got.location()), (StatusCode::SEE_OTHER, "/"), "{place}");
        let asked: String = url::form_urlencoded::byte_serialize(place.as_bytes()).collect();
        let got = browser.get(&format!("/login?ticket={asked}")).await;
        assert_eq!(got.location(), "/", "{place}");
    }
}

#[tokio::test]
async fn guessing_keys_is_slowed_down() {
    let stack = Stack::new().await;
    let peer = Extension(Peer([192, 0, 2, 7].into()));
    let mut browser = Browser::new(stack.pages.router().layer(peer));
    // Well formed, and of a key that there is not.
    let guess = format!("aob_{}_{}", "a".repeat(16), "B".repeat(43));
    for _ in 0..20 {
        let got = browser.submit("/login", &[("key", &guess)]).await;
        assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{}", got.html);
    }
    let got = browser.submit("/login", &[("key", &guess)]).await;
    assert_eq!(got.status, StatusCode::TOO_MANY_REQUESTS, "{}", got.html);
    assert!(got.html.contains("Too many wrong keys"), "{}", got.html);
    assert!(!got.header("retry-after").is_empty());
}

#[tokio::test]
async fn a_session_is_known_to_every_replica_until_it_is_ended() {
    let stack = Stack::new().await;
    let mut ada = Browser::signed_in(stack.pages.router(), &stack.admin).await;
    for part in ["; Path=/", "; HttpOnly", "; Secure", "; SameSite=Lax"] {
        let mut again = Browser::new(stack.pages.router());
        let got = again.submit("/login", &[("key", &stack.admin)]).await;
        assert!(got.header("set-cookie").contains(part), "{part}");
        assert!(got.header("set-cookie").starts_with("__Host-"), "no other host can set it");
        assert!(!got.header("set-cookie").contains(&stack.admin[20..]), "it is not the key");
    }
    let mut elsewhere = Browser::new(stack.replica().router());
    elsewhere.cookie.clone_from(&ada.cookie);
    assert_eq!(elsewhere.get("/").await.status, StatusCode::OK);
    let page = ada.get("/").await;
    let before = ada.cookie.clone();
    let forged = ada.submit("/logout", &[("token", "0")]).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    assert_eq!(ada.get("/").await.status, StatusCode::OK, "others cannot sign anybody out");
    let token = page.hidden("token");
    let out = ada.submit("/logout", &[("token", &token)]).await;
    assert_eq!((out.status, out.location()), (StatusCode::SEE_OTHER, "/login"));
    assert!(out.header("set-cookie").contains("Max-Age=0"), "{:?}", out.headers);
    assert_eq!(ada.get("/").await.location(), "/login");
    ada.cookie = before;
    assert_eq!(ada.get("/").await.location(), "/login", "a copy of the cookie is of no use");
}

#[tokio::test]
async fn links_locate_and_authenticate_nobody() {
    let stack = Stack::new().await;
    let (ticket, _) = stack.ticket(&json!({"message": "May I?"})).await;
    let now = (stack.clock)();
    let path = async |until_ms: i64| {
        let link = stack.pages.link(OURS, &ticket, Timestamp(until_ms)).await.expect("a link");
        link.strip_prefix(ORIGIN).expect("ours").to_owned()
    };
    let (good, old) = (path(now + 60_000).await, path(now - 1).await);
    let place = format!("/tickets/{ticket}");
    let mut nobody = Browser::new(stack.pages.router());
    let mut ada = Browser::signed_in(stack.pages.router(), &stack.admin).await;
    for _ in 0..3 {
        let got = nobody.get(&good).await;
        assert_eq!((got.status, got.location()), (StatusCode::SEE_OTHER, &*place));
        assert_eq!(nobody.get(&place).await.location(), format!("/login?ticket={ticket}"));
        assert_eq!(nobody.cookie, "");
        assert_eq!(ada.get(&good).await.location(), place, "again and again");
    }
    let cases: [(String, StatusCode); 6] = [
        (old, StatusCode::GONE),
        (good.replace(&ticket, "tk_other"), StatusCode::NOT_FOUND),
        (good.replacen("/l/", "/l/0", 1), StatusCode::NOT_FOUND),
        (good[..good.len() - 1].to_owned(), StatusCode::NOT_FOUND),
        ("/l/x".to_owned(), StatusCode::NOT_FOUND),
        (good.replace(&OURS.0.simple().to_string(), &uuid(0xb)), StatusCode::NOT_FOUND),
    ];
    for (path, status) in cases {
        let got = nobody.get(&path).await;
        assert_eq!(got.status, status, "{path}: {}", got.html);
    }
    assert_eq!(stack.pages.page(&ticket), format!("{ORIGIN}{place}"));
}

fn uuid(n: u128) -> String {
    uuid::Uuid::from_u128(n).simple().to_string()
}

/// Every answer, a page or not, says what browsers have to refuse.
#[tokio::test]
async fn every_answer_has_its_headers() {
    let stack = Stack::new().await;
    let (ticket, _) = stack.ticket(&json!({"message": "May I?"})).await;
    let mut nobody = Browser::new(stack.pages.router());
    let login = nobody.get("/login").await;
    let sheet = crate::browser::between(&login.html, "rel=\"stylesheet\" href=\"", "\"").to_owned();
    let mut ada = Browser::signed_in(stack.pages.router(), &stack.admin).await;
    let paths = [
        ("/", 200),
        ("/login", 303),
        ("/nowhere", 404),
        ("/tickets/tk_none", 404),
        (&*format!("/tickets/{ticket}"), 200),
        (&*format!("/tickets/{ticket}/subject"), 200),
        (&*format!("/tickets/{ticket}/decision"), 405),
        ("/?show=waiting&after=x", 400),
        ("/?unknown=1", 400),
        ("/l/x", 404),
        ("/assets/x.css", 404),
        (&*sheet, 200),
    ];
    for (path, status) in paths {
        let got = ada.get(path).await;
        assert_eq!(got.status.as_u16(), status, "{path}: {}", got.html);
        let policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";
        let headers = [
            ("content-security-policy", policy),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("x-frame-options", "DENY"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("strict-transport-security", "max-age=31536000"),
        ];
        for (name, value) in headers {
            assert_eq!(got.header(name), value, "{path} {name}");
        }
        let kept = got.header("cache-control");
        if path == sheet {
            assert_eq!(kept, "public, max-age=31536000, immutable");
        } else {
            assert_eq!(kept, "no-store", "{path}");
        }
        assert_eq!(got.header("access-control-allow-origin"), "", "{path}");
    }
    let head = ada.send(Method::HEAD, "/", &[], String::new()).await;
    assert_eq!((head.status, &*head.html), (StatusCode::OK, ""));
}
