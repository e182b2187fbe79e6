//! What reads what: outputs are read of nodes that run before.

use std::sync::Arc;

use super::graph::Order;
use super::loops::Loops;
use super::unit::Unit;
use crate::diagnostic::{Code, Diagnostic};
use crate::dominators::Dominators;
use crate::{EdgeIr, NodeIx};

/// One place where a node, or an edge that leaves it, reads something.
#[derive(Debug)]
pub(super) struct Read {
    /// The node; of an edge its source; of a body its map.
    pub(super) owner: NodeIx,
    /// Read when the owner has an output.
    pub(super) after: bool,
    pub(super) what: What,
    pub(super) pointer: String,
    /// As it is written.
    pub(super) written: String,
}

#[derive(Debug)]
pub(super) enum What {
    /// The output of this node, or of the map that has this body.
    Node(Arc<str>),
    /// The iteration of a loop around.
    Iteration,
}

/// Steps that the search for paths may take in one document. In graphs so large and so wide that
/// they are used up, a reference that leads nowhere is found when its node starts.
const SEARCH_STEPS: usize = 20_000_000;

/// Checks every read of the document. What does not exist is reported, in a graph with cycles too;
/// there nothing comes before anything else.
pub(super) fn check(unit: &mut Unit<'_>, edges: &[EdgeIr], loops: &Loops, order: Option<&Order>) {
    let mut reads = std::mem::take(&mut unit.reads);
    reads.sort_by_key(|read| read.owner);
    let mut search = order.map(|order| Search::new(edges, loops, order));
    for read in &reads {
        match &read.what {
            What::Iteration => {
                if order.is_some() && loops.around[read.owner as usize].is_empty() {
                    let message = "`$iteration` is only known in the body of a loop";
                    unit.error(Code::OutOfScope, &read.pointer, message);
                }
            }
            What::Node(id) => {
                let Some(node) = unit.node_read(id, read) else { continue };
                let is_before = search.as_mut().is_none_or(|search| search.is_before(node, read));
                if !is_before {
                    unit.not_upstream(id, node == read.owner, read);
                }
            }
        }
    }
}

impl Unit<'_> {
    fn node_read(&mut self, id: &str, read: &Read) -> Option<NodeIx> {
        let found = self.node_index.get(id).or_else(|| self.body_index.get(id)).copied();
        if found.is_none() {
            let known = self.node_index.keys().chain(self.body_index.keys());
            let near = crate::names::nearest(id, known.map(AsRef::as_ref));
            let hint = near.map(|near| format!("did you mean `{near}`?"));
            let message = format!("`{}`: there is no node `{id}`", read.written);
            let problem = Diagnostic::error(Code::UnknownNode, &*read.pointer, message);
            self.report(problem.with_hint_opt(hint));
        }
        found
    }

    fn not_upstream(&mut self, id: &str, is_itself: bool, read: &Read) {
        let written = &read.written;
        let problem = if is_itself {
            let message = format!("`{written}` reads the output of the node itself");
            let problem = Diagnostic::error(Code::NotUpstream, &*read.pointer, message);
            problem.with_hint("its input is `$input`; in a loop it may read what it gave before")
        } else {
            let message = format!("`{written}`: `{id}` never runs before this node");
            let problem = Diagnostic::error(Code::NotUpstream, &*read.pointer, message);
            problem.with_hint(format!("add an edge, so that `{id}` comes first"))
        };
        self.report(problem);
    }
}

/// Answers whether one node comes before another.
struct Search<'a> {
    edges: &'a [EdgeIr],
    loops: &'a Loops,
    order: &'a Order,
    dominators: Dominators,
    seen: Vec<u32>,
    search: u32,
    steps: usize,
}

impl<'a> Search<'a> {
    fn new(edges: &'a [EdgeIr], loops: &'a Loops, order: &'a Order) -> Self {
        let dominators = Dominators::new(&order.nodes, edges, &order.incoming);
        let seen = vec![0; order.nodes.len()];
        Self { edges, loops, order, dominators, seen, search: 0, steps: SEARCH_STEPS }
    }

    /// The outermost loop around a node. All of its nodes come before each other.
    fn outermost(&self, node: NodeIx) -> Option<u32> {
        self.loops.around[node as usize].first().copied()
    }

    fn is_before(&mut self, node: NodeIx, read: &Read) -> bool {
        let owner = read.owner;
        let shared = self.outermost(node);
        if shared.is_some() && shared == self.outermost(owner) {
            return true;
        }
        if node == owner {
            return read.after;
        }
        self.dominators.dominates(node, owner) || self.reaches(node, shared, owner)
    }

    /// Searches backwards from `owner` for `node`, or for anything of its loop.
    fn reaches(&mut self, node: NodeIx, around: Option<u32>, owner: NodeIx) -> bool {
        let first = match around {
            Some(ix) => self.loops.loops[ix as usize].head,
            None => node,
        };
        let first = self.order.position[first as usize];
        self.search += 1;
        let mut stack = vec![owner];
        while let Some(at) = stack.pop() {
            for edge in self.order.incoming.of(at) {
                if self.steps == 0 {
                    return true;
                }
                self.steps -= 1;
                let from = self.edges[*edge as usize].from;
                if from == node || (around.is_some() && self.outermost(from) == around) {
                    return true;
                }
                let slot = from as usize;
                if self.order.position[slot] > first && self.seen[slot] != self.search {
                    self.seen[slot] = self.search;
                    stack.push(from);
                }
            }
        }
        false
    }
}
