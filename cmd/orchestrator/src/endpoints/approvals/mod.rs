//! Approvals.

pub(crate) mod decide;
pub(crate) mod get;
pub(crate) mod list;

use aob_api::TicketSummary;
use aob_edge::Refusal;
use aob_engine::{InstanceId, PatchId, RunId, TicketId, Timestamp};
use aob_store::TicketRow;
use serde::Deserialize;

/// The statuses of a ticket.
pub(crate) const STATUSES: [&str; 5] = ["pending", "approved", "rejected", "expired", "cancelled"];

/// Who asks, as a stored ticket's detail says it.
#[derive(Deserialize)]
struct Asker {
    instance: Option<InstanceId>,
    patch: Option<PatchId>,
}

/// A stored ticket as lists show it.
pub(crate) fn summary(row: TicketRow) -> Result<TicketSummary, Refusal> {
    let unreadable = |what: &str| {
        tracing::error!(ticket = row.ticket, what, "a ticket cannot be read");
        Refusal::internal()
    };
    let asker: Asker = serde_json::from_str(&row.detail).map_err(|_| unreadable("detail"))?;
    Ok(TicketSummary {
        instance: asker.instance,
        patch: asker.patch,
        subject_hash: row.subject_hash.parse().map_err(|_| unreadable("subject_hash"))?,
        ticket: TicketId(row.ticket.into()),
        run: RunId(row.run.0),
        status: row.status,
        message: row.message,
        created_at: Timestamp(row.created_ms),
        expires_at: row.expires_ms.map(Timestamp),
        decided_at: row.decided_ms.map(Timestamp),
    })
}
