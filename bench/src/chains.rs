//! E3, E4, E5: steps that are each durable, and fan-out.

use anyhow::{Result, ensure};
use aob_engine::{Blob, Command, RunStatus};
use serde_json::{Value, json};

use crate::Options;
use crate::machine::{CpuWatch, Samples, Watch};
use crate::probes::{self, Fsync};
use crate::report::{Report, Row};
use crate::stack::{Stack, compile, start, submission};
use crate::starts::{batches, chain};

const STEPS: usize = 10;

pub(crate) fn measure(options: &Options, fsync: &Fsync, report: &mut Report) -> Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    if options.wants(&["E3"]) {
        report.add(runtime.block_on(steps(options.volume(1_000)))?);
    }
    if options.wants(&["E4"]) {
        report.add(runtime.block_on(one_at_a_time(options.volume(1_000), fsync))?);
    }
    if options.wants(&["E5"]) {
        report.add(runtime.block_on(fan_out(options.volume(100)))?);
    }
    Ok(())
}

/// A chain of nodes that each wait for a signal of their own: one command, one append per step.
fn signals() -> Value {
    let node =
        |n: usize| json!({"id": format!("n{n}"), "type": "signal", "config": {"name": "go"}});
    let edge = |n: usize| json!({"from": format!("n{n}"), "to": format!("n{}", n + 1)});
    json!({
        "nodes": (0..STEPS).map(node).collect::<Vec<_>>(),
        "edges": (0..STEPS - 1).map(edge).collect::<Vec<_>>(),
    })
}

/// E3: every step individually durable, many runs in flight.
async fn steps(runs: usize) -> Result<Row> {
    let ir = compile(&signals())?;
    let inputs = Blob::of(json!({}));
    let stack = Stack::start()?;
    let starts: Vec<_> = (0..runs).map(|_| start(&ir, &inputs)).collect();
    let ids: Vec<_> = starts.iter().map(|start| start.run).collect();
    stack.coordinator.handle.submit_many(starts).await;
    let (watch, cpu) = (Watch::start(), CpuWatch::start());
    for step in 0..STEPS {
        let commands = ids.iter().map(|run| {
            let signal = format!("s{step}").into();
            let command =
                Command::Signal { name: "go".into(), signal, payload: Blob::of(json!(step)) };
            submission(*run, None, command)
        });
        let replies = stack.coordinator.handle.submit_many(commands.collect()).await;
        ensure!(replies.iter().all(Result::is_ok), "a signal was refused");
    }
    let seconds = watch.elapsed().as_secs_f64();
    let cpu_us = cpu.us_per(runs * STEPS);
    let one = compile(&chain(1))?;
    let probe = probes::sqlite(&batches(&one, &inputs, runs * STEPS))?;
    Ok(Row {
        id: "E3",
        what: format!("durable steps, {runs} chains of {STEPS} in flight"),
        value: (runs * STEPS) as f64 / seconds,
        unit: "steps/s",
        cpu_us: Some(cpu_us),
        ratio: Some(probe / seconds),
        probe: "sqlite rows",
        gate: ">= 0.4",
        ..Row::default()
    })
}

/// E4: one chain of inline nodes after the other, to the durable answer.
async fn one_at_a_time(runs: usize, fsync: &Fsync) -> Result<Row> {
    let ir = compile(&chain(STEPS))?;
    let inputs = Blob::of(json!({"n": 1}));
    let stack = Stack::start()?;
    let mut samples = Samples::new();
    for _ in 0..runs {
        let watch = Watch::start();
        let reply = stack.coordinator.handle.submit(start(&ir, &inputs)).await?;
        ensure!(reply.status == RunStatus::Completed, "the chain did not complete");
        samples.add(watch.elapsed());
    }
    let p50 = samples.us(0.5);
    Ok(Row {
        id: "E4",
        what: format!("durable chain of {STEPS}, one at a time"),
        value: p50,
        unit: "us",
        p50_us: Some(p50),
        p99_us: Some(samples.us(0.99)),
        ratio: Some(p50 / (fsync.p50_us() * STEPS as f64)),
        probe: "10 fsync",
        gate: "<= 1",
        ..Row::default()
    })
}

/// E5: a fan-out of 1,000 and its join.
async fn fan_out(runs: usize) -> Result<Row> {
    const WIDTH: usize = 1_000;
    let node =
        |n: usize| json!({"id": format!("n{n}"), "type": "transform", "config": {"template": 1}});
    let mut nodes: Vec<Value> = (0..WIDTH).map(node).collect();
    nodes.push(json!({"id": "split", "type": "parallel", "config": {}}));
    nodes.push(json!({"id": "join", "type": "join", "config": {}}));
    let edges: Vec<Value> = (0..WIDTH)
        .flat_map(|n| {
            let id = format!("n{n}");
            [json!({"from": "split", "to": id}), json!({"from": id, "to": "join"})]
        })
        .collect();
    let ir = compile(&json!({"nodes": nodes, "edges": edges}))?;
    let inputs = Blob::of(json!({}));
    let stack = Stack::start()?;
    let mut samples = Samples::new();
    let (whole, cpu) = (Watch::start(), CpuWatch::start());
    for _ in 0..runs {
        let watch = Watch::start();
        let submission = start(&ir, &inputs);
        let run = submission.run;
        stack.coordinator.handle.submit(submission).await?;
        while stack.status(run).await? != "completed" {
            tokio::task::yield_now().await;
        }
        samples.add(watch.elapsed());
    }
    Ok(Row {
        id: "E5",
        what: format!("nodes of fan-outs of {WIDTH} with a join"),
        value: (runs * (WIDTH + 2)) as f64 / whole.elapsed().as_secs_f64(),
        unit: "nodes/s",
        p50_us: Some(samples.us(0.5)),
        p99_us: Some(samples.us(0.99)),
        cpu_us: Some(cpu.us_per(runs * (WIDTH + 2))),
        ..Row::default()
    })
}
