//! The inbox.

use aob_api::Role;
use http::StatusCode;
use serde_json::json;

use crate::browser::Browser;
use crate::stack::{Stack, THEIRS};

async fn messages(browser: &mut Browser, path: &str) -> Vec<String> {
    let got = browser.get(path).await;
    assert_eq!(got.status, StatusCode::OK, "{}", got.html);
    let rows = got.html.split("<li class=\"card row\">").skip(1);
    rows.map(|row| {
        let link = crate::browser::between(row, "<h2>", "</h2>");
        crate::browser::between(link, "\">", "</a>").to_owned()
    })
    .collect()
}

#[tokio::test]
async fn everybody_sees_what_waits_for_them() {
    let stack = Stack::new().await;
    for (message, approvers, quorum) in [
        ("For anybody", json!([]), 2),
        ("For finance", json!([{"role": "finance"}]), 1),
        ("For grace", json!([{"user": "grace"}]), 1),
    ] {
        stack.ticket(&json!({"message": message, "approvers": approvers, "quorum": quorum})).await;
    }
    let grace = stack.key("grace", &[Role::Approver], &[]).await;
    let finance = stack.key("finn", &[Role::Approver], &["finance"]).await;
    let auditor = stack.key("audrey", &[Role::Auditor], &[]).await;
    let foreign = stack.key_in(THEIRS, "eve", &[Role::Admin], &[]).await;
    let all = ["For anybody", "For finance", "For grace"];
    let cases: [(&str, &[&str], &[&str]); 4] = [
        (&grace, &["For anybody", "For grace"], &all),
        (&finance, &["For anybody", "For finance"], &all),
        (&auditor, &[], &all),
        (&foreign, &[], &[]),
    ];
    for (key, mine, waiting) in cases {
        let mut browser = Browser::signed_in(stack.pages.router(), key).await;
        let sorted = async |browser: &mut Browser, path: &str| {
            let mut found = messages(browser, path).await;
            found.sort();
            found
        };
        assert_eq!(sorted(&mut browser, "/").await, mine, "{key}");
        assert_eq!(sorted(&mut browser, "/?show=waiting").await, waiting, "{key}");
    }
    let mut browser = Browser::signed_in(stack.pages.router(), &grace).await;
    let page = browser.get("/").await;
    // Tickets of one moment stand in any order, and only this one takes two.
    let rows = page.html.split("<li class=\"card row\">");
    let row = rows.into_iter().find(|row| row.contains("For anybody")).expect("it waits for her");
    let place = crate::browser::between(row, "href=\"/tickets/", "\"").to_owned();
    browser.decide(&place, &[("decision", "approve")]).await;
    assert_eq!(messages(&mut browser, "/").await.len(), 1, "a vote is cast once");
    assert!(browser.get("/?show=waiting").await.html.contains("you approved"));
    let page = browser.get("/").await;
    let place = crate::browser::between(&page.html, "href=\"/tickets/", "\"").to_owned();
    browser.decide(&place, &[("decision", "reject")]).await;
    assert!(messages(&mut browser, "/").await.is_empty());
    assert_eq!(messages(&mut browser, "/?show=rejected").await.len(), 1);
    assert!(browser.get("/").await.html.contains("Nothing waits for you."));
}

#[tokio::test]
async fn a_long_list_has_pages() {
    let stack = Stack::new().await;
    for n in 0..53 {
        let approvers = if n % 2 == 0 { json!([{"role": "finance"}]) } else { json!([]) };
        stack.ticket(&json!({"message": format!("No {n}"), "approvers": approvers})).await;
    }
    let mut ada = Browser::signed_in(stack.pages.router(), &stack.admin).await;
    for (list, count) in [("waiting", 53), ("mine", 26)] {
        let (mut found, mut path) = (Vec::new(), format!("/?show={list}"));
        while !path.is_empty() {
            found.extend(messages(&mut ada, &path).await);
            let page = ada.get(&path).await;
            let more = crate::browser::between(&page.html, "<p><a class=\"button\" href=\"", "\"");
            path = more.replace("&amp;", "&");
        }
        found.sort();
        found.dedup();
        assert_eq!(found.len(), count, "{list}");
    }
}
