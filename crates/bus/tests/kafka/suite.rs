//! The port's suite against a broker.

use std::num::NonZeroU32;

use aob_bus::conformance::Harness;
use aob_bus::kafka::KafkaBus;
use aob_bus::{Bus, Topic, bus_conformance};

use crate::broker::{PARTITIONS, bus, config, create, fresh_topic};

struct OnBroker {
    bus: KafkaBus,
    topics: [Topic; 2],
}

impl OnBroker {
    fn new() -> Self {
        let (bus, topics) = (bus(config()), [fresh_topic(), fresh_topic()]);
        // The expression of a case is not asynchronous.
        std::thread::scope(|scope| {
            let made = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("a runtime").block_on(create(&bus, &topics));
            });
            made.join().expect("topics are made");
        });
        Self { bus, topics }
    }
}

impl Harness for OnBroker {
    fn bus(&self) -> &dyn Bus {
        &self.bus
    }

    fn topics(&self) -> [Topic; 2] {
        self.topics.clone()
    }

    fn partitions(&self) -> NonZeroU32 {
        PARTITIONS
    }

    fn programs(&self) -> usize {
        10
    }
}

bus_conformance!(
    #[tokio::test]
    OnBroker::new()
);
