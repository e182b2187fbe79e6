//! A store, receivers, and a clock that follows the runtime's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aob_egress::{Client, ClientConfig, Policy};
use aob_notify::{Brief, BriefError, Briefs, Deps, Mailer, Notifier, PURPOSE};
use aob_store::{
    Clock, DeliveryFilter, DeliveryRow, EndpointRow, Identity, MemStore, Notifications, SigningKey,
    StreamId, TimeMs, WorkspaceId,
};
use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::receiver::{Names, Receivers};

pub(crate) const HOME: WorkspaceId = WorkspaceId(Uuid::from_u128(0xa));
pub(crate) const AWAY: WorkspaceId = WorkspaceId(Uuid::from_u128(0xb));
pub(crate) const T0: TimeMs = 1_700_000_000_000;
/// Ports that may be reached without TLS.
const PORTS: std::ops::Range<u16> = 8_001..8_010;

/// Everything around a notifier.
pub(crate) struct World {
    pub(crate) store: MemStore,
    pub(crate) receivers: Receivers,
    pub(crate) statuses: Statuses,
    clock: Clock,
}

/// The statuses of tickets; what is not named is pending.
#[derive(Debug, Clone, Default)]
pub(crate) struct Statuses(pub(crate) Arc<Mutex<BTreeMap<String, &'static str>>>);

#[async_trait]
impl Briefs for Statuses {
    async fn brief(&self, _: WorkspaceId, ticket: &str) -> Result<Option<Brief>, BriefError> {
        let status = self.0.lock().get(ticket).copied().unwrap_or("pending");
        match status {
            "deleted" => Ok(None),
            "unknown" => Err(BriefError("no store".to_owned())),
            _ => Ok(Some(Brief {
                ticket: ticket.to_owned(),
                status: status.to_owned(),
                question: "Pay?\n<!channel>".to_owned(),
                run: "run".to_owned(),
                workflow: "orders".to_owned(),
                node: Some("sign".to_owned()),
                patch: None,
                asked_by: Some("ada".to_owned()),
                why: None,
                approvers: Vec::new(),
                quorum: 1,
                asked_ms: T0,
                expires_ms: None,
                link: "https://ok.example/l/x".to_owned(),
            })),
        }
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        let start = Instant::now();
        let clock: Clock =
            Arc::new(move || T0 + i64::try_from(start.elapsed().as_millis()).unwrap_or(i64::MAX));
        let store = MemStore::new(Arc::clone(&clock));
        for (workspace, byte) in [(HOME, 1), (AWAY, 2)] {
            let key = store.signing_key(workspace, PURPOSE, SigningKey([byte; 32])).await;
            key.expect("memory answers");
        }
        let (receivers, statuses) = (Receivers::default(), Statuses::default());
        Self { store, receivers, statuses, clock }
    }

    /// One more process that sends. It ends with the token, or is killed.
    pub(crate) fn notifier(&self) -> (JoinHandle<()>, CancellationToken) {
        let allow = PORTS.map(|port| format!("http://hooks.example:{port}"));
        let allow = allow.map(|origin| origin.parse().expect("an origin"));
        let policy = Policy { allow: allow.collect(), ..Policy::default() };
        let http = Client::new(ClientConfig {
            resolver: Arc::new(Names),
            connector: Arc::new(self.receivers.clone()),
            ..ClientConfig::new(policy)
        });
        self.notifier_with(http, None)
    }

    /// The same, with a network of its own.
    pub(crate) fn notifier_with(
        &self,
        http: Client,
        mail: Option<Mailer>,
    ) -> (JoinHandle<()>, CancellationToken) {
        let notifier = Notifier::new(Deps {
            store: Arc::new(self.store.clone()),
            http,
            mail,
            clock: Arc::clone(&self.clock),
            briefs: Arc::new(self.statuses.clone()),
        });
        let stop = CancellationToken::new();
        (tokio::spawn(notifier.run(stop.clone())), stop)
    }

    /// Adds a webhook on a port, whose id is its name.
    pub(crate) async fn webhook(&self, workspace: WorkspaceId, id: &str, port: u16) {
        self.endpoint(workspace, id, "webhook", &format!("http://hooks.example:{port}/in")).await;
    }

    pub(crate) async fn endpoint(&self, workspace: WorkspaceId, id: &str, kind: &str, to: &str) {
        let row = EndpointRow {
            id: id.to_owned(),
            name: id.to_owned(),
            kind: kind.to_owned(),
            target: to.to_owned(),
            events: Vec::new(),
            approvers: Vec::new(),
            disabled: None,
            actor: "user:ada".to_owned(),
            created_ms: T0,
        };
        self.store.endpoint_put(workspace, &row).await.expect("memory answers");
    }

    /// Puts a delivery about a ticket of its own, due now.
    pub(crate) async fn put(&self, workspace: WorkspaceId, id: &str, endpoint: &str, event: &str) {
        let now = (self.clock)();
        let row = DeliveryRow {
            id: id.to_owned(),
            endpoint: endpoint.to_owned(),
            ticket: format!("tk_{id}"),
            run: StreamId(Uuid::nil()),
            event: event.to_owned(),
            facts: "{}".to_owned(),
            at_ms: now,
            status: "pending".to_owned(),
            due_ms: now,
            attempts: 0,
            error: None,
            settled_ms: None,
        };
        self.store.deliveries_put(workspace, &[row]).await.expect("memory answers");
    }

    pub(crate) async fn ask(&self, workspace: WorkspaceId, id: &str, endpoint: &str) {
        self.put(workspace, id, endpoint, "approval.requested").await;
    }

    pub(crate) async fn all(&self, workspace: WorkspaceId) -> Vec<DeliveryRow> {
        let filter = DeliveryFilter { limit: 1_000, ..DeliveryFilter::default() };
        self.store.deliveries(workspace, &filter).await.expect("memory answers")
    }

    pub(crate) async fn one(&self, workspace: WorkspaceId, id: &str) -> DeliveryRow {
        let all = self.all(workspace).await;
        all.into_iter().find(|row| row.id == id).expect("the delivery")
    }

    /// Waits, in the runtime's time, until a delivery is settled.
    pub(crate) async fn settled(&self, workspace: WorkspaceId, id: &str) -> DeliveryRow {
        loop {
            let row = self.one(workspace, id).await;
            if row.settled_ms.is_some() {
                return row;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}
