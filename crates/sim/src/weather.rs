//! What may go wrong in one simulation: a random subset of all faults, at random rates.
//!
//! Each seed draws its own weather (swarm testing): a fault that never comes alone hides what it
//! does alone, and one that always comes hides what others do without it.

use std::time::Duration;

use crate::counts::{Count, Group};
use crate::generator::Dice;

/// How often faults come, and in which installation.
#[derive(Debug, Clone)]
pub struct Weather {
    /// One process with everything in it, whose bus dies with it (as `aob dev`), instead of many
    /// processes around a durable bus.
    pub embedded: bool,
    /// Coordinator processes.
    pub coordinators: usize,
    /// Runner processes that consume topics.
    pub runners: usize,
    /// Partitions of each topic.
    pub partitions: u32,
    /// Longest usual wait of a call, in milliseconds.
    pub latency_ms: u64,
    /// Faults come until then.
    pub storm: Duration,
    /// Room for next to nothing in the caches of coordinators.
    pub tiny_caches: bool,
    /// Events between snapshots.
    pub snapshot_events: u64,
    /// How often relay and sweeper look at least.
    pub period: Duration,
    /// Faults of single calls: how many of a thousand.
    rates: Vec<(Count, u64)>,
    /// Faults that come by themselves, with the mean time between two of them.
    pub strikes: Vec<(Strike, Duration)>,
}

/// Faults of single calls with the rates that they are drawn from.
const PER_CALL: &[(Count, [u64; 3])] = &[
    (Count::StoreSlow, [5, 20, 80]),
    (Count::StoreDown, [3, 10, 40]),
    (Count::AppendAnswerLost, [10, 40, 150]),
    (Count::AppendLost, [10, 40, 150]),
    (Count::AppendUnknown, [10, 40, 150]),
    (Count::StaleRead, [20, 100, 300]),
    (Count::CasDown, [20, 100, 300]),
    (Count::PublishRefused, [10, 40, 150]),
    (Count::PublishAnswerLost, [10, 40, 150]),
    (Count::PublishTorn, [10, 40, 150]),
    (Count::MessageLost, [5, 20, 60]),
    (Count::MessageDuplicated, [10, 60, 200]),
    (Count::MessageDelayed, [10, 60, 200]),
    (Count::Rebalance, [5, 30, 100]),
    (Count::CommitLost, [20, 100, 300]),
    (Count::CrashBefore, [1, 4, 12]),
    (Count::CrashAfter, [1, 4, 12]),
    (Count::RunnerCrashBefore, [5, 20, 60]),
    (Count::RunnerCrashAfter, [5, 20, 60]),
    (Count::WrongAttempt, [10, 40, 150]),
    (Count::Garbage, [10, 40, 150]),
    (Count::CommandRepeated, [50, 200, 500]),
    (Count::LateVote, [50, 200, 500]),
    (Count::ForbiddenVote, [100, 300, 500]),
    (Count::SenselessCommand, [50, 200, 500]),
    (Count::PatchStorm, [30, 100, 250]),
    (Count::StaleBase, [100, 300, 600]),
    (Count::PatchTakenBack, [50, 200, 500]),
    (Count::Mend, [200, 400, 700]),
    (Count::WildPatch, [100, 300, 600]),
    (Count::HostilePatch, [50, 100, 300]),
    (Count::ResultPatch, [10, 40, 150]),
];

/// Faults that come by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strike {
    /// A coordinator dies.
    Crash,
    /// A coordinator is stopped in good order and comes again.
    Restart,
    /// A coordinator stands still for a while.
    Stall,
    /// A runner stands still for longer than a lease lasts.
    RunnerStall,
    /// Processes lose their storage for a while.
    Outage,
    /// The clock of a process jumps.
    ClockJump,
}

impl Strike {
    /// What it is counted as.
    pub fn count(self) -> Count {
        match self {
            Self::Crash => Count::CrashAnytime,
            Self::Restart => Count::Restart,
            Self::Stall => Count::Stall,
            Self::RunnerStall => Count::RunnerStall,
            Self::Outage => Count::StoreOutage,
            Self::ClockJump => Count::ClockJump,
        }
    }
}

/// Faults that come by themselves, with the seconds between them that are drawn from.
const BY_TIME: &[(Strike, [u64; 3])] = &[
    (Strike::Crash, [120, 40, 10]),
    (Strike::Restart, [200, 60, 20]),
    (Strike::Stall, [120, 40, 15]),
    (Strike::RunnerStall, [200, 80, 30]),
    (Strike::Outage, [120, 40, 20]),
    (Strike::ClockJump, [200, 60, 20]),
];

/// Until this many faults have hit, they come more often: a run without faults shows little.
pub const FAULTS_AT_LEAST: u64 = 3;

/// Percent of the simulations in which graphs change while runs follow them.
const PATCHED: u32 = 60;

impl Weather {
    /// The weather of `seed`.
    pub fn draw(seed: u64) -> Self {
        let mut dice = Dice::of(seed, &["weather"]);
        let embedded = dice.percent(20);
        let coordinators = if embedded { 1 } else { dice.weighted(&[(3, 1), (5, 2), (2, 3)]) };
        let mut weather = Self {
            embedded,
            coordinators,
            runners: if embedded { 1 } else { dice.count(1..=2) },
            partitions: dice.pick(&[1, 2, 4]),
            latency_ms: dice.pick(&[0, 3, 20, 200]),
            storm: Duration::from_secs(dice.within(20..=400)),
            tiny_caches: dice.percent(25),
            snapshot_events: dice.pick(&[5, 20, 100, 1_000]),
            period: Duration::from_secs(dice.within(1..=15)),
            rates: Vec::new(),
            strikes: Vec::new(),
        };
        let portion = dice.pick(&[15, 35, 60]);
        for (fault, rates) in PER_CALL {
            // What is rare in life is what is looked for here.
            let portion = if *fault == Count::PatchStorm { PATCHED } else { portion };
            if dice.percent(portion) {
                weather.rates.push((*fault, dice.pick(rates)));
            }
        }
        for (strike, seconds) in BY_TIME {
            if dice.percent(portion) {
                weather.strikes.push((*strike, Duration::from_secs(dice.pick(seconds))));
            }
        }
        if weather.rates.is_empty() {
            weather.rates.push((Count::AppendAnswerLost, 150));
        }
        weather
    }

    /// Nothing goes wrong.
    pub fn calm() -> Self {
        Self {
            embedded: false,
            coordinators: 1,
            runners: 1,
            partitions: 1,
            latency_ms: 0,
            storm: Duration::ZERO,
            tiny_caches: false,
            snapshot_events: 1_000,
            period: Duration::from_secs(5),
            rates: Vec::new(),
            strikes: Vec::new(),
        }
    }

    /// How many calls of a thousand meet this fault, where `so_far` faults have come.
    pub fn rate(&self, fault: Count, so_far: u64) -> u64 {
        debug_assert_eq!(fault.group(), Group::Fault);
        let found = self.rates.iter().find(|(known, _)| *known == fault);
        let rate = found.map_or(0, |(_, rate)| *rate);
        let crash = matches!(fault, Count::CrashBefore | Count::CrashAfter);
        if rate > 0 && so_far < FAULTS_AT_LEAST && !crash { rate.max(200) } else { rate }
    }
}
