//! How a node may be reached, by what may become of its incoming edges.

use std::collections::BTreeSet;

use super::value::Val;
use super::walk::Ways;
use crate::generator::{Edge, Flow, Ix, Mode, Node};

/// How a node may be reached.
#[derive(Debug, Clone)]
pub(super) struct Arrival {
    pub(super) starts: bool,
    pub(super) skipped: bool,
    pub(super) unsatisfiable: bool,
    pub(super) input: Val,
    /// Incoming edges that fail, at most.
    pub(super) failed: usize,
}

impl Default for Arrival {
    fn default() -> Self {
        let (starts, skipped, unsatisfiable) = (false, false, false);
        Self { starts, skipped, unsatisfiable, input: Val::Unknown, failed: 0 }
    }
}

impl Arrival {
    pub(super) fn opened(input: Val) -> Self {
        Self { starts: true, input, ..Self::default() }
    }
}

/// Least and most incoming edges of each fate.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) all: usize,
    pub(super) undecided: usize,
    pub(super) least_taken: usize,
    pub(super) most_taken: usize,
    pub(super) least_failed: usize,
    pub(super) most_failed: usize,
}

impl Counts {
    pub(super) fn add(&mut self, ways: &Ways) {
        self.most_taken += usize::from(ways.taken);
        self.least_taken += usize::from(ways.taken && !ways.dead && !ways.failed);
        self.most_failed += usize::from(ways.failed);
        self.least_failed += usize::from(ways.failed && !ways.dead && !ways.taken);
    }

    pub(super) fn arrival(&self, node: &Node) -> Arrival {
        let allowed = node.join.tolerate as usize;
        let needed = match node.join.mode {
            Mode::All if self.undecided > 0 => return Arrival::default(),
            Mode::All => {
                let fits = self.most_failed > 0 && self.least_failed <= allowed && allowed > 0;
                let surely = self.least_failed > 0 && self.most_failed <= allowed;
                let starts = self.most_taken > 0 || fits;
                let skipped = self.least_taken == 0 && !surely;
                return Arrival { starts, skipped, ..Arrival::default() };
            }
            Mode::Any => {
                let starts = self.most_taken > 0;
                let skipped = self.least_taken == 0 && self.undecided == 0;
                return Arrival { starts, skipped, ..Arrival::default() };
            }
            Mode::KOfN(k) => k as usize,
            Mode::Quorum => self.all / 2 + 1,
        };
        let something = self.most_taken > 0 || self.most_failed > 0;
        Arrival {
            starts: self.most_taken >= needed,
            skipped: self.least_taken == 0 && self.least_failed == 0 && self.undecided == 0,
            unsatisfiable: self.least_taken + self.undecided < needed && something,
            ..Arrival::default()
        }
    }
}

/// Nodes whose every way leads to a join that cancels what loses, through one another.
pub(super) fn losers(flow: &Flow, edges: &[Edge]) -> BTreeSet<Ix> {
    let mut losers = BTreeSet::new();
    for (join, node) in flow.nodes.iter().enumerate().filter(|(_, node)| node.join.cancel_losers) {
        let mut own: BTreeSet<Ix> = BTreeSet::new();
        // Sources stand before their targets, so one pass from the join backwards finds them all.
        for ix in (0..join).rev() {
            let mut out = edges.iter().filter(|edge| edge.from == ix).peekable();
            let leads = out.peek().is_some() && out.all(|e| e.to == join || own.contains(&e.to));
            if leads && flow.nodes[ix].loops == node.loops {
                own.insert(ix);
            }
        }
        losers.extend(own);
    }
    losers
}
