//! E6, E7: whole commands, against the execution of `true`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::Options;
use crate::machine::{Samples, Watch};
use crate::report::{Report, Row};

const WORKFLOW: &str =
    r#"{"nodes":[{"id":"a","type":"transform","config":{"template":1}}],"edges":[]}"#;

pub(crate) fn measure(options: &Options, report: &mut Report) -> Result<()> {
    let count = options.volume(200);
    let binary = binary()?;
    let reference = time(count, || Command::new("true"))?;
    if options.wants(&["E7"]) {
        let version = time(count, || {
            let mut command = Command::new(&binary);
            command.arg("--version");
            command
        })?;
        report.add(over("E7", "aob --version", &version, &reference, "<= 3 ms over"));
    }
    if options.wants(&["E6"]) {
        let folder = tempfile::tempdir_in(".")?;
        let workflow = folder.path().join("workflow.json");
        std::fs::write(&workflow, WORKFLOW)?;
        let data = folder.path().join("data");
        let start = || {
            let mut command = Command::new(&binary);
            command.args(["run", "start"]).arg(&workflow).arg("--embedded");
            command.arg("--data").arg(&data);
            command
        };
        time(1, start)?;
        let embedded = time(count, start)?;
        report.add(over("E6", "aob run start --embedded", &embedded, &reference, "<= 12 ms over"));
    }
    Ok(())
}

/// `aob`, built beside this program.
pub(crate) fn binary() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().context("this program is in a folder")?;
    let binary: &Path = &folder.join("aob");
    ensure!(binary.exists(), "build `aob` first: cargo build --release -p aob");
    Ok(binary.to_owned())
}

fn time(count: usize, command: impl Fn() -> Command) -> Result<Samples> {
    let mut samples = Samples::new();
    for _ in 0..count {
        let mut command = command();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let watch = Watch::start();
        let status = command.status()?;
        samples.add(watch.elapsed());
        ensure!(status.success(), "{command:?} ended with {status}");
    }
    Ok(samples)
}

fn over(
    id: &'static str,
    what: &str,
    samples: &Samples,
    reference: &Samples,
    gate: &'static str,
) -> Row {
    Row {
        id,
        what: format!("{what}, over true"),
        value: (samples.us(0.5) - reference.us(0.5)) / 1e3,
        unit: "ms",
        p50_us: Some(samples.us(0.5)),
        p99_us: Some(samples.us(0.99)),
        ratio: Some(samples.us(0.5) / reference.us(0.5)),
        probe: "true",
        gate,
        ..Row::default()
    }
}
