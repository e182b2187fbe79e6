//! Explanations: what does not move can say why, since when, who ends it, and how.

use std::collections::BTreeSet;

use aob_engine::{InstanceId, explain};

use crate::counts::Count;
use crate::oracle::{Facts, Observed, Outcome};
use crate::site::Site;

/// Judges the explanations of every run that is not over.
pub(crate) fn judge(site: &Site) {
    let world = &site.world;
    let ledger = world.ledger.lock();
    for (run, log) in ledger.runs().filter(|(_, log)| !log.state.is_terminal()) {
        let ir = log.state.digest().and_then(|digest| ledger.ir(&digest));
        let waits = explain(&log.state, ir.as_deref(), &Default::default());
        if waits.is_empty() {
            world.violation(format!("{run} cannot say what it waits for"));
        }
        for wait in &waits {
            let blank = |text: &str| text.trim().is_empty();
            if blank(wait.reason) || blank(&wait.owner) || blank(&wait.remedy) {
                world.violation(format!("{run}: {wait:?} explains nothing"));
            }
        }
        let said: BTreeSet<&InstanceId> =
            waits.iter().filter_map(|wait| wait.instance.as_ref()).collect();
        // What is open is read from the log, not asked of the state that explains it.
        let seen = Observed::read(&log.events, "", &|_| None, &mut Facts::default());
        let open = seen.instances.iter().filter(|(_, seen)| seen.outcome == Outcome::Open);
        for (instance, _) in open.filter(|(instance, _)| !said.contains(instance)) {
            world.violation(format!("{run}: `{instance}` is open and cannot say why"));
        }
        world.counts.add_many(Count::Explained, said.len() as u64);
    }
}
