//! What a check found: violations, and how often each thing was seen.

use std::collections::BTreeMap;
use std::fmt;

/// Violations kept in a report; the rest is only counted, so that a log that breaks a rule at
/// every event does not cost memory in proportion.
pub const VIOLATIONS_KEPT_MAX: usize = 1_000;

/// One broken invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Id of the invariant, as in [`crate::RULES`].
    pub invariant: &'static str,
    /// The event at which it shows.
    pub seq: u64,
    /// What was expected and what was found.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at seq {}: {}", self.invariant, self.seq, self.message)
    }
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Broken invariants in log order, at most [`VIOLATIONS_KEPT_MAX`].
    pub violations: Vec<Violation>,
    /// Violations beyond those kept.
    pub suppressed: u64,
    /// How often each kind of event (by wire name) and each rare path (`late_arrival`, ...) was
    /// seen; what was never seen is absent. Suites assert that these are not zero.
    pub counters: BTreeMap<&'static str, u64>,
    /// False: the run's workflow was not at hand, so the rules that need its graph were not
    /// checked.
    pub graph_checked: bool,
}

impl Report {
    /// True if nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty()
    }

    /// How often `counter` was seen.
    pub fn count(&self, counter: &str) -> u64 {
        self.counters.get(counter).copied().unwrap_or(0)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for violation in &self.violations {
            writeln!(f, "{violation}")?;
        }
        if self.suppressed > 0 {
            writeln!(f, "and {} more", self.suppressed)?;
        }
        Ok(())
    }
}
