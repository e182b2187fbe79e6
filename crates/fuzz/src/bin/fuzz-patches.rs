//! `fuzz-patches`: as many mixtures of patches as one likes, each validated for every author. Fails
//! where one breaks a promise, and where they took more memory than they may.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use aob_fuzz::{Dice, Judged, Mixtures, judged};
use clap::Parser;

/// Patches between two lines of progress.
const PROGRESS_EVERY: u64 = 10_000;

/// Validates mixtures of hostile and benign patches.
#[derive(Debug, Parser)]
#[command(name = "fuzz-patches")]
struct Args {
    /// Patches.
    #[arg(long, default_value_t = 20_000)]
    runs: u64,
    /// Seed of the first; the others follow it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads.
    #[arg(long, default_value_t = 2)]
    threads: u64,
    /// MiB of memory that the process may have taken at most (Linux only). A document of a person may
    /// have 32 MiB of text, and is in memory several times while it is judged.
    #[arg(long, default_value_t = 1_536)]
    memory_mib: u64,
    /// Where patches that break something go.
    #[arg(long, default_value = "target/fuzz")]
    dump: PathBuf,
}

/// What came of it so far.
#[derive(Debug, Default)]
struct Total {
    next: AtomicU64,
    refused: AtomicU64,
    parked: AtomicU64,
    applied: AtomicU64,
    broken: AtomicBool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let mixtures = Mixtures::load();
    let total = Total::default();
    std::thread::scope(|scope| {
        for _ in 0..args.threads.max(1) {
            scope.spawn(|| work(&args, &mixtures, &total));
        }
    });
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let (refused, parked, applied) =
        (count(&total.refused), count(&total.parked), count(&total.applied));
    let mut ok = !total.broken.load(Ordering::Relaxed);
    say(&format!(
        "{} patches from seed {}: {refused} judgements refused, {parked} wait for an approval, {applied} applied",
        args.runs, args.seed
    ));
    if args.runs >= 1_000 && [refused, parked, applied].contains(&0) {
        say("one kind of judgement never came: the mixtures show nothing");
        ok = false;
    }
    if let Some(peak_mib) = peak_mib() {
        say(&format!("{peak_mib} MiB of memory at most, of {} MiB", args.memory_mib));
        ok &= peak_mib <= args.memory_mib;
    }
    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn work(args: &Args, mixtures: &Mixtures, total: &Total) {
    loop {
        let index = total.next.fetch_add(1, Ordering::Relaxed);
        if index >= args.runs || total.broken.load(Ordering::Relaxed) {
            return;
        }
        let seed = args.seed.wrapping_add(index);
        let bytes = mixtures.a_patch(&mut Dice::seeded(seed));
        match catch_unwind(AssertUnwindSafe(|| judged(&bytes))) {
            Ok(Judged { refused, parked, applied }) => {
                total.refused.fetch_add(refused, Ordering::Relaxed);
                total.parked.fetch_add(parked, Ordering::Relaxed);
                total.applied.fetch_add(applied, Ordering::Relaxed);
            }
            Err(_) => {
                total.broken.store(true, Ordering::Relaxed);
                keep(&args.dump, seed, &bytes);
            }
        }
        if (index + 1).is_multiple_of(PROGRESS_EVERY) {
            say(&format!("{} of {}", index + 1, args.runs));
        }
    }
}

/// Keeps what broke something, for the target `validation` to look at again.
fn keep(folder: &std::path::Path, seed: u64, bytes: &[u8]) {
    let path = folder.join(format!("validation-{seed}"));
    let kept = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, bytes));
    match kept {
        Ok(()) => say(&format!("seed {seed} breaks a promise; the input is in {}", path.display())),
        Err(error) => say(&format!("seed {seed} breaks a promise; it cannot be kept: {error}")),
    }
}

/// The most memory that this process ever had; `None`: this system does not say.
fn peak_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib.div_ceil(1_024))
}

#[expect(clippy::print_stdout, reason = "this is a program, and this is what it says")]
fn say(line: &str) {
    println!("{line}");
}
