//! `aob-sim`: simulates by the thousand, and says what never happened.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use aob_sim::{Count, Counts, FAULTS_AT_LEAST, Group, Outcome, Setup, Weather, simulate};
use clap::Parser;

/// One of this many seeds is simulated twice, to show that a seed decides everything.
const TWICE_EVERY: u64 = 50;

/// Simulates the whole system, many times, under faults.
#[derive(Debug, Parser)]
#[command(name = "aob-sim")]
struct Args {
    /// Simulations to run.
    #[arg(long, default_value_t = 1_000)]
    runs: u64,
    /// Seed of the first; the others follow it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads; each simulation runs on one.
    #[arg(long, default_value_t = 2)]
    threads: u64,
    /// Where the logs of failures go.
    #[arg(long, default_value = "target/sim")]
    dump: PathBuf,
    /// Commit to name in failures.
    #[arg(long, default_value = "unknown")]
    commit: String,
    /// No faults.
    #[arg(long)]
    calm: bool,
    /// Dump every simulation, not only those that fail.
    #[arg(long)]
    tell: bool,
    /// Fail where a fault or a rare path was never met.
    #[arg(long)]
    require_all: bool,
}

/// What all threads add to.
#[derive(Default)]
struct Total {
    counts: Counts,
    simulations: AtomicU64,
    stormy: AtomicU64,
    roots: AtomicU64,
    runs: AtomicU64,
    events: AtomicU64,
    seconds: AtomicU64,
    failures: Mutex<BTreeMap<u64, String>>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let total = Total::default();
    let next = AtomicU64::new(args.seed);
    std::thread::scope(|scope| {
        for _ in 0..args.threads.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= args.seed.saturating_add(args.runs) {
                        return;
                    }
                    one(&args, seed, &total);
                }
            });
        }
    });
    report(&args, &total)
}

fn setup(args: &Args, seed: u64, tell: bool) -> Setup {
    let weather = args.calm.then(Weather::calm);
    Setup { weather, tell, ..Setup::of(seed) }
}

fn one(args: &Args, seed: u64, total: &Total) {
    let mut outcome = simulate(&setup(args, seed, args.tell));
    let failed = !outcome.violations.is_empty();
    if failed || seed.is_multiple_of(TWICE_EVERY) {
        let again = simulate(&setup(args, seed, args.tell || failed));
        if again.trace_hash != outcome.trace_hash {
            let text = format!("{:x} and {:x}", outcome.trace_hash, again.trace_hash);
            outcome.violations.push(format!("the same seed gives two traces: {text}"));
        }
        outcome.steps = again.steps;
    }
    total.counts.merge(&outcome.counts);
    let add = |to: &AtomicU64, more: u64| to.fetch_add(more, Ordering::Relaxed);
    add(&total.simulations, 1);
    add(&total.stormy, u64::from(outcome.counts.faults() >= FAULTS_AT_LEAST));
    add(&total.roots, outcome.roots);
    add(&total.runs, outcome.runs);
    add(&total.events, outcome.events);
    add(&total.seconds, outcome.elapsed.as_secs());
    if failed || args.tell {
        let path = dump(args, seed, &outcome);
        let mut text = format!("sim: seed {seed}, commit {}, {path}", args.commit);
        for violation in &outcome.violations {
            let _ = write!(text, "\n    {violation}");
        }
        let mut failures = total.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.insert(seed, text);
    }
}

/// Writes what happened, and says where.
fn dump(args: &Args, seed: u64, outcome: &Outcome) -> String {
    let path = args.dump.join(format!("seed-{seed}.log"));
    let weather = setup(args, seed, false).weather.unwrap_or_else(|| Weather::draw(seed));
    let text = format!(
        "# seed {seed}\n# {weather:?}\n# {}\n{}\n{}",
        outcome.violations.join("\n# "),
        outcome.steps.join("\n"),
        outcome.logs
    );
    let written = std::fs::create_dir_all(&args.dump).and_then(|()| std::fs::write(&path, text));
    match written {
        Ok(()) => format!("log {}", path.display()),
        Err(error) => format!("no log: {error}"),
    }
}

#[expect(clippy::print_stdout, reason = "the report is what the program is for")]
fn report(args: &Args, total: &Total) -> ExitCode {
    let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let failures = total.failures.lock().unwrap_or_else(PoisonError::into_inner);
    for text in failures.values() {
        println!("{text}");
    }
    for group in [Group::Fault, Group::Path] {
        println!("{group:?}");
        for count in Count::ALL.iter().filter(|count| count.group() == group) {
            println!("{:>12}  {count}", total.counts.get(*count));
        }
    }
    println!(
        "{} simulations from seed {}, {} of them with {FAULTS_AT_LEAST} faults or more",
        get(&total.simulations),
        args.seed,
        get(&total.stormy),
    );
    println!(
        "{} root runs, {} runs, {} events, {} faults, {} virtual seconds, {} failed",
        get(&total.roots),
        get(&total.runs),
        get(&total.events),
        total.counts.faults(),
        get(&total.seconds),
        failures.len(),
    );
    let never = total.counts.never();
    if args.require_all && !never.is_empty() {
        let names: Vec<&str> = never.iter().map(|count| count.name()).collect();
        println!("never met: {}", names.join(", "));
        return ExitCode::FAILURE;
    }
    if failures.is_empty() || args.tell { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
