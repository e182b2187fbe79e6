//! Joins: how many of the edges that a node has.

use super::children::tolerate;
use super::graph::Adjacency;
use super::spec::Spec;
use super::unit::Unit;
use crate::diagnostic::{Code, Diagnostic};
use crate::document::{Join, JoinMode as DocumentMode};
use crate::{EdgeIr, JoinIr, JoinMode, NodeIr, NodeIx};

/// Gives every node its edges and its join.
pub(super) fn apply(unit: &mut Unit<'_>, specs: &[Spec], nodes: &mut [NodeIr], edges: &[EdgeIr]) {
    let incoming = Adjacency::new(nodes.len(), edges, |edge| edge.to);
    let outgoing = Adjacency::new(nodes.len(), edges, |edge| edge.from);
    for (ix, (node, spec)) in nodes.iter_mut().zip(specs).enumerate() {
        node.incoming = incoming.of(ix as NodeIx).into();
        node.outgoing = outgoing.of(ix as NodeIx).into();
        if let Some((join, pointer)) = unit.join_of(spec) {
            node.join = unit.join(&join, &pointer, node.incoming.len());
        }
    }
}

impl Unit<'_> {
    /// The join of a node: `join`, or for the type `join` its configuration.
    fn join_of(&mut self, spec: &Spec) -> Option<(Join, String)> {
        let in_config: Option<Join> = (spec.type_name == "join" && !spec.config.is_empty())
            .then(|| super::kind::decode(&spec.config))
            .flatten();
        match (spec.join.clone(), in_config) {
            (Some(join), None) => Some((join, spec.at("join"))),
            (None, in_config) => in_config.map(|join| (join, spec.at("config"))),
            (Some(_), Some(join)) => {
                let message = "a `join` node has its join in `config` or in `join`, not in both";
                self.error(Code::BothSpellings, &spec.at("join"), message);
                Some((join, spec.at("config")))
            }
        }
    }

    fn join(&mut self, join: &Join, pointer: &str, incoming: usize) -> JoinIr {
        let mode = join.mode.unwrap_or(DocumentMode::All);
        let tolerate = tolerate(join.tolerate.as_ref());
        let cancel_losers = join.cancel_losers.unwrap_or(false);
        match (mode, join.k) {
            (DocumentMode::KOfN, None) => {
                let message = "`k_of_n` needs `k`, the number of edges to wait for";
                let problem = Diagnostic::error(Code::MissingKey, pointer, message)
                    .with_example(r#"{"mode": "k_of_n", "k": 2}"#);
                self.report(problem);
            }
            (DocumentMode::KOfN, Some(k)) if k.get() > incoming as u64 => {
                let message = format!("the join waits for {k} of {incoming} incoming edges");
                self.error(Code::JoinCount, &format!("{pointer}/k"), message);
            }
            (DocumentMode::All | DocumentMode::Any | DocumentMode::Quorum, Some(_)) => {
                let message = "`k` is only for the mode `k_of_n`";
                self.error(Code::NotApplicable, &format!("{pointer}/k"), message);
            }
            (DocumentMode::KOfN, Some(_))
            | (DocumentMode::All | DocumentMode::Any | DocumentMode::Quorum, None) => {}
        }
        if cancel_losers && mode == DocumentMode::All {
            let message = "a join that waits for `all` has no losers to cancel";
            self.error(Code::NotApplicable, &format!("{pointer}/cancel_losers"), message);
        }
        let mode = match mode {
            // An entry waits for nothing.
            _ if incoming == 0 => JoinMode::All,
            DocumentMode::All => JoinMode::All,
            DocumentMode::Any => JoinMode::Any,
            DocumentMode::Quorum => JoinMode::AtLeast(incoming as u32 / 2 + 1),
            DocumentMode::KOfN => {
                let k = join.k.and_then(|k| u32::try_from(k.get()).ok());
                JoinMode::AtLeast(k.unwrap_or(1))
            }
        };
        JoinIr { mode, cancel_losers, tolerate }
    }
}
