//! G3: what runs that wait cost: memory of each, and what they take from those that go on.

use std::sync::Arc;

use anyhow::{Result, ensure};
use aob_coordinator::WorkflowRef;
use aob_engine::{Blob, Command, RunId, RunStatus};
use aob_ir::Ir;
use serde_json::json;

use crate::Options;
use crate::machine::{Samples, Watch, now_ms, rss_bytes};
use crate::report::{Report, Row};
use crate::stack::{Stack, WORKSPACE, compile, start, submission};
use crate::starts::chain;

/// Starts in flight while throughput is measured, and while runs are parked.
const IN_FLIGHT: usize = 2_000;
/// Runs of one measurement of throughput.
const RUNS: usize = 20_000;
/// Measurements of throughput and of latency on each side: the median counts.
const REPEATS: usize = 5;
/// Appends of one measurement of latency, one after the other.
const APPENDS: usize = 2_000;
/// Parked runs that are woken.
const WOKEN: usize = 1_000;

pub(crate) fn measure(options: &Options, report: &mut Report) -> Result<()> {
    let parked = options.volume(100_000);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(compare(parked, report))
}

async fn compare(parked: usize, report: &mut Report) -> Result<()> {
    let stack = Stack::start()?;
    let (ir, inputs) = (compile(&chain(1))?, Blob::of(json!({"n": 1})));
    submit(&stack, &ir, &inputs, RUNS).await?; // Caches are warm, and pages are faulted in.
    let alone = load(&stack, &ir, &inputs).await?;
    let before = rss_bytes()?;
    let waiting = park(&stack, parked).await?;
    let bytes = rss_bytes()?.saturating_sub(before) as f64 / parked as f64;
    let among = load(&stack, &ir, &inputs).await?;
    let woken = wake(&stack, &waiting).await?;
    report.add(Row {
        id: "G3",
        what: format!("resident memory of each of {parked} waiting runs"),
        value: bytes,
        unit: "bytes",
        gate: "<= 1,024 bytes",
        ..Row::default()
    });
    report.add(Row {
        id: "G3",
        what: format!("starts beside {parked} waiting runs"),
        value: among.rate,
        unit: "/s",
        ratio: Some(among.rate / alone.rate),
        probe: "none waiting",
        gate: ">= 0.9",
        ..Row::default()
    });
    report.add(Row {
        id: "G3",
        what: format!("p99 of an append beside {parked} waiting runs"),
        value: among.p99_us,
        unit: "us",
        p50_us: Some(among.p50_us),
        p99_us: Some(among.p99_us),
        ratio: Some(among.p99_us / alone.p99_us),
        probe: "none waiting",
        gate: "<= 2",
        ..Row::default()
    });
    report.add(Row {
        id: "G3",
        what: format!("signal to one of {parked} waiting runs, to its end"),
        value: woken.us(0.5),
        unit: "us",
        p50_us: Some(woken.us(0.5)),
        p99_us: Some(woken.us(0.99)),
        ..Row::default()
    });
    Ok(())
}

/// What the stack does for runs that end at once.
struct Load {
    rate: f64,
    p50_us: f64,
    p99_us: f64,
}

async fn load(stack: &Stack, ir: &Arc<Ir>, inputs: &Arc<Blob>) -> Result<Load> {
    let (mut rates, mut p50, mut p99) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..REPEATS {
        let watch = Watch::start();
        submit(stack, ir, inputs, RUNS).await?;
        rates.push(RUNS as f64 / watch.elapsed().as_secs_f64());
        let mut samples = Samples::new();
        for _ in 0..APPENDS {
            let watch = Watch::start();
            let reply = stack.coordinator.handle.submit(start(ir, inputs)).await?;
            samples.add(watch.elapsed());
            ensure!(reply.status == RunStatus::Completed, "the run did not complete");
        }
        p50.push(samples.us(0.5));
        p99.push(samples.us(0.99));
    }
    Ok(Load { rate: median(rates), p50_us: median(p50), p99_us: median(p99) })
}

/// Starts runs, many at once, and waits until each start is durable.
async fn submit(
    stack: &Stack,
    ir: &Arc<Ir>,
    inputs: &Arc<Blob>,
    runs: usize,
) -> Result<Vec<RunId>> {
    let mut ids = Vec::with_capacity(runs);
    while ids.len() < runs {
        let take = IN_FLIGHT.min(runs - ids.len());
        let submissions: Vec<_> = (0..take).map(|_| start(ir, inputs)).collect();
        ids.extend(submissions.iter().map(|submission| submission.run));
        let replies = stack.coordinator.handle.submit_many(submissions).await;
        ensure!(replies.iter().all(Result::is_ok), "a start was refused");
    }
    Ok(ids)
}

/// Runs that wait for a signal, and for the end of waiting in a day.
async fn park(stack: &Stack, count: usize) -> Result<Vec<RunId>> {
    let node = json!({
        "id": "s", "type": "signal", "config": {"name": "go"}, "timeout_ms": 86_400_000,
    });
    // Stored, because so many runs are not kept in memory: those that are woken are read back.
    let document = WorkflowRef::Document(Box::new(json!({"nodes": [node], "edges": []})));
    let resolved = stack.coordinator.workflows.resolve(WORKSPACE, &document, now_ms()).await?;
    submit(stack, &resolved.ir, &Blob::of(json!({})), count).await
}

/// Wakes some of them, spread over all.
async fn wake(stack: &Stack, waiting: &[RunId]) -> Result<Samples> {
    let mut samples = Samples::new();
    let step = (waiting.len() / WOKEN).max(1);
    for &run in waiting.iter().step_by(step) {
        let (name, signal) = ("go".into(), "1".into());
        let command = Command::Signal { name, signal, payload: Blob::of(json!(1)) };
        let watch = Watch::start();
        let reply = stack.coordinator.handle.submit(submission(run, None, command)).await?;
        samples.add(watch.elapsed());
        ensure!(reply.status == RunStatus::Completed, "the run did not end with its signal");
    }
    Ok(samples)
}

/// The one in the middle.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
