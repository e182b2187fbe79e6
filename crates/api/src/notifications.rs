//! Who is told of tickets, and what was sent to them.

use std::fmt;

use aob_engine::{RunId, TicketId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What may be told of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub enum NotificationEvent {
    /// It was opened.
    #[serde(rename = "approval.requested")]
    Requested,
    /// Nobody decided in time, and somebody else may decide as well.
    #[serde(rename = "approval.escalated")]
    Escalated,
    /// It will soon be too late to decide.
    #[serde(rename = "approval.expiring")]
    Expiring,
    /// It was approved, rejected or withdrawn, or it expired.
    #[serde(rename = "approval.decided")]
    Decided,
    /// Nothing happened: somebody wants to see whether messages arrive.
    #[serde(rename = "test")]
    Test,
}

impl NotificationEvent {
    /// Every event.
    pub const ALL: [Self; 5] =
        [Self::Requested, Self::Escalated, Self::Expiring, Self::Decided, Self::Test];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "approval.requested",
            Self::Escalated => "approval.escalated",
            Self::Expiring => "approval.expiring",
            Self::Decided => "approval.decided",
            Self::Test => "test",
        }
    }

    /// The event of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == name)
    }
}

/// How an endpoint is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndpointKind {
    /// Signed POST requests, as standardwebhooks.com has them.
    Webhook,
    /// A Slack incoming webhook, or what understands the same.
    Slack,
    /// Mail, through the server's SMTP.
    Email,
}

impl EndpointKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Webhook, Self::Slack, Self::Email];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Slack => "slack",
            Self::Email => "email",
        }
    }

    /// The kind of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// `POST /v1/notifications/endpoints`: who is to be told of tickets, and of which.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddEndpoint {
    /// How it is told.
    pub kind: EndpointKind,
    /// Of `webhook` and `slack`: where requests go. `https`, and public, unless the server's
    /// configuration lists its origin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "https://hooks.example.com/approvals")]
    pub url: Option<String>,
    /// Of `email`: addresses, at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<String>,
    /// What people call it; absent: its host, or its first address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is told of; empty: everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<NotificationEvent>,
    /// Only tickets that these roles, groups or people may decide, and those that anybody may; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvers: Vec<String>,
}

impl fmt::Debug for AddEndpoint {
    /// Without its URL, which may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddEndpoint").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// An endpoint of a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EndpointView {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// How it is told.
    pub kind: EndpointKind,
    /// Where: addresses, or a URL without what may be a secret in it.
    pub target: String,
    /// What it is told of; empty: everything.
    pub events: Vec<NotificationEvent>,
    /// Only tickets that these may decide, and those that anybody may; empty: all.
    pub approvers: Vec<String>,
    /// Why nothing is sent to it any more; absent: it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<String>,
    /// Added.
    #[schema(value_type = String, format = DateTime)]
    pub added_at: Timestamp,
    /// Who added it.
    pub added_by: String,
}

/// An endpoint, and what its messages are signed with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AddedEndpoint {
    /// The endpoint.
    #[serde(flatten)]
    pub endpoint: EndpointView,
    /// Of a `webhook`: the secret of its signatures. It is shown this once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    pub secret: Option<String>,
}

impl fmt::Debug for AddedEndpoint {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddedEndpoint").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// It is to be sent, for the first time or again.
    Pending,
    /// The receiver has it.
    Delivered,
    /// It was given up.
    Failed,
    /// There was no more reason to send it.
    Dropped,
}

impl DeliveryStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Delivered, Self::Failed, Self::Dropped];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }

    /// The status of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// One message to one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryView {
    /// What its receiver knows it by: the `webhook-id`. Every try has the same.
    pub id: String,
    /// To which endpoint.
    pub endpoint: String,
    /// What happened.
    pub event: NotificationEvent,
    /// To which ticket; absent in a test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub ticket: Option<TicketId>,
    /// In which run; absent in a test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub run: Option<RunId>,
    /// When it happened, or will.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What became of it.
    pub status: DeliveryStatus,
    /// Tries so far, the one under way included.
    pub attempts: u32,
    /// What the last try came to, unless it arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it is tried next, while it is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_at: Option<Timestamp>,
    /// When it was delivered, given up or dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub settled_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_those_on_the_wire() {
        for event in NotificationEvent::ALL {
            assert_eq!(json!(event), json!(event.as_str()));
            assert_eq!(NotificationEvent::of_name(event.as_str()), Some(event));
        }
        for kind in EndpointKind::ALL {
            assert_eq!(json!(kind), json!(kind.as_str()));
            assert_eq!(EndpointKind::of_name(kind.as_str()), Some(kind));
        }
        for status in DeliveryStatus::ALL {
            assert_eq!(json!(status), json!(status.as_str()));
            assert_eq!(DeliveryStatus::of_name(status.as_str()), Some(status));
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let add = AddEndpoint {
            kind: EndpointKind::Slack,
            url: Some("https://hooks.slack.com/T0/B0/s3cret".to_owned()),
            to: Vec::new(),
            name: None,
            events: Vec::new(),
            approvers: Vec::new(),
        };
        assert!(!format!("{add:?}").contains("s3cret"));
    }
}
