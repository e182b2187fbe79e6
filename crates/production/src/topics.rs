//! The topics of the product.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use aob_bus::kafka::TopicSpec;
use aob_bus::{Topic, dead_topic};

use crate::{Settings, SettingsError};

/// Those whose messages are read by us, so that some may turn out unreadable.
const READ: [&str; 6] = [
    "agent.jobs",
    "agent.results",
    "node.jobs.high",
    "node.jobs.low",
    "node.jobs.medium",
    "node.results",
];

/// Those that are for others, or that nothing rests on: what is not understood is passed over.
const PUBLISHED: [&str; 2] = ["patch.created", "workflow.events"];

/// Copies of each message that must exist before it is acknowledged, with three replicas or more.
const IN_SYNC: &str = "2";

/// All topics as they have to be made, `more` of them among those that are read.
///
/// # Errors
/// If their numbers cannot be read.
pub fn topics(settings: &Settings, more: &[Topic]) -> Result<Vec<TopicSpec>, SettingsError> {
    let partitions: NonZeroU32 = settings.need("kafka.partitions")?;
    let replicas: u16 = settings.need("kafka.replicas")?;
    let durable = (replicas >= 3).then(|| ("min.insync.replicas".to_owned(), IN_SYNC.to_owned()));
    let common: BTreeMap<String, String> = durable.into_iter().collect();
    let spec = |topic: Topic, partitions| {
        let settings = common.clone();
        TopicSpec { topic, partitions, replicas, settings }
    };
    let read: BTreeSet<Topic> =
        READ.into_iter().map(Topic::new).chain(more.iter().cloned()).collect();
    let published = PUBLISHED.into_iter().map(Topic::new);
    let live = read.iter().cloned().chain(published).map(|topic| spec(topic, partitions));
    let dead = read.iter().map(|topic| spec(dead_topic(topic), NonZeroU32::MIN));
    Ok(live.chain(dead).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_unreadable_has_a_place_for_the_dead() {
        let flags = ["kafka.partitions=3".to_owned()];
        let settings = Settings::load(None, |_| None, &flags).unwrap();
        let more = [Topic::new("agent.results.acme.eu"), Topic::new("agent.jobs")];
        let topics = topics(&settings, &more).unwrap();
        let find = |name: &str| topics.iter().find(|spec| spec.topic.as_str() == name);
        assert_eq!(find("node.results").unwrap().partitions.get(), 3);
        assert_eq!(find("node.results.dead").unwrap().partitions.get(), 1);
        assert!(
            find("agent.results.acme.eu").is_some() && find("agent.results.acme.eu.dead").is_some()
        );
        assert_eq!(topics.iter().filter(|spec| spec.topic.as_str() == "agent.jobs").count(), 1);
        assert!(find("workflow.events").is_some() && find("workflow.events.dead").is_none());
        assert!(topics.iter().all(|spec| spec.settings["min.insync.replicas"] == "2"));
    }
}
