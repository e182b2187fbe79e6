//! Time and CPU time of this process: the one place that reads clocks.

use std::time::Duration;

use hdrhistogram::Histogram;

/// A stopwatch over wall and CPU time.
#[derive(Debug)]
pub(crate) struct Watch {
    started: std::time::Instant,
    cpu: Duration,
}

impl Watch {
    #[expect(clippy::disallowed_methods, reason = "measuring is what this program is for")]
    pub(crate) fn start() -> Self {
        // CPU time first: reading it takes longer than some of what is measured.
        let cpu = cpu_time();
        Self { started: std::time::Instant::now(), cpu }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// CPU time of all threads since the start, in microseconds per operation.
    pub(crate) fn cpu_us(&self, operations: usize) -> f64 {
        (cpu_time() - self.cpu).as_secs_f64() * 1e6 / operations.max(1) as f64
    }
}

/// User and system time of this process. Resolution: a clock tick, 10 ms.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split(' ').collect();
    let ticks = |index: usize| fields.get(index).and_then(|f| f.parse::<u64>().ok()).unwrap_or(0);
    Duration::from_millis((ticks(12) + ticks(13)) * 10)
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
