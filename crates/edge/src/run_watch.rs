//! Who waits for news of a run hears of it: one consumer of the bus for the whole process.
//!
//! A notification says only *look at the log*. It may come twice, or for nothing, and where the bus
//! is down it does not come at all; who waits looks again now and then.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aob_bus::{Bus, Consumer, Message, Topic};
use aob_engine::{RunId, WorkspaceId};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Messages taken at once.
const MESSAGES_MAX: usize = 1_024;
/// Wait before a lost bus is tried again.
const AGAIN: Duration = Duration::from_secs(1);

type Listeners = Mutex<BTreeMap<Uuid, watch::Sender<()>>>;

/// Subscriptions to runs and workspaces. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct RunWatch {
    runs: Arc<Listeners>,
    workspaces: Arc<Listeners>,
}

/// Hears of one run, or of every run of a workspace, until it is dropped.
#[derive(Debug)]
pub struct Subscription {
    news: watch::Receiver<()>,
    of: Uuid,
    listeners: Arc<Listeners>,
}

impl Subscription {
    /// Waits for news since the last call, or since the subscription.
    pub async fn changed(&mut self) {
        if self.news.changed().await.is_err() {
            // Its sender stays as long as the subscription does; should it not, there is no news.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut listeners = self.listeners.lock();
        if listeners.get(&self.of).is_some_and(|sender| sender.receiver_count() <= 1) {
            listeners.remove(&self.of);
        }
    }
}

impl RunWatch {
    /// Hears of `run`. Subscribe first, then read: what happens in between is not missed.
    pub fn run(&self, run: RunId) -> Subscription {
        subscribe(&self.runs, run.0)
    }

    /// Hears of every run of `workspace`.
    pub fn workspace(&self, workspace: WorkspaceId) -> Subscription {
        subscribe(&self.workspaces, workspace.0)
    }

    /// Tells those who wait for `run` to look.
    pub fn notify_run(&self, run: RunId) {
        notify(&self.runs, run.0);
    }

    /// Tells those who wait for anything in `workspace` to look.
    pub fn notify_workspace(&self, workspace: WorkspaceId) {
        notify(&self.workspaces, workspace.0);
    }

    /// Tells everybody to look.
    pub fn notify_all(&self) {
        for listeners in [&self.runs, &self.workspaces] {
            for sender in listeners.lock().values() {
                sender.send_replace(());
            }
        }
    }

    /// True where nobody waits for anything.
    pub fn is_idle(&self) -> bool {
        self.runs.lock().is_empty() && self.workspaces.lock().is_empty()
    }

    /// Passes on what the topic of domain events says, until `shutdown`. `group` is this process's
    /// own: every process has to hear everything.
    pub async fn follow(
        self,
        bus: Arc<dyn Bus>,
        topic: &str,
        group: &str,
        shutdown: CancellationToken,
    ) {
        let topic = Topic::new(topic);
        let following = async {
            loop {
                match bus.listen(&topic, group).await {
                    Ok(consumer) => self.pass_on(&*consumer).await,
                    Err(error) => tracing::warn!(%error, "news of runs come late"),
                }
                tokio::time::sleep(AGAIN).await;
            }
        };
        tokio::select! {
            () = following => {}
            () = shutdown.cancelled() => {}
        }
        if let Err(error) = bus.drop_group(&topic, group).await {
            tracing::debug!(%error, group, "a consumer group stays behind");
        }
    }

    async fn pass_on(&self, consumer: &dyn Consumer) {
        loop {
            let messages = match consumer.recv_batch(MESSAGES_MAX).await {
                Ok(messages) => messages,
                Err(error) => {
                    tracing::warn!(%error, "news of runs come late");
                    return;
                }
            };
            let mut ends = BTreeMap::new();
            for message in &messages {
                self.hear(message);
                ends.insert(message.partition, message.offset);
            }
            for (partition, offset) in ends {
                if let Err(error) = consumer.commit(partition, offset).await {
                    tracing::debug!(%error, "news of runs come again");
                }
            }
        }
    }

    fn hear(&self, message: &Message) {
        self.notify_run(RunId(Uuid::from_bytes(message.key)));
        if self.workspaces.lock().is_empty() {
            return;
        }
        if let Some(workspace) = workspace_of(&message.payload) {
            self.notify_workspace(workspace);
        }
    }
}

/// The workspace that a domain event's envelope names as its source.
fn workspace_of(payload: &[u8]) -> Option<WorkspaceId> {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        source: &'a str,
        #[serde(borrow, rename = "data")]
        _data: Option<&'a RawValue>,
    }
    let envelope: Envelope<'_> = serde_json::from_slice(payload).ok()?;
    let rest = envelope.source.strip_prefix("/workspaces/")?;
    rest.split('/').next()?.parse().ok().map(WorkspaceId)
}

fn subscribe(listeners: &Arc<Listeners>, of: Uuid) -> Subscription {
    let news = listeners.lock().entry(of).or_insert_with(|| watch::Sender::new(())).subscribe();
    Subscription { news, of, listeners: Arc::clone(listeners) }
}

fn notify(listeners: &Listeners, of: Uuid) {
    if let Some(sender) = listeners.lock().get(&of) {
        sender.send_replace(());
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use aob_bus::{MemBus, Outgoing, TopicConfig};
    use futures::FutureExt;

    use super::*;

    #[test]
    fn news_are_kept_until_they_are_heard_and_subscriptions_leave_nothing() {
        let watch = RunWatch::default();
        let (run, other) = (RunId(Uuid::from_u128(1)), RunId(Uuid::from_u128(2)));
        let (mut first, mut second) = (watch.run(run), watch.run(run));
        watch.notify_run(other);
        assert!(first.changed().now_or_never().is_none());
        watch.notify_run(run);
        watch.notify_run(run);
        assert!(first.changed().now_or_never().is_some());
        assert!(first.changed().now_or_never().is_none());
        assert!(second.changed().now_or_never().is_some());
        drop(first);
        watch.notify_run(run);
        assert!(second.changed().now_or_never().is_some());
        drop(second);
        assert!(watch.runs.lock().is_empty());
    }

    #[tokio::test]
    async fn the_bus_is_passed_on_to_runs_and_workspaces() {
        let one = TopicConfig::with_partitions(NonZeroU32::MIN);
        let bus = MemBus::new([(Topic::new("events"), one)]);
        let (watch, shutdown) = (RunWatch::default(), CancellationToken::new());
        let (run, workspace) = (RunId(Uuid::from_u128(7)), WorkspaceId(Uuid::from_u128(8)));
        let (mut of_run, mut of_all) = (watch.run(run), watch.workspace(workspace));
        let mut of_none = watch.workspace(WorkspaceId(Uuid::from_u128(9)));
        let following =
            watch.clone().follow(Arc::new(bus.clone()), "events", "g", shutdown.clone());
        let following = tokio::spawn(following);
        let payload = format!(
            "{{\"source\":\"/workspaces/{workspace}/runs/{run}\",\"data\":{{\"source\":1}}}}"
        );
        let message = Outgoing {
            topic: Topic::new("events"),
            key: *run.0.as_bytes(),
            headers: Vec::new(),
            payload: payload.into(),
        };
        bus.publish(vec![message]).await.unwrap();
        of_run.changed().await;
        of_all.changed().await;
        assert!(of_none.changed().now_or_never().is_none());
        shutdown.cancel();
        following.await.unwrap();
    }
}
