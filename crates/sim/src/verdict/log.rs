//! Logs: unbroken chains that obey every invariant, and folds that agree however they are made.

use std::sync::Arc;

use aob_engine::{EventKind, RunId, RunState, apply};
use aob_ir::Digest;
use aob_store::{Head, StreamId, verify_chain};

use crate::counts::Count;
use crate::ledger::{Ledger, RunLog};
use crate::site::Site;

/// See the module.
pub(crate) async fn judge(site: &Arc<Site>) {
    let runs: Vec<RunId> = site.world.ledger.lock().runs().map(|(run, _)| run).collect();
    for run in runs {
        chain(site, run);
        snapshot(site, run).await;
        let ledger = site.world.ledger.lock();
        let Some(log) = ledger.run(run) else { continue };
        invariants(site, &ledger, run, log);
        fold(site, run, log);
        children(site, &ledger, run, log);
    }
}

/// The stored log is a chain, and holds what was committed when it was committed.
fn chain(site: &Site, run: RunId) {
    let world = &site.world;
    let stream = StreamId(run.0);
    let workspace = aob_coordinator::store_workspace(site.workspace);
    let segments = world.store.with(|model| model.segments_after(workspace, stream, 0, u32::MAX));
    match verify_chain(stream, Head::EMPTY, &segments) {
        Ok(head) => {
            let seq = world.ledger.lock().run(run).map_or(0, RunLog::seq);
            if head.seq != seq {
                world.violation(format!("{run} ends at seq {} and had {seq}", head.seq));
            }
        }
        Err(broken) => world.violation(format!("{run}: {broken}")),
    }
}

fn invariants(site: &Site, ledger: &Ledger, run: RunId, log: &RunLog) {
    let world = &site.world;
    let workflows = |digest: &Digest| ledger.ir(digest);
    let report = aob_checker::check(&log.events, &workflows);
    for violation in &report.violations {
        world.violation(format!("{run}: {violation}"));
    }
    if !report.graph_checked {
        world.violation(format!("{run}: its graph is not known"));
    }
    world.counts.add_many(Count::LateArrival, report.count("late_arrival"));
}

/// Fold, and fold from a snapshot in the middle, give the same bytes.
fn fold(site: &Site, run: RunId, log: &RunLog) {
    let world = &site.world;
    let whole = log.state.to_snapshot();
    let cut = world.draw(|dice| dice.count(0..=log.events.len()));
    let mut state = prefix(log, cut);
    if cut > 0 {
        match RunState::from_snapshot(&state.to_snapshot()) {
            Ok(read) => state = read,
            Err(error) => world.violation(format!("{run}: snapshot at {cut}: {error}")),
        }
    }
    log.events.iter().skip(cut).for_each(|event| apply(&mut state, event));
    if state.to_snapshot() != whole {
        world.violation(format!("{run}: a snapshot at {cut} and the tail give another state"));
    }
}

fn prefix(log: &RunLog, count: usize) -> RunState {
    let mut state = RunState::default();
    log.events.iter().take(count).for_each(|event| apply(&mut state, event));
    state
}

/// The snapshot that was stored is the fold of the log up to its segment.
async fn snapshot(site: &Site, run: RunId) {
    use aob_cas::Cas as _;
    let world = &site.world;
    let workspace = aob_coordinator::store_workspace(site.workspace);
    let stream = StreamId(run.0);
    let Some(row) = world.store.with(|model| model.snapshot(workspace, stream)) else { return };
    let segments = world.store.with(|model| model.segments_after(workspace, stream, 0, u32::MAX));
    let last = segments.iter().find(|segment| segment.ordinal == row.ordinal);
    let Some(last_seq) = last.and_then(|segment| usize::try_from(segment.last_seq).ok()) else {
        world
            .violation(format!("{run}: a snapshot of segment {}, which is not there", row.ordinal));
        return;
    };
    let digest: Option<Digest> = row.digest.parse().ok();
    let namespace = aob_coordinator::namespace(site.workspace);
    let stored = match digest {
        Some(digest) => world.cas.get(namespace, aob_coordinator::blob_digest(digest)).await.ok(),
        None => None,
    };
    let folded = world.ledger.lock().run(run).map(|log| prefix(log, last_seq).to_snapshot());
    if stored.as_deref() != folded.as_deref() {
        world.violation(format!("{run}: the snapshot of segment {} is another state", row.ordinal));
    }
}

/// Children that were opened exist once, end before their parent, and are believed.
fn children(site: &Site, ledger: &Ledger, run: RunId, log: &RunLog) {
    let world = &site.world;
    for event in &log.events {
        let EventKind::ChildStarted(started) = &event.kind else { continue };
        let Some(child) = ledger.run(started.child) else {
            world.violation(format!("{run}: child {} was never created", started.child));
            continue;
        };
        let link = child.state.parent();
        if link.is_none_or(|link| link.run != run || link.instance != started.instance) {
            world.violation(format!("{run}: child {} has another parent", started.child));
        }
        if log.state.is_terminal() && !child.state.is_terminal() {
            world.violation(format!("{run} is over before its child {}", started.child));
        }
    }
}
