//! The table and its JSON.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;

/// One figure.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Row {
    /// Id of reference/performance.md, or of the probe.
    pub(crate) id: &'static str,
    /// What was done.
    pub(crate) what: String,
    /// The figure.
    pub(crate) value: f64,
    /// Its unit.
    pub(crate) unit: &'static str,
    /// Median of the single operations, in microseconds.
    pub(crate) p50_us: Option<f64>,
    /// 99th percentile.
    pub(crate) p99_us: Option<f64>,
    /// CPU time of this process per operation, in microseconds.
    pub(crate) cpu_us: Option<f64>,
    /// The figure divided by the probe's.
    pub(crate) ratio: Option<f64>,
    /// Name of the probe.
    pub(crate) probe: &'static str,
    /// What the ratio must be.
    pub(crate) gate: &'static str,
}

/// All figures.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    rows: Vec<Row>,
}

impl Report {
    pub(crate) fn add(&mut self, row: Row) {
        complain(&format!("{:<4} {} {:.1} {}", row.id, row.what, row.value, row.unit));
        self.rows.push(row);
    }

    #[expect(clippy::print_stdout, reason = "the report is this program's output")]
    pub(crate) fn print(&self) {
        println!(
            "\n{:<6} {:<46} {:>12} {:<10} {:>9} {:>9} {:>8} {:>8}  to (gate)",
            "id", "what", "value", "unit", "p50 us", "p99 us", "cpu us", "ratio"
        );
        let figure = |value: Option<f64>| value.map_or(String::from("-"), |v| format!("{v:.2}"));
        for row in &self.rows {
            println!(
                "{:<6} {:<46} {:>12.1} {:<10} {:>9} {:>9} {:>8} {:>8}  {} {}",
                row.id,
                row.what,
                row.value,
                row.unit,
                figure(row.p50_us),
                figure(row.p99_us),
                figure(row.cpu_us),
                figure(row.ratio),
                row.probe,
                row.gate
            );
        }
    }

    pub(crate) fn write(&self, file: &Path) -> Result<()> {
        Ok(std::fs::write(file, serde_json::to_vec_pretty(self)?)?)
    }
}

/// Says something beside the report.
#[expect(clippy::print_stderr, reason = "progress goes beside the report")]
pub(crate) fn complain(text: &str) {
    eprintln!("{text}");
}
