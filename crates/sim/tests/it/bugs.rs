//! Every bug that is put in on purpose is caught, and nothing is caught without one.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use aob_bugs::{Bug, with};
use aob_sim::{Setup, simulate};

/// Simulations within which a bug is caught.
const RUNS: u64 = 1_000;
/// Bugs that are looked for at the same time.
const THREADS: usize = 2;

/// The first violation of `seed` under `bug`. A debug assertion that fails catches it too.
fn violation(bug: Option<Bug>, seed: u64) -> Option<String> {
    let simulated = std::panic::catch_unwind(|| with(bug, || simulate(&Setup::of(seed))));
    match simulated {
        Ok(outcome) => outcome.violations.into_iter().next(),
        Err(_) => Some("it panics".to_owned()),
    }
}

/// The first seed that catches `bug`, and with what.
fn caught(bug: Bug) -> Option<(u64, String)> {
    if bug == Bug::ReservedForgotten {
        // No agent of these graphs has a budget: this one has simulations of its own.
        let caught = |seed| with(Some(bug), || crate::budgets::violation(seed));
        return (1..=RUNS).find_map(|seed| caught(seed).map(|what| (seed, what)));
    }
    (1..=RUNS).find_map(|seed| violation(Some(bug), seed).map(|what| (seed, what)))
}

#[test]
fn every_seeded_bug_is_caught_and_by_nothing_else() {
    let (next, found) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(bug) = Bug::ALL.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let caught = caught(*bug);
                    println!("{bug:?}: {caught:?}");
                    found.lock().unwrap().insert(format!("{bug:?}"), caught);
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap();
    let missed: Vec<&String> =
        found.iter().filter(|(_, caught)| caught.is_none()).map(|(bug, _)| bug).collect();
    assert!(missed.is_empty(), "not caught within {RUNS} simulations: {missed:?}");
    assert_eq!(found.len(), Bug::ALL.len());
    found.remove("ReservedForgotten");
    for (seed, what) in found.values().flatten() {
        assert_eq!(violation(None, *seed), None, "seed {seed} fails without a bug too: {what}");
    }
}
