//! The run's output (D-18): that of its terminal node, or an object of those that have one.

use std::collections::BTreeMap;

use aob_engine::{Payload, RunCompleted, Scope};
use aob_ir::{Digest, NodeIx};

use crate::graph::{Graph, Place};
use crate::maps::keys;
use crate::phase::Ending;
use crate::rules::{Cx, D_18};

/// What the terminal nodes of the graph returned, from their last iteration.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    last: BTreeMap<NodeIx, (Scope, Option<Digest>)>,
}

impl Outputs {
    /// A graph node ended.
    pub(crate) fn ended(&mut self, graph: &Graph, place: &Place, ending: Ending<'_>) {
        let is_terminal = graph.graph_node(place.key.ix).is_some_and(|n| n.outgoing.is_empty());
        if !is_terminal {
            return;
        }
        let output: Option<&Payload> = match ending {
            Ending::Completed(data) => Some(&data.output),
            Ending::Failed(data) => Some(&data.output),
            Ending::Skipped(data) => data.output.as_ref(),
            Ending::Cancelled(_) => None,
        };
        let digest = output.map(|output| output.digest);
        let earlier = self.last.get(&place.key.ix).is_some_and(|(scope, _)| *scope > place.frame);
        if !earlier {
            self.last.insert(place.key.ix, (place.frame.clone(), digest));
        }
    }

    /// Checks the output of a completed run.
    pub(crate) fn run_completed(&self, graph: &Graph, data: &RunCompleted, cx: &mut Cx<'_>) {
        let found = |ix: &NodeIx| self.last.get(ix).and_then(|(_, digest)| *digest);
        let terminals = &graph.ir().terminals;
        if let [single] = terminals.as_slice() {
            let expected = found(single).unwrap_or_else(|| Digest::of(b"null"));
            cx.require(data.output.digest == expected, D_18, || {
                format!("the run returns {}, its last node {expected}", data.output.digest)
            });
            return;
        }
        let Some(output) = data.output.inline() else { return };
        let live = terminals.iter().filter(|ix| found(ix).is_some());
        let mut expected: Vec<&str> =
            live.filter_map(|ix| graph.graph_node(*ix)).map(|node| &*node.id).collect();
        expected.sort_unstable();
        let mut names = keys(output.value()).unwrap_or_default();
        names.sort_unstable();
        cx.require(names == expected, D_18, || {
            format!("the run returns outputs of {names:?} instead of {expected:?}")
        });
    }
}
