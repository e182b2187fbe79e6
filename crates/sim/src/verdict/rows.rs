//! Rows beside the log: they say what the log says, and nothing is left of what is over.

use aob_engine::{EventKind, RunId};
use aob_store::{RunRow, StreamId};

use crate::ledger::RunLog;
use crate::site::Site;

/// How long a wake-up may be past before somebody must have looked.
const LATE_MS: i64 = 60_000;

/// See the module.
pub(crate) fn judge(site: &Site) {
    let world = &site.world;
    let ledger = world.ledger.lock();
    let workspace = aob_coordinator::store_workspace(site.workspace);
    for (run, log) in ledger.runs() {
        let row = world.store.with(|model| model.run(workspace, StreamId(run.0)));
        match row {
            Some(row) => run_row(site, run, log, &row),
            None => world.violation(format!("{run} has no row")),
        }
        tickets(site, run, log);
        machinery(site, run, log);
    }
}

fn run_row(site: &Site, run: RunId, log: &RunLog, row: &RunRow) {
    let state = &log.state;
    let output = state.output().and_then(|output| serde_json::to_string(&output).ok());
    let error = state.error().map(|(code, message)| format!("{code}: {message}"));
    let same = row.status == state.status().as_str()
        && row.seq == log.seq()
        && row.updated_ms == state.at().0
        && row.finished_ms == state.is_terminal().then(|| state.at().0)
        && row.output == output
        && row.error == error;
    if !same {
        let (status, seq) = (state.status().as_str(), log.seq());
        site.world.violation(format!("the row of {run} is {row:?}; the run is {status} at {seq}"));
    }
}

/// Each ticket has a row with its outcome.
fn tickets(site: &Site, run: RunId, log: &RunLog) {
    let workspace = aob_coordinator::store_workspace(site.workspace);
    for event in &log.events {
        let EventKind::ApprovalRequested(asked) = &event.kind else { continue };
        let row = site.world.store.with(|model| model.ticket(workspace, &asked.ticket.0));
        let decided = log.events.iter().find_map(|event| {
            let EventKind::ApprovalDecided(data) = &event.kind else { return None };
            (data.ticket == asked.ticket).then_some(data.outcome)
        });
        let status = decided.map_or_else(
            || "pending".to_owned(),
            |outcome| serde_json::to_value(outcome).ok().and_then(text).unwrap_or_default(),
        );
        let ticket = &asked.ticket;
        match row {
            Some(row) if row.status == status && row.run.0 == run.0 => {}
            Some(row) => {
                let text = format!("ticket {ticket} of {run} is {status}; its row: {row:?}");
                site.world.violation(text);
            }
            None => site.world.violation(format!("ticket {ticket} of {run} has no row")),
        }
    }
}

fn text(value: serde_json::Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// Leases stand for what is out; what is over has no wake-up.
fn machinery(site: &Site, run: RunId, log: &RunLog) {
    let (world, stream) = (&site.world, StreamId(run.0));
    let leases = world.store.with(|model| model.leases_of(stream));
    let mut held: Vec<(String, u32)> =
        leases.into_iter().map(|lease| (lease.row.key.instance, lease.row.key.attempt)).collect();
    let out = log.state.outstanding().into_iter().filter(|(_, _, leased)| *leased);
    let mut out: Vec<(String, u32)> =
        out.map(|(instance, attempt, _)| (instance.to_string(), attempt)).collect();
    held.sort();
    out.sort();
    if held != out {
        world.violation(format!("leases of {run} are {held:?}; out are {out:?}"));
    }
    let rows = world.store.with(|model| model.wakeups_due(i64::MAX, u32::MAX));
    let row = rows.into_iter().find(|row| row.stream == stream);
    let due = log.state.due(log.state.at());
    match (row, due) {
        // One that is early enough may stay: it finds nothing, and goes.
        (Some(row), None) if log.state.is_terminal() || row.due_ms < world.now_ms() - LATE_MS => {
            let due_ms = row.due_ms;
            world.violation(format!("{run} waits for no time, but has a wake-up at {due_ms}"));
        }
        (None, Some(due)) => world.violation(format!("{run} has no wake-up, but waits for {due}")),
        (Some(row), Some(due)) if row.due_ms > due.0 && !log.state.has_leases() => {
            world.violation(format!("{run} is woken up at {}, too late for {due}", row.due_ms));
        }
        (Some(_), Some(_) | None) | (None, None) => {}
    }
}
