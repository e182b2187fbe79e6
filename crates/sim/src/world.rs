//! What all parts of one simulation share: time, chance, what is counted, what went wrong.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use aob_cas::MemCas;
use aob_store::{ManualClock, MemStore};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::counts::{Count, Counts};
use crate::generator::Dice;
use crate::ledger::Ledger;
use crate::weather::Weather;

/// Virtual time starts here: 2026-01-01T00:00:00Z.
const EPOCH_MS: i64 = 1_767_225_600_000;
/// Calls to storage and bus in one simulation at most.
const CALLS_MAX: u64 = 500_000;
/// Violations kept of one simulation.
const VIOLATIONS_MAX: usize = 20;

/// See the module.
pub(crate) struct World {
    pub(crate) weather: Weather,
    pub(crate) counts: Counts,
    /// The one store that all processes reach, each through its own gate.
    pub(crate) store: MemStore,
    pub(crate) cas: MemCas,
    /// What is durable, as nobody but the simulator sees it.
    pub(crate) ledger: Mutex<Ledger>,
    dice: Mutex<Dice>,
    started: Instant,
    storm: AtomicBool,
    calls: AtomicU64,
    faults: AtomicU64,
    trace: Mutex<Trace>,
    violations: Mutex<Vec<String>>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("weather", &self.weather).finish_non_exhaustive()
    }
}

impl World {
    /// A world at the beginning of time.
    pub(crate) fn new(seed: u64, weather: Weather, tell: bool) -> Arc<Self> {
        // The database's own clock is asked by nobody here; processes bring their own.
        let clock = ManualClock::at(EPOCH_MS);
        Arc::new(Self {
            weather,
            counts: Counts::default(),
            store: MemStore::new(clock.clock()),
            cas: MemCas::default(),
            ledger: Mutex::new(Ledger::default()),
            dice: Mutex::new(Dice::of(seed, &["world"])),
            started: Instant::now(),
            storm: AtomicBool::new(true),
            calls: AtomicU64::new(0),
            faults: AtomicU64::new(0),
            trace: Mutex::new(Trace::new(tell)),
            violations: Mutex::default(),
        })
    }

    /// The time, as nobody's clock may show it.
    pub(crate) fn now_ms(&self) -> i64 {
        EPOCH_MS + i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// How long it has been going on.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Draws from the one source of chance.
    pub(crate) fn draw<T>(&self, draw: impl FnOnce(&mut Dice) -> T) -> T {
        draw(&mut self.dice.lock())
    }

    /// True where this call meets `fault`; then it is counted.
    pub(crate) fn hits(&self, fault: Count) -> bool {
        if !self.is_stormy() {
            return false;
        }
        let rate = self.weather.rate(fault, self.faults.load(Ordering::Relaxed));
        if rate == 0 || self.draw(|dice| dice.within(0..=999)) >= rate {
            return false;
        }
        self.fault(fault);
        true
    }

    /// Counts a fault that was injected.
    pub(crate) fn fault(&self, fault: Count) {
        self.faults.fetch_add(1, Ordering::Relaxed);
        self.counts.add(fault);
        self.tell(|| format!("fault: {fault}"));
    }

    /// Counts a call of a process to its storage or bus.
    pub(crate) fn call(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    /// True after more calls than any simulation needs: something goes round and round.
    pub(crate) fn is_spinning(&self) -> bool {
        self.calls.load(Ordering::Relaxed) > CALLS_MAX
    }

    /// True while faults may come.
    pub(crate) fn is_stormy(&self) -> bool {
        self.storm.load(Ordering::Relaxed)
    }

    /// From here on nothing goes wrong any more.
    pub(crate) fn calm(&self) {
        self.storm.store(false, Ordering::Relaxed);
        self.tell(|| "the faults end".to_owned());
    }

    /// Puts a step on the trace, whose hash tells two simulations apart.
    pub(crate) fn tell(&self, what: impl FnOnce() -> String) {
        let elapsed = self.started.elapsed();
        self.trace.lock().add(elapsed, &what());
    }

    /// The hash of everything that was told.
    pub(crate) fn trace_hash(&self) -> u64 {
        self.trace.lock().hash
    }

    /// The steps of the trace, where they are kept.
    pub(crate) fn steps(&self) -> Vec<String> {
        std::mem::take(self.trace.lock().steps.get_or_insert_default())
    }

    /// Records that something is wrong.
    pub(crate) fn violation(&self, what: String) {
        self.tell(|| format!("VIOLATION: {what}"));
        let mut violations = self.violations.lock();
        if violations.len() < VIOLATIONS_MAX {
            violations.push(what);
        }
    }

    /// What is wrong.
    pub(crate) fn violations(&self) -> Vec<String> {
        self.violations.lock().clone()
    }
}

/// The steps of a simulation, as a hash and, if asked for, as text.
#[derive(Debug)]
struct Trace {
    hash: u64,
    steps: Option<Vec<String>>,
}

impl Trace {
    fn new(keep: bool) -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, steps: keep.then(Vec::new) }
    }

    fn add(&mut self, elapsed: Duration, step: &str) {
        let ms = elapsed.as_millis();
        let bytes = ms.to_be_bytes();
        for byte in bytes.iter().copied().chain(step.bytes()).chain([0]) {
            // FNV-1a: stable over platforms and versions.
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        if let Some(steps) = &mut self.steps {
            steps.push(format!("{ms:>9} {step}"));
        }
    }
}
