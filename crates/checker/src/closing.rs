//! What the end of an instance leads to: its edges, its map, and who handles its failure (D-02,
//! D-03).

use aob_engine::{EdgeState, EdgesDecided, HandledBy, InstanceId, NodeFailed};

use crate::edges::{self, Source};
use crate::graph::{Graph, Place, UNDO_SUFFIX};
use crate::phase::{Ending, Outcome};
use crate::rules::{Cx, D_02, D_03};
use crate::state::State;

impl State {
    /// Takes down the end of an instance and decides its edges.
    pub(crate) fn close(&mut self, place: Option<Place>, ending: Ending<'_>, cx: &mut Cx<'_>) {
        let (instance, outcome) = (ending.instance(), ending.outcome());
        if let Ending::Failed(data) = ending {
            self.handled(data);
        }
        if ending.more() {
            self.routing.insert(instance.clone(), outcome);
        }
        let graph = self.graph.clone();
        let (Some(graph), Some(place)) = (graph, place) else {
            self.over.insert(instance.clone(), outcome);
            return;
        };
        if place.key.undo {
            self.over.insert(instance.clone(), outcome);
            return;
        }
        if let Some((map, index)) = &place.item_of {
            self.maps.item_ended(map, *index, ending, cx);
            return;
        }
        self.outputs.ended(&graph, &place, ending);
        self.frames.end(&place.frame, place.key.ix, outcome);
        let node = graph.graph_node(place.key.ix);
        let of_loop = node.is_some_and(|node| graph.loop_of(node).is_some());
        if of_loop && outcome != Outcome::Completed {
            // Its scope is forgotten with it, and patches may ask it for more edges.
            self.over.insert(instance.clone(), outcome);
        }
        let source = Source { instance, place: &place, outcome, later: false };
        edges::decide(&graph, &mut self.frames, source, ending.edges(), cx);
        if !ending.more() {
            self.decided(&graph, source, cx);
        }
        if let Ending::Failed(data) = ending {
            self.led_on(&graph, &place, data, cx);
        }
        self.frames.close(&graph, &place.frame);
    }

    /// No more edges follow: all must be decided, unless the run is being stopped.
    fn decided(&self, graph: &Graph, source: Source<'_>, cx: &mut Cx<'_>) {
        if !self.run.is_stopping() && !self.run.has_unhandled() {
            edges::complete(graph, &self.frames, source, cx);
        }
    }

    fn handled(&mut self, data: &NodeFailed) {
        let is_undo = data.instance.node.ends_with(UNDO_SUFFIX);
        if data.handled_by == HandledBy::Nobody && !is_undo {
            self.run.unhandled(&data.instance);
        }
    }

    /// Checks that a failure is handled by whom it says.
    fn led_on(&self, graph: &Graph, place: &Place, data: &NodeFailed, cx: &mut Cx<'_>) {
        let Some(node) = graph.graph_node(place.key.ix).filter(|_| !data.more) else { return };
        let taken = node.outgoing.iter().any(|ix| {
            let common = graph.ir().edges.get(*ix as usize).map(|edge| edge.common_loops as usize);
            let scope = common.and_then(|len| crate::graph::prefix(&data.instance.scope, len));
            scope.is_some_and(|s| self.frames.edge(&s, *ix) == Some(EdgeState::Taken))
        });
        let fits = match data.handled_by {
            HandledBy::Edge => taken,
            HandledBy::Nobody => !taken,
            HandledBy::Tolerance | HandledBy::Map => true,
        };
        cx.require(fits || self.run.is_stopping(), D_02, || {
            format!("`{}` is handled by {:?}, but its edges say no", data.instance, data.handled_by)
        });
    }

    /// `edges_decided`.
    pub(crate) fn edges_decided(&mut self, data: &EdgesDecided, cx: &mut Cx<'_>) {
        let instance: &InstanceId = &data.instance;
        let Some(outcome) = self.routing.get(instance).copied() else {
            cx.violation(D_03, format!("`{instance}` has no more edges to decide"));
            return;
        };
        let later = self.later.contains(instance);
        if !data.more {
            self.routing.remove(instance);
            self.later.remove(instance);
        }
        let place = self.place(instance, cx);
        let (Some(graph), Some(place)) = (self.graph.clone(), place) else { return };
        let source = Source { instance, place: &place, outcome, later };
        edges::decide(&graph, &mut self.frames, source, &data.edges, cx);
        if !data.more {
            self.decided(&graph, source, cx);
        }
        self.frames.close(&graph, &place.frame);
    }
}
