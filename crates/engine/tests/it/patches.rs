//! Patches of a run: what is history stays, what is new takes part, what is open is waited for.

use aob_engine::{
    Command, EventKind, PatchApplied, PatchId, Planned, RejectionCode, RunStatus, Vote, plan_patch,
};
use serde_json::{Value, json};

use crate::harness::{Run, constant, edge, function, graph, proposal};

/// fetch -> process -> save
fn pipeline() -> Run {
    let nodes = json!([function("fetch"), function("process"), function("save")]);
    let edges = json!([edge("fetch", "process"), edge("process", "save")]);
    Run::start(&graph(nodes, edges), json!({}))
}

fn add_node(node: Value) -> Value {
    json!({"op": "add", "path": "/nodes/-", "value": node})
}

fn add_edge(from: &str, to: &str) -> Value {
    json!({"op": "add", "path": "/edges/-", "value": edge(from, to)})
}

fn remove_edge(from: &str, to: &str) -> Value {
    json!({"op": "remove", "path": format!("/edges/{from}->{to}")})
}

fn validate_between() -> Value {
    json!([
        add_node(function("validate")),
        remove_edge("process", "save"),
        add_edge("process", "validate"),
        add_edge("validate", "save"),
    ])
}

/// The last patch applied.
fn applied(run: &Run) -> PatchApplied {
    let found = run.events.iter().rev().find_map(|event| {
        if let EventKind::PatchApplied(data) = &event.kind { Some(data.clone()) } else { None }
    });
    found.expect("a patch was applied")
}

/// An http node calls a host that the graph did not call: somebody has to approve that.
fn email() -> Value {
    let config = json!({"url": "https://mail.example.com/send", "method": "PUT", "body": {"n": 1}});
    json!({"id": "email", "type": "http", "config": config})
}

fn add_email(after: &str) -> Value {
    json!([add_node(email()), add_edge(after, "email")])
}

#[test]
fn a_node_is_put_into_a_running_graph() {
    let mut run = pipeline();
    assert_eq!(run.patch("p1", validate_between()), Ok(true));
    assert_eq!(
        run.lines(),
        ["patch_proposed", "patch_planned", "patch_applied"],
        "nothing that holds is touched"
    );
    run.complete("fetch", json!(1));
    run.complete("process", json!(2));
    assert_eq!(run.lines(), ["node_completed process 1 +validate", "node_scheduled validate 1"]);
    run.complete("validate", json!(3));
    run.complete("save", json!(4));
    assert_eq!((run.status(), run.output()), (RunStatus::Completed, json!(4)));
    let applied = applied(&run);
    assert_eq!(applied.revision, 1);
    assert_eq!(Some(applied.base), run.state.base_digest());
    assert_eq!(Some(applied.result), run.state.digest());
    assert_eq!(run.state.digest_of(1), Some(applied.result));
}

#[test]
fn a_patch_is_proposed_once() {
    let mut run = pipeline();
    assert_eq!(run.patch("p1", validate_between()), Ok(true));
    assert_eq!(run.patch("p1", validate_between()), Ok(false), "the same again is a repetition");
    assert_eq!(run.state.revision(), 1);
}

#[test]
fn what_waits_for_approval_keeps_the_run_open_and_runs_after_it() {
    let mut run = pipeline();
    run.complete("fetch", json!(1));
    run.complete("process", json!(2));
    assert_eq!(run.patch("mail", add_email("save")), Ok(true));
    assert_eq!(run.lines(), ["patch_proposed", "patch_planned", "approval_requested"]);
    run.complete("save", json!(3));
    assert_eq!(run.status(), RunStatus::Waiting, "the patch is open");
    let waits = aob_engine::explain(&run.state, Some(&run.ir), &Default::default());
    assert_eq!(waits.len(), 1);
    assert_eq!(waits[0].reason, "patch_approval");
    assert!(waits[0].remedy.starts_with("aob patch approve "), "{}", waits[0].remedy);
    let ticket = run.state.ticket(&run.ticket()).expect("the ticket is there");
    assert_eq!((ticket.instance, ticket.patch), (None, Some(PatchId("mail".into()))));
    assert_eq!(run.vote("user:grace", Vote::Approve), Ok(true));
    assert_eq!(
        run.lines(),
        [
            "approval_voted because",
            "approval_decided approved",
            "patch_applied",
            "edges_decided save +email",
            "node_scheduled email 1"
        ],
        "a new edge out of a finished node is decided at once"
    );
    run.complete("email", json!({"status": 200}));
    assert_eq!(run.status(), RunStatus::Completed);
    assert_eq!(run.output(), json!({"status": 200}), "the terminal is another one now");
}

#[test]
fn a_patch_that_is_rejected_withdrawn_or_expired_lets_the_run_end() {
    for how in ["reject", "withdraw", "expire", "cancel"] {
        let mut run = pipeline();
        run.patch("mail", add_email("save")).expect("it is taken in");
        for node in ["fetch", "process", "save"] {
            run.complete(node, json!(1));
        }
        let id = PatchId("mail".into());
        match how {
            "reject" => drop(run.vote("user:grace", Vote::Reject).expect("she may")),
            "withdraw" => {
                let command = Command::WithdrawPatch { patch: id.clone(), reason: None };
                assert_eq!(run.command(command.clone()), Ok(true));
                let again = run.command(command).expect_err("it is decided");
                assert_eq!(again.code, RejectionCode::RunTerminal);
            }
            "expire" => {
                assert!(run.tick(24 * 3_600_000 - 1) || run.status() == RunStatus::Waiting);
                assert!(run.tick(1));
            }
            _ => drop(run.command(Command::Cancel { reason: None }).expect("it is cancelled")),
        }
        assert_eq!(run.patch_status("mail"), "rejected", "{how}");
        let end = if how == "cancel" { RunStatus::Cancelled } else { RunStatus::Completed };
        assert_eq!(run.status(), end, "{how}");
        assert_eq!(run.count("approval_decided"), 1, "{how}");
    }
}

#[test]
fn a_finished_run_is_not_patched() {
    let mut run = pipeline();
    for node in ["fetch", "process", "save"] {
        run.complete(node, json!(1));
    }
    let refused = run.patch("late", validate_between()).expect_err("it is over");
    assert_eq!(refused.code, RejectionCode::RunTerminal);
    assert!(refused.hint.is_some_and(|hint| hint.contains("fork")));
}

#[test]
fn history_is_fixed_and_the_refusal_names_what_ran() {
    let mut run = pipeline();
    run.complete("fetch", json!(1));
    let changes = [
        json!([{"op": "replace", "path": "/nodes/fetch/config/args", "value": 2}]),
        json!([{"op": "remove", "path": "/edges/fetch->process"}]),
        json!([
            {"op": "remove", "path": "/nodes/fetch"},
            {"op": "remove", "path": "/edges/fetch->process"}
        ]),
        json!([add_node(constant("before", json!(1))), add_edge("before", "process")]),
    ];
    for (n, change) in changes.into_iter().enumerate() {
        let refused = run.patch(&format!("p{n}"), change.clone()).expect_err("history is fixed");
        assert_eq!(refused.code, RejectionCode::PatchRefused, "{change}");
        let named = refused.problems.iter().any(|problem| !problem.instances.is_empty());
        let texts = refused.message.contains("fetch") || refused.message.contains("process");
        assert!(named || texts, "{change}: {refused:?}");
        assert_eq!(run.patch_status(&format!("p{n}")), "unknown", "nothing of it is in the log");
    }
}

#[test]
fn an_operator_repairs_a_parked_node_and_the_run_goes_on() {
    let node = json!({
        "id": "call", "type": "http", "on_error": "park", "retry": {"max_attempts": 1},
        "config": {"url": "https://api.example.com/typo", "method": "PUT", "body": 1},
    });
    let mut run = Run::start(&graph(json!([node]), json!([])), json!({}));
    run.fail("call", crate::harness::final_failure("http_status"));
    assert_eq!(run.status(), RunStatus::Waiting);
    let fix = json!([
        {"op": "replace", "path": "/nodes/call/config/url", "value": "https://api.example.com/right"},
        {"op": "replace", "path": "/nodes/call/retry", "value": {"max_attempts": 4}}
    ]);
    let refused =
        run.patch_by("agent:x", "agent", None, fix.clone()).expect_err("an agent may not");
    assert_eq!(refused.code, RejectionCode::PatchRefused);
    assert_eq!(run.patch("fix", fix), Ok(true));
    let data = applied(&run);
    assert_eq!(&*data.repaired[0].node, "call");
    assert_ne!(data.repaired[0].before, data.repaired[0].after);
    assert_eq!(run.command(Command::Retry { instance: "call".parse().unwrap() }), Ok(true));
    let EventKind::NodeScheduled(again) = &run.last.last().expect("an attempt").kind else {
        panic!("{:?}", run.lines());
    };
    let config = again.job.config.inline().expect("it is short").text();
    assert!(config.contains("/right"), "{config}");
    assert_eq!((again.attempt, again.generation), (2, 1), "another request has another key");
    run.complete("call", json!({"status": 200}));
    assert_eq!(run.status(), RunStatus::Completed);
    let keys: std::collections::BTreeSet<_> = run
        .events
        .iter()
        .filter_map(|event| {
            if let EventKind::NodeScheduled(data) = &event.kind {
                Some(data.job.idempotency_key.clone())
            } else {
                None
            }
        })
        .collect();
    assert_eq!(keys.len(), 2);
}

#[test]
fn a_repair_that_asks_for_the_same_keeps_the_key() {
    let node = json!({
        "id": "call", "type": "function", "retry": {"max_attempts": 2, "backoff_ms": 1_000},
        "config": {"name": "echo", "args": 1},
    });
    let mut run = Run::start(&graph(json!([node]), json!([])), json!({}));
    run.fail("call", crate::harness::retryable("flaky"));
    let patient = json!([
        {"op": "add", "path": "/nodes/call/timeout_ms", "value": 77_000},
        {"op": "replace", "path": "/nodes/call/retry/max_attempts", "value": 5}
    ]);
    assert_eq!(run.patch("patient", patient), Ok(true));
    assert!(run.tick(2_000));
    let EventKind::NodeScheduled(again) = &run.last.last().expect("an attempt").kind else {
        panic!("{:?}", run.lines());
    };
    assert_eq!((again.attempt, again.generation, again.attempts_max), (2, 0, 5));
    assert_eq!(again.job.timeout_ms, Some(77_000));
}

#[test]
fn a_repair_leaves_the_attempt_that_is_due_already() {
    let node = json!({
        "id": "call", "type": "function", "retry": {"max_attempts": 3, "backoff_ms": 1_000},
        "config": {"name": "echo", "args": 1},
    });
    let mut run = Run::start(&graph(json!([node]), json!([])), json!({}));
    run.fail("call", crate::harness::retryable("flaky"));
    assert!(run.tick(2_000));
    run.fail("call", crate::harness::retryable("flaky"));
    let fewer = json!([{"op": "replace", "path": "/nodes/call/retry/max_attempts", "value": 1}]);
    assert_eq!(run.patch("fewer", fewer), Ok(true));
    assert_eq!(applied(&run).repaired[0].instances[0].attempts_max, 3);
    assert!(run.tick(5_000));
    let EventKind::NodeScheduled(again) = &run.last.last().expect("an attempt").kind else {
        panic!("{:?}", run.lines());
    };
    assert_eq!((again.attempt, again.attempts_max), (3, 3));
    run.fail("call", crate::harness::retryable("flaky"));
    assert_eq!(run.status(), RunStatus::Failed, "it was the last");
}

#[test]
fn what_parked_before_its_first_attempt_starts_once_it_is_repaired() {
    let bad = json!({
        "id": "call", "type": "function", "on_error": "park",
        "config": {"name": "echo", "args": {"v": "$nodes.first.missing"}},
    });
    let nodes = json!([constant("first", json!({"there": 1})), bad]);
    let mut run = Run::start(&graph(nodes, json!([edge("first", "call")])), json!({}));
    let retry = Command::Retry { instance: "call".parse().unwrap() };
    let refused = run.command(retry.clone()).expect_err("it would park again");
    assert_eq!(refused.code, RejectionCode::NotRetryable);
    let fix = json!([
        {"op": "replace", "path": "/nodes/call/config/args/v", "value": "$nodes.first.there"}
    ]);
    assert_eq!(run.patch("fix", fix), Ok(true));
    assert_eq!(run.command(retry), Ok(true));
    run.complete("call", json!(1));
    assert_eq!(run.status(), RunStatus::Completed);
}

#[test]
fn a_removed_edge_takes_back_what_it_had_brought() {
    // `b` has finished, `a` has not: `join` waits with one edge taken.
    let nodes = json!([function("a"), function("b"), function("join")]);
    let edges = json!([edge("a", "join"), edge("b", "join")]);
    let mut run = Run::start(&graph(nodes, edges), json!({}));
    run.complete("b", json!("b"));
    assert_eq!(run.patch("p", json!([remove_edge("b", "join")])), Ok(true));
    let data = applied(&run);
    assert_eq!(data.withdrawn.len(), 1);
    run.complete("a", json!("a"));
    assert_eq!(run.lines(), ["node_completed a 1 +join", "node_scheduled join 1"]);
    let EventKind::NodeScheduled(data) = &run.last[1].kind else { panic!() };
    assert_eq!(data.job.input.inline().map(|blob| blob.text().to_owned()), None, "by reference");
    run.complete("join", json!("done"));
    assert_eq!(run.status(), RunStatus::Completed);
}

#[test]
fn a_join_starts_where_what_it_still_waited_for_is_removed() {
    let nodes = json!([function("a"), function("b"), function("join")]);
    let edges = json!([edge("a", "join"), edge("b", "join")]);
    let mut run = Run::start(&graph(nodes, edges), json!({}));
    run.complete("b", json!("b"));
    assert_eq!(run.patch("p", json!([remove_edge("a", "join")])), Ok(true));
    assert_eq!(
        run.lines(),
        ["patch_proposed", "patch_planned", "patch_applied", "node_scheduled join 1"]
    );
}

#[test]
fn a_target_without_edges_is_an_entry_and_one_without_tokens_waits() {
    let nodes = json!([function("a"), function("b"), function("join")]);
    let edges = json!([edge("a", "join"), edge("b", "join")]);
    let mut run = Run::start(&graph(nodes, edges), json!({}));
    run.complete("b", json!("b"));
    let both = json!([remove_edge("a", "join"), remove_edge("b", "join")]);
    assert_eq!(run.patch("p", both), Ok(true));
    assert!(run.lines().contains(&"node_scheduled join 1".to_owned()), "{:?}", run.lines());
}

#[test]
fn new_edges_out_of_a_finished_conditional_stay_exclusive() {
    let choose = json!({"id": "choose", "type": "conditional"});
    let nodes = json!([constant("v", json!({"n": 5})), choose, function("big"), function("end")]);
    let edges = json!([
        edge("v", "choose"),
        {"from": "choose", "to": "big", "condition": "$.n > 3"},
        edge("big", "end"),
    ]);
    let mut run = Run::start(&graph(nodes, edges), json!({}));
    let more = json!([
        add_node(function("huge")),
        {"op": "add", "path": "/edges/0",
         "value": {"from": "choose", "to": "huge", "condition": "$.n > 1"}},
    ]);
    match run.patch("p", more) {
        Ok(_) => {
            let lines = run.lines();
            assert!(lines.contains(&"edges_decided choose -huge".to_owned()), "{lines:?}");
            assert!(lines.contains(&"node_skipped huge dead_path".to_owned()), "{lines:?}");
        }
        Err(refused) => assert_eq!(refused.code, RejectionCode::PatchRefused),
    }
}

#[test]
fn a_result_carries_patches_and_survives_those_that_are_refused() {
    let mut run = pipeline();
    run.complete_with(
        "fetch",
        json!(1),
        vec![
            json!([add_node(constant("note", json!("seen"))), add_edge("fetch", "note")]),
            json!([{"op": "remove", "path": "/nodes/save"}]),
        ],
    );
    assert_eq!(
        run.lines(),
        [
            "patch_proposed fetch",
            "patch_planned",
            "patch_applied",
            "patch_proposed fetch",
            "patch_rejected patch_refused",
            "node_completed fetch 1 +process +note",
            "node_scheduled process 1",
            "node_completed note",
        ]
    );
}

#[test]
fn the_sixth_agent_is_refused_however_it_comes() {
    let agent = |id: &str| json!({"id": id, "type": "agent", "config": {"task": id}});
    let nodes: Vec<Value> = (1..=4).map(|n| agent(&format!("a{n}"))).collect();
    let nodes = [vec![function("f"), function("g")], nodes].concat();
    let edges: Vec<Value> = (1..=4).map(|n| edge("f", &format!("a{n}"))).collect();
    let edges = [edges, vec![edge("f", "g")]].concat();
    let mut run = Run::start(&graph(json!(nodes), json!(edges)), json!({}));
    let add = |id: &str| json!([add_node(agent(id)), add_edge("f", id)]);
    run.patch("fifth", add("a5")).expect("five may be");
    if run.patch_status("fifth") == "waiting" {
        run.vote("user:grace", Vote::Approve).expect("she may");
    }
    assert_eq!(run.patch_status("fifth"), "applied");
    let replace = json!([
        {"op": "replace", "path": "/nodes/g", "value": agent("g")}
    ]);
    let remove = json!([
        {"op": "remove", "path": "/nodes/a5"},
        {"op": "remove", "path": "/edges/f->a5"},
        add_node(agent("a6")), add_edge("f", "a6"),
    ]);
    for (id, operations) in [("sixth", add("a6")), ("replaced", replace), ("swapped", remove)] {
        let refused = run.patch(id, operations).expect_err("the sixth agent");
        assert_eq!(refused.code, RejectionCode::PatchRefused);
        let codes: Vec<&str> = refused.problems.iter().map(|problem| &*problem.code).collect();
        let limit = ["agent_limit", "too_many_agents"];
        assert!(codes.iter().any(|code| limit.contains(code)), "{codes:?}");
    }
}

#[test]
fn an_applied_patch_is_taken_back() {
    let mut run = pipeline();
    run.patch("p1", validate_between()).expect("it applies");
    let base = run.state.base_digest();
    assert_eq!(run.revert("r1", "p1"), Ok(true));
    assert_eq!(run.state.digest(), base, "the document is the one before");
    assert_eq!((run.patch_status("p1"), run.patch_status("r1")), ("reverted", "applied"));
    let again = run.revert("r2", "p1").expect_err("once");
    assert_eq!(again.code, RejectionCode::PatchDecided);
    run.complete("fetch", json!(1));
    run.complete("process", json!(1));
    run.complete("save", json!(1));
    assert_eq!(run.status(), RunStatus::Completed);
    assert_eq!(run.count("node_skipped"), 0);
}

#[test]
fn what_has_run_is_not_taken_back_and_the_refusal_says_what() {
    let mut run = pipeline();
    run.patch("p1", validate_between()).expect("it applies");
    run.complete("fetch", json!(1));
    run.complete("process", json!(1));
    let refused = run.revert("r1", "p1").expect_err("`validate` has started");
    assert_eq!(refused.code, RejectionCode::PatchRefused);
    let named = refused.problems.iter().flat_map(|problem| &problem.instances);
    assert!(named.map(ToString::to_string).any(|id| id == "validate"), "{refused:?}");
}

#[test]
fn the_dry_run_finds_what_the_decision_does() {
    let mut run = pipeline();
    let actor = aob_engine::Actor("user:ada".into());
    let nothing = std::collections::BTreeMap::new();
    let proposal = proposal("p1", None, validate_between());
    let Planned::Plan(plan) = plan_patch(&run.state, &run.ir, &proposal, &actor, &nothing) else {
        panic!("it is sound");
    };
    assert_eq!(run.patch("p1", validate_between()), Ok(true));
    assert_eq!(Some(plan.validated.ir.digest), run.state.digest());
    assert_eq!(plan.validated.approval, None);
}

#[test]
fn a_patch_that_starts_more_than_a_segment_holds_goes_on() {
    let mut run = pipeline();
    let many: Vec<Value> =
        (0..1_200).map(|n| add_node(constant(&format!("n{n}"), json!(n)))).collect();
    for (part, operations) in many.chunks(400).enumerate() {
        let operations = Value::Array(operations.to_vec());
        run.patch(&format!("p{part}"), operations).expect("it applies");
    }
    for node in ["fetch", "process", "save"] {
        run.complete(node, json!(1));
    }
    assert_eq!(run.status(), RunStatus::Completed);
    let wide: Vec<Value> =
        (0..999).map(|n| add_node(constant(&format!("w{n}"), json!(n)))).collect();
    let mut run = pipeline();
    run.patch("wide", Value::Array(wide)).expect("it applies");
    assert_eq!(run.count("continued"), 1);
    assert_eq!(run.ended("node_completed").len(), 999);
}

#[test]
fn a_patch_of_an_earlier_revision_is_rebased_or_conflicts_with_both_sides() {
    let mut run = pipeline();
    let base = run.state.digest();
    run.patch("p1", validate_between()).expect("it applies");
    let apart = json!([add_node(constant("note", json!(1))), add_edge("save", "note")]);
    assert_eq!(run.patch_by("user:bo", "p2", base, apart), Ok(true));
    assert_eq!((run.patch_status("p2"), run.state.revision()), ("applied", 2));
    let same = json!([{"op": "remove", "path": "/edges/process->save"}, add_node(function("z"))]);
    let refused = run.patch_by("user:bo", "p3", base, same).expect_err("both remove the edge");
    assert_eq!(refused.code, RejectionCode::PatchConflict);
    assert!(refused.conflict.is_some());
    let foreign = Some(aob_ir::Digest::of(b"other"));
    let refused = run.patch_by("user:bo", "p4", foreign, validate_between()).expect_err("whose?");
    assert_eq!(refused.code, RejectionCode::UnknownBase);
}

#[test]
fn an_approval_holds_for_what_was_shown_even_after_a_rebase() {
    let mut run = pipeline();
    run.patch("mail", add_email("save")).expect("it is taken in");
    run.patch("p1", validate_between()).expect("it applies");
    assert_eq!(run.vote("user:grace", Vote::Approve), Ok(true));
    assert_eq!(run.patch_status("mail"), "applied", "{:?}", run.lines());
    for node in ["fetch", "process", "validate", "save", "email"] {
        run.complete(node, json!(1));
    }
    assert_eq!(run.status(), RunStatus::Completed);
}

#[test]
fn an_earlier_patch_is_taken_back_under_a_later_one() {
    let mut run = pipeline();
    run.patch("p1", validate_between()).expect("it applies");
    let note = json!([add_node(constant("note", json!(1))), add_edge("save", "note")]);
    run.patch("p2", note).expect("it applies");
    assert_eq!(run.revert("r1", "p1"), Ok(true));
    for node in ["fetch", "process", "save"] {
        run.complete(node, json!(1));
    }
    assert_eq!(run.status(), RunStatus::Completed);
    assert_eq!(run.ended("node_completed"), ["fetch", "process", "save", "note"]);
}
