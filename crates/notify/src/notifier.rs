//! Who sends: takes deliveries that are due, tries each once, and says what came of it.
//!
//! Any number of notifiers may work on one store. A delivery belongs to whoever claimed it until
//! the claim ends; if they die, it is due again then. Of one endpoint only a few are tried at once,
//! so one that does not answer holds nobody else up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aob_api::{EndpointKind, NotificationEvent};
use aob_egress::Client;
use aob_store::{
    Clock, DeliveryClaim, DeliveryMove, DeliveryRow, EndpointRow, Store, StoreError, WorkspaceId,
};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::PURPOSE;
use crate::brief::Briefs;
use crate::mail::Mailer;
use crate::message::{Facts, Message};
use crate::outcome::Outcome;
use crate::schedule::{TRIES_MAX, next_try};
use crate::signing::Secret;
use crate::webhook;

/// Deliveries tried at once.
const AT_ONCE_MAX: u32 = 32;
/// Deliveries to one endpoint tried at once.
const AT_ONCE_PER_ENDPOINT: u32 = 4;
/// How often the table is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A try may take so long altogether.
const TRY_FOR: Duration = Duration::from_secs(45);
/// Nobody else tries a delivery for so long: a try and the word of what came of it.
const CLAIM_MS: i64 = 60_000;
/// How long tries may go on once everything ends.
const STOP_FOR: Duration = Duration::from_secs(5);
/// How long settled deliveries are kept.
const KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1_000;
/// How often those that are older are deleted.
const CLEAN_EVERY_MS: i64 = 60 * 60 * 1_000;

/// What a notifier works with.
#[derive(Clone)]
pub struct Deps {
    /// Endpoints and deliveries.
    pub store: Arc<dyn Store>,
    /// What requests go through.
    pub http: Client,
    /// The database's clock.
    pub clock: Clock,
    /// What there is to say of tickets.
    pub briefs: Arc<dyn Briefs>,
    /// What sends mail, if anything does.
    pub mail: Option<Mailer>,
}

impl std::fmt::Debug for Deps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deps").field("store", &self.store).finish_non_exhaustive()
    }
}

/// Sends what is due.
#[derive(Debug, Clone)]
pub struct Notifier {
    deps: Deps,
}

/// A delivery under way.
type Trying = JoinSet<String>;

impl Notifier {
    /// A notifier. Sends nothing until it runs.
    pub fn new(deps: Deps) -> Self {
        Self { deps }
    }

    /// Sends until `shutdown`. Tries under way may end, for a while; the others are made again.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut trying = Trying::new();
        let mut under_way: BTreeMap<String, u32> = BTreeMap::new();
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut clean_at = i64::MIN;
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(ended) = trying.join_next() => over(&mut under_way, ended),
                _ = look.tick() => {}
            }
            let now = (self.deps.clock)();
            if now >= clean_at {
                clean_at = now + CLEAN_EVERY_MS;
                self.clean(now - KEPT_MS).await;
            }
            if let Err(error) = self.begin(&mut trying, &mut under_way).await {
                tracing::warn!(%error, "notifications wait");
            }
        }
        let ended = async { while trying.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_FOR, ended).await.is_err() {
            tracing::warn!("notifications under way are sent again at the next start");
        }
    }

    async fn clean(&self, before_ms: i64) {
        match self.deps.store.deliveries_expire(before_ms).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "old notifications are deleted"),
            Err(error) => tracing::warn!(%error, "old notifications stay"),
        }
    }

    /// Begins to try what is due, as far as there is room.
    async fn begin(
        &self,
        trying: &mut Trying,
        under_way: &mut BTreeMap<String, u32>,
    ) -> Result<(), StoreError> {
        let busy = u32::try_from(trying.len()).unwrap_or(u32::MAX);
        let room = AT_ONCE_MAX.saturating_sub(busy);
        let next = self.deps.store.deliveries_next().await?;
        let now_ms = (self.deps.clock)();
        if room == 0 || next.is_none_or(|due| due > now_ms) {
            return Ok(());
        }
        let claim = DeliveryClaim {
            now_ms,
            until_ms: now_ms + CLAIM_MS,
            per_endpoint: AT_ONCE_PER_ENDPOINT,
            limit: room,
            except: under_way.keys().cloned().collect(),
        };
        for (workspace, row) in self.deps.store.deliveries_claim(&claim).await? {
            *under_way.entry(row.endpoint.clone()).or_default() += 1;
            let one = self.clone();
            trying.spawn(async move {
                let endpoint = row.endpoint.clone();
                // A task of its own: should it panic, the endpoint is known to be free again.
                let tried = tokio::spawn(async move { one.deliver(workspace, &row).await });
                drop(tried.await);
                endpoint
            });
        }
        Ok(())
    }

    /// Tries one delivery, and writes down what came of it.
    async fn deliver(&self, workspace: WorkspaceId, row: &DeliveryRow) {
        let tried = tokio::time::timeout(TRY_FOR, self.attempt(workspace, row)).await;
        let end = tried.unwrap_or_else(|_| Ok(End::Sent(Outcome::again("it took too long"))));
        let moved = match end {
            Ok(end) => self.settle(workspace, row, end).await,
            // The claim ends, and somebody tries again.
            Err(error) => Err(error),
        };
        if let Err(error) = moved {
            tracing::warn!(%error, delivery = row.id, "a notification will be sent again");
        }
    }

    async fn attempt(&self, workspace: WorkspaceId, row: &DeliveryRow) -> Result<End, StoreError> {
        let store = &self.deps.store;
        let Some(endpoint) = store.endpoint(workspace, &row.endpoint).await? else {
            return Ok(End::Dropped("the endpoint was removed"));
        };
        if let Some(why) = endpoint.disabled {
            return Ok(End::Failed(format!("the endpoint is disabled: {why}")));
        }
        let event = NotificationEvent::of_name(&row.event);
        let kind = EndpointKind::of_name(&endpoint.kind);
        let (Some(event), Some(kind)) = (event, kind) else {
            return Ok(End::Failed("a newer version wrote it".to_owned()));
        };
        let brief = match event {
            NotificationEvent::Test => None,
            NotificationEvent::Requested
            | NotificationEvent::Escalated
            | NotificationEvent::Expiring
            | NotificationEvent::Decided => {
                match self.deps.briefs.brief(workspace, &row.ticket).await {
                    Ok(Some(brief)) => Some(brief),
                    Ok(None) => return Ok(End::Dropped("the ticket was deleted")),
                    Err(error) => return Ok(End::Sent(Outcome::again(error.to_string()))),
                }
            }
        };
        let open = brief.as_ref().is_none_or(|brief| brief.status == "pending");
        if event == NotificationEvent::Expiring && !open {
            return Ok(End::Dropped("the ticket was decided before"));
        }
        let facts: Facts = serde_json::from_str(&row.facts).unwrap_or_default();
        let message = Message { id: row.id.clone(), event, at_ms: row.at_ms, facts, brief };
        Ok(End::Sent(self.send(workspace, &endpoint, kind, &message).await?))
    }

    async fn send(
        &self,
        workspace: WorkspaceId,
        endpoint: &EndpointRow,
        kind: EndpointKind,
        message: &Message,
    ) -> Result<Outcome, StoreError> {
        let now_ms = (self.deps.clock)();
        let request = match kind {
            EndpointKind::Webhook => {
                let key = self.deps.store.signing_key_known(workspace, PURPOSE).await?;
                let Some(key) = key else {
                    return Ok(Outcome::again("the workspace has no key to sign with"));
                };
                webhook::signed(message, &Secret::of_endpoint(&key, &endpoint.id), now_ms)
            }
            EndpointKind::Slack => webhook::of_slack(message),
            EndpointKind::Email => {
                let Some(mail) = &self.deps.mail else {
                    return Ok(Outcome::again("this server sends no mail"));
                };
                return Ok(mail.send(&self.deps.http, message, &endpoint.target, now_ms).await);
            }
        };
        let url = &endpoint.target;
        Ok(webhook::post(&self.deps.http, workspace, url, request, now_ms).await)
    }

    async fn settle(
        &self,
        workspace: WorkspaceId,
        row: &DeliveryRow,
        end: End,
    ) -> Result<(), StoreError> {
        let at_ms = (self.deps.clock)();
        let settled = |status, error| DeliveryMove::Settled { status, at_ms, error };
        let to = match end {
            End::Dropped(why) => settled("dropped", Some(why.to_owned())),
            End::Failed(why) => settled("failed", Some(why)),
            End::Sent(Outcome::Delivered) => settled("delivered", None),
            End::Sent(Outcome::Gone { error }) => {
                let why = Some(error.as_str());
                self.deps.store.endpoint_disable(workspace, &row.endpoint, why).await?;
                settled("failed", Some(error))
            }
            End::Sent(Outcome::Again { error, after_ms }) => {
                match next_try(&row.id, row.attempts, at_ms, after_ms) {
                    Some(due_ms) => DeliveryMove::Again { due_ms, error },
                    None => settled("failed", Some(format!("{error}; tried {TRIES_MAX} times"))),
                }
            }
        };
        if let DeliveryMove::Settled { status: "failed", error, .. } = &to {
            let error = error.as_deref().unwrap_or_default();
            tracing::warn!(delivery = row.id, endpoint = row.endpoint, error, "not notified");
        }
        let try_of = (row.id.as_str(), row.attempts);
        self.deps.store.delivery_move(workspace, try_of, &to).await.map(drop)
    }
}

/// How a try ended.
enum End {
    /// It was sent, or should have been.
    Sent(Outcome),
    /// There was no reason to send it any more.
    Dropped(&'static str),
    /// It will never be possible.
    Failed(String),
}

/// Makes room where a try has ended.
fn over(under_way: &mut BTreeMap<String, u32>, ended: Result<String, JoinError>) {
    let Ok(endpoint) = ended else { return };
    if let Some(count) = under_way.get_mut(&endpoint) {
        *count -= 1;
        if *count == 0 {
            under_way.remove(&endpoint);
        }
    }
}
