//! Telling of tickets: what happened becomes a delivery to each endpoint that wants to know.
//!
//! The rows are durable before the segment is acknowledged, and a repetition finds them there, so
//! an event that is in the log is told of, once per endpoint. Sending is somebody else's work.

use aob_api::NotificationEvent;
use aob_engine::{Approver, Notify, RunId, TicketNews, Timestamp, WorkspaceId};
use aob_store::{DeliveryRow, EndpointRow, Store, StoreResult, TimeMs};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{store_workspace, stream};

/// Endpoints that a workspace may have.
pub const ENDPOINTS_MAX: u32 = 50;
/// A reminder comes when a quarter of a ticket's time is left, and never earlier than this.
const REMIND_MS_MAX: i64 = 60 * 60 * 1_000;
/// Tickets that are open for less than this have no reminder.
const REMIND_FROM_MS: i64 = 2 * 60 * 1_000;

/// Writes down what is to be told of the tickets of a run.
pub(crate) async fn record(
    store: &dyn Store,
    (workspace, run): (WorkspaceId, RunId),
    news: &[&Notify],
) -> StoreResult<()> {
    let tenant = store_workspace(workspace);
    let mut endpoints = store.endpoints(tenant, None, ENDPOINTS_MAX).await?;
    endpoints.retain(|endpoint| endpoint.disabled.is_none());
    if endpoints.is_empty() {
        return Ok(());
    }
    let choosy = endpoints.iter().any(|endpoint| !endpoint.approvers.is_empty());
    let mut rows = Vec::new();
    for notify in news {
        let approvers = match choosy {
            true => approvers(store.ticket(tenant, &notify.ticket.0).await?.as_ref()),
            false => Vec::new(),
        };
        let concerned = endpoints.iter().filter(|endpoint| concerns(endpoint, &approvers));
        for endpoint in concerned {
            rows.extend(deliveries(tenant, run, notify, endpoint));
        }
    }
    if rows.is_empty() { Ok(()) } else { store.deliveries_put(tenant, &rows).await }
}

/// Who may decide a ticket; empty: anybody, or nothing is known of it any more.
fn approvers(row: Option<&aob_store::TicketRow>) -> Vec<Approver> {
    #[derive(Default, Deserialize)]
    struct Detail {
        #[serde(default)]
        approvers: Vec<Approver>,
    }
    let detail = row.and_then(|row| serde_json::from_str::<Detail>(&row.detail).ok());
    detail.unwrap_or_default().approvers
}

/// Whether an endpoint is for a ticket that these may decide.
fn concerns(endpoint: &EndpointRow, approvers: &[Approver]) -> bool {
    let named = |approver: &Approver| match approver {
        Approver::Role(name) | Approver::User(name) => {
            endpoint.approvers.iter().any(|word| **word == **name)
        }
    };
    endpoint.approvers.is_empty() || approvers.is_empty() || approvers.iter().any(named)
}

/// What one endpoint is told of one event, now and later.
fn deliveries(
    workspace: aob_store::WorkspaceId,
    run: RunId,
    notify: &Notify,
    endpoint: &EndpointRow,
) -> Vec<DeliveryRow> {
    let (event, facts) = match &notify.news {
        TicketNews::Opened { .. } => (NotificationEvent::Requested, json!({})),
        TicketNews::Escalated { to } => (NotificationEvent::Escalated, json!({ "to": to })),
        TicketNews::Decided { outcome, by } => {
            (NotificationEvent::Decided, json!({ "outcome": outcome, "by": by }))
        }
    };
    let reminder = match notify.news {
        TicketNews::Opened { expires_at } => remind_at(notify.at, expires_at),
        TicketNews::Escalated { .. } | TicketNews::Decided { .. } => None,
    };
    let row = |event: NotificationEvent, facts: &Value, at_ms: TimeMs| DeliveryRow {
        id: delivery_id(workspace, &endpoint.id, &notify.ticket.0, event, notify.seq),
        endpoint: endpoint.id.clone(),
        ticket: notify.ticket.0.to_string(),
        run: stream(run),
        event: event.as_str().to_owned(),
        facts: facts.to_string(),
        at_ms,
        status: "pending".to_owned(),
        due_ms: at_ms,
        attempts: 0,
        error: None,
        settled_ms: None,
    };
    let now = [(event, facts, notify.at.0)].into_iter();
    let later = reminder.map(|at| (NotificationEvent::Expiring, json!({}), at.0));
    let wanted = |event: NotificationEvent| {
        endpoint.events.is_empty() || endpoint.events.iter().any(|name| name == event.as_str())
    };
    let told = now.chain(later).filter(|(event, ..)| wanted(*event));
    told.map(|(event, facts, at_ms)| row(event, &facts, at_ms)).collect()
}

/// When to remind of a ticket.
fn remind_at(opened: Timestamp, expires: Option<Timestamp>) -> Option<Timestamp> {
    let expires = expires?;
    let open_for = expires.0.saturating_sub(opened.0);
    let ahead = (open_for / 4).min(REMIND_MS_MAX);
    (open_for >= REMIND_FROM_MS).then_some(Timestamp(expires.0 - ahead))
}

/// What receivers know a message by: the same whenever the same is told to the same endpoint.
pub fn delivery_id(
    workspace: aob_store::WorkspaceId,
    endpoint: &str,
    ticket: &str,
    event: NotificationEvent,
    seq: u64,
) -> String {
    let mut hash = Sha256::new();
    let seq = seq.to_be_bytes();
    let (workspace, event) = (workspace.0.into_bytes(), event.as_str().as_bytes());
    let fields: [&[u8]; 6] =
        [b"aob.delivery.1", &workspace, endpoint.as_bytes(), ticket.as_bytes(), event, &seq];
    for field in fields {
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let mut id = String::from("msg_");
    for byte in &digest[..16] {
        id.push_str(&format!("{byte:02x}"));
    }
    id
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use aob_engine::{Actor, ApprovalOutcome, TicketId};
    use aob_store::{DeliveryFilter, MemStore, Notifications};
    use uuid::Uuid;

    use super::*;

    const HOUR: i64 = 60 * 60 * 1_000;

    fn endpoint(id: &str, events: &[&str]) -> EndpointRow {
        EndpointRow {
            id: id.to_owned(),
            name: String::new(),
            kind: "webhook".to_owned(),
            target: String::new(),
            events: events.iter().map(|event| (*event).to_owned()).collect(),
            approvers: Vec::new(),
            disabled: None,
            actor: String::new(),
            created_ms: 0,
        }
    }

    fn notify(news: TicketNews) -> Notify {
        Notify { ticket: TicketId("tk_1".into()), seq: 7, at: Timestamp(1_000), news }
    }

    #[test]
    fn reminders_come_when_a_quarter_is_left_and_at_most_an_hour() {
        let cases = [
            (None, None),
            (Some(60_000), None),
            (Some(120_000), Some(90_000)),
            (Some(4 * HOUR), Some(3 * HOUR)),
            (Some(24 * HOUR), Some(23 * HOUR)),
            (Some(i64::MAX), Some(i64::MAX - HOUR)),
        ];
        for (expires, at) in cases {
            assert_eq!(remind_at(Timestamp(0), expires.map(Timestamp)), at.map(Timestamp));
        }
    }

    #[tokio::test]
    async fn each_event_is_told_once_to_whom_it_concerns() {
        let store = MemStore::new(Arc::new(|| 0));
        let workspace = WorkspaceId(Uuid::from_u128(1));
        let tenant = store_workspace(workspace);
        let off = EndpointRow { disabled: Some("gone".to_owned()), ..endpoint("ep_off", &[]) };
        let some = endpoint("ep_some", &["approval.decided"]);
        for row in [endpoint("ep_all", &[]), some, off] {
            store.endpoint_put(tenant, &row).await.unwrap();
        }
        let (outcome, by) = (ApprovalOutcome::Approved, Actor("user:ada".into()));
        let opened = notify(TicketNews::Opened { expires_at: Some(Timestamp(1_000 + 4 * HOUR)) });
        let decided = notify(TicketNews::Decided { outcome, by });
        for _ in 0..2 {
            let place = (workspace, RunId(Uuid::from_u128(2)));
            record(&store, place, &[&opened, &decided]).await.unwrap();
        }
        let all = DeliveryFilter { limit: 99, ..DeliveryFilter::default() };
        let rows = store.deliveries(tenant, &all).await.unwrap();
        let mut told: Vec<_> =
            rows.iter().map(|row| (&*row.endpoint, &*row.event, row.due_ms)).collect();
        told.sort();
        let expected = [
            ("ep_all", "approval.decided", 1_000),
            ("ep_all", "approval.expiring", 1_000 + 3 * HOUR),
            ("ep_all", "approval.requested", 1_000),
            ("ep_some", "approval.decided", 1_000),
        ];
        assert_eq!(told, expected);
        let decided = rows.iter().find(|row| row.event == "approval.decided").unwrap();
        let facts: Value = serde_json::from_str(&decided.facts).unwrap();
        assert_eq!(facts, json!({"outcome": "approved", "by": "user:ada"}));
    }

    #[test]
    fn an_endpoint_of_some_hears_of_what_they_may_decide() {
        let finance = EndpointRow { approvers: vec!["finance".to_owned()], ..endpoint("ep", &[]) };
        let role = |name: &str| Approver::Role(name.into());
        assert!(concerns(&finance, &[]));
        assert!(concerns(&finance, &[role("legal"), role("finance")]));
        assert!(concerns(&finance, &[Approver::User("finance".into())]));
        assert!(!concerns(&finance, &[role("legal")]));
        assert!(concerns(&endpoint("ep", &[]), &[role("legal")]));
    }
}
