//! Time and CPU time of this process: the one place that reads clocks.

use std::time::Duration;

use anyhow::{Context as _, Result};
use hdrhistogram::Histogram;

/// A stopwatch. Starting and reading it makes no system call, so it may time single operations.
#[derive(Debug)]
pub(crate) struct Watch {
    started: std::time::Instant,
}

impl Watch {
    #[expect(clippy::disallowed_methods, reason = "measuring is what this program is for")]
    pub(crate) fn start() -> Self {
        Self { started: std::time::Instant::now() }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

/// A stopwatch over the CPU time, user and system, of all threads of this process.
#[derive(Debug)]
pub(crate) struct CpuWatch {
    started: Duration,
}

impl CpuWatch {
    pub(crate) fn start() -> Self {
        Self { started: cpu_time() }
    }

    /// Since the start, in microseconds per operation.
    pub(crate) fn us_per(&self, operations: usize) -> f64 {
        (cpu_time() - self.started).as_secs_f64() * 1e6 / operations.max(1) as f64
    }
}

/// Memory of this process that is resident.
pub(crate) fn rss_bytes() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    Ok(kilobytes.context("the kernel says how much is resident")? * 1024)
}

/// CPU time of another process so far. Resolution: a clock tick, 10 ms.
pub(crate) fn cpu_of_process(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split(' ').collect();
    let ticks = |index: usize| fields.get(index).and_then(|f| f.parse::<u64>().ok()).unwrap_or(0);
    Duration::from_millis((ticks(12) + ticks(13)) * 10)
}

fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Milliseconds since the Unix epoch.
#[expect(clippy::disallowed_methods, reason = "the one clock of this process")]
pub(crate) fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.map_or(0, |since| since.as_millis())).unwrap_or(i64::MAX)
}

/// Durations of single operations.
#[derive(Debug)]
pub(crate) struct Samples(Histogram<u64>);

impl Samples {
    pub(crate) fn new() -> Self {
        let mut histogram = Histogram::new(3).expect("three significant digits are allowed");
        histogram.auto(true);
        Self(histogram)
    }

    pub(crate) fn add(&mut self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.0.record(nanos).expect("the histogram grows to what it sees");
    }

    pub(crate) fn us(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64 / 1e3
    }
}
