//! Who is told of tickets, and what is sent to them.

use std::fmt;

use async_trait::async_trait;

use super::{StoreResult, StreamId, TimeMs, WorkspaceId};

/// Where a workspace wants to be told of tickets.
#[derive(Clone, PartialEq, Eq)]
pub struct EndpointRow {
    /// Its id, unique over all workspaces.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// How it is told: `webhook slack email`.
    pub kind: String,
    /// A URL, or addresses of mail separated by commas. It may be a secret.
    pub target: String,
    /// What it is told of; empty: everything.
    pub events: Vec<String>,
    /// Only tickets that these roles or people may decide; empty: all.
    pub approvers: Vec<String>,
    /// Why nothing is sent any more; `None`: it is.
    pub disabled: Option<String>,
    /// Who added it.
    pub actor: String,
    /// Added.
    pub created_ms: TimeMs,
}

impl fmt::Debug for EndpointRow {
    /// Without its target.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointRow")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("disabled", &self.disabled)
            .finish_non_exhaustive()
    }
}

/// One message to one endpoint: to be sent, or sent, or given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRow {
    /// What receivers know it by; the same for the same event, ticket and endpoint.
    pub id: String,
    /// To whom.
    pub endpoint: String,
    /// About which ticket.
    pub ticket: String,
    /// Its run.
    pub run: StreamId,
    /// What happened.
    pub event: String,
    /// What the event says besides, as JSON.
    pub facts: String,
    /// When it happened.
    pub at_ms: TimeMs,
    /// `pending delivered failed dropped`.
    pub status: String,
    /// Of a pending one: when it is tried next, or taken from whoever tries it now.
    pub due_ms: TimeMs,
    /// How often it was tried, the try under way included.
    pub attempts: u32,
    /// What the last try came to, unless it arrived.
    pub error: Option<String>,
    /// When it was settled.
    pub settled_ms: Option<TimeMs>,
}

/// Asks for deliveries that are due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryClaim {
    /// Now.
    pub now_ms: TimeMs,
    /// Until when nobody else gets them.
    pub until_ms: TimeMs,
    /// At most so many of one endpoint.
    pub per_endpoint: u32,
    /// At most so many.
    pub limit: u32,
    /// None of these endpoints.
    pub except: Vec<String>,
}

/// What a try came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryMove {
    /// It is tried again.
    Again {
        /// When.
        due_ms: TimeMs,
        /// What went wrong.
        error: String,
    },
    /// It is not tried again.
    Settled {
        /// `delivered failed dropped`.
        status: &'static str,
        /// When.
        at_ms: TimeMs,
        /// Why it was not delivered.
        error: Option<String>,
    },
}

/// Filter of a list of deliveries.
#[derive(Debug, Clone, Default)]
pub struct DeliveryFilter {
    /// Only to this endpoint.
    pub endpoint: Option<String>,
    /// Only about this ticket.
    pub ticket: Option<String>,
    /// Only about tickets of this run.
    pub run: Option<StreamId>,
    /// Only in this status.
    pub status: Option<String>,
    /// Only those behind this one in the order of the list: its time and id.
    pub before: Option<(TimeMs, String)>,
    /// At most this many.
    pub limit: u32,
}

/// Endpoints, and the deliveries to them.
#[async_trait]
pub trait Notifications: Send + Sync {
    /// Adds an endpoint; one of the same id is left alone.
    async fn endpoint_put(&self, workspace: WorkspaceId, row: &EndpointRow) -> StoreResult<()>;

    /// Endpoints of a workspace after the cursor (exclusive), in order of id.
    async fn endpoints(
        &self,
        workspace: WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> StoreResult<Vec<EndpointRow>>;

    /// One endpoint.
    async fn endpoint(&self, workspace: WorkspaceId, id: &str) -> StoreResult<Option<EndpointRow>>;

    /// Disables an endpoint, saying why, or enables it (`None`); returns it as it stands.
    async fn endpoint_disable(
        &self,
        workspace: WorkspaceId,
        id: &str,
        why: Option<&str>,
    ) -> StoreResult<Option<EndpointRow>>;

    /// Removes an endpoint; its deliveries stay. `false`: the workspace has none of this id.
    async fn endpoint_remove(&self, workspace: WorkspaceId, id: &str) -> StoreResult<bool>;

    /// Adds deliveries; those of an id that the workspace has are left alone.
    async fn deliveries_put(&self, workspace: WorkspaceId, rows: &[DeliveryRow])
    -> StoreResult<()>;

    /// Deliveries of a workspace, the newest event first, then the greatest id.
    async fn deliveries(
        &self,
        workspace: WorkspaceId,
        filter: &DeliveryFilter,
    ) -> StoreResult<Vec<DeliveryRow>>;

    /// The earliest due time of all that are pending. (Machinery.)
    async fn deliveries_next(&self) -> StoreResult<Option<TimeMs>>;

    /// Takes pending deliveries that are due (`due <= now`), earliest first, then by id: each is
    /// due again at the claim's end and has one attempt more, and is returned like that. Of two
    /// claims at the same time one gets it. (Machinery.)
    async fn deliveries_claim(
        &self,
        claim: &DeliveryClaim,
    ) -> StoreResult<Vec<(WorkspaceId, DeliveryRow)>>;

    /// Says what the try came to that was this delivery's `attempt`-th. `false`, and nothing
    /// changed: it is settled, or somebody has tried since. (Machinery.)
    async fn delivery_move(
        &self,
        workspace: WorkspaceId,
        (id, attempt): (&str, u32),
        to: &DeliveryMove,
    ) -> StoreResult<bool>;

    /// Deletes deliveries that were settled before a time; returns how many. (Machinery.)
    async fn deliveries_expire(&self, before_ms: TimeMs) -> StoreResult<u64>;
}
