//! The graph as a whole: its order, cycles, entries.

use super::edges::Edges;
use super::spec::Spec;
use super::unit::Unit;
use crate::diagnostic::{Code, Diagnostic};
use crate::{EdgeIr, EdgeIx, NodeIx};

/// Edges by the node at one of their ends, in edge order.
#[derive(Debug)]
pub(crate) struct Adjacency {
    starts: Vec<usize>,
    edges: Vec<EdgeIx>,
}

impl Adjacency {
    /// Groups `edges` over `nodes` nodes by `end`.
    pub(crate) fn new(nodes: usize, edges: &[EdgeIr], end: impl Fn(&EdgeIr) -> NodeIx) -> Self {
        let mut starts = vec![0; nodes + 1];
        for edge in edges {
            starts[end(edge) as usize + 1] += 1;
        }
        for node in 0..nodes {
            starts[node + 1] += starts[node];
        }
        let mut next = starts.clone();
        let mut grouped = vec![0; edges.len()];
        for (ix, edge) in edges.iter().enumerate() {
            let slot = &mut next[end(edge) as usize];
            grouped[*slot] = ix as EdgeIx;
            *slot += 1;
        }
        Self { starts, edges: grouped }
    }

    /// The edges at `node`.
    pub(crate) fn of(&self, node: NodeIx) -> &[EdgeIx] {
        &self.edges[self.starts[node as usize]..self.starts[node as usize + 1]]
    }
}

/// An acyclic graph in topological order.
#[derive(Debug)]
pub(super) struct Order {
    /// Nodes, every one after its predecessors.
    pub(super) nodes: Vec<NodeIx>,
    /// Position of each node in `nodes`.
    pub(super) position: Vec<usize>,
    pub(super) incoming: Adjacency,
    pub(super) outgoing: Adjacency,
}

/// Checks what concerns the whole graph; `None`: it has cycles, and no order.
pub(super) fn check(unit: &mut Unit<'_>, specs: &[Spec], edges: &Edges) -> Option<Order> {
    let count = specs.len();
    let incoming = Adjacency::new(count, &edges.edges, |edge| edge.to);
    let outgoing = Adjacency::new(count, &edges.edges, |edge| edge.from);
    let (nodes, missing) = topological(count, &edges.edges, &incoming, &outgoing);
    if nodes.is_empty() && count > 0 {
        let problem = Diagnostic::error(
            Code::NoEntry,
            "/edges",
            "every node has an incoming edge: nothing can start",
        );
        unit.report(problem.with_hint("remove the edge into the node that comes first"));
    }
    isolated(unit, specs, edges, &incoming, &outgoing);
    several_else(unit, specs, edges, &outgoing);
    if nodes.len() < count {
        cycles(unit, specs, edges, &outgoing, &missing);
        return None;
    }
    let mut position = vec![0; count];
    for (at, node) in nodes.iter().enumerate() {
        position[*node as usize] = at;
    }
    Some(Order { nodes, position, incoming, outgoing })
}

/// Nodes after their predecessors, as far as that goes (Kahn's algorithm), and how many
/// predecessors each has that are not among them.
pub(crate) fn topological(
    count: usize,
    edges: &[EdgeIr],
    incoming: &Adjacency,
    outgoing: &Adjacency,
) -> (Vec<NodeIx>, Vec<usize>) {
    let nodes = 0..count as NodeIx;
    let mut missing: Vec<usize> = nodes.clone().map(|node| incoming.of(node).len()).collect();
    let mut order: Vec<NodeIx> = nodes.filter(|node| missing[*node as usize] == 0).collect();
    let mut next = 0;
    while let Some(node) = order.get(next).copied() {
        next += 1;
        for edge in outgoing.of(node) {
            let to = edges[*edge as usize].to;
            missing[to as usize] -= 1;
            if missing[to as usize] == 0 {
                order.push(to);
            }
        }
    }
    (order, missing)
}

/// Reports each cycle once, and what no entry leads to but through one.
fn cycles(
    unit: &mut Unit<'_>,
    specs: &[Spec],
    edges: &Edges,
    outgoing: &Adjacency,
    missing: &[usize],
) {
    let components = components(edges, outgoing, missing);
    let mut is_cyclic = vec![false; specs.len()];
    for component in &components {
        for node in component {
            is_cyclic[*node as usize] = true;
        }
        let cycle = shortest_cycle(component, edges, outgoing);
        let Some(last) = cycle.last() else { continue };
        const SHOWN: usize = 12;
        let mut names: Vec<&str> = cycle
            .iter()
            .take(SHOWN)
            .map(|e| specs[edges.edges[*e].from as usize].id.as_str())
            .collect();
        if cycle.len() > SHOWN {
            names.push("…");
        }
        names.push(specs[edges.edges[*last].to as usize].id.as_str());
        let message = format!("the edges form a cycle: {}", names.join(" -> "));
        let problem = Diagnostic::error(Code::Cycle, edges.pointers[*last].clone(), message);
        unit.report(problem.with_hint(
            "end the repeated part with a `loop` node; its `loop_back_to` is the way back",
        ));
    }
    for (ix, spec) in specs.iter().enumerate() {
        if missing[ix] > 0 && !is_cyclic[ix] {
            let message = format!("`{}` can only be reached through a cycle", spec.id);
            unit.error(Code::UnreachableNode, &spec.pointer, message);
        }
    }
}

/// The strongly connected components of more than one node among those that are left over
/// (Tarjan's algorithm, without recursion).
fn components(edges: &Edges, outgoing: &Adjacency, missing: &[usize]) -> Vec<Vec<NodeIx>> {
    const UNSEEN: usize = usize::MAX;
    let count = missing.len();
    let (mut index, mut low) = (vec![UNSEEN; count], vec![0; count]);
    let (mut on_stack, mut stack) = (vec![false; count], Vec::new());
    let mut found = Vec::new();
    let mut counter = 0;
    for root in (0..count as NodeIx).filter(|node| missing[*node as usize] > 0) {
        if index[root as usize] != UNSEEN {
            continue;
        }
        let mut work = vec![(root, 0)];
        while let Some((node, edge)) = work.pop() {
            let at = node as usize;
            if edge == 0 {
                (index[at], low[at]) = (counter, counter);
                counter += 1;
                stack.push(node);
                on_stack[at] = true;
            }
            if let Some(edge_ix) = outgoing.of(node).get(edge) {
                work.push((node, edge + 1));
                let to = edges.edges[*edge_ix as usize].to;
                if index[to as usize] == UNSEEN {
                    work.push((to, 0));
                } else if on_stack[to as usize] {
                    low[at] = low[at].min(index[to as usize]);
                }
                continue;
            }
            if let Some((parent, _)) = work.last() {
                low[*parent as usize] = low[*parent as usize].min(low[at]);
            }
            if low[at] == index[at] {
                let mut component = Vec::new();
                while let Some(member) = stack.pop() {
                    on_stack[member as usize] = false;
                    component.push(member);
                    if member == node {
                        break;
                    }
                }
                if component.len() > 1 {
                    component.sort_unstable();
                    found.push(component);
                }
            }
        }
    }
    found
}

/// The edges of a shortest cycle through the first node of a component.
fn shortest_cycle(component: &[NodeIx], edges: &Edges, outgoing: &Adjacency) -> Vec<usize> {
    let Some(start) = component.first().copied() else { return Vec::new() };
    let slot = |node: NodeIx| component.binary_search(&node).ok();
    let mut reached_by: Vec<Option<usize>> = vec![None; component.len()];
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for edge in outgoing.of(node) {
            let edge = *edge as usize;
            let to = edges.edges[edge].to;
            let Some(slot_of_to) = slot(to) else { continue };
            if reached_by[slot_of_to].is_some() {
                continue;
            }
            reached_by[slot_of_to] = Some(edge);
            if to == start {
                let mut cycle = vec![edge];
                let mut at = edges.edges[edge].from;
                while at != start {
                    let Some(before) = slot(at).and_then(|slot| reached_by[slot]) else { break };
                    cycle.push(before);
                    at = edges.edges[before].from;
                }
                cycle.reverse();
                return cycle;
            }
            queue.push_back(to);
        }
    }
    Vec::new()
}

/// A node that no edge touches is probably one that was forgotten.
fn isolated(
    unit: &mut Unit<'_>,
    specs: &[Spec],
    edges: &Edges,
    incoming: &Adjacency,
    outgoing: &Adjacency,
) {
    if edges.edges.is_empty() || !edges.complete {
        return;
    }
    for (ix, spec) in specs.iter().enumerate() {
        let ix = ix as NodeIx;
        if incoming.of(ix).is_empty() && outgoing.of(ix).is_empty() && !spec.broken {
            let message = format!("no edge touches `{}`: it runs beside the others", spec.id);
            unit.report(Diagnostic::warning(Code::IsolatedNode, spec.pointer.clone(), message));
        }
    }
}

/// A conditional takes one edge, so only one can be *else*.
fn several_else(unit: &mut Unit<'_>, specs: &[Spec], edges: &Edges, outgoing: &Adjacency) {
    for (ix, spec) in specs.iter().enumerate().filter(|(_, spec)| spec.type_name == "conditional") {
        let is_else = |edge: &&EdgeIx| {
            let edge = **edge as usize;
            edges.edges[edge].on == crate::EdgeOn::Success && !edges.guarded[edge]
        };
        let mut others = outgoing.of(ix as NodeIx).iter().filter(is_else);
        let Some(first) = others.next() else { continue };
        for other in others {
            let message = format!("`{}` has several edges without condition", spec.id);
            let problem =
                Diagnostic::error(Code::SeveralElse, &*edges.pointers[*other as usize], message);
            let first = &edges.pointers[*first as usize];
            unit.report(problem.with_hint(format!("`{first}` is its *else* already")));
        }
    }
}
