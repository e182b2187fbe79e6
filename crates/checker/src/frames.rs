//! The scopes of the graph: the top and each loop iteration is a *frame* with its own instance of
//! every node that lives directly in it, and its own decision of every edge decided in it.
//!
//! A frame exists structurally: iteration 1 of a loop exists as soon as the scope around the loop
//! does, even if the loop's head is later skipped, because skips run through it. So at the end
//! "every node of every open frame has ended" is the whole of dead-path completeness. A frame in
//! which everything is over is forgotten: memory is bounded by what is open.

use std::collections::{BTreeMap, BTreeSet};

use aob_engine::{EdgeState, Scope};
use aob_ir::{EdgeIx, LoopIx, NodeIx};

use crate::graph::{Graph, prefix};
use crate::phase::Outcome;
use crate::rewrite::Carried;

/// One scope of the graph.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    kind: Option<LoopIx>,
    ended: BTreeMap<NodeIx, Outcome>,
    edges: BTreeMap<EdgeIx, EdgeState>,
    nested: BTreeMap<LoopIx, LoopRun>,
}

/// A loop in one scope around it.
#[derive(Debug)]
struct LoopRun {
    iteration: u32,
    open: u32,
    left: bool,
}

/// What is known of a node that is about to start.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Reached {
    /// Nothing has to lead to it: an entry, or a head that a loop goes back to.
    pub(crate) opened: bool,
    /// Sources of taken edges, in document order.
    pub(crate) taken: Vec<NodeIx>,
    /// Sources of incoming edges that failed, were rejected or timed out.
    pub(crate) failed_sources: Vec<NodeIx>,
    /// Incoming edges not decided yet.
    pub(crate) undecided: u32,
    /// All incoming edges.
    pub(crate) total: u32,
}

/// What had happened, and has no place in the next graph.
#[derive(Debug, Default)]
pub(crate) struct Gone {
    /// Decided edges, by the graph before.
    pub(crate) edges: Vec<(EdgeIx, Scope)>,
    /// Scopes in which something had happened.
    pub(crate) scopes: Vec<Scope>,
}

impl Gone {
    fn frame(&mut self, scope: &Scope, frame: &Frame) {
        if !frame.ended.is_empty() || !frame.edges.is_empty() {
            self.scopes.push(scope.clone());
        }
    }
}

/// The frames of a run.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    frames: BTreeMap<Scope, Frame>,
}

/// Why an edge cannot be decided as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadDecision {
    /// It was decided before, like this.
    Again(EdgeState),
    /// Its scope is over or was never opened.
    NoScope,
}

impl Frames {
    /// The frames of a new run: the top and what exists with it.
    pub(crate) fn new(graph: &Graph) -> Self {
        let mut frames = Self::default();
        frames.open(graph, Scope::default(), None);
        frames
    }

    fn open(&mut self, graph: &Graph, scope: Scope, kind: Option<LoopIx>) {
        let mut pending = vec![(scope, kind)];
        while let Some((scope, kind)) = pending.pop() {
            let mut frame = Frame { kind, ..Frame::default() };
            for inner in graph.nested(kind) {
                frame.nested.insert(*inner, LoopRun { iteration: 1, open: 1, left: false });
                pending
                    .extend(graph.iteration(&scope, *inner, 1).map(|first| (first, Some(*inner))));
            }
            self.frames.insert(scope, frame);
        }
    }

    /// True while `scope` is open.
    pub(crate) fn is_open(&self, scope: &Scope) -> bool {
        self.frames.contains_key(scope)
    }

    /// True if `scope` was opened and everything in it is over.
    pub(crate) fn is_over(&self, graph: &Graph, scope: &Scope) -> bool {
        if self.is_open(scope) {
            return false;
        }
        let Some((last, around)) = scope.0.split_last() else { return false };
        let around = crate::graph::scope_of(around);
        match self.frames.get(&around) {
            Some(frame) => frame.nested.iter().any(|(ix, run)| {
                graph.loop_node_id(*ix) == Some(&last.node)
                    && (1..=run.iteration).contains(&last.index)
            }),
            None => self.is_over(graph, &around),
        }
    }

    /// How the instance of `node` in `scope` ended, if it did and its frame is open.
    pub(crate) fn ended(&self, scope: &Scope, node: NodeIx) -> Option<Outcome> {
        self.frames.get(scope)?.ended.get(&node).copied()
    }

    /// Takes down that the instance of `node` in `scope` ended.
    pub(crate) fn end(&mut self, scope: &Scope, node: NodeIx, outcome: Outcome) {
        if let Some(frame) = self.frames.get_mut(scope) {
            frame.ended.insert(node, outcome);
        }
    }

    /// What became of `edge` in the scope it is decided in.
    pub(crate) fn edge(&self, scope: &Scope, edge: EdgeIx) -> Option<EdgeState> {
        self.frames.get(scope)?.edges.get(&edge).copied()
    }

    /// Decides `edge` in `scope`.
    ///
    /// # Errors
    /// If the scope is not open. If it was decided before, the first decision stays.
    pub(crate) fn decide(
        &mut self,
        graph: &Graph,
        scope: &Scope,
        edge: EdgeIx,
        state: EdgeState,
    ) -> Result<(), BadDecision> {
        let frame = self.frames.get_mut(scope).ok_or(BadDecision::NoScope)?;
        if let Some(before) = frame.edges.get(&edge) {
            return Err(BadDecision::Again(*before));
        }
        frame.edges.insert(edge, state);
        let source = graph.ir().edges.get(edge as usize).and_then(|e| graph.graph_node(e.from));
        if let Some((ix, _)) = source.and_then(|node| graph.loop_of(node))
            && let Some(run) = frame.nested.get_mut(&ix)
        {
            run.left = true;
        }
        Ok(())
    }

    /// What leads to the instance of `node` in `scope`.
    pub(crate) fn reached(&self, graph: &Graph, scope: &Scope, node: NodeIx) -> Reached {
        let mut reached = Reached::default();
        let Some(ir) = graph.graph_node(node) else { return reached };
        let goes_back = ir.loops.iter().zip(&scope.0).any(|(ix, step)| {
            step.index > 1 && graph.loop_at(*ix).is_some_and(|found| found.head == node)
        });
        reached.opened = goes_back || ir.incoming.is_empty();
        if goes_back {
            return reached;
        }
        for incoming in &ir.incoming {
            let Some(edge) = graph.ir().edges.get(*incoming as usize) else { continue };
            let decided_in = prefix(scope, edge.common_loops as usize);
            reached.total += 1;
            match decided_in.and_then(|decided_in| self.edge(&decided_in, *incoming)) {
                Some(EdgeState::Taken) => reached.taken.push(edge.from),
                Some(EdgeState::Failed) => reached.failed_sources.push(edge.from),
                Some(EdgeState::Dead) => {}
                None => reached.undecided += 1,
            }
        }
        reached
    }

    /// The last iteration of loop `ix` in `around`, and whether the loop was left.
    pub(crate) fn iteration(&self, around: &Scope, ix: LoopIx) -> Option<(u32, bool)> {
        let run = self.frames.get(around)?.nested.get(&ix)?;
        Some((run.iteration, run.left))
    }

    /// Opens `iteration` of loop `ix` in `around`.
    pub(crate) fn iterate(&mut self, graph: &Graph, around: &Scope, ix: LoopIx, iteration: u32) {
        let Some(run) = self.frames.get_mut(around).and_then(|frame| frame.nested.get_mut(&ix))
        else {
            return;
        };
        run.iteration = iteration;
        run.open += 1;
        if let Some(scope) = graph.iteration(around, ix, iteration) {
            self.open(graph, scope, Some(ix));
        }
    }

    /// Forgets `scope`, and then what is around it, if everything in it is over.
    pub(crate) fn close(&mut self, graph: &Graph, scope: &Scope) {
        let mut scope = scope.clone();
        while let Some(step) = scope.0.last().cloned() {
            let over = self.frames.get(&scope).is_some_and(|frame| {
                frame.ended.len() == graph.direct(frame.kind).len()
                    && frame.edges.len() == graph.decided_in(frame.kind).len()
                    && frame.nested.values().all(|run| run.left && run.open == 0)
            });
            if !over {
                return;
            }
            self.frames.remove(&scope);
            scope.0.pop();
            let runs = self.frames.get_mut(&scope).map(|frame| &mut frame.nested);
            for (ix, run) in runs.into_iter().flatten() {
                if graph.loop_node_id(*ix) == Some(&step.node) {
                    run.open = run.open.saturating_sub(1);
                }
            }
        }
    }

    /// Nodes that have ended in some open scope.
    pub(crate) fn ended_anywhere(&self) -> BTreeSet<NodeIx> {
        self.frames.values().flat_map(|frame| frame.ended.keys().copied()).collect()
    }

    /// True for a loop that has gone round, or is over, in some open scope around it.
    pub(crate) fn went_round(&self, ix: LoopIx) -> bool {
        let runs = self.frames.values().filter_map(|frame| frame.nested.get(&ix));
        runs.into_iter().any(|run| run.iteration > 1 || run.open == 0)
    }

    /// Goes on under another graph: carries over what is the same there, and opens the scopes that
    /// exist there only. Gives what had happened and has no place there.
    pub(crate) fn rewrite(&mut self, graph: &Graph, carried: &Carried) -> Gone {
        let mut gone = Gone::default();
        for (scope, frame) in std::mem::take(&mut self.frames) {
            let kind = match frame.kind {
                None => Some(None),
                Some(ix) => carried.loops.get(&ix).copied().map(Some),
            };
            let lives = |kind: &Option<LoopIx>| graph.is_scope(&scope, *kind);
            let Some(kind) = kind.filter(lives) else {
                gone.frame(&scope, &frame);
                continue;
            };
            let mut next = Frame { kind, ..Frame::default() };
            for (ix, outcome) in frame.ended {
                next.ended.extend(carried.nodes.get(&ix).map(|same| (*same, outcome)));
            }
            for (ix, state) in frame.edges {
                match carried.edges.get(&ix) {
                    Some(same) => drop(next.edges.insert(*same, state)),
                    None => gone.edges.push((ix, scope.clone())),
                }
            }
            for (ix, run) in frame.nested {
                let same = carried.loops.get(&ix).filter(|same| graph.nested(kind).contains(same));
                next.nested.extend(same.map(|same| (*same, run)));
            }
            self.frames.insert(scope, next);
        }
        self.open_new(graph);
        gone
    }

    /// Opens the first iteration of loops that no scope knows yet.
    fn open_new(&mut self, graph: &Graph) {
        let mut new = Vec::new();
        for (scope, frame) in &mut self.frames {
            for inner in graph.nested(frame.kind) {
                if !frame.nested.contains_key(inner) {
                    frame.nested.insert(*inner, LoopRun { iteration: 1, open: 1, left: false });
                    new.extend(graph.iteration(scope, *inner, 1).map(|first| (first, *inner)));
                }
            }
        }
        for (scope, kind) in new {
            self.open(graph, scope, Some(kind));
        }
    }

    /// What is missing for the run to be complete, for messages.
    pub(crate) fn missing(&self, graph: &Graph) -> Vec<String> {
        let mut missing = Vec::new();
        for (scope, frame) in &self.frames {
            for node in graph.direct(frame.kind).iter().filter(|ix| !frame.ended.contains_key(ix)) {
                if let Some(node) = graph.graph_node(*node) {
                    let place = if scope.is_top() { String::new() } else { format!("{scope}/") };
                    missing.push(format!("node `{place}{}` has not ended", node.id));
                }
            }
            for edge in
                graph.decided_in(frame.kind).iter().filter(|ix| !frame.edges.contains_key(ix))
            {
                if let Some(edge) = graph.ir().edges.get(*edge as usize) {
                    missing.push(format!("edge `{}` is not decided in scope `{scope}`", edge.id));
                }
            }
        }
        missing
    }
}
