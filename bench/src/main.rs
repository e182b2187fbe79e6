//! Benchmarks, each with its reference probe in the same run. Figures to compare are the ratios;
//! absolutes belong to the machine.
//!
//! `cargo run --release -p aob-bench -- [--only E1,E4] [--scale 0.1] [--json FILE]`

mod chains;
mod commands;
mod engine;
mod history;
mod http;
mod machine;
mod parked;
mod patches;
mod probes;
mod report;
mod run_patches;
mod stack;
mod starts;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What to measure.
#[derive(Debug, Parser)]
struct Options {
    /// Only these, by id, separated by commas.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Share of the full volume.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Writes the report as JSON too.
    #[arg(long)]
    json: Option<PathBuf>,
}

impl Options {
    fn wants(&self, ids: &[&str]) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| ids.contains(&only.as_str()))
    }

    fn volume(&self, full: usize) -> usize {
        ((full as f64 * self.scale) as usize).max(1)
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::complain(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let mut report = report::Report::default();
    let fsync = probes::fsync(options.volume(200))?;
    report.add(fsync.row());
    if options.wants(&["D3", "D18", "G1"]) {
        engine::measure(options, &mut report)?;
    }
    if options.wants(&["E1", "E2", "D2"]) {
        starts::measure(options, &mut report)?;
    }
    if options.wants(&["E3", "E4", "E5"]) {
        chains::measure(options, &fsync, &mut report)?;
    }
    if options.wants(&["G2"]) {
        history::measure(options, &mut report)?;
    }
    if options.wants(&["G3"]) {
        parked::measure(options, &mut report)?;
    }
    if options.wants(&["G4"]) {
        patches::measure(options, &mut report)?;
    }
    if options.wants(&["D14"]) {
        run_patches::measure(options, &fsync, &mut report)?;
    }
    if options.wants(&["D1"]) {
        http::measure(options, &mut report)?;
    }
    if options.wants(&["E6", "E7"]) {
        commands::measure(options, &mut report)?;
    }
    report.print();
    match &options.json {
        Some(file) => report.write(file),
        None => Ok(()),
    }
}
