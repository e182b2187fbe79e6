//! E1, E2, D2: throughput of runs that end in the append that starts them.

use std::sync::Arc;

use anyhow::{Result, ensure};
use aob_coordinator::{Core, CoreConfig, Input};
use aob_engine::{Blob, Timestamp};
use aob_ir::Ir;
use aob_store::{AppendBatch, AppendOutcome};
use serde_json::{Value, json};

use crate::machine::{CpuWatch, Watch, now_ms};
use crate::report::{Report, Row};
use crate::stack::{Stack, compile, start};
use crate::{Options, probes};

/// Starts in flight.
const IN_FLIGHT: usize = 2_000;

pub(crate) fn measure(options: &Options, report: &mut Report) -> Result<()> {
    let runs = options.volume(60_000);
    let one = json!({"nodes": [{"id": "a", "type": "transform", "config": {"template": {"n": "$inputs.n"}}}], "edges": []});
    let e1 = throughput(&one, runs, "E1", "durable one-node workflows", 1)?;
    let e1_rate = e1.value;
    report.add(Row { gate: ">= 0.35", ..e1 });
    let e2 = throughput(&chain(10), runs / 4, "E2", "inline nodes, chains of 10", 10)?;
    report.add(Row { ratio: Some(e2.value / e1_rate), probe: "E1 nodes", gate: ">= 4", ..e2 });
    let d2 = throughput(&chain(1), runs, "D2", "batch starts", 1)?;
    report.add(Row { gate: ">= 0.4 of raw rows", ..d2 });
    Ok(())
}

/// A chain of inline nodes.
pub(crate) fn chain(length: usize) -> Value {
    let node = |n: usize| json!({"id": format!("n{n}"), "type": "transform", "config": {"template": "$inputs.n"}});
    let edge = |n: usize| json!({"from": format!("n{n}"), "to": format!("n{}", n + 1)});
    json!({
        "nodes": (0..length).map(node).collect::<Vec<_>>(),
        "edges": (0..length - 1).map(edge).collect::<Vec<_>>(),
    })
}

fn throughput(
    document: &Value,
    runs: usize,
    id: &'static str,
    what: &str,
    nodes: usize,
) -> Result<Row> {
    let ir = compile(document)?;
    let inputs = Blob::of(json!({"n": 1}));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (seconds, cpu_us) = runtime.block_on(async {
        let stack = Stack::start()?;
        warm_up(&stack, &ir, &inputs).await?;
        let (watch, cpu) = (Watch::start(), CpuWatch::start());
        let mut left = runs;
        while left > 0 {
            let take = left.min(IN_FLIGHT);
            left -= take;
            let submissions = (0..take).map(|_| start(&ir, &inputs)).collect();
            let replies = stack.coordinator.handle.submit_many(submissions).await;
            ensure!(replies.iter().all(Result::is_ok), "a start was refused");
        }
        anyhow::Ok((watch.elapsed().as_secs_f64(), cpu.us_per(runs)))
    })?;
    let probe = probes::sqlite(&batches(&ir, &inputs, runs))?;
    Ok(Row {
        id,
        what: what.to_owned(),
        value: (runs * nodes) as f64 / seconds,
        unit: "/s",
        cpu_us: Some(cpu_us),
        ratio: Some(probe / seconds),
        probe: "sqlite rows",
        ..Row::default()
    })
}

async fn warm_up(stack: &Stack, ir: &Arc<Ir>, inputs: &Arc<Blob>) -> Result<()> {
    let submissions = (0..500).map(|_| start(ir, inputs)).collect();
    let replies = stack.coordinator.handle.submit_many(submissions).await;
    ensure!(replies.iter().all(Result::is_ok), "a start was refused");
    Ok(())
}

/// What the engine would append for these starts, in batches of the size that gathers.
pub(crate) fn batches(ir: &Arc<Ir>, inputs: &Arc<Blob>, runs: usize) -> Vec<Arc<AppendBatch>> {
    let mut core: Core<()> = Core::new(CoreConfig::default());
    let mut batches = Vec::new();
    let mut left = runs;
    while left > 0 {
        let take = left.min(IN_FLIGHT / 2);
        left -= take;
        let now = Timestamp(now_ms());
        for _ in 0..take {
            core.handle(now, Input::Submit(Box::new(start(ir, inputs))));
        }
        while let Some(batch) = core.next_batch(now) {
            let committed = AppendOutcome::Committed { older_outbox: false };
            let outcomes = vec![committed; batch.append.streams.len()];
            let keys = batch.append.streams.iter().flat_map(|stream| {
                let stream_id = stream.stream;
                let ordinals = stream.segments.iter().map(|segment| segment.ordinal);
                ordinals.map(move |ordinal| aob_store::OutboxKey { stream: stream_id, ordinal })
            });
            let keys: Vec<_> = keys.collect();
            batches.push(batch.append);
            core.handle(now, Input::Appended(Some(outcomes)));
            while core.next_output().is_some() {}
            keys.into_iter().for_each(|key| core.handle(now, Input::Performed(key)));
        }
    }
    batches
}
