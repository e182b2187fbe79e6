//! G4, patches of workflows: whether the thousandth costs what the first did, and what reading any
//! version costs with nothing in memory.

use std::num::NonZeroUsize;
use std::sync::Arc;

use anyhow::{Result, ensure};
use aob_cache::MemCache;
use aob_coordinator::{Materializer, Workflows, store_workspace};
use aob_store::tagging::{NewVersion, enter};
use aob_store::{Clock, PatchRow, PatchStatus, SqliteConfig, SqliteStore, Store, VersionKind};
use aob_validator::Rules;
use serde_json::{Value, json};

use crate::Options;
use crate::machine::{Samples, Watch};
use crate::report::{Report, Row};
use crate::stack::{WORKSPACE, compile};

/// Patches of the full volume.
const PATCHES: usize = 1_000;
/// Nodes of the workflow.
const NODES: usize = 50;
/// Patches at either end that are compared.
const ENDS: usize = 50;
/// Versions that are read cold.
const READS: usize = 60;
const TAG: &str = "bench";

pub(crate) fn measure(options: &Options, report: &mut Report) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let patches = options.volume(PATCHES).max(2 * ENDS);
    let (first, last, cold) = runtime.block_on(chain(patches))?;
    let row = |what: String, samples: &Samples, ratio: Option<f64>, gate| Row {
        id: "G4",
        what,
        value: samples.us(0.5),
        unit: "us",
        p50_us: Some(samples.us(0.5)),
        p99_us: Some(samples.us(0.99)),
        ratio,
        probe: if ratio.is_some() { "first patches" } else { "" },
        gate,
        ..Row::default()
    };
    let ratio = last.us(0.5) / first.us(0.5);
    let what = format!("workflow patch {patches}, {NODES} nodes: accepted to version");
    report.add(row(what, &last, Some(ratio), "<= 1.5"));
    report.add(row("any version, cold".to_owned(), &cold, None, "p99 <= 20,000 us"));
    Ok(())
}

fn document() -> Value {
    let node = |n: usize| {
        json!({"id": format!("n{n}"), "type": "function",
               "config": {"name": "echo", "args": {"n": n, "text": "as long as such things are"}}})
    };
    let edges = (1..NODES).map(|n| json!({"from": format!("n{}", n - 1), "to": format!("n{n}")}));
    json!({"nodes": (0..NODES).map(node).collect::<Vec<_>>(), "edges": edges.collect::<Vec<_>>()})
}

async fn chain(patches: usize) -> Result<(Samples, Samples, Samples)> {
    let folder = tempfile::tempdir_in(".")?;
    let clock: Clock = Arc::new(|| 1_700_000_000_000);
    let config = SqliteConfig::new(folder.path().join("db"));
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&config, Arc::clone(&clock))?);
    let tenant = store_workspace(WORKSPACE);
    let ir = compile(&document())?;
    let pair = (ir.digest.to_string(), ir.canonical.to_string());
    store.documents_put(tenant, &[pair], 0).await?;
    let new = NewVersion {
        digest: ir.digest.to_string(),
        kind: VersionKind::Created,
        source: None,
        description: None,
        actor: "bench".to_owned(),
    };
    store.tag_write(tenant, &enter(TAG, None, vec![new], 0).write).await?;
    let rules = Arc::new(Rules::default());
    let materializer = Materializer::new(Arc::clone(&store), workflows(&store), clock, rules);
    let (mut first, mut last) = (Samples::new(), Samples::new());
    for n in 0..patches {
        let Some(at) = store.tag(tenant, TAG).await? else { continue };
        let row = patch(n, &at.current.digest);
        let watch = Watch::start();
        store.patch_put(tenant, &row, None).await?;
        materializer.take(tenant, TAG).await?;
        let took = watch.elapsed();
        if (1..=ENDS).contains(&n) {
            first.add(took);
        } else if n + ENDS >= patches {
            last.add(took);
        }
    }
    let tip = store.tag(tenant, TAG).await?.map_or(0, |row| row.tip);
    ensure!(tip == patches as u64 + 1, "every patch is a version: {tip}");
    let cold = reads(&store, tip).await?;
    Ok((first, last, cold))
}

fn workflows(store: &Arc<dyn Store>) -> Arc<Workflows> {
    let capacity = NonZeroUsize::MIN;
    Arc::new(Workflows::new(Arc::clone(store), Arc::new(MemCache::new(0, || 0)), capacity))
}

fn patch(n: usize, base: &str) -> PatchRow {
    let path = format!("/nodes/n{}/config/args/n", n % NODES);
    PatchRow {
        id: format!("{n:08}"),
        tag: TAG.to_owned(),
        base: base.to_owned(),
        expected: None,
        operations: json!([{"op": "replace", "path": path, "value": n + NODES}]).to_string(),
        description: None,
        author: "bench".to_owned(),
        origin: "person".to_owned(),
        status: PatchStatus::Pending,
        created_ms: 0,
        decided_ms: None,
    }
}

/// From nothing in memory to the compiled document, all over the history.
async fn reads(store: &Arc<dyn Store>, tip: u64) -> Result<Samples> {
    let tenant = store_workspace(WORKSPACE);
    let mut samples = Samples::new();
    for n in 0..READS as u64 {
        let version = 1 + n * (tip - 1) / READS as u64;
        let Some(row) = store.tag_version(tenant, TAG, version).await? else { continue };
        let watch = Watch::start();
        let ir = workflows(store).ir(WORKSPACE, row.digest.parse()?).await?;
        samples.add(watch.elapsed());
        ensure!(ir.digest.to_string() == row.digest, "what its digest says");
    }
    Ok(samples)
}
