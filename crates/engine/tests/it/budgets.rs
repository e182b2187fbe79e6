//! Budgets: reserved before a call, settled after it, raised by people. The log of every test is
//! checked against I-56 when it ends.

use aob_engine::{
    Amounts, AttemptOutcome, Blob, BudgetOf, BudgetView, CastVote, ChildOutcome, Command, Decision,
    Effect, EventKind, InstanceId, RaiseBudget, Rejection, RejectionCode, ReserveBudget, RunStatus,
    SettleBudget, Spent, Vote, owed,
};
use aob_ir::Budget;
use serde_json::{Value, json};

use crate::harness::{Run, constant, edge, graph, lost, retryable};

fn agent(id: &str, budget: Value) -> Value {
    json!({"id": id, "type": "agent", "config": {"task": "x", "budget": budget}})
}

fn free_agent(id: &str) -> Value {
    json!({"id": id, "type": "agent", "config": {"task": "x"}})
}

fn calls(calls: u64) -> Amounts {
    Amounts { calls, ..Amounts::default() }
}

fn tokens(tokens: u64) -> Amounts {
    Amounts { calls: 1, tokens, usd_micros: 0 }
}

fn named(instance: &str) -> InstanceId {
    instance.parse().expect("an instance")
}

/// What a run tells its parent.
fn told(effects: Vec<Effect>) -> Option<Spent> {
    let mut told = effects.into_iter().filter_map(|effect| {
        if let Effect::DeliverToParent(told) = effect { told.spent } else { None }
    });
    told.next()
}

impl Run {
    fn reserve(&mut self, instance: &str, name: &str, amounts: Amounts) -> Result<bool, Rejection> {
        let attempt = self.attempt(instance);
        self.reserve_for(instance, attempt, name, amounts)
    }

    fn reserve_for(
        &mut self,
        instance: &str,
        attempt: u32,
        name: &str,
        amounts: Amounts,
    ) -> Result<bool, Rejection> {
        let instance = named(instance);
        let asked = ReserveBudget { instance, attempt, reservation: name.into(), amounts };
        self.command_by("runner:r1", Command::ReserveBudget(asked))
    }

    fn settle(&mut self, instance: &str, name: &str, used: Amounts) -> Result<bool, Rejection> {
        let attempt = self.attempt(instance);
        let instance = named(instance);
        let settled = SettleBudget { instance, attempt, reservation: name.into(), used };
        self.command_by("runner:r1", Command::SettleBudget(settled))
    }

    /// One call: reserved and settled.
    fn call(&mut self, instance: &str, name: &str, used: Amounts) {
        assert_eq!(self.reserve(instance, name, used), Ok(true), "{name}");
        assert_eq!(self.settle(instance, name, used), Ok(true), "{name}");
    }

    fn raise(&mut self, of: BudgetOf, amounts: Amounts) -> Result<bool, Rejection> {
        self.command(Command::RaiseBudget(RaiseBudget { of, amounts }))
    }

    fn decide_with(&mut self, vote: Vote, data: Option<Value>) -> Result<bool, Rejection> {
        let ticket = self.ticket();
        let data = data.map(Blob::of);
        let subject_hash = self.state.ticket(&ticket).map(|view| view.subject_hash);
        let cast = CastVote {
            ticket,
            vote,
            reason: None,
            data,
            subject_hash,
            roles: Vec::new(),
            edits: std::collections::BTreeMap::new(),
        };
        self.command(Command::Vote(cast))
    }

    fn budget(&self, of: &BudgetOf) -> BudgetView {
        let all = self.state.budgets(&self.ir);
        all.into_iter().find(|view| view.of == *of).expect("it has a budget")
    }

    fn start_within(document: &Value, budget: Budget) -> Self {
        let mut run = Self::new(document);
        let start = aob_engine::StartRun { budget: Some(budget), ..run.start_run(json!({})) };
        run.command(Command::Start(Box::new(start))).expect("start is accepted");
        run
    }
}

fn node(id: &str) -> BudgetOf {
    BudgetOf::Node(id.into())
}

fn code(refused: Result<bool, Rejection>) -> RejectionCode {
    refused.expect_err("it is refused").code
}

#[test]
fn what_is_reserved_and_settled_is_in_the_log_and_in_the_account() {
    let document =
        graph(json!([agent("a", json!({"calls": 10, "tokens": 1000, "usd": 1}))]), json!([]));
    let mut run = Run::start(&document, json!({}));
    let reserved = Amounts { calls: 1, tokens: 300, usd_micros: 250_000 };
    assert_eq!(run.reserve("a", "c1", reserved), Ok(true));
    assert_eq!(run.lines(), ["budget_reserved a 1"]);
    assert_eq!(
        (run.budget(&node("a")).reserved, run.budget(&node("a")).spent),
        (reserved, calls(0))
    );
    let used = Amounts { calls: 1, tokens: 120, usd_micros: 99_000 };
    assert_eq!(run.settle("a", "c1", used), Ok(true));
    assert_eq!(run.lines(), ["budget_settled a 1"]);
    assert_eq!((run.budget(&node("a")).reserved, run.budget(&node("a")).spent), (calls(0), used));
    run.complete("a", json!("done"));
    assert_eq!(run.status(), RunStatus::Completed);
}

#[test]
fn a_repetition_changes_nothing_and_another_meaning_is_refused() {
    let document = graph(json!([agent("a", json!({"calls": 10, "tokens": 100}))]), json!([]));
    let mut run = Run::start(&document, json!({}));
    run.reserve("a", "c1", tokens(10)).unwrap();
    assert_eq!(run.reserve("a", "c1", tokens(10)), Ok(false), "the same again");
    assert_eq!(code(run.reserve("a", "c1", tokens(11))), RejectionCode::InvalidReservation);
    assert_eq!(code(run.settle("a", "c2", tokens(1))), RejectionCode::InvalidReservation);
    run.settle("a", "c1", tokens(20)).unwrap();
    assert_eq!(run.settle("a", "c1", tokens(5)), Ok(false), "settled once");
    assert_eq!(run.reserve("a", "c1", tokens(10)), Ok(false), "settled is reserved");
    assert_eq!(code(run.reserve("a", "", tokens(1))), RejectionCode::InvalidReservation);
    assert_eq!(run.budget(&node("a")).spent, tokens(20), "more than was reserved is recorded");
    assert_eq!(code(run.reserve_for("a", 2, "c9", tokens(1))), RejectionCode::AttemptOver);
    run.complete("a", json!(1));
    assert_eq!(code(run.reserve_for("a", 1, "c3", tokens(1))), RejectionCode::AttemptOver);
}

#[test]
fn what_is_not_settled_is_charged_in_full_however_the_attempt_ends() {
    type End = fn(&mut Run);
    let ends: [(&str, End); 5] = [
        ("success", |run| run.complete("a", json!(1))),
        ("retry", |run| run.fail("a", retryable("oops"))),
        ("loss", |run| run.fail("a", lost("lease_expired"))),
        ("failure", |run| run.fail("a", crate::harness::final_failure("broken"))),
        ("cancel", |run| {
            run.command(Command::Cancel { reason: None }).unwrap();
            run.result("a", 1, AttemptOutcome::Cancelled);
        }),
    ];
    for (name, end) in ends {
        let document = graph(json!([agent("a", json!({"calls": 10, "tokens": 100}))]), json!([]));
        let mut run = Run::start(&document, json!({}));
        run.call("a", "settled", tokens(7));
        run.reserve("a", "open", tokens(30)).unwrap();
        end(&mut run);
        let view = run.budget(&node("a"));
        let spent = Amounts { calls: 2, tokens: 37, usd_micros: 0 };
        assert_eq!((view.spent, view.reserved), (spent, calls(0)), "{name}");
    }
}

#[test]
fn nothing_is_written_where_nothing_is_bounded() {
    let document = graph(json!([free_agent("a")]), json!([]));
    let mut run = Run::start(&document, json!({}));
    assert!(!run.effects().iter().any(metered));
    assert_eq!(run.reserve("a", "c1", tokens(10)), Ok(false));
    assert_eq!(run.settle("a", "c1", tokens(10)), Ok(false));
    assert!(run.state.budgets(&run.ir).is_empty());
    run.complete("a", json!(1));
    assert_eq!(run.events.len(), 4, "{:?}", run.all_lines());
}

fn metered(effect: &Effect) -> bool {
    matches!(effect, Effect::Dispatch(dispatch) if dispatch.job.metered)
}

#[test]
fn jobs_say_whether_a_budget_bounds_them() {
    let document = graph(json!([agent("a", json!({"usd": 1})), free_agent("b")]), json!([]));
    let run = Run::start(&document, json!({}));
    assert_eq!(run.effects().iter().map(metered).collect::<Vec<_>>(), [true, false, false]);
    let mut document = graph(json!([free_agent("a")]), json!([]));
    document["limits"] = json!({"budget": {"calls": 3}});
    let mut run = Run::start(&document, json!({}));
    assert!(run.effects().iter().any(metered));
    assert!(owed(&run.state).iter().any(metered), "after a restart too");
    let raised =
        run.patch("p", json!([{"op": "replace", "path": "/limits/budget/calls", "value": 9}]));
    drop(raised);
    assert_eq!(
        run.budget(&BudgetOf::Run).limit.calls,
        Some(3),
        "a patch raises no budget of a run"
    );
}

#[test]
fn a_call_that_does_not_fit_parks_and_approval_lets_it_go_on() {
    let document = graph(
        json!([agent("a", json!({"calls": 2})), constant("b", json!("after"))]),
        json!([edge("a", "b")]),
    );
    let mut run = Run::start(&document, json!({}));
    run.call("a", "c1", calls(1));
    assert_eq!(run.count("budget_warned"), 0);
    run.call("a", "c2", calls(1));
    assert_eq!(run.count("budget_warned"), 1);
    assert_eq!(run.reserve("a", "c3", calls(1)), Ok(true));
    assert_eq!(
        run.lines(),
        ["node_parked a 1 budget_exhausted !budget_exhausted", "approval_requested"]
    );
    assert_eq!(run.status(), RunStatus::Waiting);
    assert_eq!(code(run.reserve_for("a", 1, "c3", calls(1))), RejectionCode::AttemptOver);
    let ticket = run.ticket();
    let view = run.state.ticket(&ticket).unwrap();
    assert_eq!(view.budget, Some(node("a")));
    let subject = run.blobs[&view.subject.digest].value().clone();
    let expected = json!({
        "budget": {"node": "a"}, "limit": {"calls": 2}, "instance": "a",
        "spent": {"calls": 2, "tokens": 0, "usd": 0},
        "set_aside": {"calls": 0, "tokens": 0, "usd": 0},
        "needed": {"calls": 1, "tokens": 0, "usd": 0},
        "suggested": {"calls": 2, "tokens": 0, "usd": 0},
    });
    assert_eq!(*subject, expected);
    let waits = aob_engine::explain(&run.state, Some(&run.ir), &aob_engine::Around::default());
    assert_eq!((waits[0].reason, &*waits[0].owner), ("budget", "any approver"));
    assert_eq!(waits[0].remedy, format!("aob approve {ticket} approve"));

    assert_eq!(run.decide_with(Vote::Approve, None), Ok(true));
    assert_eq!(
        run.lines(),
        [
            "approval_voted",
            "budget_raised",
            "approval_decided approved",
            "retry_granted a",
            "node_scheduled a 2",
        ]
    );
    assert_eq!(run.budget(&node("a")).limit.calls, Some(4));
    run.call("a", "c1", calls(1));
    assert_eq!(run.count("budget_warned"), 1);
    run.call("a", "c2", calls(1));
    assert_eq!(run.count("budget_warned"), 2, "a raised budget is warned of again");
    run.complete("a", json!(1));
    assert_eq!(run.status(), RunStatus::Completed);
}

#[test]
fn a_budget_takes_no_retries_away() {
    let mut agent = agent("a", json!({"calls": 1}));
    agent["retry"] = json!({"max_attempts": 2});
    let mut run = Run::start(&graph(json!([agent]), json!([])), json!({}));
    run.call("a", "c1", calls(1));
    run.reserve("a", "c2", calls(1)).unwrap();
    run.decide_with(Vote::Approve, Some(json!({"calls": 5}))).unwrap();
    run.fail("a", retryable("oops"));
    assert_eq!(run.lines(), ["retry_scheduled a 2 !oops"]);
}

#[test]
fn data_says_by_how_much_and_must_do() {
    let document = graph(json!([agent("a", json!({"tokens": 100, "usd": 1}))]), json!([]));
    let cases = [
        (json!({"tokens": 10}), Some(RejectionCode::InvalidForm)),
        (json!({"usd": 5}), Some(RejectionCode::InvalidForm)),
        (json!({"calls": 5}), Some(RejectionCode::InvalidForm)),
        (json!({"tokens": -1}), Some(RejectionCode::InvalidForm)),
        (json!("much"), Some(RejectionCode::InvalidForm)),
        (json!({}), Some(RejectionCode::InvalidForm)),
        (json!({"tokens": 50}), None),
        (json!({"tokens": 50, "usd": 0.25}), None),
    ];
    for (data, expected) in cases {
        let mut run = Run::start(&document, json!({}));
        run.call("a", "c1", tokens(90));
        run.reserve("a", "c2", tokens(60)).unwrap();
        let decided = run.decide_with(Vote::Approve, Some(data.clone()));
        assert_eq!(decided.err().map(|refused| refused.code), expected, "{data}");
        if expected.is_none() {
            let usd = data["usd"].as_f64().map_or(1_000_000, |_| 1_250_000);
            let limit = run.budget(&node("a")).limit;
            assert_eq!((limit.tokens, limit.usd_micros), (Some(150), Some(usd)));
        }
    }
}

#[test]
fn a_refusal_fails_the_node_and_its_failure_edges_follow() {
    let document = graph(
        json!([agent("a", json!({"calls": 0})), constant("sorry", json!("sorry"))]),
        json!([{"from": "a", "to": "sorry", "on": "failure"}]),
    );
    let mut run = Run::start(&document, json!({}));
    run.reserve("a", "c1", calls(1)).unwrap();
    run.decide_with(Vote::Reject, None).unwrap();
    assert_eq!(
        run.lines()[1..],
        [
            "approval_decided rejected",
            "node_failed a 1 failed edge !budget_exhausted +sorry",
            "node_completed sorry",
            "run_completed",
        ]
    );
}

#[test]
fn calls_under_way_are_waited_for_and_not_asked_about() {
    let document = graph(json!([agent("a", json!({"tokens": 100})), free_agent("b")]), json!([]));
    let mut run = Run::start_within(&document, Budget { tokens: Some(150), ..Budget::default() });
    run.reserve("a", "c1", tokens(90)).unwrap();
    assert_eq!(code(run.reserve("a", "c2", tokens(20))), RejectionCode::BudgetBusy);
    assert_eq!(code(run.reserve("b", "c1", tokens(70))), RejectionCode::BudgetBusy, "of the run");
    run.settle("a", "c1", tokens(30)).unwrap();
    assert_eq!(run.reserve("a", "c2", tokens(20)), Ok(true));
    assert_eq!(run.reserve("b", "c1", tokens(70)), Ok(true));
    assert_eq!(run.budget(&BudgetOf::Run).reserved.tokens, 90);
    run.reserve("a", "c3", tokens(90)).unwrap();
    assert_eq!(run.lines()[0], "node_parked a 1 budget_exhausted !budget_exhausted");
}

#[test]
fn one_ticket_asks_for_all_instances_of_a_map() {
    let body = agent("one", json!({"calls": 3}));
    let map =
        json!({"id": "all", "type": "map", "config": {"items": "$inputs.items", "node": body}});
    let mut run = Run::start(&graph(json!([map]), json!([])), json!({"items": [1, 2, 3, 4, 5, 6]}));
    for index in 0..6 {
        run.reserve(&format!("all[{index}]/one"), "c", calls(1)).ok();
    }
    for index in 0..3 {
        run.settle(&format!("all[{index}]/one"), "c", calls(1)).unwrap();
        run.complete(&format!("all[{index}]/one"), json!(index));
    }
    for index in 3..6 {
        run.reserve(&format!("all[{index}]/one"), "c", calls(1)).unwrap();
    }
    assert_eq!((run.count("node_parked"), run.count("approval_requested")), (3, 1));
    run.decide_with(Vote::Approve, Some(json!({"calls": 2}))).unwrap();
    assert_eq!(run.count("retry_granted"), 3);
    for index in 3..6 {
        let fits = run.reserve(&format!("all[{index}]/one"), "c", calls(1));
        assert_eq!(fits.is_ok(), index < 5, "{index}");
    }
    for index in 3..5 {
        run.complete(&format!("all[{index}]/one"), json!(index));
    }
    run.reserve("all[5]/one", "c", calls(1)).unwrap();
    assert_eq!(run.count("approval_requested"), 2, "another ticket, as the first is decided");
    run.decide_with(Vote::Reject, None).unwrap();
    assert_eq!(run.status(), RunStatus::Failed);
}

#[test]
fn a_raise_by_hand_closes_the_ticket_and_lets_go_on() {
    let document = graph(json!([agent("a", json!({"calls": 1}))]), json!([]));
    let mut run = Run::start(&document, json!({}));
    assert_eq!(code(run.raise(BudgetOf::Run, calls(1))), RejectionCode::UnknownBudget);
    assert_eq!(code(run.raise(node("b"), calls(1))), RejectionCode::UnknownBudget);
    assert_eq!(code(run.raise(node("a"), tokens(1))), RejectionCode::InvalidForm);
    assert_eq!(code(run.raise(node("a"), calls(0))), RejectionCode::InvalidForm);
    let machine = RaiseBudget { of: node("a"), amounts: calls(1) };
    let machine = run.command_by("agent:a", Command::RaiseBudget(machine));
    assert_eq!(code(machine), RejectionCode::NotAnApprover);
    run.call("a", "c1", calls(1));
    run.reserve("a", "c2", calls(1)).unwrap();
    run.raise(node("a"), calls(1)).unwrap();
    assert_eq!(
        run.lines(),
        ["budget_raised", "approval_decided cancelled", "retry_granted a", "node_scheduled a 2"]
    );
    run.call("a", "c2", calls(1));
}

#[test]
fn a_ticket_that_nobody_needs_is_closed() {
    type Instead = fn(&mut Run);
    let ways: [(&str, Instead); 4] = [
        ("skipped", |run| {
            run.command(Command::Skip { instance: "a".parse().unwrap() }).unwrap();
        }),
        ("answered", |run| {
            let output = Blob::of(json!(1));
            run.command(Command::Succeed { instance: "a".parse().unwrap(), output }).unwrap();
        }),
        ("tried again", |run| {
            run.command(Command::Retry { instance: "a".parse().unwrap() }).unwrap();
            assert_eq!(run.attempt("a"), 2);
        }),
        ("cancelled", |run| {
            run.command(Command::Cancel { reason: None }).unwrap();
            assert_eq!(run.status(), RunStatus::Cancelled);
        }),
    ];
    for (name, instead) in ways {
        let mut run =
            Run::start(&graph(json!([agent("a", json!({"calls": 0}))]), json!([])), json!({}));
        run.reserve("a", "c1", calls(1)).unwrap();
        instead(&mut run);
        assert!(run.all_lines().contains(&"approval_decided cancelled".to_owned()), "{name}");
        assert_eq!(run.budget(&node("a")).ticket, None, "{name}");
    }
}

#[test]
fn a_paused_run_raises_at_once_and_goes_on_later() {
    let mut run =
        Run::start(&graph(json!([agent("a", json!({"calls": 0}))]), json!([])), json!({}));
    run.reserve("a", "c1", calls(1)).unwrap();
    run.command(Command::Pause { reason: None }).unwrap();
    run.decide_with(Vote::Approve, None).unwrap();
    assert_eq!(run.lines().last().map(String::as_str), Some("retry_granted a"));
    run.command(Command::Resume).unwrap();
    run.tick(1);
    assert_eq!(run.attempt("a"), 2);
}

fn child(id: &str) -> Value {
    json!({"id": id, "type": "composite", "config": {"workflow": graph(json!([free_agent("x")]), json!([]))}})
}

fn given(run: &Run) -> Vec<Option<u64>> {
    let started = run.events.iter().filter_map(|event| {
        if let EventKind::ChildStarted(data) = &event.kind { Some(data) } else { None }
    });
    started.map(|data| data.budget.and_then(|budget| budget.calls)).collect()
}

#[test]
fn child_runs_get_a_share_and_give_back_what_they_leave() {
    let document =
        graph(json!([child("one"), child("two"), free_agent("a")]), json!([edge("one", "two")]));
    let mut run = Run::start_within(&document, Budget { calls: Some(30), ..Budget::default() });
    assert_eq!(given(&run), [Some(10)]);
    let mut starts = run.effects().into_iter().filter_map(|effect| {
        if let Effect::StartChild(start) = effect { start.from } else { None }
    });
    let starts = starts.next().and_then(|from| from.budget);
    assert_eq!(starts.and_then(|budget| budget.calls), Some(10));
    assert_eq!(run.budget(&BudgetOf::Run).reserved, calls(10));
    assert_eq!(run.reserve("a", "c1", calls(21)), Ok(true));
    assert_eq!(run.lines()[0], "node_parked a 1 budget_exhausted !budget_exhausted");
}

#[test]
fn a_childs_spending_is_its_parents() {
    let document = graph(json!([child("one"), free_agent("a")]), json!([]));
    let cases = [
        (Some(Spent { used: calls(3), raised: calls(0) }), 3, 20),
        (Some(Spent { used: calls(14), raised: calls(5) }), 14, 25),
        (None, 10, 20),
    ];
    for (spent, used, limit) in cases {
        let mut run = Run::start_within(&document, Budget { calls: Some(20), ..Budget::default() });
        assert_eq!(given(&run), [Some(10)]);
        run.child_spent("one", ChildOutcome::Completed { output: Blob::of(json!(1)) }, spent);
        let view = run.budget(&BudgetOf::Run);
        assert_eq!(
            (view.spent, view.reserved, view.limit.calls),
            (calls(used), calls(0), Some(limit))
        );
        assert_eq!(run.child_spent_again(spent), Ok(false), "told twice");
        run.complete("a", json!(1));
    }
}

impl Run {
    fn child(&self) -> aob_engine::RunId {
        let child = self.events.iter().find_map(|event| {
            if let EventKind::ChildStarted(data) = &event.kind { Some(data.child) } else { None }
        });
        child.expect("a child")
    }

    fn child_spent_again(&mut self, spent: Option<Spent>) -> Result<bool, Rejection> {
        let outcome = ChildOutcome::Completed { output: Blob::of(json!(1)) };
        let (instance, child) = (named("one"), self.child());
        self.command_by("system", Command::ChildResult { instance, child, outcome, spent })
    }
}

#[test]
fn children_of_one_map_share_evenly() {
    let map = json!({"id": "all", "type": "map", "config": {
        "items": "$inputs.items", "max_parallel": 3,
        "workflow": graph(json!([free_agent("x")]), json!([])),
    }});
    let mut run = Run::new(&graph(json!([map]), json!([])));
    let budget = Some(Budget { calls: Some(8), ..Budget::default() });
    let start = run.start_run(json!({"items": [1, 2, 3, 4, 5]}));
    run.command(Command::Start(Box::new(aob_engine::StartRun { budget, ..start }))).unwrap();
    assert_eq!(given(&run), [Some(2), Some(2), Some(2)], "of 8, 6 and 4 for 5, 4 and 3 items");
    let done = || ChildOutcome::Completed { output: Blob::of(json!(1)) };
    run.child_spent("all[0]/all.item", done(), Some(Spent::default()));
    assert_eq!(given(&run)[3..], [Some(2)], "2 and what came back, for 2 items");
    run.child_spent("all[1]/all.item", done(), Some(Spent { used: calls(2), ..Spent::default() }));
    assert_eq!(given(&run)[4..], [Some(2)]);
}

#[test]
fn money_that_comes_back_frees_who_waits_for_it() {
    let document = graph(json!([child("one"), free_agent("a")]), json!([]));
    let mut run = Run::start_within(&document, Budget { calls: Some(2), ..Budget::default() });
    run.call("a", "c1", calls(1));
    run.reserve("a", "c2", calls(1)).unwrap();
    assert_eq!(run.status(), RunStatus::Waiting, "the child has the rest");
    run.child_spent("one", ChildOutcome::Cancelled, Some(Spent::default()));
    let lines = run.lines();
    assert_eq!(lines[0], "budget_returned one");
    assert!(lines.contains(&"approval_decided cancelled".to_owned()), "{lines:?}");
}

#[test]
fn a_child_run_spends_no_more_than_it_was_given_nor_than_its_document_allows() {
    let mut document = graph(json!([free_agent("x")]), json!([]));
    document["limits"] = json!({"budget": {"calls": 4, "usd": 1}});
    let parent =
        aob_engine::ParentLink { run: crate::harness::RUN, instance: "one".parse().unwrap() };
    let start_with = |calls: u64| {
        let mut run = Run::new(&document);
        let budget = Some(Budget { calls: Some(calls), ..Budget::default() });
        let start = run.start_run(json!({}));
        let start = aob_engine::StartRun { budget, parent: Some(parent.clone()), ..start };
        run.command(Command::Start(Box::new(start))).unwrap();
        run
    };
    assert_eq!(start_with(9).budget(&BudgetOf::Run).limit.calls, Some(4));
    let mut run = start_with(2);
    let limit = run.budget(&BudgetOf::Run).limit;
    assert_eq!((limit.calls, limit.usd_micros), (Some(2), Some(1_000_000)));
    run.call("x", "c1", calls(2));
    run.reserve("x", "c2", calls(1)).unwrap();
    run.decide_with(Vote::Approve, Some(json!({"calls": 1}))).unwrap();
    run.call("x", "c2", calls(1));
    run.complete("x", json!(1));
    let first = told(run.effects());
    let expected = Some(Spent { used: calls(3), raised: calls(1) });
    assert_eq!(first, expected);
    let again = told(owed(&run.state));
    assert_eq!(again, expected);
}

#[test]
fn many_parked_instances_go_on_over_several_segments() {
    let body = agent("one", json!({"calls": 0}));
    let map = json!({"id": "all", "type": "map", "config": {
        "items": "$inputs.items", "node": body, "max_parallel": 700,
    }});
    let items: Vec<u32> = (0..700).collect();
    let mut run = Run::start(&graph(json!([map]), json!([])), json!({"items": items}));
    for index in 0..700 {
        run.reserve(&format!("all[{index}]/one"), "c", calls(1)).unwrap();
    }
    assert_eq!((run.count("node_parked"), run.count("approval_requested")), (700, 1));
    run.decide_with(Vote::Approve, Some(json!({"calls": 700}))).unwrap();
    assert!(run.count("continued") > 0);
    assert_eq!(run.state.outstanding().len(), 700);
    for index in 0..700 {
        run.call(&format!("all[{index}]/one"), "c", calls(1));
    }
}

#[test]
fn a_decision_about_a_budget_leaves_no_trace_where_it_is_refused() {
    let run = Run::start(&graph(json!([agent("a", json!({"calls": 1}))]), json!([])), json!({}));
    let request = aob_engine::Request {
        id: aob_engine::CommandId("x".into()),
        actor: aob_engine::Actor("user:ada".into()),
        command: Command::RaiseBudget(RaiseBudget { of: node("a"), amounts: tokens(5) }),
    };
    let mut state = run.state.clone();
    let decided = aob_engine::advance(&mut state, &run.ir, &request, &run.blobs, run.now);
    assert!(matches!(decided, Decision::Rejected(_)));
    assert_eq!(state.to_snapshot(), run.state.to_snapshot());
}
