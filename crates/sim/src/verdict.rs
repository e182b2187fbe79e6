//! Judgement, once everything has come to rest: logs, rows, topics, effects, and the oracle.

mod explained;
mod log;
mod rows;

pub(crate) use explained::judge as explained;

use std::sync::Arc;

use aob_engine::{EventKind, RunId, RunState, RunStatus};
use aob_store::StreamId;

use crate::counts::Count;
use crate::generator::Ask;
use crate::ledger::Ledger;
use crate::oracle::{Circumstances, Facts, Observed, Status, judge as compare, predict};
use crate::people::change::Manner;
use crate::people::storm::is_storm;
use crate::site::Site;
use crate::topic::Watcher;
use crate::world::World;

/// True where every run is over, or waits for what nobody serves, and nothing is owed to anybody.
pub(crate) fn is_settled(site: &Site) -> bool {
    let ledger = site.world.ledger.lock();
    let rests = |state: &RunState| {
        state.is_terminal()
            || state.status() == RunStatus::Waiting && state.due(state.at()).is_none()
    };
    let over = (0..site.scenarios.len()).all(|root| !ledger.roots(root).is_empty())
        && ledger.runs().all(|(_, log)| rests(&log.state));
    over && site.world.store.with(|model| model.outbox_due(i64::MAX, 1).is_empty())
}

/// Says what did not come to an end.
pub(crate) fn stuck(site: &Site) {
    let world = &site.world;
    let ledger = world.ledger.lock();
    for (run, log) in ledger.runs().filter(|(_, log)| !log.state.is_terminal()) {
        let wakeup = world.store.with(|model| model.wakeups_due(i64::MAX, u32::MAX));
        let wakeup = wakeup.into_iter().find(|row| row.stream == StreamId(run.0));
        let (status, due) = (log.state.status().as_str(), log.state.due(log.state.at()));
        let out = log.state.outstanding();
        world.violation(format!(
            "{run} does not end: {status} at seq {}, due {due:?}, wake-up {:?}, out {out:?}",
            log.seq(),
            wakeup.map(|row| row.due_ms),
        ));
    }
    let owed = world.store.with(|model| model.outbox_due(i64::MAX, 10));
    for (_, key) in owed {
        world.violation(format!("segment {} of {} still owes effects", key.ordinal, key.stream.0));
    }
    for root in (0..site.scenarios.len()).filter(|root| ledger.roots(*root).is_empty()) {
        world.violation(format!("root {root} was never created"));
    }
}

/// Judges everything.
pub(crate) async fn judge(site: &Arc<Site>, watcher: &Watcher) {
    log::judge(site).await;
    rows::judge(site);
    watcher.is_complete(site);
    for root in 0..site.scenarios.len() {
        oracle(site, root);
    }
}

/// Compares what became of a root with what must become of it.
fn oracle(site: &Site, root: usize) {
    let world = &site.world;
    let ledger = world.ledger.lock();
    let scenario = &site.scenarios[root];
    let patched = patched(world, &ledger, root);
    if patched == Some(Manner::Wild) {
        world.counts.add(Count::PatchedAnyhow);
        return;
    }
    for run in ledger.roots(root) {
        let Some(log) = ledger.run(run) else { continue };
        let executed = ledger.effects(run);
        let child = |run: RunId| ledger.run(run).map(|log| log.events.as_slice());
        let mut facts = Facts::default();
        let mut observed = Observed::read(&log.events, "", &child, &mut facts);
        if patched.is_some() {
            world.counts.add(Count::PatchedAsPredicted);
            without_storm(&mut observed);
        }
        if observed.status == Status::Waiting {
            world.counts.add(Count::WaitsForEver);
        }
        let prediction = predict(scenario, &facts);
        let cancels = scenario.plan.commands.iter().any(|planned| planned.ask == Ask::Cancel);
        let circumstances = Circumstances {
            may_be_cancelled: cancels,
            has_deadline: scenario.flow.run_timeout_ms.is_some(),
        };
        for difference in compare(&prediction, &observed, circumstances, Some(&executed)) {
            world.violation(format!("oracle: root {root}, {run}: {difference}"));
        }
    }
}

/// The worst manner in which the runs of a root were patched; `None`: not at all.
fn patched(world: &World, ledger: &Ledger, root: usize) -> Option<Manner> {
    let mut applied = Vec::new();
    for (run, log) in ledger.runs().filter(|(_, log)| log.root == root) {
        for event in &log.events {
            let EventKind::PatchApplied(data) = &event.kind else { continue };
            let patch = log.state.patch(&data.patch);
            let manner = patch.map_or(Manner::Wild, |patch| Manner::named(&patch.description));
            applied.push((manner, run, data.patch.clone()));
        }
    }
    if applied.iter().any(|(manner, ..)| *manner == Manner::Wild) {
        // After that, what was hostile may do no harm.
        return Some(Manner::Wild);
    }
    for (_, run, patch) in applied.iter().filter(|(manner, ..)| *manner == Manner::Hostile) {
        world.violation(format!("{run}: hostile patch `{patch}` is applied"));
    }
    applied.first().map(|_| Manner::Faithful)
}

/// Takes out what storms added. The terminals of a patched graph are others, and with them its output;
/// everything else must be as if nobody had patched it.
fn without_storm(seen: &mut Observed) {
    seen.instances.retain(|id, _| !is_storm(&id.node));
    seen.attempted.retain(|id| !is_storm(&id.node));
    seen.output = None;
    seen.children.values_mut().for_each(without_storm);
}
