//! The run's output (D-18): that of its terminal node, or an object of those that have one.

use std::collections::BTreeMap;
use std::sync::Arc;

use aob_engine::{Payload, RunCompleted, Scope};
use aob_ir::{Digest, NodeIx};

use crate::graph::{Graph, Place};
use crate::maps::keys;
use crate::phase::Ending;
use crate::rules::{Cx, D_18};

/// What the nodes of the graph returned, from their last iteration: which of them are terminal when
/// the run ends, a patch may change.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    last: BTreeMap<Arc<str>, (Scope, Option<Digest>)>,
}

impl Outputs {
    /// A graph node ended.
    pub(crate) fn ended(&mut self, graph: &Graph, place: &Place, ending: Ending<'_>) {
        let Some(node) = graph.graph_node(place.key.ix) else { return };
        let output: Option<&Payload> = match ending {
            Ending::Completed(data) => Some(&data.output),
            Ending::Failed(data) => Some(&data.output),
            Ending::Skipped(data) => data.output.as_ref(),
            Ending::Cancelled(_) => None,
        };
        let digest = output.map(|output| output.digest);
        let earlier = self.last.get(&node.id).is_some_and(|(scope, _)| *scope > place.frame);
        if !earlier {
            self.last.insert(Arc::clone(&node.id), (place.frame.clone(), digest));
        }
    }

    /// Checks the output of a completed run.
    pub(crate) fn run_completed(&self, graph: &Graph, data: &RunCompleted, cx: &mut Cx<'_>) {
        let found = |ix: &NodeIx| {
            let id = &graph.graph_node(*ix)?.id;
            self.last.get(id).and_then(|(_, digest)| *digest)
        };
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
