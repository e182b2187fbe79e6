//! Signals (D-06): each is consumed once, first in first out per name.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use aob_engine::SignalReceived;

use crate::rules::{Cx, D_06, SIGNALS_WAITING_MAX};

/// Ids of this many signals are remembered for deduplication; a repetition after that is a new one.
const SIGNAL_IDS_MAX: usize = 1_000;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    waiting: BTreeMap<Arc<str>, VecDeque<Arc<str>>>,
    recent: VecDeque<Arc<str>>,
}

impl Signals {
    /// `signal_received`.
    pub(crate) fn received(&mut self, data: &SignalReceived, cx: &mut Cx<'_>) {
        let known = self.recent.contains(&data.signal);
        cx.require(!known, D_06, || format!("signal `{}` is received twice", data.signal));
        self.recent.push_back(Arc::clone(&data.signal));
        if self.recent.len() > SIGNAL_IDS_MAX {
            self.recent.pop_front();
        }
        let waiting = self.waiting.entry(Arc::clone(&data.name)).or_default();
        waiting.push_back(Arc::clone(&data.signal));
        cx.require(waiting.len() <= SIGNALS_WAITING_MAX, D_06, || {
            format!("{} signals `{}` wait", waiting.len(), data.name)
        });
    }

    /// A signal of `name` (`None`: of a name that the log does not say) is consumed.
    pub(crate) fn consumed(&mut self, name: Option<&str>, signal: &str, cx: &mut Cx<'_>) {
        let queue = match name {
            Some(name) => self.waiting.get_mut(name),
            None => self.waiting.values_mut().find(|queue| queue.iter().any(|id| **id == *signal)),
        };
        let position = queue.as_ref().and_then(|queue| queue.iter().position(|id| **id == *signal));
        match (queue, position) {
            (Some(queue), Some(position)) => {
                queue.remove(position);
                cx.require(position == 0, D_06, || {
                    format!("signal `{signal}` is consumed before {position} that came earlier")
                });
            }
            (Some(_) | None, _) => {
                cx.violation(D_06, format!("signal `{signal}` is consumed, but does not wait"));
            }
        }
    }
}
