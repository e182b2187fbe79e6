//! G2: what a long history costs: the next append, opening the run, a page of its events.

use anyhow::{Context as _, Result, ensure};
use aob_coordinator::Reader;
use aob_engine::{Blob, Command, RunId, RunStatus};
use serde_json::{Value, json};

use crate::Options;
use crate::machine::{Samples, Watch};
use crate::report::{Report, Row};
use crate::stack::{Stack, WORKSPACE, compile, start, submission};

/// Signals sent to a run, one after the other.
const SIGNALS: usize = 200;
/// Events of a page.
const PAGE: usize = 100;

pub(crate) fn measure(options: &Options, report: &mut Report) -> Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let short = runtime.block_on(history(10))?;
    let long = runtime.block_on(history(options.volume(990_000)))?;
    let row = |what: &str, samples: &Samples, base: &Samples, gate| Row {
        id: "G2",
        what: format!("{what}, after {} events", long.events),
        value: samples.us(0.5),
        unit: "us",
        p50_us: Some(samples.us(0.5)),
        p99_us: Some(samples.us(0.99)),
        ratio: Some(samples.us(0.5) / base.us(0.5)),
        probe: "short run",
        gate,
        ..Row::default()
    };
    report.add(row("append", &long.appends, &short.appends, "<= 1.2"));
    report.add(row("opening the run", &long.openings, &short.openings, "p50 <= 20,000 us"));
    report.add(row("100 events from the middle", &long.pages, &short.pages, "p50 <= 5,000 us"));
    Ok(())
}

/// What operations on a run of some length took.
struct History {
    events: u64,
    appends: Samples,
    openings: Samples,
    pages: Samples,
}

/// A map over this many items, and then a chain of signals.
fn document() -> Value {
    let body = json!({"id": "b", "type": "transform", "config": {"template": 1}});
    let map = json!({"id": "m", "type": "map", "config": {"items": "$inputs", "node": body}});
    let signal =
        |n: usize| json!({"id": format!("s{n}"), "type": "signal", "config": {"name": "go"}});
    let mut nodes = vec![map];
    nodes.extend((0..=SIGNALS).map(signal));
    let mut edges = vec![json!({"from": "m", "to": "s0"})];
    edges.extend(
        (0..SIGNALS).map(|n| json!({"from": format!("s{n}"), "to": format!("s{}", n + 1)})),
    );
    json!({"nodes": nodes, "edges": edges})
}

async fn history(items: usize) -> Result<History> {
    let ir = compile(&document())?;
    let stack = Stack::start()?;
    let inputs = Blob::of(json!((0..items).collect::<Vec<_>>()));
    let submission = start(&ir, &inputs);
    let run = submission.run;
    stack.coordinator.handle.submit(submission).await?;
    while stack.status(run).await? != "waiting" {
        tokio::task::yield_now().await;
    }
    let appends = signals(&stack, run).await?;
    let reader = &stack.coordinator.reader;
    let events = reader.head(run).await?.seq;
    let openings = openings(reader, run).await?;
    let mut pages = Samples::new();
    for _ in 0..SIGNALS {
        let watch = Watch::start();
        let page = reader.event_texts(WORKSPACE, run, events / 2, PAGE).await?;
        pages.add(watch.elapsed());
        ensure!(!page.is_empty(), "the middle of the log is empty");
    }
    Ok(History { events, appends, openings, pages })
}

async fn signals(stack: &Stack, run: RunId) -> Result<Samples> {
    let mut samples = Samples::new();
    for number in 0..SIGNALS {
        let signal = format!("s{number}").into();
        let command =
            Command::Signal { name: "go".into(), signal, payload: Blob::of(json!(number)) };
        let watch = Watch::start();
        stack.coordinator.handle.submit(submission(run, None, command)).await?;
        samples.add(watch.elapsed());
    }
    Ok(samples)
}

/// From nothing in memory to the state of the run.
async fn openings(reader: &Reader, run: RunId) -> Result<Samples> {
    let mut samples = Samples::new();
    for _ in 0..20 {
        let watch = Watch::start();
        let loaded = reader.load(run).await?.context("the run is there")?;
        samples.add(watch.elapsed());
        ensure!(loaded.state.status() == RunStatus::Waiting, "it waits for the last signal");
    }
    Ok(samples)
}
