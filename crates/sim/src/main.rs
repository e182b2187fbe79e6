//! `aob-sim`: simulates by the thousand, and says what never happened.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use aob_sim::{Count, Group, Total, Volume};
use clap::Parser;

/// Simulations between two lines of progress.
const PROGRESS_EVERY: u64 = 1_000;

/// Simulates the whole system, many times, under faults.
#[derive(Debug, Parser)]
#[command(name = "aob-sim")]
struct Args {
    /// Simulations to run that are hit by enough faults to count.
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

fn main() -> ExitCode {
    let args = Args::parse();
    let volume = Volume {
        runs: args.runs,
        seed: args.seed,
        threads: args.threads,
        calm: args.calm,
        dump: Some(args.dump.clone()),
        tell: args.tell,
    };
    let total = Total::default();
    let started = now();
    std::thread::scope(|scope| {
        let work = scope.spawn(|| volume.simulate(&total));
        let mut told = 0;
        while !work.is_finished() {
            std::thread::park_timeout(Duration::from_millis(200));
            if total.counted() >= told + PROGRESS_EVERY && total.counted() < args.runs {
                told = total.counted();
                progress(&total, started);
            }
        }
    });
    report(&args, &total, started)
}

#[expect(clippy::disallowed_methods, reason = "only to say how fast it goes")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::print_stderr, reason = "progress is chatter")]
fn progress(total: &Total, started: Instant) {
    let seconds = now().duration_since(started).as_secs_f64();
    let rate = total.counted() as f64 / seconds.max(0.001);
    eprintln!("{:.0} s, {rate:.0} per second: {}", seconds, total.summary());
}

#[expect(clippy::print_stdout, reason = "the report is what the program is for")]
fn report(args: &Args, total: &Total, started: Instant) -> ExitCode {
    for text in total.failures() {
        println!("{text}");
    }
    for group in [Group::Fault, Group::Path] {
        println!("{group:?}");
        for count in Count::ALL.iter().filter(|count| count.group() == group) {
            println!("{:>12}  {count}", total.counts.get(*count));
        }
    }
    let seconds = now().duration_since(started).as_secs_f64();
    let rate = total.counted() as f64 / seconds.max(0.001);
    println!("{}", total.summary());
    println!("{seconds:.0} seconds, {rate:.0} simulations per second, commit {}", args.commit);
    let never = total.counts.never();
    if args.require_all && !never.is_empty() {
        let names: Vec<&str> = never.iter().map(|count| count.name()).collect();
        println!("never met: {}", names.join(", "));
        return ExitCode::FAILURE;
    }
    if total.failed() == 0 {
        return ExitCode::SUCCESS;
    }
    println!("again, with its steps: make sim RUNS=1 SEED=<seed>");
    ExitCode::FAILURE
}
