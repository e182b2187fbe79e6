//! Many simulations, on several threads, in constant memory.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::counts::Counts;
use crate::simulate::{Outcome, Setup, simulate};
use crate::weather::{FAULTS_AT_LEAST, Weather};

/// One of this many seeds is simulated twice, to show that a seed decides everything.
const TWICE_EVERY: u64 = 50;
/// Failures that are kept; of more, only the number.
const FAILURES_MAX: usize = 100;

/// What to simulate.
#[derive(Debug, Clone)]
pub struct Volume {
    /// Simulations that count: those that were hit by [`FAULTS_AT_LEAST`] faults. The others are
    /// judged too.
    pub runs: u64,
    /// Seed of the first; the others follow it.
    pub seed: u64,
    /// Threads; each simulation runs on one.
    pub threads: u64,
    /// No faults; then every simulation counts.
    pub calm: bool,
    /// Where the logs of failures go.
    pub dump: Option<PathBuf>,
    /// Dump every simulation, not only those that fail.
    pub tell: bool,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Total {
    /// What happened how often.
    pub counts: Counts,
    simulations: AtomicU64,
    counted: AtomicU64,
    roots: AtomicU64,
    runs: AtomicU64,
    events: AtomicU64,
    seconds: AtomicU64,
    failed: AtomicU64,
    failures: Mutex<BTreeMap<u64, String>>,
}

impl Total {
    /// Simulations that count.
    pub fn counted(&self) -> u64 {
        self.counted.load(Ordering::Relaxed)
    }

    /// Simulations in which something was wrong.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// What was wrong in the first of them, by seed.
    pub fn failures(&self) -> Vec<String> {
        self.failures.lock().values().cloned().collect()
    }

    /// What was done, in one line.
    pub fn summary(&self) -> String {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        format!(
            "{} simulations ({} with {FAULTS_AT_LEAST} faults or more), {} root runs, {} runs, \
             {} events, {} faults, {} virtual seconds, {} failed",
            get(&self.simulations),
            self.counted(),
            get(&self.roots),
            get(&self.runs),
            get(&self.events),
            self.counts.faults(),
            get(&self.seconds),
            self.failed(),
        )
    }

    fn add(&self, outcome: &Outcome, counts: bool) {
        self.counts.merge(&outcome.counts);
        let add = |to: &AtomicU64, more: u64| to.fetch_add(more, Ordering::Relaxed);
        add(&self.simulations, 1);
        add(&self.counted, u64::from(counts));
        add(&self.roots, outcome.roots);
        add(&self.runs, outcome.runs);
        add(&self.events, outcome.events);
        add(&self.seconds, outcome.elapsed.as_secs());
        add(&self.failed, u64::from(!outcome.violations.is_empty()));
    }
}

impl Volume {
    /// Simulates until enough simulations count; tells `total` as it grows.
    pub fn simulate(&self, total: &Total) {
        let next = AtomicU64::new(self.seed);
        std::thread::scope(|scope| {
            for _ in 0..self.threads.max(1) {
                scope.spawn(|| {
                    while total.counted() < self.runs {
                        self.one(next.fetch_add(1, Ordering::Relaxed), total);
                    }
                });
            }
        });
    }

    fn setup(&self, seed: u64, tell: bool) -> Setup {
        let weather = self.calm.then(Weather::calm);
        Setup { weather, tell, ..Setup::of(seed) }
    }

    fn one(&self, seed: u64, total: &Total) {
        let mut outcome = simulate(&self.setup(seed, self.tell));
        let failed = !outcome.violations.is_empty();
        if failed || seed.is_multiple_of(TWICE_EVERY) {
            let again = simulate(&self.setup(seed, self.tell || failed));
            if again.trace_hash != outcome.trace_hash {
                let text = format!("{:x} and {:x}", outcome.trace_hash, again.trace_hash);
                outcome.violations.push(format!("the same seed gives two traces: {text}"));
            }
            outcome.steps = again.steps;
        }
        total.add(&outcome, self.calm || outcome.counts.faults() >= FAULTS_AT_LEAST);
        if !outcome.violations.is_empty() || self.tell {
            let mut text = format!("sim: seed {seed}, {}", self.dumped(seed, &outcome));
            for violation in &outcome.violations {
                let _ = write!(text, "\n    {violation}");
            }
            let mut failures = total.failures.lock();
            if failures.len() < FAILURES_MAX {
                failures.insert(seed, text);
            }
        }
    }

    /// Writes what happened, and says where.
    fn dumped(&self, seed: u64, outcome: &Outcome) -> String {
        let Some(folder) = &self.dump else { return "no log".to_owned() };
        let path = folder.join(format!("seed-{seed}.log"));
        let weather = self.setup(seed, false).weather.unwrap_or_else(|| Weather::draw(seed));
        let text = format!(
            "# seed {seed}\n# {weather:?}\n# {}\n{}\n{}",
            outcome.violations.join("\n# "),
            outcome.steps.join("\n"),
            outcome.logs
        );
        let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, text));
        match written {
            Ok(()) => format!("log {}", path.display()),
            Err(error) => format!("no log: {error}"),
        }
    }
}
