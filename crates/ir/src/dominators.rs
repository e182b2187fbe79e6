//! Dominators: what every way to a node leads through.

use crate::compile::Adjacency;
use crate::{EdgeIr, NodeIx};

/// The dominator tree of a graph; back edges of loops do not count. A node dominates another if
/// every path from an entry to the other leads through it.
#[derive(Debug)]
pub struct Dominators {
    /// Parent in the tree.
    parents: Vec<Option<NodeIx>>,
    /// When a walk of the tree enters and leaves each node.
    spans: Vec<(u32, u32)>,
}

impl Dominators {
    /// Of an acyclic graph whose nodes are given in topological order.
    pub(crate) fn new(order: &[NodeIx], edges: &[EdgeIr], incoming: &Adjacency) -> Self {
        let count = order.len();
        let mut parents: Vec<Option<NodeIx>> = vec![None; count];
        let mut depth = vec![0_u32; count];
        for &node in order {
            // The deepest node that all predecessors have in common; none: only the entry to all.
            let mut sources = incoming.of(node).iter().map(|edge| edges[*edge as usize].from);
            let mut common = sources.next();
            for source in sources {
                common = common.and_then(|common| meet(common, source, &parents, &depth));
            }
            parents[node as usize] = common;
            depth[node as usize] = common.map_or(0, |parent| depth[parent as usize] + 1);
        }
        let spans = spans(order, &parents);
        Self { parents, spans }
    }

    /// The last node that every path to `node` leads through; `None` for entries, and for what
    /// can be reached from several entries that share nothing.
    pub fn immediate(&self, node: NodeIx) -> Option<NodeIx> {
        self.parents[node as usize]
    }

    /// Whether every path to `node` leads through `other`. Every node dominates itself.
    pub fn dominates(&self, other: NodeIx, node: NodeIx) -> bool {
        let (from, to) = self.spans[other as usize];
        (from..to).contains(&self.spans[node as usize].0)
    }
}

/// The deepest common ancestor of two nodes of the tree.
fn meet(mut a: NodeIx, mut b: NodeIx, parents: &[Option<NodeIx>], depth: &[u32]) -> Option<NodeIx> {
    while a != b {
        if depth[a as usize] >= depth[b as usize] {
            a = parents[a as usize]?;
        } else {
            b = parents[b as usize]?;
        }
    }
    Some(a)
}

/// Numbers the nodes of the tree so that those below a node have the numbers of its span.
fn spans(order: &[NodeIx], parents: &[Option<NodeIx>]) -> Vec<(u32, u32)> {
    let mut sizes = vec![1_u32; parents.len()];
    for &node in order.iter().rev() {
        if let Some(parent) = parents[node as usize] {
            sizes[parent as usize] += sizes[node as usize];
        }
    }
    let mut spans = vec![(0, 0); parents.len()];
    let mut free = vec![0_u32; parents.len()];
    let mut next_root = 0;
    for &node in order {
        let size = sizes[node as usize];
        let next = match parents[node as usize] {
            Some(parent) => &mut free[parent as usize],
            None => &mut next_root,
        };
        let start = *next;
        *next += size;
        free[node as usize] = start + 1;
        spans[node as usize] = (start, start + size);
    }
    spans
}
