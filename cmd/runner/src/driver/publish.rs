//! Publishes results: whatever has gathered while the last batch was on its way goes in one.

use std::sync::Arc;

use aob_bus::{Bus, Outgoing, PublishError, Topic, Unavailable};
use aob_points::{Point, Struck, reach};
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::sync::CancellationToken;

use super::intake::{Ticket, settle};
use crate::backoff::Backoff;
use crate::leases::Hold;

/// The topic of results.
const RESULTS: &str = "node.results";
/// Results that wait to be published.
pub(super) const WAITING_MAX: usize = 1_024;
/// Results published together.
const BATCH_MAX: usize = 256;

/// A result on its way out, with everything that ends when it is published.
pub(super) struct Finished {
    pub(super) key: [u8; 16],
    pub(super) payload: Bytes,
    /// Unless it was settled when the lease was claimed.
    pub(super) ticket: Option<Ticket>,
    pub(super) hold: Hold,
    pub(super) slot: OwnedSemaphorePermit,
}

/// Publishes until nobody can send any more, or `give_up`: what is then not published is lost with
/// this runner, and shows as an expired lease or by redispatch.
pub(super) async fn publish_all(
    bus: Arc<dyn Bus>,
    mut finished: mpsc::Receiver<Finished>,
    give_up: CancellationToken,
) {
    let topic = Topic::new(RESULTS);
    let mut backoff = Backoff::new(&RESULTS);
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while finished.recv_many(&mut batch, BATCH_MAX).await > 0 {
        let messages: Vec<_> = batch.iter().map(|done| outgoing(&topic, done)).collect();
        let published = tokio::select! {
            biased;
            published = publish(&*bus, &messages, &mut backoff) => published,
            () = give_up.cancelled() => return,
        };
        if published {
            settle(batch.iter_mut().filter_map(|done| done.ticket.take())).await;
        }
        batch.drain(..).for_each(|Finished { hold, slot, .. }| drop((hold, slot)));
    }
}

/// Puts what is not a job to the dead letters, where there is a topic for them, and settles it.
pub(super) async fn bury(bus: Arc<dyn Bus>, dead: Vec<(Outgoing, Ticket)>) {
    let mut backoff = Backoff::new(&RESULTS);
    for (letter, ticket) in dead {
        loop {
            match bus.publish(vec![letter.clone()]).await {
                Ok(()) => break,
                Err(PublishError::Unavailable(error)) => {
                    tracing::warn!(%error, "a dead letter waits");
                    tokio::time::sleep(backoff.next_wait()).await;
                }
                Err(
                    error @ (PublishError::UnknownTopic { .. } | PublishError::TooLarge { .. }),
                ) => {
                    tracing::debug!(%error, "a dead letter is dropped");
                    break;
                }
            }
        }
        settle([ticket]).await;
    }
}

fn outgoing(topic: &Topic, done: &Finished) -> Outgoing {
    Outgoing {
        topic: topic.clone(),
        key: done.key,
        headers: Vec::new(),
        payload: done.payload.clone(),
    }
}

/// Publishes as often as it takes. False: the bus will never take it.
async fn publish(bus: &dyn Bus, messages: &[Outgoing], backoff: &mut Backoff) -> bool {
    loop {
        let struck = |struck: Struck| PublishError::from(Unavailable::new(struck));
        let publishing = async {
            reach(Point::ResultBefore).await.map_err(struck)?;
            bus.publish(messages.to_vec()).await?;
            reach(Point::ResultAfter).await.map_err(struck)
        };
        match publishing.await {
            Ok(()) => {
                backoff.reset();
                return true;
            }
            Err(PublishError::Unavailable(error)) => {
                tracing::warn!(%error, results = messages.len(), "results cannot be published");
                tokio::time::sleep(backoff.next_wait()).await;
            }
            Err(error @ (PublishError::UnknownTopic { .. } | PublishError::TooLarge { .. })) => {
                tracing::error!(%error, results = messages.len(), "results are refused");
                return false;
            }
        }
    }
}
