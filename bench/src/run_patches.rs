//! D14, patches of runs: from the text of one to a graph that holds, through all three layers.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use aob_coordinator::{LoadedRun, Submission};
use aob_engine::{
    Actor, Blob, Command, CommandId, PatchId, PatchOrigin, Planned, ProposePatch, RunId, plan_patch,
};
use aob_ir::Ir;
use aob_validator::{Author, check_offline};
use serde_json::{Value, json};

use crate::Options;
use crate::machine::{Samples, Watch};
use crate::probes::Fsync;
use crate::report::{Report, Row};
use crate::stack::{Stack, WORKSPACE, compile, start, submission};

/// Nodes of the workflow.
const NODES: usize = 50;
/// Bytes of the text that the probe reads and writes.
const PROBE_BYTES: usize = 1_024;

pub(crate) fn measure(options: &Options, fsync: &Fsync, report: &mut Report) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let samples = runtime.block_on(patches(options.volume(500)))?;
    let probe_us = fsync.p50_us() + json_us(options.volume(2_000))?;
    report.add(Row {
        id: "D14",
        what: format!("patch of a run, {NODES} nodes: text to effective"),
        value: samples.us(0.5),
        unit: "us",
        p50_us: Some(samples.us(0.5)),
        p99_us: Some(samples.us(0.99)),
        ratio: Some(samples.us(0.5) / probe_us),
        probe: "json + fsync",
        gate: "<= 20",
        ..Row::default()
    });
    Ok(())
}

/// Reading a text of 1 KiB and writing it again: median, in microseconds.
fn json_us(count: usize) -> Result<f64> {
    let item = json!({"id": "n", "name": "echo", "values": [1, 2, 3]});
    let items = PROBE_BYTES / item.to_string().len();
    let text = json!(vec![item; items]).to_string();
    let mut samples = Samples::new();
    for _ in 0..count {
        let watch = Watch::start();
        let value: Value = serde_json::from_str(&text)?;
        std::hint::black_box(serde_json::to_vec(&value)?);
        samples.add(watch.elapsed());
    }
    Ok(samples.us(0.5))
}

/// A run of it waits for a signal, so there is time to patch what follows.
fn document() -> Value {
    let node = |n: usize| json!({"id": format!("n{n}"), "type": "transform", "config": {"template": {"n": n}}});
    let gate = json!({"id": "n0", "type": "signal", "config": {"name": "go"}});
    let nodes: Vec<Value> = std::iter::once(gate).chain((1..NODES).map(node)).collect();
    let edges = (1..NODES).map(|n| json!({"from": format!("n{}", n - 1), "to": format!("n{n}")}));
    json!({"nodes": nodes, "edges": edges.collect::<Vec<_>>()})
}

/// One node more between two others.
fn operations() -> Value {
    let node = json!({"id": "check", "type": "transform", "config": {"template": "$input"}});
    json!([
        {"op": "add", "path": "/nodes/-", "value": node},
        {"op": "remove", "path": "/edges/n24->n25"},
        {"op": "add", "path": "/edges/-", "value": {"from": "n24", "to": "check"}},
        {"op": "add", "path": "/edges/-", "value": {"from": "check", "to": "n25"}},
    ])
}

/// Patches of this many runs, one each.
async fn patches(count: usize) -> Result<Samples> {
    let stack = Stack::start()?;
    let ir = compile(&document())?;
    let (inputs, text) = (Blob::of(json!({})), operations().to_string());
    let mut samples = Samples::new();
    for _ in 0..count {
        let started = start(&ir, &inputs);
        let run = started.run;
        stack.coordinator.handle.submit(started).await?;
        let watch = Watch::start();
        check_offline(&ir.canonical, &text, &Author::Person)?;
        let proposal = proposal(&format!("pt_{run}"), &text)?;
        let loaded = stack.coordinator.reader.load_in(WORKSPACE, run).await?;
        planned(&loaded.context("it was started")?, &ir, &proposal)?;
        let command = Command::Patch(Box::new(proposal));
        stack.coordinator.handle.submit(patching(run, command)).await?;
        samples.add(watch.elapsed());
    }
    Ok(samples)
}

fn proposal(id: &str, operations: &str) -> Result<ProposePatch> {
    Ok(ProposePatch {
        patch: PatchId(id.into()),
        origin: PatchOrigin::Person,
        instance: None,
        base: None,
        operations: Blob::of(serde_json::from_str(operations)?),
        description: "".into(),
        children: BTreeMap::new(),
    })
}

fn patching(run: RunId, command: Command) -> Submission<()> {
    let mut submission = submission(run, None, command);
    submission.request.id = CommandId(format!("patch:{run}").into());
    submission
}

/// The second layer, as the API has it.
fn planned(loaded: &LoadedRun, ir: &Arc<Ir>, proposal: &ProposePatch) -> Result<()> {
    let (actor, nothing) = (Actor("user:bench".into()), BTreeMap::new());
    match plan_patch(&loaded.state, ir, proposal, &actor, &nothing) {
        Planned::Plan(plan) if plan.validated.approval.is_none() => Ok(()),
        Planned::Plan(_) => bail!("the patch waits for an approval"),
        Planned::Refused(rejection) => bail!("the patch is refused: {}", rejection.message),
        Planned::Need(_) | Planned::NeedDocuments(_) => bail!("the plan needs more"),
    }
}
