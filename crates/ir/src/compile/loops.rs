//! Loops: their bodies, how they nest, and what may lead in and out.

use super::edges::Edges;
use super::expressions::Scope;
use super::graph::Order;
use super::spec::Spec;
use super::unit::Unit;
use crate::diagnostic::{Code, Diagnostic};
use crate::document::LoopConfig;
use crate::{EdgeIr, EdgeIx, EdgeOn, Expr, LoopIr, LoopIx, NodeIr, NodeIx, NodeKind};

/// The loops of a graph.
#[derive(Debug, Default)]
pub(super) struct Loops {
    /// Outer loops before the loops nested in them.
    pub(super) loops: Vec<LoopIr>,
    /// The loops around each node, outermost first.
    pub(super) around: Vec<Vec<LoopIx>>,
}

/// A loop whose place among the others is not known yet.
struct Draft {
    node: NodeIx,
    head: NodeIx,
    max_iterations: u32,
    condition: Expr,
    body: Vec<NodeIx>,
    parent: Option<usize>,
    depth: usize,
}

/// Compiles the loops; without an order (the graph has cycles) only what stands by itself.
pub(super) fn compile(
    unit: &mut Unit<'_>,
    specs: &[Spec],
    edges: &Edges,
    order: Option<&Order>,
) -> Loops {
    let mut drafts: Vec<Draft> = Vec::new();
    let mut bodies = Bodies::new(specs.len());
    for (ix, spec) in specs.iter().enumerate().filter(|(_, spec)| spec.type_name == "loop") {
        let Some(mut draft) = unit.loop_draft(spec, ix as NodeIx) else { continue };
        let Some(order) = order else { continue };
        unit.plain_edges(spec, draft.node, edges, order);
        if bodies.find(&mut draft, edges, order) {
            unit.body_edges(specs, &draft, edges, order, &bodies);
            drafts.push(draft);
        } else {
            let head = &specs[draft.head as usize].id;
            let message = format!("no path leads from `{head}` to the loop node `{}`", spec.id);
            let problem =
                Diagnostic::error(Code::LoopHead, spec.at("config/loop_back_to"), message);
            unit.report(problem.with_hint("the body is what lies on the paths between the two"));
        }
    }
    nest(unit, specs, &mut drafts);
    finish(drafts, specs.len())
}

impl Unit<'_> {
    fn loop_draft(&mut self, spec: &Spec, node: NodeIx) -> Option<Draft> {
        let config: LoopConfig = super::kind::decode(&spec.config)?;
        self.owner = node;
        let at = spec.at("config/condition");
        let condition = self.expression(&config.condition, &at, Scope::LOOP, true);
        let at = spec.at("config/loop_back_to");
        let Some(head) = self.node_index.get(config.loop_back_to.0.as_str()).copied() else {
            let id = config.loop_back_to.0;
            let near = crate::names::nearest(&id, self.node_index.keys().map(AsRef::as_ref));
            let hint = near.map(|near| format!("did you mean `{near}`?"));
            let message = format!("there is no node `{id}`");
            let problem = Diagnostic::error(Code::UnknownNode, at, message);
            self.report(problem.with_hint_opt(hint));
            return None;
        };
        if head == node {
            let message = "a loop goes back to another node than itself";
            self.error(Code::LoopHead, &at, message);
            return None;
        }
        Some(Draft {
            node,
            head,
            max_iterations: u32::try_from(config.max_iterations.get()).unwrap_or(u32::MAX),
            condition: condition.or_else(|| Expr::compile("false").ok())?,
            body: Vec::new(),
            parent: None,
            depth: 0,
        })
    }

    /// Beside a break path, plain edges are never taken.
    fn plain_edges(&mut self, spec: &Spec, node: NodeIx, edges: &Edges, order: &Order) {
        let outgoing = order.outgoing.of(node);
        let on = |edge: &EdgeIx| edges.edges[*edge as usize].on;
        if !outgoing.iter().any(|edge| on(edge) == EdgeOn::Break) {
            return;
        }
        for edge in outgoing.iter().filter(|edge| on(edge) == EdgeOn::Success) {
            let message =
                format!("`{}` leaves along its break path, never along this edge", spec.id);
            let at = edges.pointers[*edge as usize].clone();
            self.report(Diagnostic::warning(Code::EdgeNeverTaken, at, message));
        }
    }

    /// Edges into the body end at its head, and only failure routes leave it but at its end.
    fn body_edges(
        &mut self,
        specs: &[Spec],
        draft: &Draft,
        edges: &Edges,
        order: &Order,
        bodies: &Bodies,
    ) {
        let name = &specs[draft.node as usize].id;
        let head = &specs[draft.head as usize].id;
        for node in &draft.body {
            for edge in order.incoming.of(*node).iter().filter(|_| *node != draft.head) {
                let from = edges.edges[*edge as usize].from;
                if !bodies.contains(from) {
                    let (from, to) = (&specs[from as usize].id, &specs[*node as usize].id);
                    let message = format!(
                        "`{from} -> {to}` leads into the body of the loop `{name}`, past its head"
                    );
                    let at = edges.pointers[*edge as usize].clone();
                    let problem = Diagnostic::error(Code::EdgeIntoLoop, at, message).with_hint(
                        format!("let it end at `{head}`, or keep its source in the body"),
                    );
                    self.report(problem);
                }
            }
            for edge in order.outgoing.of(*node).iter().filter(|_| *node != draft.node) {
                let EdgeIr { to, on, .. } = edges.edges[*edge as usize];
                let is_route = matches!(on, EdgeOn::Failure | EdgeOn::Timeout | EdgeOn::Rejected);
                if !is_route && !bodies.contains(to) {
                    let (from, to) = (&specs[*node as usize].id, &specs[to as usize].id);
                    let message = format!("`{from} -> {to}` leaves the body of the loop `{name}`");
                    let at = edges.pointers[*edge as usize].clone();
                    let problem = Diagnostic::error(Code::EdgeOutOfLoop, at, message).with_hint(
                        format!(
                            "only `{name}` leads out, and edges on failure, timeout and rejected; let `{to}` lead on to `{name}` to make it part of the body"
                        ),
                    );
                    self.report(problem);
                }
            }
        }
    }
}

/// Finds bodies, one loop after the other.
struct Bodies {
    /// Per node the last search that came by.
    seen: Vec<u32>,
    /// Per node the last search whose body it is in.
    inside: Vec<u32>,
    search: u32,
}

impl Bodies {
    fn new(nodes: usize) -> Self {
        Self { seen: vec![0; nodes], inside: vec![0; nodes], search: 0 }
    }

    /// Whether a node is in the body that was found last.
    fn contains(&self, node: NodeIx) -> bool {
        self.inside[node as usize] == self.search
    }

    /// Fills in the body: what lies on paths from head to loop node. False: there is no path.
    fn find(&mut self, draft: &mut Draft, edges: &Edges, order: &Order) -> bool {
        self.search += 1;
        let first = order.position[draft.head as usize];
        // Backwards from the loop node, not past the head. What comes before the head in the
        // order is not on a path from it.
        let mut found = vec![draft.node];
        self.seen[draft.node as usize] = self.search;
        let mut next = 0;
        while let Some(node) = found.get(next).copied() {
            next += 1;
            if node == draft.head {
                continue;
            }
            for edge in order.incoming.of(node) {
                let from = edges.edges[*edge as usize].from as usize;
                if order.position[from] >= first && self.seen[from] != self.search {
                    self.seen[from] = self.search;
                    found.push(from as NodeIx);
                }
            }
        }
        // Forwards among these: in topological order, who has a predecessor inside is inside.
        found.sort_unstable_by_key(|node| order.position[*node as usize]);
        for node in found {
            let has_inside = |edge: &EdgeIx| {
                self.inside[edges.edges[*edge as usize].from as usize] == self.search
            };
            if node == draft.head || order.incoming.of(node).iter().any(has_inside) {
                self.inside[node as usize] = self.search;
                draft.body.push(node);
            }
        }
        draft.body.sort_unstable();
        self.contains(draft.node) && self.contains(draft.head)
    }
}

/// Finds the loop around each loop: larger bodies first, each must lie within one loop so far.
fn nest(unit: &mut Unit<'_>, specs: &[Spec], drafts: &mut [Draft]) {
    let mut by_size: Vec<usize> = (0..drafts.len()).collect();
    by_size.sort_by_key(|draft| std::cmp::Reverse(drafts[*draft].body.len()));
    let mut innermost: Vec<Option<usize>> = vec![None; specs.len()];
    for ix in by_size {
        let own = drafts[ix].node as usize;
        let parent = innermost[own];
        let other = drafts[ix].body.iter().find(|node| innermost[**node as usize] != parent);
        if let Some(other) = other {
            let crossed = innermost[*other as usize].or(parent);
            let crossed = crossed.map_or("", |loop_ix| &specs[drafts[loop_ix].node as usize].id);
            let message = format!("the loops `{}` and `{crossed}` overlap", specs[own].id);
            let problem = Diagnostic::error(Code::LoopsOverlap, &*specs[own].pointer, message);
            unit.report(problem.with_hint("let one lie wholly within the other, or apart from it"));
        }
        drafts[ix].parent = parent;
        drafts[ix].depth = parent.map_or(0, |parent| drafts[parent].depth + 1);
        for node in &drafts[ix].body {
            innermost[*node as usize] = Some(ix);
        }
    }
}

fn finish(drafts: Vec<Draft>, nodes: usize) -> Loops {
    let mut order: Vec<usize> = (0..drafts.len()).collect();
    order.sort_by_key(|draft| (drafts[*draft].depth, drafts[*draft].node));
    let mut position = vec![0; drafts.len()];
    for (at, draft) in order.iter().enumerate() {
        position[*draft] = at as LoopIx;
    }
    let mut drafts: Vec<Option<Draft>> = drafts.into_iter().map(Some).collect();
    let mut loops = Vec::with_capacity(drafts.len());
    let mut around = vec![Vec::new(); nodes];
    for draft in order.into_iter().filter_map(|draft| drafts[draft].take()) {
        for node in &draft.body {
            around[*node as usize].push(loops.len() as LoopIx);
        }
        loops.push(LoopIr {
            node: draft.node,
            head: draft.head,
            parent: draft.parent.map(|parent| position[parent]),
            body: draft.body,
            max_iterations: draft.max_iterations,
            condition: draft.condition,
            routes: Vec::new(),
        });
    }
    Loops { loops, around }
}

impl Loops {
    /// Writes into nodes and edges what follows from the loops.
    pub(super) fn apply(&mut self, nodes: &mut [NodeIr], edges: &mut [EdgeIr]) {
        for (node, around) in nodes.iter_mut().zip(&self.around) {
            node.loops.clone_from(around);
        }
        for (ix, the_loop) in self.loops.iter().enumerate() {
            nodes[the_loop.node as usize].kind = NodeKind::Loop { loop_ix: ix as LoopIx };
        }
        for (ix, edge) in edges.iter_mut().enumerate() {
            let (from, to) = (&self.around[edge.from as usize], &self.around[edge.to as usize]);
            let common = from.iter().zip(to).take_while(|(a, b)| a == b).count();
            edge.common_loops = common as u32;
            for left in &from[common..] {
                let left = &mut self.loops[*left as usize];
                if left.node != edge.from {
                    left.routes.push(ix as EdgeIx);
                }
            }
        }
    }
}
