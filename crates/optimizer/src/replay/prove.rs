//! The proof: recorded runs performed on both graphs, and what they do and give compared.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aob_engine::{RunId, RunStatus};
use aob_ir::{EffectClass, Ir, canonical_json};
use serde_json::{Value, json};
use thiserror::Error;

use super::drive::perform;
use super::recorded::{Again, RecordedRun};
use super::world::{Counts, Performed, Ran};

/// What came of replaying recorded runs on two graphs.
#[derive(Debug, Default)]
pub struct Proof {
    /// Runs that did and gave the same on both.
    pub equal: Vec<RunId>,
    /// Runs that did not.
    pub different: Vec<(RunId, Difference)>,
    /// Runs of which nothing can be said, and why.
    pub unproven: Vec<(RunId, String)>,
    /// What the equal runs took on the graph as it was.
    pub before: Counts,
    /// What they took on the other.
    pub after: Counts,
}

/// The first difference between two replays.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum Difference {
    /// They ended differently.
    #[error("it ended as {}, and not as {}", .after.as_str(), .before.as_str())]
    Status {
        /// On the graph as it was.
        before: RunStatus,
        /// On the other.
        after: RunStatus,
    },
    /// They gave different outputs.
    #[error("it gave {}, and not {}", shown(.after.as_ref()), shown(.before.as_ref()))]
    Output {
        /// On the graph as it was.
        before: Option<Value>,
        /// On the other.
        after: Option<Value>,
    },
    /// Something was done outside on one of them only, or not as often.
    #[error("it did this {after} times, and not {before}: {effect}")]
    Effect {
        /// Idempotency key, name, configuration and output of what was done.
        effect: String,
        /// Times on the graph as it was.
        before: usize,
        /// Times on the other.
        after: usize,
    },
    /// Something was asked that nobody had asked before.
    #[error("it asked what had not been asked: {0}")]
    Asks(String),
}

/// A value for a message.
fn shown(value: Option<&Value>) -> String {
    const CHARS_MAX: usize = 200;
    let text = value.map_or_else(|| "nothing".to_owned(), Value::to_string);
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

impl Proof {
    /// Every run that could be replayed is equal, and there is one.
    pub fn holds(&self) -> bool {
        self.different.is_empty() && !self.equal.is_empty()
    }
}

/// Replays `runs` of `before` on both graphs. A run counts only if its replay on `before` gives what
/// was recorded.
pub fn prove(before: &Arc<Ir>, after: &Arc<Ir>, runs: &[RecordedRun]) -> Proof {
    let mut proof = Proof::default();
    for run in runs {
        let id = run.setup.run;
        match replay_both(before, after, run) {
            Err(why) => proof.unproven.push((id, why)),
            Ok((one, other)) => match difference(&one, &other) {
                Some(difference) => proof.different.push((id, difference)),
                None => {
                    add(&mut proof.before, one.counts);
                    add(&mut proof.after, other.counts);
                    proof.equal.push(id);
                }
            },
        }
    }
    proof
}

fn replay_both(before: &Arc<Ir>, after: &Arc<Ir>, run: &RecordedRun) -> Result<(Ran, Ran), String> {
    if run.digest != before.digest {
        return Err(format!("it followed {}, not this document", run.digest));
    }
    if run.patched {
        return Err("its graph was changed while it ran".to_owned());
    }
    if run.status == RunStatus::Cancelled {
        return Err("it was cancelled: when that was is not replayed".to_owned());
    }
    let one = perform(before, &run.setup, &mut Again::of(run), &run.blobs)
        .map_err(|error| error.to_string())?;
    if one.status != run.status || one.output != run.output {
        return Err("its replay on the graph as it was gives something else".to_owned());
    }
    let other = perform(after, &run.setup, &mut Again::of(run), &run.blobs)
        .map_err(|error| format!("on the optimized graph: {error}"))?;
    Ok((one, other))
}

/// The first difference in what two runs did and gave.
pub fn difference(before: &Ran, after: &Ran) -> Option<Difference> {
    if before.status != after.status {
        return Some(Difference::Status { before: before.status, after: after.status });
    }
    if before.output != after.output {
        let (before, after) = (before.output.clone(), after.output.clone());
        return Some(Difference::Output { before, after });
    }
    let (did, does) = (effects(&before.performed), effects(&after.performed));
    let all: BTreeSet<&String> = did.keys().chain(does.keys()).collect();
    for effect in all {
        let times = |of: &BTreeMap<String, usize>| of.get(effect).copied().unwrap_or_default();
        let (before, after) = (times(&did), times(&does));
        if before != after {
            return Some(Difference::Effect { effect: effect.clone(), before, after });
        }
    }
    let asked: BTreeSet<String> = questions(&before.performed).collect();
    questions(&after.performed).find(|question| !asked.contains(question)).map(Difference::Asks)
}

/// What was done outside: key, name, configuration and output, with how often.
fn effects(performed: &[Performed]) -> BTreeMap<String, usize> {
    let mut effects = BTreeMap::new();
    for one in performed.iter().filter(|one| one.effect != EffectClass::None) {
        let effect = json!([one.idempotency_key, one.name, one.config, one.output]);
        *effects.entry(canonical_json(&effect).unwrap_or_default()).or_default() += 1;
    }
    effects
}

/// What was asked of the world outside by what only reads: a batch asks what its requests ask.
fn questions(performed: &[Performed]) -> impl Iterator<Item = String> + '_ {
    let reads = performed.iter().filter(|one| one.effect == EffectClass::None);
    reads.flat_map(|one| {
        let single = vec![json!([one.name, one.config])];
        let asked = match one.config.get("batch").and_then(Value::as_array) {
            Some(parts) => parts
                .iter()
                .map(|part| {
                    let mut config = part.clone();
                    config.as_object_mut().map(|config| config.remove("id"));
                    json!([one.name, config])
                })
                .collect(),
            None => single,
        };
        asked.into_iter().map(|question| canonical_json(&question).unwrap_or_default())
    })
}

fn add(sum: &mut Counts, more: Counts) {
    sum.jobs += more.jobs;
    sum.instances += more.instances;
    sum.edges += more.edges;
    sum.elapsed_ms += more.elapsed_ms;
}
