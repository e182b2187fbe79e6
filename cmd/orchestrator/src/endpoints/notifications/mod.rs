//! Who is told of tickets, and what was sent to them.

pub(crate) mod add;
pub(crate) mod deliveries;
pub(crate) mod enable;
pub(crate) mod list;
pub(crate) mod remove;
pub(crate) mod test;

use aob_api::{
    DeliveryStatus, DeliveryView, EndpointKind, EndpointView, ErrorCode, NotificationEvent, Problem,
};
use aob_edge::Refusal;
use aob_engine::{RunId, TicketId, Timestamp};
use aob_notify::shown_url;
use aob_store::{DeliveryRow, EndpointRow};

/// An endpoint as it is shown: without what may be a secret.
fn endpoint_view(row: EndpointRow) -> Result<EndpointView, Refusal> {
    let kind = EndpointKind::of_name(&row.kind).ok_or_else(|| unreadable(&row.id, "kind"))?;
    let target = match kind {
        EndpointKind::Webhook => shown_url(&row.target, true),
        EndpointKind::Slack => shown_url(&row.target, false),
        EndpointKind::Email => row.target,
    };
    let events = row.events.iter().filter_map(|name| NotificationEvent::of_name(name)).collect();
    Ok(EndpointView {
        id: row.id,
        name: row.name,
        kind,
        target,
        events,
        approvers: row.approvers,
        disabled: row.disabled,
        added_at: Timestamp(row.created_ms),
        added_by: row.actor,
    })
}

/// A delivery as it is shown.
fn delivery_view(row: DeliveryRow) -> Result<DeliveryView, Refusal> {
    let event = NotificationEvent::of_name(&row.event);
    let event = event.ok_or_else(|| unreadable(&row.id, "event"))?;
    let status = DeliveryStatus::of_name(&row.status);
    let status = status.ok_or_else(|| unreadable(&row.id, "status"))?;
    let of_ticket = event != NotificationEvent::Test;
    Ok(DeliveryView {
        id: row.id,
        endpoint: row.endpoint,
        event,
        ticket: of_ticket.then(|| TicketId(row.ticket.into())),
        run: of_ticket.then_some(RunId(row.run.0)),
        at: Timestamp(row.at_ms),
        status,
        attempts: row.attempts,
        error: row.error,
        next_at: (status == DeliveryStatus::Pending).then_some(Timestamp(row.due_ms)),
        settled_at: row.settled_ms.map(Timestamp),
    })
}

fn unreadable(id: &str, what: &str) -> Refusal {
    tracing::error!(id, what, "a row of the notifications cannot be read");
    Refusal::internal()
}

fn unknown(id: &str) -> Refusal {
    let detail = format!("the workspace has no endpoint `{id}`");
    let hint = "`GET /v1/notifications/endpoints` lists them";
    Problem::new(ErrorCode::EndpointNotFound, detail).with_hint(hint).into()
}
