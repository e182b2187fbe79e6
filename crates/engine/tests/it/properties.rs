//! Properties over random histories: whatever happens in whatever order, the log checks out.

use aob_engine::{AttemptOutcome, Blob, Command, RunState, apply};
use proptest::prelude::*;
use serde_json::json;

use crate::harness::{Run, constant, edge, final_failure, function, graph, lost, retryable};

#[derive(Debug, Clone)]
enum Action {
    Complete(usize),
    FailRetryable(usize),
    FailFinal(usize),
    Lose(usize),
    Tick(u64),
    Pause,
    Resume,
    Cancel,
    Skip(usize),
    Retry(usize),
    Stale(u32),
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => any::<usize>().prop_map(Action::Complete),
        2 => any::<usize>().prop_map(Action::FailRetryable),
        1 => any::<usize>().prop_map(Action::FailFinal),
        1 => any::<usize>().prop_map(Action::Lose),
        4 => (0_u64..100_000).prop_map(Action::Tick),
        1 => Just(Action::Pause),
        1 => Just(Action::Resume),
        1 => Just(Action::Cancel),
        1 => any::<usize>().prop_map(Action::Skip),
        1 => any::<usize>().prop_map(Action::Retry),
        1 => (0_u32..4).prop_map(Action::Stale),
    ]
}

fn document() -> serde_json::Value {
    let mut pay = function("pay");
    pay["effect"] = json!("compensable");
    pay["compensate"] = json!({"type": "function", "config": {"name": "echo", "args": {}}});
    let body =
        json!({"id": "body", "type": "function", "config": {"name": "echo", "args": "$item"}});
    let mut document = graph(
        json!([
            function("s"),
            pay,
            {"id": "each", "type": "map", "config": {"items": [1, 2, 3], "node": body, "max_parallel": 2, "tolerate": 1}},
            function("check"),
            {"id": "again", "type": "loop", "config": {"loop_back_to": "check", "max_iterations": 3, "condition": "output == 1", "timeout_path": "late"}},
            {"id": "j", "type": "join", "config": {}, "join": {"mode": "any", "cancel_losers": true}},
            constant("late", json!("late")),
            constant("end", json!("end")),
            {"id": "t", "type": "timer", "config": {"for_ms": 50_000}},
        ]),
        json!([
            edge("s", "pay"), edge("s", "each"), edge("s", "check"), edge("check", "again"),
            edge("again", "end"), edge("pay", "j"), edge("each", "j"), edge("j", "end"), edge("s", "t"),
            {"from": "check", "to": "late", "on": "failure"},
        ]),
    );
    document["policies"] = json!({"on_failure": "compensate"});
    document
}

fn act(run: &mut Run, action: &Action) {
    let outstanding = run.state.outstanding();
    let pick = |index: usize| outstanding.get(index % outstanding.len().max(1));
    let answer = |run: &mut Run, index: usize, outcome: AttemptOutcome| {
        if let Some((id, attempt, _)) = pick(index) {
            run.result(&id.to_string(), *attempt, outcome);
        }
    };
    match action {
        Action::Complete(index) => {
            let output = Blob::of(json!(index % 3));
            answer(run, *index, AttemptOutcome::Completed { output });
        }
        Action::FailRetryable(index) => answer(run, *index, AttemptOutcome::Failed(retryable("x"))),
        Action::FailFinal(index) => answer(run, *index, AttemptOutcome::Failed(final_failure("x"))),
        Action::Lose(index) => answer(run, *index, AttemptOutcome::Failed(lost("lease_expired"))),
        Action::Tick(ms) => {
            run.tick(*ms);
        }
        Action::Pause => drop(run.command(Command::Pause { reason: None })),
        Action::Resume => drop(run.command(Command::Resume)),
        Action::Cancel => drop(run.command(Command::Cancel { reason: None })),
        Action::Skip(index) | Action::Retry(index) => {
            let parked = run.ended("node_parked");
            let Some(id) = parked.get(index % parked.len().max(1)) else { return };
            let instance = id.parse().expect("an instance");
            let command = if matches!(action, Action::Skip(_)) {
                Command::Skip { instance }
            } else {
                Command::Retry { instance }
            };
            drop(run.command(command));
        }
        Action::Stale(attempt) => {
            let output = Blob::of(json!("stale"));
            run.result("pay", *attempt, AttemptOutcome::Completed { output });
        }
    }
}

/// More than usual; `PROPTEST_CASES` asks for more still.
fn more_cases() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases.max(400), ..usual }
}

proptest! {
    #![proptest_config(more_cases())]

    /// After any history, answering everything brings the run to an end.
    #[test]
    fn every_history_can_be_brought_to_an_end(actions in prop::collection::vec(action(), 0..60)) {
        let mut run = Run::start(&document(), json!({}));
        for action in &actions {
            act(&mut run, action);
        }
        drop(run.command(Command::Resume));
        for _ in 0..200 {
            if run.state.is_terminal() {
                break;
            }
            act(&mut run, &Action::Complete(1));
            act(&mut run, &Action::Tick(700_000));
            let parked = run.ended("node_parked");
            for index in 0..parked.len() {
                act(&mut run, &Action::Skip(index));
            }
        }
        let left = aob_engine::explain(&run.state, Some(&run.ir), &aob_engine::Around::default());
        prop_assert!(run.state.is_terminal(), "{left:?}\n{}", run.all_lines().join("\n"));
        let digest = run.ir.digest;
        let report = aob_checker::check(&run.events, &|wanted: &aob_ir::Digest| {
            (*wanted == digest).then(|| std::sync::Arc::clone(&run.ir))
        });
        prop_assert!(report.violations.is_empty(), "{:?}\n{}", report.violations, run.all_lines().join("\n"));
        let ends = ["run_completed", "run_failed", "run_cancelled"].map(|name| run.count(name));
        prop_assert_eq!(ends.iter().sum::<usize>(), 1);
    }

    /// Folding from any snapshot gives the same bytes as folding from the start.
    #[test]
    fn snapshots_resume_anywhere(actions in prop::collection::vec(action(), 0..40)) {
        let mut run = Run::start(&document(), json!({}));
        for action in &actions {
            act(&mut run, action);
        }
        let bytes = run.state.to_snapshot();
        let mut state = RunState::default();
        for (index, event) in run.events.iter().enumerate() {
            apply(&mut state, event);
            let mut resumed = RunState::from_snapshot(&state.to_snapshot()).expect("readable");
            run.events[index + 1..].iter().for_each(|event| apply(&mut resumed, event));
            prop_assert!(resumed.to_snapshot() == bytes, "resumed after event {}", index + 1);
        }
    }
}
