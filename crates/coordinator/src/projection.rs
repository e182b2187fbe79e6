//! The rows that an append carries along, derived from its events and the state after them.

use std::collections::BTreeMap;

use aob_bugs::{Bug, seeded};
use aob_engine::{
    ApprovalOutcome, Event, EventKind, InstanceId, RunId, RunState, TicketId, Timestamp,
};
use aob_ir::Priority;
use aob_store::{DerivedRows, LeaseKey, LeaseRow, RunRow, TicketRow};

use crate::segment::Sealed;
use crate::stream;

/// Derives the rows of one stream's append.
pub(crate) fn rows(
    run: RunId,
    state: &RunState,
    events: &[Event],
    (segments, documents): (&[Sealed], &[(String, String)]),
    now: Timestamp,
) -> DerivedRows {
    let mut rows = DerivedRows {
        run: Some(run_row(run, state)),
        outbox: segments.iter().map(|sealed| sealed.segment.ordinal).collect(),
        wakeup_due: state.due(now).map(|due| due.0),
        now_ms: now.0,
        ..DerivedRows::default()
    };
    let mut tickets = BTreeMap::new();
    for event in events {
        leases(&mut rows, run, event);
        ticket(&mut tickets, state, run, event);
    }
    rows.tickets = tickets.into_values().collect();
    rows.documents = documents.to_vec();
    rows
}

fn run_row(run: RunId, state: &RunState) -> RunRow {
    let text = |value: std::sync::Arc<str>| value.to_string();
    let labels = state.labels();
    let output = state.output().and_then(|output| serde_json::to_string(&output).ok());
    RunRow {
        run: stream(run),
        status: state.status().as_str().to_owned(),
        name: text(state.name()),
        tag: state.tag().map(text),
        digest: state.digest().map(|digest| digest.to_string()).unwrap_or_default(),
        parent: state.parent().map(|parent| stream(parent.run)),
        labels: labels.into_iter().map(|(key, value)| (text(key), text(value))).collect(),
        created_ms: state.created_at().0,
        updated_ms: state.at().0,
        finished_ms: state.is_terminal().then(|| state.at().0),
        seq: state.seq(),
        error: state.error().map(|(code, message)| format!("{code}: {message}")),
        output,
    }
}

fn leases(rows: &mut DerivedRows, run: RunId, event: &Event) {
    let key = |instance: &InstanceId, attempt: u32| LeaseKey {
        run: stream(run),
        instance: instance.to_string(),
        attempt,
    };
    if let EventKind::NodeScheduled(data) = &event.kind {
        if data.job.leased {
            rows.leases_put.push(LeaseRow {
                key: key(&data.instance, data.attempt),
                pool: data.job.pool.to_string(),
                name: data.job.name.to_string(),
                priority: rank(data.job.priority),
                seq: event.seq,
                by_topic: data.job.builtin,
                scheduled_ms: event.at.0,
            });
        }
    } else if let Some((instance, attempt)) = ended_attempt(&event.kind) {
        let key = key(instance, attempt);
        rows.leases_put.retain(|lease| lease.key != key);
        rows.leases_drop.push(key);
    }
}

fn rank(priority: Priority) -> u8 {
    match priority {
        Priority::High => 0,
        Priority::Medium => 1,
        Priority::Low => 2,
    }
}

/// The attempt that an event ends.
fn ended_attempt(kind: &EventKind) -> Option<(&InstanceId, u32)> {
    let (instance, attempt) = if let EventKind::RetryScheduled(data) = kind {
        if seeded(Bug::LeaseLeft) {
            return None;
        }
        (&data.instance, data.attempt)
    } else if let EventKind::NodeCompleted(data) = kind {
        (&data.instance, data.attempt)
    } else if let EventKind::NodeFailed(data) = kind {
        (&data.instance, data.attempt)
    } else if let EventKind::NodeSkipped(data) = kind {
        (&data.instance, data.attempt)
    } else if let EventKind::NodeParked(data) = kind {
        (&data.instance, data.attempt)
    } else if let EventKind::NodeCancelled(data) = kind {
        (&data.instance, data.attempt)
    } else {
        return None;
    };
    (attempt > 0).then_some((instance, attempt))
}

/// The ticket that an event is about.
fn ticket_of(kind: &EventKind) -> Option<&TicketId> {
    if let EventKind::ApprovalRequested(data) = kind {
        Some(&data.ticket)
    } else if let EventKind::ApprovalVoted(data) = kind {
        Some(&data.ticket)
    } else if let EventKind::ApprovalEscalated(data) = kind {
        Some(&data.ticket)
    } else if let EventKind::ApprovalEdited(data) = kind {
        Some(&data.ticket)
    } else if let EventKind::ApprovalDecided(data) = kind {
        Some(&data.ticket)
    } else {
        None
    }
}

/// Keeps the rows of the tickets that an event touches.
fn ticket(tickets: &mut BTreeMap<String, TicketRow>, state: &RunState, run: RunId, event: &Event) {
    let Some(id) = ticket_of(&event.kind) else { return };
    let Some(view) = state.ticket(id) else { return };
    let decided = if let EventKind::ApprovalDecided(data) = &event.kind {
        Some((data.outcome, event.at))
    } else {
        None
    };
    let row = tickets.entry(id.to_string()).or_insert_with(|| TicketRow {
        ticket: id.to_string(),
        run: stream(run),
        instance: view.instance.as_ref().map(ToString::to_string).unwrap_or_default(),
        status: "pending".to_owned(),
        message: view.message.to_string(),
        subject_hash: view.subject_hash.to_string(),
        detail: String::new(),
        created_ms: view.created_at.0,
        expires_ms: view.expires_at.map(|at| at.0),
        decided_ms: None,
    });
    row.detail = serde_json::to_string(&view).unwrap_or_default();
    if let Some((outcome, at)) = decided {
        row.status = outcome_name(outcome).to_owned();
        row.decided_ms = Some(at.0);
    }
}

fn outcome_name(outcome: ApprovalOutcome) -> &'static str {
    match outcome {
        ApprovalOutcome::Approved => "approved",
        ApprovalOutcome::Rejected => "rejected",
        ApprovalOutcome::Expired => "expired",
        ApprovalOutcome::Cancelled => "cancelled",
    }
}
