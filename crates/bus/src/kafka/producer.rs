//! Publishing: batches whose last acknowledgement wakes their publisher, through a producer that
//! is made anew when it has failed for good.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use rdkafka::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use tokio::sync::oneshot;

use crate::Unavailable;

/// A message with the partition that it goes to.
pub(super) struct Record<'a> {
    pub(super) topic: &'a str,
    pub(super) partition: u32,
    pub(super) key: &'a [u8],
    pub(super) payload: &'a [u8],
    pub(super) headers: Option<OwnedHeaders>,
}

/// A producer of one lane. An idempotent producer that meets an error it cannot repair refuses
/// everything afterwards; what it held is reported as failed, and the next batch gets a new one.
pub(super) struct Producer {
    config: ClientConfig,
    current: Mutex<Option<Arc<Live>>>,
}

type Live = ThreadedProducer<Reports>;

impl Producer {
    pub(super) fn new(config: ClientConfig) -> Self {
        Self { config, current: Mutex::new(None) }
    }

    fn live(&self) -> Result<Arc<Live>, KafkaError> {
        let mut current = self.current.lock();
        if let Some(live) = &*current {
            return Ok(Arc::clone(live));
        }
        let live = Arc::new(self.config.create_with_context::<_, Live>(Reports)?);
        *current = Some(Arc::clone(&live));
        Ok(live)
    }

    /// Parts with a producer that will never send again.
    fn retire_if_dead(&self, live: Arc<Live>) {
        let Some((code, reason)) = live.client().fatal_error() else { return };
        let mut current = self.current.lock();
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, &live)) {
            tracing::warn!(%code, reason, "the producer is made anew");
            *current = None;
        }
        drop(current);
        // Ending it waits for its thread.
        drop(tokio::task::spawn_blocking(move || drop(live)));
    }

    /// Sends records in this order and waits until all are acknowledged.
    pub(super) async fn send(
        &self,
        records: impl ExactSizeIterator<Item = Record<'_>>,
    ) -> Result<(), Unavailable> {
        let count = records.len();
        if count == 0 {
            return Ok(());
        }
        let live = self.live().map_err(Unavailable::new)?;
        let (done, acknowledged) = oneshot::channel();
        let batch = Arc::new(Batch {
            left: AtomicUsize::new(count),
            outcome: Mutex::new((None, Some(done))),
        });
        enqueue(&live, records, &batch);
        drop(batch);
        // The sender goes with the producer at the latest.
        let failed = acknowledged.await.unwrap_or(Some(KafkaError::Canceled));
        match failed {
            None => Ok(()),
            Some(error) => {
                self.retire_if_dead(live);
                Err(Unavailable::new(error))
            }
        }
    }
}

/// Hands records to librdkafka. After one that it does not take, none follows.
fn enqueue<'a>(
    live: &Live,
    mut records: impl ExactSizeIterator<Item = Record<'a>>,
    batch: &Arc<Batch>,
) {
    while let Some(record) = records.next() {
        let partition = i32::try_from(record.partition).unwrap_or(i32::MAX);
        let message = BaseRecord::with_opaque_to(record.topic, Arc::clone(batch))
            .partition(partition)
            .key(record.key)
            .payload(record.payload);
        let message = match record.headers {
            Some(headers) => message.headers(headers),
            None => message,
        };
        if let Err((error, _)) = live.send(message) {
            batch.settle(1 + records.len(), Some(error));
            return;
        }
    }
}

type Outcome = (Option<KafkaError>, Option<oneshot::Sender<Option<KafkaError>>>);

/// What becomes of a batch.
struct Batch {
    left: AtomicUsize,
    outcome: Mutex<Outcome>,
}

impl Batch {
    /// So many messages have come to an end; the last one wakes the publisher.
    fn settle(&self, count: usize, error: Option<KafkaError>) {
        if let Some(error) = error {
            self.outcome.lock().0.get_or_insert(error);
        }
        if self.left.fetch_sub(count, Ordering::AcqRel) == count {
            let mut outcome = self.outcome.lock();
            let error = outcome.0.take();
            if let Some(done) = outcome.1.take() {
                // Who published may have gone.
                drop(done.send(error));
            }
        }
    }
}

/// Hears what becomes of messages.
struct Reports;

impl ClientContext for Reports {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(%error, reason, "publishing meets an error");
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = Arc<Batch>;

    fn delivery(&self, result: &DeliveryResult<'_>, batch: Arc<Batch>) {
        let error = result.as_ref().err().map(|(error, _)| error.clone());
        batch.settle(1, error);
    }
}

impl std::fmt::Debug for Producer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Producer").finish_non_exhaustive()
    }
}
