//! Watches `workflow.events`: every event of the log at least once, each run's in order, unchanged,
//! and none that is not durable (I-43, I-46).

use std::collections::BTreeMap;
use std::sync::Arc;

use aob_bus::{Bus as _, Topic};
use aob_coordinator::EVENTS_TOPIC;
use aob_engine::RunId;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::counts::Count;
use crate::site::Site;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Watcher {
    /// The highest seq of each run that was seen.
    seen: Mutex<BTreeMap<RunId, u64>>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    id: &'a str,
    #[serde(borrow)]
    data: &'a RawValue,
}

impl Watcher {
    /// Watches from here on. A bus that dies with its process is not watched: whoever follows it
    /// catches up from the log.
    pub(crate) fn start(site: &Arc<Site>) -> Arc<Self> {
        let watcher = Arc::new(Self::default());
        if !site.world.weather.embedded {
            let (site, watcher) = (Arc::clone(site), Arc::clone(&watcher));
            tokio::spawn(async move { watcher.watch(&site).await });
        }
        watcher
    }

    async fn watch(&self, site: &Site) {
        let topic = Topic::new(EVENTS_TOPIC);
        let Ok(consumer) = site.bus().subscribe(&topic, "watcher").await else { return };
        while let Ok(messages) = consumer.recv_batch(512).await {
            for message in &messages {
                self.see(site, &message.payload);
            }
            for message in &messages {
                let _ = consumer.commit(message.partition, message.offset).await;
            }
        }
    }

    fn see(&self, site: &Site, payload: &[u8]) {
        let world = &site.world;
        let Some((run, seq, text)) = read(payload) else {
            world.violation("a message on the events' topic cannot be read".to_owned());
            return;
        };
        {
            let ledger = world.ledger.lock();
            let texts = ledger.run(run).map(|log| &log.texts);
            let at = usize::try_from(seq.saturating_sub(1)).unwrap_or(usize::MAX);
            match texts.and_then(|texts| texts.get(at)) {
                None => {
                    world.violation(format!("event {seq} of {run} is published, not durable"));
                    return;
                }
                Some(known) if **known != *text => {
                    world.violation(format!("event {seq} of {run} is published in another form"));
                }
                Some(_) => {}
            }
        }
        let mut seen = self.seen.lock();
        let last = seen.entry(run).or_default();
        if seq <= *last {
            world.counts.add(Count::PublishedAgain);
        } else if seq == *last + 1 {
            *last = seq;
        } else {
            world.violation(format!("event {seq} of {run} is published after {last}"));
            *last = seq;
        }
    }

    /// Every event of the log was seen.
    pub(crate) fn is_complete(&self, site: &Site) {
        if site.world.weather.embedded {
            return;
        }
        let seen = self.seen.lock();
        for (run, log) in site.world.ledger.lock().runs() {
            let last = seen.get(&run).copied().unwrap_or(0);
            if last != log.seq() {
                let text = format!("{run} has {} events, published up to {last}", log.seq());
                site.world.violation(text);
            }
        }
    }
}

fn read(payload: &[u8]) -> Option<(RunId, u64, &str)> {
    let envelope: Envelope<'_> = serde_json::from_slice(payload).ok()?;
    let (run, seq) = envelope.id.split_once('/')?;
    Some((run.parse().ok()?, seq.parse().ok()?, envelope.data.get()))
}
