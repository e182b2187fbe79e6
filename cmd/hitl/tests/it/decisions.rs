//! Deciding, and everything that is no decision.

use aob_api::Role;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::browser::{Browser, Got};
use crate::stack::{Stack, THEIRS};

const APPROVE: (&str, &str) = ("decision", "approve");
const REJECT: (&str, &str) = ("decision", "reject");

fn question() -> Value {
    json!({"message": "May I?"})
}

#[tokio::test]
async fn a_person_signs_in_looks_and_decides() {
    let stack = Stack::new().await;
    let (ticket, run) = stack.ticket(&question()).await;
    let mut ada = Browser::new(stack.pages.router());
    let path = format!("/tickets/{ticket}");
    let first = ada.get(&path).await;
    let login = format!("/login?ticket={ticket}");
    assert_eq!((first.status, first.location()), (StatusCode::SEE_OTHER, &*login));
    let form = ada.get(&login).await;
    assert!(form.html.contains("An approval waits for you"), "{}", form.html);
    let fields = [("key", &*stack.admin), ("ticket", &*ticket)];
    let entered = ada.submit("/login", &fields).await;
    assert_eq!((entered.status, entered.location()), (StatusCode::SEE_OTHER, &*path));
    let page = ada.get(&path).await;
    assert_eq!(page.title(), "May I?");
    let decided = ada.decide(&ticket, &[APPROVE, ("reason", "it is fine")]).await;
    let done = format!("{path}?done");
    assert_eq!((decided.status, decided.location()), (StatusCode::SEE_OTHER, &*done));
    let shown = ada.get(&done).await;
    assert_eq!(shown.banner(), "You approved this");
    for text in ["ada approved.", "<blockquote>it is fine</blockquote>", "Decided: approved."] {
        assert!(shown.html.contains(text), "{text}: {}", shown.html);
    }
    assert!(!shown.html.contains("<textarea"), "there is nothing left to decide");
    let over = stack.over(&run).await;
    let expected =
        json!({"approved": true, "by": "user:ada", "reason": "it is fine", "data": null});
    assert_eq!(over["output"], expected);
}

#[tokio::test]
async fn a_rejection_has_its_reason_and_ends_it() {
    let stack = Stack::new().await;
    let (ticket, run) = stack.ticket(&question()).await;
    let mut ada = Browser::signed_in(stack.pages.router(), &stack.admin).await;
    ada.decide(&ticket, &[REJECT, ("reason", "not\r\ntoday")]).await;
    assert_eq!(stack.status(&ticket).await, "rejected");
    let over = stack.over(&run).await;
    assert_eq!(over["error"]["message"], "user:ada rejected it: not\ntoday", "{over}");
}

/// What somebody does with the page of a ticket, and how it has to end.
struct Case {
    what: &'static str,
    status: StatusCode,
    says: &'static str,
}

const fn case(what: &'static str, status: StatusCode, says: &'static str) -> Case {
    Case { what, status, says }
}

/// Every way to not decide, each with its page and its status.
const CASES: [Case; 17] = [
    case("from another site", StatusCode::FORBIDDEN, "This form is not from here"),
    case("from a program", StatusCode::FORBIDDEN, "This form is not from here"),
    case("without its token", StatusCode::FORBIDDEN, "This form is out of date"),
    case("with the token of another ticket", StatusCode::FORBIDDEN, "This form is out of date"),
    case("with the token of another session", StatusCode::FORBIDDEN, "This form is out of date"),
    case("as JSON", StatusCode::UNSUPPORTED_MEDIA_TYPE, "The media type is not supported"),
    case("without a decision", StatusCode::UNPROCESSABLE_ENTITY, "Nothing was decided"),
    case("with another word", StatusCode::UNPROCESSABLE_ENTITY, "Nothing was decided"),
    case("without what was shown", StatusCode::UNPROCESSABLE_ENTITY, "Nothing was decided"),
    case("for something else", StatusCode::CONFLICT, "What you were shown has changed"),
    case("signed out", StatusCode::UNAUTHORIZED, "You are not signed in"),
    case("with a revoked key", StatusCode::UNAUTHORIZED, "You are not signed in"),
    case("as who may only look", StatusCode::FORBIDDEN, "You may not decide this"),
    case("as who is no approver", StatusCode::FORBIDDEN, "You may not decide this"),
    case("of a ticket that is not there", StatusCode::NOT_FOUND, "There is no such ticket"),
    case("of another workspace", StatusCode::NOT_FOUND, "There is no such ticket"),
    case("with a body that is too large", StatusCode::PAYLOAD_TOO_LARGE, "The body is too large"),
];

async fn tried(stack: &Stack, what: &str, ticket: &str) -> Got {
    let path = format!("/tickets/{ticket}/decision");
    let key = stack.key("fin", &[Role::Approver], &["finance"]).await;
    let mut browser = Browser::signed_in(stack.pages.router(), &key).await;
    let page = browser.get(&format!("/tickets/{ticket}")).await;
    let (token, hash) = (page.hidden("token"), page.hidden("subject_hash"));
    let (token, hash) = (("token", &*token), ("subject_hash", &*hash));
    let other = format!("sha256:{}", "0".repeat(64));
    let all = [token, hash, APPROVE];
    match what {
        "from another site" => {
            browser.submit_with(&path, &all, &[("sec-fetch-site", "cross-site")]).await
        }
        "from a program" => browser.submit_with(&path, &all, &[]).await,
        "without its token" => browser.submit(&path, &all[1..]).await,
        "with the token of another ticket" => {
            let (elsewhere, _) = stack.ticket(&question()).await;
            let page = browser.get(&format!("/tickets/{elsewhere}")).await;
            browser.submit(&path, &[("token", &page.hidden("token")), hash, APPROVE]).await
        }
        "with the token of another session" => {
            let mut again = Browser::signed_in(stack.pages.router(), &key).await;
            again.submit(&path, &all).await
        }
        "as JSON" => {
            let headers = [("content-type", "application/json"), ("sec-fetch-site", "same-origin")];
            browser.send(Method::POST, &path, &headers, "{}".to_owned()).await
        }
        "without a decision" => browser.submit(&path, &all[..2]).await,
        "with another word" => browser.submit(&path, &[token, hash, ("decision", "yes")]).await,
        "without what was shown" => browser.submit(&path, &[token, APPROVE]).await,
        "for something else" => {
            browser.submit(&path, &[token, ("subject_hash", &other), APPROVE]).await
        }
        "with a body that is too large" => {
            let long = "x".repeat(300 * 1024);
            browser.submit(&path, &[token, hash, APPROVE, ("reason", &long)]).await
        }
        _ => by_others(stack, (what, ticket), (browser, &key), &all).await,
    }
}

/// The same form, sent by somebody else than who was shown it.
async fn by_others(
    stack: &Stack,
    (what, ticket): (&str, &str),
    (mut browser, key): (Browser, &str),
    all: &[(&str, &str)],
) -> Got {
    let path = format!("/tickets/{ticket}/decision");
    match what {
        "signed out" => Browser::new(stack.pages.router()).submit(&path, all).await,
        "with a revoked key" => {
            let id = key.split('_').nth(1).expect("an id");
            let now_ms = (stack.clock)();
            let ours = aob_store::WorkspaceId(crate::stack::OURS.0);
            stack.store.key_revoke(ours, id, now_ms).await.expect("the store answers");
            // Another replica, which has not seen the key within the last seconds.
            let mut elsewhere = Browser::new(stack.replica().router());
            elsewhere.cookie.clone_from(&browser.cookie);
            elsewhere.submit(&path, all).await
        }
        "as who may only look" | "as who is no approver" => {
            let role = if what.ends_with("look") { Role::Auditor } else { Role::Approver };
            let key = stack.key("eve", &[role], &[]).await;
            let mut eve = Browser::signed_in(stack.pages.router(), &key).await;
            let page = eve.get(&format!("/tickets/{ticket}")).await;
            assert!(!page.html.contains("value=\"approve\""), "{what}: {}", page.html);
            // She sends the form that she is not shown.
            eve.submit(&path, all).await
        }
        "of a ticket that is not there" => browser.get("/tickets/tk_none").await,
        "of another workspace" => {
            let key = stack.key_in(THEIRS, "mallory", &[Role::Admin], &[]).await;
            let mut mallory = Browser::signed_in(stack.pages.router(), &key).await;
            mallory.get(&format!("/tickets/{ticket}")).await
        }
        other => panic!("{other} is no case"),
    }
}

#[tokio::test]
async fn nothing_but_a_form_of_its_page_decides() {
    let stack = Stack::new().await;
    let config = json!({"message": "May I?", "approvers": [{"role": "finance"}]});
    let (ticket, run) = stack.ticket(&config).await;
    let before = stack.seq(&run).await;
    for Case { what, status, says } in CASES {
        let got = tried(&stack, what, &ticket).await;
        assert_eq!(got.status, status, "{what}: {}", got.html);
        let said = if got.banner().is_empty() { got.title() } else { got.banner().to_owned() };
        assert_eq!(said, says, "{what}: {}", got.html);
        assert_eq!(
            (stack.status(&ticket).await.as_str(), stack.seq(&run).await),
            ("pending", before),
            "{what}"
        );
    }
}

#[tokio::test]
async fn a_second_click_changes_nothing_and_a_vote_stands() {
    let stack = Stack::new().await;
    let config = json!({"message": "May we?", "quorum": 2});
    let (ticket, run) = stack.ticket(&config).await;
    let mut ada = Browser::signed_in(stack.pages.router(), &stack.admin).await;
    let page = ada.get(&format!("/tickets/{ticket}")).await;
    let once = ada.decide_from(&page, &ticket, &[APPROVE]).await;
    let seq = stack.seq(&run).await;
    let twice = ada.decide_from(&page, &ticket, &[APPROVE]).await;
    assert_eq!((once.status, once.location()), (twice.status, twice.location()));
    assert_eq!(stack.seq(&run).await, seq, "the second click is no vote");
    let other = ada.decide_from(&page, &ticket, &[REJECT]).await;
    assert_eq!((other.status, other.banner()), (StatusCode::FORBIDDEN, "You have voted already"));
    let waiting = ada.get(once.location()).await;
    assert!(waiting.html.contains("1 of 2 approvals."), "{}", waiting.html);
    assert!(waiting.html.contains("It waits for the votes of others."), "{}", waiting.html);
    let key = stack.key("grace", &[Role::Approver], &[]).await;
    let mut grace = Browser::signed_in(stack.pages.router(), &key).await;
    grace.decide(&ticket, &[APPROVE]).await;
    assert_eq!(stack.status(&ticket).await, "approved");
    let over = stack.seq(&run).await;
    let late = ada.decide_from(&page, &ticket, &[REJECT]).await;
    assert_eq!((late.status, late.banner()), (StatusCode::CONFLICT, "It was decided before"));
    let again = ada.decide_from(&page, &ticket, &[APPROVE]).await;
    assert_eq!(again.location(), once.location(), "the same click, later");
    assert_eq!(stack.seq(&run).await, over);
}

#[tokio::test]
async fn what_ran_out_of_time_is_not_decided_any_more() {
    let stack = Stack::new().await;
    let node =
        json!({"id": "ok", "type": "hitl", "config": {"message": "Quick?"}, "timeout_ms": 1});
    let run = stack.start(&json!({"nodes": [node], "edges": []}), &json!({})).await;
    let ticket = stack.ticket_of(&run).await;
    let mut ada = Browser::signed_in(stack.pages.router(), &stack.admin).await;
    let page = ada.get(&format!("/tickets/{ticket}")).await;
    stack.over(&run).await;
    let path = format!("/tickets/{ticket}");
    let shown = ada.get(&path).await;
    assert!(shown.html.contains("Expired: nobody decided in time"), "{}", shown.html);
    // The page was open since before; where it came too late as well, there is no form on it.
    if !page.hidden("token").is_empty() && page.html.contains("value=\"approve\"") {
        let late = ada.decide_from(&page, &ticket, &[APPROVE]).await;
        assert_eq!((late.status, late.banner()), (StatusCode::GONE, "Too late"));
    }
}

/// Scanners of mails follow links, browsers load pages before they are asked for, and people edit
/// addresses: nothing of that may decide.
#[tokio::test]
async fn looking_never_decides() {
    let stack = Stack::new().await;
    let (ticket, run) = stack.ticket(&question()).await;
    let seq = stack.seq(&run).await;
    let mut ada = Browser::signed_in(stack.pages.router(), &stack.admin).await;
    let page = ada.get(&format!("/tickets/{ticket}")).await;
    let (token, hash) = (page.hidden("token"), page.hidden("subject_hash"));
    let query = format!("token={token}&subject_hash={hash}&decision=approve");
    let until = aob_engine::Timestamp((stack.clock)() + 60_000);
    let link = stack.pages.link(crate::stack::OURS, &ticket, until).await.expect("a link");
    let link = link.strip_prefix(crate::stack::ORIGIN).expect("ours").to_owned();
    let paths = [
        format!("/tickets/{ticket}"),
        format!("/tickets/{ticket}?done"),
        format!("/tickets/{ticket}?{query}"),
        format!("/tickets/{ticket}/decision?{query}"),
        format!("/tickets/{ticket}/subject"),
        format!("/login?ticket={ticket}"),
        format!("/?{query}"),
        "/logout".to_owned(),
        link,
    ];
    for path in &paths {
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            for headers in [&[][..], &[("purpose", "prefetch"), ("sec-purpose", "prefetch")]] {
                let got = ada.send(method.clone(), path, headers, query.clone()).await;
                assert!(got.status.as_u16() < 500, "{method} {path}: {}", got.html);
                assert_eq!(stack.seq(&run).await, seq, "{method} {path}");
            }
        }
    }
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let path = format!("/tickets/{ticket}/decision");
        let headers = [("sec-fetch-site", "same-origin")];
        let got = ada.send(method.clone(), &path, &headers, query.clone()).await;
        assert_eq!(got.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
    }
    assert_eq!(stack.seq(&run).await, seq);
    assert_eq!(ada.get("/").await.status, StatusCode::OK, "and nobody was signed out");
}
