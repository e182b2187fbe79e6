//! The engine, driven through generated scenarios, does what the oracle predicts, and its logs keep
//! every invariant; and the judge sees it where a run does not go as predicted.

use std::collections::BTreeMap;

use aob_engine::{Event, EventKind};

use super::drive::World;
use super::{Circumstances, Facts, Observed, Outcome, Prediction, Status, judge, predict};
use crate::generator::{Ask, Options, Scenario};

/// Seeds that are driven.
const SEEDS: u64 = 2_000;

/// Kinds of events and rare paths that must occur; a test that never saw them shows nothing.
const MUST_OCCUR: &[&str] = &[
    "approval_escalated",
    "attempt_redispatched",
    "join_fired_early",
    "late_arrival",
    "late_result_discarded",
    "loop_iterated",
    "node_cancelling",
    "node_parked",
    "node_waiting",
    "retry_granted",
    "retry_scheduled",
    "run_cancelled",
    "run_failed",
    "run_resumed",
    "signal_received",
    "warning_raised",
];

/// A scenario that was driven to its end.
struct Driven {
    prediction: Prediction,
    observed: Observed,
    around: Circumstances,
    problems: Vec<String>,
}

fn drive(seed: u64, counters: &mut BTreeMap<&'static str, u64>) -> Result<Driven, String> {
    let scenario = Scenario::generate(seed, Options::default());
    let mut world = World::new(&scenario, seed);
    world.run()?;
    let mut problems = Vec::new();
    let workflows = |digest: &aob_ir::Digest| world.irs.get(digest).cloned();
    for run in world.runs.values() {
        let report = aob_checker::check(&run.log, &workflows);
        problems.extend(report.violations.iter().map(|found| format!("{found} ({})", run.path)));
        for (name, count) in report.counters {
            *counters.entry(name).or_default() += count;
        }
    }
    let mut facts = Facts::default();
    let log = |id| world.runs.get(&id).map(|run| run.log.as_slice());
    let observed = Observed::read(log(world.root).unwrap_or(&[]), "", &log, &mut facts);
    let prediction = predict(&scenario, &facts);
    let may_be_cancelled = scenario.plan.commands.iter().any(|p| p.ask == Ask::Cancel);
    let has_deadline = scenario.flow.run_timeout_ms.is_some();
    let around = Circumstances { may_be_cancelled, has_deadline };
    problems.extend(judge(&prediction, &observed, around, Some(&world.executed)));
    Ok(Driven { prediction, observed, around, problems })
}

#[test]
fn the_engine_does_what_is_predicted() {
    let mut counters = BTreeMap::new();
    let mut statuses: BTreeMap<Status, u64> = BTreeMap::new();
    let (mut bad, mut sure, mut all) = (BTreeMap::new(), 0, 0);
    for seed in 0..SEEDS {
        let driven = match drive(seed, &mut counters) {
            Ok(driven) => driven,
            Err(problem) => {
                bad.insert(seed, vec![problem]);
                continue;
            }
        };
        *statuses.entry(driven.observed.status).or_default() += 1;
        let instances = driven.prediction.instances.values();
        sure += instances.filter(|allowed| allowed.outcomes.len() == 1).count();
        all += driven.prediction.instances.len();
        if !driven.problems.is_empty() {
            bad.insert(seed, driven.problems);
        }
    }
    let first: Vec<_> = bad.iter().take(8).collect();
    assert!(bad.is_empty(), "{} seeds are bad, such as {first:#?}", bad.len());
    for name in MUST_OCCUR {
        assert!(counters.contains_key(name), "`{name}` never occurs: {counters:?}");
    }
    for status in [Status::Completed, Status::Failed, Status::Cancelled] {
        assert!(statuses.get(&status).is_some_and(|n| n * 50 > SEEDS), "{statuses:?}");
    }
    assert!(sure * 10 > all * 9, "only {sure} of {all} instances are surely predicted");
}

/// The first runs without races that completed.
fn completed() -> impl Iterator<Item = Driven> {
    let driven = (0..200).filter_map(|seed| drive(seed, &mut BTreeMap::new()).ok());
    let free = |d: &Driven| d.problems.is_empty() && !d.around.has_deadline;
    driven.filter(move |d| free(d) && d.observed.status == Status::Completed)
}

/// Asserts that the judge objects to what `change` makes of a completed run, wherever it applies.
fn objects(what: &str, change: impl Fn(&Prediction, &mut Observed) -> bool) {
    let mut applied = 0;
    for mut driven in completed() {
        if change(&driven.prediction, &mut driven.observed) {
            applied += 1;
            let found = judge(&driven.prediction, &driven.observed, driven.around, None);
            assert!(!found.is_empty(), "the judge does not see that {what}");
        }
    }
    assert!(applied > 5, "{what}: only {applied} runs to try it on");
}

#[test]
fn the_judge_sees_another_end() {
    objects("the run has not ended", |_, run| {
        run.status = Status::Waiting;
        true
    });
    objects("the run failed", |prediction, run| {
        run.status = Status::Failed;
        !prediction.statuses.contains(&Status::Failed)
    });
    objects("the run returns something else", |prediction, run| {
        run.output = Some("something else".into());
        prediction.output.is_some()
    });
}

#[test]
fn the_judge_sees_another_outcome() {
    for (from, to) in [
        (Outcome::Completed, Outcome::DeadPath),
        (Outcome::Completed, Outcome::Open),
        (Outcome::DeadPath, Outcome::Completed),
    ] {
        objects(&format!("{from:?} became {to:?}"), |_, run| {
            let found = run.instances.values_mut().find(|seen| seen.outcome == from);
            found.map(|seen| seen.outcome = to).is_some()
        });
    }
}

#[test]
fn the_judge_sees_what_is_missing_or_too_much() {
    objects("the first instance is missing", |_, run| {
        let first = run.instances.keys().find(|id| id.scope.is_top()).cloned();
        first.and_then(|id| run.instances.remove(&id)).is_some()
    });
    objects("an instance is there that must not be", |_, run| {
        let first = run.instances.first_key_value().map(|(id, seen)| (id.clone(), seen.clone()));
        first.is_some_and(|(mut id, seen)| {
            id.node = "nobody".into();
            run.instances.insert(id, seen).is_none()
        })
    });
    objects("a child failed", |_, run| {
        let child = run.children.values_mut().find(|child| child.status == Status::Completed);
        child.map(|child| child.status = Status::Waiting).is_some()
    });
}

#[test]
fn the_judge_sees_effects_that_never_happened() {
    let mut asked = 0;
    for driven in completed() {
        if driven.observed.attempted.is_empty() {
            continue;
        }
        let none = BTreeMap::new();
        let found = judge(&driven.prediction, &driven.observed, driven.around, Some(&none));
        asked += usize::from(found.iter().any(|what| what.contains("never happened")));
    }
    assert!(asked > 20, "the judge objects in {asked} runs");
}

#[test]
fn the_same_schedule_gives_the_same_logs() {
    let logs = |seed: u64| {
        let scenario = Scenario::generate(seed, Options::default());
        let mut world = World::new(&scenario, seed);
        world.run().unwrap();
        world.runs.into_values().map(|run| run.log).collect::<Vec<Vec<Event>>>()
    };
    for seed in 0..30 {
        let first = logs(seed);
        assert!(matches!(first[0][0].kind, EventKind::RunCreated(_)));
        assert_eq!(first, logs(seed), "seed {seed}");
    }
}
