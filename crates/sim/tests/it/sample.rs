//! A sample of storms, and what shows that it means something.

use aob_sim::{Count, Setup, Total, Volume, simulate};

/// Simulations of the sample, each hit by at least three faults.
const RUNS: u64 = 1_500;

/// As many samples as it may take until the rarest things have been met.
const SAMPLES_MAX: u64 = 6;

fn volume(runs: u64, calm: bool) -> Volume {
    Volume { runs, seed: 1, threads: 2, calm, dump: None, tell: false }
}

#[test]
fn a_sample_of_storms_is_clean_and_meets_everything() {
    let total = Total::default();
    for sample in 0..SAMPLES_MAX {
        let seed = 1 + sample * 1_000_000;
        Volume { seed, ..volume(RUNS * (sample + 1), false) }.simulate(&total);
        if total.counts.never().is_empty() {
            break;
        }
    }
    println!("{}", total.summary());
    for count in Count::ALL {
        println!("{:>10}  {count}", total.counts.get(*count));
    }
    assert_eq!(total.failed(), 0, "{}", total.failures().join("\n"));
    assert_eq!(total.counts.never(), [], "never met");
}

/// Seeds that have failed before: lookups that come late, a command that is sent again after a crash,
/// a tolerant join among losers, a vote too late by a clock that is ahead,
/// a failure with a way of its own in front of a tolerant join.
#[test]
fn what_has_failed_before_is_clean() {
    for seed in [3_239, 2_419, 519_899, 902_776, 20_017_392] {
        let done = simulate(&Setup::of(seed));
        assert_eq!(done.violations, Vec::<String>::new(), "{seed}");
    }
}

#[test]
fn calm_weather_is_clean() {
    let total = Total::default();
    volume(100, true).simulate(&total);
    assert_eq!(total.failed(), 0, "{}", total.failures().join("\n"));
    assert_eq!(total.counts.get(Count::CrashBefore), 0);
}

#[test]
fn the_same_seed_gives_the_same_steps() {
    for seed in 1..=12 {
        let told = || simulate(&Setup { tell: true, ..Setup::of(seed) });
        let (one, two) = (told(), told());
        assert_eq!(one.steps, two.steps, "{seed}");
        assert_eq!((one.trace_hash, one.logs), (two.trace_hash, two.logs), "{seed}");
        assert_ne!(one.trace_hash, simulate(&Setup::of(seed + 1)).trace_hash, "{seed}");
    }
}
