//! D3, D18, G1: the pure core.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use aob_coordinator::Submission;
use aob_engine::{
    Actor, AttemptOutcome, AttemptResult, Blob, Command, CommandId, Decision, Event, EventKind,
    InstanceId, Request, RunState, Timestamp, advance, apply,
};
use aob_ir::{Digest, Ir};
use serde_json::{Value, json};

use crate::Options;
use crate::machine::{Samples, Watch, now_ms};
use crate::parked::median;
use crate::report::{Report, Row};
use crate::stack::{compile, start};
use crate::starts::chain;

/// Measurements of each length.
const GROWTH_REPEATS: usize = 11;

pub(crate) fn measure(options: &Options, report: &mut Report) -> Result<()> {
    if options.wants(&["D3"]) {
        report.add(routing(options.volume(20_000))?);
    }
    if options.wants(&["D18"]) {
        report.add(replay(options.volume(300_000))?);
    }
    if options.wants(&["G1"]) {
        growth(options, report)?;
    }
    Ok(())
}

/// Decides a start and whatever follows from it alone, and gives the state. `append` sees the events
/// of each decision, as a log would.
fn run_to_rest(
    ir: &Arc<Ir>,
    inputs: &Arc<Blob>,
    mut append: impl FnMut(Vec<Event>),
) -> Result<RunState> {
    let Submission { request, .. } = start(ir, inputs);
    let mut state = RunState::default();
    let mut blobs: BTreeMap<Digest, Arc<Blob>> = BTreeMap::new();
    let mut next = request;
    loop {
        let decision = advance(&mut state, ir, &next, &blobs, Timestamp(now_ms()));
        let Decision::Append { events, blobs: new, .. } = decision else {
            bail!("the decision gave {decision:?}");
        };
        new.into_iter().for_each(|blob| drop(blobs.insert(blob.digest(), blob)));
        keep_values(&mut blobs, &events);
        let more = matches!(events.last().map(|e| &e.kind), Some(EventKind::Continued(_)));
        append(events);
        if !more {
            return Ok(state);
        }
        next = request_of(Command::Continue { after: state.seq() });
    }
}

/// Keeps the values that stand in these events at hand, as a coordinator does.
fn keep_values(blobs: &mut BTreeMap<Digest, Arc<Blob>>, events: &[Event]) {
    for event in events {
        event.kind.payloads(&mut |payload| {
            if let Some(blob) = payload.inline() {
                blobs.insert(blob.digest(), Arc::clone(blob));
            }
        });
    }
}

fn request_of(command: Command) -> Request {
    Request { id: CommandId("bench".into()), actor: Actor::system(), command }
}

/// D3: a result comes in, the next set goes out, at fan-outs of 1 to 8.
fn routing(count: usize) -> Result<Row> {
    let mut samples = Samples::new();
    let inputs = Blob::of(json!({}));
    for width in [1_usize, 2, 4, 8] {
        let function = |id: String| json!({"id": id, "type": "function", "config": {"name": "echo", "args": 1}});
        let mut nodes = vec![function("s".to_owned())];
        nodes.extend((0..width).map(|n| function(format!("n{n}"))));
        let edges: Vec<Value> =
            (0..width).map(|n| json!({"from": "s", "to": format!("n{n}")})).collect();
        let ir = compile(&json!({"nodes": nodes, "edges": edges}))?;
        let mut blobs: BTreeMap<Digest, Arc<Blob>> = BTreeMap::new();
        run_to_rest(&ir, &inputs, |events| keep_values(&mut blobs, &events))?;
        let request = request_of(Command::Result(AttemptResult {
            instance: InstanceId::top("s"),
            attempt: 1,
            outcome: AttemptOutcome::Completed { output: Blob::of(json!(1)) },
            started_at: None,
            usage: None,
            patches: Vec::new(),
        }));
        let now = Timestamp(now_ms());
        for _ in 0..count / 4 {
            // As the decision before left it: a copy would lack the room that it made.
            let mut state = run_to_rest(&ir, &inputs, drop)?;
            let watch = Watch::start();
            let decision = advance(&mut state, &ir, &request, &blobs, now);
            samples.add(watch.elapsed());
            ensure!(matches!(decision, Decision::Append { .. }), "nothing was decided");
        }
    }
    Ok(Row {
        id: "D3",
        what: "decision: result in, next set out (1 to 8)".to_owned(),
        value: samples.us(0.5),
        unit: "us",
        p50_us: Some(samples.us(0.5)),
        p99_us: Some(samples.us(0.99)),
        gate: "p99 <= 5 us",
        ..Row::default()
    })
}

/// D18: reading events and folding them.
fn replay(count: usize) -> Result<Row> {
    let body = json!({"id": "b", "type": "transform", "config": {"template": "$index"}});
    let items: Vec<usize> = (0..count / 2).collect();
    let document = json!({"nodes": [{"id": "m", "type": "map", "config": {"items": "$inputs", "node": body}}], "edges": []});
    let mut texts = Vec::new();
    let mut total = 0;
    run_to_rest(&compile(&document)?, &Blob::of(json!(items)), |events| {
        total += events.len();
        texts.push(serde_json::to_string(&events));
    })?;
    let texts: Vec<String> = texts.into_iter().collect::<Result<_, _>>()?;
    let watch = Watch::start();
    let mut state = RunState::default();
    for text in &texts {
        let events: Vec<Event> = serde_json::from_str(text)?;
        events.iter().for_each(|event| apply(&mut state, event));
    }
    let rate = f64::from(u32::try_from(total)?) / watch.elapsed().as_secs_f64();
    Ok(Row {
        id: "D18",
        what: format!("events read and folded, of {total}"),
        value: rate,
        unit: "events/s",
        gate: ">= 1M/s",
        ..Row::default()
    })
}

/// G1: cost per node of an executed chain as the graph grows: every decision from the start to the
/// end of the run, its events, and forgetting its state.
fn growth(options: &Options, report: &mut Report) -> Result<()> {
    let inputs = Blob::of(json!({"n": 1}));
    let mut chains = Vec::new();
    for length in [100, 1_000, 10_000, 100_000] {
        let length = if length > 100 { options.volume(length).max(200) } else { length };
        let document = chain(length);
        let watch = Watch::start();
        let ir = compile(&document)?;
        let compile_ms = watch.elapsed().as_secs_f64() * 1e3;
        chains.push((length, ir, compile_ms, Vec::new()));
    }
    let nodes = options.volume(100_000).max(200);
    for _ in 0..GROWTH_REPEATS {
        // In turns, so that all see the same weather; the median counts.
        for (length, ir, _, figures) in &mut chains {
            let runs = (nodes / *length).max(1);
            let watch = Watch::start();
            for _ in 0..runs {
                let state = run_to_rest(ir, &inputs, drop)?;
                ensure!(state.is_terminal(), "the chain did not end");
            }
            figures.push(watch.elapsed().as_secs_f64() * 1e6 / (runs * *length) as f64);
        }
    }
    let mut base = None;
    for (length, _, compile_ms, figures) in chains {
        let median = median(figures);
        let base = *base.get_or_insert(median);
        report.add(Row {
            id: "G1",
            what: format!("us per node, chain of {length} (compiled in {compile_ms:.0} ms)"),
            value: median,
            unit: "us/node",
            ratio: Some(median / base),
            probe: "chain of 100",
            gate: "<= 1.3",
            ..Row::default()
        });
    }
    Ok(())
}
