//! Edit, then approve: within allowed fields, judged anew, and asked about as another ticket.

use aob_engine::{EventKind, RejectionCode, RunStatus, TicketId, Vote};
use serde_json::{Value, json};

use crate::harness::{Run, constant, edge, function, graph};

fn payment(config: Value) -> Value {
    let mut node = json!({"id": "ok", "type": "hitl", "timeout_ms": 60_000, "config": {
        "message": "pay?", "editable": ["/amount", "/lines/*/price"], "fixed": ["/lines/0"],
        "escalate": [{"after_ms": 1_000, "to": {"user": "eve"}}, {"after_ms": 9_000, "to": {"user": "dan"}}],
    }});
    for (key, value) in config.as_object().into_iter().flatten() {
        node["config"][key] = value.clone();
    }
    let subject = json!({"amount": 9, "to": "acme", "lines": [{"price": 1}, {"price": 2}]});
    let paid = constant("paid", json!("$nodes.ok.subject"));
    graph(json!([constant("s", subject), node, paid]), json!([edge("s", "ok"), edge("ok", "paid")]))
}

fn code(refused: Result<bool, aob_engine::Rejection>) -> RejectionCode {
    refused.expect_err("it is refused").code
}

#[test]
fn an_approver_edits_what_is_allowed_and_approves_that() {
    let mut run = Run::start(&payment(json!({})), json!({}));
    let first = run.ticket();
    assert_eq!(run.edit("user:bob", json!({"/amount": 7, "/lines/1/price": 0})), Ok(true));
    assert_eq!(
        &run.lines()[..5],
        [
            "approval_edited",
            "approval_decided cancelled",
            "approval_requested ok",
            "approval_voted",
            "approval_decided approved",
        ]
    );
    let expected = json!({"amount": 7, "to": "acme", "lines": [{"price": 1}, {"price": 0}]});
    assert_eq!(run.output(), expected);
    let before = run.state.ticket(&first).expect("it is known");
    assert_eq!(before.replaced_by, Some(run.ticket()));
    let after = run.state.ticket(&run.ticket()).expect("it is known");
    assert_ne!(before.subject_hash, after.subject_hash);
    assert_ne!(before.subject.digest, after.subject.digest, "both versions are in the log");
}

#[test]
fn without_an_edit_the_subject_is_the_input() {
    let mut run = Run::start(&payment(json!({})), json!({}));
    run.vote("user:bob", Vote::Approve).expect("he may");
    assert_eq!(run.output()["amount"], json!(9));
}

#[test]
fn what_is_not_allowed_is_refused_and_changes_nothing() {
    let refused = [
        json!({"/to": "me"}),
        json!({"/amount": 7, "/to": "me"}),
        json!({"/lines/0/price": 0}),
        json!({"/lines/7/price": 0}),
        json!({"/lines": []}),
        json!({"": {}}),
        json!({"amount": 7}),
        json!({"/amount": {"net": 1}, "/amount/net": 2}),
    ];
    let mut run = Run::start(&payment(json!({})), json!({}));
    for edits in refused {
        assert_eq!(
            code(run.edit("user:bob", edits.clone())),
            RejectionCode::EditRefused,
            "{edits}"
        );
    }
    let plain = payment(json!({"editable": []}));
    let refused = Run::start(&plain, json!({})).edit("user:bob", json!({"/amount": 7}));
    assert_eq!(code(refused), RejectionCode::EditRefused);
    let named = payment(json!({"approvers": [{"user": "eve"}]}));
    let refused = Run::start(&named, json!({})).edit("user:bob", json!({"/amount": 7}));
    assert_eq!(code(refused), RejectionCode::NotAnApprover);
}

/// Votes on what was shown before do not count for what came of it; who edits has voted for that.
#[test]
fn an_edit_asks_everybody_again_for_as_long() {
    let mut run =
        Run::start(&payment(json!({"quorum": 2, "approvers": [{"user": "bob"}]})), json!({}));
    let first = run.state.ticket(&run.ticket()).expect("it is known");
    run.vote("user:bob", Vote::Approve).expect("he may");
    assert!(run.tick(1_000), "it is passed on to eve");
    assert_eq!(run.edit("user:eve", json!({"/amount": 7})), Ok(true));
    assert_eq!(run.status(), RunStatus::Waiting);
    let asked = run.state.ticket(&run.ticket()).expect("it is known");
    assert_eq!((asked.votes.len(), asked.expires_at), (1, first.expires_at));
    assert_eq!((asked.approvers.len(), asked.escalations.len()), (2, 1));
    assert!(run.tick(8_000), "its chain goes on: dan");
    run.vote("user:dan", Vote::Approve).expect("he may");
    assert_eq!(run.output()["amount"], json!(7));
}

#[test]
fn who_edits_leaves_the_approval_to_others_where_four_eyes_are_asked_for() {
    let mut run = Run::start(&payment(json!({"four_eyes": true})), json!({}));
    assert_eq!(run.edit("user:bob", json!({"/amount": 7})), Ok(true));
    for barred in ["user:ada", "user:bob"] {
        assert_eq!(code(run.vote(barred, Vote::Approve)), RejectionCode::FourEyes, "{barred}");
    }
    assert_eq!(run.edit("user:ada", json!({"/amount": 8})), Ok(true), "she may propose a change");
    run.vote("user:eve", Vote::Approve).expect("she may");
    assert_eq!(run.output()["amount"], json!(8));
}

/// fetch -> save, and what a patch may become.
fn pipeline(policy: Value) -> Run {
    let nodes = json!([function("fetch"), function("save")]);
    let mut document = graph(nodes, json!([edge("fetch", "save")]));
    document["policies"] = json!({"patches": policy});
    Run::start(&document, json!({}))
}

fn policy() -> Value {
    json!({"editable": ["/nodes/*/config", "/edges/*/condition"], "fixed": ["/nodes/*/config/method"]})
}

fn email() -> Value {
    let config =
        json!({"url": "https://mail.example.com/send", "method": "PUT", "body": {"to": "bob"}});
    json!([
        {"op": "add", "path": "/nodes/-", "value": {"id": "email", "type": "http", "config": config}},
        {"op": "add", "path": "/edges/-", "value": edge("save", "email")},
    ])
}

#[test]
fn a_patch_is_edited_judged_anew_and_applied_as_it_was_edited() {
    let mut run = pipeline(policy());
    run.patch("mail", email()).expect("it is taken in");
    let first = run.ticket();
    assert_eq!(run.edit("user:grace", json!({"/nodes/email/config/body/to": "eve"})), Ok(true));
    assert_eq!(
        run.lines(),
        [
            "approval_edited",
            "approval_decided cancelled",
            "patch_planned",
            "approval_requested",
            "approval_voted",
            "approval_decided approved",
            "patch_applied",
        ]
    );
    assert_eq!(run.patch_status("mail"), "applied");
    let document: Value = serde_json::from_str(&run.ir.canonical).expect("a document");
    assert_eq!(document.pointer("/nodes/2/config/body/to"), Some(&json!("eve")));
    let before = run.state.ticket(&first).expect("it is known");
    assert_eq!(before.replaced_by, Some(run.ticket()));
}

#[test]
fn an_edit_of_a_patch_stays_within_it_and_grows_nothing() {
    let refused = [
        // Fixed, by itself and from above.
        json!({"/nodes/email/config/method": "GET"}),
        json!({"/nodes/email/config": {"url": "https://mail.example.com/send"}}),
        // Not of the patch.
        json!({"/nodes/save/config/args": {}}),
        json!({"/nodes/2/config/body": {}}),
        // Not editable at all.
        json!({"/nodes/email/timeout_ms": 5}),
        json!({"/policies/patches/editable": []}),
        json!({"/edges/save->email/condition": "true"}),
        // It would reach another host, or use a secret.
        json!({"/nodes/email/config/url": "https://evil.example.com/"}),
        json!({"/nodes/email/config/body/to": "$secrets.token"}),
    ];
    let mut run = pipeline(policy());
    run.patch("mail", email()).expect("it is taken in");
    for edits in refused {
        let refused = run.edit("user:grace", edits.clone()).expect_err("it is refused");
        let known = [RejectionCode::EditRefused, RejectionCode::PatchRefused];
        assert!(known.contains(&refused.code), "{edits}: {refused:?}");
    }
    assert_eq!(run.patch_status("mail"), "waiting");
    run.vote("user:grace", Vote::Approve).expect("it is as it was");
}

#[test]
fn patches_are_approved_by_the_rules_of_their_document() {
    let mut run = pipeline(json!({
        "approvers": [{"user": "bob"}, {"user": "ada"}], "quorum": 2, "four_eyes": true,
        "timeout_ms": 60_000, "escalate": [{"after_ms": 5_000, "to": {"user": "eve"}}],
        "editable": ["/nodes/*/config/body"],
    }));
    run.patch_by("user:bob", "mail", None, email()).expect("it is taken in");
    assert_eq!(code(run.vote("user:bob", Vote::Approve)), RejectionCode::FourEyes);
    assert_eq!(code(run.vote("user:ada", Vote::Approve)), RejectionCode::FourEyes);
    assert_eq!(code(run.vote("user:eve", Vote::Approve)), RejectionCode::NotAnApprover);
    assert!(run.tick(5_000));
    assert_eq!(run.lines(), ["approval_escalated"]);
    assert_eq!(run.edit("user:eve", json!({"/nodes/email/config/body": {}})), Ok(true));
    assert_eq!(code(run.vote("user:eve", Vote::Approve)), RejectionCode::FourEyes);
    assert!(run.tick(55_000));
    assert_eq!(run.patch_status("mail"), "rejected", "in its time, counted from the first ticket");
}

/// Whoever could change the rules in a run could approve their own patch in the next step.
#[test]
fn the_rules_for_patches_are_no_business_of_patches() {
    let mut run = pipeline(json!({"four_eyes": true}));
    let weaker = json!([{"op": "remove", "path": "/policies/patches"}]);
    let refused = run.patch("weaker", weaker).expect_err("it is refused");
    assert_eq!(refused.code, RejectionCode::PatchRefused);
    assert_eq!(&*refused.problems[0].pointer, "/policies/patches");
}

/// What an earlier patch changes may change what a ticket covers: then another one asks.
#[test]
fn a_ticket_that_is_asked_again_keeps_its_time_and_its_people() {
    let mut run = pipeline(json!({"approvers": [{"user": "bob"}], "timeout_ms": 60_000,
        "escalate": [{"after_ms": 1_000, "to": {"user": "eve"}}]}));
    run.patch("mail", email()).expect("it is taken in");
    let first = run.state.ticket(&run.ticket()).expect("it is known");
    assert!(run.tick(1_000));
    let again: TicketId = run.ticket();
    let grown = json!([{"op": "add", "path": "/nodes/-", "value": {"id": "other", "type": "http",
        "config": {"url": "https://mail.example.com/send", "method": "PUT"}}}]);
    run.patch("other", grown).expect("it is taken in");
    run.vote("user:bob", Vote::Approve).expect("the other one is applied");
    let cast = aob_engine::CastVote {
        ticket: again.clone(),
        vote: Vote::Approve,
        reason: None,
        data: None,
        edits: Default::default(),
        subject_hash: None,
        roles: Vec::new(),
    };
    let vote = aob_engine::Command::Vote(cast);
    assert_eq!(run.command_by("user:eve", vote), Ok(true));
    let asked = run.events.iter().rev().find_map(|event| {
        if let EventKind::ApprovalRequested(data) = &event.kind { Some(data.clone()) } else { None }
    });
    let asked = asked.expect("it is asked again");
    assert_eq!(asked.replaces, Some(again), "what it would grow is less now");
    assert_eq!(asked.expires_at, first.expires_at);
    assert_eq!((asked.approvers.len(), asked.escalations.len()), (2, 0));
}
